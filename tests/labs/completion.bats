#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion in bash, fish and zsh: what they offer, with a live lab.

load helpers

setup() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$NEMU" "$BATS_TEST_TMPDIR/bin/nemu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	dir=$BATS_TEST_DIRNAME/../../completions
	install -m 755 /dev/null "$BATS_TEST_TMPDIR/bin/una86x"
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

# With the little that its file takes of zsh's completion.
in_zsh() {
	zsh -fc 'compadd() { [[ $1 != -S ]] || shift 2; print -l -- ${(P)2} }
		_files() { print -l -- $words[CURRENT]*(N) }
		_normal() { ((CURRENT > 1)) && _files || print -l -- ${(k)commands[(I)$words[1]*]} }
		complete() { local words=("${(@s: :)2}") CURRENT PREFIX; CURRENT=$#words PREFIX=$words[-1]; . $1/nemu.zsh }
		complete "$@" || :' - "$dir" "$1" | sed '/^$/d' | sort | tr '\n' ' '
}

# offers LINE WORDS: all shells offer these.
offers() {
	local got shell
	got=$(in_bash "$1")
	[ "$got" = "${3-$2}" ] || { echo "bash: '$1': '$got', not '${3-$2}'"; return 1; }
	for shell in fish zsh; do
		command -v $shell >/dev/null || continue
		got=$(in_$shell "$1")
		[ "$got" = "$2" ] || { echo "$shell: '$1': '$got', not '$2'"; return 1; }
	done
}

# offers_also LINE WORD...: among others; nothing is left of what is for the shell.
offers_also() {
	local got shell word line=$1
	shift
	for shell in bash fish zsh; do
		command -v $shell >/dev/null || continue
		got=" $(in_$shell "$line")"
		for word; do
			[[ $got == *" $word "* ]] || { echo "$shell: '$line': no '$word' in '${got::400}'"; return 1; }
		done
		[[ $got != *" !"[a-z]* ]] || { echo "$shell: '$line': '!' in '${got::400}'"; return 1; }
	done
}

@test "applets, verbs, keywords" {
	offers "nemu sw" "switch "
	offers "nemu l" "lab link logs "
	offers "nemu addr h1 " "add del list " # and no word of the list, which stands behind the verb alone
	offers "nemu if h1 " "add del import list move set tapfd uplink "
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
	offers "nemu if h1 add x type macvlan mode " "bridge passthru private source vepa "
	offers "nemu exec h1 -u nob" "nobody "
	offers "nemu if h1 uplink " "--masquerade nat pasta slirp4netns "
}

@test "files, commands; nothing and no word where there is no lab" {
	touch "$BATS_TEST_TMPDIR/batch86"
	cd "$BATS_TEST_TMPDIR"
	offers "nemu batch ba" "batch86 "
	offers_also "nemu exec h1 prin" printf
	offers_also "nemu exec h1 cat ba" batch86
	offers_also "nemu exec h1 " una86x --cap -u
	offers_also "nemu spawn h1 " una86x --ready
	offers_also "nemu batch " batch86 --force
	offers "nemu exec h1 -- una86" "una86x "
	offers "nemu lab run -- una86" "una86x "
	offers "nemu exec h1 --cap net_raw -- una86" "una86x "
	offers "nemu exec h1 grep -L ba" "batch86 "
	nemu node del --all
	offers "nemu exec h" "" " "
	NEMU_RUNDIR=/nonexistent86 offers "nemu exec h" "" " "
	[ -z "$(nemu --complete nemu nosuch x 2>&1)" ]
	[ -z "$(nemu --complete 2>&1 >/dev/null)" ]
}

@test "conditions" {
	touch "$BATS_TEST_TMPDIR/batch86"
	cd "$BATS_TEST_TMPDIR"
	offers "nemu until e" "exit "
	offers "nemu until -t 1s not u" "up "
	offers_also "nemu until exit h" h1 h2
	offers "nemu until exit h1 tag" "tag86 "
	offers "nemu until up h1:eth0 and listen h1 t" "tcp/ "
	offers "nemu until up h1:e" "h1:eth0 " "eth0 "
	offers "nemu until up h1:eth0 a" "and "
	offers "nemu until file h1 ba" "batch86 "
	offers "nemu until cmd h1 -- una86" "una86x "
	offers "nemu until cmd h1 -- una86x and cmd h1 -- una86" "una86x "
}

@test "zsh reads its file" {
	command -v zsh || skip "needs zsh"
	zsh -n "$dir/nemu.zsh"
}
