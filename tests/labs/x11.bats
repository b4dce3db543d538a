#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# shellcheck disable=SC2016 # what stands in single quotes is for a shell in a node
# x11: real programs in nodes on a real X server (Xvfb) of the caller's.

load helpers

# display OPTIONS...: an X server that is asked for a cookie; sets DISPLAY and xserver.
display() {
	export XAUTHORITY=$BATS_TEST_TMPDIR/auth
	cookie=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
	: >"$XAUTHORITY"
	# The server does not mind which display the entry is for; the number is not known yet.
	xauth -q <<<"add :99 . $cookie"
	serve -auth "$XAUTHORITY" "$@"
	xauth -q <<<"add :$number . $cookie"
	[ -z "${NEMU_AS_USER-}" ] || chmod 644 "$XAUTHORITY" # the user's own else
}

serve() {
	mkfifo "$BATS_TEST_TMPDIR/number"
	Xvfb -noreset -displayfd 5 -screen 0 800x600x24 "$@" 5<>"$BATS_TEST_TMPDIR/number" 3>&- >/dev/null 2>&1 &
	xserver=$!
	read -r number <"$BATS_TEST_TMPDIR/number"
	rm "$BATS_TEST_TMPDIR/number"
	export DISPLAY=:$number
}

setup() {
	unset DISPLAY XAUTHORITY xserver
	nemu node add a
	server=$(nemu node pid a)
	cookie_files=$(cookie_files)
}

teardown() {
	"$NEMU" node del --all
	eventually no_process "$NEMU x11"
	[[ ! ${xserver-} ]] || { kill "$xserver" && wait "$xserver" || :; }
	same "$(cookie_files)" "$cookie_files"
}

# Of the node's server: others may have labs on this machine, too.
cookie_files() { find /tmp -maxdepth 1 -name ".nemu-x11.$server.*" | sort; }

info() { "$@" xdpyinfo | sed 1d; }

# How many pixels of a dump of the screen, read from a file, are of this colour (0xRRGGBB).
pixels() {
	python3 - "$1" "$2" <<-'EOF'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		head = struct.unpack(">25I", data[:100])
		start = head[0] + 12 * head[19]
		colour = struct.pack("<I" if head[7] == 0 else ">I", int(sys.argv[2], 16))[:3]
		print(sum(data[i:i + 3] == colour for i in range(start, len(data), 4)))
	EOF
}

@test "xdpyinfo says the same inside and outside; for another user, too" {
	display
	silent x11 a
	same "$(info nemu exec a)" "$(info env)"
	same "$(info nemu exec -u nobody a)" "$(info env)"
	[ "$(nemu exec a sh -c 'echo $DISPLAY')" = 127.0.0.1:10 ]
	nemu -j node show a | is '.display == "127.0.0.1:10"'
}

@test "Xauthority files have mode 0600, whatever the umask of who has made the node" {
	display
	(umask 777 && nemu node add b)
	silent x11 b
	[ "$(nemu exec b sh -c 'stat -c %a "$XAUTHORITY"')" = 600 ]
	nemu exec -u nobody b xdpyinfo >/dev/null
}

@test "x11 NODE CMD: as exec does" {
	display
	same "$(nemu x11 a xdpyinfo | sed 1d)" "$(info env)"
	run nemu x11 a sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run nemu x11 -u nobody -d /tmp -e V=1 a sh -c 'id -un; pwd; echo $V'
	[ "$output" = $'nobody\n/tmp\n1' ]
	fails 127 nosuch x11 a nosuch
	fails 126 /etc x11 a /etc
	fails 125 nosuch x11 nosuch true
}

@test "twenty programs at once" {
	local i pids=() expected
	display
	nemu x11 a
	expected=$(info env)
	for i in {1..20}; do
		nemu exec a xdpyinfo >"$BATS_TEST_TMPDIR/$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in {1..20}; do same "$(sed 1d "$BATS_TEST_TMPDIR/$i")" "$expected"; done
}

@test "a window from inside is seen on the screen" {
	display
	xwd -root -silent >"$BATS_TEST_TMPDIR/before"
	[ "$(pixels "$BATS_TEST_TMPDIR/before" c81432)" -eq 0 ]
	nemu x11 a
	nemu spawn a xlogo -geometry 200x100+50+50 -bg '#c81432' -fg '#c81432' >/dev/null
	seen() {
		xwd -root -silent >"$BATS_TEST_TMPDIR/now"
		[ "$(pixels "$BATS_TEST_TMPDIR/now" c81432)" -ge 20000 ]
	}
	eventually seen
}

@test "a large image both ways, byte by byte" {
	display
	nemu x11 a
	python3 - "$BATS_TEST_TMPDIR/in" <<-'EOF'
		import random, struct, sys
		w, h = 640, 480
		random.seed(1)
		head = struct.pack(">25I", 100 + 8, 7, 2, 24, w, h, 0, 0, 32, 0, 32, 32, w * 4, 4,
		                   0xff0000, 0xff00, 0xff, 8, 0, 0, w, h, 0, 0, 0)
		rows = b"".join(random.randbytes(3) + b"\0" for _ in range(w * h))
		open(sys.argv[1], "wb").write(head + b"picture\0" + rows)
	EOF
	nemu spawn a --name picture xwud -noclick -in "$BATS_TEST_TMPDIR/in" -geometry +0+0 >/dev/null
	body() { tail -c $((640 * 480 * 4)) "$1" | python3 -c '
import sys
d = bytearray(sys.stdin.buffer.read())
d[3::4] = bytes(len(d) // 4)
sys.stdout.buffer.write(d)' | md5sum; }
	shown() {
		local id
		id=$(xwininfo -root -children | sed -n 's/^ *\(0x[0-9a-f]*\) .*640x480+.*/\1/p')
		[ "$id" ] && xwd -silent -id "$id" >"$BATS_TEST_TMPDIR/out" &&
			[ "$(body "$BATS_TEST_TMPDIR/out")" = "$(body "$BATS_TEST_TMPDIR/in")" ]
	}
	eventually shown
	xwd -root -silent >"$BATS_TEST_TMPDIR/root"
	nemu exec a xwd -root -silent >"$BATS_TEST_TMPDIR/root2"
	# The file's header, and its pixels; of the colours between, xwd leaves bytes as they happen to be.
	same "$(head -c 100 "$BATS_TEST_TMPDIR/root" | md5sum)" "$(head -c 100 "$BATS_TEST_TMPDIR/root2" | md5sum)"
	same "$(tail -c $((800 * 600 * 4)) "$BATS_TEST_TMPDIR/root" | md5sum)" \
		"$(tail -c $((800 * 600 * 4)) "$BATS_TEST_TMPDIR/root2" | md5sum)"
}

@test "the display's cookie does not enter the node, nor any command line" {
	local bin=$BATS_TEST_TMPDIR/bin
	display
	mkdir "$bin"
	printf '#!/bin/sh\necho "$@" >>%s\nexec %s "$@"\n' "$bin/log" "$(command -v xauth)" >"$bin/xauth"
	chmod +x "$bin/xauth"
	PATH=$bin:$PATH nemu x11 a
	grep -q list "$bin/log"
	run ! grep -q "$cookie" "$bin/log"
	run nemu exec a xauth list
	[[ $output == a/unix:10\ *MIT-MAGIC-COOKIE-1* && $output != *"$cookie"* ]]
	run nemu exec a sh -c 'tr "\0" "\n" </proc/self/environ; xauth list; od -An -tx1 -v $XAUTHORITY | tr -d " \n"'
	[[ $output != *"$cookie"* ]]
}

@test "programs that are asked get no descriptor of ours" {
	local bin=$BATS_TEST_TMPDIR/bin program
	display
	mkdir "$bin"
	for program in xauth getent; do
		printf '#!/bin/sh\nfor f in /proc/$$/fd/*; do %s; done >>%s\nexec %s "$@"\n' \
			'[ "$(readlink "$f")" != /dev/null ] || echo "${0##*/} ${f##*/}"' \
			"$bin/log" "$(command -v $program)" >"$bin/$program"
	done
	chmod +x "$bin"/*
	# From a caller that has no others itself.
	DISPLAY=localhost:$number PATH=$bin:$PATH run python3 -c \
		'import subprocess, sys; subprocess.run(sys.argv[1:])' "$NEMU" x11 a
	same "$(sort -u "$bin/log")" $'getent 0\ngetent 2\nxauth 0\nxauth 2'
}

@test "Xauthority files: the user's own, 0600, and gone with the process" {
	local file pid
	display
	nemu x11 a
	[ "$(nemu exec a sh -c 'stat -c "%a %U" $XAUTHORITY')" = "600 root" ]
	[ "$(nemu exec -u nobody a sh -c 'stat -c "%a %U" $XAUTHORITY')" = "600 nobody" ]
	same "$(cookie_files)" "$cookie_files"
	pid=$(nemu spawn a --ready line=/tmp sh -c 'echo $XAUTHORITY; exec sleep 86401')
	file=$(nemu logs a "$pid")
	[ -e "$file" ]
	nemu kill a "$pid"
	run nemu wait a "$pid"
	[ ! -e "$file" ]
	fails 127 nosuch exec a nosuch
	fails 125 nosuchuser exec -u nosuchuser a true
	same "$(cookie_files)" "$cookie_files"
	nemu spawn a sleep 86402 >/dev/null
	kill -KILL "$(nemu node pid a)"
	gone() { [ "$(cookie_files)" = "$cookie_files" ]; }
	eventually gone
}

@test "an Xauthority file that another program has locked is read all the same" {
	display
	: >"$XAUTHORITY-c"
	ln "$XAUTHORITY-c" "$XAUTHORITY-l"
	silent x11 a
	nemu exec a xdpyinfo >/dev/null
}

@test "a wrong cookie is refused, no cookie as well; others go on" {
	display
	nemu x11 a
	run nemu exec a sh -c 'XAUTHORITY=/dev/null xdpyinfo'
	[ "$status" -ne 0 ]
	[[ $output == *"wrong cookie"* ]]
	run nemu exec a sh -c 'xauth -q add $DISPLAY . 00112233445566778899aabbccddeeff; xdpyinfo'
	[ "$status" -ne 0 ]
	[[ $output == *"wrong cookie"* ]]
	nemu exec a xdpyinfo >/dev/null
}

@test "the forwarder is gone with the node, however it ends" {
	display
	for how in del kill; do
		nemu x11 a
		pgrep --ns $$ --nslist ipc -f "^$NEMU x11 a\$" >/dev/null
		if [ $how = del ]; then nemu node del a; else kill -KILL "$(nemu node pid a)"; fi
		eventually no_process "$NEMU x11 a"
		eventually not nemu node pid a
		nemu node add a
	done
}

@test "the forwarder is gone with the display, and programs are not sent there any more" {
	display
	nemu x11 a
	kill "$xserver"
	wait "$xserver" || :
	xserver=
	eventually no_process "$NEMU x11 a"
	no_display() { nemu -j node show a | is '.display == null'; }
	eventually no_display
	[ "$(nemu exec a sh -c 'echo "${DISPLAY-none}"')" = none ]
}

@test "a forwarder that is killed: programs start without a display" {
	display
	nemu x11 a
	kill -KILL "$(pgrep --ns $$ --nslist ipc -f "^$NEMU x11 a\$")"
	no_display() { nemu -j node show a | is '.display == null'; }
	eventually no_display
	[ "$(nemu exec a sh -c 'echo "${DISPLAY-none}"')" = none ]
}

@test "a second one replaces the first, whose connections go on" {
	display
	nemu x11 a
	nemu spawn a --name old xlogo -geometry 100x100+0+0 -bg '#112233' -fg '#112233' >/dev/null
	seen() {
		xwd -root -silent >"$BATS_TEST_TMPDIR/now"
		[ "$(pixels "$BATS_TEST_TMPDIR/now" "$1")" -ge 10000 ]
	}
	eventually seen 112233
	silent x11 a
	nemu exec a xdpyinfo >/dev/null
	[ "$(pgrep --ns $$ --nslist ipc -fc "^$NEMU x11 a\$")" -eq 2 ]
	nemu ps a | grep -q 'old.*running'
	nemu kill a old
	one() { [ "$(pgrep --ns $$ --nslist ipc -fc "^$NEMU x11 a\$")" -eq 1 ]; }
	eventually one
	nemu exec a xdpyinfo >/dev/null
}

@test "--stop: nothing is forwarded any more" {
	display
	nemu x11 a
	silent x11 --stop a
	eventually no_process "$NEMU x11 a"
	[ "$(nemu exec a sh -c 'echo "${DISPLAY-none}"')" = none ]
	fails 3 "no display" x11 --stop a
	fails 125 "exclude" x11 --stop a true
	fails 3 nosuch x11 --stop nosuch
	silent x11 a
	nemu exec a xdpyinfo >/dev/null
}

@test "all forms of DISPLAY" {
	local form
	ip link set lo up
	display -listen tcp -listen unix
	for form in ":$number" ":$number.0" "unix:$number" "unix:$number.0" "localhost:$number" \
		"localhost:$number.0" "127.0.0.1:$number" "[::1]:$number"; do
		echo "$form"
		DISPLAY=$form nemu x11 a xdpyinfo >/dev/null
		nemu x11 --stop a
	done
	ip link set lo down
}

@test "a display that asks for no cookie" {
	serve -ac
	XAUTHORITY=$BATS_TEST_TMPDIR/none nemu x11 a
	nemu exec a xdpyinfo >/dev/null
	# The node's own is asked for all the same.
	run nemu exec a sh -c 'XAUTHORITY=/dev/null xdpyinfo'
	[[ $output == *"wrong cookie"* ]]
}

@test "a display that refuses the cookie only ends that connection" {
	display
	cp "$XAUTHORITY" "$BATS_TEST_TMPDIR/other" # the server reads its own again
	XAUTHORITY=$BATS_TEST_TMPDIR/other xauth -q <<<"add :$number . 00112233445566778899aabbccddeeff"
	XAUTHORITY=$BATS_TEST_TMPDIR/other nemu x11 a
	run nemu exec a xdpyinfo
	[ "$status" -ne 0 ]
	run nemu exec a xdpyinfo
	[ "$status" -ne 0 ]
	pgrep --ns $$ --nslist ipc -f "^$NEMU x11 a\$" >/dev/null
}

@test "what is missing is named in one line" {
	local bad
	fails 2 "DISPLAY is not set" x11 a
	fails 125 "DISPLAY is not set" x11 a true
	for bad in nonsense :x : :-1 :0.x :99999 "a b:0" :0.; do
		DISPLAY=$bad fails 2 DISPLAY x11 a
	done
	DISPLAY=:4999 fails 2 ":4999" x11 a
	DISPLAY=no..host:0 fails 2 no..host x11 a # no name for DNS, which need not be asked
	display
	PATH=/nowhere fails 4 xauth x11 a
	fails 3 nosuch x11 nosuch
	fails 1 "" x11
	fails 1 -x x11 -x a
	nemu -j node show a | is '.display == null'
	no_process "$NEMU x11 a"
}

@test "no free port" {
	display
	nemu spawn a --ready line=ready python3 -c '
import signal, socket
held = []
for port in range(6010, 6100):
    s = socket.socket()
    s.bind(("127.0.0.1", port))
    held.append(s)
print("ready", flush=True)
signal.pause()' >/dev/null
	fails 2 "free" x11 a
	nemu -j node show a | is '.display == null'
}

@test "a node with a PID namespace, and two nodes at once" {
	display
	nemu node add --isolate pid b
	nemu x11 a
	nemu x11 b
	same "$(info nemu exec b)" "$(info env)"
	same "$(info nemu exec -u nobody b)" "$(info env)"
	nemu exec b xdpyinfo >/dev/null
	nemu node del b
	nemu exec a xdpyinfo >/dev/null
}
