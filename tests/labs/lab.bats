#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# lab run, list, del, save, graph.

load helpers

setup() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$NEMU" "$BATS_TEST_TMPDIR/bin/nemu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

teardown() {
	local lab
	for lab in $("$NEMU" -q lab); do "$NEMU" lab del "$lab"; done
}

# Nothing of any lab is left.
nothing() {
	[ -z "$(nemu -q lab)" ] || { nemu lab; return 1; }
	[ -z "$(ls -A "$NEMU_RUNDIR")" ] || { ls -lR "$NEMU_RUNDIR"; return 1; }
}

@test "run: the exit code is the command's, and nothing is left" {
	local words
	silent lab run true
	for words in "3 exit 3" "143 kill -TERM \$\$" "137 kill -KILL \$\$"; do
		run -"${words%% *}" nemu lab run sh -c "${words#* }"
		[ -z "$output" ]
	done
	fails 127 "nosuchcommand86" lab run nosuchcommand86
	fails 126 "/etc/passwd" lab run -- /etc/passwd
	fails 125 "CMD is missing" lab run
	fails 125 "--nothing: no such option" lab run --nothing
	fails 1 "--nothing: no such option" lab list --nothing
	nothing
}

@test "run: \$NEMU_LAB names a lab of its own; nodes, links and processes go with it" {
	# shellcheck disable=SC2016 # for the shell within
	run -0 nemu lab run sh -ec '
		nemu node add a b; nemu link add a:e b:e
		nemu spawn a sleep 86461 >/dev/null; nemu -q lab; nemu -j lab'
	is '.[0] | .nodes == 2 and .links == 1 and .processes == 1 and .memory > 0' <<<"${lines[1]}"
	[ "$(jq -r '.[0].owner' <<<"${lines[1]}")" = "$(stat -c %u "$NEMU_RUNDIR" | sed 's/^0$/root/')" ]
	[ "$(jq -r '.[0].name' <<<"${lines[1]}")" = "${lines[0]}" ]
	[[ ${lines[0]} == run-* ]]
	no_process "sleep 86461"
	nothing
}

@test "run: another lab and what runs in it are left alone" {
	nemu -L other node add a
	nemu -L other spawn a sleep 86462
	nemu lab run --strict sh -c 'nemu -L other node add b'
	[ "$(nemu -L other -q node)" = $'a\nb' ]
	pgrep --ns $$ --nslist ipc -f "sleep 86462"
}

@test "run: standard input, arguments and environment are the command's" {
	[ "$(echo hello | X86=y nemu lab run sh -c 'cat; echo "$X86 $1"' - 'a  b')" = $'hello\ny a  b' ]
}

@test "run: a script without its first line is the shell's" {
	printf 'echo "$# $2"; exit 7\n' >"$BATS_TEST_TMPDIR/script"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/script"
	run -7 nemu lab run "$BATS_TEST_TMPDIR/script" a "b c"
	[ "$output" = "2 b c" ]
	PATH=$BATS_TEST_TMPDIR:$PATH run -7 nemu lab run script a "b c"
	[ "$output" = "2 b c" ]
}

@test "run --strict: what is left is named; 1 in place of 0" {
	needs_root
	# shellcheck disable=SC2016
	run -1 --separate-stderr nemu lab run --strict sh -ec '
		nemu node add a; nemu spawn a sleep 86463 >/dev/null; sleep 86464 & ip link add left86 type bridge
		until [ "$(cat "/proc/$!/comm")" = sleep ]; do :; done'
	[[ $stderr == *"nemu lab: left: node a"* ]]
	[[ $stderr == *"nemu lab: left: process "*" in a: sleep 86463"* ]]
	[[ $stderr == *"nemu lab: left: interface left86"* ]]
	[[ $stderr == *"nemu lab: left: process "*": sleep 86464"* ]]
	ip link del left86
	no_process "sleep 8646"
	run -4 --separate-stderr nemu lab run --strict sh -c 'nemu node add a; exit 4'
	[ "$stderr" = "nemu lab: left: node a" ]
	silent lab run --strict sh -c 'nemu node add a; nemu node del a'
	nothing
}

@test "run: what has become another user's is named, and not waited for" {
	[[ ${NEMU_AS_USER-} ]] || skip "is for a user"
	local dir=$BATS_TEST_TMPDIR pid
	cp "$(command -v setpriv)" "$dir/become"
	chmod u+s "$dir/become"
	chmod 755 "$dir"
	# shellcheck disable=SC2016
	run -125 --separate-stderr nemu lab run sh -c '
		"$1"/become --reuid 0 sh -c "sleep 1000; : \$1" - "$(printf "a\nb")" >/dev/null 2>&1 &
		until grep -q "^Uid:.0.0" /proc/$!/status; do :; done' - "$dir"
	pid=${stderr#nemu lab: process }
	pid=${pid%%:*}
	kill "$pid" "$(pgrep -P "$pid")"
	[ "$stderr" = "nemu lab: process $pid: sh -c sleep 1000; : \$1 - a?b: it is another user's, and runs on" ]
	nothing
}

@test "run --keep-logs: what the processes of nodes printed" {
	local dir=$BATS_TEST_TMPDIR/logs/
	# shellcheck disable=SC2016
	nemu lab run --keep-logs "$dir" sh -ec '
		nemu node add a; p=$(nemu spawn a --name hi sh -c "echo one; echo two >&2; exec sleep 86465")
		nemu until "log a hi two" 2>/dev/null || until nemu logs a hi | grep -q two; do :; done'
	[ "$(cat "$dir"/a/*.hi)" = $'one\ntwo' ]
	fails 125 "/proc/86/x" lab run --keep-logs /proc/86/x true
	touch "$BATS_TEST_TMPDIR/file"
	fails 125 "Not a directory" lab run --keep-logs "$BATS_TEST_TMPDIR/file" touch "$BATS_TEST_TMPDIR/ran"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	no_process "sleep 86465"
}

@test "run --keep-logs: what could not be kept is told, and the command's code stays" {
	needs_root
	local full=$BATS_TEST_TMPDIR/full code
	mkdir "$full"
	mount -t tmpfs -o size=64k tmpfs "$full"
	for code in 3 0; do
		run --separate-stderr nemu lab run --keep-logs "$full" sh -c "
			nemu node add a && nemu spawn a --name x head -c 100000 /dev/zero && nemu until exit a x && exit $code"
		echo "$status $stderr"
		[ "$status" -eq $((code ? code : 125)) ]
		[[ $stderr == "nemu lab: $full/a/"*".x: No space left on device" ]]
		rm -r "$full/a"
	done
	umount "$full"
}

@test "run: no signal is lost, however early it comes" {
	local i pid code
	for i in {1..20}; do
		"$NEMU" lab run sleep 60 &
		pid=$!
		# SIGTERM is caught, and not blocked by bash, which does so before it executes what it has to.
		until [ "$(cat "/proc/$pid/comm")" != bash ] && grep -q '^SigBlk:.*[4-7c-f]...$' "/proc/$pid/status"; do :; done
		kill -TERM "$pid"
		code=0
		wait "$pid" || code=$?
		[ "$code" -eq 143 ]
	done
	nothing
}

# A lab that runs until it is ended from outside: $runner; its shell tells its PID in $1.
start_run() {
	# shellcheck disable=SC2016
	${own_group:+setsid} env --default-signal=INT "$NEMU" lab run sh -ec 'nemu node add a b; nemu link add a:e b:e; nemu spawn a sleep 86466 >/dev/null
		sleep 86467 & echo $$ >"$0.new"; mv "$0.new" "$0"; while :; do sleep 86468; done' "$1" 3>&- &
	runner=$!
	eventually test -e "$1"
}

@test "run: SIGTERM, SIGINT, SIGHUP and SIGKILL of the runner end all of the lab" {
	local signal runner code
	for signal in TERM INT HUP KILL; do
		rm -f "$BATS_TEST_TMPDIR/pid"
		start_run "$BATS_TEST_TMPDIR/pid"
		kill -"$signal" "$runner"
		code=0
		wait "$runner" || code=$?
		[ "$code" -gt 128 ]
		eventually ended "$(cat "$BATS_TEST_TMPDIR/pid")"
		eventually nothing
		eventually no_process "sleep 8646[678]"
	done
}

@test "run: SIGKILL of the process group, as by timeout -k: nothing is left" {
	local runner own_group=1
	start_run "$BATS_TEST_TMPDIR/pid"
	kill -KILL -- "-$runner"
	wait "$runner" || :
	eventually nothing
	eventually no_process "sleep 8646[678]"
}

@test "run: an orphaned process group with a process that is stopped is not hung up" {
	# shellcheck disable=SC2016
	run -0 env --default-signal=HUP setsid -w bash -c 'sleep 86469 >/dev/null 3>&- & kill -STOP $!; until grep -q "^State:.T" /proc/$!/status; do :; done
		"$NEMU" lab run true; code=$?; kill -KILL $!; exit $code'
	nothing
}

@test "run: SIGKILL of the runner: what it has run within ends as well" {
	local runner
	"$NEMU" lab run sh -c 'nemu lab run sh -c "nemu node add a; nemu spawn a sleep 86469; : >\"\$0\"; sleep 86469" "$0"; :' \
		"$BATS_TEST_TMPDIR/begun" 3>&- &
	runner=$!
	eventually test -e "$BATS_TEST_TMPDIR/begun"
	kill -KILL "$runner"
	wait "$runner" || :
	eventually nothing
	eventually no_process "sleep 86469"
}

@test "run: a command that leaves another lab run: that ends, too, however long it takes" {
	nemu lab run sh -c '
		nemu lab run sh -c "trap : TERM; nemu node add a; nemu spawn a --ready line=up sh -c \"trap : TERM
			echo up; while :; do sleep 0.05; done\" 86469; : >\"\$0\"; while :; do sleep 0.05; done" "$0" &
		until [ -e "$0" ]; do :; done' "$BATS_TEST_TMPDIR/begun" 3>&-
	nothing
	no_process 86469
}

@test "run: a server that is stopped ends with its lab" {
	local code=0
	timeout -s KILL 30 "$NEMU" lab run --keep-logs "$BATS_TEST_TMPDIR/logs" sh -c 'nemu node add a b; nemu node pid a; kill -STOP "$(nemu node pid a)"; exit 3' \
		>"$BATS_TEST_TMPDIR/said" 2>"$BATS_TEST_TMPDIR/failed" 3>&- || code=$?
	echo "$code"; cat "$BATS_TEST_TMPDIR/said" "$BATS_TEST_TMPDIR/failed"
	[ "$code" -eq 3 ] || { kill -KILL "$(cat "$BATS_TEST_TMPDIR/said")"; false; } # it hangs
	[ "$(<"$BATS_TEST_TMPDIR/failed")" = "nemu lab: a: the server does not answer" ]
	nothing
}

@test "run: what is left and was stopped while it had the lab's lock" {
	# shellcheck disable=SC2016
	run -3 timeout -s KILL 30 "$NEMU" lab run sh -c 'nemu node add a; flock "$NEMU_RUNDIR/$NEMU_LAB" sh -c "kill -STOP \$\$; : 86472" &
		until grep -q "^State:.T" "/proc/$(pgrep -P $!)/status" 2>/dev/null; do :; done; exit 3' >/dev/null 2>&1 3>&-
	nothing
	no_process 86472
}

@test "run: a server that was stopped before it listens, which has the lab's lock" {
	needs_root # to trace
	strace -o /dev/null true || skip "needs strace"
	# shellcheck disable=SC2016
	run timeout -s KILL 30 "$NEMU" lab run sh -c 'ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -f -o /dev/null \
			-e trace=sethostname -e inject=sethostname:signal=STOP "$NEMU" node add a &
		until grep -q "^State:.[tT]" "/proc/$(pgrep --ns $$ --nslist ipc -x nemu-server)/status" 2>/dev/null; do :; done
		exit 3' >/dev/null 2>&1 3>&-
	while pkill --ns $$ --nslist ipc -CONT -x nemu-server; do :; done # it hangs
	[ "$status" -eq 3 ]
	nothing
}

@test "run: what is left and cannot be killed is not waited for, and the command's code stays" {
	needs_root
	run -3 timeout -s KILL 20 setpriv --bounding-set -kill "$NEMU" lab run sh -c '
		setpriv --reuid 12399 --clear-groups sleep 86470 >/dev/null 2>&1 3>&- & echo $! >"$0"
		until [ "$(cat "/proc/$!/comm")" = sleep ]; do :; done; exit 3' "$BATS_TEST_TMPDIR/pid"
	kill "$(cat "$BATS_TEST_TMPDIR/pid")"
	nothing
	eventually no_process "sleep 86470"
}

@test "run: SIGKILL of the warden: 2, and nothing is left" {
	local runner code=0 warden
	start_run "$BATS_TEST_TMPDIR/pid"
	warden=$(pgrep -P "$runner")
	[ "$(cat "/proc/$warden/comm")" = nemu-warden ]
	kill -KILL "$warden"
	wait "$runner" || code=$?
	[ "$code" -ne 0 ]
	eventually nothing
	eventually no_process "sleep 86466"
	pkill --ns $$ --nslist ipc -KILL -f "sleep 8646[78]" || :
	eventually no_process "sleep 8646[78]"
}

@test "run: SIGKILL of the runner or the warden while nodes are made: nothing is left" {
	local i runner victim
	for i in {1..12}; do
		rm -f "$BATS_TEST_TMPDIR/begun"
		# shellcheck disable=SC2016
		"$NEMU" lab run sh -c 'nemu node add a; : >"$0"; while :; do nemu node add c; nemu node del c; done' \
			"$BATS_TEST_TMPDIR/begun" 3>&- 2>/dev/null &
		runner=$!
		eventually test -e "$BATS_TEST_TMPDIR/begun"
		victim=$runner
		((i % 2)) || victim=$(pgrep -P "$runner")
		read -rt "0.00$((RANDOM % 9))" <> <(:) || :
		kill -KILL "$victim"
		wait "$runner" || :
		eventually nothing
	done
}

@test "run: as the first line of a script" {
	cat >"$BATS_TEST_TMPDIR/script" <<-'X'
		#!/usr/bin/env -S nemu lab run sh
		nemu node add "$1"
		nemu -q node
		exit 5
	X
	chmod +x "$BATS_TEST_TMPDIR/script"
	run -5 "$BATS_TEST_TMPDIR/script" 'h1'
	[ "$output" = h1 ]
	nothing
}

@test "run: forty side by side do not disturb each other" {
	local i pids=() failed=0
	for i in {1..40}; do
		nemu lab run sh -c 'nemu node add a b && nemu link add a:e b:e && [ "$(nemu -q node | wc -l)" = 2 ]' 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
	[ "$failed" -eq 0 ]
	nothing
}

@test "list: of all labs; -q names; del" {
	nemu -L l1 node add a b
	nemu -L l1 link add a:e b:e
	nemu -L l2 node add c
	[ "$(nemu -q lab list)" = $'l1\nl2' ]
	nemu -j lab | is 'map([.name, .nodes, .links, .processes]) == [["l1", 2, 1, 0], ["l2", 1, 0, 0]]'
	nemu -j lab | is 'all((.owner | type == "string") and (.age | type == "number") and (.memory | type == "number"))'
	[[ $(nemu lab) == NAME*NODES*LINKS*PROCESSES*OWNER*AGE*MEMORY* ]]
	fails 3 "l9: no such lab" lab del l1 l9
	[ "$(nemu -q lab)" = $'l1\nl2' ]
	silent lab del l1 l2
	nothing
	silent lab
	[ "$(nemu -j lab)" = "[]" ]
}

@test "list: what else stands in the run directory is no lab" {
	local list names
	nemu -L l1 node add a
	: >"$NEMU_RUNDIR/notes"
	mkdir -m 755 "$NEMU_RUNDIR/open"
	mkdir -m 700 "$NEMU_RUNDIR/others"
	chown 12345 "$NEMU_RUNDIR/others"
	ln -s l1 "$NEMU_RUNDIR/other-name"
	list=$(nemu lab 2>&1 || :) names=$(nemu -q lab 2>&1)
	rm -r "$NEMU_RUNDIR"/{notes,open,others,other-name}
	[[ $(wc -l <<<"$list") == 2 && $list == *$'\n'l1\ * ]]
	[ "$names" = l1 ]
}

# A lab with something of everything that can be said in our words.
build_all() {
	nemu batch - <<-X
		switch add s1 s2
		node add h1 h2 r1
		node add --host --dad x y
		node add --isolate pid z
		link add h1:eth0 s1 rate 10mbit
		link add h2:eth0 s1
		link add s1:up s2:up
		link add r1:a s2
		link add x:e0 y:e1
		link set x:e0 rate 1mbit limit 20
		link down y:e1
		link add --random x:r y:r
		link add z:l1 z:l2
		addr h1 add 10.0.0.1/24 dev eth0
		addr h1 add fd00::1/64 dev eth0
		addr h1 add 10.0.3.1/24 broadcast 10.0.3.9 dev eth0
		addr h1 add 10.9.9.9/32 dev lo
		addr r1 add 10.0.0.254/24 dev a
		route h1 add default via 10.0.0.254
		route h1 add ::/0 via fd00::2 metric 50
		route h1 add 192.168.0.0/16 dev eth0 metric 50
		route h1 add blackhole 172.16.0.0/12
		if x add br1 type bridge stp on hello 1500ms
		if x add t0 type tap
		if x add t1 type tun user 65534
		if x add t2 type tap user 54321
		if x set t0 master br1 up
		if s2 set br0 ageing 10s
		if x add ifb0 type ifb
		if x add mv type macvlan link e0 mode bridge
		if x add vx type vxlan id 42 remote 10.0.0.3 local 10.0.0.2 dstport 4789
		if h1 set eth0 mtu 1400
		if h2 set eth0 address 02:00:00:00:00:77
		if h2 set lo down
	X
}

@test "save: what was saved, deleted, made and saved again is the same, byte for byte" {
	local script=$BATS_TEST_TMPDIR/saved
	build_all
	nemu lab save >"$script"
	not grep "not saved" "$script"
	nemu lab del default
	sh -e "$script"
	same "$(nemu lab save)" "$(cat "$script")"
	# and in another lab, but for the name
	NEMU_LAB=copy sh -e "$script"
	same "$(nemu lab save copy | sed 's/copy/default/g')" "$(cat "$script")"
	nemu -j lab | is 'map(.nodes) == [8, 8] and map(.links) == [7, 7]'
	same "$(nemu -L copy addr h1 | grep -v fe80)" "$(nemu addr h1 | grep -v fe80)"
}

@test "save: without its first lines it is a batch" {
	build_all
	nemu lab save >"$BATS_TEST_TMPDIR/saved"
	nemu lab del default
	grep "^nemu" "$BATS_TEST_TMPDIR/saved" | nemu batch -
	same "$(nemu lab save)" "$(cat "$BATS_TEST_TMPDIR/saved")"
}

@test "save: what cannot be said is a comment, and the script runs" {
	nemu node add a b
	nemu link add a:e b:e
	nemu addr a add 10.0.0.1/24 dev e
	nemu spawn a sh -c $'# x\n exec sleep 86469'
	inside a ip addr add 10.1.1.1 peer 10.1.1.2 dev e
	inside a ip route add 10.77.0.0/16 nexthop via 10.0.0.2 dev e nexthop via 10.0.0.3 dev e
	inside a ip addr add 10.2.2.1/24 broadcast + dev e scope link
	inside a ip addr add 10.3.3.1/24 broadcast + dev e label e:x
	inside a ip addr add fd00:86::1/64 dev e noprefixroute nodad preferred_lft 0
	nemu addr a add fe80::1/64 dev e
	nemu addr a add 127.0.0.5/8 dev lo
	inside a ip route add 10.78.0.0/16 dev e src 10.0.0.1
	inside a ip route add 10.79.0.0/16 via inet6 fe80::2 dev e
	inside a tc qdisc add dev e root handle 1: htb
	inside b tc qdisc add dev e root handle 7: tbf rate 1mbit peakrate 2mbit burst 10k mtu 1600 limit 10k
	inside a ip link add gre86 type geneve id 86 remote 10.9.9.9 2>/dev/null || :
	nemu lab save >"$BATS_TEST_TMPDIR/saved"
	cat "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a:e: address 10.1.1.1/32" "$BATS_TEST_TMPDIR/saved"
	[ "$(grep -c "^# not saved: a: route 10.77.0.0/16" "$BATS_TEST_TMPDIR/saved")" = 2 ]
	grep "^# not saved: a: route 10.78.0.0/16" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a: route 10.79.0.0/16 via fe80::2 dev e: IPv4 by way of IPv6" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a:e: queueing discipline htb" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: b:e: what tbf 7: does beyond impairments" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a:e: scope link of 10.2.2.1/24" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a:e: label e:x of 10.3.3.1/24" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a:e: noprefixroute of fd00:86::1/64" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a:e: how long fd00:86::1/64 is preferred" "$BATS_TEST_TMPDIR/saved"
	grep "^nemu addr a add fe80::1/64 dev e" "$BATS_TEST_TMPDIR/saved"
	grep "^nemu addr a add 127.0.0.5/8 dev lo" "$BATS_TEST_TMPDIR/saved"
	grep "^# running in a: sh -c # x? exec sleep 86469" "$BATS_TEST_TMPDIR/saved"
	nemu lab del default
	sh -e "$BATS_TEST_TMPDIR/saved"
	same "$(nemu lab save)" "$(grep -v "^# [nr]" "$BATS_TEST_TMPDIR/saved")"
}

# The lab is saved to $1, deleted, made by sh from that, and is the same, comments apart.
made_again() {
	nemu lab save >"$1"
	cat "$1"
	nemu lab del default
	sh "$1"
	same "$(nemu lab save | grep -v "^# not")" "$(grep -v "^# not" "$1")"
}

mtu() { nemu -j if "$1" list "$2" | jq '.[0].mtu'; }

@test "save: addresses in their order, of which IPv6 takes one to send from" {
	nemu batch - <<-X
		node add h1 h2
		link add h1:eth0 h2:eth0
		addr h1 add fd00::1/64 dev eth0
		addr h1 add fd00::2/64 dev eth0
		addr h1 add fd00::3/128 dev eth0
		addr h1 add fe80::1/64 dev eth0
		addr h1 add 10.0.0.1/24 dev eth0
		addr h1 add 10.0.1.1/24 dev eth0
		addr h1 add 10.0.0.2/24 dev eth0
	X
	nemu -q addr h1 >"$BATS_TEST_TMPDIR/addresses"
	made_again "$BATS_TEST_TMPDIR/saved"
	same "$(nemu -q addr h1)" "$(cat "$BATS_TEST_TMPDIR/addresses")"
}

@test "save: an interface that is not saved is none for routes" {
	needs_root
	ip link add e86 type veth peer name f86
	nemu node add a
	nemu if a import e86
	nemu if a set e86 up
	nemu addr a add 10.0.0.1/24 dev e86
	nemu route a add default via 10.0.0.2
	nemu route a add fd00::/64 dev e86
	nemu route a add blackhole 10.9.0.0/16
	made_again "$BATS_TEST_TMPDIR/saved"
	ip link del f86
	grep "^# not saved: a: route default via 10.0.0.2 dev e86: its interface" "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: a: route fd00::/64 dev e86: its interface" "$BATS_TEST_TMPDIR/saved"
	[ "$(nemu -q route a)" = 10.9.0.0/16 ]
}

@test "save: what was moved away from the interface below it is a comment" {
	nemu batch - <<-X
		node add h1 h2
		link add h1:eth0 h2:eth0
		link add h1:eth1 h2:eth1
		if h1 add mv type macvlan link eth0
		if h1 add vx type vxlan id 5 remote 10.0.0.1 link eth0
		if h1 move mv h2
		if h1 move vx h2
	X
	# the index of eth0 in h1 is that of eth1 in h2
	nemu -j if h2 list vx | is '.[0].linkinfo.info_data | has("link") | not'
	made_again "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: h2:mv: " "$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: h2:vx: " "$BATS_TEST_TMPDIR/saved"
}

@test "save: what stands on another comes after it, whatever their names" {
	nemu batch - <<-X
		node add h1 h2
		link add h1:eth0 h2:eth0
		if h1 set eth0 mtu 9000
		if h1 add aa type macvlan link eth0
		if h1 set aa mtu 9000
		if h1 add ab type vxlan id 7 remote 10.0.0.2 link eth0
		if h1 set ab mtu 8000
		if h1 add ac type vxlan id 8 remote 10.0.0.2 link eth0
		if h1 set ac mtu 1500
	X
	made_again "$BATS_TEST_TMPDIR/saved"
	[ "$(mtu h1 eth0) $(mtu h1 aa) $(mtu h1 ab) $(mtu h1 ac)" = "9000 9000 8000 1500" ]
}

@test "save: a vlan that is down stays so, whatever it stands on" {
	needs vlan
	nemu batch - <<-X
		node add h1
		if h1 add br0 type bridge up
		if h1 add v5 type vlan link br0 id 5
		if h1 add v6 type vlan link br0 id 6 up
		if h1 add w7 type vlan link v6 id 7
	X
	made_again "$BATS_TEST_TMPDIR/saved"
	nemu -j if h1 | is 'map(select(.flags | index("UP")).ifname) == ["lo", "br0", "v6"]'
}

@test "save: the MTU of a bridge, its ports' or its own" {
	nemu batch - <<-X
		switch add s1 s2
		node add h1 h2
		link add h1:eth0 s1
		link add h2:eth0 s2
		if s1 set h1-eth0 mtu 1400
		if s2 set h2-eth0 mtu 1400
		if s2 set br0 mtu 1500
	X
	[ "$(mtu s1 br0) $(mtu s2 br0)" = "1400 1500" ]
	made_again "$BATS_TEST_TMPDIR/saved"
	[ "$(mtu s1 br0) $(mtu s2 br0)" = "1400 1500" ]
	nemu if s1 set h1-eth0 mtu 1300
	[ "$(mtu s1 br0)" = 1300 ]
}

@test "save: the bridge of a switch that has another name" {
	nemu batch - <<-X
		switch add s1
		node add h1
		if s1 set br0 name lan0
		link add h1:eth0 s1
		addr s1 add 10.0.0.9/24 dev lan0
	X
	made_again "$BATS_TEST_TMPDIR/saved"
	run ! grep "not saved" "$BATS_TEST_TMPDIR/saved"
	[ "$(nemu -q if s1)" = $'lo\nlan0\nh1-eth0' ]
	NEMU_LAB=copy sh "$BATS_TEST_TMPDIR/saved"
	[ "$(nemu -L copy -j if s1 list lan0 | jq '.[0].address')" != "$(nemu -j if s1 list lan0 | jq '.[0].address')" ]
}

@test "save: flags and the broadcast address, of whatever type the interface is" {
	nemu batch - <<-X
		switch add s1
		node add h1 h2
		link add h1:eth0 h2:eth0
		if h1 add tap0 type tap
		if h1 add tun0 type tun
		if h1 add ifb0 type ifb
		if h1 add vx0 type vxlan id 5
		if h1 add mv0 type macvlan link eth0
	X
	nemu lab save >"$BATS_TEST_TMPDIR/saved"
	not grep -E 'multicast|arp|broadcast' "$BATS_TEST_TMPDIR/saved" # what each type begins with is not said
	nemu batch - <<-X
		if h1 set eth0 broadcast 02:00:00:00:00:ff
		if h1 set tap0 multicast off arp off
		if h1 set tun0 multicast off
		if h1 set ifb0 multicast on arp on
		if h1 set vx0 arp off
		if h1 set mv0 multicast off broadcast 02:00:00:00:00:fe
		if h1 set lo multicast on arp off
		if s1 set br0 multicast off broadcast 02:00:00:00:00:fd
	X
	nemu -j lab save | jq -S '[.nodes[].interfaces[] | [.ifname, .flags, .broadcast]] | sort' >"$BATS_TEST_TMPDIR/before"
	made_again "$BATS_TEST_TMPDIR/saved"
	same "$(nemu -j lab save | jq -S '[.nodes[].interfaces[] | [.ifname, .flags, .broadcast]] | sort')" \
		"$(cat "$BATS_TEST_TMPDIR/before")"
}

@test "save: interfaces that are called like words and options" {
	local name
	nemu node add up mtu
	nemu link add up:type mtu:-j
	for name in up -x --; do inside up ip link add name "$name" type ifb; done
	nemu if up set mtu 1400 -- up
	nemu if up set up -- -x
	made_again "$BATS_TEST_TMPDIR/saved"
	[ "$(nemu -q if up | sort)" = $'--\n-x\nlo\ntype\nup' ]
	[ "$(mtu up up)" = 1400 ]
}

@test "save: a metric beyond what a command can say is a comment" {
	nemu node add h1 h2
	nemu link add h1:eth0 h2:eth0
	inside h1 ip route add 10.9.0.0/16 dev eth0 metric 3000000000
	nemu route h1 add 10.8.0.0/16 dev eth0 metric 2147483647
	nemu lab save >"$BATS_TEST_TMPDIR/saved"
	grep "^# not saved: h1: route 10.9.0.0/16 dev eth0: a metric beyond" "$BATS_TEST_TMPDIR/saved"
	made_again "$BATS_TEST_TMPDIR/saved"
}

@test "save: the script ends at the first error, also where its first line is not looked at" {
	nemu node add a
	{ nemu lab save && echo "echo went on"; } >"$BATS_TEST_TMPDIR/saved"
	run ! --separate-stderr sh "$BATS_TEST_TMPDIR/saved" # there is a node of this name
	[ -z "$output" ]
}

@test "save: -j, an empty lab, and one that is not there" {
	nemu node add a
	nemu -j lab save | is '.lab == "default" and .links == [] and (.nodes[0] | .name == "a" and (.interfaces | length == 1)
		and .routes == [] and .processes == [])'
	fails 3 "nosuch" lab save nosuch
	fails 3 "nosuch" lab graph nosuch
}

# Nodes that end while they are asked: "greets" before the first answer, "tells" between two.
start_ending_nodes() {
	python3 - "$NEMU_RUNDIR/default" </dev/null >/dev/null 2>&1 3>&- <<-'PY' &
		import os, socket, sys, threading, time
		def serve(s, answers):
		    while True:
		        c, _ = s.accept()
		        c.sendall(b"220 Hello.\n" + answers)
		        c.shutdown(socket.SHUT_WR)
		        while c.recv(4096): pass
		        c.close()
		os.chdir(sys.argv[1])
		os.umask(0)
		# an empty list of interfaces, for IF INFO
		for name, answers in (("greets", b""), ("tells", b"200 =gAJdLg==\n")):
		    s = socket.socket(socket.AF_UNIX)
		    s.bind(name)
		    s.listen(64)
		    threading.Thread(target=serve, args=(s, answers), daemon=True).start()
		open("../ready", "w").close()
		time.sleep(1000)
	PY
	ending=$!
	eventually test -e "$NEMU_RUNDIR/ready"
	rm "$NEMU_RUNDIR/ready"
}

@test "save, graph, list of links: a node that ends meanwhile is left out" {
	local ending left
	nemu node add a b
	nemu link add a:e b:e
	left="$(nemu link; nemu lab graph; nemu lab save)"
	start_ending_nodes
	run -0 nemu link
	run -0 nemu lab graph
	run -0 nemu lab save
	same "$(nemu link; nemu lab graph; nemu lab save)" "$left"
	kill "$ending"
}

@test "graph: text of a star, a chain and a mesh within 80 columns" {
	local i text
	nemu switch add s
	nemu node add h1 h2 h3
	for i in 1 2 3; do
		nemu link add h$i:eth0 s rate 10mbit
		nemu addr h$i add 10.0.0.$i/24 dev eth0
	done
	text=$(nemu lab graph)
	same "$text" "(s)
├─ h1-eth0 ── eth0 10.0.0.1/24 [h1]  rate 10mbit
├─ h2-eth0 ── eth0 10.0.0.2/24 [h2]  rate 10mbit
└─ h3-eth0 ── eth0 10.0.0.3/24 [h3]  rate 10mbit"
	nemu lab del default
	nemu node add r1 r2 r3 r4 z
	for i in 1 2 3; do nemu link add r$i:e r$((i + 1)):w; done
	same "$(nemu lab graph)" "[r1]
│  e ── w
[r2]
│  e ── w
[r3]
└─ e ── w [r4]
[z]"
	nemu link add r4:e r1:w
	nemu link down r4:e
	nemu link set r1:e rate 1mbit
	text=$(nemu lab graph)
	[[ $text == *"> rate 1mbit"* && $text == *"down"* && $text == *" ^"* ]]
	[ "$(wc -l <<<"$text")" -le 10 ]
	[ "$(LC_ALL=C.UTF-8 wc -L <<<"$text")" -le 80 ]
}

@test "graph: control characters in names of interfaces are made printable" {
	local format
	nemu node add a b
	nemu link add $'a:e\e[2J' $'b:f\x7f'
	same "$(nemu lab graph)" "[a]
└─ e?[2J ── f? [b]"
	for format in dot mermaid; do
		nemu lab graph -f "$format" | grep -F 'e?[2J'
		run ! grep "[[:cntrl:]]" < <(nemu lab graph -f "$format" | tr -d '\t')
	done
}

@test "graph: dot and mermaid name all; svg through Graphviz" {
	nemu node add a b
	nemu switch add s
	nemu link add a:e b:e rate 1mbit
	nemu link add a:s s
	nemu addr a add 10.0.0.1/24 dev e
	nemu lab graph -f dot | grep -F '"a" -- "b" [taillabel="e\n10.0.0.1/24", headlabel="e", label="rate 1mbit"]'
	nemu lab graph -f dot | grep -F '"s" [shape=ellipse];'
	nemu lab graph -f mermaid | grep -F '["a"]'
	nemu lab graph -f mermaid | grep -F 'e 10.0.0.1/24 — e<br/>rate 1mbit'
	fails 1 "text, dot, mermaid or svg" lab graph -f png
	if command -v dot; then
		nemu lab graph -f svg | grep -q "</svg>"
	else
		fails 4 "graphviz" lab graph -f svg
	fi
}
