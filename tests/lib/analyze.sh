#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# clang-tidy (.clang-tidy says what for) and cppcheck over all that is built into the programs. Prints what they
# find, as FILE:LINE:COLUMN, and how much that is. BUILD has the skeletons of BPF programs. What is no fault has a
# comment there that says why: `// NOLINT(CHECK): WHY` or `// cppcheck-suppress CHECK ; WHY`.
#
# usage: analyze.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

build=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mapfile -t sources < <(git ls-files --cached --others --exclude-standard -- {lb,datapath,tools,bench,sim}/'*.c')
flags=(-D_GNU_SOURCE -D_LGPL_SOURCE '-DWEIR_VERSION="0"' '-DWEIR_CFLAGS=""' -I. "-I$build" -std=gnu11 -pthread)

# over_all NAME COMMAND...: all sources, a few at a time on each CPU; what it says goes to $out/NAME.
over_all() {
	printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 8 "${@:2}" >>"$out/$1" 2>&1 && return
	grep -q ': error: ' "$out/$1" || tail -n 5 "$out/$1" >&2
	echo "$1:1:1: error: $1 failed" >>"$out/$1"
}


over_all clang-tidy bash -c 'clang-tidy --quiet "$@" -- '"$(printf '%q ' "${flags[@]}")" bash
over_all cppcheck cppcheck --quiet --language=c --std=c11 --enable=warning,portability --inline-suppr \
	--suppress=missingInclude -D_GNU_SOURCE -D__GNUC__ -D__linux__ -I. --include=tests/lib/cppcheck.h --template=gcc

# A header's are found once for each source that includes it.
findings=$(grep -hE '^[^ ]+:[0-9]+:[0-9]+: (fatal )?(warning|error|portability): ' "$out"/* | sed "s|^$PWD/||" | sort -u)
[ -z "$findings" ] || echo "$findings"
echo "analyze: ${#sources[@]} sources by clang-tidy and cppcheck, $(grep -c . <<<"$findings") findings"
[ -z "$findings" ]
