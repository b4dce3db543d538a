#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two hosts and a router between them:
#
#     h1 eth0 ---------- eth0 r eth1 ---------- eth0 h2
#     10.0.1.1/24   10.0.1.2  10.0.2.2   10.0.2.1/24
#     fd00:1::1/64  fd00:1::2 fd00:2::2  fd00:2::1/64
#
# Pings from end to end over IPv4 and IPv6, a TCP transfer, exit codes; then all is removed.
# Needs root, ping and iperf3 (or python3). Run it with "make demo". Ends with 0 only if all
# of it worked.

set -eu
NEMU=${NEMU:-nemu}
export NEMU_LAB=demo-$$ # a lab of its own: nothing else is touched

say() { printf '\n# %s\n' "$*"; }
# Shows a command as one would type it, then runs it.
run() {
	printf '$ nemu'
	printf ' %s' "$@"
	printf '\n'
	"$NEMU" "$@"
}
trap '"$NEMU" node del --all' EXIT
trap 'exit 130' INT TERM HUP

say "Three nodes. Each is a network namespace of its own, with a small server in it."
run node add h1 r h2

say "A link is a veth pair between two of them, made straight where its ends belong."
run link add h1:eth0 r:eth0
run link add h2:eth0 r:eth1

say "Addresses and routes, in the words of iproute2 behind the node's name."
run addr h1 add 10.0.1.1/24 dev eth0
run addr r add 10.0.1.2/24 dev eth0
run addr r add 10.0.2.2/24 dev eth1
run addr h2 add 10.0.2.1/24 dev eth0
run route h1 add default via 10.0.1.2
run route h2 add default via 10.0.2.2
run addr h1 add fd00:1::1/64 dev eth0
run addr r add fd00:1::2/64 dev eth0
run addr r add fd00:2::2/64 dev eth1
run addr h2 add fd00:2::1/64 dev eth0
run route h1 add default via fd00:1::2
run route h2 add default via fd00:2::2

say "What there is now."
run link list
run addr r
run route h1

say "exec runs a program in a node: its output is ours, and its exit code."
run exec h1 ping -n -c 3 -i 0.2 10.0.2.1
run exec h1 ping -n -c 3 -i 0.2 fd00:2::1

say "spawn starts one in the background, here until it listens; then a TCP transfer."
if command -v iperf3 >/dev/null; then
	# shellcheck disable=SC2016 # shown, not run
	echo '$ server=$(nemu spawn h2 --name server --ready listen=tcp/5201 iperf3 -s -1)'
	server=$("$NEMU" spawn h2 --name server --ready listen=tcp/5201 iperf3 -s -1)
	run exec h1 iperf3 -c 10.0.2.1 -n 50M --forceflush
else
	# shellcheck disable=SC2016
	echo '$ server=$(nemu spawn h2 --name server --ready listen=tcp/5201 python3 -c ...)'
	server=$("$NEMU" spawn h2 --name server --ready listen=tcp/5201 python3 -c '
from socket import create_server
create_server(("10.0.2.1", 5201)).accept()[0].sendall(bytes(50_000_000))
print("sent")')
	run exec h1 python3 -c '
from socket import create_connection
print(len(create_connection(("10.0.2.1", 5201)).makefile("rb").read()), "bytes over TCP")'
fi

say "Its exit code is there for whoever asks, and so is what it printed."
run wait h2 "$server"
run logs h2 -n 3 server

say "Exit codes are real: that of the program ..."
code=0
run exec h1 sh -c 'exit 7' || code=$?
printf 'exit code %s\n' "$code"
[ "$code" = 7 ]
say "... 128 + n for a signal, also long after the end ..."
pid=$("$NEMU" spawn h1 sleep 1000)
run kill h1 "$pid"
code=0
run wait h1 "$pid" || code=$?
printf 'exit code %s\n' "$code"
[ "$code" = 143 ]
say "... and what goes wrong says what, and why."
code=0
run addr h1 add 10.9.9.9/24 dev eth7 || code=$?
printf 'exit code %s\n' "$code"
[ "$code" = 3 ]

say "All is removed: processes, links, nodes."
run node del --all
run node list
left=$("$NEMU" -q node list)
[ -z "$left" ]
echo "done"
