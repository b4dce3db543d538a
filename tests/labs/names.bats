#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Names of nodes and labs, the run directory where they stand, and the exit codes of what is not
# there.
# shellcheck disable=SC2030,SC2031 # a test's variables are its own: so it is meant

load helpers

teardown() {
	"$NEMU" node del --all
	"$NEMU" -L "$long" node del --all
}

setup() { long=$(printf 'x%.0s' {1..63}); }

inode() { stat -c %i "$1"; }

@test "names that are none, of nodes and labs: usage, and nothing is made" {
	local bad
	for bad in "" . .. / x/y ../x /x x/ .x -x _x "x y" "x:y" x$'\n' $'x\ty' ü $'\x01' "x*" "${long}x" "x/../y"; do
		echo "'$bad'"
		fails 1 "" node add -- "$bad"
		fails 1 "" -L "$bad" node add a
		fails 1 "" -L "$bad" node list
		fails 1 "" node del -- "$bad"
		fails 1 "" node show -- "$bad"
		[[ $bad == -* ]] || fails 1 "" addr "$bad" list
		[[ $bad == -* ]] || fails 125 "" exec "$bad" true
		[[ $bad == -* ]] || fails 1 "" spawn "$bad" true
	done
	[ -z "$(find "$NEMU_RUNDIR" -mindepth 1)" ]
	run ! nemu -L "" node list
	NEMU_LAB=../x fails 1 ../x node list
}

@test "the longest names; dots, dashes, underscores, digits" {
	silent -L "$long" node add "$long"
	[ "$(nemu -L "$long" -q node)" = "$long" ]
	[ "$(nemu -L "$long" exec "$long" uname -n)" = "$long" ]
	silent node add 0 a..b x- y_ A 1.2.3.4
	[ "$(nemu -q node | wc -l)" -eq 6 ]
	silent link add 1.2.3.4:e a..b:e
	silent exec x- true
}

@test "names are listed with their numbers by value" {
	nemu node add n10 aaa list n9 add n2 h1 ha 10 10.0.0.1 n02
	same "$(nemu -q node)" "$(printf '%s\n' 10 10.0.0.1 aaa add h1 ha list n02 n2 n9 n10)"
}

@test "options of one letter: several in one, and with what belongs to them" {
	nemu -Lother node add h1
	[ "$(nemu -q -Lother node)" = h1 ]
	[ "$(nemu -Lother exec -eA=5 -d/ h1 sh -c 'echo $A; pwd')" = $'5\n/' ]
	nemu -qj node | is '. == []' # -j it is, of the two
	nemu -qj -Lother lab list | is '[.[].name] == ["other"]'
	fails 1 "-jx" node -jx
	nemu -Lother node del h1
}

@test "words that nothing is done with" {
	local words
	for words in "--version x" "--list x" "--spec x" "help addr x" "--install $BATS_TEST_TMPDIR --bar"; do
		# shellcheck disable=SC2086 # words
		run nemu $words
		[ "$status" -eq 1 ]
	done
	[ ! -e "$BATS_TEST_TMPDIR/nemu-node" ]
	status=0
	"$NEMU" --version >/dev/full 2>/dev/null || status=$?
	[ "$status" -eq 2 ]
}

@test "what is not there: 3, one line that names it; 125 where the code is a process's" {
	local applet
	nemu node add a
	fails 3 zz node show zz
	fails 3 zz node pid zz
	fails 3 zz node del zz
	for applet in if addr route ps; do fails 3 zz $applet zz; done
	fails 3 zz kill zz 1
	fails 3 zz logs zz 1
	fails 3 zz spawn zz true
	fails 3 zz link add a:e zz:e
	fails 3 zz link del zz:e
	fails 3 zz until up zz:e
	fails 125 zz exec zz true
	fails 125 zz sh zz
	fails 125 zz wait zz
	fails 3 nolab -L nolab node show a
	fails 3 nolab -L nolab if a
	[ ! -e "$NEMU_RUNDIR/nolab" ]
	silent -L nolab node list
	silent -L nolab node del --all
}

@test "unknown applets, verbs, options: 1 and a pointer to the help" {
	nemu node add a
	run --separate-stderr nemu frob
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" = $'nemu: frob: no such applet\nTry \'nemu --help\'.' ]
	run --separate-stderr nemu $'fr\e[2Job'
	[ "$status" -eq 1 ]
	[[ $stderr != *$'\e'* ]]
	run --separate-stderr nemu
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" ]
	run --separate-stderr nemu --frob
	[ "$status" -eq 1 ]
	[[ $stderr == "nemu: --frob: "*$'\n'"Try 'nemu --help'." ]]
	run --separate-stderr nemu -L
	[ "$status" -eq 1 ]
	[[ $stderr == "nemu: -L"* ]]
	run --separate-stderr nemu -j
	[ "$status" -eq 1 ]
	local applet
	for applet in if addr route; do
		fails 1 frob $applet a frob
		fails 1 NODE $applet
	done
	for applet in node link; do fails 1 frob $applet frob; done
	for applet in "node add" "link add" "if a list" "addr a list" "route a list" "ps a" "spawn a" "kill a" \
		"logs a" "until"; do
		# shellcheck disable=SC2086 # words
		fails 1 --frob $applet --frob
	done
	fails 1 x ps a x
	fails 1 "type: not expected here" if a add -- t0 type tap
	[[ $stderr != *"did you mean"* ]] # what was typed
}

@test "text from the command line does nothing to a terminal" {
	nemu node add a
	for words in "node add" "node show" "if a list" "if a del" "addr a add" "route a add" "logs a" "kill a"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr nemu $words $'x\e[2J\ny\r'
		echo "$words: $stderr"
		[ "$status" -ne 0 ]
		[[ $stderr != *$'\e'* && $stderr != *$'\r'* ]]
		[ "$(grep -cv '^Try ' <<<"$stderr")" -eq 1 ]
	done
}

@test "what could not be printed is a failure" {
	nemu node add a
	# shellcheck disable=SC2016 # for that bash
	run --separate-stderr bash -c '"$NEMU" -j if a >/dev/full'
	[ "$status" -eq 2 ]
	[[ $stderr == nemu*"No space left"* ]]
	# shellcheck disable=SC2016 # for that bash
	run bash -c '"$NEMU" --help >/dev/full 2>/dev/null'
	[ "$status" -ne 0 ]
	# shellcheck disable=SC2016 # for that bash
	run bash -c '"$NEMU" node pid a >/dev/full 2>/dev/null'
	[ "$status" -ne 0 ]
}

# ---------------------------------------------------------------- the run directory

@test "a run directory that is not there is made, with mode 0700, and so are lab and socket" {
	export NEMU_RUNDIR=$NEMU_RUNDIR/deep/er
	(
		umask 0
		nemu node add a
	)
	[ "$(stat -c %a "$NEMU_RUNDIR" "$NEMU_RUNDIR/default" "$NEMU_RUNDIR/default/a")" = $'700\n700\n600' ]
	[ -S "$NEMU_RUNDIR/default/a" ]
	nemu node del a
	rmdir "$NEMU_RUNDIR" "${NEMU_RUNDIR%/er}"
}

@test "a run directory that cannot be made: the reason" {
	needs_root
	mkdir "$BATS_TEST_TMPDIR/ro"
	mount -t tmpfs -o ro tmpfs "$BATS_TEST_TMPDIR/ro"
	NEMU_RUNDIR=$BATS_TEST_TMPDIR/ro/run fails 2 "/ro/run: Read-only file system" node add a
	NEMU_RUNDIR=$BATS_TEST_TMPDIR/ro/deep/run fails 2 "/ro/deep/run: Read-only file system" node add a
	umount "$BATS_TEST_TMPDIR/ro"
	NEMU_RUNDIR=/etc/passwd/run fails 2 "Not a directory" node add a
	(umask 0777 && NEMU_RUNDIR=$BATS_TEST_TMPDIR/masked/run silent node add a && NEMU_RUNDIR=$BATS_TEST_TMPDIR/masked/run silent node del a)
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/masked")" = 700 ]
}

@test "a relative run directory: at the caller's folder, for programs too, and nothing is left" {
	cd "$NEMU_RUNDIR"
	export NEMU_RUNDIR=run/deep
	silent node add a b
	[ -S run/deep/default/a ]
	# In a node an ordinary user is root already, and $NEMU would make another of it.
	[ "${NEMU_AS_USER-}" ] || [ "$(nemu exec a -d / "$NEMU" -q node)" = $'a\nb' ]
	kill -KILL "$(nemu node pid a)"
	eventually test ! -e run/deep/default/a
	silent node del b
	[ ! -e run/deep/default ]
	# shellcheck disable=SC2016 # for that sh
	nemu lab run sh -c '"$NEMU" node add x && cd / && "$NEMU" exec x true && "$NEMU" -q node | grep -qx x'
	[ -z "$(find run/deep -mindepth 1)" ]
	rmdir run/deep run
}

@test "a run directory with a path of 200 characters, names of 63" {
	local deep
	deep=$NEMU_RUNDIR/$(printf 'd%.0s' {1..200})
	silent node add b
	NEMU_RUNDIR=$deep silent -L "$long" node add "$long" "${long%x}y"
	NEMU_RUNDIR=$deep silent -L "$long" link add "$long:eth0" "${long%x}y:eth0"
	[ "$(NEMU_RUNDIR=$deep nemu -L "$long" exec "$long" echo x)" = x ]
	[ "$(NEMU_RUNDIR=$deep nemu -L "$long" -q node | wc -l)" -eq 2 ]
	NEMU_RUNDIR=$deep silent -L "$long" node del --all
	rmdir "$deep"
}

@test "a run directory or lab to which others have access is refused" {
	needs_root
	local dir=$BATS_TEST_TMPDIR/open mode
	mkdir "$dir"
	for mode in 777 770 720 702 1777; do
		chmod $mode "$dir"
		NEMU_RUNDIR=$dir fails 2 "$dir" node add a
	done
	chmod 700 "$dir"
	mkdir -m 777 "$dir/default"
	NEMU_RUNDIR=$dir fails 2 default node add a
	chmod 700 "$dir/default"
	chown 65534 "$dir/default"
	NEMU_RUNDIR=$dir fails 2 default node add a
	[ -z "$(find "$dir/default" -mindepth 1)" ]
	chown 65534 "$dir"
	NEMU_RUNDIR=$dir fails 2 "$dir" node add b
	NEMU_RUNDIR=$dir fails 2 "$dir" node list
	[ "$(find "$dir" -mindepth 1)" = "$dir/default" ]
}

@test "symbolic links are not followed: run directory, lab" {
	needs_root
	mkdir -m 700 "$BATS_TEST_TMPDIR/real" "$BATS_TEST_TMPDIR/real/lab"
	ln -s "$BATS_TEST_TMPDIR/real" "$BATS_TEST_TMPDIR/link"
	NEMU_RUNDIR=$BATS_TEST_TMPDIR/link fails 2 link node add a
	ln -s "$BATS_TEST_TMPDIR/real/lab" "$NEMU_RUNDIR/planted"
	fails 2 planted -L planted node add a
	fails 2 planted -L planted node list
	fails 2 planted -L planted if a
	[ -z "$(find "$BATS_TEST_TMPDIR/real/lab" -mindepth 1)" ]
	rm "$NEMU_RUNDIR/planted"
}

@test "what stands in the place of a lab or a node and is none" {
	needs_root
	touch "$NEMU_RUNDIR/file"
	fails 2 file -L file node add a
	[ -f "$NEMU_RUNDIR/file" ]
	rm "$NEMU_RUNDIR/file"
	mkdir -m 700 "$NEMU_RUNDIR/default"
	mkdir "$NEMU_RUNDIR/default/dir"
	echo precious >"$BATS_TEST_TMPDIR/precious"
	ln -s "$BATS_TEST_TMPDIR/precious" "$NEMU_RUNDIR/default/ln"
	run --separate-stderr nemu node add dir
	[[ $status == 2 && $stderr == "nemu node: "*dir* ]]
	run nemu node add ln # taken away or refused; what it points to is never touched
	[[ $status == [02] ]]
	[[ $status == 2 ]] || nemu node del ln
	[ "$(cat "$BATS_TEST_TMPDIR/precious")" = precious ]
	[ -d "$NEMU_RUNDIR/default/dir" ]
	nemu node add fine
	nemu node list
	nemu node del fine
	rm -rf "$NEMU_RUNDIR/default/dir" "$NEMU_RUNDIR/default/ln"
}

# ---------------------------------------------------------------- dead and twice

# Kills server and keeper of a node at once, so that nobody removes its socket.
kill_both() {
	local server keeper
	server=$(nemu node pid "$1")
	keeper=$(sed -n 's/^PPid:\t//p' "/proc/$server/status")
	[ "$keeper" -gt 1 ]
	kill -STOP "$keeper"
	kill -KILL "$server" "$keeper"
	eventually ended "$server"
	eventually ended "$keeper"
}

@test "the socket of the dead: no node for anybody, and the next node add takes its place" {
	nemu node add a b
	kill_both a
	[ -S "$NEMU_RUNDIR/default/a" ]
	fails 3 "a: " node show a
	fails 125 "a: " exec a true
	[ "$(nemu -q node list)" = b ]
	nemu -j node list | is 'map(.name) == ["b"]'
	fails 3 a node del a
	[ -S "$NEMU_RUNDIR/default/a" ] # only who holds the lock may remove it: a lookup does not
	local before
	before=$(inode "$NEMU_RUNDIR/default/a")
	silent node add a
	[ "$(inode "$NEMU_RUNDIR/default/a")" != "$before" ] || [ "$(nemu node pid a)" ]
	[ "$(nemu -q node list)" = $'a\nb' ]
	nemu exec a true
}

@test "node del --all sweeps what is dead" {
	nemu node add a b
	kill_both a
	silent node del --all
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "the logs of the dead are not those of the next of that name" {
	nemu node add a
	nemu spawn a echo old
	nemu wait a
	[ -d "$NEMU_RUNDIR/default/.a" ]
	kill_both a
	silent node add a
	[ ! -e "$NEMU_RUNDIR/default/.a" ]
}

@test "two node add of one name at once: one has it, the other is refused" {
	local i j codes pids code
	for i in {1..10}; do
		pids=() codes=''
		for j in 1 2; do
			"$NEMU" node add "n$i" 2>"$BATS_TEST_TMPDIR/err$j" &
			pids+=($!)
		done
		for j in 0 1; do
			code=0
			wait "${pids[j]}" || code=$?
			codes+=$code
		done
		echo "$codes $(cat "$BATS_TEST_TMPDIR"/err?)"
		[[ $codes == 02 || $codes == 20 ]]
		[ "$(cat "$BATS_TEST_TMPDIR"/err? | wc -l)" -eq 1 ]
		grep -q "^nemu node: n$i: " "$BATS_TEST_TMPDIR"/err?
		nemu exec "n$i" true
	done
	[ "$(nemu -q node | wc -l)" -eq 10 ]
}

@test "node add and node del in turn, many at once: no lab and no node is lost" {
	local i pids=() p
	for i in {1..8}; do
		(
			for _ in {1..5}; do
				"$NEMU" node add "n$i" && "$NEMU" exec "n$i" true && "$NEMU" node del "n$i" || exit 1
			done
		) &
		pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p"; done
	[ ! -e "$NEMU_RUNDIR/default" ]
}

@test "the lab's last node ends while the next is made: it is made all the same" {
	needs_root # to trace
	# What mkdir finds is gone when it is opened.
	strace -o /dev/null true || skip "needs strace"
	# LeakSanitizer is a tracer itself.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 run strace -o /dev/null -e trace=mkdirat -e inject=mkdirat:error=EEXIST:when=1 "$NEMU" node add a
	[ -z "$output" ]
	[ "$status" -eq 0 ]
	nemu exec a true
}
