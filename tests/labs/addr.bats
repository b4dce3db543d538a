#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# addr: addresses of a node's interfaces. What changed is looked up with ip, not with nemu.

load helpers

setup() {
	nemu node add a b
	nemu link add a:eth0 b:eth0
}

teardown() { "$NEMU" node del --all; }

# The addresses of eth0 in a, link-local ones left out, as "local/prefixlen broadcast".
addresses() {
	inside a ip -j addr show dev eth0 |
		jq -r '.[].addr_info[] | select(.scope != "link") | "\(.local)/\(.prefixlen) \(.broadcast)"'
}

@test "add: IPv4, with the broadcast address that its prefix gives" {
	silent addr a add 10.0.0.1/24 dev eth0
	silent addr a add 10.1.0.1/20 dev eth0
	[ "$(addresses)" = $'10.0.0.1/24 10.0.0.255\n10.1.0.1/20 10.1.15.255' ]
}

@test "add: IPv4 with a broadcast address of its own, and with none to have" {
	silent addr a add 10.0.0.1/24 broadcast 10.0.0.7 dev eth0
	silent addr a add 10.2.0.1/32 dev eth0
	silent addr a add 10.4.0.1/0 dev eth0
	silent addr a del 10.4.0.1/0 dev eth0
	silent addr a add dev eth0 10.3.0.0/31
	addresses | grep -qx '10.0.0.1/24 10.0.0.7'
	addresses | grep -q '^10.2.0.1/32 '
	addresses | grep -q '^10.3.0.0/31 '
	[ "$(addresses | wc -l)" -eq 3 ]
}

@test "add: IPv6, usable at once" {
	silent addr a add fd00::1/64 dev eth0
	silent addr b add fd00:0::0:2/64 dev eth0
	[ "$(addresses)" = 'fd00::1/64 null' ]
	nemu exec a ping -n -c 1 -W 2 fd00::2
}

@test "both families carry" {
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr b add 10.0.0.2/24 dev eth0
	nemu exec a ping -n -c 1 -W 2 10.0.0.2
	nemu exec b ping -n -c 1 -W 2 10.0.0.1
}

@test "list: IPv4 first; of one interface; -q only addresses" {
	nemu addr a add fd00::1/64 dev eth0
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr a add 10.0.0.2/24 dev eth0
	[ "$(nemu -q addr a list dev eth0 | head -n 3)" = $'10.0.0.1\n10.0.0.2\nfd00::1' ]
	[ "$(nemu -q addr a list dev lo)" = $'127.0.0.1\n::1' ]
	same "$(nemu -q addr a)" "$(nemu addr a list dev lo -q; nemu addr -q a list dev eth0)"
	run nemu addr a
	[[ ${lines[0]} == INTERFACE* ]]
	[[ $output =~ eth0\ +10.0.0.1/24\ +10.0.0.255\ +global ]]
	[[ $output =~ lo\ +::1/128\ +-\ +host ]]
	run nemu addr a list dev lo
	[[ $output != *eth0* ]]
	fails 3 eth7 addr a list dev eth7
	fails 3 z addr z
}

@test "del: exactly that one" {
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr a add 10.0.0.2/24 dev eth0
	nemu addr a add fd00::1/64 dev eth0
	silent addr a del 10.0.0.2/24 dev eth0
	silent addr a del fd00::1/64 dev eth0
	[ "$(addresses)" = '10.0.0.1/24 10.0.0.255' ]
	fails 2 10.0.0.2 addr a del 10.0.0.2/24 dev eth0
	fails 2 fd00::1 addr a del fd00::1/64 dev eth0
	fails 2 "" addr a del 10.0.0.1/25 dev eth0
	fails 2 "" addr a del 10.0.0.1/24 dev lo
	[ "$(addresses)" = '10.0.0.1/24 10.0.0.255' ]
}

@test "del: one that has a peer" {
	nemu exec a ip addr add 10.0.9.1 peer 10.0.9.2/32 dev eth0
	nemu exec a ip addr add 10.0.9.1/24 dev eth0
	silent addr a del 10.0.9.1/32 dev eth0
	[ "$(nemu -j addr a list dev eth0 | jq -c "[.[].addr_info[] | select(.local == \"10.0.9.1\").prefixlen]")" = "[24]" ]
	fails 2 10.0.9.1/32 addr a del 10.0.9.1/32 dev eth0
}

@test "the same twice is refused by the kernel" {
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr a add fd00::1/64 dev eth0
	fails 2 10.0.0.1 addr a add 10.0.0.1/24 dev eth0
	fails 2 fd00::1 addr a add fd00::1/64 dev eth0
}

@test "no address: usage, and nothing is changed" {
	for bad in 10.0.0.1 fd00::1 10.0.0.1/33 10.0.0.1/129 fd00::1/129 10.0.0.1/-1 10.0.0.1/ 10.0.0.1/x \
		10.0.0/24 256.0.0.1/24 10.0.0.1.2/24 fd00::g/64 fd00:::1/64 /24 host/24 \
		10.0.0.1/24/24 "10.0.0.1/24 " " 10.0.0.1/24" 10.0.0.1/2x ""; do
		for verb in add del; do
			echo "'$bad'"
			fails 1 "$bad" addr a $verb "$bad" dev eth0
		done
	done
	fails 1 "10.0.0.1/4294967320" addr a add 10.0.0.1/4294967320 dev eth0
	fails 1 broadcast addr a add 10.0.0.1/24 broadcast 10.0.0 dev eth0
	fails 1 broadcast addr a add 10.0.0.1/24 broadcast fd00::1 dev eth0
	fails 1 broadcast addr a add fd00::1/64 broadcast 10.0.0.255 dev eth0
	[ "$(addresses)" = "" ]
}

@test "what the kernel does not take is refused, and named" {
	fails 2 ff02::1 addr a add ff02::1/64 dev eth0
	[ "$(addresses)" = "" ]
}

@test "unknown node, interface, verb, word" {
	fails 3 eth7 addr a add 10.0.0.1/24 dev eth7
	fails 3 eth7 addr a del 10.0.0.1/24 dev eth7
	[[ $stderr == "nemu addr: a: eth7: no such interface" ]]
	fails 3 zz addr zz add 10.0.0.1/24 dev eth0
	fails 1 frob addr a frob
	fails 1 frob addr a add 10.0.0.1/24 dev eth0 frob
	fails 1 dev addr a add 10.0.0.1/24
	fails 1 dev addr a add 10.0.0.1/24 dev
	fails 1 ADDRESS addr a add dev eth0
	fails 1 dev addr a add 10.0.0.1/24 dev eth0 dev lo
	fails 1 NODE addr
	[ "$(addresses)" = "" ]
}

@test "many addresses: all are listed" {
	local i
	for i in {1..254}; do echo "addr add 10.9.0.$i/16 dev eth0"; done |
		inside a ip -batch -
	for i in {1..300}; do printf 'addr add fd09::%x/64 dev eth0 nodad\n' "$i"; done |
		inside a ip -batch -
	[ "$(nemu -q addr a list dev eth0 | grep -c '^10\.9\.')" -eq 254 ]
	[ "$(nemu -q addr a list dev eth0 | grep -c '^fd09:')" -eq 300 ]
}
