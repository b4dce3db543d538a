#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion in bash and fish: what they offer, with a live lab.

load helpers

setup() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$NEMU" "$BATS_TEST_TMPDIR/bin/nemu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	dir=$BATS_TEST_DIRNAME/../../completions
	nemu node add h1 h2
	nemu link add h1:eth0 h2:eth1
	pid=$(nemu spawn h1 --name tag86 sleep 86495)
}

teardown() {
	local lab
	for lab in $("$NEMU" -q lab); do "$NEMU" lab del "$lab"; done
}

in_bash() {
	bash --norc -c 'source "$1"/nemu.bash; COMP_LINE=$2; COMP_POINT=${#2}; COMP_WORDBREAKS=" :="
		_nemu; printf "%s\n" "${COMPREPLY[@]}"' - "$dir" "$1" | sort | tr '\n' ' '
}

in_fish() {
	HOME=$BATS_TEST_TMPDIR fish --no-config -c 'source $argv[1]/nemu.fish; complete -C $argv[2]' "$dir" "$1" |
		cut -f1 | sort | tr '\n' ' '
}

# offers LINE WORDS: both shells offer these.
offers() {
	local got
	got=$(in_bash "$1")
	[ "$got" = "${3-$2}" ] || { echo "bash: '$1': '$got', not '${3-$2}'"; return 1; }
	command -v fish >/dev/null || return 0
	got=$(in_fish "$1")
	[ "$got" = "$2" ] || { echo "fish: '$1': '$got', not '$2'"; return 1; }
}

@test "applets, verbs, keywords" {
	offers "nemu sw" "switch "
	offers "nemu l" "lab link logs "
	offers "nemu addr h1 " "add del dev list "
	offers "nemu if h1 mo" "move "
	offers "nemu link d" "del down "
	offers "nemu if h1 set eth0 mt" "mtu "
	offers "nemu addr h1 add 10.0.0.1/24 " "broadcast dev "
	offers "nemu addr h1 add 10.0.0.1/24 broadcast 10.0.0.255 " "dev "
	offers "nemu -L default -j no" "node "
	offers "nemu-if h1 mo" "move "
	offers "nemu lab run --" "--help --keep-logs --strict "
}

@test "nodes, interfaces, ends of links" {
	offers "nemu exec h" "h1 h2 "
	offers "nemu node del h" "h1 h2 "
	offers "nemu node add h" ""  " "
	offers "nemu if h1 set " "eth0 lo "
	offers "nemu if h2 del e" "eth1 "
	offers "nemu addr h2 add 1.2.3.4/8 dev " "eth1 lo "
	offers "nemu link set h1:" "h1:eth0 h1:lo " "eth0 lo "
	offers "nemu link down h2:e" "h2:eth1 " "eth1 "
	offers "nemu if h1 move eth0 " "h1 h2 host "
}

@test "processes by PID and tag, labs, alternatives" {
	offers "nemu kill h1 tag" "tag86 "
	offers "nemu wait h1 $pid" "$pid "
	nemu -L other86 node add x
	offers "nemu -L ot" "other86 "
	offers "nemu -L other86 exec " "x "
	offers "nemu lab del o" "other86 "
	offers "nemu lab graph -f " "dot mermaid svg text "
	offers "nemu if h1 set eth0 arp " "off on "
	offers "nemu link set h1:eth0 distribution p" "pareto paretonormal "
	offers "nemu exec h1 -u nob" "nobody "
}

@test "files, commands; nothing and no word where there is no lab" {
	touch "$BATS_TEST_TMPDIR/batch86"
	cd "$BATS_TEST_TMPDIR"
	offers "nemu batch ba" "batch86 "
	[[ " $(in_bash "nemu exec h1 prin") " == *" printf "* ]]
	[[ " $(in_bash "nemu exec h1 cat ba") " == *" batch86 "* ]]
	nemu node del --all
	offers "nemu exec h" "" " "
	NEMU_RUNDIR=/nonexistent86 offers "nemu exec h" "" " "
	[ -z "$(nemu --complete nemu nosuch x 2>&1)" ]
	[ -z "$(nemu --complete 2>&1 >/dev/null)" ]
}

@test "zsh reads its file" {
	command -v zsh || skip "needs zsh"
	zsh -n "$dir/nemu.zsh"
}
