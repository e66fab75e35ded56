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

vip() { # FAMILIES
	case $1 in
	44) echo $vip4 ;;
	66) echo $vip6 ;;
	46) echo 203.0.113.11 ;;
	64) echo 2001:db8::11 ;;
	esac
}

# At port 81 segments are short enough from the start.
services() {
	local families backend
	echo 'nat: {addresses: [10.0.2.200, "fd02::200"]}'
	echo "services:"
	for families in $families_all; do
		backend=$([[ $families = ?4 ]] && echo 10.0.3.11 || echo fd03::11)
		cat <<-END
			  - {name: web$families, address: "$(vip $families)", protocol: tcp, ports: 80, forward: nat,
			     announce: neighbor, backends: [{name: b1, address: "$backend"}]}
			  - {name: short$families, address: "$(vip $families)", protocol: tcp, ports: 81, forward: nat,
			     announce: neighbor, mss_clamp: 1200,
			     backends: [{name: b1, address: "$backend", port: 80}]}
		END
	done
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
both_ways() { # FAMILIES PORT
	local url
	url=$(url "$(vip "$1")" "$2")
	forget_paths
	expect "an upload ($1)" on client curl -sf -m 30 -o /dev/null --data-binary "@$dir/files/three" "$url/"
	forget_paths
	expect "a download ($1)" on client curl -sf -m 30 -o "$dir/got" "$url/fast/three"
	expect "what was downloaded ($1)" cmp "$dir/files/three" "$dir/got"
}

for weir_fast_path in on off; do
	services | weir_config eth0 eth1
	weir_start
	weir_wait_reachable
	for families in $families_all; do
		client=$(told client) b1=$(told b1)
		both_ways $families 80
		expect "that the client was told ($families)" [ "$(told client)" -gt "$client" ]
		expect "that b1 was told ($families)" [ "$(told b1)" -gt "$b1" ]
		client=$(told client) b1=$(told b1)
		both_ways $families 81
		expect_equal "errors with mss_clamp, at the client ($families)" "$client" "$(told client)"
		expect_equal "errors with mss_clamp, at b1 ($families)" "$b1" "$(told b1)"
		say "$families, fast path $weir_fast_path: both were told, and with mss_clamp nobody had to be"
	done
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
done
