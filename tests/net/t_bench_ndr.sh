#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: it searches for a rate
#
# `weir-bench ndr` and `latency` over the demo's network (one-arm) through a balancer that runs: the
# search ends and its trials are listed; `report` makes a page of them, which Chromium shows with its
# plots, axes and figures. Keeps a picture of it in BUILD/tests/bench-report.png.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/browser.sh"

bench=$build/weir-bench
out=$dir/bench
mkdir "$out"

browser_need
net_one_arm
{
	echo "services:"
	echo "  - {name: load, address: $vip4, protocol: udp, ports: 5000, announce: neighbor, backends: ["
	echo "     {name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}, {name: b3, address: 10.0.0.13}]}"
} | weir_config eth0
weir_start
must_come 10 "reachable backends" backends_are_reachable

path="--from $net_prefix-client:eth0 --to $net_prefix-b1:eth0,$net_prefix-b2:eth0,$net_prefix-b3:eth0
	--destination $vip4:5000 --flows 60"

say "ndr"
# shellcheck disable=SC2086 # words
"$bench" ndr $path --trial 0.2 --sum 0.6 --width 20 --settle 0.05 --warm-up 0.5 --loss 0,50 \
	--max 20kpps --json "$out/ndr.json" >"$dir/ndr.out" 2>"$dir/ndr.log" ||
	fail "ndr: $(tail -n 1 "$dir/ndr.log")"
tail -n 3 "$dir/ndr.log"
expect_match "progress, with the time left" "trial [0-9]+: .* Mpps .* lost .* about [0-9]+ s left" \
	"$(cat "$dir/ndr.log")"
expect_equal "goals" 2 "$(jq '.tables[] | select(.name == "ndr").rows | length' "$out/ndr.json")"
trials=$(jq '.tables[] | select(.name == "trials").rows | length' "$out/ndr.json")
expect_equal "trials that are listed" "$(grep -c '^trial' "$dir/ndr.log")" "$trials"
expect "all backends got some" eval 'weir_show backends | jq -e "all(.backends[]; .packets > 0)"'

say "rfc2544"
# shellcheck disable=SC2086 # words
"$bench" ndr $path --method rfc2544 --trial 0.1 --width 30 --settle 0 --warm-up 0.2 --max 5kpps \
	--json "$out/rfc2544.json" >"$dir/rfc.out" 2>"$dir/rfc.log" || fail "rfc2544: $(tail -n 1 "$dir/rfc.log")"
expect "steps of the frame loss rate" \
	jq -e '.tables[] | select(.name == "frame_loss").rows | length >= 2' "$out/rfc2544.json"

say "latency"
# shellcheck disable=SC2086 # words
"$bench" latency $path --loads 200pps,1kpps,2kpps --seconds 0.5 --settle 0.1 --json "$out/latency.json" \
	>"$dir/latency.out" || fail "latency"
expect "quantiles in order" jq -e '.tables[0].rows | length == 3 and
	all(.[]; .p50_us > 0 and .p50_us <= .p99_us and .p99_us <= .max_us)' "$out/latency.json"

say "one page"
"$bench" report --quiet "$out"/*.json --html "$out/report.html" --markdown "$out/report.md" \
	--csv "$out/report.csv" --json "$out/all.json" || fail "report"
expect_equal "the reports in one JSON file" 3 "$(jq length "$out/all.json")"
expect "a line a figure in CSV" [ "$(wc -l <"$out/report.csv")" -gt "$trials" ]
expect_match "Markdown" "\| 60 \| 0 \|" "$(cat "$out/report.md")"
"$bench" compare "$out/all.json" "$out/all.json" >"$dir/compare.out" || fail "compare"
expect_match "a report compared with itself" "1.000" "$(grep throughput "$dir/compare.out")"

is() { [ "$(browser_run "return Boolean($1)")" = true ]; }
browser_start client
browser_look 1280 light
browser_go "file://$out/report.html"
must_come 10 "three sections" is "document.querySelectorAll('section').length === 3"
expect "plots" is "document.querySelectorAll('figure svg').length >= 4"
expect "that are seen" is "[...document.querySelectorAll('figure svg')].every(s => {
	const box = s.getBoundingClientRect(); return box.width > 300 && box.height > 150})"
text="document.getElementById('latency').textContent"
expect "axes with units" is "/latency, us/.test($text) && /load, packets a second/.test($text)"
expect "the loss curve's axes" is "/load, Mpps/.test(document.getElementById('ndr').textContent)"
expect "the machine" is "/mitigations/.test($text) && /governor/.test($text) && /driver/.test($text)"
figure=$(jq -r '.tables[0].rows[0].p50_us * 10 | round / 10' "$out/latency.json")
expect "the run's own data" is "$text.includes('$figure')"
expect "nothing from elsewhere" is "!/(src|href)=[\"']?(https?:)?\/\//.test(document.documentElement.outerHTML.replace(/xmlns[^ >]*|#gp[A-Za-z]*/g, ''))"
mkdir -p "$build/tests"
browser_shot "$build/tests/bench-report.png"
expect "a picture" [ -s "$build/tests/bench-report.png" ]
browser_stop
weir_stop
