#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# A WireGuard tunnel between two nodes, as in the netns.sh of the kernel's own tests:
#
#     a eth0 ------- eth0 b        the link below: 10.0.0.1, 10.0.0.2; fd00::1, fd00::2
#     a wg0 ======== wg0 b         the tunnel: 192.168.241.1, 192.168.241.2; fd00:241::1, fd00:241::2
#
# Pings and a transfer through it, over IPv4 and IPv6; it goes on when an end moves to another
# address. Needs wg, iperf3 and jq, and the kernel's wireguard (77: there is none).

wrong() {
	echo "wireguard: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}

nemu node add --host a b
code=0
message=$(nemu if a add wg0 type wireguard 2>&1) || code=$?
case $code in
0) ;;
4) echo "skipped: needs wireguard" && exit 77 ;;
*) wrong "$message" ;;
esac

nemu batch - <<'END'
	link add a:eth0 b:eth0
	addr a add 10.0.0.1/24 dev eth0
	addr b add 10.0.0.2/24 dev eth0
	addr a add fd00::1/64 dev eth0
	addr b add fd00::2/64 dev eth0
	if b add wg0 type wireguard
	addr a add 192.168.241.1/24 dev wg0
	addr b add 192.168.241.2/24 dev wg0
	addr a add fd00:241::1/64 dev wg0
	addr b add fd00:241::2/64 dev wg0
END

a_key=$(wg genkey) b_key=$(wg genkey)
a=$(echo "$a_key" | wg pubkey) b=$(echo "$b_key" | wg pubkey)
echo "$a_key" | nemu exec a wg set wg0 listen-port 1 private-key /dev/stdin \
	peer "$b" allowed-ips 192.168.241.2,fd00:241::2
echo "$b_key" | nemu exec b wg set wg0 listen-port 2 private-key /dev/stdin \
	peer "$a" allowed-ips 192.168.241.1,fd00:241::1
nemu if a set wg0 up
nemu if b set wg0 up

# ping FROM ADDRESS
ping() { nemu exec "$1" ping -n -c 1 -w 10 "$2" >/dev/null 2>&1; }

# transfer ADDRESS: some 4 MB from a to this address of b.
transfer() {
	nemu spawn b --name server --ready listen=tcp/5201 iperf3 -s -1 >/dev/null
	result=$(nemu exec a iperf3 -c "$1" -n 4M -J) || wrong "$(echo "$result" | jq -r .error)"
	nemu wait b server || wrong "the server ended with $?"
	sent=$(echo "$result" | jq .end.sum_received.bytes)
	came=$(nemu exec b wg show wg0 transfer | cut -f 2)
	[ "$came" -gt "$sent" ] || wrong "$sent bytes were received, only $came came through the tunnel"
}

# sees NODE PEER ENDPOINT: where this node believes its peer to be.
sees() {
	endpoint=$(nemu exec "$1" wg show wg0 endpoints)
	[ "$endpoint" = "$2	$3" ] || wrong "$1 believes its peer at $endpoint, not at $3"
}

# Only a is told where b is; b learns where a is from what a sends.
ping a 192.168.241.2 && wrong "a reaches b without knowing where it is"
nemu exec a wg set wg0 peer "$b" endpoint 10.0.0.2:2
ping a 192.168.241.2 || wrong "a does not reach b through the tunnel"
ping b 192.168.241.1 || wrong "b does not reach a through the tunnel"
sees b "$a" 10.0.0.1:1
transfer 192.168.241.2

# The same over IPv6.
nemu exec a wg set wg0 peer "$b" endpoint '[fd00::2]:2'
ping a fd00:241::2 || wrong "a does not reach b over IPv6"
sees b "$a" '[fd00::1]:1'
transfer fd00:241::2

# a moves to another address and port, and back to IPv4; b follows, as soon as a says something.
nemu addr a del 10.0.0.1/24 dev eth0
nemu addr a add 10.0.0.3/24 dev eth0
nemu exec a wg set wg0 listen-port 3 peer "$b" endpoint 10.0.0.2:2
ping a 192.168.241.2 || wrong "a does not reach b from its new address"
sees b "$a" 10.0.0.3:3
ping b 192.168.241.1 || wrong "b does not reach a at its new address"

# Nobody has the key for other addresses, even of this network.
ping a 192.168.241.7 && wrong "a sends to an address that is no peer's"
exit 0
