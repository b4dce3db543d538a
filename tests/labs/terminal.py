#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of terminal.bats that need a terminal of their own: terminal.py CASE. There is a node a.

Exit code 0: passed. Otherwise what was wrong stands on standard output.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

NEMU = os.environ["NEMU"]
LIMIT = 20  # seconds after which something is taken for hung; nothing is measured by it
CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError("%s: got %.400r, want %.400r" % (what, got, want))


def eventually(what, fn):
    end = time.monotonic() + LIMIT
    while not fn():
        if time.monotonic() > end:
            raise AssertionError("never so: " + what)
        select.select([], [], [], 0.01)


def nemu(*args, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([NEMU] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT, **more)


def running(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def read(path):
    with open(path) as f:
        return f.read()


def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """A terminal on which a command runs as it does below a shell: as leader of its session.

    The slave stays open here: attributes can be looked at also after the command's end."""

    def __init__(self, *argv, before=None):
        self.out = b""
        self.master, self.slave = os.openpty()
        size(self.master, 24, 80)
        if before:
            before(self.slave)
        self.name = os.ttyname(self.slave)
        self.attributes = termios.tcgetattr(self.slave)
        self.stty = self.all()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.closerange(3, 100)
            os.execvp(argv[0], argv)

    def all(self):
        return subprocess.run(["stty", "-a"], stdin=self.slave, stdout=subprocess.PIPE).stdout

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def _read(self, patience):
        if not select.select([self.master], [], [], patience)[0]:
            return b""
        data = os.read(self.master, 65536)
        self.out += data
        return data

    def expect(self, text):
        """Waits until text has been shown; what came before it is returned and dropped."""
        end = time.monotonic() + LIMIT
        while text not in self.out:
            if time.monotonic() > end:
                raise AssertionError("%r was never shown: %.400r" % (text, self.out[-400:]))
            self._read(0.2)
        before, self.out = self.out.split(text, 1)
        return before

    def type(self, text):
        while text:
            text = text[os.write(self.master, text):]

    def exchange(self, text, count):
        """Types text and reads count bytes, both as fast as they go."""
        sent, end = 0, time.monotonic() + LIMIT
        while sent < len(text) or len(self.out) < count:
            if time.monotonic() > end:
                raise AssertionError("stuck: %d of %d sent, %d of %d read" % (
                    sent, len(text), len(self.out), count))
            if sent < len(text) and select.select([], [self.master], [], 0)[1]:
                sent += os.write(self.master, text[sent:sent + 1024])
            self._read(0 if sent < len(text) else 0.2)
        got, self.out = self.out[:count], self.out[count:]
        return got

    def end(self, *codes):
        """All else that is shown; the command must have ended so, and the terminal be as before."""
        stop = time.monotonic() + LIMIT
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            while self._read(0 if pid else 0.05):
                pass
            if pid:
                break
            if time.monotonic() > stop:
                raise AssertionError("does not end: %.400r" % self.out[-400:])
        code = os.waitstatus_to_exitcode(status)
        if code not in codes:
            raise AssertionError("exit code %d, not %r: %.400r" % (code, codes, self.out[-400:]))
        equal(termios.tcgetattr(self.slave), self.attributes, "attributes afterwards")
        equal(self.all(), self.stty, "stty -a afterwards")
        return self.out


def program(text, *options, **more):
    """nemu exec of a shell's command on a terminal."""
    return Terminal(NEMU, "exec", *options, "a", "--", "sh", "-c", text, **more)


def bash():
    os.environ["PS1"] = "% "
    os.environ["TERM"] = "dumb"
    t = Terminal(NEMU, "exec", "a", "--", "bash", "--norc", "--noediting")
    t.expect(b"% ")
    return t


# ---------------------------------------------------------------- which terminal

@case
def by_default():
    """A terminal of its own where input and output are one; else not; -t, -T."""
    test = "tty <&0; for i in 0 1 2; do test -t $i && printf %d $i; done; echo ."
    t = program(test)
    inner, fds = t.end(0).split()
    if not inner.startswith(b"/dev/pts/") or inner == t.name.encode():
        raise AssertionError("terminal %r, ours is %s" % (inner, t.name))
    equal(fds, b"012.")
    t = program(test, "-T")
    equal(t.end(0).split(), [t.name.encode(), b"012."], "with -T")
    # One of the two is none: the program has what we have.
    t = Terminal("sh", "-c", '"$NEMU" exec a sh -c "test -t 0 || test ! -t 1 || echo mixed" </dev/null')
    equal(t.end(0), b"", "input is none")
    t = Terminal("sh", "-c", '"$NEMU" exec a readlink /proc/self/fd/0 | cat')
    equal(t.end(0).split(), [t.name.encode()], "output is none")
    t = Terminal("sh", "-c", '"$NEMU" exec -t a sh -c "test -t 0 && test -t 1 && echo yes" </dev/null | cat')
    equal(t.end(0), b"yes\r\r\n", "forced") # two terminals have each made a line's end of it
    equal(nemu("exec", "a", "sh", "-c", "tty; test -t 1 || echo no").stdout, b"not a tty\nno\n")
    equal(nemu("exec", "-t", "-T", "a", "true").returncode, 125, "-t -T")


@case
def controlling():
    """It is the controlling terminal, of a session of its own, with the program in front."""
    out = program("ps -o tty=,sid=,pgid=,tpgid=,pid= -p $$; tty; echo x >/dev/tty").end(0)
    words = out.split()
    equal(words[0], words[5][len("/dev/"):], "tty")
    equal(len(set(words[1:5])), 1, "session, group, group in front, PID: %r" % words)
    equal(words[6], b"x", "/dev/tty")


@case
def settings():
    """The program's terminal starts with the size and the settings of ours."""
    def odd(slave):
        size(slave, 37, 111)
        subprocess.check_call(["stty", "intr", "^X", "-echo", "-ixon", "tostop"], stdin=slave)
    t = program("stty -a", before=odd)
    inner = t.end(0).replace(b"\r", b"")
    equal(inner, t.stty, "stty -a inside")
    equal(b"37" in inner and b"111" in inner and b"^X" in inner, True)


# ---------------------------------------------------------------- keys

@case
def interrupt():
    t = bash()
    for key, code in ((b"\x03", 130), (b"\x1c", 131)):
        t.type(b"sh -c 'echo on''ce; exec sleep 86501'; echo code $?\n")
        t.expect(b"once\r\n")
        t.type(key)
        if code == 131:
            t.expect(b"code 131\r\n")
        else:
            t.expect(b"% ")  # bash drops the rest of the line
            t.type(b"echo code $?\n")
            t.expect(b"code 130\r\n")
        t.expect(b"% ")
    t.type(b"exit 7\n")
    t.end(7)


@case
def job_control():
    t = bash()
    t.type(b"cat\n")
    t.expect(b"cat\r\n")
    t.type(b"one\n")
    t.expect(b"one\r\none\r\n")
    t.type(b"\x1a")
    t.expect(b"Stopped")
    t.type(b"jobs -s | grep -c cat\n")
    t.expect(b"\r\n1\r\n")
    t.type(b"fg\n")
    t.expect(b"cat\r\n")
    t.type(b"two\n")
    t.expect(b"two\r\ntwo\r\n")
    t.type(b"\x1a")
    t.expect(b"Stopped")
    t.type(b"bg; echo st''ill\n")  # it reads, and may not: stopped again
    t.expect(b"still\r\n")
    t.type(b"wait -f %1; jobs -s | grep -c cat; kill %1; fg; echo code $?\n")
    t.expect(b"\r\n1\r\n")
    t.expect(b"code 143\r\n")
    t.type(b"sh -c 'echo go''ing; exec sleep 86502'\n")
    t.expect(b"going\r\n")
    t.type(b"\x1a")
    t.expect(b"Stopped")
    t.type(b"bg; kill -INT %1; wait %1; echo code $?\n")
    t.expect(b"code 130\r\n")
    t.type(b"exit 0\n")
    t.end(0)


@case
def end_of_input():
    t = program("cat; echo ended")
    t.type(b"abc\n\x04")
    equal(t.end(0), b"abc\r\nabc\r\nended\r\n")


@case
def hang_up():
    """The window is closed: the program hears SIGHUP, and nothing stays."""
    place = os.environ["BATS_TEST_TMPDIR"] + "/hup"
    t = program("trap 'echo got >%s; exit 9' HUP; echo $$; while :; do sleep 0.05; done" % place)
    t.expect(b"\r\n")
    pid = t.pid
    os.close(t.master)
    os.close(t.slave)
    eventually("SIGHUP", lambda: os.path.exists(place))
    eventually("end of the client", lambda: os.waitpid(pid, os.WNOHANG)[0])


@case
def flood():
    """Ctrl-C ends a program that prints faster than it is read."""
    t = program("trap 'exit 3' INT; while :; do seq 1 1000; done")
    for _ in range(20):
        t._read(LIMIT)
    t.type(b"\x03")
    t.end(3)


@case
def nested():
    """A terminal in a terminal in a terminal."""
    t = bash()
    t.type(b"\"$NEMU\" exec a bash --norc --noediting\n")
    t.expect(b"% ")
    t.type(b"\"$NEMU\" exec a sh -c 'echo de''ep; exec sleep 86503'\n")
    t.expect(b"deep\r\n")
    t.type(b"\x03")
    t.expect(b"% ")
    size(t.master, 41, 91)
    t.type(b"echo code $?; until [ \"$(stty size)\" = '41 91' ]; do :; done; echo re''sized; exit 4\n")
    t.expect(b"code 130\r\n")
    t.expect(b"resized\r\n")
    t.expect(b"% ")
    t.type(b"exit\n")
    t.end(4)


# ---------------------------------------------------------------- size

@case
def resize():
    """It arrives, as size and as signal, as often as it happens."""
    t = program("exec bash -c 'trap \"stty size\" WINCH; echo ready; while :; do sleep 0.02; done'")
    t.expect(b"ready\r\n")
    for rows, columns in ((33, 77), (10, 20), (200, 300)):
        size(t.master, rows, columns)
        t.expect(b"%d %d\r\n" % (rows, columns))
    t.stty = t.all()
    os.kill(t.pid, signal.SIGTERM)
    t.end(143)


# ---------------------------------------------------------------- data

@case
def eight_bits():
    every = bytes(range(256)) * 8 + bytes(range(255, -1, -1)) * 8
    t = program("stty raw -echo; echo on; exec head -c %d" % len(every))
    t.expect(b"on\n")
    equal(t.exchange(every, len(every)), every, "through a terminal")
    equal(t.end(0), b"", "more than that")
    done = subprocess.run([NEMU, "exec", "a", "cat"], input=every, stdout=subprocess.PIPE,
                          timeout=LIMIT)
    equal((done.stdout, done.returncode), (every, 0), "through pipes")
    done = nemu("exec", "-t", "a", "sh", "-c", "stty raw; printf '\\0\\1\\377\\n\\200'")
    equal(done.stdout, b"\0\1\377\n\200", "from a terminal to a pipe")


@case
def paste():
    text = b"".join(b"%07d\n" % i for i in range(25600))  # 200 kB
    t = program("stty raw -echo; echo on; exec cat")
    t.expect(b"on\n")
    equal(t.exchange(text, len(text)) == text, True, "what comes back is what was typed")
    os.kill(t.pid, signal.SIGTERM)
    equal(t.end(143), b"", "more than that")


@case
def paste_unread():
    """Typed ahead of a program that does not read yet, while it prints: nobody is stuck."""
    text = b"".join(b"%07d\n" % i for i in range(4000))
    t = program("stty raw -echo; echo on; seq 1 20000; exec head -c %d" % len(text))
    t.expect(b"on\n")
    want = b"".join(b"%d\n" % i for i in range(1, 20001)) + text
    equal(t.exchange(text, len(want)) == want, True, "all of both")
    equal(t.end(0), b"", "more than that")


@case
def tail():
    """The last that a program prints is shown, however quickly it ends."""
    want = b"".join(b"%d\r\n" % i for i in range(1, 100001))
    for i in range(12):
        out = Terminal(NEMU, "exec", "a", "seq", "1", "100000").end(0)
        equal((len(out), out[-16:]), (len(want), want[-16:]), "run %d" % i)
        equal(out == want, True, "run %d, whole" % i)
    for i in range(6):
        out = nemu("exec", "-t", "a", "seq", "1", "100000").stdout
        equal((len(out), out[-16:]), (len(want), want[-16:]), "to a pipe, run %d" % i)
    for i in range(50):  # and the shortest of programs
        equal(Terminal(NEMU, "exec", "a", "printf", "end%d", str(i)).end(0), b"end%d" % i)


@case
def background():
    """What stays behind keeps the terminal open, and does not hold up the end."""
    t = program("trap '' HUP; sleep 86504 & echo over; exit 3")
    equal(t.end(3), b"over\r\n")
    equal(nemu("exec", "a", "pgrep", "-f", "sleep 86504").returncode, 0, "it runs on")


@case
def input_from_a_pipe():
    """-t: the end of a pipe is the end of input, also behind a line that has no end."""
    for text in (b"", b"abc\n", b"abc"):
        try:
            done = subprocess.run([NEMU, "exec", "-t", "a", "--", "sh", "-c", "stty -echo; cat; echo ."],
                                  input=text, stdout=subprocess.PIPE, timeout=5)
        except subprocess.TimeoutExpired:
            raise AssertionError("cat does not end after input %r" % text)
        equal(done.stdout.replace(b"\r", b"").endswith(text + b".\n"), True, repr(done.stdout))


# ---------------------------------------------------------------- ends

def restored(hurt, *codes):
    """Whatever ends it, the terminal is as before (Terminal.end looks). Its settings are no
    defaults."""
    def odd(slave):
        subprocess.check_call(["stty", "intr", "^X", "-ixon", "erase", "^H"], stdin=slave)
    t = program("echo $$ up; exec sleep 86505", before=odd)
    pid = int(t.expect(b" up\r\n"))
    eventually("raw", t.raw)
    hurt(t, pid)
    return t.end(*codes)


@case
def restored_after_the_end():
    for text, code in (("exit 0", 0), ("exit 5", 5), ("kill -9 $$", 137),
                       ("stty raw -echo -opost; exit 6", 6)):
        program(text).end(code)
    Terminal(NEMU, "exec", "a", "no-such-program").end(127)
    Terminal(NEMU, "exec", "a", "/etc/passwd").end(126)
    Terminal(NEMU, "exec", "-d", "/no/such/folder", "a", "true").end(125)
    Terminal(NEMU, "exec", "-u", "no.such.user", "a", "true").end(125)


@case
def restored_after_kill_of_the_program():
    restored(lambda t, pid: os.kill(pid, signal.SIGKILL), 137)


@case
def restored_after_node_del():
    out = restored(lambda t, pid: nemu("node", "del", "a"), 125, 143)
    equal(out.count(b"\n") <= 1, True, "no more than one line: %r" % out)


@case
def restored_after_death_of_the_server():
    server = int(nemu("node", "pid", "a").stdout)
    out = restored(lambda t, pid: os.kill(server, signal.SIGKILL), 125)
    equal(out.startswith(b"nemu exec: a: ") and out.count(b"\n") == 1, True, repr(out))


@case
def restored_after_signals_to_the_client():
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        restored(lambda t, pid: os.kill(t.pid, sig), 128 + sig)


@case
def restored_when_nobody_reads():
    """exec -t ... | head -n 1, typed at a terminal."""
    t = Terminal("sh", "-c", '"$NEMU" exec -t a yes | head -n 1')
    t.end(0)


@case
def kill_of_the_client():
    """SIGKILL of the client: SIGHUP for the program, with and without a terminal, stopped or not."""
    place = os.environ["BATS_TEST_TMPDIR"] + "/got"
    text = "trap 'echo HUP >%s; exit' HUP; echo $$ up; while :; do sleep 0.05; done" % place
    for option in ("-t", "-T"):
        for stop in (False, True):
            t = program(text, option)
            pid = int(t.expect(b" up\r\n"))
            if stop:
                os.kill(pid, signal.SIGSTOP)
            os.kill(t.pid, signal.SIGKILL)
            os.waitpid(t.pid, 0)
            eventually("SIGHUP %s" % option, lambda: os.path.exists(place))
            eventually("its end", lambda: not running(pid))
            os.unlink(place)


@case
def stop_of_the_client():
    """SIGTSTP: the terminal is given back; SIGCONT: taken again, with what has changed."""
    t = program("echo $$ up; exec bash -c 'trap \"stty size\" WINCH; while :; do sleep 0.02; done'")
    pid = int(t.expect(b" up\r\n"))
    eventually("raw", t.raw)
    for rows in (30, 31):
        os.kill(t.pid, signal.SIGTSTP)
        if not os.WIFSTOPPED(os.waitpid(t.pid, os.WUNTRACED)[1]):
            raise AssertionError("not stopped")
        equal(termios.tcgetattr(t.slave), t.attributes, "attributes while stopped")
        size(t.master, rows, 99)
        os.kill(t.pid, signal.SIGCONT)
        t.expect(b"%d 99\r\n" % rows)
        eventually("raw again", t.raw)
    t.stty = t.all()
    os.kill(pid, signal.SIGKILL)
    t.end(137)


@case
def forwarding():
    """Without a terminal INT, TERM, HUP, QUIT go to the whole process group."""
    place = os.environ["BATS_TEST_TMPDIR"] + "/group"
    member = "trap \"echo $1 >>$0; exit $2\" $3; echo up >>$0; while :; do sleep 0.05; done"
    # Through env, as what a shell starts with & has SIGINT and SIGQUIT ignored.
    text = ("env --default-signal=INT,QUIT sh -c '%s' $0 child 0 $1 & exec sh -c '%s' $0 leader 21 $1"
            % (member, member))
    for name in ("INT", "TERM", "HUP", "QUIT"):
        client = subprocess.Popen([NEMU, "exec", "a", "sh", "-c", text, place, name],
                                  stdin=subprocess.DEVNULL)
        eventually("both up", lambda: os.path.exists(place) and read(place).count("up") == 2)
        client.send_signal(getattr(signal, "SIG" + name))
        equal(client.wait(LIMIT), 21, "exit code for " + name)
        eventually("both have it", lambda: sorted(read(place).split())
                   == ["child", "leader", "up", "up"])
        os.unlink(place)


# ---------------------------------------------------------------- sh

@case
def prompt():
    home = os.environ["BATS_TEST_TMPDIR"]
    os.environ.update(HOME=home, SHELL="/bin/bash", TERM="dumb", PS1="outer ")
    for rc, shown in ((None, b"[a]"), ("PS1='mine> '", b"[a] mine> "),
                      ("PS1='mine> '; PROMPT_COMMAND=':'", b"[a]")):
        if rc is not None:
            with open(home + "/.bashrc", "w") as f:
                f.write(rc + "\n")
        t = Terminal(NEMU, "sh", "a")
        t.expect(shown)
        t.type(b"uname -n; echo $((40 + 2))\n")
        t.expect(b"\na\r\n42\r\n")
        t.expect(shown)
        t.type(b"exit 6\n")
        t.end(6)


def main():
    try:
        CASES[sys.argv[1]]()
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as e:
        print("%s: %s" % (type(e).__name__, e))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
