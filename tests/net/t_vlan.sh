#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # variables are net.sh's
#
# Backends in VLANs, by sub-interfaces of Weir's interface: what goes there has the tag, by every
# method, with the fast path and without. A way that moves from one VLAN to another while datagrams go
# there is followed, and not one of them is lost.
#
#                                                       b1 .11 (dsr, nat)
#     client --- eth0 weir eth1 ======== switch ========  b2 .12 (ipip)
#                          eth1.77, eth1.78             b3 .13 (gue)   each with eth0.77, eth0.78
#
# eth1.77: 10.0.7.0/24, fd07::/64; eth1.78: 10.0.8.0/24, fd08::/64. Behind both, on their loopbacks, the
# backends have 10.0.6.11 to .13, fd06::11 to ::13.
. "$(dirname "$0")/../lib/net.sh"

net_switch switch
net_namespace client weir b1 b2 b3
on weir ip link add probe type veth peer name probe1
on weir ip link add link probe name probe.7 type vlan id 7 2>/dev/null ||
	skip "the kernel has no VLAN sub-interfaces (8021q)"
on weir ip link del probe
net_link client eth0 weir eth0
net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
net_address weir eth0 10.0.1.2/24 fd01::2/64
net_set weir ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
on weir ip route add 203.0.113.1/32 dev eth0
on weir ip -6 route add 2001:db8::1/128 dev eth0

# vlans NAMESPACE INTERFACE N: host number N of both
vlans() {
	local tag
	net_plug "$1" "$2" switch
	on "$1" ethtool -K "$2" rxvlan off txvlan off >/dev/null
	# XDP sees a tag in the packet only, and the switch would hand it over beside it.
	on switch ethtool -K "$1" rxvlan off txvlan off >/dev/null
	for tag in 7 8; do
		on "$1" ip link add link "$2" name "$2.7$tag" type vlan id 7$tag
		on "$1" ip link set "$2.7$tag" up
		net_address "$1" "$2.7$tag" 10.0.$tag."$3"/24 "fd0$tag::$3/64"
	done
}

# way TAG N: the way to a backend and back
way() {
	on weir ip route replace "10.0.6.$2/32" via "10.0.$1.$2"
	on weir ip -6 route replace "fd06::$2/128" via "fd0$1::$2"
	on "b${2#1}" ip route replace default via "10.0.$1.2"
	on "b${2#1}" ip -6 route replace default via "fd0$1::2"
}

vlans weir eth1 2
for n in 1 2 3; do
	vlans b$n eth0 1$n
	net_address b$n lo 10.0.6.1$n/32 fd06::1$n/128
	way 7 1$n
	nginx_start b$n
done
from="10.0.7.2,fd07::2,10.0.8.2,fd08::2"
on b1 "$weir" backend up --vip 203.0.113.10,2001:db8::10
on b2 "$weir" backend up --vip 203.0.113.11,2001:db8::11 --tunnel ipip --from "$from" --interface eth0
on b3 "$weir" backend up --vip 203.0.113.12,2001:db8::12 --tunnel gue --from "$from" --interface eth0

# method, last number of its VIPs, its backend, that one's addresses
methods='
dsr 10 b1 10.0.7.11 fd07::11
ipip 11 b2 10.0.6.12 fd06::12
gue 12 b3 10.0.6.13 fd06::13
nat 13 b1 10.0.6.11 fd06::11
'

services() {
	local method number backend address4 address6
	echo 'nat: {addresses: [10.0.7.200, "fd07::200"]}'
	echo "services:"
	echo '  - {name: udp, address: 203.0.113.12, protocol: udp, ports: 5005, forward: gue,'
	echo '     announce: neighbor, backends: [{name: b3, address: 10.0.6.13}]}'
	while read -r method number backend address4 address6; do
		[ -n "$method" ] || continue
		cat <<-END
			  - {name: ${method}4, address: 203.0.113.$number, protocol: tcp, ports: 80, forward: $method,
			     announce: neighbor, backends: [{name: $backend, address: $address4}]}
			  - {name: ${method}6, address: "2001:db8::$number", protocol: tcp, ports: 80, forward: $method,
			     announce: neighbor, backends: [{name: $backend, address: "$address6"}]}
		END
	done <<<"$methods"
}

# What Weir sends to a backend with a tag, seen at the switch: BACKEND TAG COUNT
mac=$(link_address weir eth1)
tagged_start() {
	start switch tcpdump -Z root -q -nn -i "$1" -c "$3" -w "$dir/tagged" "ether src $mac and vlan 7$2" \
		2>"$dir/tcpdump.log"
	tagged_pid=$started
	must_come 5 "tcpdump" grep -q listening "$dir/tcpdump.log"
}

tagged_end() {
	must_come 10 "as many packets with the tag" eval "! kill -0 $tagged_pid"
}

by_every_method() {
	local method number backend address4 address6 vip
	while read -r method number backend address4 address6; do
		[ -n "$method" ] || continue
		# A SYN, an ACK, the request and a FIN each.
		tagged_start "$backend" 7 80
		for vip in 203.0.113.$number 2001:db8::$number; do
			requests 10 "$vip" >"$dir/answers" || fail "$method: requests to $vip"
			expect_equal "$method: answers from $vip" 10 "$(grep -cx "$backend" "$dir/answers")"
		done
		tagged_end
		say "$method over a VLAN"
	done <<<"$methods"
}

# The neighbour in the other VLAN is known already: only Weir's own change could cost datagrams.
move_the_way() {
	local sink load
	on weir ping -c 1 -W $((2 * net_patience)) 10.0.8.13 >/dev/null
	start b3 "$udp_load" sink 5005 >"$dir/sink"
	sink=$started
	must_come 5 "the sink" eval "on b3 ss -Hlun | grep -q ':5005 '"
	tagged_start b3 8 1000
	# shellcheck disable=SC2016 # for the inner shell
	start client sh -c 'for turn in $(seq 20); do "$0" send 203.0.113.12 5005 20 16 1024 || exit; done' \
		"$udp_load" >"$dir/sent"
	load=$started
	must_come 20 "datagrams" eval 'weir_show backends |
		jq -e ".backends[] | select(.service == \"udp\").packets > 2000" >/dev/null'
	on weir ip route replace 10.0.6.13/32 via 10.0.8.13
	wait "$load" || fail "the load"
	must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "$sink"
	expect_equal "datagrams over a way that moved" 20480 "$(jq .packets "$dir/sink")"
	tagged_end
	way 7 13
	say "a way moved from VLAN to VLAN, and all of $(jq .packets "$dir/sink") datagrams came"
}

for weir_fast_path in on off; do
	services | weir_config eth0 eth1
	weir_start
	weir_wait_reachable
	say "fast path $weir_fast_path"
	by_every_method
	expect_equal "the interface of next hops" eth1 \
		"$(weir_show nexthops | jq -r '[.nexthops[].interface] | unique | .[]')"
	move_the_way
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
done
for n in 1 2 3; do
	on b$n "$weir" backend down
done
