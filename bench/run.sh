#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make bench`: runs all of weir-bench's measurements, one after the other, and makes one report of them in
# BUILD/bench: report.html, report.md, report.csv, report.json. What each part prints is beside it. A part that
# fails does not end the rest: the report lacks it, and the exit status says so.
#
# usage: run.sh BUILD [quick]     as root; quick: fewer trials
set -uo pipefail

build=$(realpath "$1")
quick=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
out=$build/bench
bench=$build/weir-bench
trials=${quick:+2} trials=${trials:-3}
rounds=${quick:+1} rounds=${rounds:-2}
flood=${quick:+3} flood=${flood:-10}

# A line a part: its name, the seconds that it takes, the command.
parts="
micro	$((20 * rounds))	$bench micro --trials $rounds --json $out/micro.json
engines	$((32 * trials))	$bench engines --trials $trials --seconds 0.5 --json $out/engines.json
net	$((120 * trials + flood))	$bench net --trials $trials --flood $flood --json $out/net.json
peers	$((80 * rounds))	$bench peers --trials $rounds --json $out/peers.json
path	75	$here/path.sh $build $out
control	75	$here/control.sh $build $out
exchange	90	$here/exchange.sh $build
reload	20	$bench reload --trials $trials --json $out/reload.json
"
reports="micro net peers ndr latency engines api checks reload"

in_minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# seconds_of FIRST-LINE: what the parts from there on are said to take
seconds_of() { tail -n "+$1" <<<"$parts" | awk -F '\t' '{ sum += $2 } END { print sum + 0 }'; }

trap 'echo "bench: interrupted" >&2; exit 130' INT TERM # what runs has had the signal, too
mkdir -p "$out"
rm -f "$out"/*.json "$out"/report.*
"$here/../tests/lib/deps.sh" dpdk-dev c:dpdk-testpmd >&2 ||
	echo "bench: without testpmd, beside which the workers are measured" >&2
parts=$(sed '/^$/d' <<<"$parts")
count=$(wc -l <<<"$parts") number=0 failed=""
echo "bench: load $(cut -d ' ' -f 1-3 /proc/loadavg); about $(in_minutes "$(seconds_of 1)") to go" >&2
SECONDS=0
while IFS=$'\t' read -r name seconds command; do
	number=$((number + 1))
	echo "bench: [$number/$count] $name; $(in_minutes $SECONDS) since the start, about" \
		"$(in_minutes "$(seconds_of $number)") to go" >&2
	# shellcheck disable=SC2086 # words
	timeout --foreground --kill-after=20 $((3 * seconds + 60)) $command >"$out/$name.txt" </dev/null || {
		failed="$failed $name"
		echo "bench: $name failed: $(tail -n 1 "$out/$name.txt")" >&2
	}
done <<<"$parts"

files=()
for name in $reports; do
	[ ! -s "$out/$name.json" ] || files+=("$out/$name.json")
done
"$bench" report --quiet "${files[@]}" --json "$out/report.json" --html "$out/report.html" \
	--markdown "$out/report.md" --csv "$out/report.csv" || failed="$failed report"
echo "bench: $out/report.html, after $(in_minutes $SECONDS)${failed:+; FAILED:$failed}" >&2
[ -z "$failed" ]
