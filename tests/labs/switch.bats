#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# switch: nodes that hold a bridge, links that are plugged into them, attributes of bridges.

load helpers

teardown() { "$NEMU" node del --all; }

# host NAME SWITCH NUMBER: a node on a switch.
host() {
	nemu node add "$1"
	nemu link add "$1:eth0" "$2"
	nemu addr "$1" add "10.0.0.$3/24" dev eth0
}

@test "three hosts on a switch reach each other; nothing of it in the caller's namespace" {
	local before
	before=$(ip -d link)
	silent switch add s1
	host h1 s1 1
	host h2 s1 2
	host h3 s1 3
	nemu exec h1 ping -n -c 1 -W 5 10.0.0.2
	nemu exec h2 ping -n -c 1 -W 5 10.0.0.3
	same "$(ip -d link)" "$before"
	[ "$(nemu -q if s1)" = $'lo\nbr0\nh1-eth0\nh2-eth0\nh3-eth0' ]
	nemu -j if s1 | is 'map(select(.master == "br0")) | length == 3'
}

@test "the switch may stand first, and an end in it may have a name" {
	nemu switch add s1
	nemu node add h1 h2
	silent link add s1 h1:eth0
	silent link add h2:eth0 s1:port7
	nemu -j if s1 list port7 | is '.[0].master == "br0"'
	nemu -j if s1 list h1-eth0 | is '.[0].master == "br0"'
	nemu -j link list | is '[.[].ends | map("\(.node):\(.ifname)") | sort | join(" ")] | sort ==
		["h1:eth0 s1:h1-eth0", "h2:eth0 s1:port7"]'
}

@test "two switches in a row; both ends are ports" {
	nemu switch add s1 s2
	silent link add s1 s2
	host h1 s1 1
	host h2 s2 2
	[ "$(nemu -q if s1)" = $'lo\nbr0\ns2\nh1-eth0' ]
	nemu -j if s2 list s1 | is '.[0].master == "br0"'
	nemu exec h1 ping -n -c 1 -W 5 10.0.0.2
}

@test "long names of nodes give ports with names that fit and differ" {
	local long=a-very-long-name-of-a-host
	nemu switch add s1
	nemu node add $long-1 $long-2
	nemu link add $long-1:eth0 s1
	nemu link add $long-2:eth0 s1
	[ "$(nemu -q if s1 | tail -n +3 | sort -u | wc -l)" -eq 2 ]
}

@test "what would be called the same gets another name, always the same; what is the same is refused" {
	local ports
	nemu switch add s1 s2
	nemu node add a a-b
	nemu link add a:b-c s1
	silent link add a-b:c s1
	ports=$(nemu -q if s1 | tail -n +3)
	[[ $ports == $'a-b-c\na-b-'[0-9a-f]* && ${#ports} -le 31 ]]
	fails 2 "a-b:c" link add a-b:c s1
	fails 2 "a:b-c" link add a:b-c s1
	nemu link del a-b:c
	{ echo "link add a-b:c s1"; } | nemu batch -
	same "$(nemu -q if s1 | tail -n +3)" "$ports"
	nemu link add s1 s2
	fails 2 "s2" link add s1 s2
	[ "$(nemu -q if s2)" = $'lo\nbr0\ns1' ]
}

@test "ports have no IPv6 addresses, the bridge may; packets are not forwarded by the switch itself" {
	nemu switch add s1
	nemu node add h1
	nemu link add h1:eth0 s1
	nemu until up h1:eth0
	run inside s1 ip -6 addr show dev h1-eth0
	[ -z "$output" ]
	silent addr s1 add 10.0.0.9/24 dev br0
	silent addr s1 add fd00::9/64 dev br0
	nemu addr h1 add fd00::1/64 dev eth0
	nemu exec h1 ping -n -c 1 -W 5 fd00::9
	nemu -j node show s1 | is '.forwarding == false and .bridge == "br0"'
	nemu -j node show h1 | is '.bridge == null'
}

@test "refused: a port whose name is taken, a node that is no switch, what is not there" {
	nemu switch add s1
	nemu node add h1 h2
	nemu link add h1:eth0 s1
	fails 2 h1:eth0 link add h1:eth0 s1
	fails 2 s1:h1-eth0 link add h2:eth0 s1:h1-eth0
	fails 1 "h2: not a switch" link add h1:eth1 h2
	fails 1 "h1: not a switch" link add h1 s1
	fails 3 nosuch link add h1:eth1 nosuch
	fails 2 h1 switch add h1
	fails 2 s1 node add s1
	fails 1 "" switch add
	fails 1 "a/b" switch add a/b
	[ "$(nemu -q if h1)" = $'lo\neth0' ]
	[ "$(nemu -q if h2)" = lo ]
	[ "$(nemu -q node list)" = $'h1\nh2\ns1' ]
}

@test "list: switches alone; -q, -j" {
	silent switch list
	nemu -j switch list | is '. == []'
	nemu node add h1
	nemu switch add s1 s2
	nemu link add h1:eth0 s2
	run nemu switch
	[[ ${lines[0]} =~ ^NAME\ +BRIDGE\ +PORTS ]]
	[[ ${lines[1]} =~ ^s1\ +br0\ +0 ]]
	[[ ${lines[2]} =~ ^s2\ +br0\ +1 ]]
	[ "$(nemu -q switch)" = $'s1\ns2' ]
	nemu -j switch | is '.[1] == {name: "s2", bridge: "br0", stp: false, vlan_filtering: false,
		ports: ["h1-eth0"]}'
	nemu if s1 del br0
	[ "$(nemu -q switch)" = s2 ]
}

@test "del: switches alone, all or none of those named; --all" {
	nemu node add h1
	nemu switch add s1 s2 s3
	fails 3 "h1: not a switch" switch del s1 h1
	fails 3 nosuch switch del s1 nosuch
	[ "$(nemu -q switch)" = $'s1\ns2\ns3' ]
	silent switch del s1
	silent switch del --all
	[ "$(nemu -q node list)" = h1 ]
	silent switch del --all
	fails 1 "" switch del
	fails 1 "" switch del --all s1
}

@test "attributes of the bridge: set together, told as ip(8) tells them" {
	nemu switch add s1
	silent if s1 set br0 stp on forward-delay 4s hello 1s ageing 60s max-age 7s
	fails 1 "ageing 1us: not a time such as 15s, of 10ms or more" if s1 set br0 ageing 1us
	inside s1 ip -j -d link show dev br0 | is '.[0].linkinfo.info_data | .stp_state == 1 and
		.forward_delay == 400 and .hello_time == 100 and .ageing_time == 6000 and .max_age == 700'
	nemu -j if s1 list br0 | is '.[0].linkinfo | .info_kind == "bridge" and .info_data.stp_state == 1 and
		.info_data.forward_delay == 400 and .info_data.hello_time == 100 and
		.info_data.ageing_time == 6000 and .info_data.max_age == 700'
	silent if s1 set br0 stp off
	nemu -j switch | is '.[0].stp == false'
	silent if s1 set br0 ageing 1.5s mtu 1400
	nemu -j if s1 list br0 | is '.[0].mtu == 1400 and .[0].linkinfo.info_data.ageing_time == 150'
}

@test "attributes of the bridge: refused ones change nothing" {
	local before
	nemu switch add s1
	nemu node add h1
	nemu link add h1:eth0 s1
	nemu if s1 set br0 stp on # else the kernel takes any delay
	before=$(nemu -j if s1 list br0)
	fails 2 forward-delay if s1 set br0 hello 2s forward-delay 400s
	fails 1 forward-delay if s1 set br0 forward-delay soon
	fails 1 stp if s1 set br0 stp maybe
	fails 2 stp if s1 set h1-eth0 stp on
	fails 2 stp if h1 set lo stp on
	fails 3 nosuch if s1 set nosuch stp on
	same "$(nemu -j if s1 list br0)" "$before"
}

@test "vlan filtering" {
	needs vlan-filtering
	nemu switch add s1
	silent if s1 set br0 vlan-filtering on
	nemu -j switch | is '.[0].vlan_filtering == true'
	inside s1 ip -j -d link show dev br0 | is '.[0].linkinfo.info_data.vlan_filtering == 1'
}

@test "a star of a hundred hosts on one switch" {
	local names=() i
	for i in {1..100}; do names+=("n$i"); done
	nemu node add "${names[@]}"
	nemu switch add hub
	for i in {1..100}; do
		nemu link add "n$i:eth0" hub
		nemu addr "n$i" add "10.0.0.$i/24" dev eth0
	done
	nemu -j switch | is '.[0].ports | length == 100'
	for i in 2 37 100; do nemu exec n1 ping -n -c 1 -W 5 "10.0.0.$i"; done
}

@test "six hundred links on a switch: each has its place, whatever indexes are taken" {
	{
		echo "switch add s86"
		echo "node add n86"
		for i in {1..600}; do echo "link add n86:e$i s86:p$i"; done
	} | nemu batch -
	[ "$(nemu -j switch | jq '.[0].ports | length')" = 600 ]
	fails 2 "s86:p1" link add n86:x s86:p1
	[ "$(nemu -j if n86 | jq 'map(select(.ifname != "lo")) | map(.ifindex != .link_index) | all')" = true ]
}
