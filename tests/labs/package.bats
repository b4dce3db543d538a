#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# make install, uninstall, deb; the binary alone in an empty root.

load helpers

setup() {
	[[ $BUILD != *asan* ]] || skip "the build for the sanitizers is not installed"
	cd "$BATS_TEST_DIRNAME/../.."
	root=$BATS_TEST_TMPDIR/root
}

@test "install: the binary, a link and a page for each applet, completions; uninstall leaves nothing" {
	local a
	make -s install DESTDIR="$root" PREFIX=/opt/x
	for a in $(nemu --list | cut -f1); do
		[ "$(readlink "$root/opt/x/bin/nemu-$a")" = nemu ]
		[ -s "$root/opt/x/share/man/man1/nemu-$a.1" ]
	done
	[ "$("$root/opt/x/bin/nemu-node" --help | head -n 1)" = "$(nemu node --help | head -n 1)" ]
	[ -s "$root/opt/x/share/man/man7/nemu-protocol.7" ]
	[ -s "$root/opt/x/share/bash-completion/completions/nemu" ]
	[ -s "$root/opt/x/share/zsh/site-functions/_nemu" ]
	[ -s "$root/opt/x/share/fish/vendor_completions.d/nemu.fish" ]
	[[ $("$root/opt/x/bin/nemu" help if | head -n 1) == "NEMU-IF(1)"* ]]
	make -s install DESTDIR="$root" PREFIX=/opt/x
	make -s uninstall DESTDIR="$root" PREFIX=/opt/x
	[ -z "$(find "$root" ! -type d)" ]
}

@test "a DESTDIR with a space in it; uninstall takes away nothing else, and says nothing of it" {
	root=$BATS_TEST_TMPDIR/my\ root
	mkdir "$BATS_TEST_TMPDIR/my"
	make -s install DESTDIR="$root" PREFIX=/usr
	[ "$("$root/usr/bin/nemu" --version)" = "$(nemu --version)" ]
	[ -z "$(make -s uninstall DESTDIR="$root" PREFIX=/usr 2>&1)" ]
	[ -z "$(find "$root" ! -type d)" ]
	[ ! -e "$root/usr/bin" ]
	[ -d "$BATS_TEST_TMPDIR/my" ]
}

@test "a clone in a folder with a space in its name, with other flags of the compiler: builds in silence, and the demo runs" {
	local lines
	mkdir "$BATS_TEST_TMPDIR/a b"
	cp -r Makefile applets common man completions tests "$BATS_TEST_TMPDIR/a b"
	cd "$BATS_TEST_TMPDIR/a b"
	lines=$(make -s -j2 BUILD=build CFLAGS=-O1 2>&1)
	same "$(grep -v '^  [A-Z][A-Z]* [a-z/_0-9]*\(\.c\)\?$' <<<"$lines")" ""
	make -s demo BUILD=build CFLAGS=-O1 >/dev/null
	make -s BUILD=O3 CFLAGS=-O3 O3/common/kernel/users.o O3/common/wire/unpickle.o # warnings are errors
	! command -v clang || make -s CC=clang BUILD=C C/common/kernel/spawn.o C/common/lab/run.o
}

@test "the binary alone, in a root with nothing in it, makes a lab" {
	! ldd "$NEMU" 2>/dev/null | grep -q "=>" || skip "needs archives to link"
	mkdir -p "$root/proc" "$root/dev" "$root/sys" "$root/run"
	cp "$NEMU" "$root/nemu"
	mknod "$root/dev/null" c 1 3
	chmod 666 "$root/dev/null"
	# The mounts are gone with this shell, before bats removes its folder.
	# shellcheck disable=SC2016 # for the shell within
	run -0 env -u NEMU_RUNDIR unshare -m sh -ec 'mount --bind "$1" "$1"; mount -t proc proc "$1/proc"
		cd "$1"; exec chroot . /nemu batch -' - "$root" <<-X
		node add a b
		link add a:e b:e rate 1mbit
		addr a add 10.0.0.1/24 dev e
		exec a /nemu --version
		-q node
		node del --all
	X
	echo "$output"
	[ "$output" = "$(nemu --version)"$'\na\nb' ]
}

@test "the version: one everywhere" {
	local version
	version=$(sed -n 's/^VERSION := //p' Makefile)
	[ "$(nemu --version)" = "nemu $version" ]
}

@test "deb: installs, runs and removes cleanly in a scratch root" {
	local deb
	command -v dpkg-deb || skip "needs dpkg"
	run -0 make -s deb
	deb=$(ls build/nemu_*.deb)
	[ "$(dpkg-deb -f "$deb" Version)" = "$(nemu --version | cut -d' ' -f2)" ]
	mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
	: >"$root/var/lib/dpkg/status"
	dpkg --root="$root" --force-not-root --force-script-chrootless --log=/dev/null -i "$deb" >/dev/null
	[ "$("$root/usr/bin/nemu" --version)" = "$(nemu --version)" ]
	"$root/usr/bin/nemu-node" add p86
	"$root/usr/bin/nemu" node del p86
	zcat "$root/usr/share/man/man1/nemu.1.gz" | grep -q "^.Nm nemu"
	[ -s "$root/usr/share/doc/nemu/copyright" ]
	dpkg --root="$root" --force-not-root --force-script-chrootless --log=/dev/null -P nemu >/dev/null
	[ -z "$(find "$root" ! -type d ! -path '*/var/lib/dpkg/*')" ]
	[ ! -e "$root/usr/bin" ]
}
