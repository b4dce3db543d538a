#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What everybody does first, rightly and wrongly: nodes, links, addresses, programs, their ends.
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node

bats_require_minimum_version 1.5.0
[ -z "${NEMU_AS_USER-}" ] || chmod 777 "$BATS_RUN_TMPDIR" # tests/run --as-user

teardown() {
	"$NEMU" node del --all
	"$NEMU" -L other node del --all
}

nemu() { "$NEMU" "$@"; }

pair() { # two nodes with a link
	nemu node add a b
	nemu link add a:eth0 b:eth0
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr b add 10.0.0.2/24 dev eth0
}

gone() { # waits until no process has this word on its command line
	for _ in {1..200}; do
		pgrep --ns $$ --nslist ipc -f -- "$1" >/dev/null || return 0
		read -rt 0.02 <> <(:) || :
	done
	return 1
}

@test "nodes: added silently, listed, shown, removed" {
	run nemu node add a b
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(nemu -q node list)" = $'a\nb' ]
	[ "$(nemu node pid a)" -gt 1 ]
	nemu -j node show a | jq -e '.name == "a" and .forwarding == true and .lab == "default"'
	nemu node del a
	[ "$(nemu -q node)" = b ]
}

@test "labs are apart" {
	nemu node add a
	nemu -L other node add a
	[ "$(nemu node pid a)" != "$(nemu -L other node pid a)" ]
	NEMU_LAB=other nemu node del a
	[ "$(nemu -q node)" = a ]
}

@test "all or none: one bad name or one that exists, and nothing is made" {
	nemu node add b
	run nemu node add a b c
	[ "$status" -eq 2 ]
	run nemu node add a 'x/y'
	[ "$status" -eq 1 ]
	run nemu node add c c
	[ "$status" -eq 2 ]
	[ "$(nemu -q node)" = b ]
}

@test "a node: loopback up, host name, /sys of its own, forwarding on, --host off" {
	nemu node add a
	nemu node add --host h
	nemu exec a ping -n -c 1 127.0.0.1
	[ "$(nemu exec a uname -n)" = a ]
	[ "$(nemu exec a ls /sys/class/net)" = lo ]
	[ "$(nemu exec a cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	[ "$(nemu exec a cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
	[ "$(nemu exec h cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

@test "a link carries; equal names at both ends; nothing in the host's namespace" {
	before=$(ip -o link)
	pair
	nemu exec a ping -n -c 1 10.0.0.2
	[ "$(ip -o link)" = "$before" ]
	nemu -j link list | jq -e '.[0].ends | map(.node + ":" + .ifname) | sort == ["a:eth0","b:eth0"]'
}

@test "link down takes the carrier from the far end, link up gives it back" {
	pair
	nemu link down a:eth0
	nemu until down b:eth0 and not up b:eth0
	nemu -j if b list eth0 | jq -e '.[0].flags | index("LOWER_UP") | not'
	nemu link up a:eth0
	nemu until up b:eth0
}

@test "if set: all or nothing" {
	pair
	nemu if a set eth0 mtu 1400 multicast off
	nemu -j if a list eth0 | jq -e '.[0].mtu == 1400 and (.[0].flags | index("MULTICAST") | not)'
	run nemu if a set eth0 mtu 1300 name lo
	[ "$status" -eq 2 ]
	nemu -j if a list eth0 | jq -e '.[0].mtu == 1400 and .[0].ifname == "eth0"'
	run nemu if a set eth0 mtu 1300 address 01:00:00:00:00:01
	[ "$status" -eq 2 ]
	nemu -j if a list eth0 | jq -e '.[0].mtu == 1400'
}

@test "addr and route agree with ip -j" {
	pair
	nemu route a add 10.7.0.0/16 via 10.0.0.2 metric 5
	nemu route a add blackhole 10.8.0.0/16
	ns() { nsenter -t "$(nemu node pid a)" -n "$@"; }
	[ "$(nemu -j addr a | jq -cS '[.[].addr_info[] | {family, local, prefixlen, scope}]')" = \
		"$(ns ip -j addr | jq -cS '[.[].addr_info[] | {family, local, prefixlen, scope}]')" ]
	[ "$(nemu -j route a | jq -cS '[.[] | select(.dst | contains(":") | not)]')" = \
		"$(ns ip -j route | jq -cS .)" ]
	nemu route a del 10.7.0.0/16
	nemu addr a del 10.0.0.1/24 dev eth0
	run nemu addr a del 10.0.0.1/24 dev eth0
	[ "$status" -eq 2 ]
}

@test "if move and import" {
	[ -z "${NEMU_AS_USER-}" ] || skip "is for root"
	nemu node add a b
	ip link add t0 type veth peer name t1
	nemu if a import t0
	run ! ip link show t0
	nemu if a move t0 b
	nemu if b list t0
	nemu if b move t0 host
	ip link show t0
	ip link del t0
	run nemu if a import nosuch
	[ "$status" -eq 3 ]
}

@test "exec: exit codes, descriptors, user, folder, environment" {
	nemu node add a
	run nemu exec a sh -c 'exit 7'; [ "$status" -eq 7 ]
	run nemu exec a sh -c 'kill -9 $$'; [ "$status" -eq 137 ]
	run -127 nemu exec a no-such-program
	run nemu exec a /etc/passwd; [ "$status" -eq 126 ]
	run nemu exec z true; [ "$status" -eq 125 ]
	run nemu exec a -d /no/such true; [ "$status" -eq 125 ]
	run nemu exec a -u no-such-user true; [ "$status" -eq 125 ]
	[ "$(echo in | nemu exec a cat)" = in ]
	[ "$(nemu exec a sh -c 'echo err >&2' 2>&1 >/dev/null)" = err ]
	[ "$(X=1 nemu exec a -d / -e Y=2 sh -c 'echo $X $Y $PWD')" = "1 2 /" ]
	[ "$(nemu exec a -u nobody sh -c 'id -u; id -G; echo $USER; grep -c "CapBnd:.0000000000000000" /proc/self/status')" = $'65534\n65534\nnobody\n1' ]
	[ "$(head -c 3000000 /dev/urandom | tee "$BATS_TEST_TMPDIR/x" | nemu exec a cat | md5sum)" = \
		"$(md5sum <"$BATS_TEST_TMPDIR/x")" ]
	[ "$(nemu exec a ls /proc/self/fd | wc -l)" -eq 4 ] # 0 to 2, and the folder itself
}

@test "spawn, wait, kill, ps, logs" {
	nemu node add a
	pid=$(nemu spawn a --name t sh -c 'echo out; echo err >&2; exec sleep 1000')
	nemu until log a t err
	[ "$(nemu logs a t)" = $'out\nerr' ]
	[ "$(nemu ps a -q)" = "$pid" ]
	run nemu spawn a --name t true; [ "$status" -eq 2 ]
	run nemu wait a -t 10ms t; [ "$status" -eq 124 ]
	nemu kill a t
	run nemu wait a "$pid"; [ "$status" -eq 143 ]
	run nemu wait a t; [ "$status" -eq 143 ]
	run -127 nemu wait a 1
	run nemu kill a 1; [ "$status" -eq 3 ]
	one=$(nemu spawn a sh -c 'exit 3') two=$(nemu spawn a sh -c 'exit 4')
	run nemu wait a "$one" "$two"; [ "$status" -eq 4 ]
}

@test "bad words: one line that names the thing, and the code" {
	nemu node add a
	local -A cases=(
		["addr a add 10.0.0.1 dev lo"]=1 ["addr a add 10.0.0.1/33 dev lo"]=1
		["addr a add fd00::1/129 dev lo"]=1 ["addr a add 10.0.0.1/24 dev eth7"]=3
		["addr a frob"]=1 ["addr zz"]=3 ["frob a"]=1 ["if a del eth7"]=3 ["if a set lo"]=1
		["route a add 10.9.0.0/16 via 10.99.0.1"]=2 ["link add a:x"]=1 ["link add a b"]=3
		["link add a:x zz:y"]=3 ["node del zz"]=3 ["node add .."]=1 ["node add -x"]=1
		["-L no/lab node list"]=1 ["node show zz"]=3 ["kill a"]=1 ["until up a:lo -t x"]=1
		["route a add 10.0.0.0/8"]=1 ["if a move lo nowhere"]=3 ["spawn a"]=1
	)
	for words in "${!cases[@]}"; do
		# shellcheck disable=SC2086 # words
		run nemu $words
		echo "$words: $status $output"
		[ "$status" -eq "${cases[$words]}" ]
		[[ $output == "nemu"*": "* ]]
		[ "${#lines[@]}" -le 2 ]
	done
}

@test "every death of the server leaves nothing behind" {
	nemu node add a b
	nemu spawn a sh -c 'trap "" TERM HUP; (setsid sh -c "trap \"\" TERM; sleep 86401 & exec sleep 86401" &); exec sleep 86401'
	pgrep --ns $$ --nslist ipc -f 'sleep 86401'
	kill -9 "$(nemu node pid a)"
	gone 'sleep 86401'
	for _ in {1..200}; do [ -e "$NEMU_RUNDIR/default/a" ] || break; read -rt 0.02 <> <(:) || :; done
	[ "$(ls -A "$NEMU_RUNDIR/default" | LC_ALL=C sort)" = $'._resolv.b\n.hosts\nb' ]
	nemu node add a
	nemu exec b true
}

@test "node del ends what ignores SIGTERM, and --isolate pid isolates" {
	nemu node add a --isolate pid
	[ "$(nemu exec a sh -c 'ls -d /proc/[0-9]* | wc -l')" -lt 10 ]
	pid=$(nemu spawn a sh -c 'trap "" TERM; while :; do sleep 86402; done')
	[ -d "/proc/$pid" ]
	nemu node del a
	gone 'sleep 86402'
	[ ! -d "/proc/$pid" ]
}

@test "a stale socket is no node, and is removed by the next node add" {
	nemu node add b
	python3 - "$NEMU_RUNDIR/default/a" <<-'PY'
		import socket, sys
		socket.socket(socket.AF_UNIX).bind(sys.argv[1])
	PY
	[ "$(nemu -q node)" = b ]
	run nemu exec a true; [ "$status" -eq 125 ]
	nemu node add a
	[ "$(nemu -q node)" = $'a\nb' ]
}

@test "a run directory with a path of 200 characters" {
	long=$(printf 'x%.0s' {1..100})
	export NEMU_RUNDIR=$NEMU_RUNDIR/$long/$long
	nemu node add a
	nemu exec a true
	nemu node del a
	rm -r "${NEMU_RUNDIR%/*}"
}

@test "another user's folder is refused" {
	mkdir -m 777 "$BATS_TEST_TMPDIR/open"
	NEMU_RUNDIR=$BATS_TEST_TMPDIR/open run nemu node add a
	[ "$status" -eq 2 ]
}

@test "applets by name; --install, --list, --help" {
	[ -z "${NEMU_AS_USER-}" ] || skip "is for root"
	mkdir "$BATS_TEST_TMPDIR/bin"
	nemu --install "$BATS_TEST_TMPDIR/bin"
	nemu --install "$BATS_TEST_TMPDIR/bin" --bare
	"$BATS_TEST_TMPDIR/bin/nemu-node" add a
	"$BATS_TEST_TMPDIR/bin/addr" a list
	nemu --list | LC_ALL=C sort -c
	nemu --list | while read -r name _; do
		nemu "$name" --help >"$BATS_TEST_TMPDIR/help"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -le 24 ]
	done
}
