#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Static checks beyond those of the compiler, which warns with -Wall -Wextra -Wshadow -Wconversion and
# takes each warning for an error; and how the binary is hardened.
set -u
cd "$(dirname "$0")/../.." || exit 2
n=0
result() { # NAME PROBLEMS
	n=$((n + 1))
	[ -z "$2" ] && echo "ok $n - $1" && return
	echo "not ok $n - $1"
	echo "$2" | sed 's/^/# /'
}
if command -v cppcheck >/dev/null; then
	result "cppcheck" "$(cppcheck --quiet --std=c11 --enable=warning,performance,portability -Icommon -Iapplets \
		-D_GNU_SOURCE --suppressions-list=tests/source/cppcheck.suppressions \
		--template='{file}:{line}: {id}: {message}' applets common 2>&1)"
else
	echo "ok $((++n)) - cppcheck # SKIP needs cppcheck"
fi
# Without optimisation, which takes away what is to be seen. A suppression of nothing is one too many.
analyzer() {
	local cflags
	cflags=$(pkg-config --cflags libnl-3.0 | sed 's/-I/-isystem /')
	find applets common -name '*.c' -print0 | xargs -0 -P "$(nproc)" -I{} sh -c "gcc -std=gnu11 -D_GNU_SOURCE \
		-DVERSION='\"\"' -fanalyzer -Icommon -Iapplets $cflags -c -o /dev/null {} 2>&1 |
		sed -n -e 's|^.*error:|error:{} &|p' -e 's|^.*warning:.*\\[-W\\(analyzer[^]]*\\)\\]$|\\1:{} &|p'" |
		awk 'NR == FNR { if (!/^#/) idle[$1] = known[$1] = 1; next }
			known[$1] { delete idle[$1]; next }
			{ print }
			END { for (s in idle) print s " is suppressed and not found" }' \
			tests/source/analyzer.suppressions -
}
if gcc -fanalyzer -c -x c -o /dev/null - </dev/null 2>/dev/null; then
	result "gcc -fanalyzer" "$(analyzer)"
else
	echo "ok $((++n)) - gcc -fanalyzer # SKIP needs gcc"
fi
for list in tests/source/*.suppressions; do
	result "no suppression without a reason: $list" "$(awk '/^#/ { why = 1; next } NF && !why { print } ' "$list")"
done
musl=/usr/lib/$(gcc -dumpmachine | sed 's/-gnu$/-musl/')/libc.a
if [[ -e $musl && $musl == *-musl/* ]]; then
	result "musl's libc.a is linked in" "$(nm "$NEMU" | grep -q __libc_malloc_impl || echo "it is not: see make's output")"
else
	echo "ok $((++n)) - musl's libc.a is linked in # SKIP needs musl"
fi
result "PIE" "$(readelf -h "$NEMU" | grep -q 'Type: *DYN' || echo "not position independent")"
result "RELRO and immediate binding" "$(readelf -lW "$NEMU" | grep -q GNU_RELRO || echo "no RELRO"
	readelf -dW "$NEMU" | grep -qE 'BIND_NOW|NOW' || echo "lazy binding")"
result "stack protector and FORTIFY_SOURCE" "$(for s in __stack_chk_fail __snprintf_chk; do
	nm build/applets/*.o build/applets/server/*.o | grep -q "U $s" || echo "no $s"
done)"
result "no executable stack, no segment that is written and executed" "$(
	readelf -lW "$NEMU" | grep -E 'GNU_STACK|LOAD' | grep -E 'RWE' || :)"
echo "1..$n"
