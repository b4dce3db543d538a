#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our applets against a server that knows the reference's commands and nothing else (wire.md
without its "ours"), and against servers that answer nonsense."""
import array
import base64
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (LIMIT, NEMU, RUNDIR, TMP, Tap, check, descriptors, equal, eventually, gone, nemu,
                  sleeps)


# Pickles as cPickle of Python 2.7 writes them in protocol 2: byte strings, a memo

class Obj:
    def __init__(self, kind, **state):
        self.kind, self.state = kind, state


class Exc(Obj):
    def __init__(self, kind, *args):
        super().__init__(kind, child_traceback="Traceback (most recent call last):\n  ...\n")
        self.args = args


class Pickle:
    def __init__(self, value):
        self.out, self.memo = b"\x80\x02", {}
        self.put(value)
        self.out += b"."

    def remember(self, key):
        self.memo[key] = len(self.memo) + 1
        self.out += b"q" + bytes([self.memo[key]])

    def once(self, key, data):
        """What has been written before is fetched from the memo."""
        if key in self.memo:
            self.out += b"h" + bytes([self.memo[key]])
        else:
            self.out += data
            self.remember(key)

    def pairs(self, pairs):
        self.out += b"}"
        self.remember(object())
        self.out += b"("
        for key, value in pairs.items():
            self.put(key)
            self.put(value)
        self.out += b"u"

    def put(self, v):
        if v is None:
            self.out += b"N"
        elif v is True or v is False:
            self.out += b"\x88" if v else b"\x89"
        elif isinstance(v, int):
            self.out += b"K" + bytes([v]) if 0 <= v < 256 else b"J" + struct.pack("<i", v)
        elif isinstance(v, str):
            self.once(v, b"U" + bytes([len(v)]) + v.encode())
        elif isinstance(v, list):
            self.out += b"]"
            self.remember(object())
            self.out += b"("
            for item in v:
                self.put(item)
            self.out += b"e"
        elif isinstance(v, dict):
            self.pairs(v)
        elif isinstance(v, Exc):
            self.once("class " + v.kind, b"cexceptions\n" + v.kind.encode() + b"\n")
            self.out += b"("
            for arg in v.args:
                self.put(arg)
            self.out += b"tR"
            self.pairs(v.state)
            self.out += b"b"
        else:
            self.once("class " + v.kind, b"cnemu.iproute\n" + v.kind.encode() + b"\n")
            self.out += b")\x81"
            self.pairs(v.state)
            self.out += b"b"


def payload(data):
    return b"=" + base64.b64encode(data)


def with_data(value):
    return b"200-# Data follows.\n200 " + payload(Pickle(value).out) + b"\n"


def with_exception(name, *args):
    return (b"550-# Exception data follows:\n550 " + payload(Pickle(Exc(name, *args)).out) + b"\n")


# The lab of the fake: what IF LIST, ADDR LIST and ROUT LIST tell

def interface(index, name, **state):
    given = dict(_index=index, name=name, _up=True, _mtu=1500, _lladdr="02:00:00:00:00:%02x" % index,
                 broadcast="ff:ff:ff:ff:ff:ff", _mc=True, _arp=True)
    given.update(state)
    return Obj("interface", **given)


def route(prefix, plen, nexthop, index):
    return Obj("route", _tipe=0, _prefix=prefix, _plen=plen, _nexthop=nexthop, _interface=index,
               _metric=0)


INTERFACES = {
    1: interface(1, "lo", _mtu=65536, _lladdr="00:00:00:00:00:00", broadcast="00:00:00:00:00:00",
                 _mc=False),
    2: interface(2, "eth0"),
    7: interface(7, "tun0", _lladdr=None, broadcast=None, _up=False, _arp=False, _mc=False),
}
ADDRESSES = {
    1: [Obj("ipv4address", address="127.0.0.1", prefix_len=8, broadcast=None, family=2)],
    2: [Obj("ipv4address", address="10.1.0.1", prefix_len=24, broadcast="10.1.0.255", family=2),
        Obj("ipv6address", address="fd00::1", prefix_len=64, family=10)],
    7: [],
}
ROUTES = [route(None, 0, "10.1.0.254", 2), route("10.1.0.0", 24, None, 2),
          route("fd00::", 64, None, 2)]


class Fake:
    """A server under $NEMU_RUNDIR/default: a thread for each connection. What it is asked is in
    asked; script says what is answered to a line instead of the usual, raw (None: hang up)."""

    def __init__(self, name, greeting=b"220 Hello.\n"):
        folder = os.path.join(RUNDIR, "default")
        os.makedirs(folder, 0o700, exist_ok=True)
        self.path = os.path.join(folder, name)
        self.greeting, self.script, self.asked = greeting, {}, []
        self.children, self.closed = {}, False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(50)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closed:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if not self.closed:
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def close(self):
        self.closed = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
        for child in list(self.children.values()):
            child.kill()
            child.wait()

    def serve(self, sock):
        connection = Connection(self, sock)
        try:
            connection.loop()
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            connection.abandon()
            sock.close()


class Connection:
    def __init__(self, fake, sock):
        self.fake, self.sock, self.plan, self.rest = fake, sock, None, b""

    def abandon(self):
        """The plan is over: nobody needs its descriptors any more."""
        for fd in self.plan["fds"].values() if self.plan else ():
            os.close(fd)
        self.plan = None

    def say(self, code, text):
        self.sock.sendall(b"%d %s\n" % (code, text.encode()))

    def line(self):
        while b"\n" not in self.rest:
            more = self.sock.recv(65536)
            if not more:
                return None
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.rstrip()

    def loop(self):
        self.sock.sendall(self.fake.greeting)
        for line in iter(self.line, None):
            words = line.split()
            if not words:
                continue
            self.fake.asked.append(line.decode())
            name = b" ".join(words[:2]).upper()
            if name in self.fake.script:
                raw = self.fake.script[name]
                self.sock.sendall(raw or b"")
                if raw is None or not raw.endswith(b"\n"):
                    return
                continue
            if not self.command(name.decode(), [self.word(w) for w in words[2:]]):
                return

    @staticmethod
    def word(w):
        return (base64.b64decode(w[1:]) if w.startswith(b"=") else w).decode()

    def command(self, name, args):
        proc_mode = ("PROC USER", "PROC CWD", "PROC ENV", "PROC SIN", "PROC SOUT", "PROC SERR",
                     "PROC RUN", "PROC ABRT")
        normal = ("IF LIST", "IF SET", "IF RTRN", "IF DEL", "ADDR LIST", "ADDR ADD", "ADDR DEL",
                  "ROUT LIST", "ROUT ADD", "ROUT DEL", "PROC CRTE", "PROC POLL", "PROC WAIT",
                  "PROC KILL")
        if name == "QUIT":
            self.say(221, "Bye.")
            return False
        if name not in (normal if self.plan is None else proc_mode):
            self.say(500, "Unknown command %s." % name)
        elif name in ("IF LIST", "ADDR LIST", "ROUT LIST"):
            table = {"IF": INTERFACES, "ADDR": ADDRESSES, "ROUT": ROUTES}[name.split()[0]]
            if args and int(args[0]) not in table:
                self.sock.sendall(with_exception("KeyError", int(args[0])))
            else:
                self.sock.sendall(with_data(table[int(args[0])] if args else table))
        elif name.startswith("PROC"):
            getattr(self, name.split()[1].lower())(args, name)
        else:
            self.say(200, "Done.")
        return True

    def crte(self, args, _):
        self.plan = {"executable": args[0], "argv": args[1:] or args[:1], "fds": {}}
        self.say(200, "Entering PROC mode.")

    def user(self, args, _):
        self.plan["user"] = args[0]
        self.say(200, "Noted.")

    def cwd(self, args, _):
        self.plan["cwd"] = args[0]
        self.say(200, "Noted.")

    def env(self, args, _):
        self.plan["env"] = dict(zip(args[::2], args[1::2]))
        self.say(200, "Noted.")

    def sin(self, _, name):
        self.say(354, "Pass it.")
        room = socket.CMSG_SPACE(4)
        text, control, _, _ = self.sock.recvmsg(len(name) + 1, room)
        got = array.array("i")
        for level, kind, data in control:
            got.frombytes(data[:len(data) - len(data) % 4])
        if len(got) != 1 or text.rstrip() != name.encode():
            self.say(500, "Invalid payload.")
            return
        self.plan["fds"][name] = got[0]
        self.say(200, "Saved.")

    sout = serr = sin

    def abrt(self, _args, _name):
        self.abandon()
        self.say(200, "Aborted.")

    def start(self, plan):
        fds = [plan["fds"].get("PROC " + n) for n in ("SIN", "SOUT", "SERR")]
        try:
            if "user" in plan and plan["user"] != "root":
                return with_exception("ValueError", "User %s does not exist" % plan["user"])
            child = subprocess.Popen(plan["argv"], executable=plan["executable"],
                                     cwd=plan.get("cwd"), env=plan.get("env"), stdin=fds[0],
                                     stdout=fds[1], stderr=fds[2], start_new_session=True)
        except OSError as e:
            return with_exception("OSError", e.errno, e.strerror)
        finally:
            self.abandon()
        self.fake.children[child.pid] = child
        return b"200 %d running.\n" % child.pid

    def run(self, _args, _name):
        self.sock.sendall(self.start(self.plan))

    def poll(self, args, name):
        child = self.fake.children.get(int(args[0]))
        if child is None:
            self.say(500, "Process does not exist.")
            return
        code = child.wait() if name == "PROC WAIT" else child.poll()
        if code is None:
            self.say(450, "Not finished yet.")
            return
        self.fake.children.pop(int(args[0]), None)
        self.say(200, "%d exitcode." % (code << 8 if code >= 0 else -code))

    wait = poll

    def kill(self, args, _):
        if int(args[0]) not in self.fake.children:
            self.say(500, "Process does not exist.")
        else:
            os.killpg(int(args[0]), int(args[1]))
            self.say(200, "Process signalled.")


def old(fn):
    """A test against a server as the reference is."""
    def test():
        fake = Fake("old")
        try:
            fn(fake)
        finally:
            fake.close()
    test.__name__ = fn.__name__
    return test


def output(*args, **more):
    """What an applet prints that works."""
    done = nemu(*args, **more)
    equal((done.returncode, done.stderr), (0, ""), " ".join(args))
    return done.stdout


def fails(code, *args, said=(), **more):
    """An applet that fails: with this code, and one line that holds these words."""
    done = nemu(*args, **more)
    what = "%s: %r" % (" ".join(args), done)
    equal(done.returncode, code, what)
    equal((done.stderr.count("\n"), done.stderr[-1:]), (1, "\n"), what)
    check(done.stderr.startswith("nemu %s: " % args[0]), what)
    check(done.stderr[:-1].isprintable(), what)
    for word in said:
        check(word in done.stderr, "%r is not in %s" % (word, what))
    return done


def asked(fake, *start):
    return [line for line in fake.asked if line.startswith(start)]


@old
def list_interfaces(fake):
    equal(output("-q", "if", "old", "list").split(), ["lo", "eth0", "tun0"], "names")
    got = {d["ifname"]: d for d in json.loads(output("-j", "if", "old", "list"))}
    equal(set(got), {"lo", "eth0", "tun0"}, "names")
    equal({k: got["eth0"][k] for k in ("ifindex", "mtu", "address", "broadcast")},
          {"ifindex": 2, "mtu": 1500, "address": "02:00:00:00:00:02",
           "broadcast": "ff:ff:ff:ff:ff:ff"}, "eth0")
    check({"UP", "MULTICAST"} <= set(got["eth0"]["flags"]), "flags of eth0: %r" % got["eth0"])
    check("NOARP" not in got["eth0"]["flags"], "flags of eth0: %r" % got["eth0"])
    check("NOARP" in got["tun0"]["flags"] and "UP" not in got["tun0"]["flags"], "flags of tun0")
    check(got["tun0"].get("address") is None, "address of tun0: %r" % got["tun0"])
    table = output("if", "old")
    for word in ("eth0", "02:00:00:00:00:02", "1500", "65536", "up", "down"):
        check(word in table, "%s in %s" % (word, table))
    equal(output("-q", "if", "old", "list", "eth0").split(), ["eth0"], "one")
    fails(3, "if", "old", "list", "eth9", said=["eth9"])


@old
def list_addresses(fake):
    equal(output("-q", "addr", "old").split(), ["127.0.0.1", "10.1.0.1", "fd00::1"], "addresses")
    got = {d["ifname"]: d for d in json.loads(output("-j", "addr", "old", "list"))}
    equal([{k: a.get(k) for k in ("family", "local", "prefixlen", "broadcast")}
           for a in got["eth0"]["addr_info"]],
          [{"family": "inet", "local": "10.1.0.1", "prefixlen": 24, "broadcast": "10.1.0.255"},
           {"family": "inet6", "local": "fd00::1", "prefixlen": 64, "broadcast": None}], "eth0")
    equal(got["tun0"]["addr_info"], [], "tun0")
    check("10.1.0.1/24" in output("addr", "old", "list", "dev", "eth0"), "table")
    fails(3, "addr", "old", "list", "dev", "eth9", said=["eth9"])


@old
def list_routes(fake):
    got = json.loads(output("-j", "route", "old"))
    equal([{k: r.get(k) for k in ("dst", "gateway", "dev")} for r in got],
          [{"dst": "default", "gateway": "10.1.0.254", "dev": "eth0"},
           {"dst": "10.1.0.0/24", "gateway": None, "dev": "eth0"},
           {"dst": "fd00::/64", "gateway": None, "dev": "eth0"}], "routes")
    equal(output("-q", "route", "old", "list").split(), ["default", "10.1.0.0/24", "fd00::/64"],
          "destinations")


@old
def exec_and_its_codes(fake):
    done = nemu("exec", "old", "sh", "-c", "cat; echo err >&2; pwd; echo $WORD; exit 7",
                stdin=None, input="through\n", cwd="/proc", env=dict(os.environ, WORD="there"))
    equal((done.returncode, done.stdout, done.stderr), (7, "through\n/proc\nthere\n", "err\n"),
          "exec")
    equal(nemu("exec", "old", "sh", "-c", "kill -9 $$").returncode, 137, "signal")
    equal(output("exec", "old", "-e", "A=b c", "-d", "/", "sh", "-c", "echo $A; pwd"),
          "b c\n/\n", "-e and -d")
    check(fake.asked[-1].startswith("PROC WAIT "), "waited for by WAIT: %r" % fake.asked[-1])
    equal(len(fake.children), 0, "processes that were not asked for")


@old
def exec_that_cannot(fake):
    fails(127, "exec", "old", "no-such-program", said=["old"])
    fails(127, "exec", "old", "/nowhere/prog")
    fails(126, "exec", "old", TMP)
    fails(125, "exec", "old", "-u", "no-such-user", "true", said=["no-such-user"])
    fails(125, "exec", "old", "-t", "true", said=["terminal"])


@old
def spawn_without_a_log(fake):
    pid = int(output("spawn", "old", "sleep", "1000"))
    check(pid in fake.children, "a child of the server")
    sleeps(pid)
    for fd in "012":
        equal(os.readlink("/proc/%d/fd/%s" % (pid, fd)), "/dev/null", "descriptor " + fd)
    equal(descriptors(pid), ["0", "1", "2"], "descriptors")
    check("PROC LOG" in fake.asked, "a log was asked for: %r" % fake.asked)
    with open(os.path.join(TMP, "out"), "w+") as f:
        pid = int(subprocess.run([NEMU, "spawn", "old", "-i", "sh", "-c", "echo said >&2"],
                                 stdout=subprocess.PIPE, stderr=f, check=True,
                                 timeout=LIMIT).stdout)
        equal(nemu("wait", "old", str(pid)).returncode, 0, "wait")
        f.seek(0)
        equal(f.read(), "said\n", "error output with -i")
    fails(127, "spawn", "old", "no-such-program")
    fails(126, "spawn", "old", TMP)


@old
def wait_and_its_codes(fake):
    for command, code in (("exit 0", 0), ("exit 9", 9), ("kill -TERM $$", 143)):
        pid = output("spawn", "old", "sh", "-c", command).strip()
        equal(nemu("wait", "old", pid).returncode, code, command)
        fails(127, "wait", "old", pid, said=[pid])
    two = [output("spawn", "old", "sh", "-c", "exit %d" % n).strip() for n in (3, 4)]
    equal(nemu("wait", "old", *two).returncode, 4, "of two, the last one's")
    pid = output("spawn", "old", "sleep", "1000").strip()
    fails(124, "wait", "old", "-t", "10ms", pid)


@old
def kill(fake):
    for args, status in (((), signal.SIGTERM), (("-s", "KILL"), signal.SIGKILL),
                         (("-s", "10"), signal.SIGUSR1)):
        pid = output("spawn", "old", "sleep", "1000").strip()
        equal(output("kill", "old", *args, pid), "", "kill")
        equal(asked(fake, "PROC KILL")[-1], "PROC KILL %s %d" % (pid, status), "with the signal")
        equal(nemu("wait", "old", pid).returncode, 128 + status, "wait")
        eventually("gone", gone, int(pid))
    fails(3, "kill", "old", "4711", said=["4711"])
    fails(3, "kill", "old", "a-tag", said=["a-tag"])


@old
def set_interface(fake):
    equal(output("if", "old", "set", "eth0", "mtu", "1400", "up"), "", "if set")
    words = asked(fake, "IF SET")[-1].split()
    equal(words[:3], ["IF", "SET", "2"], "words")
    equal(dict(zip(words[3::2], words[4::2])), {"mtu": "1400", "up": "1"}, "pairs")
    output("if", "old", "set", "eth0", "down", "name", "x0", "address", "02:00:00:00:00:09",
           "broadcast", "ff:ff:ff:ff:ff:fe", "multicast", "off", "arp", "on")
    words = asked(fake, "IF SET")[-1].split()
    equal(dict(zip(words[3::2], words[4::2])),
          {"up": "0", "name": "x0", "lladdr": "02:00:00:00:00:09",
           "broadcast": "ff:ff:ff:ff:ff:fe", "multicast": "0", "arp": "1"}, "pairs")
    fails(3, "if", "old", "set", "eth9", "up", said=["eth9"])
    output("if", "old", "del", "eth0")
    equal(asked(fake, "IF DEL"), ["IF DEL 2"], "if del")
    output("if", "old", "move", "eth0", "host")
    equal(len(asked(fake, "IF RTRN 2 ")), 1, "if move")


@old
def change_addresses_and_routes(fake):
    output("addr", "old", "add", "10.2.0.1/24", "dev", "eth0")
    output("addr", "old", "add", "10.2.0.2/24", "broadcast", "10.2.0.9", "dev", "eth0")
    output("addr", "old", "add", "fd02::1/64", "dev", "tun0")
    output("addr", "old", "del", "10.2.0.1/24", "dev", "eth0")
    equal(asked(fake, "ADDR ADD", "ADDR DEL"),
          ["ADDR ADD 2 10.2.0.1 24", "ADDR ADD 2 10.2.0.2 24 10.2.0.9", "ADDR ADD 7 fd02::1 64",
           "ADDR DEL 2 10.2.0.1 24"], "ADDR")
    fails(3, "addr", "old", "add", "10.2.0.1/24", "dev", "eth9", said=["eth9"])
    output("route", "old", "add", "10.3.0.0/16", "via", "10.1.0.9", "metric", "5")
    output("route", "old", "add", "default", "dev", "eth0")
    output("route", "old", "del", "10.3.0.0/16", "via", "10.1.0.9")
    equal([[Connection.word(w.encode()) for w in line.split()]
           for line in asked(fake, "ROUT ADD", "ROUT DEL")],
          [["ROUT", "ADD", "unicast", "10.3.0.0", "16", "10.1.0.9", "0", "5"],
           ["ROUT", "ADD", "unicast", "", "0", "", "2", "0"],
           ["ROUT", "DEL", "unicast", "10.3.0.0", "16", "10.1.0.9", "0", "0"]], "ROUT")


@old
def add_a_link(fake):
    fails(4, "link", "add", "old:a", "old:b", said=["old", "cannot"])
    equal(len(asked(fake, "LINK VETH")), 1, "asked")


@old
def list_processes(fake):
    fails(4, "ps", "old", said=["old", "cannot"])
    fails(4, "kill", "old", "--all", said=["old", "cannot"])
    fails(125, "wait", "old", said=["old", "cannot"])


@old
def tell_about_the_node(fake):
    fails(4, "node", "show", "old", said=["old", "cannot"])


@old
def name_a_process(fake):
    fails(4, "spawn", "old", "--name", "tag", "sleep", "1000", said=["old", "cannot"])
    equal(len(fake.children), 0, "nothing was started")


@old
def notification_of_a_process(fake):
    fails(4, "spawn", "old", "--ready", "notify", "sleep", "1000", said=["old", "cannot"])
    fails(4, "spawn", "old", "--ready", "fd", "sleep", "1000", said=["old", "cannot"])
    equal(len(fake.children), 0, "nothing was started")


@old
def set_the_master(fake):
    fails(4, "if", "old", "set", "eth0", "master", "tun0", said=["old", "cannot"])
    fails(4, "if", "old", "set", "eth0", "nomaster", said=["old", "cannot"])


# Servers that answer nonsense

class Command:
    """A pickle that would run this, were it to be believed."""

    def __init__(self, module, name, *args):
        self.out = (b"\x80\x02c%s\n%s\n(" % (module, name) +
                    b"".join(b"U" + bytes([len(a)]) + a for a in args) + b"tR.")


def broken(lines, code, said=(), commands=("IF INFO", "IF LIST"), args=("if", "old", "list")):
    """What the applet does when each of these commands is answered like this."""
    def test():
        fake = Fake("old")
        try:
            fake.script = {c.encode(): lines for c in commands}
            done = fails(code, *args, said=said)
            equal(done.stdout, "", "output")
        finally:
            fake.close()
    return test


def names_a_function():
    proof = os.path.join(TMP, "proof").encode()
    for module, name in ((b"os", b"system"), (b"posix", b"system"), (b"__builtin__", b"eval")):
        data = Command(module, name, b"touch " + proof).out
        for code in (200, 550):
            broken(b"%d-# Data.\n%d " % (code, code) + payload(data) + b"\n", 2,
                   [name.decode()])()
        check(not os.path.exists(proof), "it was run")


def thousand_lines():
    fake = Fake("old")
    try:
        data = payload(Pickle(INTERFACES).out)
        fake.script[b"IF LIST"] = b"".join(b"200-line %d\n" % i for i in range(999)) + \
            b"200 " + data + b"\n"
        equal(output("-q", "if", "old").split(), ["lo", "eth0", "tun0"], "names")
        fake.script[b"IF SET"] = b"200-x\n" * 999 + b"200 Done.\n"
        output("if", "old", "set", "eth0", "up")
        fake.script[b"IF SET"] = b"500-x\n" * 999 + b"500 the last line\n"
        fails(2, "if", "old", "set", "eth0", "up", said=["the last line"])
    finally:
        fake.close()


def greetings():
    for greeting in (b"500 Go away.\n", b"hello\n", b"\n", b"", b"220", b"\0\n", b"220\0x\n" * 3,
                     b"200 Hello.\n", b"22 Hello.\n", b"-1 x\n"):
        fake = Fake("old", greeting)
        try:
            fake.script[b"IF INFO"] = None
            fails(2, "if", "old", "list")
            fake.script[b"PROC CRTE"] = None
            fails(125, "exec", "old", "true")
        finally:
            fake.close()


def control_characters():
    text = b"500 \x1b]0;title\x07\x1b[31mred\rover\x00\x7f\x9b\xff\n"
    for command, args in (("IF SET", ("if", "old", "set", "eth0", "up")),
                          ("ADDR DEL", ("addr", "old", "del", "10.1.0.1/24", "dev", "eth0"))):
        fake = Fake("old")
        try:
            fake.script[command.encode()] = text
            done = subprocess.run((NEMU,) + args, stdin=subprocess.DEVNULL, timeout=LIMIT,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            equal(done.returncode, 2, "exit code")
            equal(done.stderr.count(b"\n"), 1, "lines: %r" % done.stderr)
            check(not [c for c in done.stderr[:-1] if c < 32 or c == 127],
                  "control characters: %r" % done.stderr)
        finally:
            fake.close()


def exceptions():
    for args, code, said in ((("KeyError", 7), 3, "7"), (("ValueError", "no good"), 2, "no good"),
                             (("RuntimeError", "refused so"), 2, "refused so"),
                             (("OSError", 1, "Operation not permitted"), 2, "permitted"),
                             (("TypeError", "odd type"), 2, "odd type"),
                             (("RuntimeError",), 2, ""), (("OSError", "a", "b"), 2, ""),
                             (("ZeroDivisionError", "by zero"), 2, "by zero")):
        broken(with_exception(*args), code, [said], ["IF SET"],
               ("if", "old", "set", "eth0", "up"))()


def hung_up_in_exec():
    for command, raw in (("PROC CRTE", None), ("PROC ENV", None), ("PROC SIN", None),
                         ("PROC SIN", b"354 Go"), ("PROC SIN", b"200 What?\n"), ("PROC RUN", None),
                         ("PROC RUN", b"200 running.\n"), ("PROC RUN", b"200 -5 running.\n"),
                         ("PROC WAIT", None), ("PROC WAIT", b"200 12"), ("PROC WAIT", b"200 Over.\n"),
                         ("PROC WAIT", b"200 \n"), ("PROC WAIT", b"200 4294967296 exitcode.\n")):
        broken(raw, 125, (), [command], ("exec", "old", "true"))()


def ends_that_cannot_be_read():
    for command, text in (("PROC NEXT", b"4711"), ("PROC NEXT", b"4711 x"), ("PROC NEXT", b"4712 0 ended."),
                          ("PROC NEXT", b"4711 4294967296 ended."), ("PROC WAIT", b"Over.")):
        broken(b"200 " + text + b"\n", 125, ["the server"], [command], ("wait", "old", "4711"))()


PICKLED = b"200-# Data.\n200 "
TESTS = (
    ("list interfaces", list_interfaces), ("list addresses", list_addresses),
    ("list routes", list_routes), ("exec and its codes", exec_and_its_codes),
    ("exec that cannot start", exec_that_cannot), ("spawn without a log", spawn_without_a_log),
    ("wait and its codes", wait_and_its_codes), ("kill", kill), ("set an interface", set_interface),
    ("change addresses and routes", change_addresses_and_routes),
    ("lacks links", add_a_link), ("lacks lists of processes", list_processes),
    ("lacks information about itself", tell_about_the_node),
    ("lacks names of processes", name_a_process),
    ("lacks notifications", notification_of_a_process), ("lacks masters", set_the_master),
    ("no pickle", broken(PICKLED + payload(b"hello") + b"\n", 2)),
    ("an empty pickle", broken(PICKLED + b"=\n", 2)),
    ("a pickle without its end", broken(PICKLED + payload(Pickle(INTERFACES).out[:-5]) + b"\n", 2)),
    ("a pickle that runs past its end", broken(PICKLED + payload(b"\x80\x02T\xff\xff\xff\x7fabc.") +
                                               b"\n", 2)),
    ("no base64", broken(PICKLED + b"=abc\n", 2)),
    ("a number for a list", broken(PICKLED + payload(Pickle(5).out) + b"\n", 2)),
    ("an odd dict", broken(PICKLED + payload(Pickle({1: "x", "y": None}).out) + b"\n", 2)),
    ("a pickle that names a function", names_a_function),
    ("a line cut in the middle", broken(PICKLED + payload(Pickle(INTERFACES).out)[:40], 2,
                                        ["middle"])),
    ("cut between two lines", broken(b"200-# Data.\n200-", 2)),
    ("hung up", broken(None, 2)),
    ("an empty line", broken(b"\n", 2)),
    ("a blank line", broken(b"  \r\n", 2)),
    ("no code", broken(b"OK done\n", 2)),
    ("a code of two digits", broken(b"20 done\n", 2)),
    ("another code", broken(b"354 Pass it.\n", 2)),
    ("NUL bytes", broken(b"200 \0\0\0\n", 2)),
    ("an exception that is none", broken(b"550-#\n550 " + payload(Pickle({}).out) + b"\n", 2)),
    ("an exception that is no pickle", broken(b"550-#\n550 sorry\n", 2)),
    ("a reply of a thousand lines", thousand_lines),
    ("odd greetings", greetings), ("control characters", control_characters),
    ("exceptions", exceptions), ("exec, hung up", hung_up_in_exec),
    ("ends of processes that cannot be read", ends_that_cannot_be_read),
)


def main():
    tap = Tap()
    try:
        for name, fn in TESTS:
            tap.run("the reference: " + name, fn)
    finally:
        os.rmdir(os.path.join(RUNDIR, "default"))
    return tap.done()


sys.exit(main())
