#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Static rules over all sources, tracked or new: format, licence line, white space, length, shell
# syntax. Prints FILE:LINE for each fault, and a summary last.
#
# usage: check.sh [ROOT]
set -uo pipefail
cd "${1:-$(dirname "$0")/../..}" || exit 1

max_lines=500    # of a source file
max_function=70  # lines of a function, without a reason in a comment
faults=0

fault() {
	echo "$1"
	faults=$((faults + 1))
}

sources_like() { # PATTERN...
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

check_format() {
	local file line
	for file in "${c_sources[@]}"; do
		line=$(clang-format --dry-run --ferror-limit=1 -Werror "$file" 2>&1) && continue
		fault "$(head -n 1 <<<"$line")"
	done
}

check_licence() {
	local file wanted
	for file in "${c_sources[@]}" "${scripts[@]}"; do
		wanted='SPDX-License-Identifier: BSD-2-Clause'
		case $file in
		bpf/*) wanted='SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause' ;;
		esac
		# A script's first line is its interpreter.
		head -n 2 "$file" | grep -v '^#!' | head -n 1 | grep -qE "^(//|/[*]|#) $wanted( [*]/)?$" ||
			fault "$file:1: the first line must be: $wanted"
	done
}

check_white_space() {
	local line
	while read -r line; do
		fault "$line: white space at the end of the line"
	done < <(grep -nE '[[:blank:]]+$' "${c_sources[@]}" "${scripts[@]}" "${texts[@]}" /dev/null |
		cut -d : -f 1,2)
}

# A file may say why it is longer: a comment with the words `long file:` and the reason.
check_length() {
	local file lines
	for file in "${c_sources[@]}" "${scripts[@]}"; do
		lines=$(wc -l <"$file")
		[ "$lines" -le $max_lines ] || grep -q 'long file: [^ ]' "$file" ||
			fault "$file:1: $lines lines; above $max_lines a comment says \`long file: REASON\`"
	done
}

# The end of a function is a `}` alone in the first column, its start the `{` alone there.
check_functions() {
	local line
	while read -r line; do
		fault "$line"
	done < <(awk -v max=$max_function '
		/^{$/ { start = FNR; reason = 0 }
		/long function: [^ ]/ { reason = 1 }
		/^}$/ && start {
			if (FNR - start > max && !reason)
				print FILENAME ":" start ": a function of " FNR - start " lines; above " max \
					" a comment says `long function: REASON`"
			start = 0
		}' "${c_sources[@]}")
}

check_scripts() {
	local file
	for file in "${scripts[@]}"; do
		bash -n "$file" || fault "$file:1: bash -n fails"
		[ -x "$file" ] || [[ $file =~ ^tests/lib/(net|udp|vm|browser)\.sh$ ]] || fault "$file:1: not executable"
	done
	command -v shellcheck >/dev/null || return 0
	while read -r line; do
		fault "$line"
	done < <(shellcheck -x -P SCRIPTDIR --severity=warning -f gcc "${scripts[@]}" 2>&1)
}

# Every make target that the documents speak of is there.
check_targets() {
	local target
	while read -r target; do
		grep -qE "^([a-z ]* )?$target( [a-z ]*)?:" Makefile ||
			fault "README.md:1: \`make $target\` is not in the Makefile"
	done < <(grep -ohE '`make [a-z-]+' README.md CONTRIBUTING.md docs/*.md 2>/dev/null |
		cut -d ' ' -f 2 | sort -u)
}

# The operating guide says what to do about each reason.
check_reasons() {
	local reason
	while read -r reason; do
		grep -q "\`$reason\`" docs/operating.md ||
			fault "docs/operating.md:1: the reason \`$reason\` is not explained"
	done < <(sed -nE 's/^\tX\([A-Z0-9_]+, "([a-z0-9-]+)".*/\1/p' bpf/abi.h | grep -vx none)
}

mapfile -t c_sources < <(sources_like '*.c' '*.h')
mapfile -t scripts < <(sources_like '*.sh' .ci/run)
mapfile -t texts < <(sources_like '*.md' '*.yaml' '*.yml' Makefile)

check_format
check_licence
check_white_space
check_length
check_functions
check_scripts
[ ! -f Makefile ] || check_targets
[ ! -f bpf/abi.h ] || check_reasons

if [ $faults -gt 0 ]; then
	echo "check: $faults faults"
	exit 1
fi
echo "check: ${#c_sources[@]} C sources, ${#scripts[@]} scripts, ${#texts[@]} texts, no fault"
