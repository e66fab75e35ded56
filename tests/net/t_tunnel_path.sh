#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A tunnel's way is narrower than Weir knows: the router that finds that out tells Weir, and Weir
# tells the clients. A backend that takes no tunnel packets says so, which Weir says in its log.
#
#                              1500                   1400
#     client --- eth0 weir eth1 ---- eth0 router eth1 ---- switch --- b1 b2 b3
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

net_routed
on router ip link set eth1 mtu 1400
net_set router ipv4.icmp_ratelimit=0 ipv6.icmp.ratelimit=0
for n in 1 2 3; do
	on b$n ip route replace default via 10.0.0.3 mtu 1400
	on b$n ip -6 route replace default via fd00::3 mtu 1400
done
nginx_start_backends
head -c 3000000 /dev/urandom >"$dir/upload"
for method in ipip gue; do
	for n in 1 2 3; do
		on b$n "$weir" backend up --vip "$forward_vips" --tunnel $method --from "10.0.2.2,fd02::2"
	done
	for families in 44 66 46 64; do
		weir_fast_path=$([ $families = 44 ] || [ $families = 46 ] && echo on || echo off)
		: >"$dir/weir.log"
		forward_services $method $families | weir_config eth0 eth1
		weir_start
		weir_wait_reachable
		expect "an upload" on client curl -sf -m 30 -o /dev/null --data-binary "@$dir/upload" \
			"$(url "$(forward_vip $families)")/"
		expect_match "the log" "narrower.*mtu=1400" "$(cat "$dir/weir.log")"
		must_come 5 "a balanced ledger" ledger_is_balanced
		say "$method $families: $(grep -o 'to=.*mtu=1400' "$dir/weir.log" | paste -sd ' ')"
		on client ip route flush cache
		on client ip -6 route flush cache
		weir_stop
	done
	for n in 1 2 3; do
		on b$n "$weir" backend down
	done
done

# nobody takes the headers off
: >"$dir/weir.log"
forward_services gue 44 | weir_config eth0 eth1
weir_start
weir_wait_reachable
on client curl -s -m 1 -o /dev/null "$(url $vip4)/" && fail "answered by nobody"
must_come 5 "what came back in the log" grep -q "came back.*port unreachable: is 'weir backend up'" \
	"$dir/weir.log"
