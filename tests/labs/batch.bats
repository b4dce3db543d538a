#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# batch: many commands, one process.

load helpers

teardown() { "$NEMU" node del --all; }

# batch TEXT [OPTION...]: the text as a file.
batch() {
	printf '%s' "$1" >"$BATS_TEST_TMPDIR/f"
	shift
	capture batch "$@" "$BATS_TEST_TMPDIR/f"
}

@test "words, quotes, comments, continued lines, a leading nemu" {
	batch '#!/usr/bin/env -S nemu batch
		# a comment
		node add h1 "h"2   # and another
		nemu link add h1:eth0 \
			h2:eth0

		nemu addr h1 add '"'10.0.0.1/24'"' dev eth0
		addr h2 add 10.0.0.2/24 dev eth0
		exec h1 printf %s\\n a\ b "c  d" '"'e # f'"' "" "\$x \"q\" \y" g#h
		exec h1 ping -c 1 -W 5 -q 10.0.0.2'
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ $output == $'a b\nc  d\ne # f\n\n$x "q" \\y\ng#h\n'*"1 received"* ]]
}

@test "the first error ends it, with its line and its code" {
	batch $'node add a\n\naddr a add 10.0.0.1/24 dev nope\nnode add b\n'
	[ "$status" -eq 3 ]
	[ "$stderr" = "nemu batch: $BATS_TEST_TMPDIR/f:3: addr: a: nope: no such interface" ]
	[ "$(nemu -q node)" = a ]
	batch $'exec a sh -c "exit 7"\nnode add b'
	[ "$status" -eq 7 ]
	[ "$stderr" = "nemu batch: $BATS_TEST_TMPDIR/f:1: exec: exit code 7" ]
	[ "$(nemu -q node)" = a ]
}

@test "an error of a command whose reply is read later: its line, once, and the rest is not done" {
	batch $'node add a b\naddr a add 10.0.0.1/24 dev lo\naddr a add 10.0.0.1/24 dev lo\naddr a add 10.0.0.1/24 dev lo
		addr b add 10.0.0.1/24 dev lo\nnode add c\n'
	[ "$status" -eq 2 ]
	[[ $stderr == "nemu batch: $BATS_TEST_TMPDIR/f:3: addr: a: 10.0.0.1/24: File exists"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(nemu -q node)" = $'a\nb' ]
}

@test "what failed first is told first, whatever comes to light before it" {
	local again='addr a add 10.0.0.1/24 dev lo' line
	nemu node add a b
	nemu addr a add 10.0.0.1/24 dev lo
	nemu addr b add 10.0.0.1/24 dev lo
	# Known without asking the node, or by another connection.
	for line in 'addr nosuch add 10.0.0.2/24 dev lo' 'addr a add 10.0.0.2 dev lo' 'frob' '-L' 'node add $x' \
		'addr b add 10.0.0.2/24 dev nope'; do
		batch "$again"$'\n'"$line"$'\n'
		[ "$status" -eq 2 ]
		[[ $stderr == "nemu batch: $BATS_TEST_TMPDIR/f:1: addr: a: 10.0.0.1/24: File exists"* ]]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		batch "$again"$'\n'"$line"$'\n' --force
		[ "$status" -eq 2 ]
		[[ $stderr == *"/f:1: addr: a:"*"/f:2: "* ]]
	done
	# a's connection was there before b's.
	line=$'addr a add 10.0.0.3/32 dev lo\naddr b add 10.0.0.1/24 dev lo\naddr a add 10.0.0.1/24 dev lo\n'
	batch "$line"
	[ "$status" -eq 2 ]
	[[ $stderr == *"/f:2: addr: b: "* && $stderr != *$'\n'* ]]
	batch "$line" --force
	[ "$status" -eq 2 ]
	[[ $stderr == *"/f:1: "*"/f:2: "*"/f:3: "* ]]
}

@test "--force goes on; the code is the first error's" {
	batch $'node add a\naddr a add 10.0.0.1/24 dev nope\nfrob\naddr a add 10.0.0.1/24 dev lo
		addr a add 10.0.0.1/24 dev lo\nnode add "x\nnode add b' --force
	[ "$status" -eq 3 ]
	[[ $stderr == *"/f:2: addr: a: nope"* && $stderr == *"/f:3: batch: frob: no such applet"* ]]
	[[ $stderr == *"/f:5: addr: a: 10.0.0.1/24: File exists"* && $stderr == *"/f:6: batch: a quote is not closed"* ]]
	[ "$(nemu -q node)" = a ]
}

# SIGTERM while the commands of the first argument, with its %s for a file, have come to make that file.
ended_by_a_signal() {
	local f=$BATS_TEST_TMPDIR/up pid code=0
	# shellcheck disable=SC2059 # it is one
	printf "$1" "$f" >"$BATS_TEST_TMPDIR/f"
	"$NEMU" batch --force "$BATS_TEST_TMPDIR/f" 2>/dev/null &
	pid=$!
	eventually test -e "$f"
	kill -TERM "$pid"
	wait "$pid" || code=$?
	[ "$code" -eq 143 ]
	[ "$(nemu -q node)" = a ]
}

@test "--force: a signal ends it all the same" {
	ended_by_a_signal 'node add a\nexec a sh -c "echo >%s; exec sleep 86482"\nnode add b\n'
}

@test "lab run in a batch: each for itself, and a signal during one ends all" {
	batch "lab run --strict $NEMU node add left"$'\nlab run --strict true\nnode add a' --force
	[ "$status" -eq 1 ]
	[[ $stderr == *"/f:1: lab: exit code 1" ]]
	ended_by_a_signal 'lab run sh -c "echo >%s; exec sleep 86485"\nnode add b\n'
}

@test "what would take its place is refused" {
	nemu node add a
	nemu if a add t type tap
	batch $'if a tapfd t true\nnode add b'
	[ "$status" -eq 1 ]
	[[ $stderr == *"/f:1: if: tapfd: not within a batch"* ]]
	batch $'server b\nnode add b'
	[ "$status" -eq 1 ]
	[[ $stderr == *"/f:1: server: not within a batch"* ]]
	[ "$(nemu -q node)" = a ]
}

@test "what sh would expand or run is an error that names it" {
	local text
	nemu node add a
	# shellcheck disable=SC2016
	for text in 'exec a echo $HOME' 'exec a echo `id`' 'exec a echo "$x"' 'exec a true; exec a true' 'exec a true | cat' \
		'exec a true > /x' 'exec a true &' 'exec a (true)'; do
		batch "$text"
		[ "$status" -eq 1 ]
		[[ $stderr == "nemu batch: $BATS_TEST_TMPDIR/f:1: batch: "[\$\`\;\|\>\&\(]*": "* ]]
		[ -z "$output" ]
	done
	fails 1 "not within a batch" batch - <<<"batch -"
	fails 1 "FILE|- is missing" batch
	fails 3 "/nonexistent86: No such file" batch /nonexistent86
	fails 2 "cannot be read" batch "$BATS_TEST_TMPDIR"
	fails 2 "1 MiB" batch - < <(head -c 3000000 /dev/zero | tr '\0' x)
	printf 'exec a echo a\0b\n' >"$BATS_TEST_TMPDIR/f"
	fails 1 "NUL" batch "$BATS_TEST_TMPDIR/f"
}

@test "a signal ends it, also when a command before has caught signals" {
	local first client code
	nemu node add a
	for first in "exec a true" "spawn a --ready fd sh -c 'echo >&3'" "lab run true"; do
		printf '%s\n' "$first" "spawn a --name up sleep 86488" "until -t 60s file a $BATS_TEST_TMPDIR/never" \
			>"$BATS_TEST_TMPDIR/f"
		"$NEMU" batch "$BATS_TEST_TMPDIR/f" 3>&- &
		client=$!
		eventually sh -c '"$NEMU" -j ps a | jq -e "any(.tag == \"up\" and .state == \"running\")"'
		kill -TERM "$client"
		code=0
		wait "$client" || code=$?
		[ "$code" -eq 143 ]
		nemu kill a --all
		eventually sh -c '"$NEMU" -j ps a | jq -e "all(.state == \"ended\")"'
	done
}

@test "commands on standard input: not what the programs read; each is done when it came" {
	local in reader
	nemu node add a
	[ "$(printf 'exec a cat\nexec a echo hi\n' | nemu batch -)" = hi ]
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	nemu batch - <"$BATS_TEST_TMPDIR/fifo" 3>&- &
	reader=$!
	exec {in}>"$BATS_TEST_TMPDIR/fifo"
	echo 'addr a add 10.86.0.1/24 dev lo' >&"$in"
	eventually sh -c '"$NEMU" addr a | grep -q 10.86.0.1'
	exec {in}>&-
	wait "$reader" # $! is another's: eventually starts one
}

@test "a node that was removed and made again, renamed interfaces: nothing stale is used" {
	batch $'node add a\nif a add x type bridge\naddr a add 10.0.0.1/24 dev x\nif a set x name y\nif a add x type bridge
		addr a add 10.0.1.1/24 dev x\naddr a add 10.0.2.1/24 dev y\nnode del a\nnode add a\naddr a add 10.0.3.1/24 dev lo
		if a add x type bridge\naddr a add 10.0.4.1/24 dev x\n-L other86 node add a\n-L other86 addr a add 10.0.5.1/24 dev lo
		-L other86 node del a\naddr a list'
	echo "$output $stderr"
	[ "$status" -eq 0 ]
	[[ $output == *"10.0.4.1/24"* && $output == *"10.0.3.1/24"* ]]
	[[ $output != *"10.0.1.1/24"* && $output != *"10.0.5.1/24"* ]]
}

@test "-v: each command as a line that can be run again" {
	batch $'node add a\nexec a echo "x y"\naddr a add 10.0.0.1/24 dev lo' -v
	[ "$status" -eq 0 ]
	nemu node del a
	grep -v batch <<<"$stderr" >"$BATS_TEST_TMPDIR/again"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/again")" -eq 3 ]
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$NEMU" "$BATS_TEST_TMPDIR/bin/nemu"
	[ "$(PATH=$BATS_TEST_TMPDIR/bin:$PATH sh -e "$BATS_TEST_TMPDIR/again")" = "x y" ]
	[[ $(nemu addr a) == *10.0.0.1/24* ]]
}

@test "300 nodes and 3000 addresses: more nodes than connections are kept" {
	{
		echo "node add $(echo n{1..300})"
		for i in {1..300}; do
			for k in {1..10}; do echo "addr n$i add 10.0.$k.1/24 dev lo"; done
		done
		for i in {1..300}; do echo "route n$i add 10.7.0.0/16 via 10.0.1.2"; done
		echo "addr n1 add 10.0.1.1/24 dev lo"
	} >"$BATS_TEST_TMPDIR/f"
	fails 2 ":3302: addr: n1: 10.0.1.1/24: File exists" batch "$BATS_TEST_TMPDIR/f"
	[ "$(nemu addr n300 | grep -c '10\.0\.')" = 10 ]
	[ "$(nemu addr n1 | grep -c '10\.0\.')" = 10 ]
}

@test "few descriptors: fewer connections are kept" {
	nemu node add n{1..30}
	for i in {1..29}; do echo "link add n$i:r n$((i + 1)):l"; done |
		prlimit --nofile=24 "$NEMU" batch -
	[ "$(nemu -q link | wc -l)" -eq 29 ]
}

@test "the patience of wait -t with a server is not that of the commands behind it" {
	printf '%s\n' "wait slow -t 0" "spawn slow -u nobody true" >"$BATS_TEST_TMPDIR/f"
	slow_node slow -- "$NEMU" batch "$BATS_TEST_TMPDIR/f"
	for _ in {1..75}; do # 1.5 s and more
		not ended $client || break
		pause
	done
	found
	wait $client
}

@test "a server that dies in the middle: the line, and no hang" {
	batch $'node add a b\naddr a add 10.0.0.1/24 dev lo\nexec b true\naddr b add 10.0.0.1/24 dev lo'
	[ "$status" -eq 0 ]
	{
		for i in {1..200}; do echo "addr a add 10.1.0.$i/32 dev lo"; done
		echo "exec b sh -c 'kill -KILL $(nemu node pid a)'"
		for i in {1..200}; do echo "addr a add 10.2.0.$i/32 dev lo"; done
	} >"$BATS_TEST_TMPDIR/f"
	capture batch "$BATS_TEST_TMPDIR/f"
	[ "$status" -ne 0 ]
	[[ $stderr == "nemu batch: $BATS_TEST_TMPDIR/f:"*": addr: a: "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(nemu -q node)" = b ]
}
