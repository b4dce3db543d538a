#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Names of nodes: each has the lab's /etc/hosts, and a resolv.conf of its own.

load helpers

setup() {
	before=$(cat /etc/hosts /etc/resolv.conf | md5sum)
	make_lab
}

make_lab() {
	nemu node add h1 h2
	nemu link add h1:e h2:e
	nemu addr h1 add 10.0.0.1/24 dev e
	nemu addr h2 add 10.0.0.2/24 dev e
	nemu addr h2 add fd00::2/64 dev e
}

teardown() {
	"$NEMU" node del --all
	[ ! -d "$BATS_TEST_TMPDIR/etc" ] || umount /etc
	[ "$(cat /etc/hosts /etc/resolv.conf | md5sum)" = "$before" ]
}

# From here on the machine's /etc is one of this test's own.
own_etc() {
	nemu node del --all
	cp -a /etc "$BATS_TEST_TMPDIR/etc"
	mount --bind "$BATS_TEST_TMPDIR/etc" /etc
}

# What a program that runs finds in /etc.
finds() { nsenter -m -t "$1" grep -q "$2" "/etc/$3"; }
resolv_mounts() { nemu exec "$1" grep -c ' /etc/resolv.conf ' /proc/self/mountinfo; }
hosts_mounts() { nemu exec "$1" grep -c ' /etc/hosts ' /proc/self/mountinfo; }

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
	known() { [ "$(addresses h1 h2)" = "10.0.0.3 10.0.0.4 fd00::2 " ]; }
	eventually known
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

@test "changes by ip, behind the lines of many others: the file does not grow" {
	local i has
	has() { [ "$(addresses h1 h2)" = "$1 " ]; }
	for i in {1..100}; do printf '10.9.%d.1\tother%d\t# nemu\n' "$i" "$i"; done >>"$NEMU_RUNDIR/default/.hosts"
	for i in {10..19}; do
		nemu exec h2 sh -c "ip addr flush dev e; ip addr add 10.0.0.$i/24 dev e"
		eventually has "10.0.0.$i"
	done
	grep $'\th2\t' "$NEMU_RUNDIR/default/.hosts"
	[ "$(grep -c $'\th2\t' "$NEMU_RUNDIR/default/.hosts")" -le 4 ]
	: >"$NEMU_RUNDIR/default/.hosts"
	nemu exec h2 ip addr add 10.0.0.20/24 dev e
	eventually grep -q $'^10.0.0.20\th2' "$NEMU_RUNDIR/default/.hosts"
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

# ---------------------------------------------------------------- files that are replaced

@test "no room for a node's files: that is told, and nothing is left of it" {
	local small=$BATS_TEST_TMPDIR/small owner inodes
	owner=$(stat -c "uid=%u,gid=%g" "$NEMU_RUNDIR")
	mkdir "$small"
	for inodes in 1 2 3 4; do # the folder, the lab's, the socket, hosts; not resolv.conf
		mount -t tmpfs -o "mode=700,$owner,nr_inodes=$inodes" tmpfs "$small"
		NEMU_RUNDIR=$small fails 2 "No space left on device" node add a
		[ -z "$(ls -A "$small")" ]
		umount "$small"
	done
}

@test "the machine replaces its files by rename: nodes keep theirs, and never touch the new ones" {
	local node pid i
	own_etc
	make_lab
	nemu node add --isolate pid i1
	for node in h1 i1; do
		pid=$(nemu spawn "$node" sleep 86483)
		for i in 1 2 3; do
			sed -i '$a # '"$i" /etc/resolv.conf /etc/hosts # makes a new one and renames it
			[ "$(nemu exec "$node" sed -n 1p /etc/resolv.conf)" = "# This node's own: nemu(1)." ]
			[ "$(addresses "$node" h2)" = "10.0.0.2 fd00::2 " ]
		done
		[ "$(resolv_mounts "$node") $(hosts_mounts "$node")" = "1 1" ]
		sed -i '$a # 4' /etc/resolv.conf /etc/hosts
		eventually finds "$pid" "This node's" resolv.conf # a program that runs already
		eventually finds "$pid" "# nemu" hosts
		mv /etc/resolv.conf /etc/resolv.conf.old
		cp /etc/resolv.conf.old /etc/resolv.conf
		eventually finds "$pid" "This node's" resolv.conf
		nemu exec "$node" sh -c 'echo "nameserver 10.9.9.9" >/etc/resolv.conf; echo "10.9.9.9 x" >>/etc/hosts'
		[ "$(cat /etc/resolv.conf /etc/hosts | grep -c 10.9.9.9)" = 0 ] || false
		nemu exec "$node" grep -q 10.9.9.9 /etc/resolv.conf
	done
	nemu addr h2 add 10.0.0.9/24 dev e
	[[ $(addresses h1 h2) == *"10.0.0.9 "* ]]
}

@test "what a program in a node mounts over the files stays there" {
	echo '# mine' >"$BATS_TEST_TMPDIR/mine"
	nemu exec h1 mount --bind "$BATS_TEST_TMPDIR/mine" /etc/resolv.conf
	[ "$(nemu exec h1 cat /etc/resolv.conf)" = "# mine" ]
	[ "$(nemu exec h1 cat /etc/resolv.conf)" = "# mine" ]
	mkdir "$BATS_TEST_TMPDIR/other"
	touch "$BATS_TEST_TMPDIR/other/hosts"
	nemu exec h2 mount --bind "$BATS_TEST_TMPDIR/other" /etc
	[ -z "$(nemu exec h2 cat /etc/hosts)" ]
	[ -z "$(nemu exec h2 cat /etc/hosts)" ]
}

@test "the lab's file is replaced, as editors do it: all nodes see the new one, and its changes" {
	local node pid i lab=$NEMU_RUNDIR/default
	nemu node add --isolate pid i1
	for node in h1 i1; do
		pid=$(nemu spawn "$node" sleep 86484)
		for i in 1 2 3; do
			sed -i '$a 10.9.8.'"$i $node$i" "$lab/.hosts"
			[ "$(addresses "$node" "$node$i")" = "10.9.8.$i " ]
		done
		sed -i '$a 10.9.8.4 late'"$node" "$lab/.hosts"
		eventually finds "$pid" "late$node" hosts
		mv "$lab/.hosts" "$lab/.hosts~" # as vim
		sed '$a 10.9.8.5 vim'"$node" "$lab/.hosts~" >"$lab/.new"
		chown --reference="$lab" "$lab/.new"
		mv "$lab/.new" "$lab/.hosts"
		rm "$lab/.hosts~"
		eventually finds "$pid" "vim$node" hosts
		[ "$(hosts_mounts "$node")" = 1 ]
		nemu addr h2 add 10.0.0.7/24 dev e
		finds "$pid" 10.0.0.7 hosts
		nemu addr h2 del 10.0.0.7/24 dev e
	done
	# A line that came after the editor had read the file.
	sed -i /10.0.0.1/d "$lab/.hosts"
	nemu exec h1 true
	[ "$(addresses h2 h1)" = "10.0.0.1 " ]
}

@test "a resolv.conf that leads nowhere: the node has its own all the same" {
	own_etc
	rm /etc/resolv.conf
	ln -s ../nowhere/resolv.conf /etc/resolv.conf
	make_lab
	nemu exec h1 sh -c "grep -q \"This node's\" /etc/resolv.conf && echo 'nameserver 10.9.9.9' >/etc/resolv.conf"
	[ -L /etc/resolv.conf ]
	[ ! -e /etc/resolv.conf ]
	ln -sfn ../nowhere/other /etc/resolv.conf
	nemu exec h1 grep -q 10.9.9.9 /etc/resolv.conf
}

@test "no resolv.conf and no hosts: the node has none, until the machine has some" {
	local pid
	own_etc
	mv /etc/resolv.conf /etc/hosts "$BATS_TEST_TMPDIR"
	make_lab
	run ! nemu exec h1 cat /etc/resolv.conf /etc/hosts
	pid=$(nemu spawn h1 sleep 86485)
	cp "$BATS_TEST_TMPDIR/resolv.conf" "$BATS_TEST_TMPDIR/hosts" /etc
	[ "$(addresses h1 h2)" = "10.0.0.2 fd00::2 " ]
	finds "$pid" "This node's" resolv.conf
}
