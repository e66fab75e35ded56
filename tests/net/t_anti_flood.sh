#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: what a flood takes from a client is compared with and without the policy
#
# A client's requests, each over a connection of its own, during a flood of SYNs from random addresses
# and of UDP from one, as fast as the kernel makes them: without a policy, and with that of
# configs/anti-flood.yaml. Both come to Weir by the same cable and queue.
#
#     client ---- upstream ---- eth0 weir eth1 ---- switch ---- b1 b2 b3
#             (the flood is here)
. "$(dirname "$0")/../lib/net.sh"

net_queues=1
net_switch switch
net_switch upstream
net_namespace client weir
net_plug client eth0 upstream
net_plug weir eth0 upstream
net_plug weir eth1 switch
net_two_arm_addresses
nginx_start_backends
mac=$(link_address weir eth0)
services() {
	web_services
	cat <<-END
		  - {name: dns, address: $vip4, protocol: udp, ports: 53, tracking: none,
		     backends: [{name: b1, address: 10.0.0.11}]}
	END
}
policy() { sed -n '/^policy:/,/^interfaces:/{/^interfaces:/!p}' "$net_root/configs/anti-flood.yaml"; }

flood() { # until it is stopped
	start upstream taskset -c "$(($(nproc) - 1))" "$build/tests/lib/flood" weir "$mac" $vip4 80 53 >"$dir/flood"
	flooder=$started
	local before
	before=$(received)
	must_come 60 "the flood" eval "[ \$(received) -gt $((before + 1000000)) ]"
}
received() { weir_show interfaces | jq '[.interfaces[].counters.rx_packets] | add'; }
served() { # COUNT requests, one after the other, in per cent
	local n good=0
	for ((n = 0; n < $1; n++)); do
		! on client curl -sf -m 2 -o /dev/null "$(url $vip4)/" || good=$((good + 1))
	done
	echo $((good * 100 / $1))
}

services | weir_config eth0 eth1
weir_start
weir_wait_reachable
expect_equal "requests answered without a flood, in per cent" 100 "$(served 20)"
flood
without=$(served 25)
net_stop "$flooder"
say "the flood: $(<"$dir/flood")"
say "requests answered in the flood, without a policy: $without %"

{ policy; services; } | weir_config eth0 eth1
expect "the policy of configs/anti-flood.yaml" weir_reload
flood
with=$(served 200)
net_stop "$flooder"
say "the flood: $(<"$dir/flood")"
say "requests answered in the flood, with configs/anti-flood.yaml: $with %"
weir_show policy | jq -r '.rules[] | "  \(.name): \(.packets) packets, \(.refused) refused"'
expect "at least 99 % with it" [ "$with" -ge 99 ]
[ "$(weir_drops syn-proof)" -gt 0 ] || fail "nobody had to prove anything"
must_come 10 "a balanced ledger" ledger_is_balanced
