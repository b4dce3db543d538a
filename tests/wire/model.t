#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A model of wire.md against the server: random commands, good and bad, go to a node and to a
server for one connection (--fd); each reply must have a code, an exception, a number of lines and
data that the model allows. Of a sequence that fails, a short part that still does is printed.
NEMU_SEED=n NEMU_COUNT=m NEMU_LENGTH=l: m sequences of l commands, the first with seed n."""
import binascii, collections, ipaddress, os, random, re, sys, time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import FdServer, NodeServer, Tap, b, descriptors, has_descriptors, in_netns

SEED, COUNT, LENGTH = (int(os.environ.get(*d)) for d in (
    ("NEMU_SEED", 1), ("NEMU_COUNT", 20), ("NEMU_LENGTH", 200)))
NOBODY = 2147483000  # no process and no interface has this number
# wire.md sections 3 and 4, without X11. COMMAND:mandatory,optional
MAIN, PROC = ({row[0].replace("_", " "): row[1].split(",") for row in (
    word.split(":") for word in ("QUIT:, HELP:, " + text).split())} for text in (
        """IF_LIST:,i IF_SET:iss,s* IF_RTRN:ii, IF_DEL:i, ADDR_LIST:,i ADDR_ADD:isi,s ADDR_DEL:iss,s
        ROUT_LIST:, ROUT_ADD:bbibii, ROUT_DEL:bbibii, PROC_CRTE:b,b* PROC_POLL:i, PROC_WAIT:i,
        PROC_KILL:i,i""",
        """PROC_USER:b, PROC_CWD:b, PROC_ENV:bb,b* PROC_SIN:, PROC_SOUT:, PROC_SERR:, PROC_RUN:,
        PROC_ABRT:,"""))
FIXED = {"QUIT": 221, "PROC SIN": 354, "PROC SOUT": 354, "PROC SERR": 354}
REJECT = "unreachable", "prohibit", "blackhole", "throw"
ATTRIBUTES = {"up": ("_up", ".*"), "multicast": ("_mc", ".*"), "arp": ("_arp", ".*"),
              "mtu": ("_mtu", "[+]?[0-9]{1,9}"), "lladdr": ("_lladdr", "(..:){5}[0-9a-f]{2}"),
              "name": ("name", "[^/:]{1,15}")}


# What a reply may be: codes, exceptions of a 550, number of lines. then() is told of a reply that
# fits: it keeps what could not be known before, and returns what is wrong with the data.
Want = collections.namedtuple("Want", "codes kinds lines then", defaults=((), None, None))
DONE, REFUSED = Want((200,)), Want((500,))


def failed(*kinds):
    return Want((550,), kinds)


def differ(got, want):
    return None if got == want else "expected: %r; got: %r" % (want, got)


def argument(kind, word):
    if kind == "i" and not (re.fullmatch(b"[+-]?[0-9]+", word) and -2**31 <= int(word) < 2**31):
        raise ValueError
    word = binascii.a2b_base64(word[1:]) if kind == "b" and word[:1] == b"=" else word
    return int(word) if kind == "i" else word.decode("latin-1")


def address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class Model:
    """The state that the commands have led to."""
    def __init__(self, ifs, server_pid):
        self.ifs, self.all, self.server_pid = ifs, sorted(ifs), server_pid
        self.addrs = {i: {} for i in ifs}  # {index: {(address, prefix length): broadcast}}
        self.routes = []  # (type, prefix, length, next hop, index, metric), IPv4 only
        self.plan, self.help_lines = None, {}
        self.children = {}  # {pid: statuses that it may end with; empty: it runs on}
        self.old = []  # forgotten
    def resolve(self, line):
        """@0, @1, @2: interfaces; @run, @end, @old: processes. Shortened sequences need names."""
        def of(match):
            pids = {"run": [p for p, ends in self.children.items() if not ends], "old": self.old,
                    "end": [p for p, ends in self.children.items() if ends],
                    "self": [self.server_pid]}.get(match[1].decode())
            return b"%d" % (self.all[int(match[1])] if pids is None else (pids + [NOBODY])[0])
        return re.sub(rb"@(\w+)", of, line)
    def want(self, line):
        """What a line gets; None: no reply."""
        name, *args = line.split() or [b""]
        valid, name = PROC if self.plan else MAIN, name.decode("latin-1").upper()
        if b"\0" in line or not name:
            return REFUSED if b"\0" in line else None
        if name not in ("QUIT", "HELP") and args:
            name += " " + args.pop(0).decode("latin-1").upper()
        mandatory, optional = valid.get(name, ("", ""))
        if name not in valid or len(args) < len(mandatory) or \
                optional[1:] != "*" and len(args) > len(mandatory + optional):
            return REFUSED
        try:
            args = list(map(argument, mandatory + optional[:1] * len(args), args))
        except ValueError:
            return REFUSED
        if name in ("PROC CRTE", "PROC USER", "PROC CWD", "PROC ENV"):
            return REFUSED if name == "PROC ENV" and len(args) % 2 else self.note(name, *args)
        if name in FIXED:
            return Want((FIXED[name],))
        return getattr(self, name.replace(" ", "_").lower())(*args)
    def help(self):
        valid, other = (PROC, MAIN) if self.plan else (MAIN, PROC)
        def lines(reply):
            got, n = {line.decode() for line in reply.lines}, len(reply.lines)
            return differ(set(valid) - got | got & (set(other) - set(valid)), set()) or \
                differ(n, self.help_lines.setdefault(valid is PROC, n))
        return Want((200,), (), None, lines)
    def listing(self, index, want, plain):
        if index not in (None, *want):
            return failed("KeyError")
        return Want((200,), (), 2, lambda r: differ(
            plain(r.data) if index else {i: plain(v) for i, v in r.data.items()},
            want[index] if index else want))
    def if_list(self, index=None):
        return self.listing(index, self.ifs, vars)
    def if_set(self, index, *pairs):
        new, kinds = {}, set() if index in self.ifs else {"KeyError"}
        for key, value in zip(pairs[::2], pairs[1::2]):
            key, form = ATTRIBUTES.get(key, (None, ".*"))
            if not key or not re.fullmatch(form, value):
                kinds.add("ValueError")
            elif key in ("_up", "_mc", "_arp"):
                new[key] = value.lower() != "false" and not re.fullmatch("[+-]?0+", value)
            else:
                new[key] = int(value) if key == "_mtu" else value
        if len(pairs) % 2:
            return REFUSED
        if not kinds and (not 68 <= new.get("_mtu", 1500) <= 65535 or
                          new.get("_lladdr", "00")[1] in "13579bdf" or new.get("name") in [
                              i["name"] for n, i in self.ifs.items() if n != index]):
            kinds = {"RuntimeError"}
        if kinds:
            return failed(*kinds)
        if not new.get("_up", True) and self.ifs[index]["_up"]:
            self.went_down(index)
        self.ifs[index].update(new)
        return DONE
    def went_down(self, index):  # the kernel drops its routes, and its addresses of IPv6
        self.routes = [r for r in self.routes if r[4] != index]
        self.addrs[index] = {a: v for a, v in self.addrs[index].items() if a[0].version == 4}
    def if_rtrn(self, index, pid):
        if index not in self.ifs:
            return failed("KeyError")
        return DONE if self.children.get(pid) == set() else failed("RuntimeError")  # it is there
    def if_del(self, index):
        if index not in self.ifs or index == 1:
            return failed("RuntimeError" if index == 1 else "KeyError")
        for end in self.all[1:]:  # both ends of the veth
            self.went_down(end)
            del self.ifs[end], self.addrs[end]
        return DONE
    def addr_list(self, index=None):
        def plain(got):  # without those that the kernel has added
            got = {(address(a.address), a.prefix_len): vars(a).get("broadcast") for a in got}
            return {k: v for k, v in got.items() if not k[0].is_loopback and not k[0].is_link_local}
        return self.listing(index, self.addrs, plain)
    def addr_add(self, index, text, length, broadcast=None):
        a, brd = address(text), address(broadcast or "0.0.0.0")
        if not a or not 0 <= length <= a.max_prefixlen or not brd or brd.version == 6 or \
                a.version == 6 and broadcast:
            return failed("ValueError")
        there = self.addrs.get(index)
        if there is None or any(a == k[0] and (a.version == 6 or length == k[1]) for k in there):
            return failed("KeyError", "RuntimeError")
        if not broadcast and a.version == 4 and length <= 30:
            broadcast = str(ipaddress.ip_network((a, length), False).broadcast_address)
        there[a, length] = broadcast
        return DONE
    def addr_del(self, index, text, length, _broadcast=None):
        a, n = address(text), int(length) if length.isdigit() else -1
        if not a or not 0 <= n <= a.max_prefixlen:
            return failed("ValueError")
        if (a, n) not in self.addrs.get(index, {}):
            return failed("KeyError", "RuntimeError")
        del self.addrs[index][a, n]
        if a.version == 4 and all(k[0].version == 6 for k in self.addrs[index]):
            self.routes = [r for r in self.routes if r[4] != index]  # with the last address
        return DONE
    def rout_list(self):
        return Want((200,), (), 2, lambda reply: differ(  # without what the kernel has added
            sorted((r._prefix or "", r._plen, r._nexthop or "", r._interface, r._metric) for r in
                   reply.data if not re.match("10[.]|fe80|2001|ff", r._prefix or "")),
            sorted(r[1:] for r in self.routes if r[0] == "unicast")))
    def rout_del(self, *args):
        return self.rout_add(*args, add=False)
    def rout_add(self, *args, add=True):
        tipe, prefix, length, hop, index, metric = args
        dst, gw = address(prefix), address(hop)
        family = (dst or gw).version if dst or gw else 4
        if tipe not in REJECT + ("unicast",) or prefix and not dst or hop and not gw or \
                gw and gw.version != family or min(index, metric, length) < 0 or \
                length > (dst.max_prefixlen if dst else 0):
            return failed("ValueError")
        if family == 6:
            return Want((200, 550), ("RuntimeError",))  # the kernel's business
        same = [r for r in self.routes if r[1:3] == (prefix, length)]
        if not add:  # the first that fits what is given
            same = sorted((r for r in same if r[0] == tipe and all(
                args[i] in (r[i], "", 0) for i in (3, 4, 5))), key=lambda r: r[5])
            self.routes = [r for r in self.routes if r not in same[:1]]
            return DONE if same else failed("RuntimeError")
        usable = index in self.ifs and self.ifs[index]["_up"] and (not gw or any(
            gw in ipaddress.ip_network(k, False) for k in self.addrs[index]))
        if not (not gw and not index if tipe in REJECT else usable) or \
                metric in [r[5] for r in same] or dst and int(dst) & ((1 << 32 - length) - 1):
            return failed("RuntimeError")
        self.routes.append(args)
        return DONE
    def note(self, key, *value):
        if "\0" in "".join(value):
            return Want((500, 550), ("ValueError",))  # wire.md does not tell which
        self.plan = {**(self.plan or {}), key: value}
        return DONE
    def proc_abrt(self):
        self.plan = None
        return DONE
    def proc_run(self):
        plan, self.plan = self.plan, None
        (exe, *argv), env = plan["PROC CRTE"], plan.get("PROC ENV", ())
        if "/" not in exe:
            exe = dict(zip(env[::2], env[1::2])).get("PATH", "/bin") + "/" + exe
        ends = {"/bin/true": {0}, "/bin/false": {256}, "/bin/echo": {0},
                "/bin/sleep": set() if argv[1:] == ["1000"] else {256},
                "/bin/sh": {[0, 0, 512, 768][min(len(argv), 3)]}}.get(exe)
        bad_cwd = plan.get("PROC CWD", ["/"])[0] not in ("/", "/tmp")
        kinds = {"OSError"} if ends is None or bad_cwd else set()
        if plan.get("PROC USER", ["0"])[0] not in ("root", "0", "nobody"):
            kinds.add("ValueError")
        return failed(*kinds) if kinds else Want((200,), (), 1, lambda reply: self.children.update({
            int(reply.text.split()[0]): ends}))
    def proc_poll(self, pid, running=450):
        def ended(reply):
            if reply.code == 450:
                return None
            self.old.insert(0, pid)
            status = int(reply.text.split()[0])
            return None if status in self.children.pop(pid) else "not such a status"
        if pid not in self.children:
            return REFUSED
        return Want((200, running) if self.children[pid] else (running,), (), 1, ended)
    def proc_wait(self, pid):
        return self.proc_poll(pid, 200)
    def proc_kill(self, pid, signal=15):
        ends = self.children.get(pid)
        if ends is None:
            return REFUSED
        if signal not in (0, 9, 15, 18):
            return Want((550, 200 if ends else 550), ("OSError",))
        ends |= {signal} & {9, 15}
        return DONE


# Random commands: rules of a grammar. Arguments of type b are encoded afterwards, unless they begin
# with "="; what a command leads to is the model's business alone.
RULES = dict(rule.strip().split(": ", 1) for rule in r"""if: @0|@1|@1|@2|@2|@2|2147483000|0|-1;
IF LIST: |<if>; ADDR LIST: |<if>; IF RTRN: <if> @run|<if> 2147483000|<if> 0;
end: @1|@2|@2|2147483000; IF DEL: <if1>|-1|-1|-1|-1|0|-2|-2|-2|-3|@0;
bool: 0|1|true|False|FALSE|00|-1|yes;
IF SET: <end> up <bool>|<end> up 1|<end> up 1|<end> <set>|<end> <set> <set>|<end> <set> <bad>|<oth>;
oth: @0 up 1|@1 up 0 name n1|@1 name n1b up 0|@2 up 0 name n2|@2 name lo|<if> foo 1|@0 mtu x;
set: mtu 1400|mtu +9000|lladdr 02:ab:00:00:00:0<n>|multicast <bool>|arp <bool>; n: 1|2;
bad: mtu 67|mtu 99999999|mtu -1|mtu big|lladdr 01:00:00:00:00:01|lladdr g|name a/b|UP 1|arp|
name sixteen-letters-; ADDR ADD: <addr>|<addr>|<addr>|<addr> 10.1.0.77|<addr> x|<addr> 2001:db8::;
addr: <end> 10.<n>.0.1 <len>|<end> 10.<n>.0.1 <len>|@0 10.9.0.1 <len>|<end> 2001:db8::<n> <len6>|
<if> <wrong>; len: 16|24|24|32; len6: 64|128|129; ADDR DEL: <addr>;
wrong: 10.1.0 24|10.1.0.256 24|= 24|::g 64|10.1.0.1/8 8|10.1.0.1 33|10.1.0.1 -1|10.1.0.1 x;
ROUT ADD: <route> <metric>; ROUT DEL: <route> 5|unicast <net> = 0 0; metric: 0|5|5|-7; m: 0|8;
route: <good>|<good>|<good>|unicast <net> = <if1>|unicast <net> <hop> <end>|<no> <net> = 0|
<no> = <m> = 0|<no> <net> = @1; if1: @1|@2|2147483000|0|-1; net: 192.168.<n>.0 24|192.168.<n>.0 32;
good: unicast <net> = <end>|unicast <net> 10.<n>.0.2 <end>|<odd> <end>;
no: unreachable|prohibit|blackhole|throw; hop: =MTAuMS4wLjI=|203.0.113.9|x|2001:db8::9;
odd: unicorn <net> =|unicast 192.168.1.7 24 =|unicast x 24 =|unicast <n>.0.0.0 33 =|
unicast 2001:db8:7:: 64 =; PROC CRTE: <true>|<true>|/bin/false false|<sleep>|<sleep>|
/bin/sh sh -c =ZXhpdCAz|/bin/echo echo \xff'\t|<bad-exe>; true: /bin/true|true x|=L2Jpbi90cnVl;
sleep: sleep sleep 1000|/bin/sleep = 1000; bad-exe: /nonexistent/x|/|nosuch|==|=AA==|a =AGE=;
PROC POLL: <pid>|@run; PROC WAIT: <pid>|@end; PROC KILL: <pid>|@run|@run <sig>|<pid> <sig>;
pid: @end|@end|@old|@self|1|0|-1|2147483000; sig: 15|9|0|18|+9|015|99|-1;
PROC USER: root|0|nobody|root|no-such-user|=|=AA==; PROC CWD: /|/tmp|/nonexistent|/etc/passwd|=LwA=;
PROC ENV: A =YiBj|PATH /bin|PATH /nonexistent|A = PATH /bin|A b C|=AA== x;
none: FOO|IF|PROC|IF FOO|IF LISTS 1|ADDR SET 1 up 1|=|=SEVMUA==|220 Hello.|\xff\xfe|HELP\0|
\0|PROC RUNS|||| |\t\r|\v; i: x|1x|2147483648|-2147483649|0x1|1.0|--1|+|=|=MQ==|9999999999|\xb2;
b: =a|=ab|=abc|=abcde|=ab=|=a===|=cGxhaW4""".replace("|\n", "|").replace("\n", "").split(";"))
PASS = "good", "good", "newline", "none", "two", "wrong", "short", "filler"


class Random(random.Random):
    def expand(self, rule):
        text = self.choice(RULES.get(rule, "").split("|")).encode().decode("unicode_escape")
        return re.sub("<(.*?)>", lambda m: self.expand(m[1]), text)
    def encode(self, kind, word):
        if kind in ("i", "b") and self.random() < 0.03:
            word = self.expand(kind)
        elif kind == "i" and word.isdigit() and self.random() < 0.1:
            word = self.choice(["+", "0", "+00"]) + word
        raw = word.encode("latin-1")
        plain = all(32 < c <= 122 and c != 61 for c in raw) and self.random() < 0.7
        return raw if kind != "b" or plain or raw[:1] == b"=" else b(raw)
    def line(self, command):
        args, change = [a for a in self.expand(command).split(" ") if a], self.random()
        if change < 0.1:
            args = args[:self.randrange(len(args) + 1)] if change < 0.05 else args + ["x"] * 2
        mandatory, optional = {**MAIN, **PROC}[command]
        kinds = mandatory + optional[:1] * len(args) + "s" * len(args)
        case = self.choice([str.upper, str.upper, str.lower, str.title, str.swapcase])
        space = self.choice([b" ", b" ", b" ", b"  ", b"\t", b" \v", b"\r\f"])
        words = case(command).encode().split() + list(map(self.encode, kinds, args))
        return self.choice([b"", b" "]) + space.join(words) + self.choice([b"", b"", b"\r", b" "])
    def steps(self, count):
        """Lines, and how to pass a descriptor after 354. The mode is only guessed."""
        mode = MAIN
        for _ in range(count):
            more = self.choice([MAIN, PROC]) if self.random() < 0.1 else {}
            names = sorted({**mode, **more}.keys() - FIXED.keys())
            often = "PROC CRTE,ADDR ADD,ROUT ADD,ROUT DEL,IF SET,PROC RUN,PROC RUN,PROC KILL"
            command = self.choice(names + list(FIXED)[1:] + often.split(","))
            if self.random() < 0.06:
                yield self.expand("none").encode("latin-1"), None
            else:
                mode = {"PROC CRTE": PROC, "PROC RUN": MAIN, "PROC ABRT": MAIN}.get(command, mode)
                yield self.line(command), self.choice(PASS)


class Play:
    """One sequence, on a server of its own. told: what was said; difference: why it ended."""
    def __init__(self, make, steps):
        self.server, self.told, self.difference = make(), [], None
        for part in (lambda: self.run(steps)), self.server.stop:
            try:
                part()
            except (AssertionError, OSError) as e:
                self.difference = self.difference or e
    def run(self, steps):
        pid, wire = self.server.pid, self.server.wire
        in_netns(pid, "ip", "link", "add", "end0", "type", "veth", "peer", "name", "end1")
        self.model = model = Model({i: vars(v) for i, v in wire.done("IF LIST").data.items()}, pid)
        before = len(descriptors(pid))
        for line, way in steps:
            self.ask(line, way)
        for line in (b"HELP", b"PROC ABRT", b"HELP", b"IF LIST", b"ADDR LIST", b"ROUT LIST"):
            self.ask(line)
        while model.children:
            self.ask(b"PROC KILL @run 9")
            self.ask(b"PROC WAIT @end")
        has_descriptors(pid, before)
        self.ask(b"QUIT")
        wire.ended()
    def ask(self, line, way=None):
        line, wire = self.model.resolve(line), self.server.wire
        want = self.model.want(line)
        self.told.append("> %r" % line)
        wire.send(line + b"\n")
        if want:
            self.judge(want)
        if not want or want.codes != (354,):
            return
        name = "PROC " + line.split()[1].upper().decode()
        text = {"newline": name + "\n", "wrong": "PROC S" + ("OUT" if name[6:] == "IN" else "IN"),
                "short": "X", "filler": "=" * len(name) + "\n"}.get(way, name).encode()
        self.told.append("> %s: %r" % (way, text))
        with open(os.devnull, "r+") as f:
            fds = [f.fileno()] * {"none": 0, "filler": 0, "two": 2}.get(way, 1)
            wire.send_fds(text, fds) if fds else wire.send(text)
        self.judge(self.model.note(name) if way in ("good", "newline") else REFUSED)
    def judge(self, want):
        reply = self.server.wire.reply()
        self.told.append("< %r" % reply)
        lines = 2 if reply.code == 550 else want.lines if reply.code == 200 else None
        kind = type(reply.data).__name__ if reply.code == 550 and want.kinds else None
        wrong = reply.code not in want.codes and "expected: %s" % (want.codes,) or \
            lines and differ("%d lines" % len(reply.lines), "%d lines" % lines) or \
            kind and kind not in want.kinds and "expected: %s; got: %s" % (want.kinds, kind)
        wrong = wrong or want.then and want.then(reply)
        if wrong:
            raise AssertionError(wrong)


def one(make, seed):
    """If it differs, parts are left out, large ones first, from the front, while it still does."""
    steps = list(Random(seed).steps(LENGTH))
    play, size, end = Play(make, steps), len(steps) // 2, time.monotonic() + 30  # s
    while play.difference and size:
        at = 0
        while at < len(steps) and time.monotonic() < end:
            less = Play(make, steps[:at] + steps[at + size:])
            if less.difference:
                play, steps = less, steps[:at] + steps[at + size:]
            else:
                at += size
        size //= 2
    if play.difference:
        play.told.insert(0, "NEMU_SEED=%d: %d of %d commands:" % (seed, len(steps), LENGTH))
        raise AssertionError("\n".join(play.told + [repr(play.difference)]))


null = os.open(os.devnull, os.O_RDWR)
for n, name in enumerate(("stdin", "stdout", "stderr")):  # what programs say is not for TAP
    setattr(sys, name, os.fdopen(os.dup(n), "w" if n else "r"))
    os.dup2(null, n)
tap = Tap()
for seed in range(SEED, SEED + COUNT):
    tap.run("--fd: seed %d" % seed, one, FdServer, seed)
    tap.run("node: seed %d" % seed, one, lambda: NodeServer("model"), seed)
sys.exit(tap.done())
