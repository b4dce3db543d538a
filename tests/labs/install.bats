#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The binary itself: links to applets, dispatch by name, --help, --list, --spec, --version.

load helpers

teardown() { "$NEMU" node del --all; }

applets() { nemu --list | cut -f1; }

@test "--install: one link for each applet, to this binary; again is no error" {
	needs_root # links are to the binary itself, not to what becomes a user
	local bin=$BATS_TEST_TMPDIR/bin name
	mkdir "$bin"
	silent --install "$bin"
	[ "$(ls "$bin")" = "$(applets | sed 's/^/nemu-/')" ]
	for name in "$bin"/*; do [ "$name" -ef "$NEMU" ]; done
	silent --install "$bin"
	silent --install --bare "$bin"
	[ "$(find "$bin" -type l | wc -l)" -eq $((2 * $(applets | wc -l))) ]
	for name in $(applets); do [ "$bin/$name" -ef "$NEMU" ]; done
	mkdir "$bin/2"
	silent --install "$bin/2" --bare
	[ "$(ls "$bin/2")" = "$(applets)" ]
}

@test "--install: what is in the way stays, and is named" {
	local bin=$BATS_TEST_TMPDIR/bin
	mkdir "$bin"
	echo mine >"$bin/nemu-exec"
	run --separate-stderr nemu --install "$bin"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == "nemu: "*nemu-exec* && $stderr != *$'\n'* ]]
	[ "$(cat "$bin/nemu-exec")" = mine ]
	run --separate-stderr nemu --install "$bin/nosuch"
	[ "$status" -eq 2 ]
	[[ $stderr == "nemu: "*nosuch* && $stderr != *$'\n'* ]]
	run --separate-stderr nemu --install
	[ "$status" -eq 1 ]
}

@test "dispatch by the name it is called as: nemu-APPLET, APPLET, whatever path" {
	needs_root # links are to the binary itself, not to what becomes a user
	local bin=$BATS_TEST_TMPDIR/bin
	mkdir "$bin"
	nemu --install "$bin"
	nemu --install "$bin" --bare
	"$bin/nemu-node" add a
	"$bin/node" add b
	(cd "$bin" && ./nemu-link add a:e b:e)
	[ "$("$bin/addr" a list dev lo -q)" = $'127.0.0.1\n::1' ]
	[ "$("$bin/nemu-addr" -q a list dev lo)" = $'127.0.0.1\n::1' ]
	PATH=$bin:$PATH bash -c 'route a -j' | jq -e .
	(exec -a nemu-exec "$NEMU" a true)
	(exec -a exec "$NEMU" a true)
	[ "$(exec -a nemu "$NEMU" node -q)" = $'a\nb' ]
	[ "$(exec -a other "$NEMU" node -q)" = $'a\nb' ]
	run --separate-stderr "$bin/nemu-if" a list nosuch
	[ "$status" -eq 3 ]
	[[ $stderr == "nemu if: a: nosuch"* ]]
	run "$bin/addr" --help
	[[ $output == "nemu addr: "* ]]
}

@test "--list: sorted, one line each with its help; and each of them is there" {
	nemu --list | LC_ALL=C sort -c
	[ "$(nemu --list | grep -cvP '^[a-z0-9]+\t\S.*\S$')" -eq 0 ]
	local name
	for name in node if addr route link exec sh spawn wait kill ps logs until server; do
		applets | grep -qx $name
	done
	for name in $(applets); do
		nemu --help | grep -qE "(^|  )  $name  *[^ ]"
		nemu "$name" --help | head -n 1 | grep -qx "nemu $name: $(nemu --list | sed -n "s/^$name\t//p")"
	done
}

@test "--help: 0, on standard output, within 24 lines of 80 columns, for every applet" {
	local name
	for name in "" $(applets); do
		# shellcheck disable=SC2086 # nothing, or one word
		run --separate-stderr nemu $name --help
		echo "$name: $status, ${#lines[@]} lines"
		[ "$status" -eq 0 ]
		[ "$output" ]
		[ -z "$stderr" ]
		[ "$(wc -l <<<"$output")" -le 24 ]
		[ "$(wc -L <<<"$output")" -le 79 ]
		# shellcheck disable=SC2086
		same "$(nemu $name -h)" "$output"
		[[ ! $name ]] || nemu help "$name" | head -n 1 |
			grep -qE "^NEMU-${name^^}\\(1\\)|^nemu $name: "
	done
	same "$(nemu help)" "$(nemu --help)"
	nemu addr r1 add --help | head -n 1 | grep -q '^nemu addr:'
	nemu node add --help | head -n 1 | grep -q '^nemu node:'
	same "$(nemu -h node)" "$(nemu node --help)" # options of all applets may stand before the name
	same "$(nemu -j --help addr r1)" "$(nemu addr --help)"
	same "$(nemu -jh)" "$(nemu --help)"
	nemu x11 --help | grep -qF ' [CMD [ARG...]]'
	same "$(nemu -h --install "$BATS_TEST_TMPDIR/none")" "$(nemu --help)" # and nothing else
	run nemu --help nosuch
	[[ $status -eq 1 && ${lines[0]} == "nemu: nosuch: no such applet" ]]
}

@test "--spec: five columns, all applets, and words that the help has as well" {
	nemu --spec >"$BATS_TEST_TMPDIR/spec"
	awk -F'\t' 'NF != 5 { print "bad line: " $0; bad = 1 } END { exit bad }' "$BATS_TEST_TMPDIR/spec"
	same "$(cut -f1 "$BATS_TEST_TMPDIR/spec" | uniq)" "$(applets)"
	[ "$(cut -f5 "$BATS_TEST_TMPDIR/spec" | tr ' ' '\n' | sort -u | tr '\n' ' ')" = " many need node tail " ]
	local applet verb word
	while IFS=$'\x1f' read -r applet verb word _; do
		for part in $verb $word; do
			nemu "$applet" --help | grep -qwF -- "$part" || { echo "$applet --help has no $part"; false; }
		done
	done < <(tr '\t' '\037' <"$BATS_TEST_TMPDIR/spec")
	grep -qxP 'addr\tadd\tdev\tIF\tneed ?' "$BATS_TEST_TMPDIR/spec"
	grep -qxP 'exec\t\t\tCMD\tneed tail' "$BATS_TEST_TMPDIR/spec"
}

@test "--spec tells what is needed: without it is usage, 1 (exec, sh, wait, lab run: 125)" {
	nemu node add a
	local applet verb code
	while IFS=$'\x1f' read -r applet verb; do
		code=1
		[[ $applet == exec || "$applet $verb" == "lab run" ]] && code=125
		# shellcheck disable=SC2046,SC2086 # words
		fails $code "" $applet $(nemu --spec | grep -qP "^$applet\t$verb\t\t\tnode$" && echo a) $verb
	done < <(nemu --spec | awk -F'\t' '$5 ~ /need/ { print $1 "\037" $2 }' | sort -u)
}

@test "--version: one line" {
	run --separate-stderr nemu --version
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ $output =~ ^nemu\ [0-9]+\.[0-9]+ ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "-v shows the command as it could be typed again" {
	nemu node add a
	run --separate-stderr nemu -v exec a echo 'a b' "it's"
	[ "$output" = "a b it's" ]
	[ "$stderr" = "nemu -L default exec a echo 'a b' 'it'\\''s'" ]
	[ "$(eval "$stderr")" = "a b it's" ] # nemu is the function
}
