#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# exec: a program in a node, in the foreground: its exit code, descriptors, user, folder,
# environment, signals.
# shellcheck disable=SC1003,SC2016 # what stands in single quotes is for a shell in a node

load helpers

setup() { nemu node add a; }

teardown() {
	"$NEMU" node del --all
	if [[ ${mounted-} ]]; then
		umount /etc/passwd /etc/group
	fi
}

@test "the exit code is the program's; 128+n for a signal" {
	silent exec a true
	for code in 1 2 3 4 7 124 125 126 127 128 255; do
		capture exec a sh -c "exit $code"
		[ "$status" -eq "$code" ]
		[ -z "$output$stderr" ]
	done
	for sig in 1 2 3 6 9 13 15 34; do
		capture exec a sh -c "kill -$sig \$\$" # bash ignores SIGQUIT
		echo "$sig: $status $stderr"
		[ "$status" -eq $((128 + sig)) ]
		[ -z "$output$stderr" ]
	done
}

@test "127 not found, 126 not executable, 125 a failure of ours" {
	fails 127 no-such-program exec a no-such-program
	fails 127 /no/such exec a /no/such/program
	fails 127 "" exec a ""
	fails 126 /etc/passwd exec a /etc/passwd
	fails 126 /etc exec a /etc
	echo 'not a program' >"$BATS_TEST_TMPDIR/text"
	chmod 755 "$BATS_TEST_TMPDIR/text"
	fails 126 text exec a "$BATS_TEST_TMPDIR/text"
	mkdir "$BATS_TEST_TMPDIR/bin"
	echo >"$BATS_TEST_TMPDIR/bin/prog"
	fails 126 prog exec a -e PATH="$BATS_TEST_TMPDIR/bin" prog
	fails 125 zz exec zz true
	fails 125 nolab -L nolab exec a true
	fails 125 /no/such exec a -d /no/such true
	fails 125 nobodyknows exec a -u nobodyknows true
	fails 125 CMD exec a
	fails 125 NODE exec
	fails 125 -x exec a -x true
	fails 125 -d exec a -d
	fails 125 -t exec a -t -T true
	fails 125 x/y exec x/y true
}

@test "standard input, output and error are the caller's own, not copies" {
	local dir=$BATS_TEST_TMPDIR
	echo in >"$dir/in"
	nemu exec a sh -c 'readlink /proc/self/fd/0; readlink /proc/self/fd/2; cat' \
		<"$dir/in" >"$dir/out" 2>"$dir/err"
	[ "$(cat "$dir/out")" = "$dir/in"$'\n'"$dir/err"$'\nin' ]
	[ ! -s "$dir/err" ]
	nemu exec a sh -c 'echo err >&2' >"$dir/out" 2>"$dir/err"
	[ ! -s "$dir/out" ]
	[ "$(cat "$dir/err")" = err ]
	# The offset is shared: what is left is for the next.
	# shellcheck disable=SC2094 # not the same
	printf '1\n2\n3\n' >"$dir/in"
	[ "$({ nemu exec a sh -c 'read x'; cat; } <"$dir/in")" = $'2\n3' ]
	{ echo 1; nemu exec a echo 2; echo 3; } >"$dir/out"
	[ "$(cat "$dir/out")" = $'1\n2\n3' ]
	[ "$(nemu exec a sh -c '[ /proc/self/fd/1 -ef /proc/self/fd/2 ] && echo one' 2>&1)" = one ]
}

@test "no other descriptor gets into the program" {
	exec 7<>"$BATS_TEST_TMPDIR/seven"
	[ "$(nemu exec a bash -c 'for f in /proc/$$/fd/*; do readlink $f; done' </dev/null 2>/dev/null | grep -c /)" -le 3 ]
	run ! grep seven <(nemu exec a bash -c 'readlink /proc/$$/fd/*')
	run ! nemu exec a sh -c 'echo x >&7'
	exec 7<&-
	[ "$(nemu exec a sh -c 'ls /proc/self/fd' | tr '\n' ' ')" = "0 1 2 3 " ] # 3: the folder
}

@test "descriptors that the caller has closed" {
	[ "$(nemu exec a echo x <&-)" = x ]
	[ "$(nemu exec a readlink /proc/self/fd/0 <&-)" = /dev/null ]
	nemu exec a sh -c 'x=$(readlink /proc/$$/fd/1); echo "$x" >&2' >&- 2>"$BATS_TEST_TMPDIR/err"
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = /dev/null ]
	nemu exec a true >&- 2>&-
	nemu exec a true <&- >&- 2>&-
}

@test "data: every byte, both ways; ten megabytes through a pipe" {
	local all=$BATS_TEST_TMPDIR/all big=$BATS_TEST_TMPDIR/big
	for i in {0..255}; do printf '%b' "\\0$(printf %o "$i")"; done >"$all"
	[ "$(stat -c %s "$all")" -eq 256 ]
	nemu exec a cat <"$all" | cmp - "$all"
	head -c 10000000 /dev/urandom >"$big"
	# shellcheck disable=SC2002 # a pipe is meant
	cat "$big" | nemu exec a cat | cmp - "$big"
	# shellcheck disable=SC2002
	cat "$big" | nemu exec a sh -c 'cat >&2' 2>&1 >/dev/null | cmp - "$big"
}

@test "a reader that goes away ends the writer" {
	run timeout 10 bash -c '"$NEMU" exec a yes | head -n 1; echo "${PIPESTATUS[0]}"'
	same "$output" $'y\n141'
}

@test "arguments arrive as they are" {
	run nemu exec a printf '<%s>' '' 'a b' $'x\ny' '*' '$HOME' '"' "'" '\' '=' -- -L -j $'\xff\xfe' 'ü'
	[ "$output" = $'<><a b><x\ny><*><$HOME><"><'"'"$'><\\><=><--><-L><-j><\xff\xfe><ü>' ]
	[ "$(nemu exec a echo -u nobody -d /)" = "-u nobody -d /" ]
	[ "$(nemu exec a -- echo -- x)" = "-- x" ]
	[ "$(nemu exec a bash -c 'echo $#' - $(seq 5000))" = 5000 ]
	[ "$(nemu exec a sh -c 'echo ${#1}' - "$(printf %0100000d 0)")" = 100000 ]
}

@test "-u: user, group, supplementary groups, no capabilities, HOME USER LOGNAME SHELL" {
	local was=$BATS_TEST_TMPDIR
	{ cat /etc/passwd; echo "nemutest:x:12345:12346::/home/of nemutest:/bin/sh"; } >"$was/passwd"
	{ cat /etc/group; printf 'nt1:x:12346:\nnt2:x:12347:nemutest\nnt3:x:12348:x,nemutest\n'; } >"$was/group"
	mount --bind "$was/passwd" /etc/passwd
	mount --bind "$was/group" /etc/group
	mounted=1
	nemu node add u
	for user in nemutest 12345; do
		[ "$(nemu exec u -u $user sh -c 'id -u; id -g; id -G')" = $'12345\n12346\n12346 12347 12348' ]
		[ "$(nemu exec u -u $user sh -c 'echo "$HOME|$USER|$LOGNAME|$SHELL"')" = \
			"/home/of nemutest|nemutest|nemutest|/bin/sh" ]
		[ "$(nemu exec u -u $user grep ^Cap /proc/self/status | cut -f2 | sort -u)" = 0000000000000000 ]
		[ "$(nemu exec u -u $user grep -c ^Cap /proc/self/status)" -eq 5 ]
		[ "$(nemu exec u -u $user cut -f2- /proc/self/status | sed -n '/^12345/p;/^12346/p' | head -n 2)" = \
			$'12345\t12345\t12345\t12345\n12346\t12346\t12346\t12346' ]
	done
	run ! nemu exec u -u nemutest ip link set lo down
	run ! nemu exec u -u nemutest cat /etc/shadow
	nemu node del u
}

@test "--cap: the named capabilities stay with the user, and no other" {
	[ "$(nemu exec a -u nobody --cap net_raw,CAP_net_admin sh -c 'grep ^Cap /proc/self/status')" = \
		$'CapInh:\t0000000000003000\nCapPrm:\t0000000000003000\nCapEff:\t0000000000003000\nCapBnd:\t0000000000003000\nCapAmb:\t0000000000003000' ]
	nemu exec a -u nobody grep -qx $'NoNewPrivs:\t1' /proc/self/status
	nemu exec a -u nobody --cap net_admin ip link add x86 type bridge
	run ! nemu exec a -u nobody ip link add x87 type bridge
	nemu exec a -u nobody --cap net_raw ping -q -c 1 -w 10 127.0.0.1
	nemu spawn a --name c86 -u nobody --cap net_bind_service --ready listen=tcp/80 \
		python3 -m http.server --directory / 80
	nemu kill a c86
	fails 125 "nosuch86: no such capability" exec a -u nobody --cap net_raw,nosuch86 true
	fails 125 "only with -u" exec a --cap net_raw true
	fails 125 "not names" exec a -u nobody --cap 'a b' true
	fails 125 "not names" exec a -u nobody --cap '' true
}
@test "-u nobody, by name and number; an unknown number; without -u root with all it has" {
	[ "$(nemu exec a -u nobody id -u)" = 65534 ]
	[ "$(nemu exec a -u 65534 id -un)" = nobody ]
	[ "$(nemu exec a -u nobody grep CapBnd /proc/self/status)" = $'CapBnd:\t0000000000000000' ]
	[ "$(nemu exec a id -u)" = 0 ]
	run ! grep -x $'CapEff:\t0000000000000000' <(nemu exec a cat /proc/self/status)
	[ "$(nemu exec a -u nobody -e HOME=/x sh -c 'echo $USER')" = nobody ]
}

@test "the folder: the caller's, or -d" {
	cd "$BATS_TEST_TMPDIR"
	[ "$(nemu exec a pwd -P)" = "$PWD" ]
	[ "$(nemu exec a -d / pwd -P)" = / ]
	[ "$(nemu exec a -d /usr/bin pwd -P)" = "$(cd /usr/bin && pwd -P)" ]
	fails 125 passwd exec a -d /etc/passwd true
}

@test "a folder that has been removed is not the root" {
	mkdir "$BATS_TEST_TMPDIR/gone"
	cd "$BATS_TEST_TMPDIR/gone"
	rmdir "$BATS_TEST_TMPDIR/gone"
	fails 125 "a: the working directory: No such file" exec a pwd
	fails 125 "a: the working directory: No such file" exec a -d tmp pwd
	fails 2 "a: the working directory: No such file" spawn a pwd
	[ "$(nemu exec a -d /usr pwd)" = /usr ]
	silent until ping a 127.0.0.1
}

@test "the environment is the caller's; -e adds and replaces" {
	[ "$(ONE='a b' nemu exec a sh -c 'echo "$ONE"')" = "a b" ]
	[ "$(ONE=1 nemu exec a -e ONE=2 -e TWO='x=y' -e THREE= sh -c 'echo "$ONE|$TWO|${THREE-unset}"')" = "2|x=y|" ]
	[ "$(nemu exec a -e X=$'\xff\n\x01' printenv X | od -An -tx1)" = " ff 0a 01 0a" ]
	[ "$(env -i NEMU_RUNDIR="$NEMU_RUNDIR" X=1 "$NEMU" exec a env)" = "$(printf 'NEMU_RUNDIR=%s\nX=1' "$NEMU_RUNDIR")" ]
	[ "$(nemu exec a -e ONE=1 -e ONE=2 sh -c 'env | grep -c ^ONE=')" = 1 ]
}

@test "-e without a name or a value is refused" {
	fails 125 FOO exec a -e FOO true
	fails 125 =x exec a -e =x true
}

@test "the program is looked for in the PATH that it gets" {
	mkdir "$BATS_TEST_TMPDIR/p1" "$BATS_TEST_TMPDIR/p2"
	printf '#!/bin/sh\necho one\n' >"$BATS_TEST_TMPDIR/p1/nemu-prog"
	printf '#!/bin/sh\necho two\n' >"$BATS_TEST_TMPDIR/p2/nemu-prog"
	chmod 755 "$BATS_TEST_TMPDIR"/p?/nemu-prog
	fails 127 nemu-prog exec a nemu-prog
	[ "$(PATH=$BATS_TEST_TMPDIR/p1:$PATH nemu exec a nemu-prog)" = one ]
	[ "$(PATH=$BATS_TEST_TMPDIR/p1:$PATH nemu exec a -e PATH="$BATS_TEST_TMPDIR/p2:/bin" nemu-prog)" = two ]
	chmod 644 "$BATS_TEST_TMPDIR/p1/nemu-prog"
	[ "$(nemu exec a -e PATH="$BATS_TEST_TMPDIR/p1:$BATS_TEST_TMPDIR/p2:/bin" nemu-prog)" = two ]
}

@test "a session of its own; signals as by default, none blocked" {
	[ "$(nemu exec a sh -c 'cut -d" " -f1,5,6 /proc/$$/stat | tr " " "\n" | sort -u | wc -l')" = 1 ]
	(
		trap '' INT TERM HUP PIPE CHLD USR1
		nemu exec a grep -E '^Sig(Blk|Ign)' /proc/self/status
	) >"$BATS_TEST_TMPDIR/signals"
	[ "$(cut -f2 "$BATS_TEST_TMPDIR/signals" | sort -u)" = 0000000000000000 ]
}

# A program that writes to FILE when it can be signalled, and what it then gets.
catcher='trap "echo got $1 >>$2; exit 42" $1; echo up >$2; while :; do sleep 0.05; done'

@test "signals to the client reach the program" {
	local f=$BATS_TEST_TMPDIR/f sig client code
	for sig in TERM INT HUP QUIT; do
		rm -f "$f"
		# env: in a job of bash's without job control, SIGINT and SIGQUIT are ignored
		env --default-signal=INT,QUIT "$NEMU" exec a sh -c "$catcher" - $sig "$f" &
		client=$! code=0
		eventually test -s "$f"
		kill -$sig $client
		wait $client || code=$?
		echo "$sig: $code $(cat "$f")"
		[ "$code" -eq 42 ]
		[ "$(cat "$f")" = $'up\ngot '$sig ]
	done
}

@test "a program that does not mind the signal goes on, and its end is told" {
	local f=$BATS_TEST_TMPDIR/f client code=0
	"$NEMU" exec a sh -c "trap 'echo caught >>$f' TERM; echo up >$f; until [ -e $f.go ]; do sleep 0.05; done; exit 5" &
	client=$!
	eventually test -s "$f"
	kill -TERM $client
	eventually grep -q caught "$f"
	kill -0 $client
	touch "$f.go"
	wait $client || code=$?
	[ "$code" -eq 5 ]
}

@test "a signal that ends the program is its exit code, and the whole group gets it" {
	local f=$BATS_TEST_TMPDIR/f client code=0
	"$NEMU" exec a sh -c 'sleep 86421 & echo up >$1; wait' - "$f" &
	client=$!
	eventually test -s "$f"
	pgrep --ns $$ --nslist ipc -f 'sleep 86421'
	kill -TERM $client
	wait $client || code=$?
	[ "$code" -eq 143 ]
	eventually no_process 'sleep 86421'
}

@test "-u with a getent that knows no options, and names that look like some" {
	local bin=$BATS_TEST_TMPDIR/bin name
	mkdir -m 755 "$bin"
	printf '#!/bin/sh\n[ "$1" = passwd ] && [ $# = 2 ] || exit 2\nPATH=%q exec getent "$@"\n' "$PATH" >"$bin/getent"
	chmod 755 "$bin/getent"
	PATH=$bin:$PATH nemu node add other
	[ "$(nemu exec other -u nobody id -un)" = nobody ]
	for name in -- -x --help; do fails 125 "$name: no such user" exec a -u "$name" true; done
}

@test "the death of the client is a SIGHUP for the program" {
	local f=$BATS_TEST_TMPDIR/f client
	"$NEMU" exec a sh -c "$catcher" - HUP "$f" &
	client=$!
	eventually test -s "$f"
	kill -KILL $client
	eventually grep -q 'got HUP' "$f"
}

@test "a signal to the client while its program still starts: the client ends by it" {
	local code=0
	slow_node slow -- timeout 1 "$NEMU" exec slow -u nobody sleep 86425
	for _ in {1..250}; do # 5 s and more
		ended $client && break
		pause
	done
	ended $client
	wait $client || code=$?
	[ $code -eq 124 ]
	found
	eventually not pgrep -f "$BATS_TEST_TMPDIR/bin/getent"
	nemu wait slow -t 5s
	no_process 'sleep 86425'
}

@test "a signal to the client while a server that hangs takes no more of what it is told" {
	local server long
	server=$(nemu node pid a)
	long=$(printf '%100000s' x)
	kill -STOP "$server"
	run timeout -k 10 1 env A="$long" B="$long" C="$long" D="$long" "$NEMU" exec a true
	kill -CONT "$server"
	[ "$status" -eq 124 ]
}

@test "the death of the client while its program still starts: a SIGHUP as soon as it has" {
	local client
	slow_node slow -- "$NEMU" exec slow -u nobody sleep 86424
	kill -KILL $client
	wait $client || :
	nemu node show slow # by now the server has heard of it
	found
	eventually not pgrep -f "$BATS_TEST_TMPDIR/bin/getent"
	nemu wait slow -t 5s
	no_process 'sleep 86424'
}

@test "the death of the node is a failure of ours" {
	local client code=0
	"$NEMU" exec a sleep 86422 2>"$BATS_TEST_TMPDIR/err" &
	client=$!
	eventually pgrep --ns $$ --nslist ipc -f 'sleep 86422'
	kill -KILL "$(nemu node pid a)"
	wait $client || code=$?
	[ "$code" -eq 125 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
	grep -q '^nemu exec: a: ' "$BATS_TEST_TMPDIR/err"
	eventually no_process 'sleep 86422'
}

@test "what the program leaves in the background does not hold up its end, and lives on" {
	run timeout 10 "$NEMU" exec a sh -c 'sleep 86423 >/dev/null 2>&1 & exit 6'
	[ "$status" -eq 6 ]
	pgrep --ns $$ --nslist ipc -f 'sleep 86423'
	nemu node del a
	eventually no_process 'sleep 86423'
}

@test "-t: a terminal of its own; without one at either end none" {
	run ! nemu exec a tty
	run nemu exec a -t tty
	[[ $output == /dev/pts/* ]]
	run nemu exec a -t sh -c 'test -t 0 && test -t 1 && test -t 2 && exit 9'
	[ "$status" -eq 9 ]
	[ "$(nemu exec a -T echo x)" = x ]
}

@test "a signal that was ignored when it began, as under nohup, is ignored" {
	local pid
	bash -c 'trap "" HUP; exec "$NEMU" exec a sh -c "until [ -e \"\$0\" ]; do sleep 0.1; done" "$BATS_TEST_TMPDIR/told"' &
	pid=$!
	eventually sh -c '"$NEMU" -j ps a | jq -e "any(.state == \"running\")"'
	kill -HUP "$pid"
	touch "$BATS_TEST_TMPDIR/told"
	wait "$pid"
	bash -c 'trap "" HUP; exec "$NEMU" lab run sh -c "kill -HUP \$PPID; kill -HUP $$; sleep 0.2"'
}

@test "many at once, each with its own" {
	local i pids=() bad=0
	for i in {1..30}; do
		nemu exec a sh -c "cat; exit $i" <<<"$i" >"$BATS_TEST_TMPDIR/$i" &
		pids+=($!)
	done
	for i in {1..30}; do
		local code=0
		wait "${pids[i - 1]}" || code=$?
		[[ $code == "$i" && $(cat "$BATS_TEST_TMPDIR/$i") == "$i" ]] || bad=$((bad + 1))
	done
	[ "$bad" -eq 0 ]
}

@test "sh: the shell of \$SHELL, with its exit code" {
	run bash -c 'echo "exit 3" | SHELL=/bin/sh "$NEMU" sh a'
	[ "$status" -eq 3 ]
	[ "$(echo 'uname -n; echo $X' | SHELL=/bin/sh nemu sh a -e X=y)" = $'a\ny' ]
	fails 125 zz sh zz
}
