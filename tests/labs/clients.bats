#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The clients in man/examples, which know no more than nemu-protocol(7) says, against a node of
# "nemu node add" and one of "nemu server NODE".
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node

load helpers

examples=$BATS_TEST_DIRNAME/../../man/examples
hostile=('a b' "it's" '"' '$HOME `id` \' $'two\nlines' $'ends in a newline\n' '' $'\351\377\201\210' '=' '=YQ==' '*' '-n' '%s')

setup() {
	nemu node add a
	"$NEMU" server b &
	eventually nemu node pid b
}

teardown() {
	nemu node del --all
	wait
}

# client py|sh WORDS...: as capture.
client() {
	local suffix=$1
	shift
	status=0
	output=$("$examples/client.$suffix" "$@" 2>"$BATS_TEST_TMPDIR/.stderr") || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/.stderr")
}

# A client that failed: code 1, nothing on standard output, one line with TEXT on standard error.
refused() { # TEXT py|sh WORDS...
	local text=$1
	shift
	client "$@"
	if [[ $status != 1 || $output || $stderr == *$'\n'* || $stderr != "client.$1: "*"$text"* ]]; then
		echo "client.$*: exit $status, stdout '$output', stderr '$stderr'"
		return 1
	fi
}

ends() { # CODE py|sh WORDS...
	local code=$1
	shift
	client "$@"
	[[ $status == "$code" && ! $stderr ]] || { echo "client.$*: exit $status, $stderr"; return 1; }
}

index() { inside "$1" ip -j link show dev "$2" | jq '.[0].ifindex'; }

@test "they have fewer than 60 lines, and a licence" {
	local f
	for f in "$examples"/client.py "$examples"/client.sh; do
		[ -x "$f" ]
		[ "$(wc -l <"$f")" -lt 60 ]
		[ "$(grep -c 'SPDX-License-Identifier: GPL-2.0-or-later' "$f")" -eq 1 ]
		[ "$(wc -L <"$f")" -le 100 ]
	done
}

@test "client.py ifs: the names of the interfaces" {
	nemu link add a:eth0 b:eth1
	client py a ifs
	same "$output" "$(inside a ip -j link | jq -r '.[].ifname')"
	client py b ifs
	same "$(sort <<<"$output")" $'eth1\nlo'
	[ ! "$stderr" ]
}

@test "client.py reads plain records only" {
	local f=$BATS_TEST_TMPDIR/made pickle
	pickle=$(printf '\200\002cos\nsystem\n(U%btouch %s\164R.' "\\$(printf %o $((${#f} + 6)))" "$f" | base64 -w 0)
	mkdir "$BATS_TEST_TMPDIR/lab"
	printf '220 Hello.\n200-# Data follows.\n200 =%s\n' "$pickle" >"$BATS_TEST_TMPDIR/replies"
	socat -t 10 "UNIX-LISTEN:$BATS_TEST_TMPDIR/lab/x" "SYSTEM:cat $BATS_TEST_TMPDIR/replies; cat >/dev/null" &
	eventually test -S "$BATS_TEST_TMPDIR/lab/x"
	NEMU_RUNDIR=$BATS_TEST_TMPDIR NEMU_LAB=lab client py x ifs
	[ "$status" -eq 1 ]
	[[ $stderr == *"not from a node: os.system" ]]
	[ ! -e "$f" ]
}

@test "client.sh help: the commands, one a line" {
	client sh a help
	[ "$status" -eq 0 ]
	grep -qx 'ADDR ADD' <<<"$output"
	grep -qx 'QUIT' <<<"$output"
	[ "$(wc -l <<<"$output")" -gt 16 ]
	not grep -q '^200' <<<"$output"
}

@test "addr: adds an address, and says why not" {
	local c n i
	nemu link add a:eth0 b:eth0
	for c in py sh; do
		for n in a b; do
			i=$(index $n eth0)
			ends 0 $c $n addr "$i" 10.0.0.1 24
			ends 0 $c $n addr "$i" 2001:db8::1 64
			[ ! "$output" ]
			inside $n ip -j addr show dev eth0 | is '[.[0].addr_info[] | "\(.local)/\(.prefixlen)"]
				| contains(["10.0.0.1/24", "2001:db8::1/64"])'
			refused 'File exists' $c $n addr "$i" 10.0.0.1 24
			refused 'such device' $c $n addr 4711 10.0.0.1 24
			refused 10.0.0.256 $c $n addr "$i" 10.0.0.256 24
			refused '' $c $n addr "$i" 10.0.0.1
			refused '' $c $n addr eth0 10.0.0.2 24
			refused 'not a word' $c $n addr "$i" '' 24
			client $c $n addr "$i" $'10.0.0.9 24\nQUIT' 24
			[[ $status == 1 && $stderr == "client.$c: not a word: "* ]]
			refused 'not a word' $c $n addr "$i" 10.0.0.9 '24 10.0.0.255'
			refused '' $c $n addr "$i" "=$(printf 10.0.0.9 | base64)" 24
			inside $n ip -j addr show dev eth0 | is '[.[0].addr_info[] | select(.local | startswith("10."))] | length == 1'
			inside $n ip addr flush dev eth0
		done
	done
}

@test "run: the exit code is the program's" {
	local c n
	for c in py sh; do
		for n in a b; do
			ends 0 $c $n run true
			ends 3 $c $n run sh -c 'exit 3'
			ends 255 $c $n run sh -c 'exit 255'
			ends 143 $c $n run sh -c 'kill $$'
			refused 'No such file or directory' $c $n run /nonexistent/program
			refused 'ermission denied' $c $n run /
			refused '' $c $n run
		done
	done
	[ "$(nemu -q ps a | wc -l)" -eq 0 ] # all have been waited for
}

@test "run: the program has the arguments that were meant" {
	local c n f=$BATS_TEST_TMPDIR/f
	printf '%s\0' "${hostile[@]}" >"$f.want"
	for c in py sh; do
		for n in a b; do
			ends 0 $c $n run sh -c 'f=$1; shift; printf "%s\0" "$@" >"$f"' sh "$f" "${hostile[@]}"
			cmp "$f" "$f.want"
			rm "$f"
		done
	done
}

@test "run: every byte, and a program whose name is hostile" {
	local c all f=$BATS_TEST_TMPDIR/f word
	all=$(printf '%b' "$(printf '\\0%o' {1..255})")
	for word in "${hostile[@]}"; do
		[[ $word ]] || continue
		printf '#!/bin/sh\nprintf %%s "$1" >"$2"\n' >"$BATS_TEST_TMPDIR/$word"
		chmod +x "$BATS_TEST_TMPDIR/$word"
	done
	for c in py sh; do
		for word in "${hostile[@]}"; do
			[[ $word ]] || continue
			ends 0 $c a run "$BATS_TEST_TMPDIR/$word" "$all" "$f"
			printf %s "$all" | cmp - "$f"
			rm "$f"
		done
	done
}

@test "client.py run: standard input and output are the client's" {
	local n
	for n in a b; do
		[ "$(echo in | "$examples/client.py" $n run sh -c 'cat; echo err >&2' 2>&1)" = $'in\nerr' ]
		[ "$("$examples/client.py" $n run cat /proc/net/dev)" = "$(inside $n cat /proc/net/dev)" ]
		[ "$(seq 100000 | "$examples/client.py" $n run cat | tail -n 1)" = 100000 ]
	done
}

@test "no such node, no such command" {
	local c
	for c in py sh; do
		client $c zz run true
		[[ $status == 1 && $stderr == *zz* && ! $output ]]
		client $c a frob
		[[ $status == 1 && $stderr && ! $output ]]
		client $c a
		[[ $status == 1 && $stderr && ! $output ]]
	done
}
