#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# -j: every list is one JSON document, and what "ip -j" tells too has its keys, types and values.

load helpers

setup() {
	nemu node add a b
	nemu link add a:eth0 b:eth0
	nemu link add a:x0 a:x1
	nemu addr a add 10.0.0.1/24 dev eth0
	nemu addr a add 10.0.1.1/24 broadcast 10.0.1.7 dev eth0
	nemu addr a add 10.0.0.9/32 dev lo
	nemu addr a add fd00::1/64 dev eth0
	nemu route a add default via 10.0.0.2
	nemu route a add 10.7.0.0/16 via 10.0.0.2 metric 5
	nemu route a add 10.8.0.0/16 dev x0
	nemu route a add blackhole 10.9.0.0/16
	nemu route a add unreachable 10.10.0.0/16 metric 7
	nemu route a add fd07::/32 via fd00::2 metric 9
	nemu route a add default via fd00::2
	inside a ip link add br0 type bridge
	nemu if a set x1 master br0
	# Until the kernel has told all about carriers and link-local addresses.
	nemu until up a:eth0 and up a:x0 and up b:eth0
	eventually inside a sh -c 'ip -j addr show dev eth0 | grep -q fe80'
}

teardown() { "$NEMU" node del --all; }

# shared NEMU IP: two lists of dicts, of the same things in the same order. Every key that both
# have has the same value. Prints what differs, and what "ip" has alone.
shared() {
	python3 - "$1" "$2" <<-'PY'
		import json, sys
		ours, theirs = json.loads(sys.argv[1]), json.loads(sys.argv[2])
		bad, alone = [], set()
		def compare(a, b, at):
		    if type(a) is not type(b):
		        bad.append(f"{at}: {a!r} is not of the type of {b!r}")
		    elif isinstance(a, dict):
		        for k in a:
		            if k in b: compare(a[k], b[k], f"{at}.{k}")
		        alone.update(f"{at.split('[')[0]}.{k}" for k in b if k not in a)
		    elif isinstance(a, list) and a and isinstance(a[0], dict):
		        if len(a) != len(b): bad.append(f"{at}: {len(a)} is not {len(b)}")
		        for i, (x, y) in enumerate(zip(a, b)): compare(x, y, f"{at}[{i}]")
		    elif isinstance(a, list) and all(isinstance(x, str) for x in a + b):
		        if sorted(a) != sorted(b): bad.append(f"{at}: {a!r} is not {b!r}")
		    elif a != b:
		        bad.append(f"{at}: {a!r} is not {b!r}")
		compare(ours, theirs, "")
		print("ip alone:", *sorted(alone))
		sys.exit("\n".join(bad) if bad else 0)
	PY
}

@test "if: as ip -j -d link" {
	local ours theirs
	ours=$(nemu -j if a)
	theirs=$(inside a ip -j -d link show)
	shared "$ours" "$theirs"
	nemu link add a:z0 a:z1
	nemu link down a:z1 # M-DOWN at the other
	links_shared() { shared "$(nemu -j if a)" "$(inside a ip -j -d link show)"; }
	eventually links_shared # the kernel tells about carriers a moment later
	nemu -j if a list z0 | is '.[0].flags | index("M-DOWN")'
	nemu link del a:z0
	is 'all(has("ifindex", "ifname", "flags", "mtu", "operstate", "link_type", "address", "broadcast"))' <<<"$ours" ||
		is 'all([has("ifindex", "ifname", "flags", "mtu", "link_type", "address")] | all)' <<<"$ours"
	is '[.[] | .linkinfo.info_kind] | sort == [null, "bridge", "veth", "veth", "veth"]' <<<"$ours"
	is '.[] | select(.ifname == "x1") | .master == "br0"' <<<"$ours"
	is '.[] | select(.ifname == "x0") | .link == "x1"' <<<"$ours"
	same "$(nemu if a list eth0 -j | jq -S .)" "$(jq -S 'map(select(.ifname == "eth0"))' <<<"$ours")"
}

@test "addr: as ip -j addr" {
	local ours theirs
	inside a ip addr add 10.0.2.1/24 dev x0 scope 50
	inside a ip addr add 10.0.3.1/24 dev x0 scope site
	ours=$(nemu -j addr a)
	theirs=$(inside a ip -j addr show)
	shared "$ours" "$theirs"
	same "$(jq -c '[.[] | .ifname as $i | .addr_info[] | [$i, .family, .local, .prefixlen, .broadcast, .scope]]' <<<"$ours")" \
		"$(jq -c '[.[] | .ifname as $i | .addr_info[] | [$i, .family, .local, .prefixlen, .broadcast, .scope]]' <<<"$theirs")"
	nemu -j addr a list dev lo | is 'length == 1 and (.[0].addr_info | length == 3)'
}

@test "route: as ip -j route, IPv4 and then IPv6" {
	local ours four six i
	# Names of protocols, and scopes that have none.
	for i in 0 8 9 10 11 12 13 14 15 16 18 42 99 186 187 188 189 192 250; do
		inside a ip route add "10.11.$i.0/24" dev x0 proto "$i" scope "$((100 + i % 50))"
	done
	ours=$(nemu -j route a)
	four=$(inside a ip -j route show)
	# multicast and local entries are not routes that somebody made
	six=$(inside a ip -j -6 route show)
	shared "$(jq '[.[] | select((.gateway // .dst | contains(":")) | not)]' <<<"$ours")" "$four"
	shared "$(jq '[.[] | select(.gateway // .dst | contains(":"))]' <<<"$ours")" "$six"
	same "$(jq -c '[.[] | [.type, .dst, .gateway, .dev, .metric]]' <<<"$ours")" \
		"$(jq -c -s '[.[][] | [.type, .dst, .gateway, .dev, .metric]]' <<<"$four$six")"
}

@test "every -j of every list is one document; and of empty ones too" {
	local pid words
	pid=$(nemu spawn a --name t sleep 86451)
	nemu spawn b sh -c 'exit 1'
	for words in "node" "node list" "node show a" "if a" "if a list lo" "addr a" "addr a list dev eth0" \
		"route a" "link" "link list" "ps a" "ps b" "-L nolab node list" "-L nolab link list"; do
		echo "$words"
		# shellcheck disable=SC2086 # words
		[ "$(nemu -j $words | jq -s length)" -eq 1 ]
		# shellcheck disable=SC2086
		nemu -j $words | python3 -c 'import json, sys; json.load(sys.stdin)'
		# shellcheck disable=SC2086
		[ "$(nemu $words -j | wc -l)" -eq 1 ]
	done
	[ "$(nemu -j -L nolab node)" = "[]" ]
	[ "$(nemu -j -L nolab link)" = "[]" ]
	nemu node add e
	[ "$(nemu -j ps e)" = "[]" ]
	[ "$(nemu -j route e)" = "[]" ]
	nemu -j addr e | is '.[0].addr_info | length == 2'
}

@test "node: names, PIDs, flags" {
	nemu -j node | is 'map(.name) == ["a", "b"] and all(.pid > 1 and .forwarding == true)'
	[ "$(nemu -j node | jq '.[1].pid')" = "$(nemu node pid b)" ]
}

@test "ps: types" {
	local pid
	pid=$(nemu spawn a --name t -u nobody sleep 86452)
	nemu -j ps a | is ".[0] | .pid == $pid and .tag == \"t\" and .user == \"nobody\" and .state == \"running\"
		and .status == null and .command == \"sleep 86452\" and (.age | type == \"number\") and .log == true"
	nemu kill a t
	nemu wait a t || :
	nemu -j ps a | is '.[0] | .state == "ended" and .status == 15'
}

@test "bytes that are no UTF-8, quotes, control characters: still JSON" {
	nemu spawn a sleep 86453 $'\xff\xfe"\\\n\t\x01ü' || :
	nemu spawn a sh -c 'exec sleep 86453' $'\xff\xfe"\\\n\t\x01ü'
	nemu -j ps a | python3 -c 'import json, sys
c = json.loads(sys.stdin.buffer.read().decode("utf-8"))[-1]["command"]
assert c.endswith("\ufffd\ufffd\"\\\n\t\x01ü"), repr(c)'
}
