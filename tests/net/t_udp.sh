#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# UDP over IPv4 and IPv6 to a range of ports (one-arm): every datagram arrives, all of a flow at
# one backend.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/udp.sh"

flows=64
packets=$((flows * 32)) # udp_load sends bursts of 32

net_one_arm
udp_services | weir_config eth0
weir_start
weir_wait_reachable

for vip in $vip4 $vip6; do
	udp_sinks_start 5005
	expect "the load" on client "$udp_load" send $vip 5005 10 $flows $packets
	udp_sinks_expect $vip $packets $flows
done
