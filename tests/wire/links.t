#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The extensions for links, impairments and the display, as nemu-protocol(7) has them, each against
a server for one connection (--fd) and against a resident node: the right code, nothing changed
after an error, and a server that serves on after the worst of input."""
import array, contextlib, json, os, re, select, shutil, socket, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (FdServer, NodeServer, Tap, check, connect, descriptors, equal, eventually,
                  has_descriptors, in_netns, nemu)

NOBODY = 2147483000  # no process and no interface has this number
# What is refused. A row: what comes of it (500, the exception's class, the errno of a RuntimeError);
# then what stands behind the command, with ; between. more(x): a hundred thousand times x. FD is the
# server, FAR one with another namespace, which has interfaces "taken" and, with index 4242, "far";
# here are the bridge l0 (BR), tap (TAP), which has a rate and a limit, the tap other (OTHER) and tun.
REFUSED = {
    "LINK NEW": """
        500: ;x;x bridge stp;x bridge stp 1 up;x bridge more(stp 1 )stp;x bridge stp 1\0
        ValueError: a/b bridge;a:b tap;. bridge;.. tap;sixteen-letters- bridge;more(x) tap;x tap mtu x
        ValueError: x bridge STP 1;x bridge stp 2;x bridge stp true;x bridge hello 9;x bridge id 1
        ValueError: x bridge user 0;x bridge name y;x tap stp 1;x tap user -1;x tap user root
        ValueError: x tap user 4294967295;x tap type tun;x bridge mtu -1;x tap lladdr zz;x tap pi 1
        ValueError: x tap master 99999999999999999999;x tap master -1;x bridge master l0
        ValueError: x vlan id 65536;x vlan id -1;x macvlan mode hub;x macvlan link -1;x bridge =c3Rw 1
        ValueError: x vxlan remote 10.0.0;x vxlan dstport 65536;x vrf table -1;x bridge more(stp 1 )x 1
        17: l0 bridge;l0 tap;tap tap;lo tun
        22: x bridge mtu 99999999;x tap mtu 10;x tap up 1 master NOBODY;x bridge up 1 master 4242
        34: x bridge hello 999999999
        95: x nonsense;x tun lladdr 02:00:00:00:00:01;x tap master 1
        99: x tap lladdr ff:ff:ff:ff:ff:ff""",
    "LINK FIND": "500: ;l0 lo;l0\0\nKeyError: L0;=bDA=;1;=;nosuch;far\nValueError: a/b;.;..;more(l0)",
    "LINK VETH": """
        500: ;a;a FAR;a FAR b master;a b FAR;a 2147483648 b;a FAR b peer 2:0 up;a FAR b more(master 0 )x
        ValueError: a/b FAR b;a FAR b/c;a FAR .;a FAR sixteen-letters-;a FAR b more(master 0 )x 1
        ValueError: a FAR b master x;a FAR b master -1;a FAR b master 2147483648;a FAR b peer x
        3: a 0 b;a -1 b;a -2147483648 b;a NOBODY b
        17: l0 FAR b;a FAR taken;a FD a
        22: a FAR b lladdr 2:0;a FAR b master NOBODY;a FAR b master 4242
        95: a FAR b master 1;a FAR b master TAP
        99: a FAR b peer ff:ff:ff:ff:ff:ff""",
    "LINK SET": """
        500: ;BR;BR stp;BR stp 1 mtu;l0 stp 1;BR more(stp 1 )stp;2147483648 stp 1;=MQ== up 1
        KeyError: NOBODY stp 1;0 stp 1;-1 stp 1;-2147483648 up 1;4242 stp 1;4242 mtu 1400 up 1
        ValueError: BR stp 2;BR stp -1;BR stp =MQ==;BR stp 99999999999999999999;BR STP 1;BR master -1
        ValueError: BR vlan-filtering 2;BR hello 1;BR forward-delay 9;BR max-age 4294967296
        ValueError: BR ageing 1s;BR mtu 1400 stp x;BR stp 1 nonsense 1;BR id 1;TAP up 1 master x
        ValueError: BR stp 1 mode bridge;TAP stp 1;1 stp 1;TAP pi 1;BR more(stp 1 )stp 2;BR user 1
        17: BR stp 1 name lo;OTHER mtu 1400 name lo
        22: BR forward-delay 5000 up 1 mtu 99999999;BR master NOBODY;TAP up 1 mtu 1400 master 4242
        34: BR hello 0;BR forward-delay 5000 hello 999999999;BR mtu 1400 up 1 stp 1 hello 999999999
        40: BR master BR
        95: BR name x ageing 1000 master 1;OTHER up 1 mtu 1400 master 1;TAP master TAP""",
    "LINK IMPT": "500: ;e0 e0;e0\0\nValueError: .;..;a/b;a:b;sixteen-letters-;more(e)",
    "LINK TAPF": "500: ;tap tun;tap\0\nKeyError: nosuch;=dGFw;far\nValueError: lo;l0;a/b;more(x)",
    "TC SET": """
        500: ;TAP;TAP rate;TAP rate 1 limit;x rate 1;2147483648 rate 1;TAP more(rate 8 )rate
        KeyError: NOBODY rate 1;0 rate 1;-1 clear 1;-2147483648 rate none;4242 rate 8;4242 clear 1
        ValueError: TAP rate 17179869177;TAP rate -1;TAP rate 1e6;TAP rate 1mbit;TAP rate None
        ValueError: TAP rate 99999999999999999999;TAP rate x;TAP rate =MQ==;TAP rate 1.5;TAP RATE 1
        ValueError: TAP nonsense 1;TAP rate 80 nonsense none;TAP more(rate 8 )rate x;OTHER limit 5
        ValueError: TAP limit 10000001;TAP rate none limit 5;TAP clear 1 limit 5;TAP loss 4294967296
        ValueError: TAP delay 200000001;TAP duplicate -1;TAP corrupt 1%;TAP distribution normal
        ValueError: TAP distribution 4;TAP gap 2147483648;TAP reorder x;TAP seed 9223372036854775808
        ValueError: TAP jitter 10;TAP seed 1;TAP rate 80 seed 0;TAP reorder 5;OTHER rate 8 gap 1""",
    "TC LIST": "500: 1;TAP;x", "NODE INFO": "500: x;1", "ROUT INFO": "500: inet;1",
    "LINK HOLD": """
        500: ;x;2147483648;BR\0
        KeyError: NOBODY;0;-1;4242
        ValueError: BR x;BR =;BR 10.0.0.1 10.0.0;BR 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4;BR 10.0.0.1/24""",
    "LINK WAIT": "500: 1;x",
    "IF DEL": "500: ;x;TAP x\nKeyError: 4242;NOBODY;0;-1", "X11 KEEP": "500: 1;x",
    "X11 STOP": "500: 1;x", "X11 SET": "500: ;a;a ab ab", "X11 SOCK": "500: ;1",
}


def state(w):
    """All that a failed command must leave alone. Carriers come when they like."""
    links = w.done("IF INFO").data
    for link in links:
        del link["operstate"]
        link["flags"] = [f for f in link["flags"] if f not in ("NO-CARRIER", "LOWER_UP")]
    return (links, [[q.get(k) for k in "ifindex kind handle parent limit impairments".split()]
                    for q in w.done("TC LIST").data], w.done("NODE INFO").data["display"])

def outcome(reply):
    """As the tables have it; that of an OSError with its errno."""
    if reply.code != 550:
        return str(reply.code)
    e, name = reply.data, type(reply.data).__name__
    return {"RuntimeError": str(getattr(e, "errno", None)), "OSError": "OSError %s" % e.args[0]}.get(
        name, name)

def refuses(command, table, *wires, **words):
    """Asks the first of wires; the states of all of them must stay as they are."""
    for row in table.strip().splitlines():
        want, rests = row.strip().split(": ", 1)
        for rest in rests.split(";"):
            for word, number in words.items():
                rest = re.sub(r"\b%s\b" % word, str(number), rest)
            line = command + " " + re.sub(r"more\((.*?)\)", lambda m: m[1] * 100000, rest)
            before, reply = [state(x) for x in wires], wires[0].ask(line)
            equal((outcome(reply), wires[0].rest), (want, b""), "%.100s: %r" % (line, reply))
            equal([state(x) for x in wires], before, "state after %.100s" % line)

def index(w, name):
    return int(w.done("LINK FIND " + name).text.split()[0])

def new(w, name, kind, *pairs):
    w.done(" ".join(("LINK NEW", name, kind) + pairs))
    return index(w, name)

def names(w):
    return {i["ifname"] for i in w.done("IF INFO").data} - {"lo"}

def info(w, name):
    return [i for i in w.done("IF INFO").data if i["ifname"] == name][0]

def brief(i):
    return i["mtu"], i.get("address"), "UP" in i["flags"], i.get("master")

def seen(pid, name):
    """The same as ip(8) sees it."""
    return json.loads(in_netns(pid, "ip", "-d", "-s", "-j", "link", "show", "dev", name))[0]

@contextlib.contextmanager
def another():
    """A server with a namespace of its own, in which nobody else is, and that namespace."""
    server = FdServer()
    try:
        with open("/proc/%d/ns/net" % server.pid) as ns:
            yield server, ns
    finally:
        server.stop()

def refusals(w, s, command):
    words = {"FD": s.pid, "NOBODY": NOBODY, "BR": new(w, "l0", "bridge"),
             "TAP": new(w, "tap", "tap"), "OTHER": new(w, "other", "tap")}
    new(w, "tun", "tun")
    w.done("TC SET %d rate 8000 limit 5" % words["TAP"])
    before = len(descriptors(s.pid))
    with another() as (far, _):
        new(far.wire, "taken", "bridge")
        in_netns(far.pid, "ip", "link", "add", "far", "index", "4242", "type", "bridge")
        refuses(command, REFUSED[command], w, far.wire, FAR=far.pid, **words)
    w.create("/bin/true")
    for rest in ("", " 1", " l0", " 1 up 1", " x bridge", " a %d b" % s.pid, " a ab"):
        w.refused(command + rest)  # none is valid in the PROC mode
    w.done("PROC ABRT")
    equal(names(w), {"l0", "tap", "other", "tun"}, "interfaces")
    equal(len(descriptors(s.pid)), before, "descriptors")

def imported(w, name, fds, payload=b"LINK IMPT"):
    equal(w.ask("LINK IMPT " + name).code, 354, "LINK IMPT " + name)
    w.send_fds(payload, fds)
    return w.reply()

def goes_home(make):
    """As it was, whatever has been done to it; by another name, if its own is taken; and not, if
    it was deleted or returned before."""
    with another() as (home, ns):
        for name in ("e0", "e1", "e2", "e3", "e4"):
            home.wire.done("LINK VETH %s %d %s-far" % (name, home.pid, name))
        e0 = index(home.wire, "e0")
        home.wire.done("LINK SET %d mtu 1400 lladdr 2:0:0:0:0:7" % e0)
        home.wire.done("ADDR ADD %d 10.9.9.1 24" % e0)
        guest = make()
        w = guest.wire
        for name, end in (("e0", b""), ("e1", b"\n"), ("e2", b""), ("e3", b"\n"), ("e4", b"")):
            equal(imported(w, name, [ns.fileno()], b"LINK IMPT" + end).code, 200, name)
            check(name in names(w) and name not in names(home.wire), name + " is here")
        for line, name in (("LINK SET %d name other mtu 1300 lladdr 2:0:0:0:0:8 up 0", "e0"),
                          ("ADDR ADD %d 10.8.8.1 24", "other"), ("LINK SET %d name mine", "e1"),
                          ("LINK SET %d name gone", "e2"), ("IF DEL %d", "e3"),
                          ("IF RTRN %%d %d" % home.pid, "e4")):
            w.done(line % index(w, name))
        for name in ("e1", "e2", "gone"):  # taken meanwhile
            new(home.wire, name, "bridge")
        guest.stop()
        equal(names(home.wire), {"gone", "mine", "dev0", "e0", "e0-far", "e1", "e1-far", "e2",
                                 "e2-far", "e4", "e4-far"}, "names at home")
        got = info(home.wire, "e0")
        addresses = [a.address for a in home.wire.done("ADDR LIST %d" % got["ifindex"]).data]
        equal((brief(got), addresses[:1], "10.8.8.1" in addresses),
              ((1400, "02:00:00:00:00:07", True, None), ["10.9.9.1"], False), "as it was")

@contextlib.contextmanager
def taps(w, *who):
    fds = array.array("i")
    try:
        for name in who:
            w.send(b"LINK TAPF " + name.encode() + b"\n")
            data, rights, _, _ = w.sock.recvmsg(1, socket.CMSG_SPACE(8))
            fds.frombytes(b"".join(r[2] for r in rights))
            equal((data, len(rights), w.reply().code), (b"1", 1, 200), name)
        equal(len(fds), len(who), "descriptors")
        yield fds
    finally:
        for fd in fds:
            os.close(fd)

def ask_raw(w, data, behind):
    """Sends data; the bytes up to the end of the last reply, which HELP gives, with `behind` replies
    before it, and how many descriptors came."""
    got, fds = b"", array.array("i")
    w.send(data)
    while len(re.findall(rb"^1?[1-5][0-9][0-9] .*\n", got, re.M)) <= behind:
        more, rights, _, _ = w.sock.recvmsg(65536, socket.CMSG_SPACE(8))
        got += more
        for r in rights:
            fds.frombytes(r[2])
    for fd in fds:
        os.close(fd)
    return got, len(fds)

def impaired(w, on):
    """The root of an interface: kind, impairments, limit. There is none in one that is down."""
    for q in w.done("TC LIST").data:
        equal([type(q[k]) for k in ("kind", "handle", "impairments")], [str, str, dict], "types")
        equal({type(q[k]) for k in "bytes packets drops overlimits requeues backlog qlen".split()},
              {int}, "types of counters")
        check(q.get("root") is True or ":" in q["parent"], "root or parent: %r" % q)
        if q["ifindex"] == on and "root" in q:
            return q["kind"], q["impairments"], q.get("limit")
    return None, {}, None

def node_info():
    for name, make in (("sw", ("switch", "add")), ("dad", ("node", "add", "--dad"))):
        equal(nemu(*make, name).stderr, "", "add")
        w, switch = connect(name), name == "sw"
        got = w.done("NODE INFO").data
        bridge = got["bridge_index"]
        equal((got["name"], got["dad"], got["display"], got["bridge"], bridge > 0),
              (name, not switch, None, "br0" if switch else None, switch), "NODE INFO")
        for line, want in (("LINK SET %d name br1", "br1"), ("IF DEL %d", None)) if switch else ():
            w.done(line % bridge)
            got = w.done("NODE INFO").data
            equal((got["bridge"], got["bridge_index"]), (want, bridge if want else 0), line)
        w.close()
        equal(nemu("node", "del", name).stderr, "", "del")

def display(w):
    """What NODE INFO says, and what a program that starts now has."""
    got = w.done("NODE INFO").data["display"]
    w.create("/bin/sh", "-c", "echo ${DISPLAY-None}")
    equal(w.output().decode().strip(), str(got), "DISPLAY of a program")
    return got

def no_display_for(w, *lines):
    """Its code is 500 or 550; the display stays."""
    before = display(w)
    for line in lines:
        check(w.ask(line).code in (500, 550), line)
        equal(display(w), before, "display after " + line)


class Both:
    """Tests for both kinds of servers. w: a connection; s: the server."""
    def new_bridge(w, s):
        made, got = new(w, "l0", "bridge"), seen(s.pid, "l0")
        equal((got["linkinfo"]["info_kind"], brief(got)[2], got["ifindex"]), ("bridge", False, made), "l0")
        new(w, "l1", "bridge", "mtu 1400 lladdr 2:0:0:0:0:9 up yes stp 1 forward-delay 5009 hello 1000",
            "ageing 60000 max-age 10000", "stp 0 stp 1 " * 100000)
        got = seen(s.pid, "l1")
        equal(brief(got), (1400, "02:00:00:00:00:09", True, None), "l1")
        want = {"stp_state": 1, "forward_delay": 500, "hello_time": 100, "ageing_time": 6000,
                "max_age": 1000, "vlan_filtering": 0}
        equal({k: got["linkinfo"]["info_data"][k] for k in want}, want, "what ip says")
        equal(info(w, "l1")["linkinfo"]["info_data"], want, "IF INFO")
        equal(w.error("LINK FIND nosuch", "KeyError").args, (0,), "key")
    def new_tap_and_tun(w, s):
        bridge = new(w, "l0", "bridge")
        new(w, "tap", "tap", "user 4294967294 master %d" % bridge, "up 1 mtu 1300")
        new(w, "tun", "tun")
        for kind, uid, want in (("tap", 4294967294, (1300, True, "l0")), ("tun", None, (1500, 0, None))):
            got, data = seen(s.pid, kind), seen(s.pid, kind)["linkinfo"]["info_data"]
            equal(brief(got)[:1] + brief(got)[2:], want, kind)
            equal((data["type"], data["pi"], data["persist"]), (kind, False, True), kind)
            equal(info(w, kind)["linkinfo"]["info_data"].get("uid"), uid, "user")
    def new_vlan_and_macvlan(w, s):
        done, base = 0, new(w, "base", "tap")
        for kind, good, bad in (("vlan", "id 5", "id 65536"), ("macvlan", "mode bridge", "mode hub")):
            reply = w.ask("LINK NEW l-%s %s link %d %s" % (kind, kind, base, good))
            if outcome(reply) == "95":
                continue
            got, done = info(w, "l-" + kind), done + 1
            equal((reply.code, got["link"], " ".join(map(str, *got["linkinfo"]["info_data"].items()))),
                  (200, "base", good), kind)
            refuses("LINK NEW", "19: x %s link NOBODY %s" % (kind, good), w, NOBODY=NOBODY)
            refuses("LINK SET", "ValueError: L stp 1;L " + bad, w, L=index(w, "l-" + kind))
        return None if done else "needs vlan or macvlan"
    def veth_with_a_master(w, s):
        bridge = new(w, "l0", "bridge", "up 1")
        with another() as (far, _):
            w.done("LINK VETH e0 %d e1 master %d peer 20000000001 lladdr 2:0:0:0:0:2"
                   % (far.pid, bridge))
            equal(brief(seen(s.pid, "e0")), (1500, "02:00:00:00:00:02", True, "l0"), "this end")
            equal(brief(seen(far.pid, "e1")), (1500, "02:00:00:00:00:01", False, None), "that end")
            w.done("LINK VETH e2 %d e2 master 0" % far.pid)
            equal("master" in info(w, "e2"), False, "master 0 is none")
            w.done("LINK VETH e3 %d e4 master 0 master %d" % (s.pid, bridge))
            equal((info(w, "e3")["master"], info(w, "e3")["link"]), ("l0", "e4"), "both ends here")
    def next_behind_the_last_index(w, s):
        with another() as (far, _):
            w.done("LINK VETH e0 %d e1 index 2147483647 peer-index 4242" % far.pid)
            free = int(w.done("LINK NEXT").text.split()[0])
            check(1 < free < NOBODY and free not in [i["ifindex"] for i in w.done("IF INFO").data], free)
    def set_words(w, s):
        bridge, tap = new(w, "l0", "bridge"), new(w, "tap", "tap")
        for row in ("stp 1 stp_state 1", "stp +0 stp_state 0", "forward-delay 4009 forward_delay 400",
                    "hello 1049 hello_time 104", "max-age 39999 max_age 3999",
                    "ageing 0 ageing_time 0", "vlan-filtering 0 vlan_filtering 0"):
            word, value, key, want = row.split()
            w.done("LINK SET %d %s %s" % (bridge, word, value))
            got = seen(s.pid, "l0")["linkinfo"]["info_data"][key]
            check(int(want) - 1 <= got <= int(want), row)  # the kernel's clock may be coarse
            equal(info(w, "l0")["linkinfo"]["info_data"][key], got, word + " in IF INFO")
        w.done("LINK SET %d stp 1 name l1 mtu 1400 ageing 5000 up 1" % bridge)
        got, data = seen(s.pid, "l1"), info(w, "l1")["linkinfo"]["info_data"]
        equal((brief(got)[::2], data["stp_state"], data["ageing_time"]), ((1400, True), 1, 500), "all")
        for master, want in ((bridge, "l1"), (bridge, "l1"), (0, None)):
            w.done("LINK SET %d master %d" % (tap, master))
            equal(seen(s.pid, "tap").get("master"), want, "master")
        before, reply = state(w), w.ask("LINK SET %d mtu 1300 stp 0 vlan-filtering 1" % bridge)
        if reply.code == 200:
            equal(seen(s.pid, "l1")["linkinfo"]["info_data"]["vlan_filtering"], 1, "vlan_filtering")
        else:  # a kernel without it; what came with it is taken back
            equal((outcome(reply), state(w)), ("95", before), "vlan-filtering")
    def impt_is_refused(w, s):
        new(w, "taken", "bridge")
        before = len(descriptors(s.pid))
        with another() as (home, ns), open(os.devnull) as null, open("/proc/self/ns/mnt") as mnt, \
                socket.socket() as sock, open("/proc/%d/ns/net" % s.pid) as own:
            home.wire.done("LINK VETH e0 %d taken" % home.pid)
            mine, theirs = state(w), state(home.wire)
            for want, name, fd in (
                    ("KeyError", "nosuch", ns), ("KeyError", "e0", own), ("OSError 22", "e0", null),
                    ("17", "taken", ns), ("22", "lo", ns), ("OSError 22", "e0", mnt),
                    ("OSError 22", "e0", sock)):
                equal(outcome(imported(w, name, [fd.fileno()])), want, "%s of %s" % (name, fd))
            n = ns.fileno()
            for payload, fds in (
                    (b"LINK IMPT", [n, n]), (b"LINK IMPT", [n] * 253), (b"link impt", [n]), (b"\n", []),
                    (b"LINK IMPX", [n]), (b"PROC SIN", [n]), (b"=========\n", [n]), (b"=" * 10, []),
                    (b"LINK IMPT\n", []), (b"LINK IMPT", [])):
                equal(imported(w, "e0", fds, payload).code, 500, "%r, %d" % (payload, len(fds)))
                w.in_step()
            w.send(b"LINK IMPT e0\nLINK IMPT\nHELP\n")
            equal([w.reply().code for _ in range(3)], [354, 500, 200], "sent before the 354")
            equal((state(w), state(home.wire)), (mine, theirs), "states")
        has_descriptors(s.pid, before)
    def tapf_passes_frames(w, s):
        """Into one tap, through a bridge, out of the other; and into a tun."""
        bridge = new(w, "l0", "bridge", "up 1")
        for name in ("a", "b"):
            new(w, name, "tap", "up 1 master %d" % bridge)
        new(w, "tun", "tun", "up 1")
        before = len(descriptors(s.pid))
        with taps(w, "a", "b", "tun") as (a, b, tun):
            equal(len(descriptors(s.pid)), before, "descriptors: the server keeps none")
            frame = b"\xff" * 6 + b"\x02\0\0\0\0\x42" + b"\x88\xb5" + b"written by links.t".ljust(46)
            packet = b"\x45\0\0\x14" + bytes(5) + b"\x3b" + bytes(10)
            for fd, name, data in ((a, "a", frame), (tun, "tun", packet)):
                count = seen(s.pid, name)["stats64"]["rx"]["packets"]
                equal(os.write(fd, data), len(data), "bytes written to " + name)
                equal(seen(s.pid, name)["stats64"]["rx"]["packets"], count + 1, "came in by " + name)
            def through():  # the bridge forwards only once it has heard of the carriers
                os.write(a, frame)
                while select.select([b], [], [], 0.01)[0]:
                    if os.read(b, 2000) == frame:
                        return True
                return False
            eventually("the frame comes out of the other", through)
            refuses("LINK TAPF", "16: a;tun", w)
        with taps(w, "a"): pass  # free again
        help_text = ask_raw(w, b"HELP\n", 0)[0]
        for n in (1, 2, 150, 400):  # replies that nobody reads meanwhile
            got, fds = ask_raw(w, b"HELP\n" * n + b"LINK TAPF a\nHELP\n", n + 1)
            check(got.startswith(help_text * n) and got.endswith(help_text), "%d replies: %.300r" % (n, got))
            check((got[n * len(help_text):-len(help_text)][:5], fds) in ((b"1200 ", 1), (b"500 R", 0)),
                  "the byte stands before its reply")
            check(fds or n > 2, "sent, unless the replies fill the socket")
    def tc_rate(w, s):
        tap = new(w, "tap", "tap")
        for pairs, rate in (("rate 1000000", 1000000), ("rate 17179869176", 17179869176), ("rate 1", 8),
                            ("rate +16007", 16000), ("rate 8 rate 24", 24), ("clear 1 rate 32", 32),
                            ("rate 40 " * 100000, 40)):
            w.done("TC SET %d %s" % (tap, pairs))
            equal(impaired(w, tap)[:2], ("tbf", {"rate": rate}), pairs)
            kernel = json.loads(in_netns(s.pid, "tc", "-j", "qdisc", "show", "dev", "tap"))[0]
            equal((kernel["handle"], kernel["options"]["rate"]), ("1:", rate // 8), "tc: " + pairs)
        for pairs in ("rate none", "rate 0", "clear 1", "clear none", "rate 8 clear 0", "rate 8 rate 0"):
            w.done("TC SET %d rate 1000" % tap)
            for _ in range(2):  # the second time nothing is left to be taken away: that is fine
                w.done("TC SET %d %s" % (tap, pairs))
                equal(impaired(w, tap), (None, {}, None), pairs)
    def tc_limit(w, s):
        """The kernel counts bytes: of packets of the MTU and a header."""
        tap = new(w, "tap", "tap")
        for row in ("rate 8000 limit 10: rate 8000 limit 10", "rate 16000: rate 16000 limit 10",
                    "limit 20: rate 16000 limit 20", "limit 0: rate 16000", "rate none: ",
                    "rate 8 limit 10000000: rate 8 limit 10000000", "rate 8000 limit none: rate 8000"):
            pairs, want = row.split(": ")
            w.done("TC SET %d %s" % (tap, pairs))
            equal(" ".join("%s %d" % pair for pair in impaired(w, tap)[1].items()), want, row)
        for line in ("IF SET", "LINK SET"):  # computed again
            w.done("TC SET %d limit 10" % tap)
            for mtu in (1000, 1500):
                w.done("%s %d mtu %d" % (line, tap, mtu))
                equal(impaired(w, tap), ("tbf", {"rate": 8000, "limit": 10}, 10 * (mtu + 14)), "MTU")
    def mtu_that_its_impairments_cannot_follow(w, s):
        """What came with it is taken back, too. The rate, another program's, is more than the server can set."""
        tap = new(w, "tap", "tap", "up 1")
        w.done("TC SET %d rate 8000" % tap)
        in_netns(s.pid, *"tc qdisc change dev tap root tbf rate 34359738368bit burst 1mb limit 1mb".split())
        refuses("IF SET", "22: TAP mtu 1400;TAP mtu 1400 up 0 arp 0;TAP mtu 1400 lladdr 2:0:0:0:0:1", w, TAP=tap)
        refuses("LINK SET", "22: TAP name x mtu 1400 multicast 0;TAP mtu 1600 up 0 name x", w, TAP=tap)
        w.done("LINK SET %d mtu 1500 name x" % tap)
    def tc_netem(w, s):
        """With a kernel that has it, what was set is listed; else it is refused as a whole."""
        tap = new(w, "tap", "tap")
        w.done("TC SET %d rate 8000" % tap)
        reply = w.ask("TC SET %d rate 16000 delay 1000 loss 4294967295" % tap)
        if reply.code == 200:
            got = [q["impairments"] for q in w.done("TC LIST").data if q["ifindex"] == tap]
            equal({k: v for i in got for k, v in i.items()},
                  {"rate": 16000, "delay": 1000, "loss": 4294967295}, "impairments")
            return
        equal(outcome(reply), "95", "netem")
        refuses("TC SET", """
            95: TAP delay 1000;TAP loss 1;TAP duplicate 1;TAP corrupt 1;TAP clear 1 delay 200000000
            95: TAP rate 16000 delay 1;TAP rate none loss 4294967295;TAP delay 5 jitter 5 correlation 1
            95: TAP delay 5 reorder 5 gap 2147483647;TAP loss 5 seed 9223372036854775807""", w, TAP=tap)
        equal(impaired(w, tap)[:2], ("tbf", {"rate": 8000}), "as before")
    def tc_of_another_program(w, s):
        tap = new(w, "tap", "tap")
        in_netns(s.pid, *"tc qdisc add dev tap root handle 77: pfifo limit 7".split())
        refuses("TC SET", "16: TAP rate 8000;TAP rate none;TAP clear 1", w, TAP=tap)
    def family_of_routes(w, s):
        new(w, "tap", "tap", "up 1")
        rows = [(row.split()[0], row.split()[1:-1], row.split()[-1]) for row in (
            "inet 10.1.0.0/16", "inet blackhole 10.2.0.0/16", "inet default", "inet6 fd01::/64",
            "inet6 unreachable fd02::/64", "inet6 default")]
        with taps(w, "tap"):
            for family, kind, dst in rows:
                in_netns(s.pid, "ip", "-f", family, "route", "add", *kind, dst,
                         *() if kind else ("dev", "tap"))
            got = [(r["family"], [r["type"]] if "type" in r else [], r["dst"])
                   for r in w.done("ROUT INFO").data]
        equal([got.count(row) for row in rows], [1] * len(rows), repr(got))
        equal([r[0] for r in got], sorted(r[0] for r in got), "IPv4 first")
    def x11_set_and_stop(w, s):
        for start in ("X11 SET MIT-MAGIC-COOKIE-1 abcdef", "X11 SET =a AB"):
            no_display_for(w, "X11 STOP", "X11 KEEP", "X11 SOCK", "X11 SET a abc", "X11 SET a zz")
            equal(display(w), None, "before")
            w.done(start)
            equal(display(w), "127.0.0.1:10", "display")
            no_display_for(w, "X11 SET a abc", "X11 SET a =YWI=", "X11 SET a " + "ab" * 100000)
            w.done("X11 STOP")


class NodeOnly:
    """Tests that need several connections."""
    def x11_keep(w, s):
        holder, other = s.connect(), s.connect()
        holder.done("X11 SET a ab")
        holder.send(b"X11 KEEP\nNODE INFO\n")
        no_display_for(w, "X11 KEEP", "X11 KEEP 1", "X11 STOP 1", "X11 SET a", "X11 SET a abc")
        equal(select.select([holder.sock], [], [], 0)[0], [], "no answer yet")
        other.done("X11 SET b cd")
        replaced = display(w)
        reply = holder.reply()
        equal((reply.code, reply.text, holder.reply().data["display"]), (200, "Replaced.", replaced), "replaced")
        no_display_for(holder, "X11 KEEP")
        holder.close()  # which has nothing to do with it any more
        eventually("gone", lambda: w.done("NODE INFO").data["sessions"] == 3)
        equal(display(other), replaced, "of the other")
        other.send(b"X11 KEEP\nHELP\n")
        equal(display(w), replaced, "kept")  # and by now KEEP has been read
        w.done("X11 STOP")  # by anybody
        reply = other.reply()
        equal((reply.code, reply.text, other.reply().code), (200, "Stopped.", 200), "stopped")
        equal(display(w), None, "stopped")
        other.close()
    def an_interface_that_is_held_goes_with_its_connection(w, s):
        for way in "close", "half", "deleted":
            w.done("LINK NEW held bridge")
            index = int(w.done("LINK FIND held").text.split()[0])
            holder = s.connect()
            holder.done("LINK HOLD %d 10.0.0.1 fd00::1" % index)
            equal(w.ask("LINK HOLD %d" % index).code, 550, "held by another")
            equal(holder.ask("LINK HOLD %d" % index).code, 550, "held already")
            equal(w.ask("LINK WAIT").code, 550, "not held by this one")
            equal(w.done("NODE INFO").data["uplink"], "held", "NODE INFO")
            holder.send(b"LINK WAIT\nHELP\n")
            w.in_step()
            if way == "deleted":
                w.done("IF DEL %d" % index)
                equal([holder.reply().code for _ in range(2)], [200, 200], "gone")
                equal(holder.ask("LINK WAIT").code, 200, "gone already")
                holder.close()
            elif way == "close":
                holder.close()
            else:
                holder.sock.shutdown(socket.SHUT_WR)
                equal(w.done("NODE INFO").data["uplink"], "held", "it can still be told")
                w.done("IF DEL %d" % index)
                equal([holder.reply().code for _ in range(2)], [200, 200], "gone")
                holder.ended()
                holder.close()
            eventually("it is gone", lambda: w.done("NODE INFO").data["uplink"] is None)
            eventually("it is gone", lambda: w.ask("LINK FIND held").code == 550)
    def x11_set_ends_with_its_connection_if_nobody_has_the_socket(w, s):
        setter = s.connect()
        setter.done("X11 SET a ab")
        equal(display(w), "127.0.0.1:10", "display")
        setter.close()
        eventually("no display", lambda: w.done("NODE INFO").data["display"] is None)
        equal(display(w), None, "no display")
    def x11_keep_ends_with_its_connection(w, s):
        for end in (True, True, False):
            holder = s.connect()
            holder.done("X11 SET a ab")
            equal(display(w), "127.0.0.1:10", "the port is free again")
            holder.send(b"X11 KEEP\nHELP\n")
            if end:
                holder.close()
                eventually("no display", lambda: w.done("NODE INFO").data["display"] is None)
        holder.sock.shutdown(socket.SHUT_WR)  # it can still be told
        equal(display(w), "127.0.0.1:10", "display")
        w.done("X11 STOP")
        equal([holder.reply().code for _ in range(2)], [200, 200], "KEEP and HELP")
        holder.ended()
        holder.close()


def on(server, fn, *args):
    if "x11" in fn.__name__ and not shutil.which("xauth"):
        return "needs xauth"
    s = server or FdServer()
    w = server.connect() if server else s.wire
    try:
        skip = fn(w, s, *args)
        w.in_step()
    finally:
        w.close()
        for i in server.wire.done("IF INFO").data if server else ():
            server.wire.ask("IF DEL %d" % i["ifindex"])
        server.wire.ask("X11 STOP") if server else s.stop()
    return skip


def main():
    tap = Tap()
    node = NodeServer("links")
    node.wire.done("IF LIST")
    node.wire.done("NODE EVNT")  # its sockets for both stay
    before = len(descriptors(node.pid))
    rules = [[fn for name, fn in vars(c).items() if name[0] != "_"] for c in (Both, NodeOnly)]
    for kind, server, fns in (("--fd", None, rules[0]), ("node", node, rules[0] + rules[1])):
        for fn in fns:
            tap.run("%s: %s" % (kind, fn.__name__.replace("_", " ")), on, server, fn)
        for command in REFUSED:
            tap.run("%s: refusals of %s" % (kind, command), on, server, refusals, command)
    tap.run("node: no descriptor is left", has_descriptors, node.pid, before)
    tap.run("node: removed", node.stop)
    for kind, make in (("--fd", FdServer), ("node", lambda: NodeServer("guest"))):
        tap.run(kind + ": what was taken in goes home", goes_home, make)
    tap.run("node info of a switch and a node", node_info)
    return tap.done()


sys.exit(main())
