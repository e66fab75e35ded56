#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts the figures of a run of `make bench` into docs/benchmarks.md, between the lines that name a table
# (<!-- BENCHMARK.TABLE -->; machine; wanted, by wanted.jq) and the next <!-- end -->, and its raw figures into
# docs/benchmarks.json. What is said about them there is for people to write.
#
# usage: docs.sh [BUILD]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
run=$build/bench/report.json
page=$root/docs/benchmarks.md
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# table BENCHMARK NAME: its Markdown, with its notes; nothing where the run has none
table() {
	jq --arg of "$1" --arg name "$2" '
		[.[] | select(.benchmark == $of and any(.tables[]; .name == $name)) |
		 .tables |= map(select(.name == $name))]' "$run" >"$work/one.json"
	[ "$(jq length "$work/one.json")" != 0 ] || return 0
	"$build/weir-bench" report --quiet --markdown "$work/one.md" "$work/one.json"
	sed -n '/^|/,$p' "$work/one.md"
}

# What was measured when, on what, and what else the machine did: load at the beginning of each part.
machine() {
	jq -r '.[0] | "\(.time | split("T")[0]), \(.machine.cpu), Linux \(.machine.kernel)."' "$run"
	jq -r '[.[] | "\(.benchmark) \(.machine.load * 10 | round / 10)"] | "Load when each part began: " + join(", ") + "."' "$run"
}

while IFS= read -r line; do
	if [[ $line =~ ^"<!-- "([a-z]+)(\.([a-z_]+))?" -->"$ && ${BASH_REMATCH[1]} != end ]]; then
		echo "$line"
		case ${BASH_REMATCH[1]} in
		machine) machine ;;
		wanted) jq -r -f "$root/bench/wanted.jq" "$run" ;;
		*) table "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" ;;
		esac
		while IFS= read -r line && [ "$line" != "<!-- end -->" ]; do :; done
	fi
	echo "$line"
done <"$page" >"$work/page.md"
cp "$run" "$root/docs/benchmarks.json"
cp "$work/page.md" "$page"
