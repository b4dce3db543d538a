#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# A star: hosts (100, or as many as $1 says: 2 to 200) on one switch.
#
#     h1   h2   h3  ...  h100      eth0 of each: 10.0.0.1, 10.0.0.2, ... 10.0.0.100
#      \   |    |        /
#       ------ s1 -------
#
# All of them at once ping the next one, the last one the first, and h1. (For more hosts the machine
# needs a larger net.ipv4.neigh.default.gc_thresh3, which all network namespaces share.)

n=${1:-100}
wrong() {
	echo "star: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}
address() { echo "10.0.$(($1 / 256)).$(($1 % 256))"; }

{
	echo "switch add s1"
	for i in $(seq "$n"); do
		echo "node add --host h$i"
		echo "link add h$i:eth0 s1"
		echo "addr h$i add $(address "$i")/16 dev eth0"
	done
} | nemu batch -
ports=$(nemu -j switch | jq '.[0].ports | length')
[ "$ports" = "$n" ] || wrong "the switch has $ports ports"

# -c 1 -w 10: until one answer has come, at most 10 s.
for i in $(seq "$n"); do
	echo "spawn h$i --name to-next ping -n -c 1 -w 10 $(address $((i % n + 1)))"
	echo "spawn h$i --name to-h1 ping -n -c 1 -w 10 $(address 1)"
done | nemu batch - >/dev/null # the PIDs
for i in $(seq "$n"); do
	nemu wait "h$i" to-next || wrong "h$i does not reach the next one"
	nemu wait "h$i" to-h1 || wrong "h$i does not reach h1"
done
