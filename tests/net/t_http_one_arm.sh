#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# HTTP over IPv4 and IPv6, in and out of one interface:
#
#   client -> switch -> eth0 weir eth0 -> switch -> b1|b2|b3 -> switch -> client
#
# Every request is answered, the backends share them as their weights say, and full-size frames of
# an upload pass.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
web_services 50 100 150 | weir_config eth0
weir_start
weir_wait_reachable

head -c 5000000 /dev/urandom >"$dir/upload"
for vip in $vip4 $vip6; do
	requests 300 $vip >"$dir/answers" || fail "requests to $vip"
	expect_equal "answers from $vip" 300 "$(wc -l <"$dir/answers")"
	expect_spread "$dir/answers" b1=50 b2=100 b3=150
	say "$vip: $(count_answers "$dir/answers")"
	expect "an upload to $vip" \
		on client curl -sf -m $((20 * net_patience)) -o /dev/null --data-binary "@$dir/upload" "$(url $vip)/"
done
must_come 5 "a balanced ledger" ledger_is_balanced
