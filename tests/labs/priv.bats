#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may: nobody uses another's node. (Labs without privilege: user.bats.)
# shellcheck disable=SC2030,SC2031 # a test's variables are its own: so it is meant

load helpers

setup() {
	mkdir -m 1777 "$TMPDIR/open"
}

teardown() {
	chmod 700 "$NEMU_RUNDIR" "$NEMU_RUNDIR/default" 2>/dev/null || :
	"$NEMU" node del --all
	rm -rf "$TMPDIR/open"
}

# ordinary UID COMMAND...: as a user without any capability.
ordinary() {
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups --inh-caps -all --bounding-set -all "$@"
}

@test "what takes no privilege works without" {
	export NEMU_RUNDIR=$TMPDIR/open/r
	run --separate-stderr ordinary 65534 "$NEMU" node list
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(ordinary 65534 "$NEMU" -j node list)" = "[]" ]
	ordinary 65534 "$NEMU" --help >/dev/null
	ordinary 65534 "$NEMU" --list >/dev/null
	run --separate-stderr ordinary 65534 "$NEMU" if a
	[ "$status" -eq 3 ]
}

@test "another user cannot use a node: the run directory is closed to him" {
	nemu node add a
	run --separate-stderr ordinary 65534 "$NEMU" exec a id
	[ "$status" -eq 125 ]
	[ -z "$output" ]
	[[ $stderr == "nemu exec: "* && $stderr != *$'\n'* ]]
	run --separate-stderr ordinary 65534 "$NEMU" if a
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	run ordinary 65534 "$NEMU" node list
	[ "$status" -eq 2 ]
	run ordinary 65534 "$NEMU" node del --all
	[ "$status" -eq 2 ]
	nemu exec a true
}

@test "another user cannot use a node: nor where somebody has opened the folders" {
	nemu node add a
	chmod 711 "$NEMU_RUNDIR" "$NEMU_RUNDIR/default"
	chmod 666 "$NEMU_RUNDIR/default/a"
	cat >"$TMPDIR/open/talk.py" <<-'PY'
		import os, socket, sys
		uid = int(sys.argv[2])
		if uid: # here, as the user may not be let in where python3 is
		    os.setgroups([])
		    os.setresgid(uid, uid, uid)
		    os.setresuid(uid, uid, uid)
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(10)
		s.connect(sys.argv[1])
		try: s.sendall(b"IF LIST\nPROC CRTE aWQ=\nPROC RUN\n")
		except BrokenPipeError: pass
		got = b""
		try:
		    while True:
		        more = s.recv(65536)
		        if not more: break
		        got += more
		        if b"\n200" in got or got.startswith(b"200"): break
		except ConnectionResetError: pass
		print(got.decode(), end="")
	PY
	run python3 "$TMPDIR/open/talk.py" "$NEMU_RUNDIR/default/a" 65534
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == 500* && $output != *200* ]]
	run python3 "$TMPDIR/open/talk.py" "$NEMU_RUNDIR/default/a" 0 # the owner can
	[[ $output == 220*200* ]]
	run ordinary 65534 "$NEMU" if a # the client looks at the folder's owner
	[ "$status" -eq 2 ]
	chmod 700 "$NEMU_RUNDIR" "$NEMU_RUNDIR/default"
	nemu exec a true
}

@test "a program of another user in a node cannot use the node" {
	nemu node add a
	run --separate-stderr nemu exec a -u nobody "$NEMU" if a
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	run nemu exec a -u nobody sh -c 'ip link set lo down 2>/dev/null'
	[ "$status" -ne 0 ]
	run nemu exec a -u nobody sh -c "kill -0 $(nemu node pid a) 2>/dev/null"
	[ "$status" -ne 0 ]
	run nemu exec a -u nobody unshare -n true
	[ "$status" -ne 0 ]
}

# has PID SET CAPABILITY: one of the kernel's sets, CapEff, CapPrm ..., of a process.
has() {
	local mask
	mask=$(sed -n "s/^$2:\t//p" "/proc/$1/status")
	((16#$mask >> $(sed -n "s/^#define CAP_$3\t*\([0-9]*\)/\1/p" /usr/include/linux/capability.h) & 1))
}

@test "a server has no capability in force that its commands do not need, its programs have all" {
	nemu node add a
	local server pid
	server=$(nemu node pid a)
	has "$server" CapEff NET_ADMIN
	for cap in SYS_MODULE SYS_RAWIO SYS_BOOT SYS_TIME SYS_PTRACE NET_RAW MKNOD; do
		run has "$server" CapEff $cap
		[ "$status" -eq 1 ]
	done
	pid=$(nemu spawn a sleep 1000)
	[ "$(grep ^Cap "/proc/$pid/status")" = "$(grep ^Cap /proc/self/status)" ]
	pid=$(nemu spawn a -u nobody --cap net_raw sleep 1000)
	has "$pid" CapAmb NET_RAW
	run has "$pid" CapPrm NET_ADMIN
	[ "$status" -eq 1 ]
}

@test "root's run directory is /run/nemu, others' is in XDG_RUNTIME_DIR" {
	mount -t tmpfs none /run
	local code=0
	env -u NEMU_RUNDIR "$NEMU" node add a && [ -S /run/nemu/default/a ] &&
		env -u NEMU_RUNDIR "$NEMU" node del a || code=1
	umount /run
	[ "$code" -eq 0 ]
	mkdir -m 700 "$TMPDIR/open/xdg"
	mkdir -m 777 "$TMPDIR/open/xdg/nemu"
	chmod 777 "$TMPDIR/open/xdg/nemu"
	chown -R 65534 "$TMPDIR/open/xdg"
	run --separate-stderr ordinary 65534 env -u NEMU_RUNDIR XDG_RUNTIME_DIR="$TMPDIR/open/xdg" "$NEMU" node list
	[ "$status" -eq 2 ]
	[[ $stderr == *"$TMPDIR/open/xdg/nemu"* ]]
}

@test "an owner who is not root, but may: his node is his, and root's client keeps off" {
	export NEMU_RUNDIR=$TMPDIR/open/r
	local caps=+sys_admin,+net_admin,+sys_ptrace,+setuid,+setgid,+setpcap,+kill,+dac_override
	local able=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps="$caps" --ambient-caps="$caps")
	run --separate-stderr "${able[@]}" "$NEMU" node add a
	[ "$status" -eq 0 ] || skip "a user with ambient capabilities cannot make nodes here: $stderr"
	[ "$("${able[@]}" "$NEMU" -q node)" = a ]
	[ "$(stat -c %u "$NEMU_RUNDIR/default/a")" = 65534 ]
	run ordinary 65533 "$NEMU" if a
	[ "$status" -eq 2 ]
	fails 2 "" if a
	"${able[@]}" "$NEMU" node del a
	rm -rf "$NEMU_RUNDIR"
}

@test "a user's number that is too large is no user, and never root" {
	local number
	nemu node add a
	for number in 4294967296 4295032830 4294967295 18446744073709551616 18446744073709551615; do
		fails 125 "$number: no such user" exec a -u "$number" id
	done
	fails 2 "4294967296: no such user" spawn a -u 4294967296 id
	fails 1 "4294967296: no such user" if a add t type tap user 4294967296
	[ "$(nemu exec a -u 065534 id -u)" = 65534 ]
	[ "$(nemu exec a -u 0 id -u)" = 0 ]
}

@test "root in a container whose /proc/sys is read-only: nodes, hosts and switches" {
	needs_root
	# shellcheck disable=SC2016 # for the shell within
	unshare --mount bash -ec 'mount --bind /proc/sys /proc/sys
		mount -o remount,ro,bind /proc/sys
		trap "\"$NEMU\" node del --all" EXIT
		"$NEMU" node add a
		[ "$("$NEMU" exec a cat /proc/sys/net/ipv{4/ip_forward,6/conf/all/forwarding,6/conf/default/accept_dad})" = $'"'1\\n1\\n0'"' ]
		"$NEMU" node add --host h
		"$NEMU" node add --host --dad d
		"$NEMU" switch add s
		[ "$("$NEMU" exec s cat /proc/sys/net/ipv6/conf/default/disable_ipv6)" = 1 ]'
}

@test "--cap: setpcap too; what the node's server has not is named" {
	needs_root
	nemu node add a
	[ "$(nemu exec a -u nobody --cap setpcap,net_raw sh -c 'grep ^Cap /proc/self/status')" = "$(
		printf 'Cap%s:\t0000000000002100\n' Inh Prm Eff Bnd Amb)" ]
	[ "$(nemu exec a -u nobody --cap setuid,setgid sh -c 'grep ^Cap /proc/self/status')" = "$(
		printf 'Cap%s:\t00000000000000c0\n' Inh Prm Eff Bnd Amb)" ]
	nemu node del a
	setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice "$NEMU" node add a
	fails 125 "user nobody: CAP_SYS_NICE" exec a -u nobody --cap net_raw,sys_nice true
	fails 2 "user nobody: CAP_SYS_NICE" spawn a -u nobody --cap net_raw,sys_nice true
	nemu exec a -u nobody --cap net_raw true
	nemu node del a
}

@test "-u where nobody can become another user: exactly why" {
	needs_root
	local cap child
	for cap in setpcap setuid setgid; do
		setpriv --bounding-set=-$cap --inh-caps=-$cap "$NEMU" node add a
		fails 125 "user nobody: needs CAP_${cap^^}, which the node's server has not got" exec a -u nobody true
		fails 2 "user nobody: needs CAP_${cap^^}, which the node's server has not got" spawn a -u nobody true
		nemu node del a
	done
	# A user namespace in which all have an id, and no groups can be set.
	mkfifo "$BATS_TEST_TMPDIR/go"
	# shellcheck disable=SC2016 # for the shell within
	unshare -U sh -c 'cat "$1"; exec setpriv --reuid 0 --regid 0 --keep-groups "$0" node add a' "$NEMU" \
		"$BATS_TEST_TMPDIR/go" &
	child=$!
	exec 6>"$BATS_TEST_TMPDIR/go" # cat is there
	echo deny >"/proc/$child/setgroups"
	echo "0 0 1000000" >"/proc/$child/uid_map"
	echo "0 0 1000000" >"/proc/$child/gid_map"
	exec 6>&-
	wait "$child"
	fails 125 "user nobody: setgroups(2) is denied in this user namespace" exec a -u nobody true
	nemu exec a -u root true
}

@test "a run directory that is a symbolic link is refused, with a slash behind it as well" {
	mkdir -m 700 "$TMPDIR/open/real"
	ln -s real "$TMPDIR/open/link"
	[ -z "${NEMU_AS_USER-}" ] || chown 12399 "$TMPDIR/open/real"
	NEMU_RUNDIR=$TMPDIR/open/link fails 2 "$TMPDIR/open/link" node add a
	NEMU_RUNDIR=$TMPDIR/open/link/ fails 2 "$TMPDIR/open/link" node add a
	NEMU_RUNDIR=$TMPDIR/open/link// fails 2 "$TMPDIR/open/link" node
	[ -z "$(ls -A "$TMPDIR/open/real")" ]
	NEMU_RUNDIR=$TMPDIR/open/real// silent node add a
	[ "$(NEMU_RUNDIR=$TMPDIR/open/real nemu -q node)" = a ]
	NEMU_RUNDIR=$TMPDIR/open/real/ silent node del a
	NEMU_RUNDIR=$TMPDIR/open/new/below/ silent node add a
	NEMU_RUNDIR=$TMPDIR/open/new/below silent node del a
}
