#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every fuzz target over its corpus, then with a fixed number of inputs made of it, always the same ones.
# A crash, a sanitizer's report, a leak: the end of the output, and the input in base64. They are built by
# "make fuzz"; "make fuzz TARGET=session" runs one until it finds something.
set -u
cd "$(dirname "$0")/../.." || exit 2
bin=build/fuzz tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
n=0

# TARGET RUNS LONGEST-INPUT
targets="
base64   50000 300
pickle   10000 400
line     10000 200
words    10000 200
units     5000 150
script    3000 300
session   4000 600
"

command -v clang >/dev/null || { echo "1..0 # SKIP needs clang"; exit 0; }
while read -r target runs longest; do
	[[ $target ]] || continue
	n=$((n + 1))
	mkdir "$tmp/$target" # where what is new goes, of what the runs come upon
	if [[ ! -x $bin/$target ]]; then
		echo "not ok $n - $target"
		echo "# not built: make fuzz"
	elif "$bin/$target" -seed=1 -runs="$runs" -max_len="$longest" -timeout=20 -rss_limit_mb=1000 \
		-artifact_prefix="$tmp/found-" "$tmp/$target" "tests/fuzz/corpus/$target" >"$tmp/out" 2>&1; then
		echo "ok $n - $target: $runs runs"
	else
		echo "not ok $n - $target"
		tail -n 50 "$tmp/out" | sed 's/^/# /'
	fi
	for found in "$tmp"/found-*; do
		[[ -e $found ]] && echo "# the input, for base64 -d: $(base64 -w 0 "$found")" && rm "$found"
	done
done <<<"$targets"
echo "1..$n"
