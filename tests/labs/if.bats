#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# if: a node's interfaces are listed, changed (all that is named, or nothing), moved, removed.
# What changed is looked up with ip, not with nemu.

load helpers

setup() {
	nemu node add a b
	nemu link add a:eth0 b:eth0
}

teardown() {
	"$NEMU" node del --all
	local i
	for i in t0 t1; do ip link del "$i" 2>/dev/null || :; done
}

link() { inside a ip -j link show dev "$1" | jq -c ".[0] | $2"; }
links() { inside "$1" ip -j -d link show | jq -S .; }

@test "list: all, one, names only" {
	run nemu if a
	[[ ${lines[0]} == NAME* ]]
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[2]} =~ ^eth0\ .*\ up\ .*\ veth ]]
	same "$(nemu if a list)" "$(nemu if a)"
	[ "$(nemu -q if a)" = $'lo\neth0' ]
	[ "$(nemu if a list eth0 -q)" = eth0 ]
	run nemu if a list eth0
	[ "${#lines[@]}" -eq 2 ]
	fails 3 eth7 if a list eth7
	fails 3 z if z list
	fails 3 z if z
}

@test "set: mtu" {
	silent if a set eth0 mtu 1400
	[ "$(link eth0 .mtu)" = 1400 ]
	silent if a set eth0 mtu 1400
	fails 2 mtu if a set eth0 mtu 70000
	fails 2 mtu if a set eth0 mtu -1
	run --separate-stderr nemu if a set eth0 mtu many
	[[ $status == [12] && $stderr == "nemu if: "*mtu* ]]
	[ "$(link eth0 .mtu)" = 1400 ]
}

@test "set: up and down" {
	silent if a set eth0 down
	link eth0 .flags | is 'index("UP") | not'
	silent if a set eth0 down
	silent if a set eth0 up
	link eth0 .flags | is 'index("UP")'
}

@test "set: name, also of one that is up" {
	link eth0 .flags | is 'index("UP")'
	silent if a set eth0 name wan-0.1
	[ "$(nemu -q if a)" = $'lo\nwan-0.1' ]
	link wan-0.1 .flags | is 'index("UP")'
	fails 3 eth0 if a set eth0 up
	for name in "" a/b "a b" 1234567890123456 . ..; do
		run --separate-stderr nemu if a set wan-0.1 name "$name"
		echo "$name: $status $stderr"
		[[ $status == [12] && $stderr == "nemu if: "*name* ]]
	done
	[ "$(nemu -q if a)" = $'lo\nwan-0.1' ]
}

@test "set: link-layer address, in all its forms, and broadcast" {
	silent if a set eth0 address 02:00:00:00:00:0a
	[ "$(link eth0 .address)" = '"02:00:00:00:00:0a"' ]
	silent if a set eth0 address 2:0:0:0:0:B
	[ "$(link eth0 .address)" = '"02:00:00:00:00:0b"' ]
	silent if a set eth0 address 02000000000C
	[ "$(link eth0 .address)" = '"02:00:00:00:00:0c"' ]
	link eth0 .flags | is 'index("UP")'
	silent if a set eth0 broadcast ff:ff:ff:ff:ff:00
	[ "$(link eth0 .broadcast)" = '"ff:ff:ff:ff:ff:00"' ]
	for address in 02:00:00:00:00 02:00:00:00:00:0g 02:00:00:00:00:00:01 x "" 01:00:00:00:00:01; do
		run --separate-stderr nemu if a set eth0 address "$address"
		echo "$address: $status $stderr"
		[[ $status == [12] && $stderr == "nemu if: "* ]]
		[ "$(link eth0 .address)" = '"02:00:00:00:00:0c"' ]
	done
}

@test "set: multicast and arp" {
	silent if a set eth0 multicast off arp off
	link eth0 .flags | is '(index("MULTICAST") | not) and index("NOARP")'
	silent if a set eth0 multicast on arp on
	link eth0 .flags | is 'index("MULTICAST") and (index("NOARP") | not)'
	fails 1 arp if a set eth0 arp maybe
	fails 1 multicast if a set eth0 multicast 2
}

@test "set: many at once" {
	silent if a set eth0 mtu 1300 name x0 address 02:00:00:00:00:01 multicast off arp off down
	link x0 '[.mtu, .address, (.flags | index("UP") or index("MULTICAST")), (.flags | index("NOARP") != null)]' |
		is '. == [1300, "02:00:00:00:00:01", false, true]'
}

@test "set: all or nothing" {
	nemu if a set eth0 mtu 1450
	local before
	before=$(links a)
	fails 2 "" if a set eth0 mtu 1400 name lo
	same "$(links a)" "$before"
	fails 2 "" if a set eth0 name lo mtu 1400 address 02:00:00:00:00:01 multicast off arp off down
	same "$(links a)" "$before"
	fails 2 "" if a set eth0 mtu 1300 address 01:00:00:00:00:01
	same "$(links a)" "$before"
	fails 2 "" if a set eth0 down name x0 mtu 70000
	same "$(links a)" "$before"
	fails 1 "" if a set eth0 down name x0 broadcast x
	same "$(links a)" "$before"
	fails 3 nosuch if a set eth0 mtu 1300 master nosuch
	same "$(links a)" "$before"
}

# What the kernel takes away with IFF_UP or a small MTU, it does not give back.
kept() {
	inside a ip -o addr
	inside a ip route
	inside a ip -6 route
}

@test "set: all or nothing: addresses and routes stay, too" {
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr a add fd00::1/64 dev eth0
	nemu route a add 10.7.0.0/16 via 10.0.0.2
	nemu route a add fd07::/32 via fd00::2
	local before
	before=$(kept)
	fails 2 "" if a set eth0 multicast off mtu 70000
	same "$(kept)" "$before"
	fails 2 "" if a set eth0 down mtu 70000
	same "$(kept)" "$before"
	fails 2 "" if a set eth0 down name lo
	same "$(kept)" "$before"
}

@test "set: all or nothing: they stay when 'down' had been done before the refusal" {
	nemu addr a add fd00::1/64 dev eth0
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu route a add 10.7.0.0/16 via 10.0.0.2
	fails 2 "master lo" if a set eth0 name x0 down master lo # EOPNOTSUPP
	link eth0 .flags | is 'index("UP")'
	inside a ip -o route | grep 10.7.0.0
	inside a ip -o addr | grep fd00::1
}

@test "set: all or nothing: they stay when an MTU without IPv6 had been set before the refusal" {
	nemu addr a add fd00::1/64 dev eth0
	fails 2 "" if a set eth0 mtu 1200 name lo
	[ "$(link eth0 .mtu)" = 1500 ]
	inside a ip -o addr | grep fd00::1
}

@test "set: bridge ports" {
	inside a ip link add br0 type bridge
	silent if a set eth0 master br0
	[ "$(link eth0 .master)" = '"br0"' ]
	[ "$(nemu -j if a list eth0 | jq -r '.[0].master')" = br0 ]
	silent if a set eth0 nomaster mtu 1400
	[ "$(link eth0 .master)" = null ]
	[ "$(link eth0 .mtu)" = 1400 ]
	fails 1 master if a set eth0 master br0 nomaster
	fails 3 nosuch if a set eth0 master nosuch
}

@test "set: bad words" {
	local before
	before=$(links a)
	fails 1 "eth0" if a set eth0
	fails 1 IF if a set
	fails 1 up if a set eth0 up down
	fails 1 mtu if a set eth0 mtu
	fails 1 mtu if a set eth0 mtu 1400 mtu 1300
	fails 1 frob if a set eth0 frob
	fails 3 eth7 if a set eth7 up
	fails 3 z if z set eth0 down
	fails 1 frob if a frob
	fails 1 NODE if
	same "$(links a)" "$before"
}

@test "del: and with it the other end" {
	silent if a del eth0
	[ "$(nemu -q if a)" = lo ]
	[ "$(nemu -q if b)" = lo ]
	fails 3 eth0 if a del eth0
	fails 4 lo if a del lo # EOPNOTSUPP
	[ "$(nemu -q if a)" = lo ]
	fails 1 IF if a del
}

@test "move: to a node, back to where the command runs, to a process's namespace" {
	needs_root
	ip link add t0 type veth peer name t1
	nemu if a import t0
	silent if a move t0 b
	run ! nemu if a list t0
	inside b ip link show dev t0
	silent if b move t0 host
	ip link show dev t0
	run ! inside b ip link show dev t0
	nemu if a import t0
	silent if a move t0 "$$"
	ip link show dev t0
	nemu if a import t0
	silent if a move t0 "$(nemu node pid b)"
	inside b ip link show dev t0
	silent if b move t0 host
}

@test "move: a node's name comes before 'host' and a number" {
	needs_root
	nemu node add host 7
	ip link add t0 type veth peer name t1
	nemu if a import t0
	silent if a move t0 host
	inside host ip link show dev t0
	silent if host move t0 7
	inside 7 ip link show dev t0
}

@test "move: what cannot be is refused, and nothing has moved" {
	nemu node add c
	local before
	before=$(links a)
	fails 3 nowhere if a move eth0 nowhere
	fails 3 eth7 if a move eth7 b
	fails 2 "" if a move eth0 b # has one of this name
	fails 2 "" if a move lo c
	sleep 0 &
	wait $!
	fails 3 "$!: no such process" if a move eth0 $!
	fails 3 "2147483647: no such process" if a move eth0 2147483647
	fails 1 "" if a move eth0
	same "$(links a)" "$before"
}

@test "import: from the caller's namespace" {
	needs_root
	ip link add t0 type veth peer name t1
	silent if a import t0
	run ! ip link show dev t0
	inside a ip link show dev t0
	ip link show dev t1
	fails 3 nosuch if a import nosuch
	fails 3 z if z import t1
	ip link show dev t1
	ip link set t1 name eth0
	fails 2 "" if a import eth0 # there is one
	ip link show dev eth0
	ip link del eth0
	run --separate-stderr nemu if a import lo
	[[ $status == [24] && $stderr == "nemu if: "*lo* ]]
}

@test "a moved interface carries" {
	needs_root
	ip link add t0 type veth peer name t1
	nemu if a import t0
	nemu if b import t1
	nemu if a set t0 up
	nemu if b set t1 up
	nemu addr a add 10.1.0.1/24 dev t0
	nemu addr b add 10.1.0.2/24 dev t1
	nemu exec a ping -n -c 1 -W 2 10.1.0.2
}
