#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Path MTU discovery works through Weir: the way back to the client is narrower than anybody at its
# ends knows, and the router that finds that out tells the VIP. Weir sends what it tells to the
# backend of that flow, whether the fast path is on or off:
#
#                1500       1280          10.0.0.0/24
#     client .1 ---------------- .254 router .3 ----+---- weir .2 (VIPs)
#               10.0.9.0/24, fd09::/64              |
#                                                   +---- b1 .11  b2 .12  b3 .13
. "$(dirname "$0")/../lib/net.sh"

downloads=6 # at once, for each family

net_switch switch
net_namespace client router weir
net_link client eth0 router eth0
net_address client eth0 10.0.9.1/24 10.0.9.2/24 fd09::1/64 fd09::2/64
net_address router eth0 10.0.9.254/24 fd09::254/64
on router ip link set eth0 mtu 1280
net_plug router eth1 switch
net_address router eth1 10.0.0.3/24 203.0.113.1/24 fd00::3/64 2001:db8::1/64
net_set router ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 \
	ipv4.icmp_ratelimit=0 ipv6.icmp.ratelimit=0
on client ip route add default via 10.0.9.254
on client ip -6 route add default via fd09::254
net_plug weir eth0 switch
net_address weir eth0 10.0.0.2/24 fd00::2/64
net_backends
for n in 1 2 3; do
	on b$n ip route add default via 10.0.0.3
	on b$n ip -6 route add default via fd00::3
done
nginx_start_backends
head -c 10000000 /dev/urandom >"$dir/files/ten"

# told BACKEND: how often a router told it of a narrow path
told() {
	on "$1" awk '
		$1 == "Icmp:" && !column { for (i = 2; i <= NF; i++) if ($i == "InDestUnreachs") column = i; next }
		$1 == "Icmp:" { print $column }' /proc/net/snmp
	on "$1" awk '$1 == "Icmp6InPktTooBigs" { print $2 }' /proc/net/snmp6
}

# download CLIENT4 CLIENT6: from both VIPs, by connections of different backends
download() {
	local pids=() i from vip
	for ((i = 0; i < 2 * downloads; i++)); do
		from=$1 vip=$vip4
		((i < downloads)) || from=$2 vip=$vip6
		on client curl -sf -m 40 --interface "$from" -o "$dir/got.$i" "$(url $vip)/files/ten" &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || fail "download $i from $vip4 or $vip6 does not finish"
		expect "what download $i got" cmp "$dir/files/ten" "$dir/got.$i"
	done
}

expect_told() { # each backend that has sent something, by each family
	local n counts served
	for n in 1 2 3; do
		mapfile -t counts < <(told b$n)
		say "b$n: ${counts[0]} too big over IPv4, ${counts[1]} over IPv6"
		served=$(grep -cE '^10\.' "$dir/b$n.access.log" || true)
		[ "$served" = 0 ] || expect "b$n was told (IPv4)" [ "${counts[0]}" -gt 0 ]
		served=$(grep -cE '^fd09:' "$dir/b$n.access.log" || true)
		[ "$served" = 0 ] || expect "b$n was told (IPv6)" [ "${counts[1]}" -gt 0 ]
	done
}

client=1
for weir_fast_path in on off; do
	web_services | weir_config eth0
	weir_start
	weir_wait_reachable
	download 10.0.9.$client fd09::$client
	say "fast path $weir_fast_path: all downloads finished"
	expect_told
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
	client=$((client + 1)) # of whom no backend knows the path yet
done
