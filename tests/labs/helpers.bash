# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the lab tests share. Loaded by each of them: load helpers.

bats_require_minimum_version 1.5.0

# $NEMU may be an ordinary user (tests/run --as-user), while the tests are root.
[ -z "${NEMU_AS_USER-}" ] || chmod 777 "$BATS_RUN_TMPDIR"
needs_root() { [ -z "${NEMU_AS_USER-}" ] || skip "is for root"; }

nemu() { "$NEMU" "$@"; }

# A moment, as short as a test that looks again and again may take. Nothing waits by this alone.
pause() { read -rt 0.02 <> <(:) || :; }

# eventually COMMAND...: until it succeeds; fails after 10 s.
eventually() {
	local end=$((SECONDS + 10))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			echo "not within 10 s: $*"
			return 1
		fi
		pause
	done
}

not() { ! "$@"; }

# The process with this PID has ended (a zombie has).
ended() {
	local state
	state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || :
	[[ ! $state || $state == [ZX] ]]
}

# No living process of this test (it has an IPC namespace of its own) has this on its command line.
no_process() {
	local pid
	for pid in $(pgrep --ns $$ --nslist ipc -f -- "$1"); do
		ended "$pid" || return 1
	done
}

# slow_node NODE [-- COMMAND...]: a node that finds no user before "found" is called; then COMMAND in the
# background, as $client, until it has come to that.
slow_node() {
	local go=$BATS_TEST_TMPDIR/go bin=$BATS_TEST_TMPDIR/bin
	mkdir -m 755 "$bin"
	mkfifo -m 666 "$go"
	printf '#!/bin/sh\ncat %q 2>/dev/null\nPATH=%q exec getent "$@"\n' "$go" "$PATH" >"$bin/getent"
	chmod 755 "$bin/getent"
	PATH=$bin:$PATH nemu node add "$1"
	shift 2
	"$@" &
	client=$!
	exec 6>"$go" # waits for getent
}
found() {
	rm "$BATS_TEST_TMPDIR/go"
	exec 6>&-
}

# In the network namespace of a node, without nemu.
inside() {
	local node=$1
	shift
	nsenter -t "$("$NEMU" node pid "$node")" -n -- "$@"
}

# capture WORDS...: as "run --separate-stderr", but 127 is an exit code like others.
capture() {
	status=0
	output=$("$NEMU" "$@" 2>"$BATS_TEST_TMPDIR/.stderr") || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/.stderr")
}

# silent WORDS...: nemu WORDS ends with 0 and says nothing.
silent() {
	capture "$@"
	if [[ $status != 0 || $output || $stderr ]]; then
		echo "nemu $*: exit $status, stdout '$output', stderr '$stderr'"
		return 1
	fi
}

applet_of() {
	while (($#)); do
		case $1 in
		-L) shift ;;
		-*) ;;
		*) echo "$1" && return ;;
		esac
		shift
	done
}

# fails CODE TEXT WORDS...: nemu WORDS ends with CODE, says nothing on standard output, and on
# standard error one line "nemu APPLET: ..." that has TEXT in it; a second one only points to
# --help, and only if CODE is 1.
fails() {
	local code=$1 text=$2 applet first rest=''
	shift 2
	applet=$(applet_of "$@")
	capture "$@"
	first=${stderr%%$'\n'*}
	[[ $stderr == *$'\n'* ]] && rest=${stderr#*$'\n'}
	if [[ $status != "$code" || $output || $first != "nemu $applet: "?* || $first != *"$text"* ]] ||
		{ ((code == 1)) && [[ $rest != "Try 'nemu $applet --help'." ]]; } ||
		{ ((code == 125)) && [[ $rest && $rest != "Try 'nemu $applet --help'." ]]; } ||
		{ ((code != 1 && code != 125)) && [[ $rest ]]; }; then
		echo "nemu $*: wanted $code and '$text'; exit $status, stdout '$output', stderr '$stderr'"
		return 1
	fi
}

# JQ-FILTER is true of what stands on standard input.
is() {
	local got
	got=$(jq -e "$1") && [[ $got ]] && return # of no input at all jq -e says nothing, and 0
	echo "not so: $1"
	return 1
}

# same A B: equal texts; tells the difference.
same() {
	[[ $1 == "$2" ]] || {
		diff <(echo "$1") <(echo "$2")
		return 1
	}
}

# needs netem|dummy|vlan|...: skips the test where the kernel has no such thing, as found out in a
# throw-away namespace.
needs() {
	case $1 in
	netem) unshare -n tc qdisc add dev lo root netem delay 1ms 2>/dev/null ;;
	seed) [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" = 6.6 ] ;;
	vlan) unshare -n sh -c 'ip link add name br9 type bridge && ip link add v link br9 type vlan id 5' 2>/dev/null ;;
	vlan-filtering) unshare -n ip link add name br9 type bridge vlan_filtering 1 2>/dev/null ;;
	*) unshare -n ip link add x type "$1" 2>/dev/null ;;
	esac || skip "needs $1"
}

# The flag of an interface, as ip(8) sees it in the node.
flag() { inside "$1" ip -j link show dev "$2" | jq -e ".[0].flags | index(\"$3\")"; }
