#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An interface with four queues: all are served, and no packet of a flow takes a way around Weir,
# whichever queue it comes in by (two-arm).
. "$(dirname "$0")/../lib/net.sh"

flows=64
packets=$((flows * 32)) # udp_load sends bursts of 32

net_queues=4
net_two_arm
nginx_start_backends
{
	web_services
	cat <<-END
		  - name: load
		    address: $vip4
		    protocol: udp
		    ports: 5000
		    announce: neighbor
		    backends: [{name: b1, address: 10.0.0.11}]
	END
} | weir_config eth0 eth1
weir_start
weir_wait_reachable
expect_equal "queues served" 4 \
	"$(weir_show interfaces | jq '.interfaces[] | select(.name == "eth0").queues')"

start b1 "$udp_load" sink 5000 >"$dir/sink"
sink_pid=$started
must_come 5 "the sink" eval "on b1 ss -Hlun | grep -q ':5000 '"
expect "the load" on client "$udp_load" send $vip4 5000 10 $flows $packets
must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
net_stop "$sink_pid"
cat "$dir/sink"
expect_equal "datagrams" $packets "$(jq .packets "$dir/sink")"
expect_equal "flows" $flows "$(jq .flows "$dir/sink")"

for queue in 0 1 2 3; do
	seen=$(on weir ethtool -S eth0 | awk -v key="rx_queue_${queue}_xdp_packets:" '$1 == key {print $2}')
	say "queue $queue: $seen packets"
	expect "packets on queue $queue" [ "${seen:-0}" -gt 0 ]
done

requests 300 $vip4 >"$dir/answers" || fail "requests"
expect_spread "$dir/answers" b1=100 b2=100 b3=100
