#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGKILL of somebody, at any moment, in a lab that is busy. Nothing of the victim's node stays, its
name can be used again, and no other node notices: a client that asks one all the time hears no error
and no late reply, and what runs there runs on.

NEMU_KILLS rounds (60); NEMU_SEED repeats those of a seed, which is printed, NEMU_ROUND one of them."""
import collections
import glob
import json
import os
import random
import select
import shutil
import subprocess
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire"))
from wire import LIMIT, NEMU, RUNDIR, Tap, check, connect, equal, eventually, nemu, proc

KILLS = int(os.environ.get("NEMU_KILLS", 60))
SEED = os.environ.get("NEMU_SEED") or str(random.SystemRandom().randrange(10 ** 9))
LATE = 2  # seconds
MARK = "NEMU_STRESS"  # in the environment of all that a round starts, and so of what that starts


# What there is

def environment(mark):
    return dict(os.environ, **{MARK: mark})


def marked(mark, comm=None):
    """Living processes with this mark, as text."""
    found, want = {}, ("\0%s=%s\0" % (MARK, mark)).encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if want in b"\0" + proc(int(pid), "environ", "rb"):
                name = proc(int(pid), "comm").strip()
                if comm in (None, name):
                    found[int(pid)] = name
        except OSError:
            pass  # it has ended
    return found


def ended(pid):
    try:
        return proc(pid, "stat").rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def none_left(mark, what):
    try:
        eventually("", lambda: not marked(mark))
    except AssertionError:
        raise AssertionError("%s left: %s" % (what, marked(mark)))


def silent(*args, **more):
    done = nemu(*args, **more)
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "nemu " + " ".join(args))


def start(mark, *args, **more):
    """A client that is not waited for."""
    return subprocess.Popen([NEMU] + list(args), env=environment(mark), stdin=more.pop(
        "stdin", subprocess.DEVNULL), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


class Watcher(threading.Thread):
    """Asks a node, all the time."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.wire, self.over, self.worst, self.asked, self.error = connect(node), threading.Event(), 0, 0, ""
        self.start()

    def run(self):
        try:
            while not self.over.wait(0.002):
                asked = time.monotonic()
                self.wire.in_step()
                self.worst = max(self.worst, time.monotonic() - asked)
                self.asked += 1
        except Exception:
            self.error = traceback.format_exc()

    def well(self):
        check(not self.error, "the watcher of another node: " + self.error)
        check(self.worst < LATE, "another node took %.3f s to reply" % self.worst)


class Others:
    """Two nodes that nobody harms, and what runs there: a process, a foreground client, a batch."""

    def __init__(self):
        silent("node", "add", "s", "t")
        silent("link", "add", "s:e", "t:e")
        self.process = int(nemu("spawn", "s", "sleep", "1000").stdout)
        self.feeder = subprocess.Popen(["sh", "-c", "while sleep 0.01; do echo addr t add 10.0.0.9/24 "
                                        "dev e; echo addr t del 10.0.0.9/24 dev e; done"],
                                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.clients = [start("others", "exec", "s", "sleep", "1000"),
                        start("others", "batch", "-", stdin=self.feeder.stdout)]
        self.feeder.stdout.close()
        eventually("they run", lambda: len(json.loads(nemu("-j", "ps", "s").stdout)) == 2)
        self.seen = self.look()
        self.watcher = Watcher("s")

    def look(self):
        """What else is there must go."""
        return (sorted(os.listdir(RUNDIR)), sorted(os.listdir(RUNDIR + "/default")),
                nemu("-q", "node").stdout, nemu("-q", "if", "s").stdout, nemu("-q", "if", "t").stdout)

    def alone(self):
        try:
            eventually("", lambda: self.look() == self.seen)
        except AssertionError:
            equal(self.look(), self.seen, "run directory, nodes and interfaces of others")

    def well(self):
        self.watcher.well()
        check(not ended(self.process), "a process of another node has ended")
        equal([c.poll() for c in self.clients], [None, None], "clients of other nodes")

    def end(self):
        self.watcher.over.set()
        self.watcher.join()
        self.well()
        self.feeder.kill()
        self.feeder.wait()
        silent("node", "del", "--all")
        for c in self.clients:
            c.wait(LIMIT)


# A round: a node that is busy, and somebody's death

class Round:
    def __init__(self, number, kind, display):
        self.rng = random.Random("%s.%d" % (SEED, number))
        self.kind, self.mark, self.clients = kind, "%d.%d" % (os.getpid(), number), []
        self.node = "v%d" % self.rng.randrange(3)
        self.server, self.late = 0, False
        self.display = display and (kind is forwarder or self.rng.random() < 0.3)

    def moment(self):
        select.select([], [], [], self.rng.random() * self.rng.choice((0.002, 0.006, 0.02)))

    def client(self, *args, mark="", **more):
        self.clients.append(start(self.mark + mark, *args, **more))
        return self.clients[-1]

    def killed(self, client):
        """A client, maybe after its end: some take no longer than this takes to look."""
        self.moment()
        self.late = client.poll() is not None
        client.kill()
        client.wait()
        self.clients.remove(client)

    def populate(self):
        v, out = self.node, "/dev/null"
        option = self.rng.choice(("", "--host", "--isolate pid"))
        lines = ["node add %s %s" % (option, v)]
        lines += ["link add %s:e%d %s:%s" % (v, i, far, v) for i, far in enumerate("st")]
        lines += ["addr %s add 10.1.%d.1/24 dev e%d" % (v, i, i) for i in range(2)]
        lines += ["x11 " + v] if self.display else []
        lines += ["spawn %s sleep 1000" % v,
                  "spawn %s sh -c '(setsid sh -c \"sleep 1000; :\" >%s 2>&1 &); exec sleep 1000'" % (v, out)]
        made = nemu("batch", "-", env=environment(self.mark), stdin=None, input="\n".join(lines))
        equal((made.returncode, made.stderr), (0, ""), "populate")
        self.server = int(nemu("node", "pid", v).stdout)
        self.keeper = int(proc(self.server, "stat").rsplit(")", 1)[1].split()[1])
        self.client("exec", v, "sleep", "1000")
        feeder = subprocess.Popen(["yes", "addr {0} add 10.2.0.1/24 dev e0\naddr {0} del 10.2.0.1/24 dev "
                                   "e0".format(v)], stdout=subprocess.PIPE, env=environment(self.mark))
        self.batch = self.client("batch", "-", stdin=feeder.stdout)
        feeder.stdout.close()
        self.clients.append(feeder)

    def nothing_left(self):
        for c in self.clients:  # each has ended by itself
            try:
                c.wait(LIMIT)
            except subprocess.TimeoutExpired:
                raise AssertionError("does not end: %s" % c.args)
            check(c.returncode, "%s has ended with 0" % c.args)
        none_left(self.mark, "processes of %s" % self.node)
        name = "/tmp/.nemu-x11.%d.*" % self.server
        eventually("no " + name, lambda: not glob.glob(name))

    def end_node(self):
        silent("node", "del", self.node)
        self.nothing_left()

    def clean(self):
        """After a failure, which has been told."""
        nemu("node", "del", self.node)
        for pid in {**marked(self.mark), **marked(self.mark + ".new"), **marked(self.mark + ".exec")}:
            os.kill(pid, 9)
        for c in self.clients:
            c.wait(LIMIT)


def death(r, pid):
    """Of a node, by that of one of its two processes."""
    r.populate()
    r.moment()
    how = r.rng.choice(("at once", "after it", "del"))
    os.kill(pid(r), 9)
    if how == "after it":
        while not ended(r.server):
            pass
    elif how == "del":
        done = nemu("node", "del", r.node)
        check((done.returncode, done.stderr) == (0, "") or done.returncode == 3, "node del: %r" % done)
    end = time.monotonic() + LIMIT
    while True:
        done = nemu("node", "add", r.node, env=environment(r.mark + ".new"))
        if (done.returncode, done.stderr) == (0, ""):
            break
        check(how == "at once" and "exists already" in done.stderr and time.monotonic() < end,
              "node add, %s: %r" % (how, done))
    silent("exec", r.node, "true")
    r.nothing_left()
    silent("exec", r.node, "true")
    equal(nemu("-j", "ps", r.node).stdout, "[]\n", "processes of the new node")
    silent("node", "del", r.node)
    none_left(r.mark + ".new", "of the second node")


def server(r):
    death(r, lambda r: r.server)


def keeper(r):
    death(r, lambda r: r.keeper)


def exec_(r):
    r.populate()
    r.killed(r.client("exec", r.node, "sleep", "1000", mark=".exec"))
    none_left(r.mark + ".exec", "what exec ran")
    r.end_node()


def spawn(r):
    r.populate()
    r.killed(r.client("spawn", r.node, "sleep", "1000"))
    equal(nemu("-j", "ps", r.node).returncode, 0, "ps")
    r.end_node()


def batch(r):
    r.populate()
    r.killed(r.batch)
    silent("addr", r.node, "add", "10.3.0.1/24", "dev", "e0")
    r.end_node()


def link(r):
    r.populate()
    r.killed(r.client("link", "add", r.node + ":half", "s:half"))

    def made():  # what was sent is done, maybe later than the client's end
        nemu("link", "del", r.node + ":half")
        return nemu("link", "add", r.node + ":half", "s:half").returncode == 0
    eventually("link add succeeds", made)
    r.end_node()


def node(r):
    """While it is made: it is whole, or it is not there."""
    r.killed(r.client("node", "add", "x", r.node, "y", "z"))

    def whole(name):
        done = nemu("node", "add", name, env=environment(r.mark))
        check((done.returncode, done.stderr) == (0, "") or "exists already" in done.stderr, repr(done))
        return nemu("exec", name, "true").returncode == 0
    for name in ("x", r.node, "y", "z"):
        eventually("%s is whole" % name, whole, name)
    silent("node", "del", "x", "y", "z")
    r.end_node()


def forwarder(r):
    r.populate()
    r.moment()
    os.kill(eventually("a forwarder", marked, r.mark, "nemu-x11").popitem()[0], 9)
    eventually("no display", lambda: json.loads(nemu("-j", "node", "show", r.node).stdout)["display"] is None)
    silent("exec", r.node, "sh", "-c", 'test -z "$DISPLAY"')
    r.end_node()


SCRIPT = """
"$NEMU" node add a b c; "$NEMU" link add a:e b:e; "$NEMU" spawn a sleep 1000 >&2
for i in 1 2 3; do "$NEMU" node del c; "$NEMU" node add c; done; "$NEMU" exec b sleep 1000; :"""


def run(r):
    r.killed(r.client("lab", "run", "sh", "-c", "sleep 1000 & " + SCRIPT))
    r.nothing_left()


def warden(r):
    client = r.client("lab", "run", "sh", "-c", SCRIPT)
    pid = eventually("a warden", marked, r.mark, "nemu-warden").popitem()[0]
    r.moment()
    os.kill(pid, 9)
    equal(client.wait(LIMIT), 125, "nemu lab run")
    r.nothing_left()


KINDS = [server, keeper, exec_, spawn, batch, link, node, run, warden]


def show_display():
    """Xvfb, which asks for no cookie; None: there is none."""
    if not shutil.which("Xvfb") or not shutil.which("xauth"):
        return None
    r, w = os.pipe()
    xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(w), "-ac", "-nolisten", "tcp"], pass_fds=[w],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(w)
    with os.fdopen(r) as f:
        os.environ.update(DISPLAY=":" + f.readline().strip(), XAUTHORITY="/nonexistent")
    return xvfb


def rounds():
    """Number and kind; each kind once before one comes again."""
    only = os.environ.get("NEMU_ROUND")
    for number in [int(only)] if only else range(KILLS):
        cycle, place = divmod(number, len(KINDS))
        yield number, random.Random("%s/%d" % (SEED, cycle)).sample(KINDS, len(KINDS))[place]


def one(r, others):
    r.kind(r)
    others.alone()
    others.well()


def kill_all(others, display):
    """Failures by kind."""
    count, late, failures = collections.Counter(), collections.Counter(), collections.defaultdict(list)
    for number, kind in rounds():
        r = Round(number, kind, display)
        count[kind] += 1
        try:
            one(r, others)
        except Exception:
            failures[kind].append("NEMU_SEED=%s, round %d\n%s" % (SEED, number, traceback.format_exc()))
            r.clean()
            if sum(map(len, failures.values())) > 2:  # it will not get better
                break
        late[kind] += r.late
    return count, late, failures


def main():
    tap, display, others = Tap(), show_display(), []
    print("# NEMU_SEED=%s" % SEED, flush=True)
    tap.run("a lab", lambda: others.append(Others()))
    if others:
        if display:
            KINDS.append(forwarder)
        count, late, failures = kill_all(others[0], display)
        for kind in KINDS:
            tap.run("SIGKILL of %s: %d times, %d after its end" % (kind.__name__.strip("_"), count[kind],
                    late[kind]), lambda: check(not failures[kind], "\n".join(failures[kind])))
        tap.run("others never noticed", others[0].end)
        watcher = others[0].watcher
        print("# another node was asked %d times; %.3f s at worst" % (watcher.asked, watcher.worst))
        tap.run("nothing at all remains", lambda: equal(
            (marked("others"), os.listdir(RUNDIR)), ({}, []), "processes and files"))
    if display:
        display.terminate()
        display.wait()
    return tap.done()


sys.exit(main())
