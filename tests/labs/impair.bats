#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
# link add and link set with impairments: what they do to packets, measured, and what is told of
# them.

load helpers

setup() {
	nemu node add a b
}

teardown() { "$NEMU" node del --all; }

# pair IMPAIRMENTS...: a:e and b:e, with addresses that answer.
pair() {
	nemu link add a:e b:e "$@"
	nemu addr a add 10.0.0.1/24 dev e
	nemu addr b add 10.0.0.2/24 dev e
	nemu exec a ping -n -c 1 -w 10 10.0.0.2 >/dev/null
}

# The shortest of ten round trips, in microseconds.
round_trip() {
	nemu exec a ping -n -q -c 10 -i 0.05 10.0.0.2 |
		sed -n 's|^rtt [^=]*= \([0-9]*\)\.\([0-9]*\)/.*|\1\2|p' | sed 's/^0*//'
}

# between LOW HIGH NUMBER
between() { (($1 <= $3 && $3 <= $2)) || { echo "$3 is not in $1 to $2"; return 1; }; }

# Of a number of pings, how many are lost.
lost() {
	nemu exec a ping -n -q -f -c "$1" 10.0.0.2 >"$BATS_TEST_TMPDIR/ping" || :
	echo $(($1 - $(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$BATS_TEST_TMPDIR/ping")))
}

# What tcp brings from a to b in 5 s, in kbit/s.
goodput() {
	local server
	server=$(nemu spawn b --ready listen=tcp/5201 iperf3 -s -1)
	nemu exec a iperf3 -J -c 10.0.0.2 -t 5 | jq '.end.sum_received.bits_per_second / 1000 | floor'
	nemu wait b "$server" >/dev/null
}

# A busy machine may take time away from one run.
reaches() {
	local n
	for _ in 1 2 3; do
		n=$(goodput)
		between "$1" "$2" "$n" && return
	done
	return 1
}

# The impairments of a:e, as told.
told() { nemu -j link list | jq -c '.[].ends[] | select(.node == "a").impairments'; }

@test "rate: a full-size flow reaches it, and no more" {
	pair rate 10mbit
	reaches 9000 10500
	nemu -j link | is '.[0].ends | all(.impairments == {rate: "10mbit"})'
	nemu -j link | is '.[0].ends[0].qdiscs[0] | .kind == "tbf" and .root and .bytes > 5000000
		and .overlimits > 0 and .limit > 0'
	inside a tc -j qdisc show dev e | is '.[0].options.burst | . > 1514 and . < 2 * 1514 - 1'
}

@test "rate: low and high ones" {
	local high
	pair
	high=$(($(goodput) / 8000)) # an eighth of what this machine can do without
	((high <= 200)) || high=200
	nemu link set a:e both rate 1mbit
	reaches 900 1050
	nemu link set a:e both rate "${high}mbit"
	reaches $((high * 850)) $((high * 1025))
}

@test "rate: one direction, changed, taken away" {
	pair
	silent link set a:e rate 2mbit
	[ "$(told)" = '{"rate":"2mbit"}' ]
	nemu -j link | is '[.[0].ends[] | select(.node == "b").impairments] == [{}]'
	run nemu link
	[[ ${lines[1]} =~ a:e\ +b:e\ +up\ +[0-9]+/[0-9]+\ +\>\ rate\ 2mbit$ ]]
	silent link set b:e rate 3mbit
	run nemu link
	[[ ${lines[1]} == *"> rate 2mbit < rate 3mbit" ]]
	silent link set b:e both rate 5mbit
	run nemu link
	[[ ${lines[1]} =~ [0-9]/[0-9]+\ +rate\ 5mbit$ ]]
	silent link set a:e rate none
	[ "$(told)" = '{}' ]
	silent link set a:e both none
	run nemu link
	[[ ${lines[1]} =~ up\ +-\ +-$ ]]
	inside a tc -j qdisc show dev e | is '.[0].kind == "noqueue"'
	silent link set a:e none
}

@test "rate: on one end as the link is added" {
	nemu link add a:e b:e rate 2mbit on b:e
	[ "$(told)" = '{}' ]
	nemu link add a:f b:f rate 2mbit both
	nemu -j link | is 'any(.ends | all(.impairments.rate == "2mbit"))'
	fails 1 c:x link add a:g b:g rate 2mbit on c:x
	fails 1 "" link add a:g b:g rate 2mbit both on a:g
	[ "$(nemu -q if a)" = $'lo\ne\nf' ]
}

@test "rate: follows the MTU, so that full-size packets pass" {
	pair rate 1mbit
	nemu if b set e mtu 9000
	nemu if a set e mtu 9000
	nemu exec a ping -n -c 1 -w 10 -s 8900 -M do 10.0.0.2
	inside a tc -j qdisc show dev e | is '.[0].options.burst >= 9014'
	nemu -j link | is '.[0].ends | all(.impairments.rate == "1mbit")'
}

@test "impairments on an end at a switch, and on what is no link" {
	nemu switch add s1
	silent link add a:up s1 rate 4mbit
	nemu -j link | is '.[0].ends | all(.impairments.rate == "4mbit")'
	silent link set s1:a-up rate 2mbit
	silent link set a:up both rate 3mbit
	nemu -j link | is '.[0].ends | all(.impairments.rate == "3mbit")'
	nemu if a add t0 type tap up
	silent link set a:t0 rate 1mbit
	inside a tc -j qdisc show dev t0 | is '.[0].kind == "tbf"'
	fails 3 "far end" link set a:t0 both rate 1mbit
	inside a tc -j qdisc show dev t0 | is '.[0].options.rate == 125000'
}

@test "words: what is not valid is named, and nothing changes" {
	pair rate 3mbit
	fails 1 rate link set a:e rate fast
	fails 1 rate link set a:e rate 18gbit
	fails 1 delay link set a:e delay 20
	fails 1 delay link set a:e delay -20ms
	fails 1 loss link set a:e loss 101%
	fails 1 loss link set a:e loss x
	fails 1 distribution link set a:e distribution gauss
	fails 1 gap link set a:e gap 0.5
	fails 1 "up to 10000000" link set a:e limit 10000001
	fails 1 "nothing to set" link set a:e
	fails 1 "nothing to set" link set a:e both
	fails 1 "" link set a
	fails 1 "" link set
	fails 1 "jitter makes sense only with delay" link add a:f b:f jitter 1ms
	fails 1 "correlation makes sense only" link add a:f b:f loss-correlation 1%
	fails 2 "jitter makes sense only with delay" link set a:e jitter 1ms
	fails 2 "reorder makes sense only" link set a:e reorder 1%
	fails 2 "seed makes sense only" link set a:e seed 1
	fails 3 nosuch link set a:nosuch rate 1mbit
	fails 3 nosuch link set nosuch:e rate 1mbit
	[ "$(told)" = '{"rate":"3mbit"}' ]
	[ "$(nemu -q if a)" = $'lo\ne' ]
}

@test "without netem: exit 4, the module is named, nothing is half done; the rate works" {
	unshare -n tc qdisc add dev lo root netem delay 1ms 2>/dev/null && skip "has netem"
	local before
	fails 4 sch_netem link add a:e b:e rate 1mbit delay 20ms
	[ "$(nemu -q if a)$(nemu -q if b)" = lolo ]
	pair rate 2mbit
	before=$(nemu -j link | jq 'del(.[].ends[].qdiscs[] | .bytes, .packets)')
	fails 4 sch_netem link set a:e both loss 1%
	fails 4 sch_netem link set b:e rate 7mbit delay 1ms
	fails 4 sch_netem link set a:e none loss 1%
	same "$(nemu -j link | jq 'del(.[].ends[].qdiscs[] | .bytes, .packets)')" "$before"
	nemu exec a ping -n -c 1 -w 10 10.0.0.2
}

@test "a queueing discipline that somebody else set is left alone" {
	pair
	inside a tc qdisc add dev e root handle 7: pfifo limit 5
	fails 2 "pfifo 7:" link set a:e rate 1mbit
	fails 2 "pfifo 7:" link set b:e both rate 1mbit
	inside a tc -j qdisc show dev e | is '.[0].kind == "pfifo" and .[0].handle == "7:"'
	nemu -j link | is '.[0].ends | all(.impairments == {})'
}

@test "what was set by tc is told, changed and taken away" {
	pair
	inside a tc qdisc add dev e root tbf rate 4mbit burst 4k latency 50ms
	[ "$(told)" = '{"rate":"4mbit"}' ]
	silent link set a:e rate 2mbit
	[ "$(told)" = '{"rate":"2mbit"}' ]
	silent link set a:e none
	[ "$(told)" = '{}' ]
}

@test "what tc has set of a netem beyond our words is told of" {
	needs netem
	local words
	pair
	for words in "delay 1ms rate 5mbit" "loss gemodel 1% 10%" "delay 1ms slot 1ms 2ms" "loss 1% ecn" \
		"loss 1% 50% duplicate 1% 50%" "corrupt 1% 50%" "delay 1ms reorder 10% 50%"; do
		# shellcheck disable=SC2086 # words
		inside a tc qdisc replace dev e root handle 9: netem $words
		nemu -j link | is '.[0].ends[] | select(.node == "a").qdiscs[0].more'
		nemu lab save | grep "^# not saved: a:e: what netem 9: does beyond impairments"
		inside a tc qdisc del dev e root
	done
	nemu link set a:e delay 1ms jitter 1us distribution normal loss 1% duplicate 1% corrupt 1% reorder 1% rate 1mbit
	nemu -j link | is 'all(.[0].ends[].qdiscs[]; has("more") | not)'
}

@test "limit: as it was asked for, and computed again when it is taken away" {
	local packets
	pair rate 2mbit
	packets=$(inside a tc -j -r qdisc show dev e | jq '.[0].options.lat')
	silent link set a:e limit 500
	[ "$(told)" = '{"rate":"2mbit","limit":500}' ]
	nemu -j link | is '.[0].ends[] | select(.node == "a").qdiscs[0].limit == 500 * 1514'
	silent link set a:e rate 1mbit
	[ "$(told)" = '{"rate":"1mbit","limit":500}' ]
	silent link set a:e limit none rate 2mbit
	[ "$(inside a tc -j -r qdisc show dev e | jq '.[0].options.lat')" = "$packets" ]
	silent link set a:e limit 9
	silent link set a:e rate none
	[ "$(told)" = '{}' ]
}

@test "rate: below a byte a second, a byte, in what is computed of it too" {
	local limit
	nemu link add a:e b:e rate 8bit
	limit=$(nemu -j link | jq '.[0].ends[0].qdiscs[0].limit')
	silent link set a:e both rate 1bit
	nemu -j link | is ".[0].ends | all(.impairments.rate == \"8bit\" and .qdiscs[0].limit == $limit)"
}

@test "delay: the round trip grows by twice as much" {
	needs netem
	local before after
	pair
	before=$(round_trip)
	silent link set a:e both delay 20ms
	after=$(round_trip)
	between 36000 44000 $((after - before))
	silent link set b:e none
	between 18000 22000 $(($(round_trip) - before))
}

@test "loss: within four sigma, and the delay stays as it was" {
	needs netem
	pair delay 1ms
	silent link set a:e loss 10%
	[ "$(told)" = '{"delay":"1ms","loss":"10%"}' ]
	between 147 253 "$(lost 2000)"
	nemu -j link | is '.[0].ends[] | select(.node == "a").qdiscs[0] | .drops >= 147 and .drops <= 253'
	run nemu link
	[[ ${lines[1]} =~ a:e\ +b:e\ +up\ +[12][0-9]{2}/0\ +\>\ delay\ 1ms\ loss\ 10%\ \<\ delay\ 1ms$ ]]
	between 2000 2900 "$(round_trip)"
	silent link set a:e loss none
	[ "$(told)" = '{"delay":"1ms"}' ]
	[ "$(lost 300)" -eq 0 ]
	between 2000 2900 "$(round_trip)"
}

@test "loss and duplicate: all or none" {
	needs netem
	pair
	silent link set a:e loss 100%
	run ! nemu exec a ping -n -c 2 -i 0.1 -W 1 10.0.0.2
	silent link set a:e loss none duplicate 100%
	run nemu exec a ping -n -c 2 -i 0.1 10.0.0.2
	[[ $output == *"DUP!"* ]]
	silent link set a:e duplicate none corrupt 100%
	[ "$(told)" = '{"corrupt":"100%"}' ]
	[ "$(lost 50)" -ge 10 ] # a bit of each; not all of them matter
}

@test "rate and delay together: the flow reaches the rate, the round trip has the delay" {
	needs netem
	pair rate 10mbit delay 20ms
	between 40000 44000 "$(round_trip)"
	reaches 9000 10500
	[ "$(told)" = '{"rate":"10mbit","delay":"20ms"}' ]
	nemu -j link | is '.[0].ends[0].qdiscs | map(.kind) == ["tbf", "netem"] and .[1].parent == "1:1"'
	silent link set a:e both rate none
	between 40000 44000 "$(round_trip)"
	[ "$(told)" = '{"delay":"20ms"}' ]
	silent link set a:e both rate 5mbit delay none
	[ "$(told)" = '{"rate":"5mbit"}' ]
	reaches 4500 5250
	nemu exec a ping -n -c 1 -w 10 10.0.0.2
}

@test "all words at once, each kept while another changes" {
	needs netem
	local all='"rate":"10mbit","delay":"20ms","jitter":"5ms","correlation":"25%"'
	pair
	silent link set a:e rate 10mbit delay 20ms jitter 5ms correlation 25% distribution normal \
		loss 3% loss-correlation 10% duplicate 1% corrupt 0.5% reorder 25% gap 5 limit 2000
	[ "$(told)" = "{$all,\"distribution\":\"normal\",\"loss\":\"3%\",\"loss-correlation\":\"10%\",\"duplicate\":\"1%\",\"corrupt\":\"0.5%\",\"reorder\":\"25%\",\"gap\":5,\"limit\":2000}" ]
	silent link set a:e loss 4%
	[ "$(told)" = "{$all,\"distribution\":\"normal\",\"loss\":\"4%\",\"loss-correlation\":\"10%\",\"duplicate\":\"1%\",\"corrupt\":\"0.5%\",\"reorder\":\"25%\",\"gap\":5,\"limit\":2000}" ]
	inside a tc -j qdisc show dev e | is '.[1].options | .limit == 2000 and .delay.delay == 0.02 and
		.delay.jitter == 0.005 and .delay.correlation == 0.25 and
		(."loss-random".loss - 0.04 | fabs) < 1e-6 and (.duplicate.duplicate - 0.01 | fabs) < 1e-6 and
		(.reorder.reorder - 0.25 | fabs) < 1e-6 and (.corrupt.corrupt - 0.005 | fabs) < 1e-6 and .gap == 5'
	silent link set a:e loss none reorder none corrupt none duplicate none limit none
	[ "$(told)" = "{$all,\"distribution\":\"normal\"}" ]
	silent link set a:e jitter none
	[ "$(told)" = '{"rate":"10mbit","delay":"20ms"}' ]
	silent link set a:e none loss 2%
	[ "$(told)" = '{"loss":"2%"}' ]
}

@test "jitter and distributions: the spread of delays" {
	needs netem
	local d dev
	pair
	for d in uniform normal pareto paretonormal; do
		silent link set a:e none delay 30ms jitter 4ms distribution $d
		nemu exec a ping -n -c 200 -i 0.01 10.0.0.2 >"$BATS_TEST_TMPDIR/p"
		# Standard deviation: 4 ms, of uniform 4/sqrt(3); mean: 30 ms.
		dev=$(sed -n 's/.*time=\([0-9.]*\) ms/\1/p' "$BATS_TEST_TMPDIR/p" |
			awk '{ n++; s += $1; q += $1 * $1 } END { m = s / n; printf "%d %d", m * 1000, sqrt(q / n - m * m) * 1000 }')
		echo "$d: $dev"
		between 28500 32500 "${dev% *}"
		case $d in
		uniform) between 1900 2900 "${dev#* }" ;;
		*) between 2500 5500 "${dev#* }" ;;
		esac
	done
	nemu -j link | is 'any(.[0].ends[]; .impairments.distribution == "paretonormal")'
}

@test "jitter taken away and set again: uniform, whatever the distribution was before" {
	needs netem
	pair
	silent link set a:e delay 100ms jitter 20ms distribution normal
	silent link set a:e jitter none
	silent link set a:e jitter 20ms
	[ "$(told)" = '{"delay":"100ms","jitter":"20ms"}' ]
	# No packet is early by more than the jitter; of normal ones one of six is.
	nemu exec a ping -n -c 150 -i 0.01 10.0.0.2 >"$BATS_TEST_TMPDIR/p"
	run awk '/time=/ { sub(/.*time=/, ""); if ($1 < 79.9) early++ } END { print (NR > 100), early + 0 }' "$BATS_TEST_TMPDIR/p"
	[ "$output" = "1 0" ]
}

@test "reorder: some packets overtake" {
	needs netem
	pair
	silent link set a:e delay 20ms reorder 50%
	nemu exec a ping -n -c 60 -i 0.004 10.0.0.2 >"$BATS_TEST_TMPDIR/p"
	run awk -F'icmp_seq=' '/icmp_seq/ { split($2, f, " "); if (f[1] < last) n++; last = f[1] } END { print n + 0 }' "$BATS_TEST_TMPDIR/p"
	[ "$output" -gt 5 ]
}

@test "seed: the same packets are lost each time" {
	needs netem
	needs seed
	local first second
	pair
	# Nothing but the pings takes numbers from the sequence.
	inside a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/e/disable_ipv6'
	inside a ip neigh replace 10.0.0.2 dev e nud permanent \
		lladdr "$(nemu -j if b list e | jq -r '.[0].address')"
	silent link set a:e loss 50% seed 42
	first=$(nemu exec a ping -n -c 40 -i 0.01 -W 1 10.0.0.2 | grep -o 'icmp_seq=[0-9]*' || :)
	silent link set a:e loss none
	silent link set a:e loss 50% seed 42
	second=$(nemu exec a ping -n -c 40 -i 0.01 -W 1 10.0.0.2 | grep -o 'icmp_seq=[0-9]*' || :)
	[ -n "$first" ]
	same "$first" "$second"
	[ "$(told)" = '{"loss":"50%","seed":42}' ]
}
