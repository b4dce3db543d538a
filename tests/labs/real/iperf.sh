#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# A transfer of 4 MB over a link of 10 mbit/s, with 20 ms in each direction where the kernel has
# netem:
#
#     h1 eth0 -- rate 10mbit delay 20ms -- eth0 h2
#     10.0.0.1                             10.0.0.2
#
# What is received is between 8.5 and 10.5 mbit/s. Needs iperf3 and jq.

wrong() {
	echo "iperf: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}

nemu node add --host h1 h2
nemu link add h1:eth0 h2:eth0 rate 10mbit
nemu addr h1 add 10.0.0.1/24 dev eth0
nemu addr h2 add 10.0.0.2/24 dev eth0
code=0
message=$(nemu link set h1:eth0 both delay 20ms 2>&1) || code=$?
case $code in
0 | 4) ;; # 4: the kernel has no netem
*) wrong "no delay: $message" ;;
esac

# The window keeps most of the 4 MB out of the sender's buffers, where they would count as sent. On a machine that
# has other things to do the two may come too late for all that the link could carry: three tries.
for try in 1 2 3; do
	nemu spawn h2 --name server --ready listen=tcp/5201 iperf3 -s -1 >/dev/null
	result=$(nemu exec h1 iperf3 -c 10.0.0.2 -n 4M -w 256K -J) || wrong "$(echo "$result" | jq -r .error)"
	nemu wait h2 server || wrong "the server ended with $?"
	mbits=$(echo "$result" | jq .end.sum_received.bits_per_second/1e6)
	echo "$mbits" | jq -e '. < 10.5' >/dev/null || wrong "$mbits mbit/s over a link of 10"
	! echo "$mbits" | jq -e '. > 8.5' >/dev/null || break
	[ $try != 3 ] || wrong "$mbits mbit/s over a link of 10"
done

# In microseconds: no packet and its answer took less than both delays.
[ $code != 0 ] || echo "$result" | jq -e '.end.streams[0].sender.min_rtt >= 40000' >/dev/null ||
	wrong "a round trip of less than 40 ms"
