#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# check: tells what is so.

load helpers

@test "a row for everything, and the words say what is so" {
	local type before after
	before=$(ip -br link)
	capture check
	[ "$status" -eq 0 ]
	[[ $output == "NAME"*"WORKS"*"FOR"*"HOW TO GET IT"* ]]
	after=$(ip -br link)
	same "$after" "$before"
	for type in dummy ifb vxlan macvlan wireguard; do
		if [ "$type" = macvlan ]; then
			unshare -n sh -c 'ip link add name b type bridge && ip link add link b name m type macvlan' 2>/dev/null
		else
			unshare -n ip link add x type "$type" $([ "$type" != vxlan ] || echo "id 5 dstport 4789") 2>/dev/null
		fi && capture check "$type" || {
			fails 4 "$type: " check "$type"
			nemu -j check "$type" | is '.[0].works == false and (.[0].remedy | type == "string")' || true
			continue
		}
		[ "$status" -eq 0 ]
		[ -z "$output$stderr" ]
	done
}

@test "what cannot be tried is no lack: 2" {
	needs_root
	run --separate-stderr bash -c 'ulimit -n 5; exec "$NEMU" check veth'
	[ "$status" -eq 2 ]
	[[ $stderr == "nemu check: "*"Too many open files" ]]
}

@test "netem: as link add finds it" {
	nemu node add a b
	if nemu link add a:e b:e delay 1ms 2>/dev/null; then
		silent check netem rate
	else
		fails 4 "netem: " check rate netem
		[[ $stderr == *"sch_netem"* ]]
	fi
	nemu node del --all
}

@test "-q: what works; -j; names that are none" {
	[ "$(nemu -q check | grep -c .)" = "$(nemu -j check | jq 'map(select(.works)) | length')" ]
	nemu -q check | grep -qx veth
	nemu -j check veth | is 'length == 1 and .[0].works and .[0].reason == null'
	fails 1 "did you mean netem?" check netm
}

# ordinary COMMAND...: as a user, with a nemu that he can execute.
ordinary() {
	cp "$NEMU" "$BATS_TEST_TMPDIR/nemu"
	chmod 755 "$BATS_TEST_TMPDIR/nemu" "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all "$@"
}

@test "no user namespaces: the remedy is that of the reason" {
	needs_root # to become a user
	local knobs=$BATS_TEST_TMPDIR/knobs
	unshare -U true || skip "needs user namespaces"
	mkdir "$knobs"
	# With no user of its own, a user namespace has none below it: EPERM, as these settings have it.
	refused() {
		export -f ordinary
		export BATS_TEST_TMPDIR BATS_FILE_TMPDIR BATS_RUN_TMPDIR
		# shellcheck disable=SC2016 # for the shell within
		run --separate-stderr unshare --mount bash -c 'mount --bind "$0" /proc/sys/kernel
			ordinary unshare -U "$BATS_TEST_TMPDIR/nemu" "$@"' "$knobs" "$@"
	}
	echo 0 >"$knobs/unprivileged_userns_clone"
	refused check user-namespaces
	[ "$status" -eq 4 ]
	[[ $stderr == *"kernel.unprivileged_userns_clone=1 allows"* && $stderr != *max_user* ]]
	refused -j check user-namespaces
	is '.[0].remedy == "sysctl kernel.unprivileged_userns_clone=1"' <<<"$output"
	rm "$knobs"/*
	echo 1 >"$knobs/apparmor_restrict_unprivileged_userns"
	refused check user-namespaces
	[ "$status" -eq 4 ]
	[[ $stderr == *"AppArmor"*"apparmor_restrict_unprivileged_userns=0, or a profile for nemu allows them" ]]
	refused -j check user-namespaces
	is '.[0].remedy | endswith("or a profile for nemu")' <<<"$output"
	rm "$knobs"/*
	refused -j check user-namespaces
	is '.[0] | .works == false and .remedy == "root"' <<<"$output"
}

@test "no user namespaces: programs and files are looked for all the same; the others' remedy is that of these" {
	needs_root # to become a user
	unshare -U true || skip "needs user namespaces"
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/bin/xauth"
	chmod 755 "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/bin/xauth"
	# shellcheck disable=SC2016 # for the shell within
	run --separate-stderr unshare -U --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --bounding-set=-all --inh-caps=-all env PATH="$1" "$0" -j check' "$NEMU" "$BATS_TEST_TMPDIR/bin"
	is '(.[] | select(.name == "xauth").works) and
		(.[] | select(.name == "graphviz") | .works == false and .remedy == "package graphviz")' <<<"$output"
	is '[.[] | select(.name == "namespaces" or .name == "id-ranges" or .name == "veth" or .name == "uplink") |
		.works == false and .remedy == "sysctl user.max_user_namespaces=10000"] == [true, true, true, true]' <<<"$output"
}

@test "an ordinary user: namespaces through user namespaces" {
	needs_root # to become a user
	unshare -U true || skip "needs user namespaces"
	ordinary "$BATS_TEST_TMPDIR/nemu" \
		check namespaces user-namespaces veth bridge
	# shellcheck disable=SC2016 # for the shell within
	run -4 --separate-stderr unshare -U --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --bounding-set=-all --inh-caps=-all "$0" check namespaces' "$NEMU"
	[[ $stderr == *"max_user_namespaces"* ]]
}

# agree COMMANDS: after them, check finds the namespaces that node add finds: for root, and for a user. With "user",
# they are run by that user as root of a user namespace, and nemu has to make another.
agree() {
	local dir=$BATS_TEST_TMPDIR/agree
	mkdir -p "$dir/of-root"
	[ -d "$dir/of-user" ] || install -d -o 12345 "$dir/of-user"
	cat >"$dir/look" <<-'SH'
		cd "$2" || exit
		export NEMU_RUNDIR=$2/run
		"$1" check namespaces 2>reason
		check=$?
		"$1" node add a 2>error
		add=$?
		[ $add -ne 0 ] || "$1" node del a
		echo "check $check, node add $add:" $(cat reason error)
		[ $check = 0 ] || [ $check = 4 ] && [ $((check == 0)) = $((add == 0)) ]
	SH
	export -f ordinary
	export BATS_TEST_TMPDIR BATS_FILE_TMPDIR BATS_RUN_TMPDIR
	# shellcheck disable=SC2016 # for the shells within
	[[ $1 == user* ]] || unshare --mount bash -c 'eval "$2"; sh "$1/look" "$0" "$1/of-root"' "$NEMU" "$dir" "$1"
	# shellcheck disable=SC2016 # for the shells within
	if [[ $1 == user* ]]; then
		ordinary unshare -Urmn sh -c "${1#user}"'
			exec setpriv --bounding-set=-sys_admin,-net_admin --ambient-caps=+setfcap --inh-caps=+setfcap \
				sh "$1/look" "$0" "$1/of-user"' "$BATS_TEST_TMPDIR/nemu" "$dir"
	else
		unshare --mount bash -c 'eval "$1"; ordinary sh "$0/look" "$BATS_TEST_TMPDIR/nemu" "$0/of-user"' \
			"$dir" "$1"
	fi
}

@test "namespaces: as node add finds them, where parts of the system are closed" {
	needs_root # to become a user
	unshare -U true || skip "needs user namespaces"
	agree true
	agree 'mount -o remount,ro,bind /sys'
	agree 'mount -t tmpfs tmpfs /sys/firmware'
	agree 'umount -l /sys'
	agree 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys'
	agree 'user echo 0 >/proc/sys/user/max_uts_namespaces'
	agree 'user echo 1 >/proc/sys/user/max_mnt_namespaces'
	agree 'user echo 0 >/proc/sys/user/max_net_namespaces'
}

@test "namespaces: the remedy is one" {
	needs_root # to become a user
	unshare -U true || skip "needs user namespaces"
	export -f ordinary
	export BATS_TEST_TMPDIR BATS_FILE_TMPDIR BATS_RUN_TMPDIR
	# shellcheck disable=SC2016 # for the shells within
	unshare --mount bash -c 'mount -t tmpfs tmpfs /sys/firmware; ordinary "$BATS_TEST_TMPDIR/nemu" -j check' |
		is '(.[0] | .works == false and .remedy == "root") and (.[] | select(.name == "veth").works)'
	# shellcheck disable=SC2016 # for the shells within
	ordinary unshare -Urmn sh -c 'echo 0 >/proc/sys/user/max_net_namespaces; "$0" -j check' \
		"$BATS_TEST_TMPDIR/nemu" |
		is '[.[] | select(.name == "namespaces" or .name == "veth").remedy | contains("/proc/sys/user")] | all'
}

@test "uplink: pasta is enough for a user, and not for root" {
	needs_root # to become a user
	[ -c /dev/net/tun ] || skip "needs tun"
	unshare -U true || skip "needs user namespaces"
	export -f ordinary
	export BATS_TEST_TMPDIR BATS_FILE_TMPDIR BATS_RUN_TMPDIR
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/bin/pasta"
	chmod 755 "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/bin/pasta"
	# shellcheck disable=SC2016 # for the shells within
	unshare --mount bash -ec 'mount -t tmpfs tmpfs /mnt
		mknod -m 666 /mnt/tun c 10 200
		mount --bind /mnt/tun /dev/net/tun
		ordinary env PATH="$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/nemu" check uplink'
	run -4 --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" "$NEMU" check uplink
	[[ $stderr == *"slirp4netns: no such program"* ]]
}
