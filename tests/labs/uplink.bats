#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways out of a lab. "This machine" is the test's own network namespace, "the Internet" another one.

load helpers

setup_file() {
	export USER_BIN=$BATS_FILE_TMPDIR/nemu USER_RUN=$BATS_FILE_TMPDIR/run
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_FILE_TMPDIR")"
	install -m 755 "$NEMU" "$USER_BIN"
	install -d -m 700 -o 12347 "$USER_RUN"
	ip link set lo up
	mkdir -p "$BATS_FILE_TMPDIR/tun" # whose mode is what it is on most machines
	mount -t tmpfs tmpfs "$BATS_FILE_TMPDIR/tun"
	mknod -m 666 "$BATS_FILE_TMPDIR/tun/tun" c 10 200
	[ -e /dev/net/tun ] && mount --bind "$BATS_FILE_TMPDIR/tun/tun" /dev/net/tun
	echo 'nameserver 203.0.113.53' >"$BATS_FILE_TMPDIR/resolv.conf"
	[ ! -e /etc/resolv.conf ] || mount --bind "$BATS_FILE_TMPDIR/resolv.conf" /etc/resolv.conf
	unshare --net sh -c 'echo; exec sleep 86481' >"$BATS_FILE_TMPDIR/began" 3>&- &
	INTERNET=$!
	export INTERNET
	eventually test -s "$BATS_FILE_TMPDIR/began"
	ip link add up0 type veth peer name down0 netns "$INTERNET"
	ip addr add 203.0.113.2/24 dev up0
	ip link set up0 up
	ip route add default via 203.0.113.1
	nsenter -n -t "$INTERNET" sh -c 'ip link set lo up; ip addr add 192.0.2.1/32 dev lo
		ip addr add 203.0.113.1/24 dev down0; ip link set down0 up'
	nsenter -n -t "$INTERNET" socat TCP-LISTEN:80,fork,reuseaddr \
		"SYSTEM:echo you are \$SOCAT_PEERADDR" 3>&- &
	SERVER=$!
	export SERVER
	eventually nsenter -n -t "$INTERNET" socat -u TCP:127.0.0.1:80 -
}

teardown_file() {
	ip link del up0
	kill "$SERVER" "$INTERNET"
	umount /etc/resolv.conf || :
	umount /dev/net/tun "$BATS_FILE_TMPDIR/tun" || :
}

teardown() {
	"$NEMU" node del --all
	user node del --all
	[ ! -d "$BATS_TEST_TMPDIR/etc" ] || umount /etc
	eventually nobody_left
	sysctl -q net.ipv4.ip_forward=0
}

# nemu as an ordinary user.
user() {
	env -u NEMU_LAB HOME=/ NEMU_RUNDIR="$USER_RUN" setpriv --reuid 12347 --regid 12347 --clear-groups \
		--inh-caps=-all --bounding-set=+all "$USER_BIN" "$@"
}

# Processes of uplinks in this network namespace.
ours() { pgrep --ns $$ --nslist net -x "$1"; }
nobody_left() {
	local pid
	for pid in $(ours 'nemu-uplink|slirp4netns|pasta|passt.*|nft'); do ended "$pid" || return 1; done
	no_host_end
}
kill_uplinks() { ours nemu-uplink | while read -r pid; do ended "$pid" || kill -9 "$pid"; done; }
no_table() { [[ ! $(nft list tables) ]]; }
no_host_end() { [[ $(ip -o link show) != *nemu-* ]]; }
fetch() { "$@" exec h1 timeout 20 socat -u TCP:192.0.2.1:80 -; }
resolv() { "$@" exec h1 sed -n 's/^nameserver //p' /etc/resolv.conf; }
gone() { not nemu if h1 list uplink; }
user_gone() { not user if h1 list uplink; }

slirp() {
	command -v slirp4netns || skip "needs slirp4netns"
	[ -e /dev/net/tun ] || skip "needs tun"
}

@test "slirp4netns: a node gets out, until its interface is deleted" {
	slirp
	nemu node add h1 h2
	before=$(ip -br addr; ip route; nft list ruleset)
	nemu exec h1 sh -c 'echo "search lab.example" >>/etc/resolv.conf'
	silent if h1 uplink slirp4netns
	nemu exec h1 sh -c 'echo "options timeout:1" >>/etc/resolv.conf'
	[ "$(fetch nemu)" = "you are 203.0.113.2" ]
	[ "$(resolv nemu)" = 10.0.2.3 ]
	[ "$(nemu -j node show h1 | jq -r .uplink)" = uplink ]
	[ "$(nemu -j addr h1 list dev uplink | jq -r '.[0].addr_info[0].local')" = 10.0.2.100 ]
	[[ $(nemu exec h2 cat /etc/hosts) != *10.0.2.100* ]]
	not nemu exec h2 timeout 5 socat -u TCP:192.0.2.1:80 -
	capture if h1 uplink
	[ "$status" = 2 ]
	[[ $stderr == *"h1: uplink: "*exists* ]]
	[ "$(ip -br addr; ip route; nft list ruleset)" = "$before" ]
	silent if h1 del uplink
	eventually nobody_left
	[ -z "$(resolv nemu)" ]
	[ "$(nemu exec h1 grep -v '^#' /etc/resolv.conf)" = $'search lab.example\noptions timeout:1' ]
	[ "$(nemu -j node show h1 | jq -r .uplink)" = null ]
	silent if h1 uplink
	[ "$(fetch nemu)" = "you are 203.0.113.2" ]
}

@test "it ends with the node, with its program, with its process" {
	slirp
	nemu node add h1
	nemu if h1 uplink slirp4netns
	kill -9 "$(nemu node pid h1)"
	eventually nobody_left
	nemu node add h1
	nemu if h1 uplink slirp4netns
	kill -9 "$(ours slirp4netns)"
	eventually gone
	eventually nobody_left
	nemu if h1 uplink slirp4netns
	kill_uplinks
	eventually gone
	eventually nobody_left
	[ -z "$(resolv nemu)" ]
}

@test "an ordinary user gets out, by slirp4netns and by pasta" {
	needs_root # to become a user
	slirp
	user node add h1 2>/dev/null || skip "needs user namespaces"
	user if h1 uplink
	[ "$(fetch user)" = "you are 203.0.113.2" ]
	[ "$(resolv user)" = 10.0.2.3 ]
	user if h1 del uplink
	eventually nobody_left
	command -v pasta || skip "needs pasta"
	user if h1 uplink pasta
	[ "$(fetch user)" = "you are 203.0.113.2" ]
	not user exec h1 timeout 5 socat -u TCP:10.0.2.2:22 -
	kill_uplinks
	eventually user_gone
	eventually nobody_left
}

@test "nat: nothing of this machine is changed but for one interface and a route" {
	needs_root
	command -v nft && nft list ruleset || skip "needs nft"
	nemu node add h1
	capture if h1 uplink nat
	[ "$status" = 4 ]
	[[ $stderr == *ip_forward* ]]
	sysctl -q net.ipv4.ip_forward=1
	before=$(nft list ruleset)
	silent if h1 uplink nat
	[ "$(nft list ruleset)" = "$before" ]
	[ "$(ip -o link show | grep -c nemu-)" = 1 ]
	nemu exec h1 ping -q -c 1 -w 10 203.0.113.2
	# The Internet knows the way back once it is told.
	nsenter -n -t "$INTERNET" ip route add 198.18.0.0/15 via 203.0.113.2
	[[ $(fetch nemu) == "you are 198.1"* ]]
	nsenter -n -t "$INTERNET" ip route del 198.18.0.0/15
	nemu if h1 del uplink
	eventually no_host_end
	[ "$(nft list ruleset)" = "$before" ]
}

@test "nat --masquerade: one table of this machine's, for as long as the uplink lasts" {
	needs_root
	command -v nft && nft list ruleset || skip "needs nft"
	sysctl -q net.ipv4.ip_forward=1
	nemu node add h1 h2
	silent if h1 uplink nat --masquerade
	silent if h2 uplink nat --masquerade
	[ "$(fetch nemu)" = "you are 203.0.113.2" ]
	nemu exec h2 ping -q -c 1 -w 10 192.0.2.1
	[ "$(nft list tables | grep -c nemu-)" = 2 ]
	kill_uplinks
	eventually gone
	eventually no_table # it goes with its program
	nemu if h1 uplink nat --masquerade # it waits for its own end of the last one to go
	for _ in 1 2 3; do
		nemu if h1 del uplink
		silent if h1 uplink nat --masquerade
	done
	nemu node del h1
	eventually nobody_left
	eventually no_table
}

@test "no name server is told, not an error" {
	slirp
	local etc=$BATS_TEST_TMPDIR/etc
	cp -a /etc "$etc"
	mount --bind "$etc" /etc
	rm /etc/resolv.conf
	nemu node add h1 h2
	capture if h1 uplink slirp4netns
	[ "$status" = 0 ]
	[ "$stderr" = "nemu if: h1: uplink: no name server: this machine has no /etc/resolv.conf, so the node has none either" ]
	nemu if h1 list uplink
	[ -z "${NEMU_AS_USER-}" ] && command -v nft && nft list ruleset || skip "the rest needs root and nft"
	[ ! -e /run/systemd/resolve/resolv.conf ] || skip "this machine has more servers"
	echo 'nameserver 127.0.0.53' >/etc/resolv.conf
	sysctl -q net.ipv4.ip_forward=1
	capture if h2 uplink nat
	[ "$status" = 0 ]
	[[ $stderr == "nemu if: h2: uplink: no name server: "*"none that the node could reach" ]]
}

@test "it is saved, and is a command of a batch like others" {
	slirp
	nemu batch - <<<$'node add h1\nif h1 uplink slirp4netns\naddr h1 add 10.1.0.1/24 dev lo\nlink add h1:e h1:f'
	[ "$(fetch nemu)" = "you are 203.0.113.2" ]
	[ "$(nemu lab save | grep uplink)" = "nemu if h1 uplink" ]
	[[ $(nemu lab save) != *10.0.2.* ]]
	nemu lab save >"$BATS_TEST_TMPDIR/saved"
	nemu node del --all
	PATH=$(dirname "$NEMU"):$PATH sh -e "$BATS_TEST_TMPDIR/saved"
	[ "$(fetch nemu)" = "you are 203.0.113.2" ]
}

@test "saved with what was added to it: a name, impairments, addresses, routes" {
	slirp
	nemu batch - <<-X
		node add h1
		if h1 uplink slirp4netns
		if h1 set uplink name world mtu 1400
		link set h1:world rate 1mbit
		addr h1 add 10.9.0.1/24 dev world
		route h1 add 10.99.0.0/16 via 10.0.2.2
		route h1 add 10.98.0.0/16 dev world metric 5
	X
	nemu lab save >"$BATS_TEST_TMPDIR/saved"
	cat "$BATS_TEST_TMPDIR/saved"
	nemu node del --all
	PATH=$(dirname "$NEMU"):$PATH sh -e "$BATS_TEST_TMPDIR/saved"
	same "$(nemu lab save)" "$(cat "$BATS_TEST_TMPDIR/saved")"
	nemu -j addr h1 list dev world | is '.[0].addr_info | map(.local) | index("10.0.2.100") != null and index("10.9.0.1") != null'
	[ "$(nemu -j route h1 | jq -c '[.[] | select(.protocol != "kernel").dst]')" = '["default","10.98.0.0/16","10.99.0.0/16"]' ]
	nemu exec h1 tc qdisc show dev world | grep -q 'rate 1Mbit'
	nemu -j if h1 list world | is '.[0].mtu == 1400'
}

@test "a node with a default route gets none, whichever the way" {
	slirp
	nemu node add h1 h2
	nemu link add h1:e h2:e
	nemu addr h1 add 10.0.0.1/24 dev e
	nemu addr h1 add fd00::1/64 dev e
	nemu route h1 add default via 10.0.0.2
	fails 2 "h1: uplink: the node has a default route already via 10.0.0.2 dev e" if h1 uplink slirp4netns
	if [ -z "${NEMU_AS_USER-}" ] && command -v nft && nft list ruleset; then
		sysctl -q net.ipv4.ip_forward=1
		fails 2 "default route already" if h1 uplink nat
	fi
	nobody_left
	gone
	nemu route h1 del default via 10.0.0.2
	nemu route h1 add default via fd00::2
	silent if h1 uplink slirp4netns
	[ -z "${NEMU_AS_USER-}" ] && command -v pasta && user node add u1 2>/dev/null || return 0
	user if u1 add d type bridge
	user if u1 set d up
	user addr u1 add 10.0.0.1/24 dev d
	user route u1 add default via 10.0.0.2
	run user if u1 uplink pasta
	[ "$status" = 2 ]
	[[ $output == *"default route already"* ]]
}

# A way out that never gets ready, for root and for the user.
make_idle() {
	local name
	mkdir -m 755 "$BATS_TEST_TMPDIR/idle"
	for name in slirp4netns pasta; do
		printf '#!/bin/sh\necho waiting\nexec sleep 86487\n' >"$BATS_TEST_TMPDIR/idle/$name"
		chmod 755 "$BATS_TEST_TMPDIR/idle/$name"
	done
	chmod 755 "$BATS_TEST_TMPDIR"
	PATH=$BATS_TEST_TMPDIR/idle:$PATH
}

# two_idle COMMAND...: with each way.
two_idle() {
	local user=user
	[ -z "${NEMU_AS_USER-}" ] || user=nemu
	nemu node add h1
	$user node add u1 2>/dev/null || skip "needs user namespaces"
	"$NEMU" if h1 uplink slirp4netns 2>"$BATS_TEST_TMPDIR/first" 3>&- &
	pids=($!)
	$user if u1 uplink pasta 2>"$BATS_TEST_TMPDIR/second" 3>&- &
	pids+=($!)
	are_idle() { [ "$(pgrep --ns $$ --nslist ipc -cxf 'sleep 86487')" = 2 ]; }
	eventually are_idle
}

@test "a command that is interrupted while it waits leaves nothing" {
	slirp
	make_idle
	two_idle
	pkill -TERM -P "${pids[1]}" || kill "${pids[1]}"
	kill "${pids[0]}"
	eventually no_process 86487
	eventually nobody_left
	wait "${pids[@]}" || :
}

@test "a program that does not get ready is not waited for without limit" {
	slirp
	make_idle
	two_idle
	for i in 0 1; do
		status=0
		wait "${pids[i]}" || status=$?
		[ "$status" = 124 ]
	done
	[ "$(cat "$BATS_TEST_TMPDIR/first")" = "nemu if: h1: slirp4netns: not ready after 20 s: waiting" ]
	[ "$(cat "$BATS_TEST_TMPDIR/second")" = "nemu if: u1: pasta: not ready after 20 s: waiting" ]
	no_process 86487
	eventually nobody_left
}

@test "mistakes have their reasons" {
	nemu node add h1
	capture if h1 uplink carrier-pigeon
	[ "$status" = 1 ]
	[[ $stderr == *carrier-pigeon*slirp4netns* ]]
	capture if h1 uplink slirp4netns --masquerade
	[ "$status" = 1 ]
	[[ $stderr == *"--masquerade is for nat"* ]]
	capture if nosuch uplink
	[ "$status" = 3 ]
	PATH=/nonexistent capture if h1 uplink
	[ "$status" = 4 ]
	[[ $stderr == *slirp4netns*passt* ]]
	PATH=/nonexistent capture if h1 uplink slirp4netns
	[ "$status" = 4 ]
	[[ $stderr == *"package slirp4netns"* ]]
	gone
}
