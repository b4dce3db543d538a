#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Much at once: clients of one node, nodes, processes; and hostile clients, while a good one measures what
it notices of them. NEMU_LOAD=full: more of all. Times are printed and, but for that one ratio, not judged."""
import contextlib, os, resource, select, signal, statistics, subprocess, sys, time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wire"))
from wire import (LIMIT, NEMU, RUNDIR, SANITIZED, NodeServer, Tap, b, check, connect, descriptors, equal,
                  eventually, has_descriptors, memory)

CLIENTS = 500
NODES, PROCESSES = (1000, 10000) if os.environ.get("NEMU_LOAD") == "full" else (300, 1000)
SLOWER, MEMORY, MORE = 3, 64 << 20, 2 << 20  # round trips, and bytes while the hostile are there and behind


def say(text):
    print("# " + text, flush=True)


@contextlib.contextmanager
def timed(what, count):
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    say("%s: %.2f s, %.0f µs each" % (what, took, took / count * 1e6))


def program(*args):
    done = subprocess.run([NEMU] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=4 * LIMIT)
    equal((done.returncode, done.stderr), (0, ""), "nemu " + " ".join(args[:3]))
    return done.stdout


# Many of all kinds

def exits(code):
    return b"PROC CRTE /bin/sh sh -c " + b("exit %d" % code) + b"\nPROC RUN\n"


def many_clients(node):
    """Each asks for something of its own, before any of them reads."""
    with timed("%d clients" % CLIENTS, CLIENTS):
        wires = [node.connect(greeted=True) for _ in range(CLIENTS)]
        for i, wire in enumerate(wires):
            wire.send(b"HELP\nNONSENSE\nADDR LIST 1\n" + exits(i % 256))
        for i, wire in enumerate(wires):
            equal([wire.reply().code for _ in range(3)], [220, 200, 500], "client %d" % i)
            equal([a.address for a in wire.reply().data], ["127.0.0.1", "::1"], "ADDR LIST")
            equal(wire.reply().code, 200, "PROC CRTE")
            wire.send(b"PROC WAIT %d\n" % int(wire.reply().text.split()[0]))
        for i, wire in enumerate(wires):
            equal(int(wire.reply().text.split()[0]), i % 256 << 8, "status of %d's process" % i)
            wire.in_step()
            wire.close()
    equal(program("-j", "ps", node.name), "[]\n", "processes that are known")


def many_nodes():
    names = ["n%d" % i for i in range(NODES)]
    with timed("node add, %d nodes" % NODES, NODES):
        program("node", "add", *names)
    with timed("node list", NODES):
        listed = program("-q", "node").split()
    equal(sorted(listed), sorted(names + ["load", "other"]), "the list")
    with timed("a client of each", NODES):
        for name in names:
            wire = connect(name)
            wire.in_step()
            wire.close()
    with timed("node del", NODES):
        program("node", "del", *names)
    equal([name for name in names if os.path.exists(RUNDIR + "/default/" + name)], [], "sockets")


def many_processes(wires):
    """The clients take turns; each waits for what another has started. No more is under way than the
    sockets hold."""
    with timed("%d processes, %d clients" % (PROCESSES, len(wires)), PROCESSES):
        for first in range(0, PROCESSES, 100):
            part = [(wires[i % len(wires)], wires[(i + 1) % len(wires)], i) for i in range(first, first + 100)]
            pids = []
            for wire, _, i in part:
                wire.send(exits(i % 256))
            for wire, _, i in part:
                equal(wire.reply().code, 200, "PROC CRTE")
                pids.append(int(wire.reply().text.split()[0]))
            for (_, wire, i), pid in zip(part, pids):
                wire.send(b"PROC WAIT %d\n" % pid)
            for _, wire, i in part:
                equal(int(wire.reply().text.split()[0]), i % 256 << 8, "status of process %d" % i)
            equal([p for p in pids if os.path.exists("/proc/%d/exe" % p)], [], "still there")


# The hostile: each goes on, in a process of its own, until it is killed

def never_reads(node):
    wires = [node.connect(greeted=True) for _ in range(4)]
    for wire, line in zip(wires, (b"HELP\n", b"IF LIST\n", b"FOO\n", b"HELP\nADDR LIST\n")):
        wire.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                wire.sock.send(line * 10000)
    signal.pause()


def a_byte_a_second(node):
    wires = [node.connect() for _ in range(10)]
    while True:
        for byte in b"IF LIST 1\n":
            for wire in wires:
                wire.send(bytes([byte]))
            select.select([], [], [], 1)
        for wire in wires:
            equal(wire.reply().code, 200, "IF LIST")


def line_of_64_mib(node):
    wire = node.connect()
    while True:
        for _ in range(64):
            wire.send(b"y" * (1 << 20))
        equal(wire.ask("").code, 500, "a line of 64 MiB")
        wire.in_step()


def descriptors_in_a_message(node):
    wire = node.connect()
    with open(os.devnull) as null:
        while True:
            wire.send_fds(b"HELP\n", [null.fileno()] * 253)
            equal(wire.reply().code, 200, "HELP")


def closes_behind_354(node):
    while True:
        for half in (False, True):
            wire = node.connect()
            wire.create("/bin/true")
            equal(wire.ask("PROC SIN").code, 354, "PROC SIN")
            if half:
                wire.send(b"PROC S")
            wire.close()


def commands_and_descriptor_at_once(node):
    wire = node.connect()
    with open(os.devnull) as null:
        while True:
            wire.send_fds(b"PROC CRTE /bin/true\nPROC SIN\nPROC SIN\nPROC ABRT\n", [null.fileno()])
            equal([wire.reply().code for _ in range(4)], [200, 354, 500, 200], "codes")


HOSTILE = (never_reads, a_byte_a_second, line_of_64_mib, descriptors_in_a_message, closes_behind_354,
           commands_and_descriptor_at_once)


def become(hostile, node):
    """A process; it ends with 1 if it is not served as it should be."""
    pid = os.fork()
    if not pid:
        try:
            hostile(node)
        except Exception as e:
            say("%s: %r" % (hostile.__name__, e))
        finally:
            os._exit(1)
    return pid


def round_trip(wire, seconds, most=0, pid=0):
    """The median, in µs, and the most memory that the server had meanwhile."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        equal(wire.ask("HELP").code, 200, "HELP")
        times.append((time.perf_counter() - start) * 1e6)
        if len(times) % 50 == 0:
            most = max(most, memory(pid))
            select.select([], [], [], 0.002)
    return statistics.median(times), most


@contextlib.contextmanager
def at_it(node, kinds):
    """Hostile processes, all of them connected (some have several connections)."""
    fds = len(descriptors(node.pid))
    hostile = [become(kind, node) for kind in kinds]
    try:
        eventually("connections", lambda: len(descriptors(node.pid)) > fds + len(kinds) // 2)
        yield
        over = [kind.__name__ for pid, kind in zip(hostile, kinds) if os.waitpid(pid, os.WNOHANG)[0]]
    finally:
        for pid in hostile:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    equal(over, [], "hostile clients that were not served as they should be")


def attack(node, other, good, kinds, seconds, tries=3):
    """Hostile to another node, they only use the machine; that is not this server's work. Machines have
    their moods: what is slow by itself is so each time."""
    idle, _ = round_trip(good, 0.5, pid=node.pid)
    with at_it(other, kinds):
        machine, _ = round_trip(good, seconds, pid=node.pid)
    with at_it(node, kinds):
        during, most = round_trip(good, seconds, pid=node.pid)
    say("%-32s round trip %4.0f µs; %4.0f when at another node: %.2f; idle %4.0f: %.2f; at most %.1f MiB" % (
        kinds[0].__name__ if len(kinds) == 1 else "all", during, machine, during / machine, idle,
        during / idle, most / 2 ** 20))
    check(SANITIZED or most < MEMORY, "%.1f MiB" % (most / 2 ** 20))
    if during / machine > SLOWER and tries > 1:
        return attack(node, other, good, kinds, seconds, tries - 1)
    check(during / machine <= SLOWER, "%.1f times as slow" % (during / machine))


def settled(node, good):
    good.in_step()
    node.fds, node.used = len(descriptors(node.pid)), memory(node.pid)


def as_before(node, good):
    has_descriptors(node.pid, node.fds)
    good.in_step()
    say("memory: %.2f MiB, before %.2f" % (memory(node.pid) / 2 ** 20, node.used / 2 ** 20))
    check(SANITIZED or memory(node.pid) - node.used < MORE, "it grows")


def main():
    tap = Tap()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    node, other = NodeServer("load"), NodeServer("other")
    try:
        good = node.wire
        good.wait(good.start("/bin/true"))
        good.done("ADDR LIST")
        settled(node, good)
        tap.run("%d clients at once" % CLIENTS, many_clients, node)
        has_descriptors(node.pid, node.fds)
        settled(node, good)
        tap.run("%d clients again" % CLIENTS, many_clients, node)
        tap.run("descriptors and memory are what they were", as_before, node, good)
        tap.run("%d nodes" % NODES, many_nodes)
        tap.run("%d processes, one client" % PROCESSES, many_processes, [good])
        wires = [node.connect() for _ in range(50)]
        tap.run("%d processes, 50 clients" % PROCESSES, many_processes, wires)
        for wire in wires:
            wire.close()
        tap.run("descriptors and memory are what they were", as_before, node, good)
        settled(node, good)
        for kind in HOSTILE:
            tap.run("a good client is served: %s" % kind.__name__.replace("_", " "), attack, node, other, good, [kind], 0.5)
        tap.run("a good client is served: all of them", attack, node, other, good, HOSTILE, 2)
        tap.run("descriptors and memory are what they were", as_before, node, good)
    finally:
        good.close()
        other.wire.close()
        tap.run("nodes removed", lambda: equal(program("node", "del", "--all"), "", "node del"))
    return tap.done()


sys.exit(main())
