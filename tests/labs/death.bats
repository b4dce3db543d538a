#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# However a node ends, nothing of it stays, and no other is disturbed.
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node

load helpers

teardown() {
	local pid
	for pid in ${stopped-}; do kill -CONT "$pid" 2>/dev/null || :; done
	"$NEMU" node del --all
	[[ ! ${orphan-} ]] || ended "$orphan" || kill -TERM "$orphan"
}

keeper() { sed -n 's/^PPid:\t//p' "/proc/$(nemu node pid "$1")/status"; }

# What is hardest to get rid of: deaf to all signals that can be ignored, sessions of their own,
# parents long gone, output to a log.
deaf='trap "" TERM HUP INT QUIT
(setsid sh -c "trap \"\" TERM HUP; (setsid sleep \$1 &); exec sleep \$1" - $1 &)
(setsid sh -c "trap \"\" TERM HUP; while :; do sleep \$1; done" - $1 </dev/null >/dev/null 2>&1 &)
echo up
while :; do sleep $1; done'

# populate NODE MARK: such processes run in it; MARK is on the command line of each.
populate() {
	nemu spawn "$1" --name deaf --ready line=up sh -c "$deaf" - "$2"
	eventually sh -c "[ \$(pgrep --ns $$ --nslist ipc -cx -f 'sleep $2') -ge 4 ]"
	[ -d "$NEMU_RUNDIR/default/.$1" ]
}

# gone NODE MARK
gone() {
	eventually no_process "$2"
	eventually test ! -e "$NEMU_RUNDIR/default/$1"
	eventually test ! -e "$NEMU_RUNDIR/default/.$1"
}

@test "SIGKILL of the server: processes, daemons, socket, logs go; far ends too; others stay" {
	nemu node add a b c
	nemu link add a:e b:e
	nemu link add b:f c:f
	nemu addr b add 10.0.0.1/24 dev f
	nemu addr c add 10.0.0.2/24 dev f
	populate a 86461
	local other
	other=$(nemu spawn b sleep 86462)
	kill -KILL "$(nemu node pid a)"
	gone a 86461
	eventually not nemu if b list e
	[ "$(nemu -q node)" = $'b\nc' ]
	kill -0 "$other"
	nemu exec b ping -n -c 1 -W 2 10.0.0.2
	[ "$(find "$NEMU_RUNDIR/default" -mindepth 1 -maxdepth 1 ! -name .hosts | sort)" = \
		"$(printf '%s\n' "$NEMU_RUNDIR/default/"{._resolv.{b,c},.b,b,c} | sort)" ]
}

@test "SIGKILL of the server: node add of the name works at once, and the new one is whole" {
	local i pid
	for i in {1..5}; do
		nemu node add a
		nemu spawn a sh -c "$deaf" - 86463 >/dev/null
		pid=$(nemu node pid a)
		kill -KILL "$pid"
		until ended "$pid"; do :; done
		silent node add a
		nemu exec a true
		[ "$(nemu -j ps a)" = "[]" ]
		eventually no_process 'sleep 86463'
		nemu exec a true # what cleaned up after the first has not taken the second along
		[ -S "$NEMU_RUNDIR/default/a" ]
		silent node del a
	done
}

@test "a keeper that comes late leaves the next node of that name alone" {
	local server
	for _ in 1 2 3; do
		nemu node add a
		nemu spawn a sleep 86471
		server=$(nemu node pid a)
		stopped=$(keeper a)
		kill -STOP "$stopped"
		kill -KILL "$server"
		until ended "$server"; do :; done
		silent node add a
		orphan=$(nemu node pid a) # should it lose its socket, teardown must find it
		nemu spawn a true
		kill -CONT "$stopped"
		eventually ended "$stopped"
		[ -S "$NEMU_RUNDIR/default/a" ]
		[ -d "$NEMU_RUNDIR/default/.a" ]
		nemu exec a true
		silent node del a
	done
}

@test "SIGKILL of the keeper: the same" {
	nemu node add a b
	populate a 86464
	kill -KILL "$(keeper a)"
	gone a 86464
	[ "$(nemu -q node)" = b ]
	nemu exec b true
	silent node add a
	nemu exec a true
}

@test "SIGTERM to the server or the keeper ends the node in order" {
	nemu node add a b
	local one two
	one=$(nemu node pid a)
	two=$(nemu node pid b)
	nemu spawn a sleep 86465
	nemu spawn b sleep 86465
	kill -TERM "$one"
	kill -TERM "$(keeper b)"
	eventually ended "$one"
	eventually ended "$two"
	eventually no_process 86465
	eventually test ! -e "$NEMU_RUNDIR/default"
}

@test "a socket whose mode was set goes with its node" {
	nemu node add a b
	nemu spawn a true
	chmod 660 "$NEMU_RUNDIR/default/"[ab]
	kill -KILL "$(nemu node pid b)"
	eventually test ! -e "$NEMU_RUNDIR/default/b"
	silent node del a
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "node del: SIGTERM first, SIGKILL after 3 s for what ignores it" {
	nemu node add a
	populate a 86466
	nemu spawn a sh -c 'trap "echo term >$1; exit" TERM; echo up >$1; while :; do sleep 0.05; done' - "$BATS_TEST_TMPDIR/f"
	eventually test -s "$BATS_TEST_TMPDIR/f"
	local start=${EPOCHREALTIME/./} took
	silent node del a
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	echo "$took ms"
	[ "$took" -ge 2500 ]
	[ "$took" -lt 6000 ]
	[ "$(cat "$BATS_TEST_TMPDIR/f")" = term ]
	no_process 86466
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "what programs leave behind gets SIGTERM, once, then SIGKILL; in a PID namespace as well" {
	local how i f=$BATS_TEST_TMPDIR/f
	for how in "" "--isolate pid"; do
		# shellcheck disable=SC2086 # none, or two words
		nemu node add a $how
		for i in 1 2 3 4; do
			nemu spawn a --ready line=up sh -c 'trap "sleep 0.$1; exit" TERM; echo up; while :; do sleep 0.05; done' - "$i"
		done
		nemu exec a sh -c 'setsid sh -c "trap \"echo term >>\$1\" TERM; echo >\$1.up; while :; do sleep 0.05; done" - \
			"$1" </dev/null >/dev/null 2>&1 &' - "$f"
		eventually test -e "$f.up"
		silent node del a
		echo "$how: $(cat "$f")"
		[ "$(cat "$f")" = term ]
		rm "$f" "$f.up"
	done
}

@test "a program that still starts when the node ends: SIGTERM as soon as it has" {
	local client code=0 server
	slow_node slow -- "$NEMU" exec slow -u nobody sleep 86473
	server=$(nemu node pid slow)
	kill -TERM "$server"
	eventually grep -q '^ShdPnd:.0*$' "/proc/$server/status" # it has heard it
	found
	wait "$client" || code=$?
	echo "$code"
	[[ $code == 143 || $code == 125 ]] # the node may have gone before the answer
	eventually ended "$server"
}

@test "node del: at once where all mind SIGTERM, also the stopped" {
	nemu node add a b
	nemu spawn a sleep 86467
	nemu exec b sh -c 'setsid sleep 86467 >/dev/null 2>&1 &'
	kill -STOP "$(nemu spawn b sleep 86467)"
	local start=${EPOCHREALTIME/./} took
	silent node del a b
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	echo "$took ms"
	[ "$took" -lt 2000 ]
	no_process 86467
}

@test "node del --isolate pid: all of its PID namespace goes" {
	nemu node add a --isolate pid
	populate a 86468
	kill -KILL "$(nemu node pid a)"
	gone a 86468
	nemu node add a --isolate pid
	nemu exec a true
}

@test "node del of a server that is stopped" {
	nemu node add a b
	populate a 86469
	stopped=$(nemu node pid a)
	kill -STOP "$stopped"
	run --separate-stderr timeout 30 "$NEMU" node del a
	echo "$status $output $stderr"
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	ended "$stopped"
	gone a 86469
	[ "$(nemu -q node)" = b ]
	silent node add a
}

@test "node del of a server that is stopped leaves the next node of that name alone" {
	local tracer client
	needs_root # to trace
	strace -o /dev/null true || skip "needs strace"
	nemu node add a
	stopped=$(nemu node pid a)
	kill -STOP "$stopped"
	# It stops when it has killed the server.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o /dev/null -e trace=pidfd_send_signal \
		-e inject=pidfd_send_signal:signal=STOP "$NEMU" node del a &
	tracer=$!
	eventually ended "$stopped"
	client=$(pgrep -P "$tracer")
	eventually grep -q '^State:.[tT]' "/proc/$client/status"
	silent node add a
	orphan=$(nemu node pid a) # should it lose its socket
	kill -CONT "$client"
	wait "$tracer"
	[ -S "$NEMU_RUNDIR/default/a" ]
	nemu exec a true
}

@test "node del of a keeper that is stopped, alone and with its server" {
	local how one
	for how in "" both; do
		nemu node add a
		stopped="$(keeper a)"
		one=$stopped
		[[ ! $how ]] || stopped+=" $(nemu node pid a)"
		# shellcheck disable=SC2086 # several
		kill -STOP $stopped
		timeout -s KILL 30 "$NEMU" node del a
		ended "$one"
		[ ! -e "$NEMU_RUNDIR/default" ]
	done
}

@test "node del of many servers that are stopped: one waiting for all" {
	local start=${EPOCHREALTIME/./} pid
	nemu node add a b c d
	for pid in a b c d; do
		stopped+=" $(nemu node pid "$pid")"
	done
	# shellcheck disable=SC2086 # several
	kill -STOP $stopped
	silent node del --all
	[ $((${EPOCHREALTIME/./} - start)) -lt 14000000 ] # one after the other it is 20 s
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "node add that is interrupted leaves nothing" {
	local names pid code=0
	names=$(seq -f n%g 1000)
	# shellcheck disable=SC2086 # several
	"$NEMU" node add $names &
	pid=$!
	eventually test -S "$NEMU_RUNDIR/default/n3"
	kill -TERM "$pid"
	wait "$pid" || code=$?
	[ "$code" -eq 143 ]
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "a node made where SIGCHLD is ignored ends like others" {
	python3 - "$NEMU" <<-'PY'
		import os, signal, sys
		signal.signal(signal.SIGCHLD, signal.SIG_IGN)
		os.execv(sys.argv[1], [sys.argv[1], "node", "add", "a", "b"])
	PY
	populate b 86484
	timeout -s KILL 20 "$NEMU" node del a
	kill -KILL "$(nemu node pid b)"
	gone b 86484
	silent node add b
}

@test "in another PID namespace: no second kind of nodes, and nobody waits for a number of there" {
	needs_root
	unshare --pid --fork --mount-proc "$NEMU" -L there node add p
	timeout -s KILL 20 "$NEMU" lab del there
	nemu node add a
	nemu node add i --isolate pid
	run nemu exec i "$NEMU" node add c
	[ "$status" -eq 2 ]
	[[ $output == "nemu node: the lab's nodes are in a PID namespace that cannot be seen from this one" ]]
	for words in "link add a:e i:e" "if a move lo i" "node pid a"; do
		# shellcheck disable=SC2086 # several
		run nemu exec i "$NEMU" $words
		echo "$words: $status $output"
		[ "$status" -eq 2 ]
		[[ $output == *"its server cannot be seen from this PID namespace" ]]
	done
	[ "$(nemu -q node)" = $'a\ni' ]
}

@test "in a PID namespace without a /proc of its own: node del waits for the end all the same" {
	needs_root
	# The leak check needs its own number in /proc, which is another process's there, or nobody's.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 unshare --pid --fork --kill-child bash -ec '
		"$NEMU" node add a
		"$NEMU" spawn a --ready line=up sh -c "trap \"\" TERM; echo up; while :; do sleep 0.1; done"
		"$NEMU" node del a
		"$NEMU" node add a
		"$NEMU" node del a'
}

@test "node add that waits for another can be interrupted" {
	local pid code=0
	nemu node add a
	exec 5<"$NEMU_RUNDIR/default"
	flock -x 5
	"$NEMU" node add b 5<&- &
	pid=$!
	eventually grep -q -- "-> FLOCK .* $pid " /proc/locks # it waits
	kill -TERM "$pid"
	wait "$pid" || code=$?
	exec 5<&-
	[ "$code" -eq 143 ]
}

# Its server, $stopped, is stopped before it listens.
node_on_its_way() {
	needs_root # to trace
	strace -o /dev/null true || skip "needs strace"
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -f -o /dev/null -e trace=sethostname \
		-e inject=sethostname:signal=STOP "$NEMU" "$@" &
	tracer=$!
	eventually server_stopped
	stopped=$(pgrep --ns $$ --nslist ipc -x nemu-server)
	orphan=$stopped # should it lose its socket
}
server_stopped() { grep -q '^State:.[tT]' "/proc/$(pgrep --ns $$ --nslist ipc -x nemu-server)/status"; }

# Who comes meanwhile waits for the lock. /proc/locks does not show it once who took that has ended.
node_add_waits() {
	"$NEMU" node add a 2>"$BATS_TEST_TMPDIR/said" &
	second=$!
	eventually grep -q lock "/proc/$second/wchan"
	kill -CONT "$stopped"
}

@test "a node that does not listen yet is not taken for a dead one" {
	local tracer second
	node_on_its_way server a
	node_add_waits
	not wait "$second"
	[ "$(<"$BATS_TEST_TMPDIR/said")" = "nemu node: a: such a node exists already" ]
	nemu exec a true
	nemu node del a
}

@test "node add is killed: the node that does not listen yet is not taken for a dead one" {
	local tracer second client
	node_on_its_way node add a
	client=$(pgrep -P "$tracer")
	kill -KILL "$client"
	eventually ended "$client"
	node_add_waits
	if wait "$second"; then # it had the lock when the first was dead already
		nemu node del a
	else
		grep -qx "nemu node: a: such a node exists already" "$BATS_TEST_TMPDIR/said"
	fi
	eventually ended "$stopped" # nobody waited for it
	eventually nemu node add a
}

@test "a server in the foreground that is to end as it begins leaves nothing" {
	local sig
	needs_root # to trace
	strace -o /dev/null true || skip "needs strace"
	for sig in TERM INT; do
		ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 timeout -s KILL 20 strace -o /dev/null -e trace=bind \
			-e inject=bind:signal=$sig "$NEMU" server a || :
		[ ! -e "$NEMU_RUNDIR/default" ]
	done
}

@test "few descriptors: it goes, or the reason is told" {
	local names
	bash -c 'ulimit -n 20; exec "$NEMU" node add few'
	nemu exec few true
	run bash -c 'ulimit -n 7; exec "$NEMU" node add fewer'
	[ "$status" -eq 2 ]
	[[ $output == "nemu node: "*": Too many open files" ]]
	names=$(seq -f n%g 60)
	# shellcheck disable=SC2086 # several
	nemu node add $names
	[ "$(bash -c 'ulimit -n 64; exec "$NEMU" -q node' | wc -l)" -eq 61 ]
	printf 'addr n%s add 10.0.0.1/24 dev lo\n' {1..60} >"$BATS_TEST_TMPDIR/f"
	echo 'node -q' >>"$BATS_TEST_TMPDIR/f"
	[ "$(bash -c 'ulimit -n 64; exec "$NEMU" batch "$0"' "$BATS_TEST_TMPDIR/f" | wc -l)" -eq 61 ]
	nemu addr n60 | grep 10.0.0.1/24
	bash -c 'ulimit -n 64; exec "$NEMU" node del --all'
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "node del kills nobody who has got the PID of a server that died meanwhile" {
	needs_root
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "needs CONFIG_CHECKPOINT_RESTORE"
	mkdir -m 700 "$NEMU_RUNDIR/default"
	# Its connection stays open and silent, as another process has it too.
	cat >"$BATS_TEST_TMPDIR/server.py" <<-'PY'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1] + ".new")
		s.listen()
		os.rename(sys.argv[1] + ".new", sys.argv[1]) # who finds it can connect
		s.accept() # whether it is there
		c = s.accept()[0]
		c.sendall(b"220 Hello.\n")
		c.recv(100)
		if not os.fork():
		    c.recv(1)
	PY
	run timeout 60 unshare --pid --fork --kill-child --mount-proc bash -c '
		python3 "$1" "$NEMU_RUNDIR/default/n" 3>&- &
		server=$!
		until [ -S "$NEMU_RUNDIR/default/n" ]; do :; done
		"$NEMU" node del n &
		del=$!
		wait $server
		echo $((server - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 86471 3>&- &
		[ $! -eq $server ] || echo "another PID: $! for $server"
		wait $del || echo "node del: $?"
		[[ $(</proc/$server/comm) == sleep && $(</proc/$server/stat) != *") Z"* ]] || echo killed' \
		- "$BATS_TEST_TMPDIR/server.py"
	echo "$status $output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "node del does not wait for who has got the PID of a keeper that ended meanwhile" {
	needs_root
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "needs CONFIG_CHECKPOINT_RESTORE"
	# While it waits for the first server, which is stopped, the second node is long gone.
	run timeout 60 unshare --pid --fork --kill-child --mount-proc bash -c '
		"$NEMU" node add a b
		keeper=$(sed -n "s/^PPid:\t//p" "/proc/$("$NEMU" node pid b)/status")
		kill -STOP "$("$NEMU" node pid a)"
		"$NEMU" node del a b &
		del=$!
		while [ -e "/proc/$keeper" ]; do :; done
		echo $((keeper - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 86485 3>&- &
		[ $! -eq $keeper ] || echo "another PID: $! for $keeper"
		wait $del || echo "node del: $?"' </dev/null
	echo "$status $output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "node del while clients wait: they are told, each in its way" {
	nemu node add a
	nemu spawn a --name x sleep 86470
	"$NEMU" exec a sleep 86470 2>"$BATS_TEST_TMPDIR/exec" &
	local in_exec=$!
	"$NEMU" logs a -f x 2>"$BATS_TEST_TMPDIR/logs" &
	local in_logs=$!
	eventually sh -c "[ \$(pgrep --ns $$ --nslist ipc -cx -f 'sleep 86470') -eq 2 ]"
	silent node del a
	local code=0
	wait $in_exec || code=$?
	echo "exec $code $(cat "$BATS_TEST_TMPDIR/exec")"
	[[ $code == 143 || $code == 125 ]]
	wait $in_logs || :
	no_process 86470
}

@test "no descriptors are lost by what clients do, well and badly" {
	nemu node add a
	local pid before
	pid=$(nemu node pid a)
	fds() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
	fds_are() { [ "$(fds)" -eq "$1" ]; }
	nemu exec a true
	nemu if a >/dev/null
	before=$(fds)
	for _ in {1..20}; do
		nemu exec a true </dev/null
		nemu exec a nosuch 2>/dev/null || :
		nemu exec a -d /nosuch true 2>/dev/null || :
		nemu exec a -u nosuch true 2>/dev/null || :
		nemu spawn a -i true >/dev/null
		nemu route a add 10.0.0.0/8 via 10.0.0.1 2>/dev/null || :
	done
	nemu wait a
	eventually fds_are "$before"
}
