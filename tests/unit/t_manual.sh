#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The manual pages have all commands, options, keys with their defaults, drop reasons, metrics and
# API operations that the program has, and no others; man renders them without a warning. The guides
# name files and metrics that are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

faults=0
for source in docs/man/*.scd; do
	page=$dir/$(basename "${source%.scd}")
	scdoc <"$source" >"$page"
	MANWIDTH=100 man --warnings -l "$page" >"$page.text" 2>"$page.warnings"
	if [ -s "$page.warnings" ] || [ ! -s "$page.text" ]; then
		cat "$page.warnings"
		echo "$source: man is not content"
		faults=1
	fi
done
tests/lib/manual.py "$build" docs/man || faults=1

# It sees what is missing, and what is too much.
cp -r docs/man "$dir/other"
sed -i 's/^\*no-backend\*$/*no-backends*/' "$dir/other/weir.8.scd"
sed -i 's/^\*captures\* (default: true)/*captures* (default: false)/' "$dir/other/weir.yaml.5.scd"
echo 'See `lb/nowhere.c`, `lb/snat.c`, `weir_nothing_total` and `weir_worker_burst_seconds_bucket`.' >"$dir/guide.md"
if seen=$(tests/lib/manual.py "$build" "$dir/other") || [ "$(grep -cE ': (no-backends?|captures .*): not in' <<<"$seen")" != 4 ] ||
	[ "$(grep -cE 'guide.md: (lb/nowhere.c|weir_nothing_total): not there' <<<"$seen")" != 2 ] ||
	[ "$(grep -c ': not there' <<<"$seen")" != 2 ]; then
	echo "of four planted faults it saw: $seen"
	faults=1
fi
exit $faults
