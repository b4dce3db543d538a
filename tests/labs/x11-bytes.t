#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The x11 forwarder as a carrier of bytes: between sockets of this test, which stand for programs
and for a display that does what no X server would. Nothing is lost, nothing waits for others."""
import contextlib
import hashlib
import os
import random
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

NEMU = os.environ["NEMU"]
LIMIT = 60
PROTO = b"MIT-MAGIC-COOKIE-1"
REAL = bytes(range(16))


def pad(data):
    return data + bytes(-len(data) % 4)


def setup(order, proto, key):
    form = ">" if order == b"B" else "<"
    return order + b"\0" + struct.pack(form + "HHHHH", 11, 0, len(proto), len(key), 0) + \
        pad(proto) + pad(key)


def read(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(min(65536, size - len(data)))
        if not part:
            raise EOFError("%d of %d bytes" % (len(data), size))
        data += part
    return data


def nemu(*words, **more):
    return subprocess.run([NEMU, *words], check=True, stdout=subprocess.PIPE, text=True,
                          **more).stdout


def run(*words):
    subprocess.run(words, check=True)


class Lab:
    """A node, and a display of which this test is the server."""

    def __init__(self):
        self.dir = tempfile.mkdtemp()
        os.makedirs("/tmp/.X11-unix", mode=0o1777, exist_ok=True)
        for self.number in range(4000, 4999):
            path = "/tmp/.X11-unix/X%d" % self.number
            if not os.path.exists(path):
                break
        self.path = path
        self.display = socket.socket(socket.AF_UNIX)
        self.display.bind(path)
        self.display.listen(512)
        self.display.settimeout(LIMIT)
        self.env = dict(os.environ, DISPLAY=":%d" % self.number,
                        XAUTHORITY=os.path.join(self.dir, "auth"))
        self.authorise(REAL)
        nemu("node", "add", "x")
        self.forward()

    def authorise(self, key):
        subprocess.run(["xauth", "-q"], input="add :%d . %s\n" % (self.number, key.hex()),
                       text=True, env=self.env, check=True, stderr=subprocess.DEVNULL)

    def forward(self, display=None):
        """To this test's display, or to another one."""
        nemu("x11", "x", env=dict(self.env, DISPLAY=display) if display else self.env)
        if not display:
            self.display.accept()[0].close()  # whether it is there at all
        text = nemu("exec", "x", "sh", "-c", "echo $DISPLAY; xauth list")
        self.port = 6000 + int(text.split("\n")[0].split(":")[1])
        self.key = bytes.fromhex(text.split()[-1])
        self.ns = open("/proc/%s/ns/net" % nemu("node", "pid", "x").strip())

    def program(self):
        """A socket of the node, connected to the display's port; it is the caller's."""
        s = socket_in(self.ns)
        s.settimeout(LIMIT)
        s.connect(("127.0.0.1", self.port))
        return s

    def pair(self, order=b"l"):
        """A program and the display's end, after the cookie."""
        program = self.program()
        program.sendall(setup(order, PROTO, self.key))
        end, _ = self.display.accept()
        end.settimeout(LIMIT)
        want = setup(order, PROTO, REAL)
        equal(read(end, len(want)), want, "the setup that arrives")
        return program, end

    def forwarder(self):
        out = subprocess.run(["pgrep", "-f", "^%s x11 x$" % NEMU], stdout=subprocess.PIPE, text=True)
        alive = [int(p) for p in out.stdout.split() if state(p) not in "ZX"]
        equal(len(alive), 1, "forwarders")
        return alive[0]

    def close(self):
        nemu("node", "del", "--all")
        self.display.close()
        os.unlink(self.path)
        shutil.rmtree(self.dir)


def state(pid):
    try:
        with open("/proc/%s/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def os_setns(fd):
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def socket_in(ns):
    with open("/proc/thread-self/ns/net") as own:
        os_setns(ns.fileno())
        try:
            return socket.socket()
        finally:
            os_setns(own.fileno())


def equal(got, want, what):
    assert got == want, "%s: %.200r, not %.200r" % (what, got, want)


def eventually(what, fn):
    end = time.monotonic() + LIMIT
    while not fn():
        assert time.monotonic() < end, what
        select.select([], [], [], 0.02)


def sockets_to(port):
    """The states of this host's TCP sockets with that port at their far end, as /proc tells."""
    with open("/proc/net/tcp") as f:
        lines = [line.split() for line in f]
    return [w[3] for w in lines if w[2].endswith(":%04X" % port)]


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


# ---------------------------------------------------------------- tests

def both_byte_orders(lab):
    for order in b"l", b"B":
        program, end = lab.pair(order)
        program.sendall(b"request")
        equal(read(end, 7), b"request", "request")
        end.sendall(b"reply")
        equal(read(program, 5), b"reply", "reply")
        program.close()
        equal(end.recv(1), b"", "the end")
        end.close()


def setup_in_pieces(lab):
    program = lab.program()
    for byte in setup(b"l", PROTO, lab.key) + b"more":
        program.sendall(bytes([byte]))
        select.select([], [], [], 0.001)
    end, _ = lab.display.accept()
    end.settimeout(LIMIT)
    want = setup(b"l", PROTO, REAL) + b"more"
    equal(read(end, len(want)), want, "what arrives")
    program.close()
    end.close()


def wrong_setups(lab):
    """Refused as an X server refuses, or just closed; the display hears of none of them."""
    refused = {
        "wrong key": setup(b"l", PROTO, bytes(16)),
        "big endian": setup(b"B", PROTO, bytes(16)),
        "short key": setup(b"l", PROTO, lab.key[:15]),
        "long key": setup(b"l", PROTO, lab.key + b"\0"),
        "no cookie": setup(b"l", b"", b""),
        "other protocol": setup(b"l", b"MIT-MAGIC-COOKIE-2", lab.key),
        "the display's own": setup(b"l", PROTO, REAL),
        "huge": b"l\0" + struct.pack("<HHHHH", 11, 0, 65535, 65535, 0) + bytes(300),
    }
    closed = {"no X at all": b"GET / HTTP/1.0\r\n\r\n", "zeros": bytes(100)}
    for what, data in refused.items():
        program = lab.program()
        program.sendall(data)
        head = read(program, 8)
        equal(head[0], 0, what)
        form = ">H" if data[:1] == b"B" else "<H"
        reason = read(program, 4 * struct.unpack(form, head[6:8])[0])
        equal(reason.rstrip(b"\0"), b"nemu: wrong cookie", what)
        program.close()
    for what, data in closed.items():
        program = lab.program()
        program.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            equal(program.recv(100), b"", what)
        program.close()
    for part in range(0, 40, 7):
        program = lab.program()
        program.sendall(setup(b"l", PROTO, lab.key)[:part])
        program.close()
    equal(select.select([lab.display], [], [], 0)[0], [], "connections at the display")


def much_both_ways(lab):
    """Random bytes at once in both directions, in pieces of all sizes."""
    program, end = lab.pair()
    size = 24 << 20
    results = {}

    def send(name, sock, seed):
        rng, digest, left = random.Random(seed), hashlib.md5(), size
        while left:
            part = rng.randbytes(min(left, rng.choice((1, 100, 4096, 65536, 300000))))
            digest.update(part)
            sock.sendall(part)
            left -= len(part)
        sock.shutdown(socket.SHUT_WR)
        results[name] = digest.hexdigest()

    def receive(name, sock):
        digest, got = hashlib.md5(), 0
        while True:
            part = sock.recv(200000)
            if not part:
                break
            digest.update(part)
            got += len(part)
        results[name] = (got, digest.hexdigest())

    threads = [threading.Thread(target=send, args=("to", program, 1)),
               threading.Thread(target=send, args=("from", end, 2)),
               threading.Thread(target=receive, args=("at display", end)),
               threading.Thread(target=receive, args=("at program", program))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(results["at display"], (size, results["to"]), "to the display")
    equal(results["at program"], (size, results["from"]), "from the display")
    program.close()
    end.close()


def half_closes(lab):
    """One side has said all; the other goes on."""
    program, end = lab.pair()
    program.sendall(b"last words")
    program.shutdown(socket.SHUT_WR)
    equal(read(end, 10), b"last words", "before the end")
    equal(end.recv(1), b"", "the end")
    for _ in range(3):
        end.sendall(b"still here")
        equal(read(program, 10), b"still here", "after the other's end")
    end.close()
    equal(program.recv(1), b"", "the end")
    program.close()
    program, end = lab.pair()
    end.shutdown(socket.SHUT_WR)
    equal(program.recv(1), b"", "the end")
    for _ in range(3):
        program.sendall(b"still here")
        equal(read(end, 10), b"still here", "after the other's end")
    program.close()
    equal(end.recv(1), b"", "the end")
    end.close()


def one_that_does_not_read(lab):
    """It costs the others nothing, and the forwarder no memory."""
    pid = lab.forwarder()
    before = rss(pid)
    stuck, stuck_end = lab.pair()
    stuck.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < 64 << 20:
            sent += stuck.send(bytes(65536))
    assert sent < 32 << 20, "%d bytes were taken" % sent
    for _ in range(20):
        program, end = lab.pair()
        program.sendall(b"x" * 10000)
        equal(read(end, 10000), b"x" * 10000, "another's bytes")
        program.close()
        end.close()
    assert rss(pid) - before < 1024, "%d kB more" % (rss(pid) - before)
    got = 0
    while got < sent:
        got += len(stuck_end.recv(1 << 20))
    equal(got, sent, "bytes of the slow one")
    stuck.close()
    stuck_end.close()


def hundreds_at_once(lab):
    pid = lab.forwarder()
    before = fds(pid)
    pairs = [lab.pair() for _ in range(300)]
    for i, (program, end) in enumerate(pairs):
        program.sendall(b"%05d" % i)
        end.sendall(b"%05d" % (i + 50000))
    for i, (program, end) in reversed(list(enumerate(pairs))):
        equal(read(end, 5), b"%05d" % i, "to the display")
        equal(read(program, 5), b"%05d" % (i + 50000), "to the program")
    assert fds(pid) >= before + 600, "descriptors"
    for i, (program, end) in enumerate(pairs):
        (program if i % 2 else end).close()
    for i, (program, end) in enumerate(pairs):
        equal((end if i % 2 else program).recv(1), b"", "the end")
        program.close()
        end.close()
    eventually("descriptors are given back", lambda: fds(pid) == before)


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid) as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))


def no_descriptor_left(lab):
    """It cannot accept, and has no connection whose end would give it room: it waits without work,
    and goes on as soon as it can."""
    pid = lab.forwarder()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (fds(pid), before[1]))
    ticks = cpu_ticks(pid)
    program = lab.program()
    program.sendall(setup(b"l", PROTO, lab.key))
    select.select([lab.display], [], [], 0.7)  # about 70 ticks
    ticks = cpu_ticks(pid) - ticks
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert ticks < 15, "%d ticks of work" % ticks
    end, _ = lab.display.accept()
    end.settimeout(LIMIT)
    want = setup(b"l", PROTO, REAL)
    equal(read(end, len(want)), want, "the setup that arrives")
    program.close()
    end.close()


def resets(lab):
    """A connection torn down while bytes are on their way ends the other side's."""
    pid = lab.forwarder()
    before = fds(pid)
    for breaker in 0, 1:
        for _ in range(20):
            sides = lab.pair()
            for s in sides:
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    for _ in range(100):
                        s.send(bytes(65536))
            sides[breaker].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sides[breaker].close()
            other = sides[1 - breaker]
            other.settimeout(LIMIT)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                while other.recv(1 << 20):
                    pass
            other.close()
    eventually("descriptors are given back", lambda: fds(pid) == before)


def display_without_room(lab):
    """A display that is slow to accept: connections wait, and others go on meanwhile."""
    old = lab.display
    program, end = lab.pair()
    lab.display.listen(0)  # a new backlog, for those to come
    waiting = [lab.program() for _ in range(30)]
    for s in waiting:
        s.sendall(setup(b"l", PROTO, lab.key))
    program.sendall(b"meanwhile")
    equal(read(end, 9), b"meanwhile", "another connection")
    for _ in waiting:
        there, _ = old.accept()
        there.settimeout(LIMIT)
        want = setup(b"l", PROTO, REAL)
        equal(read(there, len(want)), want, "the setup that arrives")
        there.sendall(b"welcome")
        there.close()
    for s in waiting:
        equal(read(s, 7), b"welcome", "the display's answer")
        s.close()
    program.close()
    end.close()
    lab.display.listen(512)


def display_gone(lab):
    """Nobody listens: that connection is refused, the forwarder stays, and finds the next."""
    pid = lab.forwarder()
    os.rename(lab.path, lab.path + ".away")
    program = lab.program()
    program.sendall(setup(b"l", PROTO, lab.key))
    head = read(program, 8)
    equal(head[0], 0, "refusal")
    assert b"cannot be reached" in read(program, 4 * struct.unpack("<H", head[6:8])[0])
    program.close()
    os.rename(lab.path + ".away", lab.path)
    equal(lab.forwarder(), pid, "the forwarder")
    program, end = lab.pair()
    program.close()
    end.close()


def unreachable(lab, order=b"l", meanwhile=lambda: None):
    """A program, told that the display cannot be reached."""
    program = lab.program()
    program.sendall(setup(order, PROTO, lab.key))
    meanwhile()
    head = read(program, 8)
    equal(head[0], 0, "refusal")
    size = struct.unpack((">" if order == b"B" else "<") + "H", head[6:8])[0]
    assert b"cannot be reached" in read(program, 4 * size)
    equal(program.recv(1), b"", "the end")
    program.close()


def tcp_display_gone(lab):
    """A display of this host by TCP: its refusal is there when the setup is sent."""
    run("ip", "link", "set", "lo", "up")
    with socket.create_server(("127.0.0.1", 0)) as display:
        lab.forward("127.0.0.1:%d" % (display.getsockname()[1] - 6000))
    pid = lab.forwarder()
    for order in b"l", b"B":
        unreachable(lab, order)
    equal(lab.forwarder(), pid, "the forwarder")
    lab.forward()


def refused_late(lab):
    """The refusal comes while nothing is done with the connection: this host does not know where to
    send its packets, until it is told."""
    nemu("node", "add", "far")
    far = nemu("node", "pid", "far").strip()
    neighbour = "10.250.0.2", "lladdr", "02:00:00:00:00:02", "nud", "permanent", "dev", "x11-near"
    run("ip", "link", "add", "x11-near", "type", "veth", "peer", "x11-far", "address", neighbour[2],
        "netns", far)
    run("ip", "address", "add", "10.250.0.1/24", "dev", "x11-near")
    run("ip", "link", "set", "x11-near", "up")
    nemu("addr", "far", "add", "10.250.0.2/24", "dev", "x11-far")
    nemu("if", "far", "set", "x11-far", "up")
    nemu("exec", "far", "sh", "-c", "echo 8 >/proc/sys/net/ipv4/conf/x11-far/arp_ignore")
    run("ip", "neighbour", "replace", *neighbour)
    with open("/proc/%s/ns/net" % far) as ns, socket_in(ns) as display:
        display.bind(("10.250.0.2", 6077))
        display.listen()
        lab.forward("10.250.0.2:77")
    pid = lab.forwarder()
    for order in b"l", b"B":
        run("ip", "neighbour", "replace", *neighbour[:1], "nud", "incomplete", "dev", "x11-near")

        def tell():
            eventually("a connection under way", lambda: "02" in sockets_to(6077))
            run("ip", "neighbour", "replace", *neighbour)
        unreachable(lab, order, tell)
    equal(lab.forwarder(), pid, "the forwarder")
    lab.forward()
    nemu("node", "del", "far")


def stop_cuts(lab):
    program, end = lab.pair()
    nemu("x11", "--stop", "x")
    equal(program.recv(1), b"", "the end")
    equal(end.recv(1), b"", "the end")
    lab.forward()
    for s in lab.pair():
        s.close()


def main():
    tests = [both_byte_orders, setup_in_pieces, wrong_setups, much_both_ways, half_closes,
             one_that_does_not_read, hundreds_at_once, no_descriptor_left, resets,
             display_without_room, display_gone, tcp_display_gone, refused_late, stop_cuts]
    print("1..%d" % len(tests))
    lab, failed = Lab(), 0
    try:
        for number, test in enumerate(tests, 1):
            name = "x11: " + test.__name__.replace("_", " ")
            try:
                test(lab)
                print("ok %d - %s" % (number, name), flush=True)
            except Exception as error:
                failed = 1
                print("not ok %d - %s" % (number, name))
                print("# %s: %s" % (type(error).__name__, error), flush=True)
    finally:
        lab.close()
    return failed


sys.exit(main())
