#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# shellcheck disable=SC2016 # what stands in single quotes is for the command of tapfd
# if add: interfaces of every kind; if tapfd: a tap's descriptor for a program.

load helpers

setup() { nemu node add a b; }

teardown() { "$NEMU" node del --all; }

kind() { inside a ip -j -d link show dev "$1"; }

@test "bridge: its ports, its attributes" {
	silent if a add br0 type bridge stp on ageing 30s up
	nemu link add a:e0 b:e0
	silent if a set e0 master br0
	kind br0 | is '.[0].linkinfo | .info_kind == "bridge" and .info_data.stp_state == 1 and .info_data.ageing_time == 3000'
	kind e0 | is '.[0].master == "br0"'
	flag a br0 UP
}

@test "tap and tun: persistent, with their user" {
	needs_root # ip(8) shows the user as seen from here
	silent if a add t0 type tap user 65534 up mtu 1400
	silent if a add t1 type tun user "$(id -un 0)"
	kind t0 | is '.[0] | .mtu == 1400 and .linkinfo.info_kind == "tun" and .linkinfo.info_data.type == "tap" and
		.linkinfo.info_data.persist == true and (.linkinfo.info_data.user | tostring) == "nobody"'
	kind t1 | is '.[0].linkinfo.info_data | .type == "tun" and .pi == false'
	nemu -j if a list t0 | is '.[0].linkinfo.info_data == {type: "tap", pi: false, vnet_hdr: false,
		multi_queue: false, persist: true, uid: 65534}'
	flag a t0 UP
	run ! flag a t1 UP
	nemu if a add br0 type bridge
	silent if a add t2 type tap master br0
	kind t2 | is '.[0].master == "br0"'
	silent if a del t0
}

@test "tap: a user without an account; the caller's own, who is root in a lab of its own" {
	silent if a add t0 type tap user 54321
	silent if a add t1 type tap user "$(stat -c %u "$NEMU_RUNDIR")"
	nemu -j if a | is 'map(.linkinfo.info_data.uid // empty) == [54321, 0]'
	fails 1 4294967295 if a add t2 type tap user 4294967295
}

@test "vxlan over a link: two bridges become one network" {
	local n
	nemu node add h1 h2
	nemu link add a:under b:under
	for n in a:1:2 b:2:1; do
		IFS=: read -r node own other <<<"$n"
		nemu addr "$node" add "10.1.0.$own/24" dev under
		silent if "$node" add vx type vxlan id 42 remote "10.1.0.$other" local "10.1.0.$own" up
		nemu if "$node" add br0 type bridge up
		nemu if "$node" set vx master br0
		nemu link add "h$own:eth0" "$node:port"
		nemu if "$node" set port master br0
		nemu addr "h$own" add "10.2.0.$own/24" dev eth0
	done
	nemu exec h1 ping -n -c 1 -w 10 10.2.0.2
	kind vx | is '.[0].linkinfo.info_data | .id == 42 and .remote == "10.1.0.2" and .local == "10.1.0.1" and .port == 4789'
	nemu -j if a list vx | is '.[0].linkinfo == {info_kind: "vxlan", info_data: {id: 42,
		remote: "10.1.0.2", local: "10.1.0.1", port: 4789}}'
}

@test "vxlan: IPv6, a group on a link, a port" {
	nemu link add a:e0 b:e0
	silent if a add v6 type vxlan id 7 remote fd00::2 local fd00::1 dstport 8472
	silent if a add vg type vxlan id 8 group 239.1.1.1 link e0
	silent if a add vh type vxlan id 9 group ff05::1 link e0
	kind v6 | is '.[0].linkinfo.info_data | .remote6 == "fd00::2" and .local6 == "fd00::1" and .port == 8472'
	kind vg | is '.[0].linkinfo.info_data | .group == "239.1.1.1" and .link == "e0"'
	nemu -j if a list vg | is '.[0].linkinfo.info_data | .group == "239.1.1.1" and (has("remote") | not)'
	nemu -j if a list vh | is '.[0].linkinfo.info_data | .group6 == "ff05::1" and (has("remote6") | not)'
	nemu lab save | grep "^nemu if a add vg type vxlan link e0 id 8 group 239.1.1.1 "
}

@test "macvlan: modes" {
	nemu link add a:e0 b:e0
	silent if a add m0 type macvlan link e0 mode bridge up
	kind m0 | is '.[0] | .link == "e0" and .linkinfo.info_data.mode == "bridge"'
	silent if a add m1 type macvlan link e0 mode private
	nemu -j if a list m1 | is '.[0] | .link == "e0" and .linkinfo.info_data.mode == "private"'
	fails 2 "bridge" if a add m2 type macvlan link e0 mode nonsense
	fails 3 nosuch if a add m2 type macvlan link nosuch
}

@test "a tunnel on a port below 1024" {
	silent if a add v0 type vxlan id 1 remote 10.0.0.2 dstport 80 up
}

@test "a type without the word that it needs: usage, whether or not the kernel has it" {
	fails 1 "id N" if a add v0 type vxlan
	fails 1 "link IF" if a add m0 type macvlan mode bridge
	fails 1 "link IF" if a add m0 type macvtap
	fails 1 "link IF" if a add v0 type vlan id 5
	fails 1 "id N" if a add v0 type vlan link lo
	fails 1 "table N" if a add r0 type vrf
}

@test "a master that takes no ports is named, not the type" {
	nemu link add a:e0 b:e0
	fails 2 "master e0" if a add x0 type bridge master e0
	fails 2 "master lo" if a add x0 type tap master lo
	[ "$(nemu -q if a)" = $'lo\ne0' ]
}

@test "ifb" {
	silent if a add i0 type ifb up
	kind i0 | is '.[0].linkinfo.info_kind == "ifb"'
}

@test "dummy" {
	needs dummy
	silent if a add d0 type dummy up mtu 9000
	kind d0 | is '.[0] | .mtu == 9000 and .linkinfo.info_kind == "dummy"'
}

@test "vlan: tagged packets find their way" {
	needs vlan
	nemu link add a:e0 b:e0
	silent if a add v5 type vlan link e0 id 5 up
	silent if b add v5 type vlan link e0 id 5 up
	nemu addr a add 10.5.0.1/24 dev v5
	nemu addr b add 10.5.0.2/24 dev v5
	nemu exec a ping -n -c 1 -w 10 10.5.0.2
	kind v5 | is '.[0] | .link == "e0" and .linkinfo.info_data.id == 5'
	fails 2 id if a add v6 type vlan link e0 id 70000
	fails 2 v6 if a add v6 type vlan link e0 id 5000
}

@test "wireguard: made here, keys by wg" {
	needs wireguard
	silent if a add w0 type wireguard up
	kind w0 | is '.[0].linkinfo.info_kind == "wireguard"'
}

@test "what the kernel does not know: exit 4, and the module" {
	local kind module
	nemu if a add br0 type bridge
	for kind in dummy:dummy "vlan link br0 id 5:8021q" wireguard:wireguard nosuch:nosuch; do
		module=${kind#*:} kind=${kind%:*}
		unshare -n sh -c "ip link add name br9 type bridge && ip link add x link br9 type ${kind%% *} id 5 || ip link add x type ${kind%% *}" 2>/dev/null && continue
		# shellcheck disable=SC2086 # words
		fails 4 "$module" if a add x0 type $kind
		# shellcheck disable=SC2086 # words
		fails 4 "$module" if a add x0 type $kind master br0
	done
	[ "$(nemu -q if a)" = $'lo\nbr0' ]
}

@test "vxlan: an id that is taken is told of as such, not as a name" {
	silent if a add vx type vxlan id 5
	fails 2 "vy: File exists" if a add vy type vxlan id 5
	fails 2 "vx: such an interface exists already" if a add vx type vxlan id 6
}

@test "wrong words" {
	fails 1 type if a add x0
	fails 1 NAME if a add
	fails 1 veth if a add x0 type veth
	fails 1 "no such type" if a add x0 type "no such type"
	fails 1 1234567890123456 if a add 1234567890123456 type bridge
	fails 1 "a/b" if a add a/b type bridge
	fails 1 "" if a add "" type bridge
	fails 1 remote if a add vx type vxlan id 1 remote 10.0.0.1 group 239.0.0.1
	fails 1 "group 10.0.0.1: not a multicast address" if a add vx type vxlan id 1 group 10.0.0.1
	fails 1 "group fd00::1: not a multicast address" if a add vx type vxlan id 1 group fd00::1
	fails 1 nosuchuser if a add t0 type tap user nosuchuser
	fails 2 "no id" if a add t0 type tap id 5
	fails 2 "of type bridge has no user" if a add br0 type bridge user 0
	fails 1 "address zz" if a add br0 type bridge address zz
	fails 2 mtu if a add br0 type bridge mtu much
	fails 1 stp if a add br0 type bridge stp 7
	fails 3 nosuch if nosuch add br0 type bridge
	nemu if a add br0 type bridge
	fails 2 br0 if a add br0 type bridge
	fails 2 br0 if a add br0 type tap
	fails 2 lo if a add lo type tap
	fails 2 mtu if a add t0 type tap mtu 99999999999
	fails 2 t0 if a add t0 type tap mtu 5
	[ "$(nemu -q if a)" = $'lo\nbr0' ]
}

@test "link-layer addresses: always the same for the same names, local, and others with --random" {
	local first other
	address() { nemu -j if "$1" list "$2" | jq -r '.[0].address'; }
	nemu if a add br0 type bridge
	nemu link add a:e0 b:e0
	nemu if a add t0 type tap
	first="$(address a br0) $(address a e0) $(address b e0) $(address a t0)"
	[ "$(tr ' ' '\n' <<<"$first" | sort -u | wc -l)" -eq 4 ]
	for mac in $first; do (((0x${mac%%:*} & 3) == 2)); done
	nemu node del a b
	nemu node add b a
	nemu if a add t0 type tap
	nemu link add b:e0 a:e0
	nemu if a add br0 type bridge
	same "$(address a br0) $(address a e0) $(address b e0) $(address a t0)" "$first"
	nemu node del a b
	nemu node add a b
	silent link add --random a:e0 b:e0
	silent if a add br0 type bridge --random
	other="$(address a br0) $(address a e0) $(address b e0)"
	for mac in $other; do [[ " $first " != *" $mac "* ]]; done
	silent if a add br1 type bridge address 02:00:00:00:00:99
	[ "$(address a br1)" = 02:00:00:00:00:99 ]
	[ "$(NEMU_LAB=other "$NEMU" node add a && "$NEMU" -L other if a add br0 type bridge &&
		"$NEMU" -L other -j if a list br0 | jq -r '.[0].address')" != "${first%% *}" ]
	nemu -L other node del --all
}

@test "tapfd: a program here reads what is sent there" {
	nemu if a add t0 type tap up
	nemu addr a add 10.9.0.1/24 dev t0
	nemu spawn a ping -n -c 100 -i 0.1 10.9.0.2
	# An ARP request who-has 10.9.0.2: the broadcast address first, the type 0806.
	nemu if a tapfd t0 -- python3 -c '
import os
fd = int(os.environ["NEMU_TAP_FD"])
while True:
    frame = os.read(fd, 2000)
    if frame[12:14] == b"\x08\x06" and frame[38:42] == bytes([10, 9, 0, 2]):
        break
assert frame[:6] == b"\xff" * 6'
	nemu -q if a list t0
}

@test "tapfd: in the caller's namespace, with nothing more than the descriptor" {
	nemu if a add t0 type tap
	run nemu if a tapfd t0 sh -c 'readlink /proc/self/ns/net; ls /proc/self/fd | wc -l'
	[ "${lines[0]}" = "$(readlink /proc/self/ns/net)" ]
	run nemu if a tapfd t0 sh -c 'readlink "/proc/self/fd/$NEMU_TAP_FD"'
	[ "$output" = /dev/net/tun ]
	run nemu if a tapfd t0 sh -c 'for f in /proc/self/fd/*; do case $(readlink $f) in *socket*) echo $f;; esac; done'
	[ -z "$output" ]
}

@test "tapfd: links go with the node, also while a program has the descriptor" {
	local program
	nemu link add a:e0 b:e0
	nemu if a add t0 type tap
	mkfifo "$BATS_TEST_TMPDIR/there"
	"$NEMU" if a tapfd t0 sh -c 'echo >"$0"; exec sleep 86461' "$BATS_TEST_TMPDIR/there" &
	program=$!
	read -r <"$BATS_TEST_TMPDIR/there"
	nemu node del a
	[ "$(nemu -q if b)" = lo ]
	kill "$program"
}

@test "tapfd: exit codes" {
	nemu if a add t0 type tap
	nemu if a add br0 type bridge
	run nemu if a tapfd t0 sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run nemu if a tapfd t0 -- sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
	fails 127 nosuch if a tapfd t0 /nosuch
	fails 126 /etc if a tapfd t0 /etc
	fails 3 nosuch if a tapfd nosuch true
	fails 2 br0 if a tapfd br0 true
	fails 2 lo if a tapfd lo true
	fails 1 CMD if a tapfd t0
	run nemu if a tapfd t0 sh -c '"$NEMU" if a tapfd t0 true 2>&1; echo $?'
	[ "$output" = $'nemu if: a: t0: in use by another program\n2' ]
	silent if a tapfd t0 true
}
