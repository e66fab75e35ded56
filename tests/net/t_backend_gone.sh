#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What becomes of flows in the table when their backend changes (one-arm, fast path on): those of a
# draining one stay and go on, those of one that is down or removed leave the table within a sweep.
. "$(dirname "$0")/../lib/net.sh"

sweep=7 # seconds: one sweep takes 5, it may just have passed

net_one_arm
nginx_start_backends
weir_fast_path=on
web_services | weir_config eth0
weir_start
weir_wait_reachable
cp "$dir/weir.yaml" "$dir/all.yaml"

flows_of() { weir_show flows | jq --arg b "$1" '[.flows[] | select(.backend == $b)] | length'; }
has_no_flows() { [ "$(flows_of "$1")" -eq 0 ]; }
change() { # BACKEND STATE
	sed "s/\(name: $1, .*\)}/\1, state: $2}/" "$dir/all.yaml" >"$dir/weir.yaml"
	expect "the reload" weir_reload
}

requests 300 $vip4 >"$dir/answers" || fail "requests"
for b in b1 b2 b3; do
	expect "flows of $b" [ "$(flows_of $b)" -gt 0 ]
done

say "b1 drains"
before=$(flows_of b1)
change b1 drain
requests 100 $vip4 >"$dir/answers" || fail "requests while b1 drains"
expect_spread "$dir/answers" b2=100 b3=100
must_come $sweep "a whole sweep" eval '[ $SECONDS -ge '$((SECONDS + 6))' ]'
expect_equal "flows of the draining b1" "$before" "$(flows_of b1)"

say "b2 goes down"
change b2 down
began=${EPOCHREALTIME/./}
must_come $sweep "no flows of b2" has_no_flows b2
say "its flows were gone after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"

say "b3 is removed"
grep -v 'name: b3' "$dir/all.yaml" >"$dir/weir.yaml"
expect "the reload" weir_reload
began=${EPOCHREALTIME/./}
no_flows_but_of_b1_and_b2() {
	[ "$(weir_show flows | jq '[.flows[] | select(.backend != "b1" and .backend != "b2")] | length')" -eq 0 ]
}
must_come $sweep "no flows of b3" no_flows_but_of_b1_and_b2
say "its flows were gone after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
requests 100 $vip4 >"$dir/answers" || fail "requests after the removal"
expect_spread "$dir/answers" b1=100 b2=100
must_come 5 "a balanced ledger" ledger_is_balanced
