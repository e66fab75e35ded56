#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # variables are net.sh's
#
# Backends in VLANs, by sub-interfaces of Weir's interface: what goes there has the tag, by every
# method, with the fast path and without. A way that moves from one VLAN to another is followed, and
# no packet is lost but for those that the neighbour's own change costs.
#
#     client --- eth0 weir eth1 =================== eth0 b1     eth1.77: 10.0.7.0/24, fd07::/64
#                          eth1.77, eth1.78    eth0.77, eth0.78  eth1.78: 10.0.8.0/24, fd08::/64
. "$(dirname "$0")/../lib/net.sh"

net_namespace client weir b1
on weir ip link add probe type veth peer name probe1
on weir ip link add link probe name probe.7 type vlan id 7 2>/dev/null ||
	skip "the kernel has no VLAN sub-interfaces (8021q)"
on weir ip link del probe
net_link client eth0 weir eth0
net_link weir eth1 b1 eth0
net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
net_address weir eth0 10.0.1.2/24 fd01::2/64
for tag in 7 8; do # VLANs 77 and 78
	on weir ip link add link eth1 name eth1.7$tag type vlan id 7$tag
	on b1 ip link add link eth0 name eth0.7$tag type vlan id 7$tag
	on weir ip link set eth1.7$tag up
	on b1 ip link set eth0.7$tag up
	net_address weir eth1.7$tag 10.0.$tag.2/24 fd0$tag::2/64
	net_address b1 eth0.7$tag 10.0.$tag.11/24 fd0$tag::11/64
done
for end in "client eth0" "weir eth0" "weir eth1" "b1 eth0"; do
	# shellcheck disable=SC2086 # words
	set -- $end
	on "$1" ethtool -K "$2" rxvlan off txvlan off >/dev/null
done
net_set weir ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
net_address b1 lo 10.0.6.11/32 fd06::11/128
on weir ip route add 203.0.113.1/32 dev eth0
on weir ip -6 route add 2001:db8::1/128 dev eth0
way() { # TAG: to the backend's address on its loopback
	on weir ip route replace 10.0.6.11/32 via 10.0.$1.11
	on weir ip -6 route replace fd06::11/128 via fd0$1::11
	on b1 ip route replace default via 10.0.$1.2
	on b1 ip -6 route replace default via fd0$1::2
}
way 7
nginx_start b1

services() { # METHOD
	[ "$1" != nat ] || echo 'nat: {addresses: [10.0.7.200, "fd07::200"]}'
	local address=10.0.6.11 address6=fd06::11
	[ "$1" != dsr ] || address=10.0.7.11 address6=fd07::11
	cat <<-END
		services:
		  - {name: web4, address: $vip4, protocol: tcp, ports: 80, forward: $1, announce: neighbor,
		     backends: [{name: b1, address: $address}]}
		  - {name: web6, address: "$vip6", protocol: tcp, ports: 80, forward: $1, announce: neighbor,
		     backends: [{name: b1, address: "$address6"}]}
		  - {name: udp4, address: $vip4, protocol: udp, ports: 5005, forward: $1, announce: neighbor,
		     backends: [{name: b1, address: $address}]}
	END
}

tagged() { # TAG: packets of the service that came in with it, by what the sub-interface counts
	on b1 cat "/sys/class/net/eth0.7$1/statistics/rx_packets"
}

for method in dsr ipip gue nat; do
	case $method in
	dsr) on b1 "$weir" backend up --vip "$vip4,$vip6" ;;
	ipip | gue) on b1 "$weir" backend up --vip "$vip4,$vip6" --tunnel $method --from \
		"10.0.7.2,fd07::2,10.0.8.2,fd08::2" --interface eth0 ;;
	esac
	for weir_fast_path in on off; do
		services $method | weir_config eth0 eth1
		weir_start
		weir_wait_reachable
		before=$(tagged 7)
		for vip in $vip4 $vip6; do
			requests 20 $vip >"$dir/answers" || fail "$method: requests to $vip"
			expect_equal "$method: answers from $vip" 20 "$(grep -cx b1 "$dir/answers")"
		done
		expect "$method: packets with the tag" [ $(($(tagged 7) - before)) -gt 80 ]
		expect_equal "$method: what next hops say" eth1 \
			"$(weir_show nexthops | jq -r '[.nexthops[].interface] | unique | .[]')"
		must_come 5 "a balanced ledger" ledger_is_balanced
		weir_stop
		say "$method over a VLAN, fast path $weir_fast_path"
	done
	[ $method = nat ] || on b1 "$weir" backend down
done

# The way moves while datagrams come in a row; the neighbour in the other VLAN is known already.
on b1 "$weir" backend up --vip "$vip4,$vip6" --tunnel gue --from \
	"10.0.7.2,fd07::2,10.0.8.2,fd08::2" --interface eth0
for weir_fast_path in on off; do
	way 7
	services gue | weir_config eth0 eth1
	weir_start
	weir_wait_reachable
	on weir ping -c 1 -W 2 10.0.8.11 >/dev/null
	start b1 "$udp_load" sink 5005 >"$dir/sink"
	sink=$started
	must_come 5 "the sink" eval "on b1 ss -Hlun | grep -q ':5005 '"
	before=$(tagged 8)
	start client "$udp_load" send $vip4 5005 20 16 20000 >"$dir/sent"
	load=$started
	must_come 5 "datagrams" eval '[ "$(weir_show backends | jq "[.backends[] | select(.service == \"udp4\").packets] | add")" -gt 2000 ]'
	on weir ip route replace 10.0.6.11/32 via 10.0.8.11
	wait "$load" || fail "the load"
	must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "$sink"
	expect_equal "datagrams over a way that moved" 20000 "$(jq .packets "$dir/sink")"
	expect "that they came with the other tag in the end" [ $(($(tagged 8) - before)) -gt 1000 ]
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
	say "fast path $weir_fast_path: a way moved from VLAN to VLAN, $(jq .packets "$dir/sink") of 20000 came"
done
on b1 "$weir" backend down
