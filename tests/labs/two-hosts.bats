#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo: it works, it fails when something does not work, and either way it cleans up.
# shellcheck disable=SC2016 # what stands in single quotes is for the script that is made

load helpers

demo=$BATS_TEST_DIRNAME/two-hosts.sh

teardown() {
	local lab
	for lab in "$NEMU_RUNDIR"/*; do
		[[ ! -e $lab ]] || "$NEMU" -L "${lab##*/}" node del --all
	done
}

nothing_left() { [ -z "$(find "$NEMU_RUNDIR" -mindepth 1)" ]; }

# broken CASES: a nemu with other ways for some words, given as the branches of a case.
broken() {
	printf '#!/bin/sh\ncase "$*" in\n%s\nesac\nexec "%s" "$@"\n' "$1" "$NEMU" >"$BATS_TEST_TMPDIR/nemu"
	chmod 755 "$BATS_TEST_TMPDIR/nemu"
}

@test "two hosts and a router: all works, all is shown, nothing is left" {
	nemu node add bystander
	run --separate-stderr sh "$demo"
	echo "$output"
	# shellcheck disable=SC2154 # of run
	echo "stderr: $stderr"
	[ "$status" -eq 0 ]
	[ "$(grep -c ' 0% packet loss' <<<"$output")" -eq 2 ]
	grep -q 'bytes from fd00:2::1' <<<"$output"
	grep -q '^\$ nemu node add h1 r h2$' <<<"$output"
	grep -Eq 'Mbits/sec|Gbits/sec|bytes over TCP' <<<"$output"
	[ "$(nemu -q node)" = bystander ]
	nemu node del bystander
	nothing_left
}

@test "it can be run as a program, with nemu on the PATH" {
	ln -s "$NEMU" "$BATS_TEST_TMPDIR/nemu"
	run env -u NEMU PATH="$BATS_TEST_TMPDIR:$PATH" "$demo"
	[ "$status" -eq 0 ]
	nothing_left
}

@test "a step that fails: not 0, and nothing is left" {
	for step in "*'route h2 add default via fd'*" "*'link add h2'*" "'-q node list'"; do
		broken "$step) exit 2 ;;"
		NEMU=$BATS_TEST_TMPDIR/nemu run sh "$demo"
		echo "$step: $status"
		[ "$status" -ne 0 ]
		nothing_left
	done
}

@test "another exit code than it should be: not 0" {
	broken "'kill h1 '*) exec \"$NEMU\" \"\$@\" -s KILL ;;"
	NEMU=$BATS_TEST_TMPDIR/nemu run sh "$demo"
	[ "$status" -ne 0 ]
	grep -q 'exit code 137' <<<"$output"
	nothing_left
}

@test "without a route there is no ping, and it says so by its exit code" {
	broken "'route h2 add'*) exit 0 ;;
		*' ping '*) set -- exec h1 ping -n -c 1 -W 1 10.0.2.1 ;;"
	NEMU=$BATS_TEST_TMPDIR/nemu run sh "$demo"
	[ "$status" -ne 0 ]
	grep -q '100% packet loss' <<<"$output"
	nothing_left
}

@test "interrupted: nothing is left" {
	for sig in TERM INT HUP; do
		broken "'addr r add 10.0.2.2'*) kill -$sig \$PPID ;;"
		NEMU=$BATS_TEST_TMPDIR/nemu run env --default-signal=INT sh "$demo"
		echo "$sig: $status"
		[ "$status" -ne 0 ]
		nothing_left
	done
}

@test "without iperf3 it takes python3" {
	needs_root # it may be the only one to whom this python3 is not closed
	mkdir "$BATS_TEST_TMPDIR/bin"
	local tool
	for tool in sh ping python3 cat sed sleep; do
		ln -s "$(python3 -c 'import sys, shutil; print(sys.executable if sys.argv[1] == "python3" else shutil.which(sys.argv[1]))' $tool)" \
			"$BATS_TEST_TMPDIR/bin/$tool"
	done
	PATH=$BATS_TEST_TMPDIR/bin run sh "$demo"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '^50000000 bytes over TCP' <<<"$output"
	nothing_left
}
