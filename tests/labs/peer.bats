#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients and a server that lies, babbles, or dies in the middle of a word: an error of one line,
# the right code, and nothing is ever executed or waited for in vain.
# shellcheck disable=SC2030,SC2031 # a test's variables are its own: so it is meant

load helpers

setup() {
	mkdir -m 700 "$NEMU_RUNDIR/default"
	cat >"$BATS_TEST_TMPDIR/fake.py" <<-'PY'
		# fake.py FOLDER: a node for each way to be wrong, named after it.
		import base64, os, socket, struct, sys, threading, time
		def data(p, code=200):
		    return (b"%d-# Data follows.\n%d =" % (code, code)) + base64.b64encode(p) + b"\n"
		marker = os.path.join(sys.argv[1], "..", "executed").encode()
		touch = b"touch " + marker
		system = b"cposix\nsystem\n(S'" + touch + b"'\ntR."
		g = b"220 Hello.\n"
		ways = { # greeting, answer to every line; then the connection is closed
		    "no-greeting": (b"", None), "half-greeting": (b"22", None), "greets-550": (b"550 no\n", None),
		    "gone": (g, None), "half-code": (g, b"20"), "half-line": (g, b"200 Do"),
		    "half-data": (g, data(b"\x80\x02]q\x00.")[:-4]),
		    "first-line-only": (g, b"200-# Data follows.\n"),
		    "babble": (g, b"What is it?\n"), "binary": (g, bytes(range(256)) + b"\n"),
		    "no-base64": (g, b"200 =a\n"), "no-data": (g, b"200 Done.\n"), "empty": (g, b"200 =\n"),
		    "no-pickle": (g, data(b"this is no pickle")), "cut-pickle": (g, data(b"\x80\x02]q\x00(K\x01")),
		    "no-list": (g, data(b"\x80\x02K*.")), "list-of-ints": (g, data(b"\x80\x02](K\x01K\x02e.")),
		    "other-class": (g, data(b"\x80\x02cdecimal\nDecimal\n)\x81}b.")),
		    "runs": (g, data(system)), "raises": (g, data(system, 550)),
		    "raises-no-pickle": (g, data(b"xx", 550)), "raises-int": (g, data(b"\x80\x02K*.", 550)),
		    "raises-escape": (g, data(b"\x80\x02cexceptions\nRuntimeError\nU\x0aa\x1b[2Jb\nc\rd\x85R.", 550)),
		    "deep": (g, data(b"\x80\x02" + b"]" * 100000 + b"a" * 99999 + b".")),
		    "huge": (g, data(b"\x80\x02T\xff\xff\xff\x7fx.")),
		    "memo": (g, data(b"\x80\x02j\xff\xff\xff\x7f.")),
		    "refuses": (g, b"500 \x1b[2JNo.\n"), "odd-code": (g, b"299 Done.\n"),
		    "asks": (g, b"354 Pass it.\n"), "not-yet": (g, b"450 Not yet.\n"),
		}
		def serve(listener, greeting, answer):
		    while True:
		        c, _ = listener.accept()
		        try:
		            c.sendall(greeting)
		            f = c.makefile("rb")
		            while answer is not None and f.readline():
		                c.sendall(answer)
		                if not answer.endswith(b"\n") or b" " not in answer.splitlines()[-1][:4]: break
		            if answer is None: c.shutdown(socket.SHUT_WR)
		            f.close()
		        except OSError: pass
		        c.close()
		for name, (greeting, answer) in ways.items():
		    s = socket.socket(socket.AF_UNIX)
		    s.bind(os.path.join(sys.argv[1], name))
		    s.listen(64)
		    threading.Thread(target=serve, args=(s, greeting, answer), daemon=True).start()
		open(os.path.join(sys.argv[1], "..", "names"), "w").write("\n".join(ways) + "\n")
		time.sleep(1000)
	PY
	# 3: descriptors of bats must not be held
	python3 "$BATS_TEST_TMPDIR/fake.py" "$NEMU_RUNDIR/default" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	fake=$!
	eventually test -s "$NEMU_RUNDIR/names"
}

teardown() {
	kill -KILL "$fake" ${odd+"$odd"} 2>/dev/null || :
	"$NEMU" node del --all
	rm -rf "$NEMU_RUNDIR"/odd-*
	rm -f "$NEMU_RUNDIR/names" "$NEMU_RUNDIR/executed"
}

# clean CODES WORDS...: ends in time with one of CODES; if not 0, with one clean line.
clean() {
	local codes=$1
	shift
	status=0
	output=$(timeout 10 "$NEMU" "$@" 2>"$BATS_TEST_TMPDIR/.stderr") || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/.stderr")
	if [[ " $codes " != *" $status "* || $stderr == *$'\n'* || $stderr == *[$'\e\r\x01']* ]] ||
		[[ $status != 0 && $stderr != "nemu $1: "?* ]]; then
		echo "nemu $*: wanted $codes and one line; exit $status, stderr '$stderr'"
		return 1
	fi
}

@test "reading: if, addr, route, ps, node show" {
	local name bad=0
	while read -r name; do
		# A refusal may mean that the server lacks the feature.
		case $name in refuses | odd-code | asks | not-yet) codes="2 4" ;; *) codes=2 ;; esac
		for words in "if $name" "-j if $name" "addr $name" "route $name" "-j route $name" "ps $name" \
			"node show $name"; do
			# shellcheck disable=SC2086 # words
			case $words in -j*) set -- ${words#-j } -j ;; *) set -- $words ;; esac
			clean "$codes" "$@" || bad=$((bad + 1))
		done
	done <"$NEMU_RUNDIR/names"
	[ ! -e "$NEMU_RUNDIR/executed" ]
	[ "$bad" -eq 0 ]
}

@test "changing: if set, addr add, route add, link, kill, spawn" {
	local name bad=0
	while read -r name; do
		for words in "if $name set lo up" "addr $name add 10.0.0.1/24 dev lo" "if $name del x" \
			"route $name add 10.0.0.0/8 via 10.0.0.1" "kill $name 17" "spawn $name true" \
			"link add $name:x gone:x" "link del $name:x" "logs $name 17"; do
			case "$name ${words%% *}" in
			refuses* | odd-code*) codes="0 2 3 4" ;;
			*" route") codes="0 2 3 4" ;; # 200 is all it asks for, whatever comes along
			*) codes="2 3 4" ;;
			esac
			# shellcheck disable=SC2086 # words
			clean "$codes" $words || bad=$((bad + 1))
		done
	done <"$NEMU_RUNDIR/names"
	[ ! -e "$NEMU_RUNDIR/executed" ]
	[ "$bad" -eq 0 ]
}

@test "exec and wait: 125" {
	local name bad=0
	while read -r name; do
		for words in "exec $name true" "wait $name 17"; do
			case "$words" in
			"wait refuses"*) codes="125 127" ;;
			*) codes=125 ;;
			esac
			# shellcheck disable=SC2086 # words
			clean "$codes" $words </dev/null || bad=$((bad + 1))
		done
	done <"$NEMU_RUNDIR/names"
	[ ! -e "$NEMU_RUNDIR/executed" ]
	[ "$bad" -eq 0 ]
}

@test "the messages say what is wrong" {
	clean 2 if half-data
	[[ $stderr == *"half-data"*"closed"* ]]
	clean 2 if gone
	[[ $stderr == *"gone: "*"closed"* ]]
	clean 2 if runs
	[[ $stderr == *runs* ]]
	clean 2 if raises-escape
	[[ $stderr == *"[2J"* ]]
	clean 2 if babble
	[[ $stderr == *"What is it?"* ]]
}

# odd_labs VALUES: labs with a node n each, for every value (in Python) in every place where an answer may
# have one; their names are in $labs then.
odd_labs() {
	cat >"$BATS_TEST_TMPDIR/odd.py" <<-'PY'
		import base64, os, pickle, socket, sys, threading, time
		values = eval(sys.argv[2])
		keys = {
		    "NODE INFO": "name lab pid keeper started processes isolate forwarding bridge bridge_index uplink dad",
		    "IF INFO": "ifindex ifname flags mtu address link linkinfo link_index link_netnsid link_type "
		               "master operstate addr_info",
		    "ROUT INFO": "type dst gateway dev metric protocol flags family prefsrc",
		    "PROC LIST": "pid tag user state age status command",
		    "TC LIST": "ifindex kind handle root drops impairments",
		    "NEIG LIST": "valid dst", "SOCK LIST": "", "LINK PEER": "", "LINK NSID": "",
		}
		keys["ADDR INFO"] = keys["IF INFO"]
		def whole(v):
		    return dict.fromkeys(keys, v)
		def fields(v):
		    known = {command: [dict.fromkeys(names.split(), v)] for command, names in keys.items()}
		    return dict(known, **{"NODE INFO": known["NODE INFO"][0]})
		def deeper(v, impairments=None):
		    known = fields("x")
		    bridge = dict.fromkeys(("stp_state", "forward_delay", "hello_time", "ageing_time"), v)
		    known["IF INFO"] = known["ADDR INFO"] = [
		        {"ifindex": 2, "ifname": "x", "flags": v, "link_index": 2, "link_netnsid": 0, "addr_info": v,
		         "linkinfo": {"info_kind": "veth", "info_data": v}},
		        {"ifindex": 3, "ifname": "br0", "flags": [v], "addr_info": [v],
		         "linkinfo": {"info_kind": "bridge", "info_data": bridge}}]
		    known["TC LIST"] = [{"ifindex": i, "kind": "netem", "impairments": impairments or v} for i in (2, 3)]
		    known["LINK PEER"] = {2: v}
		    known["LINK NSID"] = [v]
		    return known
		def impaired(v):
		    return deeper(v, dict.fromkeys(("delay", "loss", "rate", "limit", "distribution"), v))
		def of_itself(v):
		    return dict(deeper("x"), **{"NODE INFO": v})
		def well_formed(v):
		    data = {"type": "tap", "mode": v, "remote": v, "local": v, "remote6": v, "local6": v}
		    addresses = [{"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "broadcast": v, **more}
		                 for more in ({}, {"address": v}, {"valid_life_time": 7})]
		    links = [{"ifindex": i, "ifname": "e%d" % i, "address": v, "master": v, "flags": [], "mtu": 1500,
		              "addr_info": addresses, "link": "e2" if kind in ("vlan", "macvlan") else None,
		              "linkinfo": {"info_kind": kind, "info_data": data}}
		             for i, kind in enumerate(("bridge", "dummy", "tun", "vlan", "macvlan", "vxlan", v), 1)]
		    links += [{"ifindex": 20 + i, "ifname": names[0], "link": names[1], "link_index": 21 - i,
		               "linkinfo": {"info_kind": "veth"}} for i, names in enumerate(((v, "b"), ("b", v)))]
		    return {"NODE INFO": {"name": v, "isolate": v, "uplink": "e7", "forwarding": True},
		            "IF INFO": links, "ADDR INFO": links,
		            "ROUT INFO": [{"dst": v, "gateway": v, "dev": v, "type": v, "protocol": "static"},
		                          {"dst": "10.0.0.0/8", "protocol": v}],
		            "PROC LIST": [{"pid": 7, "state": "running", "command": v}],
		            "TC LIST": [{"ifindex": i, "kind": v, "handle": v} for i in range(30)]}
		def another_program(v):
		    return {"IF LIST": v, "ADDR LIST": {1: v, 2: v}, "ROUT LIST": v}
		def serve(c, known):
		    try:
		        c.sendall(b"220 Hello.\n")
		        for line in c.makefile("r"):
		            command = " ".join(line.split()[:2])
		            if command in known:
		                text = base64.b64encode(pickle.dumps(known[command], 2))
		                c.sendall(b"200-# Data follows.\n200 =" + text + b"\n")
		            else:
		                c.sendall(b"500 Unknown.\n")
		    except OSError: pass
		    c.close()
		def accept(listener, known):
		    while True:
		        threading.Thread(target=serve, args=(listener.accept()[0], known), daemon=True).start()
		labs = []
		for way in whole, fields, deeper, impaired, of_itself, well_formed, another_program:
		    for i, v in enumerate(values):
		        labs.append("odd-%s-%d" % (way.__name__, i))
		        os.mkdir(os.path.join(sys.argv[1], labs[-1]), 0o700)
		        s = socket.socket(socket.AF_UNIX)
		        s.bind(os.path.join(sys.argv[1], labs[-1], "n"))
		        s.listen(64)
		        threading.Thread(target=accept, args=(s, way(v)), daemon=True).start()
		print(*labs, flush=True)
		time.sleep(1000)
	PY
	python3 "$BATS_TEST_TMPDIR/odd.py" "$NEMU_RUNDIR" "$1" </dev/null >"$BATS_TEST_TMPDIR/labs" 2>/dev/null 3>&- 4>&- &
	odd=$!
	eventually test -s "$BATS_TEST_TMPDIR/labs"
	read -ra labs <"$BATS_TEST_TMPDIR/labs"
}

@test "values of types that nobody expects" {
	local lab labs=() bad=0
	cat >"$BATS_TEST_TMPDIR/lines" <<-END
		if n
		if n -j
		addr n
		addr n -j
		route n
		ps n
		node list
		node list -j
		node show n
		node show n -j
		switch list
		link list
		link list -j
		lab save
		lab save -j
		lab graph
		lab graph -f dot
		link set n:x both delay 1ms
		link add n:y n
		kill n x
		until up n:x -t 1ms
		until addr n:x -t 1ms
		until route n 10.0.0.0/8 -t 1ms
		until neigh n 10.0.0.1 -t 1ms
		until listen n tcp/80 -t 1ms
	END
	odd_labs '[None, True, 42, -1, 1 << 62, "text", "", [], [1, 2], ["x", "y"], [[]], [{}], [{1: 2}], {}, {1: 2},
		{1: "x"}, {"a": 1}, {("a", 1): 2}, {None: None}, {"UP": {}}, (), (1, "x")]'
	for lab in "${labs[@]}"; do
		status=0
		stderr=$(timeout 20 "$NEMU" -L "$lab" batch --force "$BATS_TEST_TMPDIR/lines" 2>&1 >/dev/null) || status=$?
		[[ $status == [01234] && $'\n'$stderr != *$'\n'[!nT]* ]] && continue
		echo "$lab: $status"
		echo "$stderr" | tail -n 3
		((++bad))
	done
	[ "$bad" -eq 0 ]
	clean "0 2" lab list
}

@test "lab save: what a server says is never run" {
	local lab labs=() dir=$BATS_TEST_TMPDIR said=0
	# For the script, what it runs is a name alone.
	mkdir "$dir/bin"
	printf '#!/bin/sh\n' >"$dir/bin/nemu"
	chmod 755 "$dir/bin/nemu"
	odd_labs '["x; >executed", "$(>executed)", "`>executed`", "\n>executed\n", "\r\n>executed #", "'"\\'"'; >executed; '"\\'"'",
		"&>executed", "|>executed", "-e\" >executed\""]'
	cd "$dir"
	for lab in "${labs[@]}"; do
		nemu -L "$lab" lab save >"$dir/script" || continue
		((++said))
		PATH=$dir/bin:$PATH sh "$dir/script"
		[ ! -e executed ] || { cat "$dir/script"; return 1; }
	done
	[ "$said" -ge 9 ]
}

@test "the good nodes of the lab do not suffer" {
	rm "$NEMU_RUNDIR/default/"*
	kill -KILL "$fake"
	nemu node add good
	sed -i 's/^for name, (greeting, answer) in ways.items():/for name, (greeting, answer) in [(k, ways[k]) for k in ("gone", "no-greeting", "half-line")]:/' \
		"$BATS_TEST_TMPDIR/fake.py"
	rm "$NEMU_RUNDIR/names"
	python3 "$BATS_TEST_TMPDIR/fake.py" "$NEMU_RUNDIR/default" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	fake=$!
	eventually test -s "$NEMU_RUNDIR/names"
	nemu exec good true
	# As if they had died while they were asked: not in the list, and no error.
	run nemu -j node list
	echo "$output"
	[ "$status" -eq 0 ]
	is 'any(.name == "good")' <<<"$output"
	nemu node del good
}

@test "node del --all gets rid of them, however they answer" {
	kill -0 "$fake"
	run timeout 60 "$NEMU" node del --all
	echo "$status $output"
	[ "$status" -ne 124 ]
	[ -z "$(find "$NEMU_RUNDIR/default" -mindepth 1 2>/dev/null)" ]
}
