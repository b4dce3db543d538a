#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The labs of tests/labs/real: they work here, and nothing is left of them.

load helpers

setup() {
	mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/tmp"
	ln -s "$NEMU" "$BATS_TEST_TMPDIR/bin/nemu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH:/usr/sbin:/sbin
}

needs_command() {
	local command
	for command; do command -v "$command" >/dev/null || skip "needs $command"; done
}

# No living process has the mark of this test in its environment.
no_marked() {
	local p
	for p in /proc/[0-9]*; do
		grep -qsz "^NEMU_REAL_MARK=$mark\$" "$p/environ" || continue
		ended "${p#/proc/}" || { tr '\0' ' ' <"$p/cmdline"; return 1; }
	done
}

# Of a lab nothing is left: no node, process or file.
nothing_left() {
	[ -z "$(nemu -q lab list)" ] || { nemu lab list; return 1; }
	[ -z "$(ls -A "$NEMU_RUNDIR")" ] || { ls -lAR "$NEMU_RUNDIR"; return 1; }
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/tmp")" ] || { ls -lA "$BATS_TEST_TMPDIR/tmp"; return 1; }
	no_marked
}

# lab SCRIPT [ARG...]: runs it; then nothing is left. Sets status, output and stderr.
lab() {
	mark=$$.$BATS_TEST_NUMBER.$RANDOM
	run --separate-stderr env NEMU_REAL_MARK="$mark" TMPDIR="$BATS_TEST_TMPDIR/tmp" \
		"$BATS_TEST_DIRNAME/real/$1" "${@:2}"
	# shellcheck disable=SC2154 # of run
	echo "$*: exit $status, stdout '$output', stderr '$stderr'"
	nothing_left
}

# works SCRIPT [ARG...]: it ends with 0 and says nothing, or with 77 and says what it needs.
works() {
	lab "$@"
	[ -z "$stderr" ]
	[ "$status" -ne 77 ] || skip "${output#skipped: }"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a chain of 50 routers" { works chain.sh; }

@test "a star of 100 hosts" {
	needs_command jq
	works star.sh
}

@test "two sites behind NAT" {
	needs_command nft socat
	works nat.sh
}

@test "a dual-stack triangle with backup routes" { works triangle.sh; }

@test "a ring of OSPF routers" {
	needs_command bird
	works ospf.sh
}

@test "10 mbit/s, measured" {
	needs_command iperf3 jq
	works iperf.sh
}

@test "a WireGuard tunnel" {
	needs_command wg iperf3 jq
	works wireguard.sh
}


# broken SED SCRIPT [ARG...]: with a nemu that sees its commands, those of a batch too, only through
# this sed script, the lab ends with 1 and one line.
broken() {
	ln -sf "$BATS_TEST_TMPDIR/broken" "$BATS_TEST_TMPDIR/bin/nemu"
	cat >"$BATS_TEST_TMPDIR/broken" <<-END
		#!/bin/sh
		case \$1 in
		batch) sed '$1' | "$NEMU" "\$@" ;;
		*) [ -z "\$(echo "\$*" | sed '$1')" ] || exec "$NEMU" "\$@" ;;
		esac
	END
	chmod 755 "$BATS_TEST_TMPDIR/broken"
	lab "${@:2}"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a lab in which something is wrong says so in one line, and nothing is left" {
	needs_command jq nft socat
	broken '/^link down/d' chain.sh 6
	[ "$stderr" = "chain: r1 reaches r6 without the link" ]
	broken '/^addr h2/d' star.sh 3
	[ "$stderr" = "star: h1 does not reach the next one" ]
	broken '/^route pc2/d' nat.sh
	[[ $stderr == "nat: pc2 does not reach the server: "* ]]
	broken '/^route r1 .*metric 10$/d' triangle.sh
	[[ $stderr == "triangle: r1 does not reach 10.255.0.2 with 0 routers between: "* ]]
}
