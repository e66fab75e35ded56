#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # variables are net.sh's
#
# A tunnel to where no way leads is named, by `weir show backends` and in the log, and its packets are
# counted as no-next-hop: no route, a blackhole, this host itself (a loop), an interface that Weir
# does not serve. When the way comes, packets go there.
#
#     client --- eth0 weir eth1 --- router --- switch --- b1 b2 b3
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

net_routed
net_link weir eth2 router eth2
net_address weir eth2 10.0.5.2/24 fd05::2/64
on weir ip route add blackhole 10.78.0.0/24
on weir ip -6 route add blackhole fd78::/64

# name, backend, what is said of it
faults='
noroute4 10.77.0.1 no route to 10.77.0.1
noroute6 fd77::1 no route to fd77::1
blackhole4 10.78.0.1 no way to 10.78.0.1: its route is of type blackhole
blackhole6 fd78::1 no way to fd78::1: its route is of type blackhole
loop4 10.0.2.2 10.0.2.2 is an address of this host
loop6 fd02::2 fd02::2 is an address of this host
elsewhere4 10.0.5.9 the route to 10.0.5.9 leaves by eth2, which is not in interfaces
elsewhere6 fd05::9 the route to fd05::9 leaves by eth2, which is not in interfaces
'

services() { # METHOD
	local name backend words port=8000
	echo "services:"
	while read -r name backend words; do
		[ -n "$name" ] || continue
		port=$((port + 1))
		echo "  - {name: $name, address: $vip4, protocol: tcp, ports: $port, forward: $1,"
		echo "     announce: neighbor, backends: [{name: b, address: \"$backend\"}]}"
	done <<<"$faults"
}

for method in ipip gue; do
	: >"$dir/weir.log"
	services $method | weir_config eth0 eth1
	weir_start
	port=8000 dropped=0
	while read -r name backend words; do
		[ -n "$name" ] || continue
		port=$((port + 1)) dropped=$((dropped + 1))
		expect_equal "what is shown of $method $name" "false $words" "$(weir_show backends |
			jq -r --arg s "$name" '.backends[] | select(.service == $s) | "\(.reachable) \(.reason)"')"
		on client curl -s -m 0.2 -o /dev/null "$(url $vip4 $port)/" && fail "an answer from nowhere"
		expect "that the drop by $method $name is counted" \
			[ "$(weir_drops no-next-hop)" -ge $dropped ]
	done <<<"$faults"
	must_come 5 "a balanced ledger" ledger_is_balanced
	on weir ip route add 10.77.0.0/24 via 10.0.2.3
	must_come 5 "a way, once it is there" eval \
		'weir_show backends | jq -e ".backends[] | select(.service == \"noroute4\").reachable"'
	on weir ip route del 10.77.0.0/24
	must_come 5 "that it is missed again in the log" \
		grep -q 'next hop lost.*address=10.77.0.1 why="no route to 10.77.0.1"' "$dir/weir.log"
	weir_stop
	say "$method: each way that is missing is named, and its packets counted"
done
