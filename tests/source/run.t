#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does tests/run tell what failed, and does Ctrl-C end all that it has started?
set -u
cd "$(dirname "$0")/../.." || exit 2
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
n=0
result() { # NAME TEXT: passed if TEXT is empty
	((n++))
	[[ $2 ]] || { echo "ok $n - $1"; return; }
	echo "not ok $n - $1"
	printf '# %s\n' "${2//$'\n'/$'\n'# }"
}

printf '#!/bin/sh\necho ok 1\necho ok 2\necho "what it says" >&2\nexit 3\n' >"$dir/early.t"
printf '#!/bin/sh\necho ok 1\necho "not ok 2 - two"\necho "# why"\necho 1..2\nexit 1\n' >"$dir/fails.t"
printf '#!/bin/sh\necho ok 1\necho $$ >%q\nexec sleep 86491\n' "$dir/pid" >"$dir/hangs.t"
chmod 755 "$dir"/*.t
told=$(tests/run "$dir/early.t")
result "a file that ends early: with its last words" "$(grep -q 'ended early (exit 3, 2 of' <<<"$told" &&
	[[ $(grep -c '^    .*what it says' <<<"$told") == 2 ]] || echo "$told")" # at once and at the end
told=$(tests/run "$dir/fails.t")
result "a test that fails: with its lines" "$(grep -qx "FAILED: $dir/fails.t: 2 - two" <<<"$told" &&
	[[ $(grep -cx '    # why' <<<"$told") == 2 ]] || echo "$told")"
told=$(NEMU_HANGS=1 tests/run "$dir/hangs.t")
result "a file that hangs: with what hung" "$(grep -q 'exit 124' <<<"$told" &&
	grep -q 'nothing left: processes [0-9]* (sleep 86491' <<<"$told" || echo "$told")"

set -m # a process group of its own, as at a prompt
rm "$dir/pid"
tests/run "$dir/hangs.t" >/dev/null 2>&1 &
group=$!
until [[ -s $dir/pid ]]; do read -rt 0.05 <> <(:); done
pid=$(<"$dir/pid")
kill -INT -- "-$group"
for _ in {1..100}; do
	[[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") == 'sleep 86491 ' ]] || break
	read -rt 0.05 <> <(:)
done
result "Ctrl-C ends what runs" "$(kill -KILL "$pid" 2>/dev/null && echo "it runs on")"
echo "1..$n"
