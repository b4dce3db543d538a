#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# spawn, wait, kill, ps, logs: programs in the background of a node.
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node

load helpers

setup() { nemu node add a; }

teardown() { "$NEMU" node del --all; }

state() { nemu -j ps a | jq -r ".[] | select(.pid == $1) | .state"; }
over() { [ "$(state "$1")" = ended ]; }

# ---------------------------------------------------------------- spawn

@test "spawn prints the PID and no more, and does not hold what it was called with" {
	local pid
	pid=$(timeout 10 "$NEMU" spawn a sleep 86431)
	[[ $pid =~ ^[0-9]+$ ]]
	grep -qz 86431 "/proc/$pid/cmdline"
	[ "$(readlink "/proc/$pid/ns/net")" = "$(readlink "/proc/$(nemu node pid a)/ns/net")" ]
	run timeout 10 bash -c '"$NEMU" spawn a sh -c "echo noise; echo noise >&2; exec sleep 86431" 2>&1 | cat'
	[[ $output =~ ^[0-9]+$ ]]
	pid=$(timeout 10 "$NEMU" spawn a sh -c 'sleep 86431 & sleep 86431 & wait')
	kill -0 "$pid"
}

@test "spawn: the caller's input is not for it, and its folder and environment are the caller's" {
	cd "$BATS_TEST_TMPDIR"
	local pid
	pid=$(echo mine | X=1 nemu spawn a sh -c 'cat; pwd; echo $X $Y' )
	nemu wait a "$pid"
	[ "$(nemu logs a "$pid")" = "$PWD"$'\n1' ]
	pid=$(nemu spawn a -d / -e Y=2 -u nobody sh -c 'pwd; echo $Y; id -u; grep CapBnd /proc/self/status')
	nemu wait a "$pid"
	[ "$(nemu logs a "$pid")" = $'/\n2\n65534\nCapBnd:\t0000000000000000' ]
}

@test "spawn -i: output goes where the caller's goes" {
	local pid
	nemu spawn a -i sh -c 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	pid=$(nemu -q ps a)
	nemu wait a "$pid"
	[ "$(sort "$BATS_TEST_TMPDIR/out")" = "$(printf '%s\nout' "$pid" | sort)" ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
	fails 3 "$pid" logs a "$pid"
	pid=$(nemu spawn a -i sh -c 'readlink /proc/self/fd/0 >&2' <&- 2>"$BATS_TEST_TMPDIR/err")
	nemu wait a "$pid"
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = /dev/null ]
}

@test "spawn: what cannot be started" {
	fails 127 nosuch spawn a nosuch
	fails 127 /no/such spawn a /no/such
	fails 126 /etc/passwd spawn a /etc/passwd
	fails 3 zz spawn zz true
	fails 2 /no/such spawn a -d /no/such true
	fails 2 nobodyknows spawn a -u nobodyknows true
	fails 1 CMD spawn a
	fails 1 NODE spawn
	fails 1 -x spawn a -x true
	fails 1 --ready spawn a --ready sometime true
	fails 1 -t spawn a -t soon true
	[ "$(nemu -j ps a)" = "[]" ]
	[ -z "$(find "$NEMU_RUNDIR" -path '*/.a/*')" ]
}

@test "what cannot be started, and does not end either, holds up nobody else" {
	local fd held held_all=() code=0 client served
	slow_node slow -- "$NEMU" spawn slow -u nobody -d /no/such true
	# The other end of what the server hears it from.
	for fd in "/proc/$(nemu node pid slow)"/fd/*; do
		[[ $(readlink "$fd") == pipe:* ]] || continue
		exec {held}>"$fd"
		held_all+=("$held")
	done
	[ "${#held_all[@]}" -gt 0 ]
	found
	eventually not pgrep -f "$BATS_TEST_TMPDIR/bin/getent"
	served=$(timeout -s KILL 5 "$NEMU" exec slow echo "served; $(ps -o stat= $client)") || :
	for held in "${held_all[@]}"; do exec {held}>&-; done
	[[ $served == "served; "[SR]* ]] # and the client waits
	wait "$client" || code=$?
	[ "$code" -eq 2 ]
	[ "$(nemu -j ps slow)" = "[]" ]
}

@test "spawn --name: a tag instead of the PID, one running program each" {
	local pid
	pid=$(nemu spawn a --name web.1 sleep 86432)
	nemu -j ps a | is ".[0].tag == \"web.1\" and .[0].pid == $pid"
	fails 2 web.1 spawn a --name web.1 true
	silent kill a web.1
	run nemu wait a web.1
	[ "$status" -eq 143 ]
	pid=$(nemu spawn a --name web.1 sh -c 'exit 4') # free again
	run nemu wait a web.1
	[ "$status" -eq 4 ]
	for tag in 12 "" a/b "a b" -x; do
		fails 1 --name spawn a --name "$tag" true
	done
}

@test "spawn --name: a program that still starts has its name already" {
	local client
	slow_node slow -- "$NEMU" spawn slow -u nobody --name x sleep 86443
	fails 2 x spawn slow --name x sleep 86444
	found
	wait "$client"
	nemu -j ps slow | is 'length == 1 and .[0].command == "sleep 86443"'
}

@test "spawn --ready listen=: returns when it listens" {
	local server='import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM)
time.sleep(0.3)
s.bind(("0.0.0.0", 4000))
if sys.argv[1] == "tcp": s.listen()
time.sleep(1000)'
	nemu spawn a --ready listen=tcp/4000 python3 -c "$server" tcp
	inside a ss -ltnH | grep -q ':4000 '
	nemu spawn a --ready listen=udp/4000 python3 -c "$server" udp
	inside a ss -lunH | grep -q ':4000 '
}

@test "spawn --ready line=, fd, notify" {
	local pid
	pid=$(nemu spawn a --ready 'line=^ready [0-9]' sh -c 'echo not ready; sleep 0.2; echo ready 5; exec sleep 86433')
	[ "$(nemu logs a "$pid")" = $'not ready\nready 5' ]
	pid=$(nemu spawn a --ready fd sh -c 'echo before; echo >&$NEMU_READY_FD; exec sleep 86433')
	[ "$(nemu logs a "$pid")" = before ]
	# The caller may have such a socket itself, of which nothing in the node knows.
	pid=$(NOTIFY_SOCKET=/of/the/caller nemu spawn a --ready notify python3 -c 'import os, socket, time
print("before", flush=True)
path = os.environ["NOTIFY_SOCKET"]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"READY=1", "\0" + path[1:] if path[0] == "@" else path)
time.sleep(1000)')
	[ "$(nemu logs a "$pid")" = before ]
}

@test "spawn --ready: 124 when the time is up, and nothing of it stays" {
	fails 124 listen=tcp/4001 spawn a --ready listen=tcp/4001 -t 100ms sleep 86434
	fails 124 "" spawn a --ready line=never -t 100ms sleep 86434
	fails 124 "" spawn a --ready fd -t 100ms sleep 86434
	eventually no_process 'sleep 86434'
	fails 2 "3" spawn a --ready listen=tcp/4001 sh -c 'exit 3'
	fails 2 "" spawn a --ready line=never true
}

@test "spawn --ready fd: a program that ends without a word, or closes it" {
	fails 2 "ended with 3" spawn a --ready fd sh -c 'exit 3'
	fails 2 "closed" spawn a --ready fd sh -c 'exec 3>&-; exec sleep 86435'
	eventually no_process 'sleep 86435'
}

@test "spawn --ready: who is ended while it waits leaves nothing; what is wrong with the word is said before" {
	local client sig
	for sig in TERM INT HUP; do
		# As from a terminal: a shell's background jobs ignore SIGINT.
		python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$NEMU" spawn a --name r --ready fd sleep 86436 3>&- &
		client=$!
		eventually sh -c '"$NEMU" -j ps a | jq -e "any(.tag == \"r\" and .state == \"running\")"'
		kill -$sig "$client"
		status=0
		wait "$client" || status=$?
		[ "$status" -eq $((128 + $(kill -l $sig))) ]
		eventually no_process 'sleep 86436'
	done
	fails 1 "[" spawn a --ready 'line=[' touch "$BATS_TEST_TMPDIR/m"
	fails 1 "tcp/0" spawn a --ready listen=tcp/0 touch "$BATS_TEST_TMPDIR/m"
	nemu -j ps a | is 'all(.command | startswith("touch") | not)'
}

# ---------------------------------------------------------------- wait

@test "wait: the exit code of the last named; 128+n; as often as asked, for anybody" {
	local one two
	one=$(nemu spawn a sh -c 'exit 3')
	two=$(nemu spawn a sh -c 'kill -9 $$')
	run nemu wait a "$two" "$one"
	[ "$status" -eq 3 ]
	[ -z "$output" ]
	run nemu wait a "$one" "$two"
	[ "$status" -eq 137 ]
	run nemu wait a "$one"
	[ "$status" -eq 3 ]
}

@test "wait blocks until the end; several may wait for the same" {
	local pid waiters=() w code
	pid=$(nemu spawn a sh -c 'read x <"$1"; exit 9' - "$(mkfifo "$BATS_TEST_TMPDIR/f"; echo "$BATS_TEST_TMPDIR/f")")
	for _ in 1 2 3; do
		"$NEMU" wait a "$pid" &
		waiters+=($!)
	done
	run nemu wait a -t 100ms "$pid"
	[ "$status" -eq 124 ]
	for w in "${waiters[@]}"; do kill -0 "$w"; done
	echo >"$BATS_TEST_TMPDIR/f"
	for w in "${waiters[@]}"; do
		code=0
		wait "$w" || code=$?
		[ "$code" -eq 9 ]
	done
}

@test "wait -n: the first to end; without names: all that run" {
	local slow quick
	slow=$(nemu spawn a --name slow sleep 86435)
	quick=$(nemu spawn a sh -c 'exit 8')
	run nemu wait a -n "$slow" "$quick"
	[ "$status" -eq 8 ]
	fails 124 "" wait a -t 50ms
	nemu kill a slow
	silent wait a
	over "$slow"
}

@test "wait -t 0: tells of what has ended" {
	local one two long
	one=$(nemu spawn a sh -c 'exit 3')
	two=$(nemu spawn a sh -c 'exit 4')
	long=$(nemu spawn a sleep 86435)
	nemu wait a "$one" "$two" || :
	for _ in {1..20}; do
		run nemu wait a -t 0 "$one" "$two"
		[ "$status" -eq 4 ]
		run nemu wait a -t 0 -n "$long" "$one"
		[ "$status" -eq 3 ]
		fails 124 "1 process" wait a -t 0 "$one" "$long"
	done
}

@test "wait -t: a server that hangs is waited for a second longer, and no more" {
	local pid server words
	pid=$(nemu spawn a sleep 86436)
	server=$(nemu node pid a)
	kill -STOP "$server"
	for words in "$pid" "-n $pid" ""; do
		# shellcheck disable=SC2086
		run timeout 20 "$NEMU" wait a -t 10ms $words
		[ "$status" -eq 124 ]
		[ "$output" = "nemu wait: a: the server does not answer" ]
	done
	kill -CONT "$server"
	fails 124 "1 process" wait a -t 10ms "$pid"
}

@test "wait: what is no process, no node, no time" {
	local pid
	fails 127 1 wait a 1
	fails 127 nosuch wait a nosuch
	fails 125 zz wait zz
	fails 125 -t wait a -t soon
	fails 125 "" wait
	pid=$(nemu spawn a true)
	fails 127 nosuch wait a "$pid" nosuch
	silent wait a "$pid"
}

@test "wait: exactly when the node dies" {
	local client code=0
	nemu spawn a --name x sleep 86436
	"$NEMU" wait a x 2>"$BATS_TEST_TMPDIR/err" &
	client=$!
	fails 124 "" wait a -t 50ms x
	kill -KILL "$(nemu node pid a)"
	wait $client || code=$?
	[ "$code" -eq 125 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
}

# ---------------------------------------------------------------- kill

@test "kill: SIGTERM, or -s by number and name; the whole group" {
	local pid spec
	pid=$(nemu spawn a sleep 86437)
	silent kill a "$pid"
	run nemu wait a "$pid"
	[ "$status" -eq 143 ]
	for spec in 9=137 KILL=137 SIGKILL=137 sigint=130 usr1=138 HUP=129; do
		pid=$(nemu spawn a sleep 86437)
		silent kill a -s "${spec%=*}" "$pid"
		run nemu wait a "$pid"
		echo "$spec $status"
		[ "$status" -eq "${spec#*=}" ]
	done
	pid=$(nemu spawn a --ready line=up sh -c 'sleep 86437 & echo up; wait')
	silent kill a "$pid"
	eventually no_process 'sleep 86437'
	silent kill a "$pid" # has ended: nothing is signalled, nothing is wrong
	pid=$(nemu spawn a sleep 86437)
	silent kill a -s 0 "$pid"
	kill -0 "$pid"
}

@test "kill --all, and several" {
	local one two
	one=$(nemu spawn a sleep 86438)
	two=$(nemu spawn a --name two sleep 86438)
	silent kill a "$one" two
	run nemu wait a "$one"
	[ "$status" -eq 143 ]
	run nemu wait a "$two"
	[ "$status" -eq 143 ]
	nemu spawn a sleep 86438
	nemu spawn a sleep 86438
	silent kill a --all -s KILL
	eventually no_process 'sleep 86438'
}

@test "kill: what is no process, no signal; then nothing is signalled" {
	local pid
	pid=$(nemu spawn a sleep 86439)
	fails 3 1 kill a 1
	fails 3 "$$" kill a "$$" # not the node's
	fails 3 nosuch kill a "$pid" nosuch
	fails 3 zz kill zz 1
	fails 1 FOO kill a -s FOO "$pid"
	fails 1 99 kill a -s 99 "$pid"
	fails 1 -1 kill a -s -1 "$pid"
	fails 1 --all kill a
	fails 1 "" kill a --all "$pid"
	fails 1 "" kill
	kill -0 "$pid"
	[ "$(state "$pid")" = running ]
}

# ---------------------------------------------------------------- ps

@test "ps: what runs and what has ended, with tag, user, status, command" {
	local one two three
	silent ps a
	silent -q ps a
	one=$(nemu spawn a --name srv -u nobody sleep 86440)
	two=$(nemu spawn a sh -c 'exit 5')
	three=$(nemu spawn a sh -c 'kill -9 $$')
	nemu wait a "$two" || :
	nemu wait a "$three" || :
	[ "$(nemu ps a -q)" = "$one"$'\n'"$two"$'\n'"$three" ]
	run nemu ps a
	[[ ${lines[0]} == PID*TAG*USER*STATE*COMMAND ]]
	[[ ${lines[1]} =~ ^$one\ +srv\ +nobody\ +running\ .*\ sleep\ 86440$ ]]
	[[ ${lines[2]} =~ ^$two\ +-\ +root\ +ended\ .*\ 5\ +sh\ -c\ exit\ 5$ ]]
	[[ ${lines[3]} =~ ^$three\ .*\ SIGKILL\ +sh ]]
	nemu -j ps a | is "length == 3 and .[0].status == null and .[1].state == \"ended\" and .[1].status == 1280
		and .[2].status == 9 and .[0].command == \"sleep 86440\" and .[0].user == \"nobody\""
	fails 3 zz ps zz
	fails 1 x ps a x
}

@test "ps: the signal that has ended it, one without a name by its number" {
	local pid
	pid=$(nemu spawn a sleep 86442)
	nemu kill a -s 40 "$pid"
	run nemu wait a "$pid"
	[ "$status" -eq 168 ]
	[[ $(nemu ps a | grep "^$pid ") =~ \ SIG40\ +sleep ]]
}

@test "ps: control characters of a command line do no harm to a terminal" {
	nemu spawn a sh -c 'exec sleep 86441' $'\e[2J\r\n'
	run nemu ps a
	[ "${#lines[@]}" -eq 2 ]
	run ! grep -P '[\x00-\x09\x0b-\x1f]' <(nemu ps a)
	nemu -j ps a | is '.[0].command | contains("\u001b[2J")'
}

# ---------------------------------------------------------------- logs

@test "what cannot be printed does not run on" {
	local code=0
	fails 1 "-t: only with --ready" spawn a -t 5s true
	"$NEMU" spawn a sleep 86483 >/dev/full 2>"$BATS_TEST_TMPDIR/err" || code=$?
	[ "$code" -eq 2 ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = "nemu spawn: standard output: No space left on device" ]
	eventually no_process 'sleep 86483'
	nemu spawn a --name out echo hi
	nemu until exit a out
	nemu logs a out >/dev/full 2>"$BATS_TEST_TMPDIR/err" || code=$?
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = "nemu logs: a: standard output: No space left on device" ]
}

@test "logs: of a process whose number another had before" {
	needs_root
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "needs CONFIG_CHECKPOINT_RESTORE"
	run unshare --pid --fork --kill-child --mount-proc bash -ec '
		export NEMU_LAB=p
		"$NEMU" node add p
		first=$("$NEMU" spawn p echo first)
		"$NEMU" until exit p "$first"
		until [ "${second-}" = "$first" ]; do # others start here, too
			echo $((first - 2)) >/proc/sys/kernel/ns_last_pid # the first one is that of the command
			second=$("$NEMU" spawn p echo second)
			"$NEMU" until exit p "$second"
		done
		"$NEMU" logs p "$first"
		"$NEMU" node del p'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = second ]
}

@test "logs: output and error in their order, each program's its own, also after its end" {
	local one two
	one=$(nemu spawn a sh -c 'echo 1; echo 2 >&2; echo 3')
	two=$(nemu spawn a --name t sh -c 'echo other')
	nemu wait a
	[ "$(nemu logs a "$one")" = $'1\n2\n3' ]
	[ "$(nemu logs a t)" = other ]
	[ "$(nemu logs a "$two")" = other ]
	[ "$(nemu logs a -n 2 "$one")" = $'2\n3' ]
	[ "$(nemu logs a -n 0 "$one")" = "" ]
	[ "$(nemu logs a -n 99 "$one")" = $'1\n2\n3' ]
	fails 3 1 logs a 1
	fails 3 nosuch logs a nosuch
	fails 3 zz logs zz 1
	fails 1 -n logs a -n x "$one"
	fails 1 PID logs a
}

@test "logs: a megabyte of any bytes, unchanged" {
	local pid
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/x"
	pid=$(nemu spawn a cat "$BATS_TEST_TMPDIR/x")
	nemu wait a "$pid"
	nemu logs a "$pid" | cmp - "$BATS_TEST_TMPDIR/x"
	nemu logs a -f "$pid" | cmp - "$BATS_TEST_TMPDIR/x"
}

@test "logs -f: follows, and ends with the program" {
	local pid client
	mkfifo "$BATS_TEST_TMPDIR/f"
	pid=$(nemu spawn a sh -c 'echo first; while read -r x; do echo "$x"; done <"$1"' - "$BATS_TEST_TMPDIR/f")
	timeout 20 "$NEMU" logs a -f "$pid" >"$BATS_TEST_TMPDIR/out" &
	client=$!
	exec 6>"$BATS_TEST_TMPDIR/f"
	eventually grep -q first "$BATS_TEST_TMPDIR/out"
	echo second >&6
	eventually grep -q second "$BATS_TEST_TMPDIR/out"
	kill -0 $client
	exec 6>&-
	wait $client
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = $'first\nsecond' ]
}

@test "logs -f: ends when nobody reads, though nothing more is printed" {
	local pid
	pid=$(nemu spawn a sh -c 'echo ready; exec sleep 86443')
	run timeout 5 bash -c '"$NEMU" logs a -f "$1" | grep -q ready; echo "${PIPESTATUS[*]}"' - "$pid"
	[ "$output" = "141 0" ]
	run timeout 5 bash -c 'trap "" PIPE; "$NEMU" logs a -f "$1" | grep -q ready; echo "${PIPESTATUS[*]}"' - "$pid"
	[[ $output == *"2 0" ]]
	nemu kill a "$pid"
}

@test "logs -f, until log: of a log that is emptied meanwhile" {
	local pid client search
	mkfifo "$BATS_TEST_TMPDIR/f"
	pid=$(nemu spawn a sh -c 'printf "a long first line\nprompt> "; while read -r x; do echo "$x"; done <"$1"' - "$BATS_TEST_TMPDIR/f")
	nemu until log a "$pid" prompt
	timeout 20 "$NEMU" logs a -f "$pid" >"$BATS_TEST_TMPDIR/out" &
	client=$!
	"$NEMU" until -t 20s log a "$pid" '^second$' &
	search=$!
	exec 6>"$BATS_TEST_TMPDIR/f"
	eventually grep -q prompt "$BATS_TEST_TMPDIR/out"
	eventually sh -c 'grep -q "^pos:.*26$" /proc/"$1"/fdinfo/*' - $search # it has read that, too
	: >"$NEMU_RUNDIR/default/.a/$pid"
	echo second >&6
	eventually grep -q second "$BATS_TEST_TMPDIR/out"
	wait $search
	exec 6>&-
	wait $client
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = $'a long first line\nprompt> second' ]
}

@test "processes of a node with PIDs of its own" {
	nemu node add p --isolate pid
	local pid
	pid=$(nemu spawn p sh -c 'echo $$; exec sleep 86442')
	nemu until log p "$pid" .
	[ "$(nemu logs p "$pid")" -lt "$pid" ]
	nemu kill p "$pid"
	run nemu wait p "$pid"
	[ "$status" -eq 143 ]
	run nemu exec p sh -c 'exit 7'
	[ "$status" -eq 7 ]
}

@test "hundred programs: none is lost" {
	local i pids=() bad=0
	for i in {1..100}; do pids+=("$(nemu spawn a sh -c "exit $i")"); done
	for i in {1..100}; do
		local code=0
		nemu wait a "${pids[i - 1]}" || code=$?
		[ "$code" -eq "$i" ] || bad=$((bad + 1))
	done
	[ "$bad" -eq 0 ]
	nemu -j ps a | is 'length == 100 and all(.state == "ended")'
}
