# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes tests/unit/fixtures/*.pickle, which tests/unit/pickle.c reads.

For Python 2.7 only: what has to be read is what its pickle modules write. Run it
only to change the fixtures; they are committed. NAME-c2.pickle is NAME as cPickle
writes it in protocol 2, NAME-p0.pickle as pickle does in protocol 0.
"""
import cPickle
import os
import pickle
import sys
import types


def stub_classes():
    nemu = types.ModuleType("nemu")
    nemu.iproute = types.ModuleType("nemu.iproute")
    sys.modules["nemu"] = nemu
    sys.modules["nemu.iproute"] = nemu.iproute
    for name in ("interface", "ipv4address", "ipv6address", "route"):
        stub = type(name, (object,), {"__module__": "nemu.iproute"})
        setattr(nemu.iproute, name, stub)
    return nemu.iproute


iproute = stub_classes()


def made(kind, **state):
    obj = getattr(iproute, kind)()
    obj.__dict__.update(state)
    return obj


def failed(exception, **state):
    exception.__dict__.update(state)
    return exception


def interface(index, name, **changes):
    state = dict(_index=index, name=name, _up=True, _mtu=1500, _mc=True, _arp=True,
                 _lladdr="52:54:00:00:00:%02x" % index, broadcast="ff:ff:ff:ff:ff:ff")
    state.update(changes)
    return made("interface", **state)


def address4(address, prefix_len, broadcast):
    return made("ipv4address", address=address, prefix_len=prefix_len,
                broadcast=broadcast, family=2)


def address6(address, prefix_len):
    return made("ipv6address", address=address, prefix_len=prefix_len, family=10)


def route(tipe, prefix, plen, nexthop, index, metric):
    return made("route", _tipe=tipe, _prefix=prefix, _plen=plen, _nexthop=nexthop,
                _interface=index, _metric=metric)


# What the first of each kind looks like in C stands in tests/unit/pickle.c.
def documents():
    shared_text = "used more than once, so that the memo is needed"
    shared_list = [1, shared_text]
    trace = "Traceback (most recent call last):\n  File \"x\", line 1\n"
    return {
        "interfaces": {
            1: interface(1, "lo", _mtu=65536, _mc=False, _lladdr="00:00:00:00:00:00"),
            2: interface(2, "eth0"),
            300: interface(300, "tun0", _up=False, _arp=False, _lladdr=None, broadcast=None),
        },
        "addresses": {
            1: [address4("127.0.0.1", 8, None), address6("::1", 128)],
            2: [address4("10.0.0.1", 24, "10.0.0.255")],
            3: [],
        },
        "routes": [
            route(0, None, 0, "10.0.0.254", 2, 0),
            route(0, "10.0.0.0", 24, None, 2, 100),
            route(5, "fd00::", 8, None, None, 1024),
        ],
        "oserror": failed(OSError(2, "No such file or directory"), child_traceback=trace),
        "oserror-file": OSError(2, "No such file or directory", "/nonexistent"),
        "keyerror": failed(KeyError(7), child_traceback=trace),
        "valueerror": failed(ValueError("bad \"quotes\" and 'quotes'"), child_traceback=trace),
        "runtimeerror": failed(RuntimeError("refused"), child_traceback=trace, errno=95),
        "plain": {
            "dict": {"a": {"b": {}}},
            "list": [[], [[1], [2, 3]], ()],
            "tuple": ((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
            "constants": [True, False, None],
            "unicode": u"\u0394elta \\ \\u0041 \n \xe9 \U0001f427",
            "bytes": "".join(map(chr, range(256))),
            "escapes": "\\ ' \" \t\r\n \x00 \x7f",
            "empty": ["", u""],
            "long": "x" * 300,
            1: "int key",
            (1, 2): "tuple key",
        },
        "ints": [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -2**31, -2**31 - 1,
                 2**40, -2**40, 2**63 - 1, -2**63, 5L, -5L, 0L, 128L, -128L, 2L**62],
        "shared": [shared_list, shared_list, {"k": shared_list, shared_text: shared_text}],
        "batches": range(1200),
        # These have to be refused:
        "bad-long": [2**63],
        "bad-float": [1.5],
        "bad-class": os.getcwd,
        "bad-cycle": cycle(),
    }


def cycle():
    made = {}
    made["self"] = [made]
    return made


def main():
    where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
    for name, value in documents().items():
        for letter, module in (("c", cPickle), ("p", pickle)):
            for protocol in (0, 1, 2):
                path = os.path.join(where, "%s-%s%d.pickle" % (name, letter, protocol))
                with open(path, "wb") as out:
                    out.write(module.dumps(value, protocol))


main()
