#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every call and allocation of a node's server fails in turn (wrap.c). After each: the client got an
error or the connection ended, and nobody hangs; the server serves the next; nothing is left of what
failed, and of the node when it is removed.

$BUILD/faults/nemu is the binary. NEMU_FAULTS=all: each of them; a number: so many, spread evenly.
NEMU_FAULT_ONLY=N: that one."""
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

NEMU = os.environ["NEMU"]
FAULTY = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      os.environ.get("BUILD", "build"), "faults", "nemu")
HOW_MANY = os.environ.get("NEMU_FAULTS", "20")
TMP = tempfile.mkdtemp()
RUNDIR = os.environ["NEMU_RUNDIR"]

# What the server is asked for: every kind of command. A leading "!": its failure means nothing.
UNDO = ["! link del n:a", "! if n del br0", "! if n del t0", "! kill n t", "! wait n -t 10s t",
        "! addr n del 10.9.0.1/24 dev lo", "! if n move far9 host", "! link del m:c"]
WORK = ["if n list", "if n add br0 type bridge stp on up", "if n set br0 mtu 1400 address 02:00:00:00:00:09",
        "link add n:a m:b rate 1mbit", "if n set a master br0", "link set n:a rate 2mbit", "link list",
        "addr n add 10.9.0.1/24 dev lo", "route n add 10.8.0.0/16 dev br0", "route n list",
        "route n del 10.8.0.0/16 dev br0", "addr n list", "exec n sh -c true", "exec n -u nobody true",
        "spawn n --name t sh -c 'echo out; exec sleep 86481'", "until log n t out -t 5s", "ps n", "logs n t",
        "kill n t", "! wait n -t 5s t", "if n add t0 type tap", "if n tapfd t0 true", "node show n", "lab save",
        "if n import far9", "if n move far9 host", "link down m:b", "link del n:a", "until up n:lo -t 5s"]


def run(command, binary=NEMU, env=None):
    words = ["sh", "-c", '"$0" ' + command.lstrip("! "), binary]
    try:
        p = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=40, env=env or os.environ)
    except subprocess.TimeoutExpired:
        return -1, "hangs"
    return p.returncode, p.stderr.decode(errors="replace").strip()


def descriptors(pid):
    """How many of which kind; once the connections that are over are closed there as well."""
    seen = []
    while len(seen) < 5 or len(set(map(tuple, seen[-5:]))) > 1:
        try:
            seen.append(sorted(os.readlink("/proc/%s/fd/%s" % (pid, f)).split(":")[0]
                               for f in os.listdir("/proc/%s/fd" % pid)))
        except FileNotFoundError:
            seen.append([str(len(seen))])
        time.sleep(0.002)
    return seen[-1]


def here():
    """Interfaces of this namespace, and what stands in the run directory beside the lab."""
    with open("/proc/net/dev") as f:
        names = sorted(line.split(":")[0].strip() for line in f.readlines()[2:])
    return names, sorted(f for f in os.listdir(RUNDIR) if f != "default")


def processes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as f:
                mine = b"NEMU_FAULT_MARK=" + TMP.encode() in f.read().split(b"\0")
            with open("/proc/%s/stat" % pid) as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if mine and state not in "ZX":
            found.append(pid)
    return found


def trial(number, before):
    """(name of what failed or None, problems)"""
    fired = os.path.join(TMP, "fired")
    if os.path.exists(fired):
        os.unlink(fired)
    env = dict(os.environ, NEMU_FAULT="%d:%s" % (number, fired), NEMU_FAULT_MARK=TMP)
    problems = []
    code, text = run("node add n", FAULTY, env)
    if code == 0:
        for command in UNDO + WORK:
            if run(command)[0] == -1:
                problems.append("%s: hangs" % command)
        alive = run("node show n")[0] == 0
        if alive and os.path.exists(fired):
            # The fault is over: now everything must work, and cost nothing that stays.
            pid = subprocess.check_output([NEMU, "node", "pid", "n"], text=True).strip()
            fds = []
            # What is lost is lost each time; what is only not yet closed, on a busy machine, is not there each time.
            while len(fds) < 2 or fds[-1] != fds[-2] and len(fds) < 5:
                for command in UNDO + WORK:
                    code, text = run(command)
                    if code and not command.startswith("!"):
                        problems.append("afterwards %s: %d %s" % (command, code, text))
                fds.append(descriptors(pid))
            if fds[-1] != fds[-2]:
                problems.append("descriptors: %s" % fds)
        for command in UNDO:
            run(command)
        code, text = run("node del n")
        if code not in (0, 3):
            problems.append("node del: %d %s" % (code, text))
    elif not text.startswith("nemu node: "):
        problems.append("node add: %d %r" % (code, text))
    if os.path.exists(os.path.join(RUNDIR, "default", "n")):
        problems.append("the socket is left")
    for _ in range(100):
        if not processes():
            break
        time.sleep(0.02)
    if processes():
        problems.append("processes are left: %s" % processes())
        for pid in processes():
            os.kill(int(pid), 9)
    if here() != before:
        problems.append("left here: %s, not %s" % (here(), before))
        subprocess.run(["ip", "link", "add", "far9", "type", "veth", "peer", "far8"], stderr=subprocess.DEVNULL)
    name = open(fired).read().split("\n")[0] if os.path.exists(fired) else None
    return name, problems


def talk(number, say, until):
    """The same of a client that says something of its own, and reads what matches the expression, or to the end;
    calls count from there: (name of what failed, or None; what was read; problems)."""
    fired, start = os.path.join(TMP, "fired"), os.path.join(TMP, "start")
    env = dict(os.environ, NEMU_FAULT="%d:%s" % (number, fired), NEMU_FAULT_FROM=start, NEMU_FAULT_MARK=TMP)
    os.path.exists(fired) and os.unlink(fired)
    heard, problems = b"", []
    run("node add n", FAULTY, env)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(os.path.join(RUNDIR, "default", "n"))
        s.recv(4096)
        with open(start, "w"):
            pass
        try:
            s.sendall(say)
            if not until:
                s.shutdown(socket.SHUT_WR)
            more = b" "
            while more and not (until and re.search(until, heard, re.M)):
                more = s.recv(4096)
                heard += more
        except socket.timeout:
            problems.append("hangs")
        except OSError:  # it was cut off
            pass
    name = open(fired).read().split("\n")[0] if os.path.exists(fired) else None
    run("node del n")
    os.unlink(start)
    return name, heard, problems


def each_call(say, until=None, last=None):
    """From the first call to the one that is called last: (their names, problems)"""
    names, problems = [], []
    for _ in range(5):  # the order is not always quite the same: it may be missed
        number = 1
        while not problems and (number == 1 or names[-1] not in (None, last)):
            name, heard, problems = talk(number, say, until)
            names.append(name)
            number += 1
            if name == "sendmsg" and not heard.endswith(b"1500 The descriptor could not be sent.\n"):
                problems.append("when nothing could be sent: %r" % heard)
        if problems or names[-1] == last:
            break
    else:
        problems.append("%s was never called" % last)
    if names[0] is None:
        problems.append("nothing failed")
    return names, problems


# A line as long as a buffer, without an end; descriptors.
TWO_REPLIES = rb"^\d{3} .*\n(?:\d{3}-.*\n)*1?\d{3} .*\n"
TALKS = [(b"x" * 256, None, None),
         (b"PROC CRTE /bin/true\nPROC NTFY\n", TWO_REPLIES, "sendmsg"),
         (b"LINK NEW t tap\nLINK TAPF t\n", TWO_REPLIES, "sendmsg")]
if shutil.which("xauth"):
    TALKS.append((b"X11 SET a ab\nX11 SOCK\n", TWO_REPLIES, "sendmsg"))


def main():
    subprocess.run(["ip", "link", "add", "far9", "type", "veth", "peer", "far8"], check=True)
    subprocess.run([NEMU, "node", "add", "m"], check=True)
    before = here()
    # How many calls there are: the first number that does not come is behind the last.
    low, high = 1, 2
    while trial(high, before)[0]:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if trial(middle, before)[0] else (low, middle)
    numbers = range(1, low + 1)
    if os.environ.get("NEMU_FAULT_ONLY"):
        numbers = [int(os.environ["NEMU_FAULT_ONLY"])]
    elif HOW_MANY != "all":
        offset = random.randrange(1000)
        numbers = sorted({1 + (offset + i * low // int(HOW_MANY)) % low for i in range(int(HOW_MANY))})
    bad = 0
    for k, number in enumerate(numbers, 1):
        name, problems = trial(number, before)
        bad += bool(problems)
        print("%sok %d - call %d of %d: %s" % ("not " if problems else "", k, number, low, name), flush=True)
        for p in problems:
            print("# " + p)
    for k, words in enumerate(TALKS, len(numbers) + 1):
        names, problems = each_call(*words)
        bad += bool(problems)
        print("%sok %d - each of %d calls of %.20s" % ("not " if problems else "", k, len(names),
                                                       words[0].decode().rstrip().split("\n")[-1]), flush=True)
        for p in problems:
            print("# " + p)
    subprocess.run([NEMU, "node", "del", "--all"])
    subprocess.run(["ip", "link", "del", "far9"])
    os.path.exists(os.path.join(TMP, "fired")) and os.unlink(os.path.join(TMP, "fired"))
    os.rmdir(TMP)
    print("1..%d" % (len(numbers) + len(TALKS)))
    sys.exit(bad > 0)


main()
