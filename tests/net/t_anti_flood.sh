#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client's requests during a flood of SYNs from random addresses and of UDP from one, as fast as
# one thread sends them, with the policy of configs/anti-flood.yaml, and without it. The flood ends
# when the requests do.
. "$(dirname "$0")/../lib/net.sh"

count=200
net_one_arm
net_namespace attacker
net_plug attacker eth0 switch
net_address attacker eth0 10.0.0.66/24
on attacker ip route add 203.0.113.0/24 dev eth0
nginx_start_backends
services() {
	web_services
	cat <<-END
		  - {name: dns, address: $vip4, protocol: udp, ports: 53,
		     backends: [{name: b1, address: 10.0.0.11}]}
	END
}
policy() { sed -n '/^policy:/,/^interfaces:/{/^interfaces:/!p}' "$net_root/configs/anti-flood.yaml"; }

flood() { # of SYNs from random addresses, and UDP from one, until killed
	start attacker "$build/tests/lib/flood" eth0 $vip4 80 53
	flooder=$started
}
served() { # of $count requests, one after the other, in per cent
	local n good=0
	for ((n = 0; n < count; n++)); do
		! on client curl -sf -m 2 -o /dev/null "$(url $vip4)/" || good=$((good + 1))
	done
	echo $((good * 100 / count))
}

services | weir_config eth0
weir_start
weir_wait_reachable
flood
say "requests answered in the flood, without a policy: $(served) %"
net_stop "$flooder"

{ policy; services; } | weir_config eth0
expect "the policy of configs/anti-flood.yaml" weir_reload
flood
with=$(served)
net_stop "$flooder"
say "requests answered in the flood, with configs/anti-flood.yaml: $with %"
weir_show policy | jq -r '.rules[] | "  \(.name): \(.packets) packets, \(.refused) refused"'
expect "at least 99 % with it" [ "$with" -ge 99 ]
