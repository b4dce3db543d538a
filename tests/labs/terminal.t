#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""exec and sh on a terminal: what is typed, shown, and left behind. Prints TAP."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

NEMU = os.environ["NEMU"]
os.environ.update(PS1="% ", TERM="xterm", SHELL="/bin/bash")
PATIENCE = 20  # seconds until a test counts as stuck


class Terminal:
    """nemu, or another program, on a terminal of ours."""

    def __init__(self, *args, program=NEMU):
        self.out = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(program, [program] + list(args))

    def read(self):
        if not select.select([self.fd], [], [], PATIENCE)[0]:
            raise AssertionError("stuck after %r" % self.out[-300:])
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.out += data
        return data

    def expect(self, text):
        """Waits until text has been shown; what came before it is dropped."""
        while text not in self.out:
            if not self.read():
                raise AssertionError("ended without %r: %r" % (text, self.out[-300:]))
        self.out = self.out.split(text, 1)[1]

    def type(self, text):
        while text:
            text = text[os.write(self.fd, text):]

    def end(self):
        """Everything else that is shown, and the exit code."""
        while self.read():
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return self.out, code


def nemu(*args):
    return subprocess.run([NEMU] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE)


def equal(got, want):
    if got != want:
        raise AssertionError("got %r, want %r" % (got, want))


def until(condition, what):
    for _ in range(PATIENCE * 50):
        if condition():
            return
        select.select([], [], [], 0.02)
    raise AssertionError("never so: " + what)


def bash():
    t = Terminal("exec", "a", "bash", "--norc")
    t.expect(b"% ")
    return t


def by_default_on_a_terminal():
    out, code = Terminal("exec", "a", "sh", "-c", "tty; test -t 0 && test -t 1 && exit 3").end()
    equal((out.startswith(b"/dev/pts/"), code), (True, 3))


def forbidden():
    t = Terminal("exec", "-T", "a", "sh", "-c", "ps -o tty= -p $$")
    equal((t.end()[0].strip(), True), (b"?", True))  # none of its own; ours, passed on


def forced():
    done = nemu("exec", "-t", "a", "sh", "-c", "test -t 0 && test -t 1 && echo yes")
    equal((done.stdout, done.returncode), (b"yes\r\n", 0))


def not_on_a_pipe():
    equal(nemu("exec", "a", "sh", "-c", "test -t 1 || echo no").stdout, b"no\n")


def interrupt_ends_the_inner_program_only():
    t = bash()
    t.type(b"echo go; sleep 1000\n")
    t.expect(b"\rgo\r\n")
    until(lambda: b"sleep 1000" in nemu("exec", "a", "ps", "-eo", "args").stdout, "sleep")
    t.type(b"\x03")
    t.expect(b"% ")
    t.type(b"echo $?; exit 5\n")
    t.expect(b"130\r\n")
    equal(t.end()[1], 5)


def job_control():
    t = bash()
    t.type(b"echo go; sleep 1001\n")
    t.expect(b"\rgo\r\n")
    until(lambda: b"sleep 1001" in nemu("exec", "a", "ps", "-eo", "args").stdout, "sleep")
    t.type(b"\x1a")
    t.expect(b"Stopped")
    t.type(b"bg; kill %1; wait; echo do''ne\n")
    t.expect(b"done\r\n")
    t.type(b"exit\n")
    t.end()


def resize_arrives():
    # No shell that prompts: it may lose a signal that comes just before.
    t = Terminal("exec", "a", "bash", "-c", "trap 'stty size; exit' WINCH; echo set; while :; do sleep 0.05; done")
    t.expect(b"set\r\n")
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    t.expect(b"33 77")
    t.end()


def tail_is_whole():
    for _ in range(10):
        out, code = Terminal("exec", "a", "seq", "1", "50000").end()
        equal((out.endswith(b"\n50000\r\n"), out.count(b"\n"), code), (True, 50000, 0))


def eight_bits():
    every = bytes(range(256))
    t = Terminal("exec", "a", "sh", "-c", "stty raw -echo; echo on; exec head -c 256")
    t.expect(b"on\n")
    t.type(every)
    equal(t.end(), (every, 0))


def large_paste():
    text = b"0123456789abcde\n" * 12500
    t = Terminal("exec", "a", "sh", "-c", "stty raw -echo; echo on; exec head -c %d" % len(text))
    t.expect(b"on\n")
    sent = 0
    while sent < len(text):  # both ways at once, as a terminal does
        readable, writable, _ = select.select([t.fd], [t.fd], [], PATIENCE)
        if readable:
            t.read()
        if writable:
            sent += os.write(t.fd, text[sent:sent + 512])
    equal(t.end(), (text, 0))


def attributes(fd):
    return termios.tcgetattr(fd)


def restored(hurt, code):
    """The terminal is as it was, whatever ends the program."""
    def test():
        master, slave = os.openpty()
        before = attributes(slave)
        p = subprocess.Popen([NEMU, "exec", "a", "--", "sh", "-c", "echo $$; exec sleep 1002"],
                             stdin=slave, stdout=slave, stderr=slave)
        pid = int(os.read(master, 100))
        until(lambda: attributes(slave) != before, "raw")
        hurt(p, pid)
        equal(p.wait(PATIENCE), code)
        equal(attributes(slave), before)
        os.close(master)
        os.close(slave)
    return test


def stopped_and_continued():
    master, slave = os.openpty()
    before = attributes(slave)
    p = subprocess.Popen([NEMU, "exec", "a", "sh", "-c", "echo $$; exec sleep 1003"], stdin=slave,
                         stdout=slave, stderr=slave)
    pid = int(os.read(master, 100))
    until(lambda: attributes(slave) != before, "raw")
    p.send_signal(signal.SIGTSTP)
    os.waitpid(p.pid, os.WUNTRACED)
    equal(attributes(slave), before)
    p.send_signal(signal.SIGCONT)
    until(lambda: attributes(slave) != before, "raw again")
    os.kill(pid, signal.SIGTERM)
    equal(p.wait(PATIENCE), 143)
    os.close(master)
    os.close(slave)


def in_the_background():
    # timeout(1) in a script: a process group of its own, which is not the terminal's
    t = Terminal("-c", 'timeout 10 "$NEMU" exec a echo hello; echo "code $?"', program="bash")
    try:
        t.expect(b"hello")
        t.expect(b"code 0")
    except AssertionError:
        os.kill(t.pid, signal.SIGKILL)  # the terminal's hang-up is the end of the rest
        raise
    finally:
        t.end()


def from_the_background_to_the_foreground():
    t = Terminal("--norc", "-i", program="bash")
    t.expect(b"% ")
    t.type(b"$NEMU exec a sh -c 'echo o''ne; read x; echo two $x' &\n")
    t.expect(b"one\r")
    t.type(b"echo sh''ell; jobs\n")  # what is typed is the shell's
    t.expect(b"\rshell\r\n")
    t.expect(b"Running")
    t.expect(b"% ")
    before = attributes(t.fd)
    t.type(b"fg\n")
    until(lambda: not attributes(t.fd)[3] & termios.ISIG, "raw")
    t.type(b"word\n")
    t.expect(b"two word\r\n")
    t.expect(b"% ")
    until(lambda: attributes(t.fd) == before, "as before")
    t.type(b"exit\n")
    equal(t.end()[1], 0)


def input_ends_within_a_line():
    for text, shown in (b"abc", b"abcabc"), (b"abc\n", b"abc\r\nabc\r\n"), (b"", b""):
        p = subprocess.run([NEMU, "exec", "-t", "a", "cat"], input=text, stdout=subprocess.PIPE, timeout=PATIENCE)
        equal((p.stdout.replace(b"^D\b\b", b""), p.returncode), (shown, 0))


def nobody_reads():
    master, slave = os.openpty()
    before = attributes(slave)
    r, w = os.pipe()
    p = subprocess.Popen([NEMU, "exec", "-t", "a", "sh", "-c", "read x; seq 100000; sleep 1005"], stdin=slave, stdout=w,
                         stderr=subprocess.PIPE)
    until(lambda: attributes(slave) != before, "raw")
    os.close(w)
    os.close(r)
    os.write(master, b"\n")
    equal((p.stderr.read(), p.wait(PATIENCE)), (b"", -signal.SIGPIPE))
    equal(attributes(slave), before)
    os.close(master)
    os.close(slave)
    until(lambda: b"1005" not in nemu("ps", "a").stdout, "the program has ended")
    with open("/dev/full", "wb") as full:
        p = subprocess.run([NEMU, "exec", "-t", "a", "seq", "3"], stdin=subprocess.DEVNULL, stdout=full,
                           stderr=subprocess.PIPE, timeout=PATIENCE)
    equal((p.stderr, p.returncode), (b"nemu exec: standard output: No space left on device\n", 125))


def fill(pipe):
    os.set_blocking(pipe, False)
    try:
        while True:
            os.write(pipe, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(pipe, True)


def signals_though_nobody_reads():
    for program in "yes", "seq 3000":  # one runs on, one may have ended
        r, w = os.pipe()
        p = subprocess.Popen(["timeout", "1", NEMU, "exec", "-t", "a"] + program.split(), stdin=subprocess.DEVNULL,
                             stdout=w)
        fill(w)
        equal(p.wait(PATIENCE), 124)
        os.close(r)
        os.close(w)


def another_size_though_nobody_reads():
    r, w = os.pipe()
    fill(w)
    p = subprocess.Popen([NEMU, "exec", "-t", "a", "seq", "500"], stdin=subprocess.DEVNULL, stdout=w)
    os.close(w)
    for _ in range(20):  # for longer than is waited after a signal that is to end it
        try:
            p.wait(0.1)
            break
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGWINCH)
    with open(r, "rb") as pipe:
        equal(pipe.read().count(b"\r\n"), 500)
    equal(p.wait(PATIENCE), 0)


def hang_up_of_a_killed_client():
    t = Terminal("exec", "a", "sh", "-c", "trap 'exit 9' HUP; sleep 1004 & echo go; wait")
    t.expect(b"go\r\n")
    os.kill(t.pid, signal.SIGKILL)
    os.waitpid(t.pid, 0)
    os.close(t.fd)
    until(lambda: b"1004" not in nemu("ps", "a").stdout, "the program has ended")


def prompt_names_the_node():
    t = Terminal("sh", "a")
    t.expect(b"[a]")
    t.type(b"exit 2\n")
    equal(t.end()[1], 2)


def full_screen_programs():
    t = Terminal("exec", "a", "less", "/etc/services")
    t.expect(b"/etc/services")
    t.type(b"q")
    equal(t.end()[1], 0)


TESTS = (
    by_default_on_a_terminal, forbidden, forced, not_on_a_pipe,
    interrupt_ends_the_inner_program_only, job_control, resize_arrives, tail_is_whole, eight_bits,
    large_paste,
    ("restored after SIGKILL of the program",
     restored(lambda p, pid: os.kill(pid, signal.SIGKILL), 137)),
    ("restored after SIGTERM to the client",
     restored(lambda p, pid: p.send_signal(signal.SIGTERM), 143)),
    ("restored after SIGHUP to the client",
     restored(lambda p, pid: p.send_signal(signal.SIGHUP), 129)),
    stopped_and_continued, in_the_background, from_the_background_to_the_foreground, input_ends_within_a_line, nobody_reads,
    signals_though_nobody_reads, another_size_though_nobody_reads, hang_up_of_a_killed_client, prompt_names_the_node, full_screen_programs,
)


def main():
    failed = 0
    nemu("node", "add", "a")
    print("1..%d" % len(TESTS), flush=True)
    for i, test in enumerate(TESTS, 1):
        name, fn = test if isinstance(test, tuple) else (test.__name__.replace("_", " "), test)
        try:
            fn()
            print("ok %d - %s" % (i, name), flush=True)
        except Exception as e:  # the others shall run all the same
            failed += 1
            print("not ok %d - %s\n# %s: %s" % (i, name, type(e).__name__, e), flush=True)
    nemu("node", "del", "--all")
    return failed > 0


sys.exit(main())
