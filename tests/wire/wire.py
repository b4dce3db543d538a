# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the wire share: TAP, servers to talk to, and a client that hides nothing.

A Wire sends the bytes it is given and reads replies; it knows framing and base64, and which
classes a pickle may name, but no command.
"""
import array
import base64
import ctypes
import errno
import io
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

LIMIT = 20  # seconds after which something is taken for hung; nothing is measured by it
LINE_MAX = 4 << 20
NEMU = os.environ["NEMU"]
RUNDIR = os.environ["NEMU_RUNDIR"]
TMP = os.environ.get("TMPDIR", "/tmp")

with open(NEMU, "rb") as program:
    SANITIZED = b"__asan_init" in program.read()


def too_long(*_):
    raise AssertionError("hangs")


class Tap:
    """Runs functions as tests; an exception is a failure."""

    def __init__(self):
        self.count = self.failed = 0
        signal.signal(signal.SIGALRM, too_long)

    def _say(self, ok, name, why=""):
        self.count += 1
        self.failed += not ok
        print("%sok %d - %s" % ("" if ok else "not ", self.count, name))
        for line in why.splitlines():
            print("# " + line)
        sys.stdout.flush()

    def run(self, name, fn, *args):
        signal.alarm(5 * LIMIT)
        try:
            skip = fn(*args)
        except Exception:
            signal.alarm(0)
            self._say(False, name, traceback.format_exc())
        else:
            signal.alarm(0)
            self._say(True, name + (" # SKIP " + skip if isinstance(skip, str) else ""))

    def done(self):
        print("1..%d" % self.count)
        sys.stdout.flush()
        return 1 if self.failed else 0


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %.600r, want %.600r" % (what or "value", got, want))


def check(ok, what):
    if not ok:
        raise AssertionError(what)


def eventually(what, fn, *args):
    """Looks again until fn is true; returns what it gave."""
    end = time.monotonic() + LIMIT
    while True:
        got = fn(*args)
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError("never so: " + what)
        time.sleep(0.005)


# Pickles

class Thing:
    """Any object of a class of nemu.iproute: its state becomes its attributes."""

    def __repr__(self):
        return "%s(%r)" % (type(self).__name__, self.__dict__)


CLASSES = {n: type(n, (Thing,), {}) for n in ("interface", "ipv4address", "ipv6address", "route")}
# Not Python's own: it would make a FileNotFoundError of an OSError.
EXCEPTIONS = {n: type(n, (Exception,), {})
              for n in ("OSError", "KeyError", "ValueError", "RuntimeError", "TypeError")}


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        table = {"nemu.iproute": CLASSES, "exceptions": EXCEPTIONS}
        if name not in table.get(module, {}):
            raise AssertionError("the pickle names %s.%s" % (module, name))
        return table[module][name]


def loads(data):
    return Unpickler(io.BytesIO(data), encoding="latin-1").load()


class Reply:
    def __init__(self, code, lines):
        self.code, self.lines = code, lines

    def __repr__(self):
        return "%d %.300r" % (self.code, self.lines)

    @property
    def text(self):
        return self.lines[-1].decode()

    @property
    def pickle(self):
        check(self.lines[-1].startswith(b"="), "no payload: %r" % self)
        return base64.b64decode(self.lines[-1][1:], validate=True)

    @property
    def data(self):
        return loads(self.pickle)


def b(text):
    """An argument of type b, always in base64."""
    return b"=" + base64.b64encode(text if isinstance(text, bytes) else text.encode())


class Wire:
    """A connection: bytes out, replies in."""

    def __init__(self, sock, greeted=False):
        self.sock, self.rest = sock, b""
        sock.settimeout(LIMIT)
        if not greeted:
            equal(self.reply().code, 220, "greeting")

    def send(self, data):
        self.sock.sendall(data)

    def send_fds(self, data, fds):
        rights = array.array("i", fds)
        sent = self.sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        equal(sent, len(data), "bytes sent with descriptors")

    def line(self):
        """A line without its newline; None at the end of the stream."""
        while b"\n" not in self.rest:
            more = self.sock.recv(65536)
            if not more:
                check(not self.rest, "ends inside a line: %.100r" % self.rest)
                return None
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def reply(self):
        lines, code = [], None
        while True:
            line = self.line()
            check(line is not None, "the connection ended where a reply was due")
            check(line[:3].isdigit() and line[3:4] in (b" ", b"-"), "not a reply: %.200r" % line)
            check(code in (None, int(line[:3])), "the codes of a reply differ: %.200r" % line)
            code = int(line[:3])
            lines.append(line[4:])
            if line[3:4] == b" ":
                return Reply(code, lines)

    def ask(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\n")
        return self.reply()

    def done(self, line):
        reply = self.ask(line)
        equal(reply.code, 200, "%.100r" % (line,))
        return reply

    def refused(self, line):
        equal(self.ask(line).code, 500, "%.100r" % (line,))

    def error(self, line, kind):
        """The exception of a 550."""
        reply = self.ask(line)
        equal(reply.code, 550, "%.100r: %r" % (line, reply))
        exception = reply.data
        equal(type(exception).__name__, kind, "%.100r: %r" % (line, exception))
        check(isinstance(getattr(exception, "child_traceback", None), str), "child_traceback")
        return exception

    def in_step(self):
        """Nothing is left over: the next thing to come is the answer to the next question."""
        reply = self.ask("HELP")
        equal(reply.code, 200, "HELP")
        check(reply.lines[1:] and b"QUIT" in reply.lines, "not HELP's reply: %r" % reply)
        equal(self.rest, b"", "left over")

    def ended(self):
        equal(self.line(), None, "end of the connection")

    def close(self):
        self.sock.close()

    # Processes

    def pass_fd(self, name, fd):
        equal(self.ask(name).code, 354, name)
        self.send_fds(name.encode(), [fd])
        equal(self.reply().code, 200, name)

    def create(self, *argv):
        self.done(b"PROC CRTE " + b(argv[0]) + b"".join(b" " + b(a) for a in argv))

    def run(self):
        return int(self.done("PROC RUN").text.split()[0])

    def start(self, *argv):
        self.create(*argv)
        return self.run()

    def wait(self, pid):
        return int(self.done("PROC WAIT %d" % pid).text.split()[0])

    def output(self):
        """What the process of the plan prints; it must end with 0."""
        r, w = os.pipe()
        try:
            self.pass_fd("PROC SOUT", w)
            pid = self.run()
        finally:
            os.close(w)
        with os.fdopen(r, "rb") as f:
            text = f.read()
        equal(self.wait(pid), 0, "wait status")
        return text


# Servers

def strange_signals():
    """What a server must not hand on to the programs that it starts."""
    for sig in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
        signal.signal(sig, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR2, signal.SIGALRM, signal.SIGTERM))


def linux_5_10():
    """close_range(2) refuses CLOSE_RANGE_CLOEXEC, as before Linux 5.11."""
    code = struct.pack("HBBI" * 6,
                       0x20, 0, 0, 0,  # the call's number
                       0x15, 0, 3, 436,  # is it close_range?
                       0x20, 0, 0, 32,  # its third argument
                       0x45, 0, 1, 4,  # has it this bit?
                       0x06, 0, 0, 0x50000 | errno.EINVAL,
                       0x06, 0, 0, 0x7fff0000)
    text = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HP", 6, ctypes.addressof(text)))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
        os._exit(99)


def environment(**more):
    return dict(os.environ, **more)


class FdServer:
    """nemu server --fd: a server for one connection."""
    kind = "--fd"

    def __init__(self, *options, env=None, inherits=(), before=strange_signals):
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [NEMU, "server", "--fd", str(theirs.fileno())] + list(options),
                pass_fds=[theirs.fileno(), *inherits], env=env, preexec_fn=before)
        self.pid = self.process.pid
        self.wire = Wire(ours)

    def stop(self):
        self.wire.close()
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "never"
        equal(code, 0, "exit code of the server")


def nemu(*args, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([NEMU] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=LIMIT, **more)


def connect(name, greeted=False):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect("%s/default/%s" % (RUNDIR, name))
    return Wire(sock, greeted)


class NodeServer:
    """A resident node: connections as many as wanted."""
    kind = "node"

    def __init__(self, name, env=None):
        self.name = name
        made = nemu("node", "add", name, env=env, preexec_fn=strange_signals)
        equal((made.returncode, made.stderr), (0, ""), "node add")
        self.pid = int(nemu("node", "pid", name).stdout)
        self.wire = self.connect()

    def connect(self, greeted=False):
        return connect(self.name, greeted)

    def stop(self):
        self.wire.close()
        equal(nemu("node", "del", self.name).stderr, "", "node del")


# What the kernel says of a process

def proc(pid, name, mode="r"):
    with open("/proc/%d/%s" % (pid, name), mode) as f:
        return f.read()


def descriptors(pid):
    return sorted(os.listdir("/proc/%d/fd" % pid), key=int)


def status(pid):
    return dict(line.split(":", 1) for line in proc(pid, "status").splitlines())


def has_descriptors(pid, count):
    """Waits until there are so many."""
    try:
        eventually("descriptors", lambda: len(descriptors(pid)) == count)
    except AssertionError:
        names = [os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in descriptors(pid)]
        raise AssertionError("%d descriptors, not %d: %s" % (len(names), count, names))


def sleeps(pid):
    """Waits until the sleep that was started is in its own code: the reply to PROC RUN is sent while
    execve(2) still closes descriptors and resets signals."""
    eventually("it sleeps", lambda: proc(pid, "stat").startswith("%d (sleep) S" % pid))


def memory(pid):
    """Bytes."""
    return int(status(pid)["VmRSS"].split()[0]) * 1024


def gone(pid):
    """It has ended and been reaped."""
    return not os.path.exists("/proc/%d" % pid)


def in_netns(pid, *command):
    return subprocess.run(["nsenter", "--net=/proc/%d/ns/net" % pid] + list(command), check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          universal_newlines=True, timeout=LIMIT).stdout
