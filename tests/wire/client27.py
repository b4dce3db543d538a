# SPDX-License-Identifier: GPL-2.0-or-later
"""A client in Python 2.7 against "nemu server --fd": every command of wire.md sections 3 and 4,
with cPickle to read what comes. tests/wire/python2.t runs it."""
import base64
import cPickle
import ctypes
import errno
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import types

NEMU = os.environ["NEMU"]
LIMIT = 30  # seconds after which something is taken for hung


def stub_classes():
    nemu, iproute = types.ModuleType("nemu"), types.ModuleType("nemu.iproute")
    nemu.iproute = iproute
    sys.modules.update({"nemu": nemu, "nemu.iproute": iproute})
    for name in ("interface", "ipv4address", "ipv6address", "route"):
        setattr(iproute, name, type(name, (object,), {"__module__": "nemu.iproute"}))
    return iproute


iproute = stub_classes()


# sendmsg(2), which Python 2 does not have

class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class rights(ctypes.Structure):
    _fields_ = [("len", ctypes.c_size_t), ("level", ctypes.c_int), ("type", ctypes.c_int),
                ("fd", ctypes.c_int)]


class msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.POINTER(iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.POINTER(rights)), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


libc = ctypes.CDLL(None, use_errno=True)
SCM_RIGHTS = 1


def send_descriptor(sock, payload, fd):
    vector = iovec(payload, len(payload))
    control = rights(rights.fd.offset + 4, socket.SOL_SOCKET, SCM_RIGHTS, fd)
    message = msghdr(None, 0, ctypes.pointer(vector), 1, ctypes.pointer(control),
                     ctypes.sizeof(control), 0)
    sent = libc.sendmsg(sock.fileno(), ctypes.byref(message), 0)
    if sent != len(payload):
        raise OSError(ctypes.get_errno(), "sendmsg gave %d" % sent)


# The client

class Refused(Exception):
    pass


class Client(object):
    """One connection. A 550 raises what it holds; a 500 raises Refused."""

    def __init__(self, *options):
        self.sock, theirs = socket.socketpair()
        # Python 2 hands on all descriptors: the server must not hold our end itself.
        self.process = subprocess.Popen([NEMU, "server", "--fd", str(theirs.fileno())] +
                                        list(options), preexec_fn=self.sock.close)
        self.pid = self.process.pid
        theirs.close()
        self.sock.settimeout(LIMIT)
        self.unread = ""
        self.expect(220)

    def ended(self):
        """The server's exit code, when it has come to its end."""
        eventually(lambda: self.process.poll() is not None)
        return self.process.returncode

    def line(self):
        while "\n" not in self.unread:
            more = self.sock.recv(4096)
            if not more:
                raise EOFError("end of the connection")
            self.unread += more
        line, self.unread = self.unread.split("\n", 1)
        return line

    def reply(self):
        texts = []
        while True:
            line = self.line()
            texts.append(line[4:])
            if line[3] == " ":
                return int(line[:3]), texts
            assert line[3] == "-", line

    def expect(self, *codes):
        code, texts = self.reply()
        if code == 550:
            raise cPickle.loads(base64.b64decode(texts[-1].lstrip("=")))
        if code == 500:
            raise Refused(texts[-1])
        assert code in codes, (code, texts)
        return texts

    def tell(self, *words):
        self.sock.sendall(" ".join(str(w) for w in words) + "\n")

    def ask(self, *words):
        self.tell(*words)
        return self.expect(200)

    def data(self, *words):
        texts = self.ask(*words)
        assert len(texts) == 2 and texts[1][0] == "=", texts
        return cPickle.loads(base64.b64decode(texts[1][1:]))

    def describe(self, argv, executable=None, user=None, cwd=None, env=None, fds=()):
        self.ask("PROC CRTE", quote(executable or argv[0]), *map(quote, argv))
        if user is not None:
            self.ask("PROC USER", quote(user))
        if cwd is not None:
            self.ask("PROC CWD", quote(cwd))
        if env is not None:
            self.ask("PROC ENV", *[quote(s) for pair in env.items() for s in pair])
        for name, fd in fds:
            self.tell("PROC", name)
            self.expect(354)
            send_descriptor(self.sock, "PROC " + name, fd)
            self.expect(200)

    def spawn(self, argv, **how):
        self.describe(argv, **how)
        return int(self.ask("PROC RUN")[0].split()[0])

    def wait(self, pid):
        return int(self.ask("PROC WAIT", pid)[0].split()[0])

    def poll(self, pid):
        self.tell("PROC POLL", pid)
        code, texts = self.reply()
        assert code in (200, 450, 500), (code, texts)
        return {200: int(texts[0].split()[0]) if code == 200 else 0, 450: None,
                500: "refused"}[code]

    def output(self, argv, **how):
        r, w = os.pipe()
        pid = self.spawn(argv, fds=[("SOUT", w)], **how)
        os.close(w)
        text = os.fdopen(r).read()
        assert self.wait(pid) == 0
        return text


def quote(word):
    """An argument of type b: base64 where it must be."""
    if word and all("\x20" < c <= "z" and c != "=" for c in word):
        return word
    return "=" + base64.b64encode(word)


# Looking from outside

def ip(*words):
    return subprocess.check_output(("ip",) + words)


def inside(client, *words):
    return subprocess.check_output(("nsenter", "--net=/proc/%d/ns/net" % client.pid) + words)


def interface_inside(client, name):
    return json.loads(inside(client, "ip", "-j", "link", "show", name))[0]


def eventually(fn, *args):
    end = time.time() + LIMIT
    while not fn(*args):
        assert time.time() < end, "never so"
        time.sleep(0.005)


def raises(kind, fn, *args, **how):
    try:
        fn(*args, **how)
    except kind as e:
        assert type(e) is kind, repr(e)
        return e
    raise AssertionError("no %s" % kind.__name__)


def same(got, want):
    assert got == want, "%r instead of %r" % (got, want)


def state(pid, key):
    for line in open("/proc/%d/status" % pid):
        if line.startswith(key + ":"):
            return line.split()[1:]


# The tests, in this order, on one connection

def new_namespace(c):
    assert os.readlink("/proc/%d/ns/net" % c.pid) != os.readlink("/proc/self/ns/net")
    same(inside(c, "cat", "/proc/sys/net/ipv4/ip_forward"), "1\n")
    same([i.name for i in c.data("IF LIST").values()], ["lo"])


def no_namespace(c):
    other = Client("--no-netns")
    same(os.readlink("/proc/%d/ns/net" % other.pid), os.readlink("/proc/self/ns/net"))
    other.sock.close()
    same(other.ended(), 0)


def help_lists(c):
    texts = set(c.ask("HELP"))
    for command in ("IF LIST", "IF SET", "IF RTRN", "IF DEL", "ADDR LIST", "ADDR ADD", "ADDR DEL",
                    "ROUT LIST", "ROUT ADD", "ROUT DEL", "PROC CRTE", "PROC POLL", "PROC WAIT",
                    "PROC KILL", "QUIT", "HELP"):
        assert command in texts, command


def interfaces(c):
    ip("link", "add", "py0", "type", "veth", "peer", "name", "py1")
    ip("link", "set", "py1", "netns", str(c.pid))
    truth = interface_inside(c, "py1")
    c.index = truth["ifindex"]
    everything = c.data("IF LIST")
    same(sorted(i.name for i in everything.values()), ["lo", "py1"])
    one = c.data("IF LIST", c.index)
    for i in (everything[c.index], one):
        same(type(i), iproute.interface)
        same(i.__dict__, {"_index": c.index, "name": "py1", "_up": False, "_mtu": 1500,
                          "_lladdr": str(truth["address"]), "broadcast": "ff:ff:ff:ff:ff:ff",
                          "_mc": True, "_arp": True})
        same(set(type(v) for v in i.__dict__.values()), set((int, bool, str)))


def unknown_index(c):
    for command in ("IF LIST", "ADDR LIST"):
        e = raises(KeyError, c.data, command, 4711)
        same(e.args, (4711,))
        same(type(e.child_traceback), str)


def set_interface(c):
    c.ask("IF SET", c.index, "name", "eth0", "mtu", "1400", "lladdr", "2:0:0:0:aB:1", "broadcast",
          "ff:ff:ff:ff:ff:ff", "up", "True", "multicast", "False", "arp", "True")
    i = c.data("IF LIST", c.index)
    same((i.name, i._mtu, i._lladdr, i._up, i._mc, i._arp),
         ("eth0", 1400, "02:00:00:00:ab:01", True, False, True))
    same(interface_inside(c, "eth0")["mtu"], 1400)
    raises(Refused, c.ask, "IF SET", c.index)
    raises(Refused, c.ask, "IF SET", c.index, "mtu")


def set_interface_wrongly(c):
    before = c.data("IF LIST", c.index).__dict__
    raises(ValueError, c.ask, "IF SET", c.index, "mtu", "1300", "colour", "blue")
    e = raises(RuntimeError, c.ask, "IF SET", c.index, "mtu", "1300", "name", "lo")
    same(e.errno, errno.EEXIST)
    same(c.data("IF LIST", c.index).__dict__, before)


def addresses(c):
    c.ask("ADDR ADD", c.index, "10.1.0.1", 24)
    c.ask("ADDR ADD", c.index, "10.2.0.1", 24, "10.2.0.200")
    c.ask("ADDR ADD", c.index, "fd00::1", 64)
    got = [a for a in c.data("ADDR LIST", c.index) if not getattr(a, "address").startswith("fe80")]
    same([(type(a), a.__dict__) for a in got], [
        (iproute.ipv4address, dict(address="10.1.0.1", prefix_len=24, broadcast="10.1.0.255",
                                   family=2)),
        (iproute.ipv4address, dict(address="10.2.0.1", prefix_len=24, broadcast="10.2.0.200",
                                   family=2)),
        (iproute.ipv6address, dict(address="fd00::1", prefix_len=64, family=10))])
    everything = c.data("ADDR LIST")
    same(sorted(everything), sorted(c.data("IF LIST")))
    same(len(everything[c.index]), len(c.data("ADDR LIST", c.index)))
    for family, text in (("-4", "10.2.0.1/24 brd 10.2.0.200"), ("-6", "fd00::1/64")):
        assert text in inside(c, "ip", family, "addr", "show", "dev", "eth0"), text


def wrong_addresses(c):
    for words in ((4711, "10.9.0.1", 24), (c.index, "10.1.0.1", 24)):
        assert raises(RuntimeError, c.ask, "ADDR ADD", *words).errno
    raises(ValueError, c.ask, "ADDR ADD", c.index, "10.1.0", 24)
    raises(ValueError, c.ask, "ADDR ADD", c.index, "10.1.0.1", 33)
    raises(RuntimeError, c.ask, "ADDR DEL", c.index, "10.9.0.1", 24)


def routes(c):
    def change(what, *words):
        c.ask("ROUT " + what, *words)
        return sorted((r._prefix, r._plen, r._nexthop, r._interface, r._metric)
                      for r in c.data("ROUT LIST") if ":" not in (r._prefix or ""))

    before = change("ADD", "unicast", "10.3.0.0", 16, "10.1.0.2", 0, 0)
    assert ("10.3.0.0", 16, "10.1.0.2", c.index, 0) in before, before
    added = change("ADD", "unicast", "=", 0, "10.1.0.3", 0, 50)
    same(set(added) - set(before), set([(None, 0, "10.1.0.3", c.index, 50)]))
    on_link = change("ADD", "unicast", "10.4.0.0", 16, "=", c.index, 0)
    same(set(on_link) - set(added), set([("10.4.0.0", 16, None, c.index, 0)]))
    same(change("ADD", "blackhole", "10.5.0.0", 16, "=", 0, 0), on_link)
    assert "blackhole 10.5.0.0/16" in inside(c, "ip", "route")
    c.ask("ROUT ADD", "unicast", "fd01::", 64, "fd00::2", 0, 0)
    six = [r.__dict__ for r in c.data("ROUT LIST") if r._prefix == "fd01::"]
    same(len(six), 1)
    same((six[0]["_tipe"], six[0]["_plen"], six[0]["_nexthop"]), (0, 64, "fd00::2"))
    c.ask("ROUT DEL", "unicast", "fd01::", 64, "fd00::2", 0, 0)
    change("DEL", "blackhole", "10.5.0.0", 16, "=", 0, 0)
    change("DEL", "unicast", "10.4.0.0", 16, "=", c.index, 0)
    same(change("DEL", "unicast", "=", 0, "10.1.0.3", 0, 50), before)
    raises(RuntimeError, c.ask, "ROUT DEL", "unicast", "=", 0, "10.1.0.3", 0, 50)
    raises(ValueError, c.ask, "ROUT ADD", "sideways", "10.3.0.0", 16, "10.1.0.2", 0, 0)
    same(set(type(r) for r in c.data("ROUT LIST")), set([iproute.route]))


def delete_addresses(c):
    c.ask("ADDR DEL", c.index, "10.1.0.1", 24)
    c.ask("ADDR DEL", c.index, "fd00::1", 64)
    c.ask("ADDR DEL", c.index, "10.2.0.1", 24)
    same([a for a in c.data("ADDR LIST", c.index) if a.family == 2], [])


def move_interface_back(c):
    c.ask("IF RTRN", c.index, os.getpid())
    raises(KeyError, c.data, "IF LIST", c.index)
    assert "eth0" in ip("link", "show", "eth0")
    raises(Refused, c.ask, "IF RTRN", c.index)
    ip("link", "del", "eth0")


def delete_interface(c):
    inside(c, "ip", "link", "add", "br0", "type", "bridge")
    index = interface_inside(c, "br0")["ifindex"]
    c.ask("IF DEL", index)
    raises(KeyError, c.data, "IF LIST", index)
    assert "br0" not in inside(c, "ip", "link", "show")


def three_descriptors(c):
    r0, w0 = os.pipe()
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    pid = c.spawn(["sh", "-c", "cat; echo oops >&2; exit 3"],
                  fds=[("SIN", r0), ("SOUT", w1), ("SERR", w2)])
    for fd in (r0, w1, w2):
        os.close(fd)
    same(c.poll(pid), None)
    os.write(w0, "through the pipe")
    os.close(w0)
    same(os.fdopen(r1).read(), "through the pipe")
    same(os.fdopen(r2).read(), "oops\n")
    same(c.wait(pid), 3 << 8)
    same(c.poll(pid), "refused")


def descriptor_not_sent(c):
    """What a client does whose sendmsg failed."""
    c.describe(["echo", "said"])
    c.tell("PROC SOUT")
    c.expect(354)
    c.sock.sendall("=" * len("PROC SOUT") + "\n")
    raises(Refused, c.expect, 200)
    c.ask("PROC ABRT")
    same(c.output(["echo", "said"]), "said\n")


def statuses(c):
    for command, want in (("exit 0", 0), ("exit 77", 77 << 8), ("kill -9 $$", 9)):
        same(c.wait(c.spawn(["sh", "-c", command])), want)
    pid = c.spawn(["sh", "-c", "exit 4"])
    eventually(lambda: not os.path.exists("/proc/%d" % pid))
    same(c.poll(pid), 4 << 8)


def signals(c):
    for words, want in (((), 15), ((15,), 15), ((9,), 9), ((signal.SIGUSR1,), signal.SIGUSR1)):
        pid = c.spawn(["sleep", "1000"])
        same(c.poll(pid), None)
        c.ask("PROC KILL", pid, *words)
        same(c.wait(pid), want)
    raises(Refused, c.ask, "PROC KILL", pid)
    raises(Refused, c.ask, "PROC KILL", 1, 0)
    raises(Refused, c.ask, "PROC WAIT", 1)


def whole_group(c):
    r, w = os.pipe()
    pid = c.spawn(["sh", "-c", "sleep 1000 & echo $!; wait"], fds=[("SOUT", w)])
    os.close(w)
    with os.fdopen(r) as f:
        child = int(f.readline())
        c.ask("PROC KILL", pid)
        same(f.read(), "")
    same(c.wait(pid), 15)
    eventually(lambda: not os.path.exists("/proc/%d" % child))


def arguments(c):
    words = ["", " ", "a b", "\t\n", "=", "=x", "\xc3\xa9", "{}|~", "z", "\x01\x7f\xff", "'\"\\"]
    same(c.output(["printf", "%s\\0"] + words), "\0".join(words) + "\0")
    same(c.output(["other name", "-c", "echo $0"], executable="/bin/sh"), "other name\n")


def user(c):
    nobody = pwd.getpwnam("nobody")
    for name in (nobody.pw_name, str(nobody.pw_uid)):
        pid = c.spawn(["sleep", "1000"], user=name)
        same(state(pid, "Uid"), [str(nobody.pw_uid)] * 4)
        same(state(pid, "Gid"), [str(nobody.pw_gid)] * 4)
        same([int(state(pid, k)[0], 16) for k in ("CapPrm", "CapEff", "CapBnd")], [0] * 3)
        env = open("/proc/%d/environ" % pid).read().split("\0")
        for text in ("HOME=" + nobody.pw_dir, "USER=nobody"):
            assert text in env, env
        c.ask("PROC KILL", pid)
        same(c.wait(pid), 15)


def unknown_user(c):
    c.describe(["true"], user="nobody-of-that-name")
    e = raises(ValueError, c.ask, "PROC RUN")
    same(len(e.args), 1)
    same(type(e.child_traceback), str)
    raises(Refused, c.ask, "PROC RUN")


def directory(c):
    same(c.output(["pwd"], cwd="/proc"), "/proc\n")
    path = tempfile.mkdtemp(prefix="with space ")
    same(c.output(["pwd", "-P"], cwd=path), os.path.realpath(path) + "\n")
    os.rmdir(path)
    same(raises(OSError, c.spawn, ["true"], cwd=path).errno, errno.ENOENT)
    same(raises(OSError, c.spawn, ["true"], cwd="/bin/sh").errno, errno.ENOTDIR)


def environment(c):
    env = {"A": "1", "EMPTY": "", "MANY WORDS": "x = y\n", "PATH": "/bin:/usr/bin"}
    same(sorted(c.output(["env", "-0"], env=env).split("\0")[:-1]),
         sorted("%s=%s" % pair for pair in env.items()))
    got = c.output(["env", "-0"]).split("\0")
    assert "NEMU=" + NEMU in got and not [v for v in got if v.startswith("DISPLAY=")], got
    c.describe(["true"])
    raises(Refused, c.ask, "PROC ENV", "A", "1", "B")
    c.ask("PROC ABRT")


def cannot_start(c):
    scratch = tempfile.NamedTemporaryFile()
    scratch.write("no program\n")
    scratch.flush()
    for path, want in (("/no/such/program", errno.ENOENT), ("no-such-program", errno.ENOENT),
                       (scratch.name, errno.EACCES), ("/", errno.EACCES),
                       ("/bin/sh/sh", errno.ENOTDIR)):
        e = raises(OSError, c.spawn, [path])
        same((e.errno, e.strerror), (want, os.strerror(want)))
        same(type(e.child_traceback), str)
    path = tempfile.mktemp()
    with open(path, "w") as f:
        f.write("no program\n")
    os.chmod(path, 0o755)
    same(raises(OSError, c.spawn, [path]).errno, errno.ENOEXEC)
    os.unlink(path)
    same(c.output(["echo", "well"]), "well\n")


def abort(c):
    c.describe(["false"], env={"A": "B"}, cwd="/nowhere", user="nobody-of-that-name")
    raises(Refused, c.ask, "IF LIST")
    raises(Refused, c.ask, "PROC CRTE", "true")
    assert set(("PROC USER", "PROC CWD", "PROC ENV", "PROC SIN", "PROC SOUT", "PROC SERR",
                "PROC RUN", "PROC ABRT", "HELP", "QUIT")) <= set(c.ask("HELP"))
    c.ask("PROC ABRT")
    raises(Refused, c.ask, "PROC RUN")
    same(c.wait(c.spawn(["true"])), 0)


def x11(c):
    if "X11 SET" not in c.ask("HELP"):
        return "this server has no X11"
    raises(Refused, c.ask, "X11 SOCK")
    return None


def the_end(c):
    r, w = os.pipe()
    silence, keep = os.pipe()
    c.spawn(["sh", "-c", "trap 'echo told; exit' TERM; echo up; read x"],
            fds=[("SIN", silence), ("SOUT", w)])
    os.close(w)
    with os.fdopen(r, "r", 0) as f:
        same(f.readline(), "up\n")
        c.tell("QUIT")
        c.expect(221)
        raises(EOFError, c.line)
        same(c.ended(), 0)
        same(f.read(), "told\n")
    os.close(keep)


TESTS = (new_namespace, no_namespace, help_lists, interfaces, unknown_index, set_interface,
         set_interface_wrongly, addresses, wrong_addresses, routes, delete_addresses,
         move_interface_back, delete_interface, three_descriptors, descriptor_not_sent, statuses,
         signals, whole_group, arguments, user, unknown_user, directory, environment, cannot_start,
         abort, x11, the_end)


def too_long(*_):
    raise AssertionError("hangs")


def main():
    failed = 0
    signal.signal(signal.SIGALRM, too_long)
    print("1..%d" % len(TESTS))
    client = Client()
    for number, test in enumerate(TESTS, 1):
        name = "python 2.7: " + test.__name__.replace("_", " ")
        signal.alarm(LIMIT)
        try:
            skip = test(client)
            signal.alarm(0)
        except Exception:
            signal.alarm(0)
            failed = 1
            print("not ok %d - %s" % (number, name))
            print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "))
        else:
            print("ok %d - %s%s" % (number, name, " # SKIP " + skip if skip else ""))
        sys.stdout.flush()
    return failed


sys.exit(main())
