#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-j of every applet that has it: one document, whose keys and types are those of the section JSON of
the applet's manual page. A key that is not documented, of another type, or documented and missing is
an error."""
import json
import os
import re
import subprocess
import sys

NEMU = os.environ["NEMU"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Objects whose keys depend on the type of an interface, or are the words of nemu-link(1).
FREE = {"linkinfo", "impairments"}
TYPES = {"number": (int, float), "string": str, "object": dict, "list": list, "true": bool}

count = failures = 0


def result(name, problems):
    global count, failures
    count += 1
    print("%sok %d - %s" % ("not " if problems else "", count, name))
    for p in problems:
        print("# " + p)
    failures += bool(problems)


def nemu(*words):
    return subprocess.run([NEMU, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def documented(page):
    """key: (text of its description) of the section JSON."""
    text = open(os.path.join(ROOT, "man", "nemu-%s.1" % page), encoding="utf-8").read()
    section = re.search(r"^\.Ss JSON\n(.*?)^\.S[hs] ", text, re.M | re.S).group(1)
    keys = {}
    for m in re.finditer(r"^\.It (.*)\n((?:(?!\.It |\.El).*\n)*)", section, re.M):
        for key in m.group(1).replace(" , ", " ").split():
            keys[key] = " ".join(m.group(2).split())
    return keys


def allowed(text):
    types = tuple(t for word, t in TYPES.items() if re.match(word + r"s?\b", text))
    if "null" in text:
        types += (type(None),)
    return types


def walk(value, keys, seen, problems):
    if isinstance(value, list):
        for v in value:
            walk(v, keys, seen, problems)
    elif isinstance(value, dict):
        for key, v in value.items():
            seen.add(key)
            if key not in keys:
                problems.append("%s is not documented" % key)
                continue
            flat = [t for a in allowed(keys[key]) for t in (a if isinstance(a, tuple) else (a,))]
            if type(v) not in flat:
                problems.append("%s: %r is not of '%s'" % (key, v, keys[key]))
            if key not in FREE:
                walk(v, keys, seen, problems)


def check(name, keys, outputs, may_miss=()):
    problems, seen = [], set()
    for out in outputs:
        if out.count("\n") != 1:
            problems.append("not one line: %r" % out[:80])
        walk(json.loads(out), keys, seen, problems)
    for key, text in keys.items():
        if key not in seen and key not in may_miss:
            problems.append("%s is documented (%s) and does not occur" % (key, text))
    result(name, sorted(set(problems)))


def build():
    subprocess.run([NEMU, "batch", "-"], check=True, text=True, input="""
        node add a b
        switch add s
        link add a:eth0 b:eth0 rate 10mbit
        link add a:x s
        link add a:y1 a:y2
        if a add br0 type bridge
        if a set y1 master br0
        if a add t0 type tap
        addr a add 10.0.0.1/24 dev eth0
        addr a add fd00::1/64 dev eth0
        route a add default via 10.0.0.2
        route a add blackhole 10.9.0.0/16
        route a add 10.8.0.0/16 dev y2 metric 5
        route a add ::/0 via fd00::2
        spawn a --name t sleep 86471
        until up a:eth0 and up a:x
    """, stdout=subprocess.DEVNULL)
    pid = nemu("node", "pid", "a").strip()
    inside = ["nsenter", "-t", pid, "-n", "ip"]
    subprocess.run(inside + "addr add 10.1.1.1 peer 10.1.1.2 dev eth0".split(), check=True)
    subprocess.run(inside + "addr add 10.1.2.1/24 dev eth0 label eth0:1".split(), check=True)
    subprocess.run(inside + "route add 10.7.0.0/16 dev eth0 src 10.0.0.1 proto static".split(), check=True)
    subprocess.run([NEMU, "spawn", "b", "sh", "-c", "exit 3"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([NEMU, "-L", "other", "node", "add", "c"], check=True)


def main():
    build()
    # Only of addresses in special states, or of interfaces that this lab does not have.
    address_states = {"secondary", "tentative", "deprecated", "dadfailed", "nodad", "noprefixroute", "mngtmpaddr",
                      "home", "autojoin"}
    kinds = {"bridge", "vlan", "vxlan", "macvlan", "macvtap", "macvlan,", "vrf", "tun"}
    pages = {p: documented(p) for p in "addr check if lab link node ps route switch".split()}
    check("node", pages["node"], [nemu("-j", "node"), nemu("-j", "node", "show", "s")])
    check("if", pages["if"], [nemu("-j", "if", "a"), nemu("if", "s", "list", "-j")], kinds)
    # its objects have the keys of an interface, too
    addr = dict(pages["if"], **pages["addr"], addr_info="list")
    check("addr", addr, [nemu("-j", "addr", "a")],
          kinds | address_states)
    check("route", pages["route"], [nemu("-j", "route", "a")])
    check("link", pages["link"], [nemu("-j", "link")], {"parent", "more"})
    check("check", pages["check"], [nemu("-j", "check")])
    check("ps", pages["ps"], [nemu("-j", "ps", "a"), nemu("-j", "ps", "b")])
    check("switch", pages["switch"], [nemu("-j", "switch")])
    whole = {}
    for page in ("if", "addr", "link", "node", "ps", "route"):
        whole.update(pages[page])
    for key in "addr_info interfaces routes processes qdiscs links nodes".split():
        whole[key] = "list"
    whole.update(lab="string", broadcast="string", type="string", address="string", processes="list", family="string",
                 started="number", limit="number", bridge="string or null", state="string", log="true or false")
    check("lab list", {k: v for k, v in pages["lab"].items() if k != "lab"} | {"nodes": "number", "links": "number"},
          [nemu("-j", "lab"), nemu("-j", "lab", "list")])
    for verb in "save", "graph":
        check("lab " + verb, whole, [nemu("-j", "lab", verb)], set(whole))
    names = {w.split("\t")[0] for w in nemu("--spec").splitlines()}
    result("every applet with a section JSON is tested",
           sorted(n for n in names if os.path.exists(os.path.join(ROOT, "man", "nemu-%s.1" % n)) and
                  ".Ss JSON" in open(os.path.join(ROOT, "man", "nemu-%s.1" % n), encoding="utf-8").read() and
                  n not in pages))
    for lab in nemu("-q", "lab").split():
        nemu("lab", "del", lab)
    print("1..%d" % count)
    sys.exit(failures > 0)


main()
