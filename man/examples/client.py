#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of a node, see nemu-protocol(7). Usage:
client.py NODE ifs | addr IFINDEX ADDRESS PREFIX | run CMD [ARG...]"""
import array, base64, io, os, pickle, socket, sys

class Record(Exception):
    """What each class that a pickle names becomes: arguments and attributes, but no code."""

class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module not in ("nemu.iproute", "exceptions"):
            raise pickle.UnpicklingError("not from a node: %s.%s" % (module, name))
        return type(name, (Record,), {})

def plain(arg):  # types s and i: nothing could quote white space in them
    return os.fsencode(arg) if arg.split() == [arg] else sys.exit("client.py: not a word: %r" % arg)

def encoded(arg):  # type b: any bytes
    return b"=" + base64.b64encode(os.fsencode(arg))

def reply():
    """The last line of the next reply: text, or the data that it holds. Errors end the program."""
    while (line := lines.readline())[3:4] == b"-":
        pass
    text = line[4:].strip()
    if text.startswith(b"="):  # latin-1: strings are bytes, those of Python 2
        text = Unpickler(io.BytesIO(base64.b64decode(text[1:])), encoding="latin-1").load()
    if line[:1] not in (b"2", b"3"):
        why = text.args if isinstance(text, Record) else [text.decode() or "no answer"]
        sys.exit("client.py: " + ": ".join(map(str, why)))
    return text

def ask(*words):
    sock.sendall(b" ".join(words) + b"\n")
    return reply()

_, node, verb, *args = sys.argv if len(sys.argv) > 2 else sys.exit(__doc__)
lab = os.environ.get("NEMU_RUNDIR", "/run/nemu"), os.environ.get("NEMU_LAB", "default")
sock = socket.socket(socket.AF_UNIX)
if sock.connect_ex(os.path.join(*lab, node)):
    sys.exit("client.py: no such node: " + node)
lines = sock.makefile("rb")
reply()  # the greeting
if verb == "ifs":
    print(*(interface.name for interface in ask(b"IF LIST").values()), sep="\n")
elif verb == "addr":
    ask(b"ADDR ADD", *map(plain, args))
elif verb == "run":
    ask(b"PROC CRTE", *map(encoded, args[:1] + args))  # the program, then all of argv
    for fd, name in enumerate((b"PROC SIN", b"PROC SOUT", b"PROC SERR")):
        ask(name)  # 354: now the descriptor, in a message with the command's name
        sock.sendmsg([name], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        reply()
    status = int(ask(b"PROC WAIT", ask(b"PROC RUN").split()[0]).split()[0])  # as of waitpid(2)
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
else:
    sys.exit(__doc__)
