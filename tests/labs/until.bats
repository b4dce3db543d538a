#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# until and spawn --ready: right at once, right later, time-out, wrong words.
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node

load helpers

setup() {
	"$NEMU" node add a b
	"$NEMU" link add a:eth0 b:eth0
}

teardown() {
	"$NEMU" node del --all
}

later() { # CONDITION... -- COMMAND...: waits for it in the background, makes it true, and joins
	local condition=()
	while [ "$1" != -- ]; do
		condition+=("$1")
		shift
	done
	shift
	run nemu until -t 1ms "${condition[@]}"
	[ "$status" -eq 124 ]
	nemu until -t 60s "${condition[@]}" &
	nemu "$@"
	wait $!
	nemu until -t 0s "${condition[@]}"
}

@test "each condition: not yet, then by an event" {
	later not up a:eth0 -- link down b:eth0
	later up a:eth0 -- link up b:eth0
	later down b:eth0 -- if a set eth0 down
	nemu link up a:eth0
	later addr a:eth0 10.0.0.1 -- addr a add 10.0.0.1/24 dev eth0
	later addr b:eth0 fd00::2 -- addr b add fd00::2/64 dev eth0
	later route a 10.9.0.0/16 -- route a add 10.9.0.0/16 dev eth0
	later route a default -- route a add default via 10.0.0.2
	nemu addr b add 10.0.0.2/24 dev eth0
	later neigh a 10.0.0.2 -- exec a ping -n -c 1 10.0.0.2
	later file a "$BATS_TEST_TMPDIR/f" -- exec a touch "$BATS_TEST_TMPDIR/f"
	run nemu until -t 0s cmd a -- test -e "$BATS_TEST_TMPDIR/g"
	[ "$status" -eq 124 ]
	nemu until -t 60s cmd a -- test -e "$BATS_TEST_TMPDIR/g" &
	touch "$BATS_TEST_TMPDIR/g"
	wait $!
	nemu until -t 0s cmd a -- test -e "$BATS_TEST_TMPDIR/g"
	later listen b tcp/7001 -- spawn b --name srv python3 -m http.server 7001
	nemu until ping a 10.0.0.2 and listen b tcp/7001 and not listen a tcp/7001
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	nemu spawn a --name q sh -c 'echo one; read -r x <"$0"; echo "t$x"; exit 4' "$BATS_TEST_TMPDIR/fifo"
	nemu until log a q '^on.$' and not exit a q
	nemu until -t 60s log a q '^two' and exit a q &
	echo wo >"$BATS_TEST_TMPDIR/fifo"
	wait $!
}

@test "route: a default route goes by its prefix, too" {
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr a add fd00::1/64 dev eth0
	later route a ::/0 -- route a add default via fd00::2
	nemu until -t 0s route a default and route a 0::0/0 and not route a 0.0.0.0/0
	later route a 0.0.0.0/0 -- route a add default via 10.0.0.2
	nemu until -t 0s route a 10.0.0.0/24 and not route a 10.0.0.0/25 and not route a 10.0.0.0
	later route a FD07:0::/32 -- route a add fd07::/32 via fd00::2
}

# The client is told of what happens in the folder.
watched() { grep -qs '^inotify wd' "/proc/$client"/fdinfo/*; }

@test "file: its folder is made, or is replaced" {
	local client how x=$BATS_TEST_TMPDIR/x
	"$NEMU" until -t 60s file a "$x/d/f" &
	client=$!
	mkdir -p "$x/d"
	eventually watched
	touch "$x/d/f"
	wait $client
	for how in 'rm -r d; mkdir d' 'mv d e; mkdir d' 'cd ..; mv x y; mkdir -p x/d'; do
		rm "$x/d/f"
		"$NEMU" until -t 60s file a "$x/d/f" &
		client=$!
		eventually watched
		(cd "$x" && eval "$how")
		touch "$x/d/f"
		eventually ended $client # when its time is up, it looks as well
		wait $client
	done
}

@test "file: a link leads where it leads in the node" {
	local x=$BATS_TEST_TMPDIR/x
	mkdir -m 755 "$x" "$x/m"
	ln -s "$x/m" "$x/absolute"
	ln -s m "$x/relative"
	nemu exec a sh -c 'mount -t tmpfs none "$1/m" && touch "$1/m/f"' sh "$x"
	[ ! -e "$x/absolute/f" ]
	nemu until -t 0 file a "$x/m/f" and file a "$x/relative/f" and file a "$x/absolute/f" and file a "$x/absolute/"
	nemu until -t 0 not file a "$x/absolute/g" and not file a "$x/m/f/" and not file a "$x/n/f" and file a /
}

@test "time-out: 124, and one line that names what was missing" {
	run nemu until -t 20ms up a:eth0 and route a 10.1.0.0/16 and not up b:eth0
	[ "$status" -eq 124 ]
	[ "$output" = "nemu until: after 0.020 s still missing: route a 10.1.0.0/16 and not up b:eth0" ]
	run nemu until -t 20ms ping a 10.77.0.1
	[ "$status" -eq 124 ]
	run nemu until -t 20ms cmd a -- false
	[ "$status" -eq 124 ]
}

@test "cmd and ping: what is not known yet is neither so nor not" {
	run nemu until -t 300ms not cmd a true
	[ "$status" -eq 124 ]
	run nemu until -t 300ms not cmd a sleep 1000
	[ "$status" -eq 124 ]
	nemu until -t 60s not cmd a false and cmd a sleep 0.2 and cmd a sleep 0.31
	nemu until -t 60s not cmd a -- test -e /nosuch86 and cmd a -- test -e /
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu until -t 60s not ping a 10.0.0.9 # which is nobody's
	run nemu until -t 500ms not ping a 10.0.0.1
	[ "$status" -eq 124 ]
}

@test "wrong words and absent things" {
	local -A cases=(
		["up z:eth0"]=3 ["up a"]=1 ["frob a"]=1 ["listen a tcp"]=1 ["listen a tcp/0"]=1
		["addr a:eth0 10.0"]=1 ["exit a none"]=3 ["log a none x"]=3 ["not"]=1 ["up a:eth0 and"]=1
		["-t 1y up a:eth0"]=1 ["file a relative"]=1 ["route a"]=1
		["cmd a -- true and cmd a --"]=1
	)
	for words in "${!cases[@]}"; do
		# shellcheck disable=SC2086 # words
		run nemu until $words
		echo "$words: $status $output"
		[ "$status" -eq "${cases[$words]}" ]
	done
	nemu spawn a --name t sh -c 'echo x'
	run nemu until log a t '('
	[ "$status" -eq 1 ]
}

@test "--ready: listen, line, fd, notify" {
	pid=$(nemu spawn a --ready listen=tcp/7002 python3 -m http.server 7002)
	nemu exec a python3 -c 'import socket; socket.create_connection(("127.0.0.1", 7002))'
	run nemu spawn a -t 50ms --ready listen=tcp/7002 sleep 1000 # another's does not count
	[ "$status" -eq 124 ]
	nemu spawn a --ready listen=udp/7003 sh -c 'python3 -c "
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind((\"::\", 7003)); time.sleep(1000)" & wait'
	nemu spawn a --ready 'line=^he.lo' sh -c 'echo no; echo hello; exec sleep 1000'
	nemu spawn a --ready fd sh -c 'echo >&"$NEMU_READY_FD"; exec sleep 1000'
	nemu spawn a --ready notify python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"STATUS=on the way", "\0" + os.environ["NOTIFY_SOCKET"][1:])
s.sendto(b"READY=1", "\0" + os.environ["NOTIFY_SOCKET"][1:])
time.sleep(1000)'
	[ "$(nemu -j ps a | jq '[.[] | select(.state == "running")] | length')" -eq 5 ]
}

@test "--ready: what does not become ready does not stay" {
	for how in listen=tcp/7004 line=never fd notify; do
		run nemu spawn a -t 50ms --ready $how sleep 1005
		echo "$how: $status $output"
		[ "$status" -eq 124 ]
		[[ $output == *"$how"* ]]
		run nemu spawn a --ready $how sh -c 'exit 6'
		echo "$how: $status $output"
		[ "$status" -eq 2 ]
	done
	run nemu spawn a --ready line=x sh -c 'exit 6'
	[[ $output == *"ended with 6"* ]]
	eventually no_process 'sleep 1005'
	run nemu spawn a --ready what true
	[ "$status" -eq 1 ]
	run -127 nemu spawn a --ready fd no-such-program
}

@test "200 spawns at once from 50 clients: every status right" {
	for c in {1..50}; do
		(
			for k in 1 2 3 4; do
				want=$(((c * 4 + k) % 120))
				code=0
				pid=$("$NEMU" spawn a sh -c "exit $want")
				"$NEMU" wait b 1 2>/dev/null || :
				"$NEMU" wait a "$pid" || code=$?
				[ "$code" -eq "$want" ] || echo "$pid: $code, not $want"
			done
		) >"$BATS_TEST_TMPDIR/$c" &
	done
	wait
	cat "$BATS_TEST_TMPDIR"/*
	[ -z "$(cat "$BATS_TEST_TMPDIR"/*)" ]
	[ "$(nemu -q ps a | wc -l)" -eq 200 ]
	for pid in $(nemu -q ps a); do # known to those who come later, too
		code=0
		nemu wait a "$pid" || code=$?
		[ "$code" -lt 120 ]
	done
}

@test "wait: several, the first of them, and a limit" {
	nemu spawn a --name long sleep 1000
	nemu spawn a --name short sh -c 'exit 5'
	run nemu wait a -n long short
	[ "$status" -eq 5 ]
	run nemu wait a -t 20ms
	[ "$status" -eq 124 ]
	nemu wait a -t 60s long short &
	nemu kill a long
	run wait $!
	nemu until exit a long
	run nemu wait a long
	[ "$status" -eq 143 ]
}

@test "logs: whole, last lines, followed to the end" {
	nemu spawn a --name l sh -c 'for i in 1 2 3; do echo $i; done; exec sleep 1000'
	nemu until log a l 3
	[ "$(nemu logs a l)" = $'1\n2\n3' ]
	[ "$(nemu logs a -n 2 l)" = $'2\n3' ]
	[ -z "$(nemu logs a -n 0 l)" ]
	nemu logs a -f l >"$BATS_TEST_TMPDIR/followed" &
	nemu kill a l
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/followed")" = $'1\n2\n3' ]
	nemu spawn a --name i -i true
	run nemu logs a i
	[ "$status" -eq 3 ]
}
