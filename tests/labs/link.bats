#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# link: veth pairs between nodes.

load helpers

teardown() { "$NEMU" node del --all; }

setup() { nemu node add a b c; }


@test "add: up at both ends, with carrier, and equal names may be" {
	silent link add a:eth0 b:eth0
	flag a eth0 UP
	flag b eth0 UP
	eventually flag a eth0 LOWER_UP
	eventually flag b eth0 LOWER_UP
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr b add 10.0.0.2/24 dev eth0
	nemu exec a ping -n -c 1 -W 2 10.0.0.2
}

@test "add: nothing of it in the caller's namespace" {
	local before
	before=$(ip -d link)
	nemu link add a:eth0 b:x1
	same "$(ip -d link)" "$before"
	[ "$(nemu -q if a)" = $'lo\neth0' ]
	[ "$(nemu -q if b)" = $'lo\nx1' ]
	[ "$(nemu -q if c)" = lo ]
}

@test "add: more than one between two nodes, and one within a node" {
	nemu link add a:e0 b:e0
	nemu link add a:e1 b:e1
	silent link add c:x c:y
	[ "$(nemu -q if c | sort)" = $'lo\nx\ny' ]
	flag c x UP
	flag c y UP
	nemu -j link list | is '[.[].ends | map("\(.node):\(.ifname)") | sort | join(" ")] | sort ==
		["a:e0 b:e0", "a:e1 b:e1", "c:x c:y"]'
}

@test "add: an end that exists is refused and named, and nothing is left" {
	nemu link add a:eth0 b:eth0
	fails 2 a:eth0 link add a:eth0 c:eth0
	fails 2 a:eth0 link add c:eth0 a:eth0
	fails 2 a:lo link add a:lo c:eth0
	fails 2 "c:x: both ends cannot have one name" link add c:x c:x
	nemu link add c:x c:y
	fails 2 "c:x: such an interface exists already" link add c:x c:x
	nemu link del c:x
	[ "$(nemu -q if c)" = lo ]
	[ "$(nemu -q if a)" = $'lo\neth0' ]
}

@test "add: unknown nodes and what is no end" {
	fails 3 zz link add a:eth0 zz:eth0
	fails 3 zz link add zz:eth0 a:eth0
	fails 1 "" link add a:eth0
	fails 1 "" link add
	fails 1 "" link add a:eth0 b:eth0 c:eth0
	for bad in a: :eth0 : a:1234567890123456 a:x/y a:. a:.. "a:x y" "a:" x/y:eth0 ..:eth0 "" a:b:c; do
		echo "'$bad'"
		run --separate-stderr nemu link add "$bad" b:eth0
		echo "$status $stderr"
		[[ $status == [12] && $stderr == "nemu link: "* ]]
		run --separate-stderr nemu link add b:eth0 "$bad"
		echo "$status $stderr"
		[[ $status == [12] && $stderr == "nemu link: "* ]]
	done
	[ "$(nemu -q if a)$(nemu -q if b)$(nemu -q if c)" = lololo ]
}

@test "down: the far end loses its carrier; up: has it again" {
	nemu link add a:eth0 b:eth0
	eventually flag b eth0 LOWER_UP
	silent link down a:eth0
	run ! flag a eth0 UP
	flag b eth0 UP
	eventually flag b eth0 NO-CARRIER
	run ! flag b eth0 LOWER_UP
	silent link down a:eth0
	silent link up a:eth0
	eventually flag b eth0 LOWER_UP
	eventually flag a eth0 LOWER_UP
	fails 3 eth7 link down a:eth7
	fails 3 eth7 link up a:eth7
	fails 3 zz link down zz:eth0
	fails 1 "" link down
	fails 1 "" link down a
}

@test "down tells in the list of links" {
	nemu link add a:eth0 b:eth0
	nemu until up a:eth0
	nemu -j link list | is '.[0].state == "up"'
	nemu link down b:eth0
	nemu until not up a:eth0
	nemu -j link list | is '.[0].state == "down"'
	nemu link list | grep -q 'a:eth0 *b:eth0 *down'
}

@test "del: both ends at once, whichever is named" {
	nemu link add a:eth0 b:eth0
	nemu link add a:eth1 c:eth0
	silent link del b:eth0
	silent link del a:eth1
	[ "$(nemu -q if a)$(nemu -q if b)$(nemu -q if c)" = lololo ]
	[ "$(nemu -j link)" = "[]" ]
	fails 3 eth0 link del b:eth0
	fails 3 zz link del zz:eth0
	fails 1 "" link del
	fails 4 lo link del a:lo # EOPNOTSUPP
	silent link add a:eth0 b:eth0
}

@test "list: a table with both ends, -q, nothing where nothing is" {
	needs_root
	silent link list
	silent link
	nemu link add a:eth0 b:x1
	nemu link add b:x2 c:eth0
	run nemu link
	[[ ${lines[0]} == END* ]]
	[ "${#lines[@]}" -eq 3 ]
	[[ $output =~ a:eth0\ +b:x1\ +up ]]
	[[ $output =~ b:x2\ +c:eth0\ +up ]]
	[ "$(nemu link list -q)" = $'a:eth0\nb:x2' ]
	ip link add t0 type veth peer name t1
	nemu if a import t0
	nemu -j link | is 'length == 3 and any(.ends | length == 1 and .[0].ifname == "t0")'
	nemu if a move t0 host
	ip link del t0
	silent -L nosuchlab link list
}

on_terminal() { python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$NEMU" "$@"; }

@test "list -q: control characters in names reach no terminal, but who reads it for a command" {
	nemu link add $'a:e\e[2J' b:e
	[ "$(on_terminal -q link | tr -d '\r')" = "a:e?[2J" ]
	[ "$(on_terminal -q if a | tr -d '\r')" = $'lo\ne?[2J' ]
	silent link del "$(nemu -q link)"
}

@test "a star of thirty: each end is paired with its own" {
	local i names=() ok
	for i in {1..30}; do names+=("n$i"); done
	nemu node add "${names[@]}" hub
	for i in {1..30}; do nemu link add "hub:p$i" "n$i:eth0"; done
	ok=$(nemu -j link list | jq '[.[].ends | map({(.node): .ifname}) | add
		| select(keys | index("hub")) | . as $e | keys[] | select(. != "hub")
		| select($e.hub == "p" + .[1:] and $e[.] == "eth0")] | length')
	[ "$ok" -eq 30 ]
}

@test "the end of a node is the end of its links" {
	nemu link add a:eth0 b:eth0
	nemu link add b:eth1 c:eth1
	nemu node del a
	fails 3 eth0 if b list eth0
	nemu if b list eth1
	for _ in {1..10}; do # its name is free at once
		nemu node add a
		silent link add a:eth0 b:eth0
		silent link add a:eth1 b:eth2
		nemu node del a
	done
}

@test "link: bad words" {
	fails 1 frob link frob
	fails 1 x link list x
	fails 1 -x link add -x a:e b:e
}

@test "add: a link that somebody deletes meanwhile; that of the same name which comes then stays" {
	local tracer client
	needs_root # to trace
	strace -o /dev/null true || skip "needs strace"
	# It stops when it has asked for the pair, as the fifth thing.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o /dev/null -e trace=sendto \
		-e inject=sendto:signal=STOP:when=5 "$NEMU" link add a:e b:e 2>"$BATS_TEST_TMPDIR/said" &
	tracer=$!
	eventually nemu if b list e
	client=$(pgrep -P "$tracer")
	eventually grep -q '^State:.[tT]' "/proc/$client/status"
	nemu link del a:e
	nemu link add a:e c:e
	kill -CONT "$client"
	not wait "$tracer"
	[ "$(<"$BATS_TEST_TMPDIR/said")" = "nemu link: b: e: no such interface" ]
	nemu if a list e
	nemu if c list e
}
