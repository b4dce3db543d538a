#!/usr/bin/env -S nemu lab run sh -eu
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Four routers in a ring, in each a BIRD that speaks OSPF:
#
#     r1 right --- left r2           between r1 and r2: 10.0.1.0/24, r2 and r3: 10.0.2.0/24 ...,
#      left               right      with .1 at the right end
#        |                 |
#      right              left       each router has 10.255.0.N on its loopback
#     r4 left --- right r3
#
# They find the ways. When the link between r1 and r2 fails, they find the way round the ring.
# Needs bird (BIRD 2).

wrong() {
	echo "ospf: $*" | paste -s -d ' ' - >&2 # one line
	exit 1
}
next() { echo $(($1 % 4 + 1)); }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

{
	seq -f 'node add r%g' 4
	for r in 1 2 3 4; do
		n=$(next $r)
		echo "link add r$r:right r$n:left"
		echo "addr r$r add 10.0.$r.1/24 dev right"
		echo "addr r$n add 10.0.$r.2/24 dev left"
		echo "addr r$r add 10.255.0.$r/32 dev lo"
	done
} | nemu batch -

for r in 1 2 3 4; do
	cat >"$dir/r$r.conf" <<-END
		router id 10.255.0.$r;
		log stderr all;
		protocol device { }
		protocol kernel { ipv4 { export all; }; }
		protocol ospf v2 {
			ecmp no;
			area 0 {
				interface "lo" { stub; };
				interface "left", "right" { type ptp; hello 1; dead 10; check link; };
			};
		}
	END
	nemu spawn r$r --name bird --ready line=Started bird -f -c "$dir/r$r.conf" -s "$dir/r$r.ctl" >/dev/null
done

# way FROM TO IF: until FROM sends by this interface what is for TO's loopback.
way() { nemu until -t 1m cmd "r$1" -- sh -c "ip route get 10.255.0.$2 | grep -q ' dev $3 '"; }

# routers COUNT FROM TO: so many are between the two, there and back.
routers() {
	answer=$(nemu exec "r$2" ping -n -c 1 -w 10 -t $(($1 + 1)) -I "10.255.0.$2" "10.255.0.$3" 2>&1) ||
		wrong "r$2 does not reach r$3 with $1 routers between: $answer"
	case $answer in
	*" ttl=$((64 - $1)) "*) ;;
	*) wrong "not $1 routers on the way from r$3 to r$2: $answer" ;;
	esac
}

for r in 1 2 3 4; do
	n=$(next $r)
	way $r "$n" right
	way "$n" $r left
	routers 0 $r "$n"
done

nemu link down r1:right
way 1 2 left
way 4 2 left
way 2 1 right
way 3 1 right
routers 2 1 2

# Told to end, they do, and without a fault.
for r in 1 2 3 4; do
	nemu kill r$r bird
	nemu wait r$r bird || wrong "the BIRD of r$r ended with $?"
done
