#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Is the drawing of the layers true? Each folder includes only what it may; the tables that are
# written twice (README, manual pages) say the same; what is forbidden is not there.
set -u
cd "$(dirname "$0")/../.." || exit 1
n=0
result() { # NAME TEXT: passed if TEXT is empty
	((n++))
	if [[ $2 ]]; then
		echo "not ok $n - $1"
		sed 's/^/# /' <<<"$2"
	else
		echo "ok $n - $1"
	fi
}

# FOLDER allowed...: the layers that files in FOLDER include, as in #include "layer/x.h"
layer() {
	local folder=$1 allowed
	shift
	allowed=$(printf '%s|' "$@")
	result "$folder includes only: $*" "$(
		grep -nE '^#include "[a-z]+/' "$folder"/*.[ch] |
			grep -vE ":#include \"(${allowed%|})/" || :
	)"
}
layer common/base base
layer common/wire base wire
layer common/kernel base kernel
layer common/lab base wire kernel lab
layer common/ui base ui
layer applets/server base wire kernel
layer applets base lab ui server

result "only what the caller's namespaces need calls kernel from lab" "$(
	grep -lE '#include "kernel/' common/lab/*.c | grep -vxE 'common/lab/(import|display|run|start|check|uplink|uplink_nat).c' || :)"
result "nothing below applets prints or exits" "$(
	grep -nwE 'printf|puts|putchar|perror|exit' common/base/*.c common/wire/*.c common/kernel/*.c \
		common/lab/*.c applets/server/*.c | grep -vE '//|\*' || :)"
result "forbidden functions are not called" "$(
	grep -nwE '(strcpy|strcat|sprintf|strncpy|strncat|strtok|atoi|atol|system|gets|popen)\(' \
		applets/*.[ch] applets/server/*.[ch] common/*/*.[ch] || :)"
result "no other program is run for what netlink does" "$(
	grep -nE '"(/[a-z/]*)?(ip|sysctl|brctl|tc|ifconfig)"' applets/*.c applets/server/*.c \
		common/*/*.c | grep -v '"ip -' || :)"
result "every source says its licence and its purpose" "$(
	for f in applets/*.[ch] applets/server/*.[ch] common/*/*.[ch]; do
		head -n 1 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "$f: SPDX"
		sed -n 2p "$f" | grep -q '^/\*' || echo "$f: what is it for?"
	done)"
result "no file has more than 600 lines" "$(
	wc -l applets/*.[ch] applets/server/*.[ch] common/*/*.[ch] | awk '$1 > 600 && $2 != "total"')"
result "applets/list.h is sorted" "$(
	sed -n 's/^APPLET([a-z0-9]*, "\([^"]*\)".*/\1/p' applets/list.h | LC_ALL=C sort -c 2>&1)"
result "README has a row for every applet, with its help" "$(
	"$NEMU" --list | while IFS=$'\t' read -r name help; do
		grep -qF "| $name | $help |" README.md || echo "$name: $help"
	done)"
result "every word of the grammar is in its manual page" "$(
	"$NEMU" --spec | tr '\t' '\037' | while IFS=$'\037' read -r name verb word _ _; do
		[[ -e man/nemu-$name.1 ]] || { echo "$name: no page"; continue; }
		for w in "$verb" "$word"; do
			[[ $w ]] || continue
			sed 's/\\-/-/g; s/^\.*\(Op\|It\|Fl\|Ar\|Cm\)* *Fl -*/&-/' "man/nemu-$name.1" |
				grep -qwF -- "${w##-}" || grep -qwF -- "${w##--}" "man/nemu-$name.1" ||
				echo "$name $verb $word"
		done
	done | sort -u)"
result "every command is in the manual page of the protocol" "$(
	sed -n 's/^COMMAND("\([A-Z0-9]*\)", *"\([A-Z]*\)".*/\1 \2/p' applets/server/commands.h |
		while read -r a b; do
			grep -qE "(^|[^A-Z])$a $b([^A-Z]|$)" man/nemu-protocol.7 || echo "$a $b"
		done)"
if command -v mandoc >/dev/null; then
	result "mandoc -Tlint" "$(mandoc -Tlint -W warning man/*.[17] 2>&1)"
else
	echo "ok $((++n)) - mandoc -Tlint # SKIP no mandoc"
fi
if command -v shellcheck >/dev/null; then
	result "shellcheck: scripts" "$(find . -path ./build -prune -o \( -name '*.sh' -o -path ./tests/run \
		-o -path ./tests/deps -o -path ./.ci/run \) -type f -exec shellcheck -S style {} + 2>&1 |
		head -60)"
	# run and its variables look to it as if they were used wrongly or not at all.
	result "shellcheck: bats" "$(shellcheck -S error tests/labs/*.bats 2>&1 | head -60)"
else
	echo "ok $((++n)) - shellcheck # SKIP no shellcheck"
fi
echo "1..$n"
