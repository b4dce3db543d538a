#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGKILL of somebody, at any moment, in a busy lab. Nothing of the victim's node stays, its name can be
used again, and no other node notices: who asks one all the time hears no error and no late reply, and
what runs there runs on. NEMU_KILLS rounds (60) until one fails; NEMU_SEED repeats those of the seed that
is printed, NEMU_ROUNDS some of them; NEMU_KINDS of these victims only."""
import contextlib, glob, json, os, random, select, shutil, subprocess, sys, threading, time, traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire"))
from wire import LIMIT, NEMU, RUNDIR, Tap, check, connect, equal, eventually, nemu, proc

SEED = os.environ.get("NEMU_SEED") or str(random.SystemRandom().randrange(10 ** 9))
ROUNDS = os.environ.get("NEMU_ROUNDS", "").split() or range(int(os.environ.get("NEMU_KILLS", 60)))
KINDS = os.environ.get("NEMU_KINDS", "server keeper exec spawn link batch node_add lab warden forwarder").split()
X11 = shutil.which("Xvfb") and shutil.which("xauth") and "forwarder" in KINDS
CLIENTS = {"exec": "exec {0} sleep 1000", "spawn": "spawn {0} sleep 1000", "link": "link add {0}:half s:half"}
SCRIPT = """"$NEMU" node add a b c; "$NEMU" link add a:e b:e; "$NEMU" spawn a sleep 1000 >&2
    for i in 1 2 3; do "$NEMU" node del c; "$NEMU" node add c; done; "$NEMU" exec b sleep 1000; :"""
MARK = "%d." % os.getpid()
QUIET = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def environment(mark):  # what a round starts has its mark, and so has what that starts
    return dict(os.environ, NEMU_STRESS=mark)


def marked(mark):
    """Living processes whose mark begins so: PID and name."""
    found, want = {}, b"\0NEMU_STRESS=" + mark.encode()
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):  # it has ended
            if pid != os.getpid() and want in b"\0" + proc(pid, "environ", "rb"):
                found[pid] = proc(pid, "comm").strip()
    return found


def stat(pid):  # state and parent
    with contextlib.suppress(OSError):
        return proc(pid, "stat").rsplit(")", 1)[1].split()[:2]
    return "Z", "0"


def comes_to(what, want, look, *args):
    with contextlib.suppress(AssertionError):
        return eventually("", lambda: look(*args) == want)
    equal(look(*args), want, what)


def silent(*args, **more):
    done = nemu(*args, **more)
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "nemu " + " ".join(args))


def start(mark, *words, **more):
    return subprocess.Popen(words, env=environment(mark), **dict(QUIET, **more))


def clients(mark, node, *feeder):
    """A program in the foreground, which runs when this returns; a batch; what prints that."""
    client = start(mark, NEMU, "exec", node, "sh", "-c", "echo; exec sleep 1000", stdout=subprocess.PIPE)
    feeder = start(mark, *feeder, stdout=subprocess.PIPE)
    with client.stdout, feeder.stdout:
        client.stdout.read(1)
        return [client, start(mark, NEMU, "batch", "-", stdin=feeder.stdout), feeder]


class Others:
    """Two nodes that nobody harms, and what runs there: a process, clients, one who asks all the time."""

    def __init__(self):
        silent("node", "add", "s", "t", env=environment(MARK + "others"))
        silent("link", "add", "s:e", "t:e")
        self.process = int(nemu("spawn", "s", "sleep", "1000").stdout)
        self.clients = clients(MARK + "others", "s", "sh", "-c", "while sleep 0.01; do printf 'addr t %s "
                               "10.9.0.1/24 dev e\\n' add del; done")
        self.before, self.wire = self.look(), connect("s")
        self.over, self.worst, self.asked, self.error = False, 0, 0, ""
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self):
        try:
            while not self.over:
                asked = time.monotonic()
                self.wire.in_step()
                self.worst = max(self.worst, time.monotonic() - asked)
                self.asked += 1
                select.select([], [], [], 0.002)
        except Exception:
            self.error = traceback.format_exc()

    def look(self):
        return [sorted(os.listdir(RUNDIR)), sorted(os.listdir(RUNDIR + "/default"))] + [
            nemu("-q", *words).stdout for words in (["node"], ["if", "s"], ["if", "t"])]

    def well(self):
        equal(self.error, "", "who asks another node")
        check(self.worst < 2, "another node took %.3f s to reply" % self.worst)
        check(stat(self.process)[0] not in "ZX", "a process of another node has ended")
        equal([c.poll() for c in self.clients], [None] * 3, "clients of other nodes")
        comes_to("run directory, nodes, interfaces of others", self.before, self.look)

    def end(self):
        self.over = True
        self.thread.join()
        self.clients[-1].kill()
        silent("node", "del", "--all")
        for c in self.clients:
            c.wait(LIMIT)
        equal((marked(MARK), os.listdir(RUNDIR)), ({}, []), "processes and files")


class Round:
    """Each kind of victim is a method, or of CLIENTS."""

    def __init__(self, number, kind):
        self.rng = random.Random("%s.%d" % (SEED, number))
        self.mark, self.clients, self.pid = MARK + "%d." % number, [], 0
        self.node = self.rng.choice("abc")
        if kind not in ("node_add", "lab", "warden"):
            self.busy(X11 and (kind == "forwarder" or self.rng.random() < 0.3))
        getattr(self, kind, self.client)(*CLIENTS.get(kind, "").format(self.node).split())

    def busy(self, display):
        """The victim's node."""
        v, option = self.node, self.rng.choice(("", "--host", "--isolate pid"))
        silent("batch", "-", env=environment(self.mark + "old"), stdin=None, input="""
            node add {0} {1}\nlink add {1}:e s:{1}\nlink add {1}:f t:{1}\n{2}\naddr {1} add 10.1.0.1/24 dev f
            exec {1} sh -c 'setsid sh -c "sleep 1000; :" >/dev/null 2>&1 &'
            """.format(option, v, "x11 " + v if display else ""))
        self.pid = int(nemu("node", "pid", v).stdout)
        self.clients = clients(self.mark + "old", v, "yes", "\n".join(
            ["addr %s %s 10.2.0.1/24 dev e" % (v, verb) for verb in ("add", "del") * 4] + ["spawn %s true" % v]))

    def moment(self):
        select.select([], [], [], self.rng.random() * self.rng.choice((0.002, 0.006, 0.02)))

    def kill(self, *words):
        """A client; maybe behind its end, as some take no longer than this takes to look."""
        self.clients.append(start(self.mark + "client", NEMU, *words))
        self.moment()
        self.clients[-1].kill()

    def nothing_left(self, part=""):
        for c in self.clients:  # each has ended by itself
            c.wait(LIMIT)
        comes_to("processes", {}, marked, self.mark + part)
        comes_to("files in /tmp", [], glob.glob, "/tmp/.nemu-x11.%d.*" % self.pid)

    def end_node(self):
        silent("node", "del", self.node)
        self.nothing_left()

    def keeper(self):
        self.server(1)

    def server(self, victim=0):
        parent, how = int(stat(self.pid)[1]), self.rng.choice(("now", "then", "del"))
        self.moment()
        os.kill([self.pid, parent][victim], 9)
        while how == "then" and {stat(self.pid)[0], stat(parent)[0]} - set("ZX"):
            pass
        if how == "del":
            check(nemu("node", "del", self.node).returncode in (0, 3), "node del")
        def add():
            done = nemu("node", "add", self.node, env=environment(self.mark + "new"))
            check((done.returncode, done.stderr) == (0, "") or how != "then" and
                  "exists already" in done.stderr, "node add, %s: %r" % (how, done))
            return not done.returncode
        eventually("node add", add)
        silent("exec", self.node, "true")
        self.nothing_left("old")
        silent("exec", self.node, "true")
        equal(nemu("-j", "ps", self.node).stdout, "[]\n", "processes of the new node")
        self.end_node()

    def client(self, *words):
        self.kill(*words)
        if words[0] == "exec":
            comes_to("what exec ran", {}, marked, self.mark + "client")
        equal(nemu("-j", "ps", self.node).returncode, 0, "ps")
        eventually("link add", lambda: nemu("link", "del", self.node + ":half") and not nemu(
            "link", "add", self.node + ":half", "s:half").returncode)  # the other is done, or will not be
        self.end_node()

    def batch(self):
        self.moment()
        self.clients[1].kill()
        silent("addr", self.node, "add", "10.3.0.1/24", "dev", "e")
        self.end_node()

    def forwarder(self):
        self.moment()
        os.kill(next(pid for pid, comm in marked(self.mark).items() if comm == "nemu-x11"), 9)
        comes_to("display", None, lambda: json.loads(nemu("-j", "node", "show", self.node).stdout)["display"])
        silent("exec", self.node, "sh", "-c", 'test -z "$DISPLAY"')
        self.end_node()

    def node_add(self):  # it is whole, or it will not be there
        self.kill("node", "add", "x", self.node, "y")
        def whole(name):
            nemu("node", "add", name, env=environment(self.mark + "new"))
            return nemu("exec", name, "true").returncode == 0
        for name in ("x", self.node, "y"):
            eventually("%s is whole" % name, whole, name)
        silent("node", "del", "x", "y")
        self.end_node()

    def lab(self):
        self.kill("lab", "run", "sh", "-c", "sleep 1000 & " + SCRIPT)
        self.nothing_left()

    def warden(self):
        self.clients = [start(self.mark + "old", NEMU, "lab", "run", "sh", "-c", SCRIPT)]
        pid = eventually("a warden", lambda: [pid for pid, comm in marked(self.mark).items() if comm ==
                                              "nemu-warden" and stat(pid)[1] == str(self.clients[0].pid)])[0]
        self.moment()
        os.kill(pid, 9)
        equal(self.clients[0].wait(LIMIT), 125, "nemu lab run")
        self.nothing_left()


def main():
    tap, others = Tap(), []
    kinds = [kind for kind in KINDS if X11 or kind != "forwarder"]
    if X11:  # asks for no cookie
        display = start("", "Xvfb", "-noreset", "-displayfd", "1", "-ac", stdout=subprocess.PIPE)
        os.environ.update(DISPLAY=":" + display.stdout.readline().decode().strip(), XAUTHORITY="/nonexistent")
    print("# NEMU_SEED=%s" % SEED, flush=True)
    tap.run("a lab", lambda: others.append(Others()))
    for number in map(int, ROUNDS if others else ()):
        cycle, place = divmod(number, len(kinds))  # each kind once before one comes again
        kind = random.Random("%s/%d" % (SEED, cycle)).sample(kinds, len(kinds))[place]
        tap.run("round %d: SIGKILL of %s" % (number, kind), lambda: (Round(number, kind), others[0].well()))
        if tap.failed:
            break
    if others:
        tap.run("nothing remains", others[0].end)
        print("# one was asked %d times; %.3f s at worst" % (others[0].asked, others[0].worst))
    if X11:
        display.terminate()
        display.wait()
    for pid in marked(MARK):
        os.kill(pid, 9)
    return tap.done()


sys.exit(main())
