#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# if import: an interface of the caller's moves in, and is back when the node ends.

load helpers

setup() {
	needs_root
	nemu node add a b
	# Both ends stay in the caller's namespace, so that nothing goes with it when it moves.
	ip link add eth7 type veth peer name far
	ip link set far up
	ip link set eth7 mtu 1400 address 02:00:00:00:00:77 up
	ip addr add 10.7.0.1/24 brd + dev eth7
	ip addr add fd07::1/64 dev eth7 nodad
	ip addr add 10.8.0.1 peer 10.8.0.2/32 dev eth7
	ip addr add 10.9.0.1/24 dev eth7 label eth7:x noprefixroute
	ip addr add 10.10.0.1/24 dev eth7 scope link valid_lft 1000 preferred_lft 900
	before=$(state eth7)
}

teardown() {
	[[ ${before-} ]] || return 0
	"$NEMU" node del --all
	[[ ! ${ns-} ]] || kill "$ns"
	ip link del far
}

# Name, MTU, link-layer address, whether it is up, and addresses.
state() {
	ip -j addr show dev "$1" | jq -c '.[0] | [.ifname, .mtu, .address, (.flags | index("UP") != null),
		[.addr_info[] | select(.family == "inet" or .scope == "global") | [.local, .prefixlen, .broadcast, .address,
			.scope, .label, .nodad, .noprefixroute, .valid_life_time <= 1000, .preferred_life_time <= 900]]]'
}

back() { [ "$(state eth7)" = "$before" ]; }

@test "it moves in, keeps its name, and comes back as it was" {
	silent if a import eth7
	run ! ip link show dev eth7
	nemu -j if a list eth7 | is '.[0] | .mtu == 1400 and .address == "02:00:00:00:00:77"'
	silent node del a
	back
}

@test "it comes back with its old name, MTU, addresses and state, whatever became of them" {
	nemu if a import eth7
	nemu if a set eth7 name wan mtu 1000 address 02:11:22:33:44:55 up
	nemu addr a add 192.168.0.1/24 dev wan
	nemu node del a
	back
	ip link set eth7 down
	before=$(state eth7)
	nemu if b import eth7
	nemu if b set eth7 up
	nemu node del b
	back
}

@test "what has gone does not come back as another that has its index" {
	local names
	names() { ip -j link show | jq -r '.[].ifname' | sort; }
	names=$(names)
	ip link add z0 index 1234 type veth peer name z1
	nemu if a import z0
	nemu exec a ip link del z0
	nemu exec a ip link add other index 1234 type veth peer name z1
	nemu node del a
	diff <(names) <(echo "$names")
}

@test "it comes back when the server gets SIGTERM, or its keeper is killed" {
	local pid keeper
	nemu if a import eth7
	pid=$(nemu node pid a)
	kill -TERM "$pid"
	eventually back
	nemu if b import eth7
	pid=$(nemu node pid b)
	keeper=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
	kill -KILL "$keeper"
	eventually back
	eventually ended "$pid"
}

@test "it is there for programs until the last of them has ended" {
	local seen=$BATS_TEST_TMPDIR/seen
	nemu if a import eth7
	nemu spawn a --ready line=ready bash -c "
		trap 'ip link show dev eth7 >$seen; exit' TERM
		echo ready
		read -r <> <(:)" >/dev/null
	nemu node del a
	grep -q eth7 "$seen"
	back
}

@test "a name that is taken meanwhile: it comes back under another" {
	nemu if a import eth7
	ip link add eth7 type bridge
	nemu node del a
	[ "$(state dev0 | jq -c '.[1:]')" = "$(jq -c '.[1:]' <<<"$before")" ]
	ip link del eth7
	ip link set dev0 down
	ip link set dev0 name eth7
	ip link set eth7 up
	before=$(state eth7)
	nemu if b import eth7
	nemu if b set eth7 name other
	ip link add eth7 type bridge
	nemu node del b
	ip link show dev other
	ip link del eth7
}

@test "moved on or deleted by hand: it does not come back" {
	nemu if a import eth7
	silent if a move eth7 host
	ip link show dev eth7
	ip link set eth7 name mine
	nemu if a add eth7 type bridge
	nemu node del a
	ip link show dev mine
	run ! ip link show dev eth7
}

@test "two of them, from two namespaces" {
	unshare -n sleep 86499 3>&- &
	ns=$!
	until [ "$(readlink "/proc/$ns/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do :; done
	nsenter -t $ns -n ip link add i7 type ifb
	nsenter -t $ns -n "$NEMU" if a import i7
	nemu if a import eth7
	[ "$(nemu -q if a | sort | tr '\n' ' ')" = "eth7 i7 lo " ]
	nemu node del a
	back
	nsenter -t $ns -n ip link show dev i7
}

@test "refused: what is not there, what is there already, what cannot move" {
	fails 3 nosuch if a import nosuch
	fails 3 nosuch if nosuch import eth7
	fails 2 lo if a import lo
	nemu if a add eth7 type bridge
	fails 2 eth7 if a import eth7
	back
	fails 1 "" if a import
}
