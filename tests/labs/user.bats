#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Labs of an ordinary user: in a user namespace of their own.

load helpers

# as USER WORDS...: nemu as an ordinary user, "one" with no ids but its own, "many" with a range.
as() {
	local user=$1 id
	shift
	id=$(id -u "$user")
	env -u NEMU_LAB HOME=/ NEMU_RUNDIR="$BATS_FILE_TMPDIR/$user" setpriv --reuid "$id" --regid "$id" \
		--clear-groups --inh-caps=-all --bounding-set=+all "$BATS_FILE_TMPDIR/nemu" "$@"
}

setup_file() {
	local file
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_FILE_TMPDIR")"
	cp "$NEMU" "$BATS_FILE_TMPDIR/nemu"
	chmod 755 "$BATS_FILE_TMPDIR/nemu"
	# Users and ranges, in this mount namespace alone.
	for file in passwd group subuid subgid; do
		cp "/etc/$file" "$BATS_FILE_TMPDIR/$file" 2>/dev/null || : >"$BATS_FILE_TMPDIR/$file"
		[ -e "/etc/$file" ] || continue
		sed -i '/^one:/d; /^many:/d' "$BATS_FILE_TMPDIR/$file"
	done
	printf 'one:x:12345:12345::/:/bin/sh\nmany:x:12346:12346::/:/bin/sh\n' >>"$BATS_FILE_TMPDIR/passwd"
	printf 'one:x:12345:\nmany:x:12346:\n' >>"$BATS_FILE_TMPDIR/group"
	echo 'many:300000:65536' >>"$BATS_FILE_TMPDIR/subuid"
	echo 'many:300000:65536' >>"$BATS_FILE_TMPDIR/subgid"
	for file in passwd group subuid subgid; do
		chmod 644 "$BATS_FILE_TMPDIR/$file"
		[ ! -e "/etc/$file" ] || mount --bind "$BATS_FILE_TMPDIR/$file" "/etc/$file"
	done
	for file in one many; do install -d -m 700 -o "$file" -g "$file" "$BATS_FILE_TMPDIR/$file"; done
}

teardown_file() {
	local file
	for file in passwd group subuid subgid; do umount "/etc/$file" 2>/dev/null || :; done
}

setup() {
	as one node add probe 2>/dev/null || skip "needs user namespaces"
	as one node del probe
}

teardown() {
	local lab user
	ranges many:300000:65536
	ip link del far86 2>/dev/null || :
	for user in one many; do
		for lab in $(as "$user" -q lab); do as "$user" lab del "$lab"; done
	done
}

ns() { readlink "/proc/$(as "$1" node pid "$2")/ns/$3"; }

@test "nodes, links, addresses, impairments, programs: with the same words" {
	as one node add a b
	as one switch add s
	as one link add a:e b:e rate 10mbit
	as one link add a:f s
	as one addr a add 10.0.0.1/24 dev e
	as one addr b add 10.0.0.2/24 dev e
	as one route a add 10.9.0.0/16 via 10.0.0.2
	as one exec a ping -q -c 1 -w 10 10.0.0.2
	[ "$(as one exec a id -u)" = 0 ]
	[ "$(as one exec a hostname)" = a ]
	[ "$(as one exec a cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	as one spawn a --name t sleep 86491
	[ "$(as one -j ps a | jq -r '.[0].state')" = running ]
	as one kill a t
	run -143 as one wait a t
	[[ $(as one link) == *"a:e"*"b:e"*"rate 10mbit"* ]]
	as one batch - <<<$'link down a:e\nuntil down b:e\nlink up a:e\nuntil up b:e'
	as one lab save | grep "nemu link add a:e b:e rate 10mbit"
	as one lab run sh -c '"$0" node add x && "$0" -q node' "$BATS_FILE_TMPDIR/nemu"
	as one node del --all
	[ -z "$(ls -A "$BATS_FILE_TMPDIR/one")" ]
	no_process "sleep 86491"
}

@test "any umask: the folders have mode 0700, what belongs to a process 0600" {
	local mask pid
	for mask in 000 777; do
		(umask $mask && as one -L m node add a)
		pid=$(as one -L m spawn a echo hi)
		as one -L m wait a "$pid"
		[ "$(as one -L m logs a "$pid")" = hi ]
		[ "$(cd "$BATS_FILE_TMPDIR/one/m" && stat -c %a . a .a ".a/$pid" .hosts)" = $'700\n600\n700\n600\n644' ]
		[ "$(as one -L m exec a sh -c umask)" = 0$mask ]
		as one -L m node del a
	done
}

@test "one user namespace for a lab, another for another lab, and none of the caller's" {
	local mine
	mine=$(readlink /proc/self/ns/user)
	as one node add a b
	as one node add c
	as one -L other node add a
	[ "$(ns one a user)" != "$mine" ]
	[ "$(ns one a user)" = "$(ns one b user)" ]
	[ "$(ns one a user)" = "$(ns one c user)" ]
	[ "$(ns one a user)" != "$(readlink "/proc/$(as one -L other node pid a)/ns/user")" ]
	as one node del a b
	as one node add d
	[ "$(ns one c user)" = "$(ns one d user)" ]
}

@test "from another user namespace: the lab's is joined, or the node is refused" {
	local out
	as one node add a
	# shellcheck disable=SC2016 # for the shells within
	within() {
		run --separate-stderr setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all \
			env NEMU_RUNDIR="$BATS_FILE_TMPDIR/one" unshare -Urmn sh -c "$1" "$BATS_FILE_TMPDIR/nemu"
	}
	within '"$0" node add b' # a sibling of the lab's
	[ "$status" -eq 2 ]
	[[ $stderr == "nemu node: "*"another user namespace"* ]]
	[ "$(as one -q node)" = a ]
	within '"$0" -L other node add b c && "$0" -L other link add b:e c:e && "$0" -L other node del b c'
	[ "$status" -eq 0 ]
	as one node del a
	within '"$0" node add b'
	[ "$status" -eq 0 ]
	[ "$(ns one b user)" != "$(readlink /proc/self/ns/user)" ]
	as one node add c # from above
	[ "$(ns one c user)" = "$(ns one b user)" ]
	as one link add b:e c:e
	out=$(as one -q node)
	[ "$out" = $'b\nc' ]
	within 'exec setpriv --bounding-set=-sys_admin,-net_admin "$0" node add d'
	[ "$status" -eq 2 ]
	[[ $stderr == "nemu node: "*"another user namespace"* ]]
}

@test "in the lab's user namespace, but without its capabilities: refused, and why" {
	# shellcheck disable=SC2016 # for the shells within
	run --separate-stderr setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all \
		env NEMU_RUNDIR="$BATS_FILE_TMPDIR/one" unshare -Urmn sh -c '"$0" node add a || exit 9
			setpriv --bounding-set=-sys_admin,-net_admin "$0" node add b
			code=$?
			"$0" node del a
			exit $code' "$BATS_FILE_TMPDIR/nemu"
	[ "$status" -eq 2 ]
	[[ $stderr == "nemu node: "*"capabilities"* ]]
}

@test "two first nodes at once: one user namespace" {
	local i pids=() pid
	for i in {1..8}; do
		as one node add "n$i" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(for i in {1..8}; do ns one "n$i" user; done | sort -u | wc -l)" = 1 ]
}

@test "other users: with a range of ids any; without, the reason" {
	as one node add a
	run -125 --separate-stderr as one exec a -u nobody true
	[[ $stderr == "nemu exec: a: user nobody: "*"uidmap"*"/etc/subuid"* ]]
	[[ $(as one exec a cat /proc/self/uid_map) =~ ^\ *0\ *12345\ *1$ ]]
	command -v newuidmap || skip "needs newuidmap"
	as many node add a
	[ "$(as many exec a -u nobody id -u)" = 65534 ]
	as many exec a -u nobody grep -q "CapEff:.0000000000000000" /proc/self/status
	[[ $(as many exec a cat /proc/self/uid_map) == *"300000"* ]]
}

# tool NAME COMMANDS: a program of that name before all others, for what follows.
tool() {
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	printf '#!/bin/sh\n%s\n' "$2" >"$BATS_FILE_TMPDIR/bin/$1"
	chmod 755 "$BATS_FILE_TMPDIR/bin" "$BATS_FILE_TMPDIR/bin/$1"
	PATH=$BATS_FILE_TMPDIR/bin:${PATH#"$BATS_FILE_TMPDIR/bin:"}
}

@test "newuidmap works and newgidmap does not: a lab with one user, and -u says what newgidmap said" {
	tool newgidmap 'echo "newgidmap: no such luck86" >&2; echo more >&2; exit 1'
	as many node add a
	[[ $(as many exec a cat /proc/self/uid_map) =~ ^\ *0\ *12346\ *1$ ]]
	[[ $(as many exec a cat /proc/self/gid_map) =~ ^\ *0\ *12346\ *1$ ]]
	run -125 --separate-stderr as many exec a -u nobody true
	[[ $stderr == "nemu exec: a: user nobody: "*"newgidmap: no such luck86" ]]
	as many node del a
	tool newuidmap 'echo "newuidmap: nor this86" >&2; exit 1'
	as many node add a
	run -125 --separate-stderr as many exec a -u nobody true
	[[ $stderr == "nemu exec: a: user nobody: "*"newuidmap: nor this86" && $stderr != *"package"* ]]
	run -4 --separate-stderr as many check id-ranges
	[[ $stderr == "nemu check: id-ranges: "*"newuidmap: nor this86"* ]]
	as many node add b # which had no need to ask again
	run -125 --separate-stderr as many exec b -u nobody true
	[[ $stderr == "nemu exec: b: user nobody: "*"nemu check id-ranges"* ]]
}

# ranges LINES: those of /etc/subuid and /etc/subgid, for a test.
ranges() {
	printf '%s\n' "$@" >"$BATS_FILE_TMPDIR/subuid"
	printf '%s\n' "$@" >"$BATS_FILE_TMPDIR/subgid"
}

@test "all ranges of ids are the lab's, one after the other" {
	command -v newuidmap || skip "needs newuidmap"
	ranges many:300000:10 one:310000:65536 12346:320000:65536 many:300005:10 many:500000:5
	as many node add a
	[ "$(as many exec a -u nobody id -u)" = 65534 ]
	[ "$(as many exec a cat /proc/self/uid_map | awk '{print $1, $2, $3}')" = \
		$'0 12346 1\n1 300000 10\n11 320000 65536\n65547 500000 5' ]
	[ "$(as many exec a cat /proc/self/gid_map | awk '{print $1, $2, $3}')" = \
		$'0 12346 1\n1 300000 10\n11 320000 65536\n65547 500000 5' ]
}

@test "-u in a lab with one user: the reason, in nodes that came later, too" {
	command -v newuidmap || skip "needs newuidmap"
	local node
	as one node add a
	as one node add b
	for node in a b; do
		run -125 --separate-stderr as one exec $node -u nobody true
		[[ $stderr == *": user nobody: "*"one user: /etc/subuid has no line for user one "* ]]
	done
	NEMU_RUNDIR=$BATS_FILE_TMPDIR/many setpriv --reuid 12346 --regid 12346 --clear-groups --inh-caps=-all \
		--no-new-privs env -u NEMU_LAB "$BATS_FILE_TMPDIR/nemu" node add a
	as many node add b
	run -125 --separate-stderr as many exec a -u nobody true
	[[ $stderr == *"one user: newuidmap: "* ]]
	run -125 --separate-stderr as many exec b -u nobody true
	[[ $stderr == *"one user: newuidmap gave its first node no more; "* ]]
}

@test "an id that is beyond the ranges: the reason" {
	command -v newuidmap || skip "needs newuidmap"
	ranges many:300000:10
	as many node add a
	run -125 --separate-stderr as many exec a -u nobody true
	[[ $stderr == "nemu exec: a: user nobody: "*"not mapped"*"/etc/subuid"* ]]
	run -2 --separate-stderr as many spawn a -u nobody true
	[[ $stderr == *"not mapped"* ]]
	[ "$(as many exec a -u daemon id -u)" = 1 ]
}

@test "-u root: is what one is already, with no ids but one's own too" {
	as one node add a
	[ "$(as one exec a -u root id -u)" = 0 ]
	# shellcheck disable=SC2016 # for the shell within
	[ "$(as one exec a -u 0 -e HOME=/none sh -c 'echo $HOME')" = "$(getent passwd root | cut -d: -f6)" ]
	[ "$(as one exec a -u root --cap net_raw sh -c 'grep ^CapAmb: /proc/self/status')" = $'CapAmb:\t0000000000002000' ]
	as one spawn a -u root --name r true
	as one wait a r
	run -125 --separate-stderr as one exec a -u one true
	[[ $stderr == "nemu exec: a: user one: "* ]]
}

@test "what takes the caller's own network is refused, and named" {
	as one node add a
	ip link add far86 type veth peer far87
	run -2 --separate-stderr as one if a import far86
	[[ $stderr == *"far86"*"CAP_NET_ADMIN"* ]]
	ip link show far86
}

@test "another user can neither reach, nor list, nor end them" {
	as one node add a
	run -2 --separate-stderr env NEMU_RUNDIR="$BATS_FILE_TMPDIR/one" setpriv --reuid 12346 --regid 12346 \
		--clear-groups "$BATS_FILE_TMPDIR/nemu" node del a
	[[ $stderr == "nemu node: "* ]]
	run ! env NEMU_RUNDIR="$BATS_FILE_TMPDIR/one" setpriv --reuid 12346 --regid 12346 --clear-groups \
		"$BATS_FILE_TMPDIR/nemu" exec a true
	run ! setpriv --reuid 12346 --regid 12346 --clear-groups kill "$(as one node pid a)"
	[ "$(as one -q node)" = a ]
	[ -z "$(as many -q node)" ]
}

@test "run: as many processes as the user may have: 125, and why" {
	local id=$((100000 + $$)) limit # a user whom nobody else is
	mkdir "$BATS_TEST_TMPDIR/run"
	chown "$id" "$BATS_TEST_TMPDIR/run"
	chmod 700 "$BATS_TEST_TMPDIR/run"
	for limit in 1 2; do
		ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 NEMU_RUNDIR=$BATS_TEST_TMPDIR/run run -125 setpriv --reuid "$id" --clear-groups --inh-caps=-all \
			prlimit --nproc="$limit" "$BATS_FILE_TMPDIR/nemu" lab run true
		[ "$output" = "nemu lab: fork: Resource temporarily unavailable" ]
	done
}

@test "no user namespaces to be had: exit 4, and what allows them" {
	# shellcheck disable=SC2016 # for the shell within
	run -4 --separate-stderr unshare -U --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --bounding-set=-all --inh-caps=-all "$0" -L none86 node add a' "$NEMU"
	[[ $stderr == "nemu node: "*"max_user_namespaces"* ]]
	[ -z "$(nemu -L none86 -q node)" ]
}

@test "as many user namespaces as there may be: exit 4, and what allows more" {
	mkdir "$BATS_TEST_TMPDIR/knobs"
	echo 1 >"$BATS_TEST_TMPDIR/knobs/apparmor_restrict_unprivileged_userns"
	cat >"$BATS_FILE_TMPDIR/labs" <<-'SH'
		"$1" -L one node add a || exit 9
		"$1" -L two node add a
		code=$?
		"$1" -L one node del a
		exit $code
	SH
	# shellcheck disable=SC2016 # for the shells within
	NEMU_RUNDIR=$BATS_FILE_TMPDIR/one run --separate-stderr unshare --mount bash -c '
		mount --bind "$1/knobs" /proc/sys/kernel
		setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all unshare -Urmn sh -c "
			echo 1 >/proc/sys/user/max_user_namespaces
			exec setpriv --ambient-caps +setfcap --inh-caps +setfcap --bounding-set -sys_admin,-net_admin \
				sh \"\$1/labs\" \"\$0\"" "$0" "$2"' "$BATS_FILE_TMPDIR/nemu" "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR"
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu node: "*"limit"*"user.max_user_namespaces"* && $stderr != *AppArmor* ]]
}

# closed COMMANDS: those make a container of what follows; then a node is added by one, and its /sys is looked at.
closed() {
	export -f as
	export BATS_FILE_TMPDIR
	# shellcheck disable=SC2016 # for the shell within
	run --separate-stderr unshare --mount bash -ec "$1"'
		as one node add a || exit
		trap "as one node del a" EXIT
		as one exec a ls /sys/class/net
		as one exec a findmnt -no OPTIONS /sys | tail -n 1'
}

@test "/sys is read-only, or without the usual times: a node's is so too" {
	closed 'mount -o remount,ro,bind /sys'
	[ "$status" -eq 0 ]
	[[ $output == lo$'\n'ro,* ]]
	closed 'mount -o remount,bind,noatime /sys'
	[ "$status" -eq 0 ]
	[[ $output == lo$'\n'*noatime* ]]
	closed true
	[ "$status" -eq 0 ]
	[[ $output == lo$'\n'rw,* ]]
}

@test "parts of /sys are covered, or it is not there: exit 4, and the cause" {
	closed 'mount -t tmpfs tmpfs /sys/firmware'
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu node: a: mounting /sys: "*"mounted over parts"* ]]
	closed 'umount -l /sys'
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu node: a: mounting /sys: "*"none is"* ]]
	closed 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys'
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu node: a: net.ipv4.ip_forward: "*"/proc/sys is read-only"* ]]
}

@test "parts of /proc are covered: no PID namespaces, exit 4, and the cause" {
	export -f as
	export BATS_FILE_TMPDIR
	# shellcheck disable=SC2016 # for the shell within
	run --separate-stderr unshare --mount bash -ec 'mount -t tmpfs tmpfs /proc/fs
		as one node add a
		trap "as one node del a" EXIT
		as one node add --isolate pid b'
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu node: b: mounting /proc: "*"mounted over parts"* ]]
}

@test "/dev/net/tun is closed to the user, or not there: exit 4, and the remedy" {
	export -f as
	export BATS_FILE_TMPDIR
	tap() {
		# shellcheck disable=SC2016 # for the shell within
		run --separate-stderr unshare --mount bash -ec 'mount -t tmpfs -o mode=755 tmpfs /dev/net'"
			$1"'
			as one node add a
			trap "as one node del a" EXIT
			as one if a add t type tap'
	}
	tap 'mknod -m 600 /dev/net/tun c 10 200'
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu if: a: /dev/net/tun: Permission denied ("*0666* ]]
	tap 'mount -o remount,nodev /dev/net; mknod -m 666 /dev/net/tun c 10 200'
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu if: a: /dev/net/tun: "* ]]
	tap true
	[ "$status" -eq 4 ]
	[[ $stderr == "nemu if: a: /dev/net/tun: No such file"*"module tun"* ]]
	if [ -c /dev/net/tun ]; then
		tap 'mknod -m 666 /dev/net/tun c 10 200'
		[ "$status" -eq 0 ]
	fi
}

@test "nemu in a node finds the lab, also where no NEMU_RUNDIR was set" {
	local bin=$BATS_FILE_TMPDIR/nemu
	install -d -m 700 -o one -g one "$BATS_FILE_TMPDIR/xdg"
	plain() {
		setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all --bounding-set=+all \
			env -u NEMU_LAB -u NEMU_RUNDIR HOME=/ XDG_RUNTIME_DIR="$BATS_FILE_TMPDIR/xdg" "$bin" "$@"
	}
	plain node add a b
	output=$(plain exec a "$bin" -q node)
	status=0
	plain exec a "$bin" exec b true || status=$?
	plain wait a "$(plain spawn a "$bin" exec b true)" || status=$?
	variable=$(plain exec a -e NEMU_RUNDIR=/nowhere printenv NEMU_RUNDIR)
	plain node del --all
	[ "$status $output" = $'0 a\nb' ]
	[ "$variable" = /nowhere ]
	rmdir "$BATS_FILE_TMPDIR/xdg/nemu" "$BATS_FILE_TMPDIR/xdg"
	# As it was set.
	as one node add a
	[ "$(as one exec a printenv NEMU_RUNDIR)" = "$BATS_FILE_TMPDIR/one" ]
}

@test "a server in the foreground that cannot enter the lab's user namespace leaves nothing" {
	as one node add a
	# It is in that one already.
	run -2 as one exec a setpriv --inh-caps=-all --bounding-set=-net_admin "$BATS_FILE_TMPDIR/nemu" server b
	[[ $output == "nemu server: "* ]]
	[ ! -e "$BATS_FILE_TMPDIR/one/default/b" ]
	# Nor where there can be none.
	# shellcheck disable=SC2016 # for the shell within
	run -4 unshare -U --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --bounding-set=-all --inh-caps=-all "$0" -L none86 server a' "$NEMU"
	[ ! -e "$NEMU_RUNDIR/none86" ]
}
