#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# A chain of routers (50, or as many as $1 says: 4 to 250), built by one nemu batch:
#
#     r1 right --- left r2 right --- left r3 right --- ... --- left r50
#        10.0.1.1     10.0.1.2  10.0.2.1     10.0.2.2
#
# A ping from end to end passes each of them. With a link in the middle down, the router before it
# says that there is no way; with the link and its route back there is one again.

n=${1:-50}
far=10.0.$((n - 1)).2 # the last router
wrong() {
	echo "chain: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}

{
	seq -f 'node add r%g' "$n"
	for i in $(seq $((n - 1))); do
		j=$((i + 1))
		echo "link add r$i:right r$j:left"
		echo "addr r$i add 10.0.$i.1/24 dev right"
		echo "addr r$j add 10.0.$i.2/24 dev left"
		echo "route r$i add default via 10.0.$i.2"
		[ "$i" = 1 ] || echo "route r$j add 10.0.1.0/24 via 10.0.$i.1"
	done
	# A long chain has more than the usual 64 hops.
	seq -f "exec r%g sh -c 'echo 255 >/proc/sys/net/ipv4/ip_default_ttl'" "$n"
} | nemu batch -

# Each router between the two ends counts the answer down by 1.
nemu until ping r1 "$far"
answer=$(nemu exec r1 ping -n -c 1 -w 10 "$far") || wrong "r1 does not reach r$n: $answer"
case $answer in
*" ttl=$((255 - (n - 2))) "*) ;;
*) wrong "not $((n - 2)) routers between r1 and r$n: $answer" ;;
esac

middle=$((n / 2))
nemu link down r$middle:right
answer=$(nemu exec r1 ping -n -c 1 -w 10 "$far") && wrong "r1 reaches r$n without the link"
case $answer in
*"From 10.0.$((middle - 1)).2 "*" Unreachable"*) ;;
*) wrong "r$middle does not say that there is no way: $answer" ;;
esac

nemu link up r$middle:right
nemu route r$middle add default via 10.0.$middle.2
nemu until ping r1 "$far"
