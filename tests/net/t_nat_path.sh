#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Path MTU discovery through nat, over both families and between them, with the fast path and without.
# Both ends have wide links; routers in front of Weir and behind it have narrow ones, and tell the VIP
# and the SNAT address: Weir tells the backend and the client, in their own words.
#
#            1500      1300               1500               1500      1400
#     client ---- front ---- eth0 weir eth1 ---- eth0 back ---------- b1
#     10.0.9.0/24       10.0.1.0/24        10.0.2.0/24        10.0.3.0/24
#
# The narrow ways are from front to the client, and from back to b1: so uploads are told by back, and
# downloads by front.
. "$(dirname "$0")/../lib/net.sh"

families_all="44 66 46 64"
net_namespace client front weir back b1
net_link client eth0 front eth0
net_link front eth1 weir eth0
net_link weir eth1 back eth0
net_link back eth1 b1 eth0
net_address client eth0 10.0.9.1/24 fd09::1/64
net_address front eth0 10.0.9.2/24 fd09::2/64
net_address front eth1 10.0.1.3/24 fd01::3/64 203.0.113.1/24 2001:db8::1/64
net_address weir eth0 10.0.1.2/24 fd01::2/64
net_address weir eth1 10.0.2.2/24 fd02::2/64
net_address back eth0 10.0.2.3/24 fd02::3/64
net_address back eth1 10.0.3.3/24 fd03::3/64
net_address b1 eth0 10.0.3.11/24 fd03::11/64
narrow() { # ROUTER INTERFACE MTU NETWORK...: one way only, by the routes
	local router=$1 interface=$2 mtu=$3 network
	shift 3
	for network; do
		on "$router" ip route del "$network" dev "$interface"
		on "$router" ip route add "$network" dev "$interface" mtu lock "$mtu"
	done
}
narrow front eth0 1300 10.0.9.0/24 fd09::/64
narrow back eth1 1400 10.0.3.0/24 fd03::/64
for router in front back; do
	net_set $router ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 ipv4.icmp_ratelimit=0 \
		ipv6.icmp.ratelimit=0
done
on client ip route add default via 10.0.9.2
on client ip -6 route add default via fd09::2
on weir ip route add 10.0.3.0/24 via 10.0.2.3
on weir ip -6 route add fd03::/64 via fd02::3
on b1 ip route add default via 10.0.3.3
on b1 ip -6 route add default via fd03::3
nginx_start b1
head -c 3000000 /dev/urandom >"$dir/files/three"

web() { # FAMILIES
	local vip backend
	vip=$([[ $1 = 4? ]] && echo $vip4 || echo $vip6)
	backend=$([[ $1 = ?4 ]] && echo 10.0.3.11 || echo fd03::11)
	cat <<-END
		nat: {addresses: [10.0.2.200, "fd02::200"]}
		services:
		  - {name: web, address: "$vip", protocol: tcp, ports: 80, forward: nat, announce: neighbor,
		     mss_clamp: ${2:-none}, backends: [{name: b1, address: "$backend"}]}
	END
}

# told NAMESPACE: how often it was told of a narrow way, by both families
told() {
	on "$1" awk '
		$1 == "Icmp:" && !column { for (i = 2; i <= NF; i++) if ($i == "InDestUnreachs") column = i; next }
		$1 == "Icmp:" { sum += $column }
		$1 == "Icmp6InPktTooBigs" { sum += $2 }
		END { print sum }' /proc/net/snmp /proc/net/snmp6
}

forget_paths() {
	local name
	for name in client b1; do
		on $name ip route flush cache
		on $name ip -6 route flush cache
	done
}

# Each forgets first what it knows of the way, and would tell the other at once.
both_ways() { # VIP
	forget_paths
	expect "an upload" on client curl -sf -m 30 -o /dev/null --data-binary "@$dir/files/three" \
		"$(url "$1")/"
	forget_paths
	expect "a download" on client curl -sf -m 30 -o "$dir/got" "$(url "$1")/fast/three"
	expect "what was downloaded" cmp "$dir/files/three" "$dir/got"
}

for weir_fast_path in on off; do
	for families in $families_all; do
		vip=$([[ $families = 4? ]] && echo $vip4 || echo $vip6)
		web $families | weir_config eth0 eth1
		weir_start
		weir_wait_reachable
		client=$(told client) b1=$(told b1)
		both_ways $vip
		expect "that the client was told ($families)" [ "$(told client)" -gt "$client" ]
		expect "that b1 was told ($families)" [ "$(told b1)" -gt "$b1" ]
		must_come 5 "a balanced ledger" ledger_is_balanced
		weir_stop
		say "$families, fast path $weir_fast_path: both were told, and all came over"
	done
done

# With segments short enough from the start nobody has to be told. (Each end could know better.)
for families in $families_all; do
	web $families 1200 | weir_config eth0 eth1
	weir_start
	weir_wait_reachable
	vip=$([[ $families = 4? ]] && echo $vip4 || echo $vip6)
	client=$(told client) b1=$(told b1)
	both_ways $vip
	expect_equal "errors that the client got ($families)" "$client" "$(told client)"
	expect_equal "errors that b1 got ($families)" "$b1" "$(told b1)"
	weir_stop
done
say "mss_clamp: nobody had to be told"
