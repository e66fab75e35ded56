#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts the figures of a run of `make bench` into docs/benchmarks.md, between the lines that name a table
# (<!-- BENCHMARK.TABLE -->; machine; wanted, by wanted.jq) and the next <!-- end -->, and its raw figures into
# docs/benchmarks.json. What is said about them there is for people to write. <!-- vm.peers --> is of t_peers in a virtual
# machine (make test-vm). What has not been run stays as it is.
#
# usage: docs.sh [BUILD]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
run=$build/bench/report.json
vm=$build/vm/logs/newest/peers.json
page=$root/docs/benchmarks.md
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# table BENCHMARK NAME [RUN]: its Markdown, with its notes; nothing where the run has none
table() {
	jq --arg of "$1" --arg name "$2" '
		[.[] | select(.benchmark == $of and any(.tables[]; .name == $name)) |
		 .tables |= map(select(.name == $name))]' "${3:-$run}" >"$work/one.json"
	[ "$(jq length "$work/one.json")" != 0 ] || return 0
	"$build/weir-bench" report --quiet --markdown "$work/one.md" "$work/one.json"
	sed -n '/^|/,$p' "$work/one.md"
}

# What was measured when, on what, and what else the machine did: load at the beginning of each part.
machine() {
	jq -r '.[0] | "\(.time | split("T")[0]), \(.machine.cpu), Linux \(.machine.kernel)."' "$run"
	jq -r '[.[] | "\(.benchmark) \(.machine.load * 10 | round / 10)"] | "Load when each part began: " + join(", ") + "."' "$run"
}

# Of t_peers on the newest kernel; the figures are those of an emulated CPU.
virtual_machine() { # NAME
	jq -s . "$vm" >"$work/vm.json"
	jq -r '.[0] | "\(.time | split("T")[0]), \(.machine.cpu), Linux \(.machine.kernel): " + .facts[1] + "."' \
		"$work/vm.json"
	echo
	table peers "$1" "$work/vm.json"
}

of_run() { # KIND NAME
	case $1 in
	machine) machine ;;
	wanted) jq -r -f "$root/bench/wanted.jq" "$run" ;;
	*) table "$1" "$2" ;;
	esac
}

# What the page has up to the next end.
old_lines() {
	while IFS= read -r line && [ "$line" != "<!-- end -->" ]; do
		echo "$line"
	done
}

while IFS= read -r line; do
	if [[ $line =~ ^"<!-- "([a-z]+)(\.([a-z_]+))?" -->"$ && ${BASH_REMATCH[1]} != end ]]; then
		echo "$line"
		kind=${BASH_REMATCH[1]} name=${BASH_REMATCH[3]}
		case $kind in
		vm) [ ! -s "$vm" ] || virtual_machine "$name" ;;
		*) [ ! -s "$run" ] || of_run "$kind" "$name" ;;
		esac
		[ -s "$([ "$kind" = vm ] && echo "$vm" || echo "$run")" ] || old_lines
		while [ "$line" != "<!-- end -->" ] && IFS= read -r line; do :; done
	fi
	echo "$line"
done <"$page" >"$work/page.md"
[ ! -s "$run" ] || cp "$run" "$root/docs/benchmarks.json"
cp "$work/page.md" "$page"
