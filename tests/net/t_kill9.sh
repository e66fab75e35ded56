#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kill -9 of the daemon: packets for VIPs fall to the kernel of weir's host; the next start takes
# over without any cleaning (one-arm). The kernel there has the VIPs and a server too, so it can be
# seen who answers.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
nginx_start weir
net_address weir lo $vip4/32 $vip6/128
on weir ip route add 203.0.113.1/32 dev eth0
on weir ip -6 route add 2001:db8::1/128 dev eth0
web_services | weir_config eth0

answered_by_backends() { # VIP
	[[ "$(on client curl -sf -m $((1 + net_patience)) "$(url "$1")/")" == b[123] ]]
}
answered_by_kernel() { [ "$(on client curl -sf -m $((1 + net_patience)) "$(url "$1")/")" = weir ]; }

for turn in first second; do
	weir_start
	weir_wait_reachable
	for vip in $vip4 $vip6; do
		must_come 10 "the backends' answer for $vip, $turn start" answered_by_backends $vip
	done
	kill -KILL "$weir_pid"
	wait "$weir_pid" 2>/dev/null || true
	for vip in $vip4 $vip6; do
		must_come 10 "the kernel's answer for $vip after kill -9" answered_by_kernel $vip
	done
done

weir_start
weir_wait_reachable
requests 100 $vip4 >"$dir/answers" || fail "requests after the last start"
expect_spread "$dir/answers" b1=100 b2=100 b3=100
weir_stop
expect_equal "XDP programs on eth0 after the end" null "$(on weir ip -j link show eth0 | jq '.[0].xdp')"
