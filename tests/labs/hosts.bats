#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Names of nodes: each has the lab's /etc/hosts, and a resolv.conf of its own.

load helpers

setup() {
	before=$(cat /etc/hosts /etc/resolv.conf | md5sum)
	nemu node add h1 h2
	nemu link add h1:e h2:e
	nemu addr h1 add 10.0.0.1/24 dev e
	nemu addr h2 add 10.0.0.2/24 dev e
	nemu addr h2 add fd00::2/64 dev e
}

teardown() {
	"$NEMU" node del --all
	[ "$(cat /etc/hosts /etc/resolv.conf | md5sum)" = "$before" ]
}

# The addresses of a name, as a node's programs find them.
addresses() { nemu exec "$1" getent ahosts "$2" | awk '{print $1}' | sort -u | tr '\n' ' '; }

@test "names of nodes are found from each node, at once" {
	nemu exec h1 ping -q -c 1 -w 10 h2
	[ "$(addresses h1 h2)" = "10.0.0.2 fd00::2 " ]
	[ "$(addresses h2 h1)" = "10.0.0.1 " ]
	[ "$(nemu exec h1 -u nobody getent hosts h2 | awk '{print $2}')" = h2 ]
	nemu exec h1 getent hosts localhost
	[ "$(nemu exec h1 hostname)" = h1 ]
}

@test "changes are followed: by commands at once, by others soon" {
	nemu addr h2 del 10.0.0.2/24 dev e
	[ "$(addresses h1 h2)" = "fd00::2 " ]
	nemu addr h2 add 10.0.0.3/24 dev e
	[ "$(addresses h1 h2)" = "10.0.0.3 fd00::2 " ]
	nemu exec h2 ip addr add 10.0.0.4/24 dev e
	eventually test "$(addresses h1 h2)" = "10.0.0.3 10.0.0.4 fd00::2 " ||
		[ "$(addresses h1 h2)" = "10.0.0.3 10.0.0.4 fd00::2 " ]
	nemu link del h1:e
	gone() { [ -z "$(addresses h1 h2)" ]; }
	eventually gone
	nemu node add h3
	nemu if h3 add d type bridge
	nemu addr h3 add 10.3.0.1/24 dev d
	[ "$(addresses h1 h3)" = "10.3.0.1 " ]
	kill -KILL "$(nemu node pid h3)"
	gone() { [ -z "$(addresses h1 h3)" ]; }
	eventually gone
}

@test "a node is followed from its first program or address on, a host at once" {
	local n
	hears() { grep -q ' 00000110 ' "/proc/$(nemu node pid "$1")/net/netlink"; }
	nemu node add p a n
	nemu node add --host h
	for n in p a n; do ! hears $n || false; done
	hears h
	nemu exec p true
	nemu addr a add 127.0.0.2/8 dev lo
	hears p
	hears a
	! hears n || false
}

@test "lines that the user adds stay, and all nodes see them" {
	nemu exec h1 sh -c 'grep -q "# nemu" /etc/hosts && echo "10.9.9.9 www" >>/etc/hosts'
	[ "$(addresses h2 www)" = "10.9.9.9 " ]
	nemu addr h2 add 10.0.0.5/24 dev e
	nemu addr h2 del 10.0.0.5/24 dev e
	[ "$(addresses h2 www)" = "10.9.9.9 " ]
	nemu -L other node add x
	[ -z "$(nemu -L other exec x getent hosts www)" ]
	nemu -L other node del x
}

@test "a line that the user adds without a newline is not continued" {
	nemu exec h1 sh -c 'printf "10.9.9.9 www" >>/etc/hosts'
	nemu addr h2 add 10.0.0.7/24 dev e
	nemu addr h2 add 10.0.0.8/24 dev e
	[ "$(addresses h1 www)" = "10.9.9.9 " ]
	[ "$(addresses h1 h2)" = "10.0.0.2 10.0.0.7 10.0.0.8 fd00::2 " ]
	nemu exec h1 tail -n 3 /etc/hosts | sed 's/[[:space:]]\+/ /g' |
		diff - <(printf '10.9.9.9 www\n10.0.0.7 h2 # nemu\n10.0.0.8 h2 # nemu\n')
}

@test "a line that the user adds stays, although it begins as a node's" {
	nemu exec h1 sh -c 'printf "10.0.0.9\th2\twww.example\n10.0.0.9\th2\t# of h2\n" >>/etc/hosts'
	nemu addr h2 add 10.0.0.9/24 dev e
	nemu exec h1 grep -qx $'10.0.0.9\th2\t# nemu' /etc/hosts
	nemu addr h2 del 10.0.0.9/24 dev e
	[ "$(nemu exec h1 grep '10\.0\.0\.9' /etc/hosts | head -n 2)" = $'10.0.0.9\th2\twww.example\n10.0.0.9\th2\t# of h2' ]
	run ! nemu exec h1 grep $'^10.0.0.9\th2\t# nemu' /etc/hosts
	[ "$(addresses h1 www.example)" = "10.0.0.9 " ]
}

@test "each has a resolv.conf of its own; an unknown name is refused at once" {
	[ "$(nemu exec h1 grep -c nameserver /etc/resolv.conf)" = 0 ] || false
	nemu exec h1 sh -c 'grep -q nemu /etc/resolv.conf && echo "nameserver 10.0.0.2" >/etc/resolv.conf'
	nemu exec h1 grep -q 10.0.0.2 /etc/resolv.conf
	run ! nemu exec h2 grep -q 10.0.0.2 /etc/resolv.conf
	run ! nemu exec h2 getent hosts nosuchname86
}

@test "one address twenty times: the file does not grow" {
	local size i
	for i in {1..20}; do
		nemu addr h2 add 10.0.0.6/24 dev e
		nemu addr h2 del 10.0.0.6/24 dev e
		[ "$i" -gt 1 ] || size=$(nemu exec h1 stat -c %s /etc/hosts)
	done
	[ "$(nemu exec h1 stat -c %s /etc/hosts)" = "$size" ]
}

@test "fifty nodes that begin and end at once: every line is whole, and none is left" {
	local i pids=() pid
	for i in {1..50}; do
		{ nemu node add "m$i" && nemu if "m$i" add d type bridge && nemu addr "m$i" add "10.5.0.$i/24" dev d; } 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(nemu exec h1 grep -cE $'^10\\.5\\.0\\.[0-9]+\tm[0-9]+\t# nemu$' /etc/hosts)" = 50 ]
	pids=()
	for i in {1..50}; do
		nemu node del "m$i" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(nemu exec h1 grep -c '^10\.5\.' /etc/hosts)" = 0 ] || false
	[ "$(nemu exec h1 grep -c '^10\.0\.' /etc/hosts)" = 2 ]
}
