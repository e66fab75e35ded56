#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `syn_protection: cookies`, by dsr and by nat: in a flood of SYNs from addresses that are nobody's, no
# more flows are half open than the service's limit says, and a real client gets all its answers. A
# service without it has thousands. When the flood is over nobody is asked any more.
#
#   client ---- eth0 weir eth1 ---- switch ---- b1 b2 b3
. "$(dirname "$0")/../lib/net.sh"

limit=50 translated=203.0.113.11 bare=203.0.113.12

net_two_arm
for n in 1 2 3; do
	net_vip b$n $bare
	nginx_start b$n
	on b$n ip route add blackhole 198.18.0.0/15 # what answers the flood goes nowhere
done
mac=$(link_address weir eth0)
service() { # NAME ADDRESS MORE
	echo "  - {name: $1, address: $2, protocol: tcp, ports: 80, announce: neighbor, $3"
	echo "     backends: [{name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}, {name: b3, address: 10.0.0.13}]}"
}
{
	echo "nat: {addresses: [10.0.0.200]}"
	echo "services:"
	service direct $vip4 "syn_protection: cookies, half_open_limit: $limit,"
	service translated $translated "forward: nat, syn_protection: cookies, half_open_limit: $limit,"
	service bare $bare ""
} | weir_config eth0 eth1
weir_start
weir_wait_reachable

flood() { # VIP: until it is stopped
	start client python3 "$net_root/tests/lib/syn_flood.py" eth0 "$mac" "$1" 80 4000 60 >/dev/null
	flooder=$started
}
half_open() { # SERVICE: flows that have had a SYN and nothing else
	weir_show flows | jq --arg service "$1" '[.flows[] | select(.service == $service and .state == "handshake")] | length'
}
asked() { # SERVICE: how many SYNs were answered by a cookie
	weir_show policy | jq --arg name "$1/syn-protection" '.rules[] | select(.name == $name).refused'
}
served() { # ADDRESS: of ten requests, each over a connection of its own
	local n good=0
	for ((n = 0; n < 10; n++)); do
		! on client curl -sf -m 20 -o /dev/null "$(url "$1")/" || good=$((good + 1))
	done
	echo $good
}

for service in "direct $vip4" "translated $translated"; do
	read -r name address <<<"$service"
	expect_equal "$name: requests answered without a flood" 10 "$(served "$address")"
	expect_equal "$name: nobody was asked" 0 "$(asked "$name")"
	flood "$address"
	must_come 20 "$name: the flood is asked" eval "[ \$(asked $name) -gt 5000 ]"
	expect_equal "$name: requests answered in the flood" 10 "$(served "$address")"
	count=$(half_open "$name")
	# Those of the time before, which the table still has, and as many that came since.
	[ "$count" -gt 0 ] && [ "$count" -le $((3 * limit)) ] || fail "$name: $count flows are half open, limit $limit"
	say "$name: $(asked "$name") SYNs were asked, $count flows are half open"
	net_stop "$flooder"
done
[ "$(weir_drops syn-proof)" -gt 0 ] || fail "the client has proven nothing"

flood $bare
must_come 20 "without it, more than ten times as many are half open" eval "[ \$(half_open bare) -gt $((30 * limit)) ]"
net_stop "$flooder"
must_come 10 "a balanced ledger" ledger_is_balanced
