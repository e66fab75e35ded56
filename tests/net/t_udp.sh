#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# UDP over IPv4 and IPv6 to a range of ports (one-arm): every datagram arrives, all of a flow at
# one backend.
. "$(dirname "$0")/../lib/net.sh"

flows=64
packets=$((flows * 32)) # udp_load sends bursts of 32

net_one_arm
{
	echo "services:"
	for family in 4 6; do
		cat <<-END
			  - name: dns$family
			    address: "$([ $family = 4 ] && echo $vip4 || echo $vip6)"
			    protocol: udp
			    ports: 5000-5010
			    announce: neighbor
			    backends:
		END
		for n in 1 2 3; do
			echo "      - {name: b$n, address: \"$([ $family = 4 ] && echo 10.0.0.1$n ||
				echo fd00::1$n)\"}"
		done
	done
} | weir_config eth0
weir_start
weir_wait_reachable

sink_pids=()
start_sinks() { # PORT
	sink_pids=()
	for n in 1 2 3; do
		start b$n "$udp_load" sink "$1" >"$dir/sink.b$n"
		sink_pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':$1 '"
	done
}

for vip in $vip4 $vip6; do
	start_sinks 5005
	expect "the load" on client "$udp_load" send $vip 5005 10 $flows $packets
	must_come 5 "a ledger with nothing held" \
		eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "${sink_pids[@]}"
	cat "$dir"/sink.b?
	expect_equal "datagrams to $vip" $packets "$(jq -s 'map(.packets) | add' "$dir"/sink.b?)"
	expect_equal "flows to $vip, each at one backend" $flows \
		"$(jq -s 'map(.flows) | add' "$dir"/sink.b?)"
	expect_equal "backends without a flow" 0 \
		"$(jq -s 'map(select(.flows == 0)) | length' "$dir"/sink.b?)"
done
