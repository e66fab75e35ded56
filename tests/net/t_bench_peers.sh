#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir-bench peers`: Weir beside nftables and HAProxy in a network that it makes itself; each has
# answered requests, and the table says in words which of Weir's ways are ahead of whom. Nothing of it is
# left behind.
. "$(dirname "$0")/../lib/net.sh"

bench=$build/weir-bench
json=$dir/peers.json

say "Weir by dsr, nftables, HAProxy"
# In a session of its own, whose number is its process's.
setsid "$bench" peers --only dsr,nftables,haproxy --trials 1 --seconds 1 --weir "$weir" --json "$json" \
	>"$dir/peers.out" 2>"$dir/peers.log" &
session=$!
wait $session || fail "peers: $(tail -n 1 "$dir/peers.log")"
expect_match "how long it will take" "this takes about [0-9]+ s" "$(cat "$dir/peers.log")"
rows() { jq -c "[.tables[0].rows[] | $1]" "$json"; }
expect_equal "the ways" \
	'["Weir dsr, fast path","Weir dsr, workers","nftables DNAT","HAProxy, TCP mode"]' "$(rows .way)"
expect_equal "not measured" "" \
	"$(jq -r '.tables[0].notes[] | select(test("not measured") and (test("IPVS") | not))' "$json")"
expect_equal "requests were answered, and none failed" "[true,true,true,true]" \
	"$(rows '.keep.median > 0 and .each.median > 0 and .keep_p50 <= .keep_p99')"
expect_equal "failed requests" "" "$(jq -r '.tables[0].notes[] | select(test("requests failed"))' "$json")"
expect_equal "UDP, where it is balanced" "[true,true,true,false]" "$(rows '.udp.median > 0')"

say "in words"
verdict() { jq -r --arg of "$1, Weir beside $2" '.tables[0].notes[] | select(startswith($of))' "$json"; }
for figure in "requests, kept open" "requests, one a connection"; do
	for peer in "nftables DNAT" "HAProxy, TCP mode"; do
		words=$(verdict "$figure" "$peer")
		expect_match "$figure, $peer" "ahead: .*; within the spread: .*; behind: " "$words"
		for way in "fast path" workers; do
			expect_equal "$figure, $peer: dsr, $way has one place" 1 "$(grep -o "dsr, $way" <<<"$words" | wc -l)"
		done
	done
done
# What the words say is what the figures say.
ratio=$(jq -r '[.tables[0].rows[].udp.median // 0] | .[0] / .[2] * 100 | round / 100' "$json")
place=$(jq -r '[.tables[0].rows[].udp.median // 0] |
	if .[0] > .[2] then "ahead" elif .[0] < .[2] then "behind" else "within the spread" end' "$json")
expect_match "UDP, the fast path beside nftables" "$place: [^;]*dsr, fast path \($(printf %.2f "$ratio")\)" \
	"$(verdict UDP "nftables DNAT")"

say "nothing is left"
expect_equal "pins" "" "$(find /sys/fs/bpf/weir -maxdepth 1 -name "weir-peers-$session")"
expect_equal "processes" "" "$(pgrep -s $session || true)"

say "bad input"
status=0
"$bench" peers --only nobody >"$dir/refused.out" 2>"$dir/refused" || status=$?
expect_equal "a way that is not there" 2 $status
expect_match "a way that is not there" "no way has such a name" "$(cat "$dir/refused")"
status=0
"$bench" peers --only dsr --weir /nonexistent >"$dir/refused.out" 2>"$dir/refused" || status=$?
expect_equal "no program to measure" 1 $status
expect_match "no program to measure" "no program to measure at /nonexistent" "$(cat "$dir/refused")"
