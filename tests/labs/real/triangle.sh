#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Three routers in a triangle, with IPv4 and IPv6. Each has an address on its loopback, to which the
# others have two static routes: the straight one, and one round the triangle with a higher metric.
#
#      .----- right r1 left -------.
#      |      10.255.0.1           |       networks, with .1 and ::1 at the right end:
#      |      fd00:255::1          |         r1 - r2: 10.0.1.0/24, fd00:1::/64
#     left                       right       r2 - r3: 10.0.2.0/24, fd00:2::/64
#     r2 right --------------- left r3       r3 - r1: 10.0.3.0/24, fd00:3::/64
#
# When a link fails its two ends reach each other by the third router, and nothing else changes.

wrong() {
	echo "triangle: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}
next() { echo $(($1 % 3 + 1)); }

{
	seq -f 'node add r%g' 3
	for r in 1 2 3; do
		# A route over a link without carrier does not count: new interfaces take this over.
		for family in ipv4 ipv6; do
			echo "exec r$r sh -c 'echo 1 >/proc/sys/net/$family/conf/default/ignore_routes_with_linkdown'"
		done
	done
	for r in 1 2 3; do
		n=$(next $r)
		echo "link add r$r:right r$n:left"
		echo "addr r$r add 10.0.$r.1/24 dev right"
		echo "addr r$r add fd00:$r::1/64 dev right"
		echo "addr r$n add 10.0.$r.2/24 dev left"
		echo "addr r$n add fd00:$r::2/64 dev left"
		echo "addr r$r add 10.255.0.$r/32 dev lo"
		echo "addr r$r add fd00:255::$r/128 dev lo"
	done
	# route FROM TO METRIC NETWORK END
	route() {
		echo "route r$1 add 10.255.0.$2 via 10.0.$4.$5 metric $3"
		echo "route r$1 add fd00:255::$2 via fd00:$4::$5 metric $3"
	}
	for r in 1 2 3; do
		n=$(next $r) p=$(next "$(next $r)")
		route $r "$n" 10 $r 2
		route $r "$n" 20 "$p" 1
		route $r "$p" 10 "$p" 1
		route $r "$p" 20 $r 2
	done
} | nemu batch -

# routers COUNT ROUTER ROUTER: so many are between the two, there and back, over both families.
routers() {
	for net in 10.255.0. fd00:255::; do
		answer=$(nemu exec "r$2" ping -n -c 1 -w 10 -t $(($1 + 1)) -I "$net$2" "$net$3" 2>&1) ||
			wrong "r$2 does not reach $net$3 with $1 routers between: $answer"
		case $answer in
		*" ttl=$((64 - $1)) "*) ;;
		*) wrong "not $1 routers on the way from $net$3 to r$2: $answer" ;;
		esac
	done
}

for r in 1 2 3; do routers 0 $r "$(next $r)"; done

# r1 loses what it had on this interface, IPv6 addresses included; r2 just sees no carrier.
nemu link down r1:right
nemu until down r2:left
routers 1 1 2
routers 1 2 1
routers 0 2 3
routers 0 3 1
