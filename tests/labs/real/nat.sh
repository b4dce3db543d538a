#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Two sites with the same private addresses, each behind a router that does NAT and lets in nothing
# but answers; a public network between them, with a server:
#
#     pc1 eth0 -------- lan gw1 wan ---- internet ---- wan gw2 lan -------- eth0 pc2
#     192.168.1.2  192.168.1.1  203.0.113.1  |  203.0.113.2  192.168.1.1  192.168.1.2
#                                            |
#                                       eth0 server
#                                       203.0.113.80
#
# The server sees the address of the router that a client is behind, and does not reach the client.
# Needs nft and socat.

wrong() {
	echo "nat: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}

{
	echo "switch add internet"
	echo "node add --host server"
	echo "link add server:eth0 internet"
	echo "addr server add 203.0.113.80/24 dev eth0"
	for i in 1 2; do
		echo "node add gw$i"
		echo "link add gw$i:wan internet"
		echo "addr gw$i add 203.0.113.$i/24 dev wan"
		echo "node add --host pc$i"
		echo "link add pc$i:eth0 gw$i:lan"
		echo "addr gw$i add 192.168.1.1/24 dev lan"
		echo "addr pc$i add 192.168.1.2/24 dev eth0"
		echo "route pc$i add default via 192.168.1.1"
	done
} | nemu batch -

for gw in gw1 gw2; do
	nemu exec $gw nft -f - <<-'END'
		table ip nat {
			chain postrouting {
				type nat hook postrouting priority srcnat
				oifname "wan" masquerade
			}
		}
		table ip filter {
			chain forward {
				type filter hook forward priority filter
				iifname "lan" accept
				ct state established,related accept
				reject with icmp type admin-prohibited
			}
		}
	END
done

# The server tells each client the address that it comes from.
# shellcheck disable=SC2016 # for the shell that socat starts
nemu spawn server --ready listen=tcp/7 socat TCP4-LISTEN:7,fork SYSTEM:'echo $SOCAT_PEERADDR' >/dev/null
for i in 1 2; do
	seen=$(nemu exec pc$i socat -u TCP4:203.0.113.80:7,connect-timeout=10 - 2>&1) ||
		wrong "pc$i does not reach the server: $seen"
	[ "$seen" = 203.0.113.$i ] || wrong "the server sees pc$i as $seen"
done

# In the internet there is no way to private addresses. With one the router refuses.
nemu exec server ping -n -c 1 192.168.1.2 >/dev/null 2>&1 && wrong "the server has a way to pc1"
nemu route server add 192.168.1.0/24 via 203.0.113.1
answer=$(nemu exec server ping -n -c 1 -w 10 192.168.1.2) && wrong "the server reaches pc1"
case $answer in
*"From 203.0.113.1 "*"Packet filtered"*) ;;
*) wrong "gw1 does not refuse: $answer" ;;
esac
