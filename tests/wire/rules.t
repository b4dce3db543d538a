#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of the wire (wire.md sections 1, 2, 4 and 5), one by one, each against a server for
one connection (--fd) and against a resident node."""
import json
import os
import pickletools
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (LIMIT, LINE_MAX, NEMU, TMP, FdServer, NodeServer, RUNDIR, Tap, Wire, b, check, descriptors,
                  environment, equal, eventually, gone, has_descriptors, in_netns, linux_5_10, proc,
                  sleeps, status)

NORMAL = """QUIT HELP IF_LIST IF_SET IF_RTRN IF_DEL ADDR_LIST ADDR_ADD ADDR_DEL ROUT_LIST ROUT_ADD
    ROUT_DEL PROC_CRTE PROC_POLL PROC_WAIT PROC_KILL""".replace("_", "\0").split()
PROC = """QUIT HELP PROC_USER PROC_CWD PROC_ENV PROC_SIN PROC_SOUT PROC_SERR PROC_RUN
    PROC_ABRT""".replace("_", "\0").split()
NORMAL, PROC = ({c.replace("\0", " ") for c in table} for table in (NORMAL, PROC))
STDIO = ("PROC SIN", "PROC SOUT", "PROC SERR")

# A folder of programs that only a search in the right PATH finds.
BIN, FIFO = os.path.join(TMP, "bin"), os.path.join(TMP, "fifo")
LANDMARK = "RULES_OF_THE_WIRE"
both, fd_only, node_only = [], [], []


def rule(*tables):
    def add(fn):
        for table in tables or (both,):
            table.append(fn)
        return fn
    return add


# Section 1: framing

@rule()
def words_in_any_case(w, s):
    for line in ("HELP", "help", "hElP", "if list", "IF list", "iF LiSt 1", "Addr List"):
        equal(w.ask(line).code, 200, line)
    for line in ("proc crte x", "PROC abrt", "Proc Crte x", "hElp", "pRoC aBrT"):
        equal(w.ask(line).code, 200, line)


@rule()
def arguments_keep_their_case(w, s):
    w.refused("IF LIST x")
    equal(w.error("IF SET 1 UP 1", "ValueError").args[0].count("UP"), 1, "key in the message")


@rule()
def blank_lines_get_no_reply(w, s):
    w.send(b"\n\r\n  \n\t\n \t \r\n\v\f\n\n")
    w.in_step()
    w.send(b"\n" * 50000)
    w.in_step()


@rule()
def white_space_around_words(w, s):
    for line in (b" HELP", b"\t \tHELP", b"HELP  ", b"HELP\t", b"HELP\r", b"HELP \r", b"\rHELP",
                 b"  IF   LIST\t1 \r", b"IF\tLIST", b"IF\vLIST\f1", b"IF\rLIST"):
        equal(w.ask(line).code, 200, repr(line))
    w.in_step()


@rule()
def line_of_4_mib(w, s):
    equal(w.ask(b"HELP".ljust(LINE_MAX)).code, 200, "4 MiB of HELP and blanks")
    equal(w.ask(b"HELP".rjust(LINE_MAX)).code, 200, "4 MiB of blanks and HELP")
    equal(w.ask(b"PROC CRTE " + b"a" * (LINE_MAX - 10)).code, 200, "4 MiB of argument")
    w.done("PROC ABRT")
    w.refused(b"X" * LINE_MAX)
    w.in_step()


@rule()
def line_of_4_mib_and_a_byte(w, s):
    for line in (b"HELP".ljust(LINE_MAX + 1), b"HELP".rjust(LINE_MAX + 1),
                 b"x" * (LINE_MAX + 1), b"x" * (3 * LINE_MAX + 5), b"\0" * (LINE_MAX + 1)):
        w.refused(line)
        w.in_step()
    w.send(b"x" * (LINE_MAX + 1) + b"\n" + b"y" * (LINE_MAX + 1) + b"\nHELP\n")
    equal([w.reply().code for _ in range(3)], [500, 500, 200], "two long lines and one good")
    w.in_step()


@rule()
def long_line_in_proc_mode(w, s):
    w.create("/bin/true")
    w.refused(b"PROC ENV a " + b"x" * (LINE_MAX + 1))
    equal(w.wait(w.run()), 0, "status")


@rule()
def long_line_is_refused_before_its_end(w, s):
    w.send(b"x" * (LINE_MAX + 65536))
    equal(w.reply().code, 500, "in the middle of the line")
    w.send(b"x" * (2 * LINE_MAX) + b"\nHELP\n")
    check(b"QUIT" in w.reply().lines, "one 500 for one line")
    w.in_step()


@rule()
def nul_byte(w, s):
    for line in (b"HELP\0", b"\0HELP", b"HE\0LP", b"\0", b" \0 ", b"IF LIST 1\0", b"HELP \0x",
                 b"\0" * 100000):
        w.refused(line)
        w.in_step()


@rule()
def line_in_pieces(w, s):
    for byte in b"IF LIST 1\r\n":
        w.send(bytes([byte]))
    equal(w.reply().data.name, "lo", "name")


@rule()
def many_commands_at_once(w, s):
    w.send(b"HELP\nIF LIST 1\nFOO\nADDR LIST 1\n" * 200)
    equal([w.reply().code for _ in range(800)], [200, 200, 500, 200] * 200, "codes")
    w.in_step()


@rule()
def half_closed_client_gets_its_replies(w, s):
    w.send(b"HELP\nIF LIST 1\nPROC CRTE /bin/true\nPROC RUN\n")
    w.sock.shutdown(socket.SHUT_WR)
    equal([w.reply().code for _ in range(4)], [200] * 4, "codes")
    w.ended()


@rule(node_only)
def half_closed_client_gets_the_reply_to_wait(w, s):
    pid = w.start("/bin/sleep", "1000")
    w.send(b"PROC WAIT %d\n" % pid)
    w.sock.shutdown(socket.SHUT_WR)
    other = s.connect()
    other.done("PROC KILL %d" % pid)
    equal(w.reply().text.split()[0], "15", "status")
    w.ended()
    other.close()


@rule()
def line_without_newline_at_the_end_counts(w, s):
    w.send(b"HELP\nIF LIST 1")
    w.sock.shutdown(socket.SHUT_WR)
    equal(w.reply().code, 200, "HELP")
    equal(w.reply().data.name, "lo", "name")
    w.ended()


@rule()
def half_a_word_at_the_end_counts(w, s):
    w.send(b"HEL")
    w.sock.shutdown(socket.SHUT_WR)
    equal(w.reply().code, 500, "HEL")
    w.ended()


@rule()
def blank_rest_at_the_end_gets_no_reply(w, s):
    w.send(b"HELP\n  \t ")
    w.sock.shutdown(socket.SHUT_WR)
    equal(w.reply().code, 200, "HELP")
    w.ended()


@rule()
def quit_is_the_end(w, s):
    w.send(b"HELP\nQUIT\nHELP\nHELP\n")
    equal([w.reply().code for _ in range(2)], [200, 221], "codes")
    w.ended()


@rule()
def quit_in_proc_mode(w, s):
    w.create("/bin/true")
    equal(w.ask("quit").code, 221, "QUIT")
    w.ended()


# Section 2: arguments

@rule()
def number_of_arguments(w, s):
    for line in ("QUIT now", "HELP me", "IF LIST 1 2", "IF SET", "IF SET 1", "IF SET 1 up",
                 "IF SET 1 up 1 mtu", "IF SET 1 up 1 mtu 1500 arp", "IF RTRN", "IF RTRN 1",
                 "IF RTRN 1 1 1", "IF DEL", "IF DEL 1 1", "ADDR LIST 1 1", "ADDR ADD",
                 "ADDR ADD 1", "ADDR ADD 1 10.0.0.1", "ADDR ADD 1 10.0.0.1 8 10.0.0.255 x",
                 "ADDR DEL 1", "ADDR DEL 1 10.0.0.1", "ADDR DEL 1 10.0.0.1 8 x y", "ROUT LIST 1",
                 "ROUT ADD", "ROUT ADD unicast = 0 = 0", "ROUT ADD unicast = 0 = 0 0 0",
                 "ROUT DEL unicast", "ROUT DEL unicast = 0 = 0 0 0", "PROC CRTE", "PROC POLL",
                 "PROC POLL 1 1", "PROC WAIT", "PROC WAIT 1 1", "PROC KILL", "PROC KILL 1 1 1"):
        w.refused(line)
    w.create("/bin/true")
    for line in ("HELP x", "QUIT x", "PROC USER", "PROC USER a b", "PROC CWD", "PROC CWD / /",
                 "PROC ENV", "PROC ENV a", "PROC ENV a b c", "PROC SIN x", "PROC SOUT 1",
                 "PROC SERR 2", "PROC RUN now", "PROC ABRT x"):
        w.refused(line)
    equal(w.wait(w.run()), 0, "and the plan is as it was")
    w.in_step()


@rule()
def integers(w, s):
    for word in ("1", "+1", "01", "0001"):
        equal(w.done("IF LIST " + word).data._index, 1, word)
    for word, key in (("+5000", 5000), ("-5", -5), ("2147483647", 2 ** 31 - 1), ("0", 0),
                      ("-2147483648", -2 ** 31), ("-0", 0)):
        equal(w.error("IF LIST " + word, "KeyError").args, (key,), word)
    for word in ("2147483648", "-2147483649", "0x1", "=", "1.0", "1e3", "one", "--1", "+-1", "+",
                 "-", "1-", "99999999999999999999999999", "=MQ==", "1_0", "1,", "\u0661", "''"):
        w.refused("IF LIST " + word)
        w.refused("PROC KILL 1 " + word)
    w.in_step()


@rule()
def base64_of_arguments(w, s):
    def argument(word):
        w.done(b"PROC CRTE /usr/bin/printf printf %s " + word)
        return w.output()

    everything = bytes(range(1, 256))
    for word, text in ((b"plain", b"plain"), (b"=cGxhaW4=", b"plain"), (b"=", b""),
                       (b"=c-G?x!haW4=", b"plain"), (b"=\xffc\x80GxhaW4=", b"plain"),
                       (b"==cGxhaW4=", b"plain"), (b"=cGxhaW4====", b"plain"),
                       (b"=cGxhaW4=cGxhaW4=", b"plain"), (b"a=b", b"a=b"), (b"a=", b"a="),
                       (b"\xc3\xa9", b"\xc3\xa9"), (b"{|}~", b"{|}~"), (b(everything), everything),
                       (b(b" \t"), b" \t"), (b(b"=x"), b"=x")):
        equal(argument(word), text, word)


@rule()
def wrong_padding(w, s):
    for word in ("=a", "=ab", "=abc", "=abcde", "=ab=", "=a===", "=cGxhaW4"):
        w.refused("PROC CRTE " + word)
        w.refused("PROC CRTE /bin/true " + word)
        w.refused("ROUT ADD unicast %s 8 = 0 0" % word)
    w.create("/bin/true")
    w.refused("PROC CWD =a")
    w.refused("PROC ENV a b c =a")
    equal(w.wait(w.run()), 0, "status")


@rule()
def nul_in_base64(w, s):
    """No system call can be given it: whatever the code, it is refused and all goes on. Nor is what stands
    before it taken for the whole."""
    w.done("IF SET 1 up 1")
    good = [b"unicast", b"10.77.0.0", b"16", b"", b"1", b"0"]
    for i, tail in ((0, b"\0"), (1, b"\0x"), (1, b"\0"), (3, b"\0")):
        words = [b(word + tail * (i == k)) if k in (0, 1, 3) else word for k, word in enumerate(good)]
        for verb in (b"ADD", b"DEL"):
            w.error(b"ROUT %s " % verb + b" ".join(words), "ValueError")
    pid = w.start("/bin/sleep", "1000")
    w.error(b"PROC LIST " + b(b"%d\0" % pid), "ValueError")
    w.done("PROC KILL %d" % pid)
    w.wait(pid)
    check(w.ask(b"PROC CRTE " + b(b"/bin/true\0x")).code in (500, 550), "executable")
    w.in_step()
    w.create("/bin/true")
    for line in (b"PROC CWD " + b(b"/\0"), b"PROC ENV a " + b(b"b\0c"), b"PROC USER " + b(b"\0")):
        check(w.ask(line).code in (500, 550), repr(line))
    equal(w.wait(w.run()), 0, "status")


@rule()
def plain_words_are_not_decoded(w, s):
    w.error("ADDR ADD 1 %s 8" % b("10.0.0.1").decode(), "ValueError")
    w.error("IF SET 1 %s 1" % b("up").decode(), "ValueError")


@rule()
def unknown_words(w, s):
    for line in ("FOO", "FOO BAR", "IF", "ADDR", "ROUT", "PROC", "IF FOO", "IF LISTS", "IF LIS",
                 "ADDR SET 1 up 1", "ROUT SET", "PROC FOO", "HELPS", "QUI", "220 Hello.", "=",
                 "=SEVMUA==", "\xff", "IF=LIST"):
        w.refused(line)
    w.create("/bin/true")
    for line in ("FOO", "PROC", "PROC FOO", "IF", "PROC RUNS"):
        w.refused(line)
    equal(w.wait(w.run()), 0, "status")


@rule()
def proc_mode_and_normal_mode(w, s):
    for line in ("PROC USER x", "PROC CWD /", "PROC ENV a b", "PROC SIN", "PROC SOUT",
                 "PROC SERR", "PROC RUN", "PROC ABRT"):
        w.refused(line)
    pid = w.start("/bin/true")
    w.create("/bin/true")
    for line in ("IF LIST", "IF SET 1 up 1", "IF RTRN 1 1", "IF DEL 1", "ADDR LIST",
                 "ADDR ADD 1 10.0.0.1 8", "ADDR DEL 1 10.0.0.1 8", "ROUT LIST",
                 "ROUT ADD unicast = 0 = 0 0", "ROUT DEL unicast = 0 = 0 0",
                 "PROC CRTE /bin/false", "PROC POLL %d" % pid, "PROC WAIT %d" % pid,
                 "PROC KILL %d" % pid, "X11 SET a b", "X11 SOCK"):
        w.refused(line)
    equal(w.wait(w.run()), 0, "status of the process of the plan")
    equal(w.wait(pid), 0, "status")


def listed(w):
    lines = [line.decode() for line in w.done("HELP").lines]
    commands = [line for line in lines if re.fullmatch("[A-Z0-9]+( [A-Z0-9]+)?", line)]
    check(len(lines) - len(commands) <= 1, "more than a head line: %r" % lines)
    equal(len(set(commands)), len(commands), "commands, each once")
    return set(commands)


@rule()
def help_lists_what_is_valid(w, s):
    normal = listed(w)
    w.create("/bin/true")
    proc_mode = listed(w)
    w.done("PROC ABRT")
    equal(NORMAL - normal, set(), "missing in the normal mode")
    equal(PROC - proc_mode, set(), "missing in the PROC mode")
    equal(normal & proc_mode, {"HELP", "QUIT"}, "in both")
    for command in normal | proc_mode:
        check(all(len(word) <= 4 for word in command.split()), command + ": more than four letters")
    equal(listed(w), normal, "after ABRT")


@rule()
def x11_is_served(w, s):
    if "X11 SET" not in listed(w):
        return "this server has no X11"
    w.refused("X11 SOCK")
    w.refused("X11 SET a")
    return None


# Section 4: descriptors

def watched(fn):
    """Afterwards the server has as many descriptors as before."""
    def test(w, s):
        w.done("IF LIST")
        w.in_step()  # by now it has noticed the end of the connection before this one
        before = len(descriptors(s.pid))
        fn(w, s)
        has_descriptors(s.pid, before)
        w.in_step()
    test.__name__ = fn.__name__
    return rule()(test)


class Pipe:
    def __enter__(self):
        self.r, self.w = os.pipe()
        return self

    def __exit__(self, *_):
        os.close(self.r)
        if self.w >= 0:
            os.close(self.w)

    def done(self):
        """What came through, when all other writers have gone."""
        os.close(self.w)
        self.w = -1
        text = b""
        for more in iter(lambda: os.read(self.r, 65536), b""):
            text += more
        return text


def asked(w, name):
    equal(w.ask(name).code, 354, name)


def after_354(w, code, what):
    equal(w.reply().code, code, what)
    equal(w.rest, b"", "left over")


@watched
def descriptor_with_and_without_newline(w, s):
    for end in (b"", b"\n"):
        with Pipe() as out, Pipe() as err:
            w.create("/bin/sh", "-c", "read x; echo out $x; echo err $x >&2")
            with open(os.path.join(TMP, "in"), "w+b") as f:
                f.write(b"line\n")
                f.flush()
                f.seek(0)
                for name, fd in zip(STDIO, (f.fileno(), out.w, err.w)):
                    asked(w, name)
                    w.send_fds(name.encode() + end, [fd])
                    after_354(w, 200, name)
            equal(w.wait(w.run()), 0, "status")
            equal(out.done(), b"out line\n", "output")
            equal(err.done(), b"err line\n", "error output")


@watched
def three_descriptors_and_what_comes_with_them(w, s):
    """PROC STD, an extension: behind its payload and a newline more may stand in the same message."""
    def std(fds, code):
        w.create("/bin/sh", "-c", "read x; echo out $x; echo err $x >&2")
        asked(w, "PROC STD")
        w.send_fds(b"PROC STD\nPROC RUN\n", fds)
        equal(w.reply().code, code, "PROC STD")

    with Pipe() as out, Pipe() as err, open(os.path.join(TMP, "in"), "w+b") as f:
        f.write(b"line\n")
        f.flush()
        f.seek(0)
        for few in ([f.fileno()], [f.fileno(), out.w]):
            std(few, 500)
            equal(w.reply().code, 500, "PROC RUN without what was to be passed")
            w.done("PROC ABRT")
        std([f.fileno(), out.w, err.w], 200)
        running = w.reply()
        equal(running.code, 200, "PROC RUN")
        equal(w.wait(int(running.text.split()[0])), 0, "status")
        equal(out.done(), b"out line\n", "output")
        equal(err.done(), b"err line\n", "error output")
        w.create("/bin/true")
        asked(w, "PROC STD")
        w.send_fds(b"PROC STD\n", [f.fileno()])
        after_354(w, 500, "one descriptor")
        w.refused("PROC RUN")
        if not isinstance(s, FdServer):  # whose connection is a pair of sockets, as others are
            asked(w, "PROC SIN")
            w.send_fds(b"PROC SIN", [w.sock.fileno()])
            after_354(w, 500, "a connection to the server")
            w.refused("PROC RUN")
        asked(w, "PROC STD")
        w.send_fds(b"PROC STD", [f.fileno()] * 3)
        after_354(w, 200, "three descriptors")
        equal(w.wait(w.run()), 0, "status")
        w.create("/bin/true")
        w.send_fds(b"PROC STD\nPROC STD\nPROC RUN\n", [f.fileno()] * 3)
        equal([w.reply().code for _ in range(3)], [354, 500, 500], "too early")
        w.done("PROC ABRT")


@watched
def no_descriptor(w, s):
    w.create("/bin/true")
    for name in STDIO:
        asked(w, name)
        w.send(name.encode() + b"\n")
        after_354(w, 500, name)
        asked(w, name)
        w.send(name.encode())
        after_354(w, 500, name)
    w.in_step()
    w.done("PROC ABRT")


@watched
def too_many_descriptors(w, s):
    w.create("/bin/true")
    with Pipe() as p:
        for count in (2, 3, 4, 16, 253):
            for name in STDIO:
                asked(w, name)
                w.send_fds(name.encode(), [p.w] * count)
                after_354(w, 500, "%d descriptors" % count)
    w.in_step()
    w.done("PROC ABRT")


@watched
def wrong_payload(w, s):
    w.create("/bin/true")
    with Pipe() as p:
        for payload in (b"PROC SIN", b"PROC sout", b"proc sout", b"X", b"PROC SOU\n", b"PROC SOUTS",
                        b"PROC SERR", b"\n", b"HELP\n", b"PROC SOUT ", b"PROC  SOU", b"\0"):
            asked(w, "PROC SOUT")
            w.send_fds(payload, [p.w])
            after_354(w, 500, repr(payload))
            w.in_step()
    w.done("PROC ABRT")


@watched
def wrong_payload_without_descriptor(w, s):
    w.create("/bin/true")
    for payload in (b"PROC SIN", b"X", b"PROC SERR\n", b"HELP\n", b"\n"):
        asked(w, "PROC SOUT")
        w.send(payload)
        after_354(w, 500, repr(payload))
        w.in_step()
    w.done("PROC ABRT")


@watched
def filler(w, s):
    """What a client sends which could not send its descriptor: counted, not read as a line."""
    w.create("/bin/true")
    for name in STDIO:
        asked(w, name)
        w.send(b"=" * len(name) + b"\n")
        after_354(w, 500, name)
        w.in_step()
        asked(w, name)
        w.send(b"=" * (len(name) + 1))
        after_354(w, 500, name)
        w.in_step()
        asked(w, name)
        for _ in range(len(name)):
            w.send(b"=")
        w.send(b"\n")
        after_354(w, 500, name + ", a byte at a time")
        w.in_step()
    w.done("PROC ABRT")


@watched
def filler_with_descriptor(w, s):
    w.create("/bin/true")
    with Pipe() as p:
        asked(w, "PROC SIN")
        w.send_fds(b"========\n", [p.r])
        after_354(w, 500, "filler")
    w.done("PROC ABRT")


@watched
def payload_a_byte_at_a_time(w, s):
    for at in range(len("PROC SOUT")):
        w.create("/bin/echo", "said")
        with Pipe() as p:
            asked(w, "PROC SOUT")
            for i, byte in enumerate(b"PROC SOUT"):
                if i == at:
                    w.send_fds(bytes([byte]), [p.w])
                else:
                    w.send(bytes([byte]))
            after_354(w, 200, "descriptor with byte %d" % at)
            w.send(b"\n")
            equal(w.wait(w.run()), 0, "status")
            equal(p.done(), b"said\n", "output")


@watched
def descriptors_with_two_bytes_of_the_payload(w, s):
    w.create("/bin/true")
    with Pipe() as p:
        asked(w, "PROC SIN")
        w.send_fds(b"PROC", [p.r])
        w.send_fds(b" SIN", [p.r])
        after_354(w, 500, "two descriptors")
    w.done("PROC ABRT")


@watched
def more_than_the_payload_in_one_message(w, s):
    """At most name + 1 bytes are the payload's; the next command may follow in the same write."""
    w.create("/bin/echo", "said")
    with Pipe() as p:
        asked(w, "PROC SOUT")
        w.send_fds(b"PROC SOUT\nHELP\nFOO\n", [p.w])
        equal([w.reply().code for _ in range(3)], [200, 200, 500], "codes")
        equal(w.wait(w.run()), 0, "status")
        equal(p.done(), b"said\n", "output")


@watched
def early_payload(w, s):
    """Sent with its command it was not asked for: refused, and the descriptor is dropped."""
    w.create("/bin/true")
    with Pipe() as p:
        for end in (b"", b"\n"):
            w.send_fds(b"PROC SOUT\nPROC SOUT" + end, [p.w])
            equal([w.reply().code for _ in range(2)], [354, 500], "codes")
            w.in_step()
        w.send_fds(b"PROC SIN\nPROC SIN\nHELP\n", [p.r])
        equal([w.reply().code for _ in range(3)], [354, 500, 200], "codes")
    w.in_step()
    w.done("PROC ABRT")


@watched
def descriptor_with_an_ordinary_line(w, s):
    with Pipe() as p:
        for count in (1, 2, 253):
            w.send_fds(b"HELP\n", [p.w] * count)
            equal(w.reply().code, 200, "HELP")
            w.send_fds(b"\n", [p.w] * count)
            w.in_step()
        w.create("/bin/true")
        w.send_fds(b"PROC CWD /\n", [p.w])
        equal(w.reply().code, 200, "PROC CWD")
        w.send_fds(b"PROC ABRT\n", [p.w])
        equal(w.reply().code, 200, "PROC ABRT")


@watched
def descriptor_given_twice(w, s):
    with Pipe() as first, Pipe() as second:
        w.create("/bin/echo", "said")
        w.pass_fd("PROC SOUT", first.w)
        w.pass_fd("PROC SOUT", second.w)
        equal(w.wait(w.run()), 0, "status")
        equal(first.done(), b"", "output on the first")
        equal(second.done(), b"said\n", "output on the second")


@watched
def abort_closes_descriptors(w, s):
    with Pipe() as p:
        w.create("/bin/true")
        for name in STDIO:
            w.pass_fd(name, p.w)
        w.done("PROC ABRT")
        equal(p.done(), b"", "nobody else has it")


@watched
def failed_run_closes_descriptors(w, s):
    with Pipe() as p:
        w.create("/nowhere/to/be/found")
        for name in STDIO:
            w.pass_fd(name, p.w)
        w.error("PROC RUN", "OSError")
        equal(p.done(), b"", "nobody else has it")


@rule(node_only)
def end_of_a_connection_closes_descriptors(w, s):
    before = len(descriptors(s.pid))
    other = s.connect()
    with Pipe() as p:
        other.create("/bin/true")
        for name in STDIO:
            other.pass_fd(name, p.w)
        equal(other.ask("QUIT").code, 221, "QUIT")
        equal(p.done(), b"", "nobody else has it")
    other.close()
    other = s.connect()
    with Pipe() as p:
        other.create("/bin/true")
        other.pass_fd("PROC SIN", p.w)
        equal(other.ask("PROC SOUT").code, 354, "PROC SOUT")
        other.close()
        equal(p.done(), b"", "nobody else has it")
    has_descriptors(s.pid, before)


# Section 4: the plan

@rule()
def plan_is_kept_until_run_or_abort(w, s):
    w.create("/bin/echo", "first")
    w.refused("PROC CRTE /bin/false")
    equal(w.output(), b"first\n", "output")
    w.refused("PROC RUN")
    w.create("/bin/echo", "second")
    w.done("PROC ENV A B")
    w.done("PROC CWD /proc")
    w.done("PROC ABRT")
    w.refused("PROC ABRT")
    w.refused("PROC RUN")
    w.create("/usr/bin/env")
    check(("A=B\n").encode() not in w.output(), "the aborted plan is forgotten")
    pid = w.start("/bin/sleep", "1000")
    check(os.readlink("/proc/%d/cwd" % pid) != "/proc", "the aborted plan is forgotten")


@rule()
def failed_run_leaves_the_mode(w, s):
    w.create("/nowhere")
    w.error("PROC RUN", "OSError")
    w.refused("PROC RUN")
    equal(w.done("IF LIST 1").data.name, "lo", "name")


@rule()
def argv(w, s):
    w.done("PROC CRTE /bin/sleep")
    w.done("PROC ABRT")
    w.done(b"PROC CRTE /bin/sh other-name -c " + b("echo $0; printf '<%s>' \"$@\"") +
           b" zero one = " + b("t w o") + b" " + b("\n"))
    equal(w.output(), b"zero\n<one><><t w o><\n>", "output")
    w.done("PROC CRTE /bin/cat")
    with Pipe() as p:
        w.pass_fd("PROC SIN", p.r)
        pid = w.run()
        equal(proc(pid, "cmdline"), "/bin/cat\0", "argv[0] without argv")


@rule()
def environment_replaces_all(w, s):
    w.create("/usr/bin/env")
    text = w.output().decode(errors="replace").splitlines()
    check("%s=here" % LANDMARK in text, "the server's own environment: %r" % text)
    check(not [v for v in text if v.startswith("DISPLAY=")], "DISPLAY: %r" % text)
    w.create("/usr/bin/env")
    w.done("PROC ENV X Y")
    w.done(b"PROC ENV A B EMPTY = " + b("spa ce") + b" " + b("a=b \n"))
    equal(w.output(), b"A=B\nEMPTY=\nspa ce=a=b \n\n", "environment")
    w.create("/usr/bin/env")
    w.done("PROC ENV A B DISPLAY :7 DISPLAYS 2")
    equal(w.output(), b"A=B\nDISPLAYS=2\n", "environment")
    w.create("/usr/bin/env")
    w.done("PROC ENV A B")
    w.refused("PROC ENV C D E")
    equal(w.output(), b"A=B\n", "after an odd count")


@rule()
def path_of_the_environment(w, s):
    def answer(path, name="only-here"):
        w.create(name)
        w.done(b"PROC ENV PATH " + b(path))
        return w.output()

    equal(answer(BIN), b"here\n", "in PATH")
    equal(answer("/nowhere:%s:/bin" % BIN), b"here\n", "in PATH")
    w.create("only-here")
    w.done("PROC ENV A B")
    equal(w.error("PROC RUN", "OSError").args[0], 2, "not in the server's own PATH")
    w.create("only-here")
    w.done("PROC ENV PATH /bin:/usr/bin")
    equal(w.error("PROC RUN", "OSError").args[0], 2, "not in the server's own PATH")
    w.create("only-here")
    equal(w.output(), b"here\n", "the server's PATH, as its environment is used")
    w.create("true")
    w.done("PROC ENV PATH /nowhere")
    equal(w.error("PROC RUN", "OSError").args[0], 2, "not in /bin")
    w.create("true")
    w.done("PROC ENV A B")
    equal(w.wait(w.run()), 0, "without PATH: /bin and /usr/bin")


def starters(w):
    """The server starts a program in one way, and in another where that is to be another user's."""
    yield b"PROC CWD /"
    if not os.geteuid():
        yield b"PROC USER nobody"


@rule()
def of_a_variable_given_twice_the_last_counts(w, s):
    """As in the reference, which makes a dict of them; and programs find no other one."""
    for line in starters(w):
        w.create("only-here")
        w.done(line)
        w.done(b"PROC ENV PATH /nowhere PATH " + b(BIN))
        equal(w.output(), b"here\n", "%r: the last" % line)
        w.create("only-here")
        w.done(line)
        w.done(b"PROC ENV PATH " + b(BIN) + b" PATH /nowhere")
        equal(w.error("PROC RUN", "OSError").args[0], 2, "%r: not the first" % line)
    w.create("/usr/bin/env")
    w.done("PROC ENV AB 1 A 2 C 3 A 4 = x AB 5 A 6 a 7 = y")
    equal(w.output(), b"C=3\nAB=5\nA=6\na=7\n=y\n", "environment")


@rule(fd_only)
def what_the_server_has_inherited_is_not_for_its_programs(w, s):
    with Pipe() as p:
        for before in (lambda: None, linux_5_10):
            server = FdServer(inherits=[p.w], before=before)
            for line in starters(server.wire):
                server.wire.create("/bin/ls", "-x", "/proc/self/fd")
                server.wire.done(line)
                equal(server.wire.output().split(), [b"0", b"1", b"2", b"3"], "%r" % line)
            server.stop()


@rule(fd_only)
def standard_descriptors_that_the_server_has_not_got(w, s):
    """Closed, or taken by the connection: a program would take the first file that it opens for one of them."""
    for closed, number in (((0, 1, 2), 9), ((0, 2), 9), ((1, 2), 0), ((2,), 1), ((0, 1), 2)):
        def before():
            os.dup2(theirs.fileno(), number)
            for fd in closed:
                os.close(fd)

        ours, theirs = socket.socketpair()
        with theirs:
            server = subprocess.Popen([NEMU, "server", "--fd", str(number)], preexec_fn=before, close_fds=False)
        w = Wire(ours)
        for line in starters(w):
            w.done(b"PROC CRTE /bin/sleep sleep 1000")
            w.done(line)
            pid = w.run()
            sleeps(pid)
            equal(descriptors(pid), ["0", "1", "2"], "descriptors, %d" % number)
            for fd in (*closed, number):
                if fd < 3:
                    equal(os.readlink("/proc/%d/fd/%d" % (pid, fd)), "/dev/null", "descriptor %d" % fd)
        w.close()
        equal(server.wait(LIMIT), 0, "exit code of the server")


def failure(w, executable, errnum, *more):
    w.create(executable)
    for line in more:
        w.done(line)
    e = w.error("PROC RUN", "OSError")
    equal(e.args, (errnum, os.strerror(errnum)), executable)
    return e


@rule()
def programs_that_cannot_start(w, s):
    text = os.path.join(TMP, "text")
    with open(text, "w") as f:
        f.write("neither a script nor a program\n")
    os.chmod(text, 0o644)
    equal(failure(w, "/nowhere", 2).step, "exec", "step")
    equal(failure(w, "/bin/true/x", 20).step, "exec", "step")
    failure(w, text, 13)
    failure(w, "/", 13)
    failure(w, "", 2)
    failure(w, "no-such-program-anywhere", 2)
    os.chmod(text, 0o755)
    failure(w, text, 8)
    with open(text, "w") as f:
        f.write("#!/nowhere/interpreter\n")
    failure(w, text, 2)
    failure(w, "/" + "x" * 300, 36)
    equal(failure(w, "/bin/true", 2, "PROC CWD /nowhere").step, "cwd", "step")
    equal(failure(w, "/bin/true", 20, "PROC CWD /bin/true").step, "cwd", "step")
    equal(failure(w, "/nowhere", 2, "PROC CWD /nowhere").step, "cwd", "the first that fails")
    w.in_step()


@rule()
def working_directory(w, s):
    w.create("/bin/sleep", "1000")
    w.done("PROC CWD /proc")
    w.done(b"PROC CWD " + b(TMP))
    pid = w.run()
    equal(os.readlink("/proc/%d/cwd" % pid), os.path.realpath(TMP), "cwd")


@rule()
def unknown_user(w, s):
    for user in (b"no-such-user", b(""), b("no such"), b"4000000000", b"-1", b"4294967296", b"+0", b(" 0"),
                 b"+4294967296", b("\n4294967296")):
        w.create("/bin/true")
        w.done(b"PROC USER " + user)
        w.error("PROC RUN", "ValueError")
        w.in_step()


@rule()
def user_and_what_goes_with_it(w, s):
    if os.geteuid():
        return "only root can run programs as somebody else"
    nobody = pwd.getpwnam("nobody")
    for name in (nobody.pw_name, str(nobody.pw_uid)):
        w.create("/bin/sleep", "1000")
        w.done("PROC ENV PATH /bin HOME /root USER root KEPT 1")
        w.done("PROC USER " + name)
        pid = w.run()
        state = status(pid)
        for key, ids in (("Uid", nobody.pw_uid), ("Gid", nobody.pw_gid)):
            equal(state[key].split(), [str(ids)] * 4, key)
        equal(sorted(map(int, state["Groups"].split())),
              sorted(os.getgrouplist(nobody.pw_name, nobody.pw_gid)), "groups")
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            equal(int(state[key], 16), 0, key)
        env = set(proc(pid, "environ").split("\0")[:-1])
        equal(env, {"PATH=/bin", "KEPT=1", "HOME=" + nobody.pw_dir, "USER=nobody",
                    "LOGNAME=nobody", "SHELL=" + nobody.pw_shell}, "environment")
        w.done("PROC KILL %d" % pid)
        equal(w.wait(pid), 15, "status")
    return None


@rule()
def process_is_a_clean_one(w, s):
    pid = w.start("/bin/sleep", "1000")
    sleeps(pid)
    equal(descriptors(pid), ["0", "1", "2"], "descriptors")
    state = status(pid)
    for key in ("SigBlk", "SigIgn", "SigCgt"):
        equal(int(state[key], 16), 0, key)
    # PID (COMM) STATE PPID PGRP SESSION TTY
    fields = proc(pid, "stat").rsplit(")", 1)[1].split()
    equal(fields[2:4], [str(pid)] * 2, "process group and session")
    equal(os.readlink("/proc/%d/ns/net" % pid), os.readlink("/proc/%d/ns/net" % s.pid), "netns")
    for fd in (0, 1, 2):
        equal(*(os.readlink("/proc/%d/fd/%d" % (p, fd)) for p in (pid, s.pid)),
              "descriptor %d is the server's" % fd)


@rule()
def no_other_descriptors_when_some_were_passed(w, s):
    with Pipe() as p:
        w.create("/bin/sleep", "1000")
        for name in STDIO:
            w.pass_fd(name, p.w)
        pid = w.run()
    sleeps(pid)
    equal(descriptors(pid), ["0", "1", "2"], "descriptors")


# PROC POLL, WAIT, KILL

@rule()
def raw_wait_statuses(w, s):
    for command, want in (("exit 0", 0), ("exit 3", 768), ("exit 255", 255 << 8),
                          ("kill -TERM $$", 15), ("kill -KILL $$", 9)):
        equal(w.wait(w.start("/bin/sh", "-c", command)), want, command)


@rule()
def poll(w, s):
    with Pipe() as p:
        w.create("/bin/cat")
        w.pass_fd("PROC SIN", p.r)
        pid = w.run()
        equal(w.ask("PROC POLL %d" % pid).code, 450, "while it runs")
        equal(w.ask("PROC POLL %d" % pid).code, 450, "while it runs")
        os.close(p.w)
        p.w = -1
        reply = w.ask("PROC POLL %d" % pid)
        while reply.code == 450:
            reply = w.ask("PROC POLL %d" % pid)
    equal((reply.code, reply.text.split()[0]), (200, "0"), "POLL")
    w.refused("PROC POLL %d" % pid)
    w.refused("PROC WAIT %d" % pid)
    w.refused("PROC KILL %d" % pid)
    w.refused("PROC KILL %d 0" % pid)


@rule()
def poll_right_after_the_end(w, s):
    pid = w.start("/bin/true")
    eventually("reaped", gone, pid)
    reply = w.ask("PROC POLL %d" % pid)
    equal((reply.code, reply.text.split()[0]), (200, "0"), "POLL")


@rule()
def forgotten_after_wait(w, s):
    pid = w.start("/bin/sh", "-c", "exit 3")
    equal(w.wait(pid), 768, "status")
    for command in ("POLL", "WAIT", "KILL"):
        w.refused("PROC %s %d" % (command, pid))


@rule()
def processes_of_others(w, s):
    for pid in (0, 1, -1, s.pid, os.getpid(), 2 ** 31 - 1, -2 ** 31):
        for command in ("POLL", "WAIT", "KILL"):
            w.refused("PROC %s %d" % (command, pid))
        w.refused("PROC KILL %d 0" % pid)
    check(not gone(s.pid), "the server lives")


@rule()
def kill_without_a_signal(w, s):
    pid = w.start("/bin/sleep", "1000")
    w.done("PROC KILL %d" % pid)
    equal(w.wait(pid), signal.SIGTERM, "status")


@rule()
def kill_with_a_signal(w, s):
    for sig in (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGUSR1):
        pid = w.start("/bin/sleep", "1000")
        w.done("PROC KILL %d 0" % pid)
        w.done("PROC KILL %d %d" % (pid, sig))
        equal(w.wait(pid) & 127, sig, "status")
    pid = w.start("/bin/sleep", "1000")
    for sig in (65, 1000, -1, -9, 2147483647):
        check(w.ask("PROC KILL %d %d" % (pid, sig)).code in (500, 550), "signal %d" % sig)
    equal(w.ask("PROC POLL %d" % pid).code, 450, "it runs on")


@rule()
def kill_signals_the_group(w, s):
    with Pipe() as p:
        w.create("/bin/sh", "-c", "sleep 1000 & sleep 1000 & echo $!; wait")
        w.pass_fd("PROC SOUT", p.w)
        pid = w.run()
        with open(p.r, closefd=False) as f:
            child = int(f.readline())
        check(not gone(child), "the child of the child runs")
        w.done("PROC KILL %d" % pid)
        equal(w.wait(pid), signal.SIGTERM, "status")
        eventually("the whole group has gone", gone, child)
        equal(p.done(), b"", "nobody holds the pipe")


@rule()
def kill_after_the_end(w, s):
    pid = w.start("/bin/sh", "-c", "exit 3")
    eventually("reaped", gone, pid)
    w.done("PROC KILL %d" % pid)
    w.done("PROC KILL %d 9" % pid)
    equal(w.wait(pid), 768, "status")
    w.refused("PROC KILL %d" % pid)


@rule(node_only)
def wait_holds_up_only_who_asked(w, s):
    pid = w.start("/bin/sleep", "1000")
    w.send(b"PROC WAIT %d\nHELP\n" % pid)
    other = s.connect()
    other.in_step()
    equal(other.ask("PROC POLL %d" % pid).code, 450, "POLL of another")
    quick = other.start("/bin/true")
    equal(other.wait(quick), 0, "status of another")
    w.sock.setblocking(False)
    try:
        raise AssertionError("a reply before the end: %r" % w.sock.recv(100))
    except BlockingIOError:
        pass
    w.sock.settimeout(LIMIT)
    other.done("PROC KILL %d" % pid)
    equal(w.reply().text.split()[0], "15", "status")
    check(b"QUIT" in w.reply().lines, "and what was asked behind it")
    w.in_step()
    other.close()


@rule(node_only)
def several_wait_for_one(w, s):
    pid = w.start("/bin/sleep", "1000")
    waiters = [s.connect() for _ in range(5)]
    for waiter in waiters:
        waiter.send(b"PROC WAIT %d\n" % pid)
    leaver = s.connect()
    leaver.send(b"PROC WAIT %d\n" % pid)
    leaver.close()
    w.in_step()
    w.in_step()
    w.done("PROC KILL %d 9" % pid)
    for waiter in waiters:
        equal(waiter.reply().text.split()[0], "9", "status")
        waiter.in_step()
        waiter.close()
    w.refused("PROC POLL %d" % pid)


@rule(node_only)
def any_client_may_ask(w, s):
    pid = w.start("/bin/sh", "-c", "kill -STOP $$; exit 5")
    eventually("stopped", lambda: status(pid)["State"].split()[0] == "T")
    others = [s.connect() for _ in range(3)]
    equal(others[0].ask("PROC POLL %d" % pid).code, 450, "POLL")
    others[1].done("PROC KILL %d %d" % (pid, signal.SIGCONT))
    equal(others[2].wait(pid), 5 << 8, "status")
    for other in others:
        other.refused("PROC POLL %d" % pid)
        other.close()


@rule(node_only)
def tags_are_unique(w, s):
    """Also among those that were named before one of them ran."""
    others = [s.connect() for _ in range(2)]
    for wire in [w] + others:
        wire.create("/bin/sleep", "1000")
        wire.done("PROC NAME only")
    pid = w.run()
    w.create("/bin/true")
    w.error("PROC NAME only", "ValueError")
    w.done("PROC ABRT")
    for wire in others:
        wire.error("PROC RUN", "ValueError")
        wire.refused("PROC RUN")
    w.done("PROC KILL %d" % pid)
    equal(w.wait(pid), 15, "status")
    others[0].create("/bin/true")
    others[0].done("PROC NAME only")
    equal(others[0].wait(others[0].run()), 0, "status")
    for wire in others:
        wire.close()


# The end of a connection

@rule(node_only)
def end_of_a_connection_leaves_processes(w, s):
    pids = []
    for end in ("quit", "close", "reset", "half"):
        other = s.connect()
        pids.append(other.start("/bin/sleep", "1000"))
        other.create("/bin/false")
        if end == "quit":
            equal(other.ask("QUIT").code, 221, "QUIT")
            other.ended()
        elif end == "reset":
            other.send(b"HELP\n" * 100)
        elif end == "half":
            other.sock.shutdown(socket.SHUT_WR)
            other.ended()
        other.close()
    w.in_step()
    for pid in pids:
        equal(w.ask("PROC POLL %d" % pid).code, 450, "it runs on")
        w.done("PROC KILL %d" % pid)
        equal(w.wait(pid), 15, "status")


@rule(fd_only)
def end_of_the_owner(w, s):
    """SIGTERM to the groups; to what has not ended after 3 s, SIGKILL. Three ways to end at once,
    so that the 3 s pass but once."""
    servers = [FdServer(env=server_env()) for _ in range(3)]
    silence = Pipe().__enter__()
    pipes, stubborn = [], []
    for server in servers:
        p = Pipe().__enter__()
        pipes.append(p)
        for command in ("trap 'echo heard; exit' TERM; echo up; read x",
                        "trap '' TERM; echo up; while :; do sleep 1000; done"):
            server.wire.create("/bin/sh", "-c", command)
            server.wire.pass_fd("PROC SIN", silence.r)
            server.wire.pass_fd("PROC SOUT", p.w)
            pid = server.wire.run()
        stubborn.append(pid)
        got = b""
        while got.count(b"up\n") < 2:
            got += os.read(p.r, 100)
        server.wire.create("/bin/false")
    began = time.monotonic()
    equal(servers[0].wire.ask("QUIT").code, 221, "QUIT")
    servers[1].wire.close()
    servers[2].wire.sock.shutdown(socket.SHUT_WR)
    for p in pipes:
        equal(os.read(p.r, 100), b"heard\n", "SIGTERM is heard")
    for server, pid, p in zip(servers, stubborn, pipes):
        equal(server.process.wait(LIMIT), 0, "exit code of the server")
        check(time.monotonic() - began > 2.9, "3 s pass for the stubborn one")
        eventually("killed", gone, pid)
        equal(p.done(), b"", "nobody holds the pipe")
        p.__exit__()
        server.wire.close()
    silence.__exit__()


@rule(fd_only)
def end_without_stubborn_processes_is_quick(w, s):
    server = FdServer()
    pid = server.wire.start("/bin/sh", "-c", "kill -STOP $$")
    eventually("stopped", lambda: status(pid)["State"].split()[0] == "T")
    server.stop()
    eventually("a stopped process ends, too", gone, pid)


# Section 5: what data looks like

ALLOWED = """PROTO STOP MARK GLOBAL EMPTY_TUPLE NEWOBJ BUILD REDUCE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_DICT SETITEM SETITEMS EMPTY_LIST APPEND APPENDS NONE NEWTRUE NEWFALSE BININT BININT1
    BININT2 LONG1 SHORT_BINSTRING BINSTRING BINPUT BINGET LONG_BINPUT LONG_BINGET""".split()


def strict(pickle):
    """Opcodes of protocol 2 that keep strings as bytes."""
    ops = [(op.name, arg) for op, arg, _ in pickletools.genops(pickle)]
    equal(ops[0], ("PROTO", 2), "protocol")
    check(not {name for name, _ in ops} - set(ALLOWED), "opcodes: %r" % ops)
    return ops


@rule()
def shape_of_data(w, s):
    for line in ("IF LIST", "IF LIST 1", "ADDR LIST", "ADDR LIST 1", "ROUT LIST"):
        reply = w.done(line)
        equal(len(reply.lines), 2, "lines")
        strict(reply.pickle)
    reply = w.ask("IF LIST 4711")
    equal((reply.code, len(reply.lines)), (550, 2), "lines")
    ops = strict(reply.pickle)
    check(("GLOBAL", "exceptions KeyError") in ops, "GLOBAL exceptions: %r" % ops)
    ops = strict(w.done("IF LIST 1").pickle)
    check(("GLOBAL", "nemu.iproute interface") in ops, "GLOBAL: %r" % ops)
    check("NEWOBJ" in dict(ops), "NEWOBJ")


@rule()
def interfaces_are_what_ip_says(w, s):
    pid = s.pid
    in_netns(pid, "ip", "tuntap", "add", "ruletun", "mode", "tun")
    in_netns(pid, "ip", "link", "add", "rule0", "type", "veth", "peer", "name", "rule1")
    in_netns(pid, "ip", "link", "set", "rule0", "address", "02:00:00:AB:cd:01", "mtu", "1400", "up")
    in_netns(pid, "ip", "link", "set", "rule1", "arp", "off", "multicast", "off")
    truth = {}
    for i in json.loads(in_netns(pid, "ip", "-j", "link")):
        truth[i["ifindex"]] = {
            "_index": i["ifindex"], "name": i["ifname"], "_mtu": i["mtu"],
            "_up": "UP" in i["flags"], "_mc": "MULTICAST" in i["flags"],
            "_arp": "NOARP" not in i["flags"], "_lladdr": i.get("address"),
            "broadcast": i.get("broadcast")}
    got = w.done("IF LIST").data
    equal({index: i.__dict__ for index, i in got.items()}, truth, "IF LIST")
    for i in got.values():
        equal([type(i.__dict__[k]) for k in ("_up", "_mc", "_arp")], [bool] * 3, "types")
    for index in truth:
        equal(w.done("IF LIST %d" % index).data.__dict__, truth[index], "IF LIST %d" % index)
    tun = [i for i in got.values() if i.name == "ruletun"][0]
    equal(tun._lladdr, None, "link-layer address of tun")
    for name in ("ruletun", "rule0"):
        in_netns(pid, "ip", "link", "del", name)


class Interface:
    """An interface in the server's namespace, made from outside."""

    def __init__(self, pid, name="rule0"):
        self.pid, self.name = pid, name
        in_netns(pid, "ip", "link", "add", name, "type", "bridge")

    def __enter__(self):
        self.index = json.loads(in_netns(self.pid, "ip", "-j", "link", "show", self.name))[0][
            "ifindex"]
        return self

    def __exit__(self, *_):
        in_netns(self.pid, "ip", "link", "del", "dev", self.name)

    def flags(self):
        return json.loads(in_netns(self.pid, "ip", "-j", "link", "show", self.name))[0]


@rule()
def addresses_ipv4_first(w, s):
    with Interface(s.pid) as i:
        in_netns(s.pid, "ip", "addr", "add", "fd00::1/64", "dev", i.name, "nodad")
        in_netns(s.pid, "ip", "addr", "add", "10.1.1.1/24", "brd", "+", "dev", i.name)
        in_netns(s.pid, "ip", "addr", "add", "10.1.1.2/24", "dev", i.name)
        in_netns(s.pid, "ip", "addr", "add", "10.2.1.1/32", "dev", i.name)
        want = [
            ("ipv4address", {"address": "10.1.1.1", "prefix_len": 24, "broadcast": "10.1.1.255",
                             "family": 2}),
            ("ipv4address", {"address": "10.2.1.1", "prefix_len": 32, "broadcast": None,
                             "family": 2}),
            ("ipv4address", {"address": "10.1.1.2", "prefix_len": 24, "broadcast": None,
                             "family": 2}),
            ("ipv6address", {"address": "fd00::1", "prefix_len": 64, "family": 10}),
        ]
        kernel = [a["local"] for a in json.loads(in_netns(s.pid, "ip", "-j", "addr", "show", "dev",
                                                          i.name))[0]["addr_info"]]
        want.sort(key=lambda a: (a[1]["family"], kernel.index(a[1]["address"])))
        got = w.done("ADDR LIST %d" % i.index).data
        equal([(type(a).__name__, a.__dict__) for a in got], want, "ADDR LIST INDEX")
        everything = w.done("ADDR LIST").data
        equal([a.address for a in everything[i.index]], [a[1]["address"] for a in want], "order")
        equal(set(everything), set(w.done("IF LIST").data), "a list for each interface")


@rule()
def routes_of_the_main_table(w, s):
    pid = s.pid
    before = len(w.done("ROUT LIST").data)
    with Interface(pid) as i:
        in_netns(pid, "ip", "link", "set", i.name, "up")
        in_netns(pid, "ip", "addr", "add", "10.1.1.1/24", "dev", i.name)
        for route in ("10.2.0.0/16 via 10.1.1.2 metric 7", "default via 10.1.1.3",
                      "blackhole 10.3.0.0/16", "10.4.0.0/16 via 10.1.1.4 table 100",
                      "10.5.0.0/16 nexthop via 10.1.1.5 nexthop via 10.1.1.6",
                      "fd01::/64 dev rule0 metric 9"):
            in_netns(pid, "ip", *(("-6",) if route.startswith("fd") else ()), "route", "add",
                     *route.split())
        got = w.done("ROUT LIST").data
        check(all(type(r).__name__ == "route" and r._tipe == 0 for r in got), "unicast: %r" % got)
        rows = [(r._prefix, r._plen, r._nexthop, r._interface, r._metric) for r in got]
        for row in (("10.1.1.0", 24, None, i.index, 0), ("10.2.0.0", 16, "10.1.1.2", i.index, 7),
                    (None, 0, "10.1.1.3", i.index, 0), ("10.5.0.0", 16, "10.1.1.5", i.index, 0),
                    ("10.5.0.0", 16, "10.1.1.6", i.index, 0), ("fd01::", 64, None, i.index, 9)):
            equal(rows.count(row), 1, "%r in %r" % (row, rows))
        check(not [r for r in rows if r[0] in ("10.3.0.0", "10.4.0.0")], "not these: %r" % rows)
        families = [":" in (r[0] or "") for r in rows]
        equal(families, sorted(families), "IPv4 first")
    in_netns(pid, "ip", "route", "del", "blackhole", "10.3.0.0/16")
    equal(len(w.done("ROUT LIST").data), before, "gone with the interface")


@rule()
def refusals_of_the_kernel(w, s):
    for line, errnum in (("ADDR ADD 4711 10.0.0.1 8", 19), ("ADDR DEL 1 10.99.0.1 8", 99),
                         ("ROUT DEL unicast 10.99.0.0 16 10.0.0.1 0 0", 3),
                         ("ROUT ADD unicast 10.99.0.0 16 10.98.0.1 0 0", 101)):
        e = w.error(line, "RuntimeError")
        equal(e.errno, errnum, line + ": " + e.args[0])
        equal(len(e.args), 1, "one message")
    e = w.error("ADDR ADD 1 10.0.0.300 8", "ValueError")
    equal(len(e.args), 1, "one message")
    for line in ("IF DEL 4711", "IF SET 4711 up 1", "IF RTRN 4711 1"):
        equal(w.ask(line).code, 550, line)
    equal(w.error("ADDR LIST 4711", "KeyError").args, (4711,), "KeyError")


@rule()
def several_attributes_or_none(w, s):
    with Interface(s.pid) as i, Interface(s.pid, "taken"):
        before = i.flags()
        for pairs in ("mtu 1400 nonsense 1", "mtu 1400 mtu x", "mtu 1400 lladdr zz",
                      "up 1 name a/b", "up 1 mtu 1400 name taken", "mtu 1400 name taken up 1", "up 1 mtu 99999999",
                      "mtu 1400 UP 1", "lladdr 02:00:00:00:00:09 name taken", "master 1",
                      "mtu 1400 name sixteen-letters-", "mtu -5", "multicast 0 name taken"):
            equal(w.ask("IF SET %d %s" % (i.index, pairs)).code, 550, pairs)
            equal(i.flags(), before, "after IF SET %s" % pairs)


@rule()
def link_layer_address_of_what_has_none(w, s):
    if w.ask("LINK NEW tun9 tun").code != 200:
        return "no tun"
    index = int(w.done("LINK FIND tun9").text.split()[0])
    for pairs in ("broadcast ff:ff:ff:ff:ff:ff", "mtu 1400 broadcast 0", "lladdr 02:00:00:00:00:09"):
        equal(w.ask("IF SET %d %s" % (index, pairs)).code, 550, pairs)
        equal(w.done("IF LIST %d" % index).data._mtu, 1500, "MTU after IF SET " + pairs)
    w.done("IF DEL %d" % index)


@rule()
def attributes(w, s):
    with Interface(s.pid) as i:
        def after(pairs):
            w.done("IF SET %d %s" % (i.index, pairs))
            return w.done("IF LIST %d" % i.index).data

        for word, want in (("1", True), ("0", False), ("true", True), ("False", False), ("7", True),
                           ("FALSE", False), ("TRUE", True), ("00", False), ("-1", True),
                           ("False", False), ("yes", True), ("0", False), ("no", True)):
            got = after("up %s multicast %s arp %s" % (word, word, word))
            equal((got._up, got._mc, got._arp), (want,) * 3, word)
        for word, want in (("02:00:00:00:00:01", "02:00:00:00:00:01"),
                           ("2:0:0:0:0:2", "02:00:00:00:00:02"),
                           ("02:AB:cd:EF:0:3", "02:ab:cd:ef:00:03"),
                           ("020000000004", "02:00:00:00:00:04"),
                           ("2AbCdEf0005", "02:ab:cd:ef:00:05")):
            got = after("up 1 lladdr " + word)
            equal((got._lladdr, got._up), (want, True), word)
        got = after("name other mtu 1300 up 0 lladdr 2:0:0:0:0:6 multicast 1 arp 0")
        equal((got.name, got._mtu, got._up, got._lladdr, got._mc, got._arp),
              ("other", 1300, False, "02:00:00:00:00:06", True, False), "all at once")
        i.name = "other"


@rule(node_only)
def a_log_of_what_was_not_passed(w, node):
    """nemu-protocol(7), PROC LOG: as far as descriptors 1 and 2 are not passed."""
    for passed, kept in (("PROC SOUT", b"err\n"), ("PROC SERR", b"out\n"), (None, b"out\nerr\n")):
        r, out = os.pipe()
        w.create("/bin/sh", "-c", "echo out; echo err >&2")
        w.done("PROC LOG")
        if passed:
            w.pass_fd(passed, out)
        os.close(out)
        pid = w.run()
        with os.fdopen(r, "rb") as f:
            equal(f.read(), {"PROC SOUT": b"out\n", "PROC SERR": b"err\n", None: b""}[passed], passed)
        while not [p for p in w.ask("PROC LIST").data if p["pid"] == pid][0]["status"] == 0:
            pass
        with open(os.path.join(RUNDIR, "default", "." + node.name, str(pid)), "rb") as f:
            equal(f.read(), kept, "log, %s passed" % passed)
        w.wait(pid)


@rule(both)
def link_nsid_takes_a_thousand(w, server):
    equal(w.done("LINK NSID" + " 1" * 1024).data, [-1] * 1024, "none has an id here")
    w.refused("LINK NSID" + " 1" * 1025)


@rule(node_only)
def who_waits_for_the_name_service_holds_nothing(w, node):
    quits, runs = node.connect(), node.connect()
    r, out = os.pipe()
    runs.create("/bin/true")
    runs.pass_fd("PROC SOUT", out)
    os.close(out)
    w.create("/bin/true")
    w.done("PROC USER slowly-found")
    w.send(b"PROC RUN\n")
    with open(FIFO, "w"):  # there is who reads it
        equal(quits.ask("QUIT").code, 221, "QUIT")
        quits.ended()
        runs.wait(runs.run())
        check(select.select([r], [], [], LIMIT)[0], "the pipe of a program that has ended is still held")
    equal(w.reply().code, 550, "no such user")
    equal(os.read(r, 1), b"", "nothing was printed")
    os.close(r)
    runs.close()


# How they are run

def server_env():
    return environment(DISPLAY=":9", PATH="%s:%s" % (BIN, os.environ["PATH"]), **{LANDMARK: "here"})


def on_fd(fn):
    server = FdServer(env=server_env())
    try:
        return fn(server.wire, server)
    finally:
        server.stop()


def on_node(fn, node):
    wire = node.connect()
    try:
        return fn(wire, node)
    finally:
        wire.close()


def main():
    tap = Tap()
    os.mkdir(BIN)
    with open(os.path.join(BIN, "only-here"), "w") as f:
        f.write("#!/bin/sh\necho here\n")
    os.chmod(f.name, 0o755)
    os.mkfifo(FIFO)
    with open(os.path.join(BIN, "getent"), "w") as f:
        f.write('#!/bin/sh\n[ "$2" != slowly-found ] || cat %s\nPATH=%s exec getent "$@"\n' % (FIFO, os.environ["PATH"]))
    os.chmod(f.name, 0o755)
    for fn in both + fd_only:
        tap.run("--fd: " + fn.__name__.replace("_", " "), on_fd, fn)
    node = NodeServer("rules", env=server_env())
    node.wire.done("IF LIST")
    before = len(descriptors(node.pid))
    for fn in both + node_only:
        tap.run("node: " + fn.__name__.replace("_", " "), on_node, fn, node)
    tap.run("node: no descriptor is left", has_descriptors, node.pid, before)
    tap.run("node: removed", node.stop)
    return tap.done()


sys.exit(main())
