#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir-bench api` against a daemon that runs (one-arm): scrapes, calls at a rate, reloads and health
# checks are measured, with the CPU time of the daemon's control thread, and the configuration is as before.
. "$(dirname "$0")/../lib/net.sh"

bench=$build/weir-bench
json=$dir/api.json

net_one_arm
nginx_start_backends
{
	echo "services:"
	echo "  - {name: web, address: $vip4, protocol: tcp, ports: 80, health: {type: tcp, interval: 100ms, timeout: 100ms},"
	echo "     backends: [{name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}]}"
} | weir_config eth0
weir_start
cp "$dir/weir.yaml" "$dir/before"
cp "$dir/weir.yaml" "$dir/nothing.yaml"
sed 's/name: b1, /name: b1, weight: 7, /' "$dir/weir.yaml" >"$dir/one weight.yaml"

say "all parts"
"$bench" api -s "$socket" --only scrapes,calls,reloads,checks --trials 2 --rate 200 --seconds 2 \
	--config "$dir/weir.yaml" --changed "$dir/nothing.yaml,$dir/one weight.yaml" --json "$json" \
	>"$dir/api.out" 2>"$dir/api.log" || fail "api: $(tail -n 1 "$dir/api.log")"
row() { jq -c ".tables[] | select(.name == \"$1\").rows[0]" "$json"; }
expect "a scrape" jq -e '.ms.median > 0 and .mb > 0' <<<"$(row scrape)"
expect "calls" jq -e '.rate > 0 and .failed == 0 and .drops == 0 and .cpu_us > 0 and .median_us <= .most_us' \
	<<<"$(row calls)"
expect_equal "reloads" '["nothing","one weight"]' \
	"$(jq -c '[.tables[] | select(.name == "reload").rows[].step]' "$json")"
expect_equal "trials of each" '[2,2]' \
	"$(jq -c '[.tables[] | select(.name == "reload").rows[].ms.trials | length]' "$json")"
expect_equal "generations since" 9 "$(weir_show status | jq .generation)"
expect "health checks" jq -e '.rate > 0' <<<"$(row checks)"
expect "the configuration is as before" cmp "$dir/before" "$dir/weir.yaml"
expect_equal "the weight, too" 1 "$(weir_show backends | jq '[.backends[].weight] | unique | length')"

say "bad input"
refused() { # STATUS PATTERN ARGUMENT...
	local wanted=$1 pattern=$2 status=0
	shift 2
	"$bench" api "$@" >"$dir/refused.out" 2>"$dir/refused" || status=$?
	expect_equal "exit status of: $*" "$wanted" "$status"
	expect_match "$*" "$pattern" "$(head -n 1 "$dir/refused")"
}
refused 1 "no daemon answers" -s "$dir/nothing"
refused 2 "some of scrapes, calls, reloads, checks" -s "$socket" --only all
refused 2 "need --config and --changed" -s "$socket" --only reloads
refused 1 "can't read .*/missing.yaml" -s "$socket" --only reloads --config "$dir/weir.yaml" --changed "$dir/missing.yaml"
expect "the configuration is as before" cmp "$dir/before" "$dir/weir.yaml"
weir_stop
