#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is not for a service is not Weir's: connections to the host's own addresses, ping, other
# ports of a VIP and traffic that the host routes go through its kernel as without Weir (two-arm).
. "$(dirname "$0")/../lib/net.sh"

net_two_arm
nginx_start_backends
nginx_start weir 22
net_address weir lo $vip4/32
web_services | weir_config eth0 eth1

answer() { on client curl -sf -m 5 "$(url "$1" "${2:-80}")/"; }

look() {
	for address in 10.0.1.2 fd01::2 10.0.0.2 fd00::2; do
		expect_equal "TCP to weir's own address $address" weir "$(answer $address 22)"
		expect "ping to weir's own address $address" \
			on client ping -q -c 1 -W 2 $address
	done
	expect_equal "another port of a VIP" weir "$(answer $vip4 22)"
	expect_equal "routed IPv4" b1 "$(answer 10.0.0.11)"
	expect_equal "routed IPv6" b2 "$(answer fd00::12)"
	expect "a ping with fragments" on client ping -q -c 1 -W 2 -s 4000 10.0.1.2
}

say "without Weir"
on client ip route replace 10.0.0.0/24 via 10.0.1.2
on client ip -6 route replace fd00::/64 via fd01::2
on client ip neighbour replace $vip4 lladdr "$(link_address weir eth0)" dev eth0
look
say "with Weir"
weir_start
weir_wait_reachable
look
expect_equal "drops" 0 "$(weir_show drops | jq '[.reasons[].total] | add')"
# With the VIP on this host its kernel would not forward answers from the VIP to the client.
on weir ip address del $vip4/32 dev lo
expect_match "who answers the service's port" '^b[123]$' "$(answer $vip4)"
