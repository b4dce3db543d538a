#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of the manual do what they say. Each literal block of the section EXAMPLES of man/*.1,
each block of man/nemu-lab.7 with a command of nemu, and the tour of man/nemu.1 is run as a script
(sh -e) and must end with 0. The blocks of a page run in their order, in one run directory, working
directory and network namespace, which has an interface eth1; pages know nothing of each other.

"; echo $?    # 3" tells of an exit code, which must be this one. What begins with #! is executed,
what begins with import is for Python. Where the kernel has not what a block needs, the block must
end with 4, or need a program that is not there."""
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

NEMU = os.environ["NEMU"]
MAN = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "man")
LIMIT = 60  # seconds for a block, a safety net

# Where nemu stands as a command.
COMMAND = re.compile(r"""(?m)(?:^|[|;&('"/]|\b(?:do|then|until)\b|^#!.*-S)[ \t]*nemu\s""")
# What a block looks like that needs more than each kernel has, and what works if it is there.
KERNEL = {
    "netem": (r"link (add|set) .*\b(delay|loss|duplicate|corrupt)\b",
              "tc qdisc add dev lo root netem delay 1ms"),
    "dummy": (r"type dummy\b", "ip link add x type dummy"),
    "vlan": (r"type vlan\b", "ip link add v type veth && ip link add link v x type vlan id 5"),
    "vxlan": (r"type vxlan\b", "ip link add x type vxlan id 5 dstport 4789"),
    "wireguard": (r"type wireguard\b", "ip link add x type wireguard"),
    "tap": (r"type t(ap|un)\b", "ip tuntap add x mode tap"),
}
PROGRAMS = dict({p: "command -v " + p for p in "ethtool jq ping python3 tcpdump wget".split()}, nft="""
    nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; };
        add rule ip t c oifname "x" masquerade'""")
# Only looked at by sh -n.
NOT_RUN = {
    ("nemu-server.1", 2): "a unit of systemd",
    ("nemu-x11.1", 1): "opens a window on a display",
    ("nemu-x11.1", 2): "opens a window on a display",
    ("nemu-x11.1", 3): "a display must have been forwarded",
    ("nemu-lab.7", "Programs with windows"): "opens a window on a display",
}
if os.environ.get("NEMU_AS_USER"):  # tests/run --as-user
    NOT_RUN.update({
        ("nemu-if.1", 6): "is for root",
        ("nemu-lab.7", "A real interface in a node"): "is for root",
        ("nemu-server.1", 3): "is for root, whose connection it makes",
    })


def unescaped(text):
    """A literal block as mandoc shows it."""
    known = {r"\e": "\\", "\\\\": "\\", r"\-": "-", r"\&": "", r"\(dq": '"', r"\(aq": "'"}
    return re.sub(r"\\(\(..|\[[^]]*\]|.)", lambda m: known[m.group(0)], text)


def literals(text):
    return [unescaped(m) for m in re.findall(r"^\.Bd -literal.*\n((?:(?!\.Ed).*\n)*)\.Ed$", text, re.M)]


def sections(text, macro):
    """(title, text) of each."""
    parts = re.split(r"(?m)^\.%s (.*)\n" % macro, text)
    return list(zip(parts[1::2], parts[2::2]))


def blocks(page):
    """(key, script) of each block that is to be run."""
    if page == "nemu.1 tour":
        text = open(os.path.join(MAN, "nemu.1"), encoding="utf-8").read()
        return list(enumerate(literals(dict(sections(text, "Sh"))["DESCRIPTION"]), 1))
    text = open(os.path.join(MAN, page), encoding="utf-8").read()
    if page == "nemu-lab.7":
        recipes = [(t, [b for b in literals(s) if COMMAND.search(b)])
                   for t, s in sections(dict(sections(text, "Sh"))["RECIPES"], "Ss")]
        return [(t if len(bs) < 2 else "%s %d" % (t, i), b) for t, bs in recipes
                for i, b in enumerate(bs or [""], 1)]
    return list(enumerate(literals(dict(sections(text, "Sh"))["EXAMPLES"]), 1))


def report(name, problem="", skip=""):
    print("%sok - %s%s" % ("not " if problem else "", name, skip and " # SKIP " + skip), flush=True)
    for line in problem.splitlines():
        print("#     " + line, flush=True)


def execute(argv, path=None):
    """Exit code and output; the file lets it go on without us when it leaves something running."""
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=path,
                             start_new_session=True)
        try:
            code = p.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            code = "after %d s" % LIMIT
        out.seek(0)
        return code, out.read().decode(errors="replace")


def lacking(command):
    """It does not work, in a network namespace that is thrown away."""
    return execute(["unshare", "-n", "sh", "-c", command])[0] != 0


def run_block(name, script, here, not_run):
    if not COMMAND.search(script) and not script.startswith("import "):
        return report(name, "no command of nemu")
    # Exit codes that are told must be these.
    script = re.sub(r"(?m); echo \$\?(?:[ \t]+# (\d+).*)?$",
                    lambda m: " && code=0 || code=$?; echo $code; [ $code = %s ]" % (m.group(1) or "told"), script)
    file = os.path.join(here, ".script")
    with open(file, "w", encoding="utf-8") as f:
        f.write(script)
    os.chmod(file, 0o755)
    argv = ["sh", "-e", file]
    if script.startswith("#!"):
        argv = [file]
    elif script.startswith("import "):
        argv = [sys.executable, file]
    else:
        code, out = execute(["sh", "-n", file])
        if code:
            return report(name, "sh -n: " + out)
    if not_run:
        return report(name, skip=not_run)
    lacks = [p for p, works in PROGRAMS.items() if re.search(r"\b%s " % p, script) and lacking(works)]
    if lacks:
        return report(name, skip="needs " + lacks[0])
    joined = script.replace("\\\n", " ")
    lacks = [k for k, (looks, works) in KERNEL.items() if re.search(looks, joined) and lacking(works)]
    code, out = execute(argv, here)
    if lacks and code == 4:
        return report(name, skip="needs " + lacks[0])
    # An error in a pipe or a $(...) does not stop a script.
    report(name, "" if code == 0 and not re.search("(?m)^nemu [a-z0-9]+: ", out) else "exit %s, of:\n%s\nwhich said:\n%s" % (code, script, out))


def run_page(page, tmp):
    """All of a page, in the network namespace that this process has for itself."""
    here, rundir = os.path.join(tmp, page), os.path.join(tmp, page + ".run")
    os.mkdir(here)
    os.mkdir(rundir, 0o700)
    owner = os.stat(os.environ["NEMU_RUNDIR"])  # an ordinary user: tests/run --as-user
    os.chown(rundir, owner.st_uid, owner.st_gid)
    os.environ.update(NEMU_RUNDIR=rundir, PATH=tmp + ":" + os.environ["PATH"])
    os.environ.pop("NEMU_LAB", None)
    subprocess.run("ip link add eth1 type veth peer name eth1-peer && ip link set eth1 up", shell=True, check=True)
    parts = blocks(page)
    for key, script in parts:
        run_block("%s: %s" % (page, key), script, here, NOT_RUN.get((page, key)))
    report(page + ": what is not run is there", "".join(
        "no block %s\n" % k for p, k in NOT_RUN if p == page and k not in dict(parts)))
    if page.endswith(".1"):
        n = sum(len(COMMAND.findall(b)) for _, b in parts)
        report(page + ": three examples", "" if n > 2 else "%d commands of nemu" % n)
    for lab in subprocess.run(["nemu", "-q", "lab"], check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        subprocess.run(["nemu", "lab", "del", lab], check=True)


def main():
    tmp = tempfile.mkdtemp()
    os.chmod(tmp, 0o755)
    os.symlink(os.path.abspath(NEMU), os.path.join(tmp, "nemu"))
    pages = sorted(os.path.basename(f) for f in glob.glob(os.path.join(MAN, "*.1"))) + ["nemu-lab.7", "nemu.1 tour"]
    def run(page):
        return subprocess.run(["unshare", "--net", sys.executable, __file__, page, tmp],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    count = failures = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for page, done in zip(pages, pool.map(run, pages)):
            lines = done.stdout
            if done.returncode:
                lines += "not ok - %s: its examples can be run\n" % page
            for line in lines.splitlines():
                if re.match("(not )?ok - ", line):
                    count += 1
                    failures += line.startswith("not")
                    line = line.replace("ok -", "ok %d -" % count, 1)
                elif not line.startswith("#"):
                    line = "# " + line
                print(line)
    shutil.rmtree(tmp)
    print("1..%d" % count)
    sys.exit(failures > 0)


if len(sys.argv) > 1:
    run_page(*sys.argv[1:])
else:
    main()
