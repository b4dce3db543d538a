#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# node: nodes are made, listed, shown and removed; what a new node is like.
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node

load helpers

teardown() {
	"$NEMU" node del --all
	"$NEMU" -L other node del --all
}

netns() { readlink "/proc/$1/ns/net"; }

@test "node add: silent, several at once, in network namespaces of their own" {
	silent node add h1 r.2 x_-3
	[ "$(nemu -q node list)" = $'h1\nr.2\nx_-3' ]
	local a b
	a=$(netns "$(nemu node pid h1)")
	b=$(netns "$(nemu node pid r.2)")
	[ "$a" ]
	[ "$b" ]
	[ "$a" != "$b" ]
	[ "$a" != "$(readlink /proc/self/ns/net)" ]
	[ "$b" != "$(readlink /proc/self/ns/net)" ]
	[ "$(nemu exec h1 readlink /proc/self/ns/net)" = "$a" ]
}

@test "node list: a table with a heading; names in natural order; nothing where nothing is" {
	silent node list
	silent -q node list
	nemu node add n10 n2 n1
	run nemu node
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[0]} == NAME* ]]
	[[ ${lines[1]} =~ ^n1\ +[0-9]+ ]]
	[ "$(nemu -q node)" = $'n1\nn2\nn10' ]
	[ "$(nemu node -q list)" = "$(nemu node list -q)" ]
}

@test "node show and node pid tell of one node" {
	nemu node add a
	nemu node add b --host
	[[ $(nemu node pid a) =~ ^[0-9]+$ ]]
	nemu -j node show a | is '.name == "a" and .lab == "default" and .forwarding == true'
	nemu -j node show b | is '.name == "b" and .forwarding == false'
	[ "$(nemu -j node show a | jq .pid)" = "$(nemu node pid a)" ]
	nemu node show a | grep -q '^name *a$'
	[ "$(nemu node show a -q)" = a ]
	fails 3 z node show z
	fails 3 z node pid z
	fails 1 NAME node show
	fails 1 NAME node pid
}

@test "the same node twice is refused, and the first stays as it was" {
	nemu node add a
	local pid
	pid=$(nemu node pid a)
	fails 2 "a: " node add a
	[ "$(nemu node pid a)" = "$pid" ]
	nemu exec a true
}

@test "node add: all or none" {
	nemu node add b
	fails 2 "b: " node add a b c
	fails 2 "c: " node add c c
	fails 1 "x/y" node add a x/y
	fails 1 NAME node add
	[ "$(nemu -q node)" = b ]
	[ "$(find "$NEMU_RUNDIR/default" -mindepth 1 ! -name .hosts | sort)" = "$(printf '%s\n' "$NEMU_RUNDIR/default/"{._resolv.b,b} | sort)" ]
	silent node add a c
}

@test "node del: when it returns the server is gone, and the folder of the lab with the last" {
	nemu node add a b c
	local pid
	pid=$(nemu node pid a)
	silent node del a c
	ended "$pid"
	[ "$(nemu -q node)" = b ]
	[ "$(find "$NEMU_RUNDIR/default" -mindepth 1 ! -name .hosts | sort)" = "$(printf '%s\n' "$NEMU_RUNDIR/default/"{._resolv.b,b} | sort)" ]
	silent node del b
	[ ! -e "$NEMU_RUNDIR/default" ]
	silent node add a
}

@test "node del: unknown nodes, no nodes, --all" {
	fails 3 z node del z
	silent node del --all
	fails 1 --all node del
	nemu node add a b
	fails 1 --all node del --all a
	fails 3 z node del z
	[ "$(nemu -q node)" = $'a\nb' ]
	fails 3 z node del a z b
	[ "$(nemu -q node)" = $'a\nb' ]
	silent node del --all
	silent -q node
}

@test "labs are apart: -L, NEMU_LAB, and -L before NEMU_LAB" {
	nemu node add a
	nemu -L other node add a b
	[ "$(nemu node pid a)" != "$(nemu -L other node pid a)" ]
	[ "$(nemu -q node)" = a ]
	[ "$(nemu -q node list -L other)" = $'a\nb' ]
	[ "$(NEMU_LAB=other nemu -q node)" = $'a\nb' ]
	[ "$(NEMU_LAB=other nemu -L default -q node)" = a ]
	[ "$(NEMU_LAB='' nemu -q node)" = a ]
	nemu -j node show a -L other | is '.lab == "other"'
	silent node -L other del a
	[ "$(nemu -q node)" = a ]
	NEMU_LAB=other nemu node del --all
	[ "$(nemu -q node)" = a ]
	fails 3 other -L other node del a
}

@test "a new node: lo up, its name as host name, its own /sys, forwarding" {
	nemu node add n7
	inside n7 ip -j link show lo | is '.[0].flags | index("UP")'
	inside n7 ping -n -c 1 -W 2 127.0.0.1
	inside n7 ping -n -c 1 -W 2 ::1
	[ "$(nemu exec n7 uname -n)" = n7 ]
	[ "$(uname -n)" != n7 ]
	[ "$(nemu exec n7 ls /sys/class/net)" = lo ]
	[ "$(nemu exec n7 cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	[ "$(nemu exec n7 cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
}

@test "node add --host: forwarding is off; and on for interfaces that come later without" {
	nemu node add --host h
	nemu node add r
	[ "$(nemu exec h cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
	[ "$(nemu exec h cat /proc/sys/net/ipv6/conf/all/forwarding)" = 0 ]
	nemu link add h:e0 r:e0
	[ "$(nemu exec r cat /proc/sys/net/ipv4/conf/e0/forwarding)" = 1 ]
	[ "$(nemu exec r cat /proc/sys/net/ipv6/conf/e0/forwarding)" = 1 ]
	[ "$(nemu exec h cat /proc/sys/net/ipv4/conf/e0/forwarding)" = 0 ]
	[ "$(nemu exec h cat /proc/sys/net/ipv6/conf/e0/forwarding)" = 0 ]
}

@test "IPv6 addresses can be used at once; with --dad they are probed first" {
	nemu node add a
	nemu node add d --dad
	nemu link add a:e0 d:e0
	nemu addr a add fd00::1/64 dev e0
	nemu addr d add fd00::2/64 dev e0
	# Not even until the kernel's worker has come to it, which is seen one time in a hundred only.
	nemu -j addr a list dev e0 | is '[.[].addr_info[] | select(.local == "fd00::1") | .tentative, .nodad] == [null, true]'
	nemu -j addr d list dev e0 | is '[.[].addr_info[] | select(.local == "fd00::2") | .nodad] == [null]'
	[ "$(inside a cat /proc/sys/net/ipv6/conf/e0/accept_dad)" = 0 ] ||
		[ "$(inside a cat /proc/sys/net/ipv6/conf/all/accept_dad)" = 0 ]
	[ "$(nemu exec d cat /proc/sys/net/ipv6/conf/e0/accept_dad)" = 1 ]
}

@test "mounts and host names made in a node are not seen outside" {
	nemu node add a b
	mkdir "$BATS_TEST_TMPDIR/m"
	nemu exec a mount -t tmpfs none "$BATS_TEST_TMPDIR/m"
	nemu exec a touch "$BATS_TEST_TMPDIR/m/in-a"
	nemu exec a test -e "$BATS_TEST_TMPDIR/m/in-a"
	[ ! -e "$BATS_TEST_TMPDIR/m/in-a" ]
	run ! nemu exec b test -e "$BATS_TEST_TMPDIR/m/in-a"
	run ! grep -F "$BATS_TEST_TMPDIR/m" /proc/self/mountinfo
}

@test "--isolate pid: only the node's own processes are seen; without it all are" {
	nemu node add p --isolate pid
	nemu node add a
	[ "$(nemu exec a sh -c 'cat /proc/$1/comm' - "$$")" = "$(cat "/proc/$$/comm")" ]
	run ! nemu exec p test -e "/proc/$$"
	[ "$(nemu exec p sh -c 'ls -d /proc/[0-9]* | wc -l')" -lt 8 ]
	nemu -j node show p | is '.isolate == "pid"'
	local pid
	pid=$(nemu spawn p sleep 86410)
	grep -q 86410 "/proc/$pid/cmdline" # numbers are those of outside
	nemu kill p "$pid"
	run nemu wait p "$pid"
	[ "$status" -eq 143 ]
	fails 1 isolate node add x --isolate net
	fails 1 isolate node add x --isolate
	fails 3 x node show x
}

@test "node add does not keep what its caller has: descriptors, folder, session" {
	cd "$BATS_TEST_TMPDIR"
	[ "$(timeout 10 "$NEMU" node add a 2>&1 | cat)" = "" ] # cat ends only if nobody holds the pipe
	local pid
	pid=$(nemu node pid a)
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	run ! grep -F "$BATS_TEST_TMPDIR" <(readlink /proc/"$pid"/fd/*)
	[ "$(cut -d' ' -f6 "/proc/$pid/stat")" != "$(cut -d' ' -f6 "/proc/$$/stat")" ]
	exec 8<>"$BATS_TEST_TMPDIR/held"
	nemu node add b
	run ! grep -F held <(readlink /proc/"$(nemu node pid b)"/fd/*)
	exec 8<&-
}

@test "without close_range, as before Linux 5.9: nothing of the caller's is kept, and nodes end" {
	cat >"$BATS_TEST_TMPDIR/old.py" <<-'PY'
		import ctypes, os, struct, sys
		code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 436, # is it close_range?
		                   0x06, 0, 0, 0x50000 | 38, 0x06, 0, 0, 0x7fff0000) # ENOSYS
		text = ctypes.create_string_buffer(code)
		program = ctypes.create_string_buffer(struct.pack("HP", 4, ctypes.addressof(text)))
		libc = ctypes.CDLL(None)
		if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
		    sys.exit("no seccomp")
		for fd in 8, 9:
		    os.set_inheritable(fd, True)
		os.execv(sys.argv[1], sys.argv[1:])
	PY
	local node
	exec 8<>"$BATS_TEST_TMPDIR/held" 9<>"$BATS_TEST_TMPDIR/held"
	timeout 20 python3 "$BATS_TEST_TMPDIR/old.py" "$NEMU" node add a b
	timeout 20 python3 "$BATS_TEST_TMPDIR/old.py" "$NEMU" node add --isolate pid c
	exec 8<&- 9<&-
	for node in a b c; do
		run ! grep -F held <(readlink /proc/"$(nemu node pid "$node")"/fd/*)
	done
	[ "$(nemu exec c ls -l /proc/1/fd)" = "total 0" ]
	timeout 20 "$NEMU" node del a
	timeout 20 "$NEMU" node del b c
	silent -q node
}

@test "a node outlives who made it" {
	setsid -w sh -c '"$NEMU" node add a; kill -HUP 0'  || :
	nemu exec a true
}

@test "node add leaves the caller's interfaces alone; node del takes the far ends along" {
	local before
	before=$(ip -d link)
	nemu node add a b
	nemu link add a:e0 b:e0
	nemu link add a:e1 b:e1
	same "$(ip -d link)" "$before"
	nemu node del a
	eventually not nemu if b list e0
	[ "$(nemu -q if b)" = lo ]
	same "$(ip -d link)" "$before"
}

@test "fifty nodes with one command" {
	local names=()
	for i in {1..50}; do names+=("n$i"); done
	silent node add "${names[@]}"
	[ "$(nemu -q node | wc -l)" -eq 50 ]
	for i in 1 25 50; do nemu exec "n$i" true; done
	silent node del "${names[@]}"
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "two node del at once, of two nodes with processes" {
	nemu node add a b
	nemu spawn a sleep 86411
	nemu spawn b sleep 86411
	nemu node del a &
	nemu node del b
	wait $!
	silent -q node
}

@test "node: bad words" {
	nemu node add a
	fails 1 frob node frob
	fails 1 --frob node add --frob
	fails 1 x node list x
	fails 1 b node show a b
	fails 1 --host node add --host --host c
}
