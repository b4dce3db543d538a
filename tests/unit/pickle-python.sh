#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Do Python's own modules load what our writer of pickles writes, to the values meant?
# Usage: pickle-python.sh [EMIT]: the program built from pickle-emit.c; without it, it is built
# with $CC into a temporary directory. Prints TAP.

here=$(dirname "$0")
top=$here/../..
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

emit=$1
if [ -z "$emit" ]; then
	emit=$tmp/emit
	# shellcheck disable=SC2086 # CC and CFLAGS are words
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE $CFLAGS -I"$top/common" -o "$emit" \
		"$here/pickle-emit.c" "$top/common/base/buf.c" "$top/common/base/err.c" \
		"$top/common/base/net.c" "$top/common/base/num.c" "$top/common/base/value.c" \
		"$top/common/wire/base64.c" "$top/common/wire/object.c" \
		"$top/common/wire/pickle.c" || exit 1
fi

cat > "$tmp/check.py" <<'PYTHON'
"""Usage: check.py MODULE [ENCODING] < what pickle-emit wrote"""
import base64
import importlib
import sys
import types

nemu = types.ModuleType("nemu")
nemu.iproute = types.ModuleType("nemu.iproute")
sys.modules["nemu"] = nemu
sys.modules["nemu.iproute"] = nemu.iproute
for name in ("interface", "ipv4address", "ipv6address", "route"):
    setattr(nemu.iproute, name, type(name, (object,), {"__module__": "nemu.iproute"}))

encoding = sys.argv[2] if len(sys.argv) > 2 else None
loads = importlib.import_module(sys.argv[1]).loads


def text(s):
    """The bytes of s as this reader has to give them."""
    return s.encode("latin-1") if encoding == "bytes" and not isinstance(s, bytes) else s


def plain(v):
    """Objects as tuples, and every value with its type, so that True is not 1."""
    if type(v).__module__ in ("nemu.iproute", "exceptions", "builtins") and hasattr(v, "__dict__"):
        return (type(v).__name__, plain(getattr(v, "args", ())), plain(v.__dict__))
    if isinstance(v, dict):
        return dict((plain(k), plain(x)) for k, x in v.items())
    if isinstance(v, (list, tuple)):
        return (type(v).__name__, [plain(x) for x in v])
    if type(v).__name__ == "long":
        v = ("int", v)
    return v if isinstance(v, tuple) else (type(v).__name__, v)


def made(kind, **state):
    v = getattr(nemu.iproute, kind)()
    v.__dict__.update(state)
    return v


def failed(exception, **state):
    exception.__dict__.update(state)
    return exception


def deep(levels):
    v = ()
    for _ in range(levels):
        v = (v,)
    return v


lo = made("interface", _index=1, name="lo", _up=True, _mtu=65536, _lladdr="00:00:00:00:00:00",
          broadcast="00:00:00:00:00:00", _mc=False, _arp=False)
eth0 = made("interface", _index=70000, name="eth0", _up=False, _mtu=1500,
            _lladdr="52:54:00:ab:cd:ef", broadcast="ff:ff:ff:ff:ff:ff", _mc=True, _arp=True)
tun0 = made("interface", _index=300, name="tun0", _up=True, _mtu=576, _lladdr=None,
            broadcast=None, _mc=False, _arp=True)
every_byte = "".join(chr(i) for i in range(256))
expected = {
    "interface": eth0,
    "interfaces": {1: lo, 70000: eth0, 300: tun0},
    "addresses": {
        1: [made("ipv4address", address="127.0.0.1", prefix_len=8, broadcast=None, family=2),
            made("ipv4address", address="10.1.2.3", prefix_len=24, broadcast="10.1.2.255",
                 family=2),
            made("ipv6address", address="fe80::1", prefix_len=64, family=10)],
        2: []},
    "routes": [
        made("route", _tipe=0, _prefix=None, _plen=0, _nexthop="10.0.0.254", _interface=2,
             _metric=0),
        made("route", _tipe=7, _prefix="fd00::", _plen=8, _nexthop=None, _interface=None,
             _metric=4000000000)],
    "ints": [sign * 2 ** bit + near for bit in range(63) for near in (-1, 0, 1)
             for sign in (1, -1)] + [2 ** 63 - 1, -2 ** 63],
    "strings": [text(every_byte[:254]), text(every_byte[:255]), text(every_byte), text(""), None],
    "tree": {text("list"): list(range(2500)), text("tuple"): (True, False, None),
             text("deep"): deep(62), text("empty"): {}},
    "many-keys": dict((i, -i) for i in range(1500)),
    "none": None,
    "oserror": failed(OSError(2, "No such file or directory"), step="cwd",
                      child_traceback="no \"such\" directory", text="no \"such\" directory"),
    "keyerror": failed(KeyError(7), child_traceback="7", text="7"),
    "valueerror": failed(ValueError("no such user"), child_traceback="no such user",
                         text="no such user"),
    "runtimeerror": failed(RuntimeError("refused"), child_traceback="refused",
                           text="refused", errno=95),
}
wrong = 0
for line in sys.stdin:
    name, data = line.split()
    data = base64.b64decode(data)
    want = expected.pop(name)
    # With attribute names of bytes Python 3 itself makes no exception, and no useful object.
    if encoding == "bytes" and (b"nemu.iproute" in data or b"cexceptions" in data):
        continue
    try:
        got = loads(data, encoding=encoding) if encoding else loads(data)
    except Exception as e:
        got = e
    if plain(got) != plain(want):
        wrong = 1
        print("# %s: %.300r instead of %.300r" % (name, plain(got), plain(want)))
if expected:
    wrong = 1
    print("# not written: %s" % " ".join(sorted(expected)))
sys.exit(wrong)
PYTHON

# The first of the named programs that really runs as Python of this major version: a name on
# PATH may be a shim for something that is not there.
find_python()
{
	major=$1
	shift
	for candidate; do
		found=$("$candidate" -c 'import sys; print(sys.version_info[0])' 2> /dev/null)
		[ "$found" = "$major" ] && echo "$candidate" && return
	done
}

pyenv_python2=$(pyenv prefix 2.7.18 2> /dev/null)/bin/python2.7
python2=$(find_python 2 python2.7 python2 "$pyenv_python2")
python3=$(find_python 3 python3 python)

n=0
check()
{
	n=$((n + 1))
	what=$1 python=$2
	shift 2
	if [ -z "$python" ]; then
		echo "ok $n - $what # SKIP no such Python"
	elif "$python" "$tmp/check.py" "$@" < "$tmp/pickles"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		failed=1
	fi
}

failed=0
echo 1..4
"$emit" > "$tmp/pickles" || exit 1
check "cPickle of Python 2.7" "$python2" cPickle
check "pickle of Python 2.7" "$python2" pickle
check "pickle of Python 3, str as latin-1" "$python3" pickle latin-1
check "pickle of Python 3, str as bytes" "$python3" pickle bytes
exit "$failed"
