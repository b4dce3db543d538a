#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A client of a node, see nemu-protocol(7); needs socat and base64. Usage:
# client.sh NODE help | addr IFINDEX ADDRESS PREFIX | run CMD [ARG...]

fail() { printf 'client.sh: %s\n' "$*" >&2; exit 1; }

encode() { # type b: any bytes
	printf ' =%s' "$(printf %s "$1" | base64 | tr -d '\n')"
}

readable() { # the text of an exception, as far as it can be had without a reader of pickles
	base64 -d | LC_ALL=C tr -c ' -}' '~' | sed 's/.*U~textU.//; s/U~.*//; s/ub\.$//'
}

reply() { # Prints the lines of the next reply without their code. Errors end the program.
	while IFS= read -r line <&4; do
		case $line in
		[235]??-*) [ "${line#5}" != "$line" ] || printf '%s\n' "${line#????}" ;;
		[23]??\ *) printf '%s\n' "${line#????}" && return ;;
		*\ =*) fail "$(printf %s "${line#*=}" | readable)" ;;
		*) fail "${line#????}" ;;
		esac
	done
	fail "$node: no answer"
}

ask() { # WORD...
	printf '%s\n' "$*" >&3
	reply
}

[ $# -ge 2 ] || fail "see the head of $0"
node=$1 verb=$2 dir=$(mktemp -d) || exit 1
shift 2
# socat stands between the node and two pipes: 3 leads to it, 4 comes from it.
mkfifo "$dir/to" "$dir/from"
path=${NEMU_RUNDIR:-/run/nemu}/${NEMU_LAB:-default}/$node
socat - "UNIX-CONNECT:$path" <"$dir/to" >"$dir/from" &
exec 3>"$dir/to" 4<"$dir/from"
rm -r "$dir"
reply >/dev/null # the greeting
case $verb in
help) ask HELP ;;
addr)
	for arg; do # types s and i: nothing could quote white space in them
		case $arg in '' | *[[:space:]]*) fail "not a word: '$arg'" ;; esac
	done
	ask ADDR ADD "$@" >/dev/null ;;
run)
	words=$(encode "$1"; for arg; do encode "$arg"; done) # the program, then all of argv
	ask "PROC CRTE$words" >/dev/null
	pid=$(ask PROC RUN) || exit
	status=$(ask PROC WAIT "${pid%% *}") && status=${status%% *} || exit # as waitpid(2) has it
	[ $((status & 127)) -eq 0 ] || exit $((128 + (status & 127)))
	exit $((status >> 8)) ;;
*) fail "$verb: not known" ;;
esac
