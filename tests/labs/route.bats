#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# route: routes of a node's main table. What changed is looked up with ip, not with nemu.

load helpers

setup() {
	nemu node add a r
	nemu link add a:eth0 r:eth0
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr r add 10.0.0.2/24 dev eth0
	nemu addr a add fd00::1/64 dev eth0
	nemu addr r add fd00::2/64 dev eth0
}

teardown() { "$NEMU" node del --all; }

# routes FILTER: ip's words for it.
routes() { inside a ip "$@" | sed 's/ *$//'; }

@test "add and del: via, dev, metric, both families" {
	silent route a add 10.7.0.0/16 via 10.0.0.2
	[ "$(routes route show 10.7.0.0/16)" = "10.7.0.0/16 via 10.0.0.2 dev eth0" ]
	silent route a add 10.8.0.0/16 dev eth0 metric 77
	routes route show 10.8.0.0/16 | grep -q '^10.8.0.0/16 dev eth0 .*metric 77$'
	silent route a add fd07::/32 via fd00::2 metric 5
	routes -6 route show fd07::/32 | grep -q '^fd07::/32 via fd00::2 dev eth0 .*metric 5\b'
	silent route a add fd08::/32 dev eth0
	silent route a del 10.7.0.0/16
	silent route a del 10.8.0.0/16 dev eth0 metric 77
	silent route a del fd07::/32 via fd00::2
	silent route a del fd08::/32
	[ "$(routes route show 10.7.0.0/16; routes route show 10.8.0.0/16; routes -6 route show fd07::/32; routes -6 route show fd08::/32)" = "" ]
}

@test "default routes: the family is that of the gateway" {
	silent route a add default via 10.0.0.2
	[ "$(routes route show default)" = "default via 10.0.0.2 dev eth0" ]
	[ "$(routes -6 route show default)" = "" ]
	silent route a add default via fd00::2 metric 9
	routes -6 route show default | grep -q '^default via fd00::2 dev eth0 .*metric 9\b'
	silent route a del default via 10.0.0.2
	[ "$(routes route show default)" = "" ]
	[ "$(routes -6 route show default)" ]
	silent route a del default via fd00::2
	[ "$(routes -6 route show default)" = "" ]
	silent route a add 0.0.0.0/0 dev eth0
	routes route show default | grep -q '^default dev eth0'
	silent route a del 0.0.0.0/0
	[ "$(routes route show default)" = "" ]
	silent route a add ::/0 via fd00::2
	routes -6 route show default | grep -q '^default via fd00::2'
	silent route a del ::/0
	[ "$(routes -6 route show default)" = "" ]
}

@test "types other than unicast" {
	local t
	for t in blackhole unreachable prohibit throw; do
		silent route a add $t 10.9.0.0/16
		[[ $(routes route | grep 10.9) == "$t 10.9.0.0/16"* ]]
		nemu -j route a | is ".[] | select(.dst == \"10.9.0.0/16\") | .type == \"$t\""
		silent route a del $t 10.9.0.0/16
		run ! grep 10.9 <(routes route)
		silent route a add $t fd09::/32
		[[ $(routes -6 route | grep fd09) == "$t fd09::/32"* ]]
		silent route a del $t fd09::/32
		run ! grep fd09 <(routes -6 route)
	done
	silent route a add blackhole 10.9.0.0/16
	fails 2 "" route a del prohibit 10.9.0.0/16
	fails 1 blackhole route a add blackhole prohibit 10.9.0.0/16
}

@test "del: the type counts, with both families" {
	local p
	for p in 10.9.0.0/16 fd09::/32; do
		silent route a add $p dev eth0 metric 7
		fails 2 "No such process" route a del blackhole $p
		silent route a add blackhole $p metric 9
		silent route a del blackhole $p
		silent route a add blackhole $p metric 5
		silent route a del $p
		nemu -j route a | is "[.[] | select(.dst == \"$p\")] | map([.type, .metric]) == [[\"blackhole\", 5]]"
		fails 2 "No such process" route a del $p
		silent route a del blackhole $p
	done
	silent route a add fd09::/32 dev eth0
	fails 2 "No such process" route a del blackhole fd09::1/32 # the kernel cuts the rest off
}

@test "two metrics are two routes, and del takes the one that is named" {
	nemu route a add 10.7.0.0/16 via 10.0.0.2 metric 5
	nemu route a add 10.7.0.0/16 via 10.0.0.2 metric 6
	fails 2 10.7.0.0/16 route a add 10.7.0.0/16 via 10.0.0.2 metric 6
	fails 2 10.7.0.0/16 route a del 10.7.0.0/16 metric 7
	silent route a del 10.7.0.0/16 metric 6
	[ "$(routes route show 10.7.0.0/16)" = "10.7.0.0/16 via 10.0.0.2 dev eth0 metric 5" ]
}

@test "list: a table, -q destinations, -j metric" {
	nemu route a add default via 10.0.0.2 metric 3
	run nemu route a
	[[ ${lines[0]} == TYPE* ]]
	[[ $output =~ unicast\ +default\ +10.0.0.2\ +eth0\ +3 ]]
	[[ $output =~ unicast\ +10.0.0.0/24\ +-\ +eth0 ]]
	[ "$(nemu -q route a | head -n 2)" = $'default\n10.0.0.0/24' ]
	nemu -q route a list | grep -qx fd00::/64
	nemu -j route a | is '.[0].metric == 3'
	nemu node add empty --host
	silent route empty list -q
}

@test "a route with two next hops" {
	nemu addr r add 10.0.0.3/24 dev eth0
	inside a ip route add 10.7.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 2
	nemu route a | grep -q 10.7.0.0/16
	nemu route a list | grep -q 10.0.0.2
	nemu route a list | grep -q 10.0.0.3
}

@test "packets take them, through a router" {
	nemu node add z
	nemu link add r:eth1 z:eth0
	nemu addr r add 10.2.0.1/24 dev eth1
	nemu addr z add 10.2.0.2/24 dev eth0
	run ! nemu exec a ping -n -c 1 -W 1 10.2.0.2
	nemu route a add 10.2.0.0/24 via 10.0.0.2
	nemu route z add default via 10.2.0.1
	nemu exec a ping -n -c 1 -W 2 10.2.0.2
	nemu route a add blackhole 10.2.0.2/32
	run ! nemu exec a ping -n -c 1 -W 1 10.2.0.2
}

@test "a gateway that cannot be reached is refused, and the kernel's reason told" {
	fails 2 10.9.0.0/16 route a add 10.9.0.0/16 via 10.99.0.1
	[[ $stderr == *[Nn]exthop* || $stderr == *unreachable* || $stderr == *gateway* ]]
	fails 2 "" route a add fd09::/32 via fd99::1
	fails 2 10.9.0.0/16 route a del 10.9.0.0/16
	[ "$(routes route show 10.9.0.0/16)" = "" ]
}

@test "unknown node, interface, verb; no prefix; no address" {
	local before
	before=$(routes route; routes -6 route)
	fails 3 zz route zz add 10.9.0.0/16 via 10.0.0.2
	fails 3 zz route zz
	fails 3 eth7 route a add 10.9.0.0/16 dev eth7
	fails 1 frob route a frob
	fails 1 PREFIX route a add via 10.0.0.2
	fails 1 via route a add 10.9.0.0/16
	fails 1 via route a add 10.9.0.0/16 via
	fails 1 "metric 3000000000: not a number from 0 to 2147483647" route a add 10.9.0.0/16 dev eth0 metric 3000000000
	for prefix in 10.9.0.0/33 fd09::/129 10.9/16 x 10.9.0.0/x 10.9.0.0/-1 10.9.0.0/ ""; do
		fails 1 "$prefix" route a add "$prefix" dev eth0
		fails 1 "$prefix" route a del "$prefix" dev eth0
	done
	for via in x 10.0.0.2/24 10.0.0 fd00::2 ""; do
		fails 1 "via $via" route a add 10.9.0.0/16 via "$via"
	done
	fails 1 via route a add fd09::/32 via 10.0.0.2
	for metric in x -1 1.5 99999999999; do
		fails 1 metric route a add 10.9.0.0/16 dev eth0 metric $metric
	done
	fails 1 metric route a add 10.9.0.0/16 dev eth0 metric 1 metric 2
	fails 2 "" route a add 10.9.1.2/16 dev eth0 # bits behind the prefix
	same "$(routes route; routes -6 route)" "$before"
}

@test "an address without a prefix is a host route" {
	nemu route a add 10.9.0.1 via 10.0.0.2
	[ "$(routes route show 10.9.0.1)" = "10.9.0.1 via 10.0.0.2 dev eth0" ]
	nemu route a add fd09::1 via fd00::2
	routes -6 route show fd09::1 | grep -q '^fd09::1 via fd00::2'
	nemu route a del 10.9.0.1
	[ "$(routes route show 10.9.0.1)" = "" ]
}

@test "a thousand routes: all are listed" {
	local i
	for i in {0..999}; do echo "route add 10.$((100 + i / 250)).$((i % 250)).0/24 via 10.0.0.2"; done |
		inside a ip -batch -
	[ "$(nemu -q route a | grep -c '^10\.10[0-3]\.')" -eq 1000 ]
}
