#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hostile clients of a resident node, 24 kinds, one after another and all at once. Meanwhile a
good client must be served, correctly; how fast is not asked. Afterwards the server's descriptors
are what they were, its memory is bounded, and it serves on."""
import os
import random
import resource
import select
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (LINE_MAX, SANITIZED, NodeServer, Tap, b, check, descriptors, equal, eventually,
                  has_descriptors, in_netns, memory, proc)

# A sanitizer keeps what was freed for a while.
MORE_MEMORY = (1024 if SANITIZED else 64) << 20
SEED = 20240229
node = None


# Tools of the hostile

def raw():
    """A connection that has not even read its greeting."""
    return node.connect(greeted=True)


def shove(wire, data):
    """Sends as much as goes without waiting; bytes sent."""
    wire.sock.setblocking(False)
    sent = 0
    try:
        while sent < len(data):
            sent += wire.sock.send(data[sent:sent + 65536])
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        pass
    wire.sock.settimeout(30)
    return sent


def in_proc_mode():
    wire = node.connect()
    wire.create("/bin/true")
    return wire


# The hostile: each gives what is to be closed when the good client has had its turns. Some are
# generators, which go on a step with each turn.

def never_reads():
    wires = [raw() for _ in range(4)]
    for wire, line in zip(wires, (b"HELP\n", b"IF LIST\n", b"FOO\n", b"HELP\nPROC POLL 1\n")):
        while shove(wire, line * 20000):
            pass
    return wires


def a_byte_a_turn():
    wires = [node.connect() for _ in range(10)]
    for byte in b"IF LIST 1\n" * 3:
        for wire in wires:
            wire.send(bytes([byte]))
        yield
    for wire in wires:
        for _ in range(3):
            equal(wire.reply().data.name, "lo", "the slow are served, too")
        wire.close()


def line_without_end():
    wire = raw()
    chunk = b"x" * (1 << 20)
    for _ in range(64):
        wire.send(chunk)
    return [wire]


def line_of_64_mib():
    wire = node.connect()
    for _ in range(64):
        wire.send(b"y" * (1 << 20))
    wire.send(b"\nHELP\n")
    equal(wire.reply().code, 500, "one 500")
    check(b"QUIT" in wire.reply().lines, "and only one")
    return [wire]


def descriptors_with_every_line():
    wires = [node.connect() for _ in range(3)]
    with open(os.devnull) as null:
        for wire in wires:
            for _ in range(40):
                wire.send_fds(b"PROC POLL 1\n", [null.fileno()] * 253)
                wire.send_fds(b"HE", [null.fileno()] * 253)
                wire.send_fds(b"LP\n", [null.fileno()] * 253)
                equal([wire.reply().code for _ in range(2)], [500, 200], "codes")
    return wires


def descriptors_when_asked():
    wires = [in_proc_mode() for _ in range(3)]
    with open(os.devnull) as null:
        for wire in wires:
            for payload in (b"PROC SIN", b"PROC SIN\n", b"========\n", b"x", b"PROC SOUT"):
                equal(wire.ask("PROC SIN").code, 354, "PROC SIN")
                wire.send_fds(payload, [null.fileno()] * 253)
                equal(wire.reply().code, 500, "PROC SIN")
    return wires


def descriptors_a_byte_at_a_time():
    wires = [in_proc_mode() for _ in range(3)]
    with open(os.devnull) as null:
        for wire in wires:
            equal(wire.ask("PROC SERR").code, 354, "PROC SERR")
            for byte in b"PROC SER":
                wire.send_fds(bytes([byte]), [null.fileno()] * 253)
    return wires


def descriptors_nobody_takes():
    """They wait in the socket, as the server reads no more from who does not read."""
    wires = [raw() for _ in range(3)]
    with open(os.devnull) as null:
        for wire in wires:
            while shove(wire, b"HELP\n" * 20000):
                pass
            wire.sock.setblocking(False)
            try:
                for _ in range(20):
                    wire.send_fds(b"HELP\n", [null.fileno()] * 253)
            except OSError:
                pass
    return wires


def close_between_354_and_descriptor():
    for name in ("PROC SIN", "PROC SOUT", "PROC SERR"):
        for how in ("close", "half", "part", "descriptor"):
            wire = in_proc_mode()
            equal(wire.ask(name).code, 354, name)
            if how == "half":
                wire.sock.shutdown(socket.SHUT_WR)
            elif how == "part":
                wire.send(b"PROC S")
            elif how == "descriptor":
                with open(os.devnull) as null:
                    wire.send_fds(b"PROC", [null.fileno()])
            wire.close()
    return []


def commands_and_descriptor_in_one_message():
    wires = [node.connect() for _ in range(5)]
    with open(os.devnull) as null:
        for wire in wires:
            wire.send_fds(b"PROC CRTE /bin/true\nPROC SIN\nPROC SIN\nPROC RUN\n", [null.fileno()])
            equal([wire.reply().code for _ in range(4)], [200, 354, 500, 200], "codes")
            wire.send_fds(b"PROC CRTE /bin/true\nPROC SIN\nPROC SI", [null.fileno()] * 2)
            equal([wire.reply().code for _ in range(3)], [200, 354, 500], "codes")
            wire.in_step()
    return wires


def random_bytes():
    rng = random.Random(SEED)
    wires = [raw() for _ in range(8)]
    for wire in wires:
        shove(wire, rng.randbytes(300000))
    return wires


def random_words():
    """Nearer to the grammar than random bytes; nothing that changes or ends the node."""
    rng = random.Random(SEED)
    words = [b"IF", b"ADDR", b"ROUT", b"PROC", b"LIST", b"CRTE", b"ENV", b"USER", b"CWD", b"SIN",
             b"SOUT", b"SERR", b"ABRT", b"HELP", b"POLL", b"KILL", b"-1", b"1", b"99999999999",
             b"=", b"=YQ==", b"=a", b"\0", b"\r", b"  ", b"\xff\xfe", b"x" * 3000, b"%s%n"]
    wires = [raw() for _ in range(8)]
    for wire in wires:
        shove(wire, b"\n".join(b" ".join(rng.choices(words, k=rng.randrange(6)))
                               for _ in range(2000)))
    return wires


def five_hundred_connections():
    wires = [raw() for _ in range(500)]
    for wire in wires:
        wire.send(b"HELP\n")
    yield
    for wire in wires:
        equal([wire.reply().code for _ in range(2)], [220, 200], "each of 500 is served")
    yield
    for wire in wires:
        wire.close()


def connect_and_close():
    for _ in range(500):
        raw().close()
    return []


def ask_and_close():
    """Closed with replies unread: what the server still sends meets nobody."""
    for _ in range(100):
        wire = raw()
        wire.send(b"HELP\nIF LIST\n" * 50)
        wire.close()
    return []


def half_closed():
    wires = [raw() for _ in range(20)]
    for wire in wires:
        wire.send(b"IF LIST\n" * 500)
        wire.sock.shutdown(socket.SHUT_WR)
    return wires


def big_plans():
    wires = [in_proc_mode() for _ in range(4)]
    for wire in wires:
        for _ in range(3):
            wire.done(b"PROC ENV a " + b(b"v" * 3000000))
            wire.done(b"PROC CWD /" + b"d" * (LINE_MAX - 20))
            wire.done(b"PROC USER " + b"u" * (LINE_MAX - 20))
    return wires


def million_arguments():
    wires = [node.connect() for _ in range(4)]
    for wire in wires:
        wire.refused(b"IF LIST" + b" 1" * 2000000)
        wire.refused(b"IF SET 1" + b" a b" * 1000000 + b" c")
        wire.done(b"PROC CRTE x" + b" y" * 2000000)
        equal(wire.ask("PROC RUN").code, 550, "a program with two million arguments")
        wire.in_step()
    return wires


def nul_bytes():
    wires = [raw() for _ in range(3)]
    for wire in wires:
        wire.send(b"\0" * (5 << 20))
        shove(wire, b"\n\0\n" * 100000)
    return wires


def waiters_that_leave():
    """Parked on a process that runs: some leave, some half-close, some go on talking."""
    starter = node.connect()
    pid = starter.start("/bin/sleep", "1000")
    wires = [starter]
    for i in range(60):
        wire = raw()
        wire.send(b"PROC WAIT %d\n" % pid)
        if i % 3 == 0:
            wire.close()
            continue
        if i % 3 == 1:
            wire.sock.shutdown(socket.SHUT_WR)
        else:
            shove(wire, b"HELP\n" * 50000)
        wires.append(wire)
    yield
    starter.done("PROC KILL %d" % pid)
    yield
    for wire in wires:
        wire.close()


def run_and_leave():
    for i in range(60):
        wire = raw()
        wire.send(b"PROC CRTE /bin/true\nPROC RUN\n" * (i % 3 + 1))
        wire.close()
    return []


def filler_without_end():
    wires = [in_proc_mode() for _ in range(4)]
    for wire in wires:
        equal(wire.ask("PROC SIN").code, 354, "PROC SIN")
        wire.send(b"=" * (6 << 20))
    return wires


def own_socket():
    """Descriptors that lead back to the connection they are sent on, or to the node."""
    wires = [in_proc_mode() for _ in range(20)]
    for i, wire in enumerate(wires):
        for fd in (wire.sock.fileno(), wires[i - 1].sock.fileno()):
            wire.send_fds(b"HELP\n", [fd] * 50)
            equal(wire.reply().code, 200, "HELP")
            # Kept by the server it would keep the connection open for ever: refused.
            equal(wire.ask("PROC SIN").code, 354, "PROC SIN")
            wire.send_fds(b"PROC SIN", [fd])
            equal(wire.reply().code, 500, "own connection")
    for wire in wires[::2]:
        wire.close()
    return wires[1::2]


def out_of_band():
    wires = [raw() for _ in range(5)]
    for wire in wires:
        try:
            for _ in range(5):
                wire.sock.send(b"H", socket.MSG_OOB)
                wire.send(b"ELP\n")
        except OSError:  # a kernel without them on such sockets
            pass
    return wires


KINDS = (never_reads, a_byte_a_turn, line_without_end, line_of_64_mib, descriptors_with_every_line,
         descriptors_when_asked, descriptors_a_byte_at_a_time, descriptors_nobody_takes,
         close_between_354_and_descriptor, commands_and_descriptor_in_one_message, random_bytes,
         random_words, five_hundred_connections, connect_and_close, ask_and_close, half_closed,
         big_plans, million_arguments, nul_bytes, waiters_that_leave, run_and_leave,
         filler_without_end, own_socket, out_of_band)


# The good

class Good:
    def __init__(self):
        self.wire = node.connect()
        self.turns = 0

    def turn(self):
        """Everything a client can ask, on a connection that stays and on a new one."""
        self.turns += 1
        for wire in (self.wire, node.connect()):
            wire.in_step()
            equal(wire.done("IF LIST").data[1].name, "lo", "IF LIST")
            equal(list(wire.done("ADDR LIST").data), [1], "ADDR LIST")
            wire.refused("FOO")
            wire.done(b"PROC CRTE /bin/echo echo " + b("turn %d" % self.turns))
            equal(wire.output(), b"turn %d\n" % self.turns, "output")
            equal(wire.wait(wire.start("/bin/sh", "-c", "exit 3")), 768, "status")
            if wire is not self.wire:
                wire.close()


def step(hostile):
    """Lets one hostile client go on; true when it has nothing more to do."""
    if not hasattr(hostile, "__next__"):
        return True
    return next(hostile, "over") == "over"


def let_go(hostile):
    for wire in () if hasattr(hostile, "__next__") else hostile:
        wire.close()


def bounded(before, used):
    check(used - before < MORE_MEMORY, "%d MiB more of memory" % (used - before >> 20))


def attack(good, before, *kinds):
    good.wire.in_step()  # by now it has noticed the end of the last connection
    fds = len(descriptors(node.pid))
    hostile = [kind() for kind in kinds]
    over = False
    good.turn()
    while not over:
        over = all([step(h) for h in hostile])
        good.turn()
    good.turn()
    used = memory(node.pid)
    for h in hostile:
        let_go(h)
    good.turn()
    has_descriptors(node.pid, fds)
    if len(kinds) == 1:
        bounded(before, used)


def idle(server):
    states = [proc(server.pid, "stat").rsplit(")", 1)[1].split()[0] for _ in range(500)]
    return states.count("S") == len(states)


def resting():
    """Whoever stalls costs no time: the server sleeps while nobody asks."""
    wires = never_reads() + line_without_end() + descriptors_a_byte_at_a_time() + nul_bytes()
    wires += half_closed() + filler_without_end() + [in_proc_mode(), node.connect()]
    pid = wires[-1].start("/bin/sleep", "1000")
    for _ in range(3):
        wires.append(raw())
        wires[-1].send(b"PROC WAIT %d\nHELP\n" % pid)
        wires[-1].sock.shutdown(socket.SHUT_WR)

    eventually("the server sleeps", idle, node)
    for wire in wires:
        wire.close()


def out_of_descriptors(fds):
    """Who comes waits, at no cost, and is served as soon as there are some again, also if no client ends
    that could give one back."""
    has_descriptors(node.pid, fds)
    old = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)
    free = min(set(map(str, range(1000))) - set(descriptors(node.pid)), key=int)
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (int(free), old[1]))
    wires = [raw() for _ in range(3)]
    eventually("the server sleeps", idle, node)
    equal(select.select([w.sock for w in wires], [], [], 0)[0], [], "a greeting")
    resource.prlimit(node.pid, resource.RLIMIT_NOFILE, old)
    for wire in wires:
        equal(wire.reply().code, 220, "greeting")
        wire.in_step()
        wire.close()


def long_replies():
    """Many commands in one message, whose replies are longer than what a socket takes, and a client that reads
    only once the server rests: no more is owed than one of them, and in the end it has had them all."""
    server = NodeServer("long")
    try:
        wire, count, heard = server.wire, 100, bytearray()
        in_netns(server.pid, "sh", "-c", "for i in $(seq 700); do echo link add i$i type bridge; done | ip -b -")
        size = len(wire.done("IF INFO").lines[-1])
        limit = memory(server.pid) + (MORE_MEMORY if SANITIZED else 4 << 20)
        check(size > 300000, "too short: %d" % size)
        wire.send(b"IF INFO\n" * count + b"FOO\n")
        while b"\n500 " not in heard[-200:]:
            if len(heard) < 50 * size:
                eventually("the server sleeps", idle, server)
                check(memory(server.pid) < limit, "%d MiB" % (memory(server.pid) >> 20))
            heard += wire.sock.recv(1 << 20)
        lengths = [len(line) - 4 for line in heard.split(b"\n") if line.startswith(b"200 =")]
        equal(lengths, [size] * count, "replies")
    finally:
        server.stop()


def main():
    global node
    tap = Tap()
    node = NodeServer("fort")
    try:
        good = Good()
        for _ in range(3):
            good.turn()
        good.wire.in_step()
        fds, used = len(descriptors(node.pid)), memory(node.pid)
        equal(len(KINDS), 24, "kinds")
        for kind in KINDS:
            if tap.failed > 2:  # it will not get better
                return tap.done()
            tap.run("others are served: " + kind.__name__.replace("_", " "), attack, good, used,
                    kind)
        tap.run("others are served: all of them at once", attack, good, used, *KINDS)
        tap.run("who stalls costs no time", resting)
        tap.run("long replies that nobody reads", long_replies)
        tap.run("descriptors are what they were", has_descriptors, node.pid, fds)
        tap.run("memory is bounded", lambda: bounded(used, memory(node.pid)))
        tap.run("it serves on", good.turn)
        good.wire.close()
        tap.run("out of descriptors, with a client that rests", out_of_descriptors, fds - 1)
        node.wire.close()
        tap.run("out of descriptors, with no client", out_of_descriptors, fds - 2)
    finally:
        tap.run("node removed", node.stop)
    return tap.done()


sys.exit(main())
