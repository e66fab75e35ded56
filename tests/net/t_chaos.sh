#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Traffic while links flap, MTU, link addresses and numbers of queues change, an interface goes
# away and comes back, and a backend's link address moves (two-arm). At the end traffic flows, and each
# packet that came in is accounted for.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/disturb.sh"

seconds=${WEIR_CHAOS_SECONDS:-30}

net_queues=4
net_two_arm
disturb_prepare
net_set b1 ipv4.conf.eth0.arp_notify=1 ipv6.conf.eth0.ndisc_notify=1
nginx_start_backends
{
	web_services
	load_service
} | weir_config eth0 eth1

# --- the chaos ----------------------------------------------------------------------------------

resize() { # INTERFACE MTU
	on weir ip link set "$1" mtu "$2"
}

# A host that says so, as those that fail over do (arp_notify); but a link that is down may swallow it.
readdress() { # NAMESPACE INTERFACE
	on "$1" ip link set "$2" address "$(printf '02:00:00:%02x:%02x:%02x' $((RANDOM % 256)) \
		$((RANDOM % 256)) $((RANDOM % 256)))"
}

replug() { # QUEUES: the cable to the client is another one
	on weir ip link delete eth0
	net_queues=$1 net_link client eth0 weir eth0
	net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
	net_address weir eth0 10.0.1.2/24 fd01::2/64
	front_routes
}

# A veth has to receive by as many queues as its other end sends by. Fewer than there are sockets for the
# kernel does not allow.
requeue() { # NUMBER
	on client ethtool -L eth0 tx 1
	on weir ethtool -L eth0 rx "$1" tx "$1" 2>/dev/null || true
	on client ethtool -L eth0 tx "$1" 2>/dev/null || true
}

disturb() { # TURN
	case $(($1 % 11)) in
	0) flap eth0 ;;
	1) resize eth1 1400 ;;
	2) readdress b1 eth0 ;;
	3) flap eth1 ;;
	4) readdress weir eth0 ;;
	5) resize eth1 1500 ;;
	6) replug 4 && requeue 2 ;;
	7) requeue 4 ;;
	8) readdress weir eth1 ;;
	9) resize eth0 1450 ;;
	10) resize eth0 1500 ;;
	esac
}

# --- the test -----------------------------------------------------------------------------------

is_served() {
	weir_show interfaces | jq -e '[.interfaces[] | select(.state == "up" and .queues > 0)] | length == 2'
}
# Weir sends to the link address that b1 has: else the kernel's neighbour is of before the last change.
b1_is_known() {
	local mac
	mac=$(link_address b1 eth0)
	weir_show nexthops | jq -e --arg mac "$mac" \
		'[.nexthops[] | select(.address == "10.0.0.11" or .address == "fd00::11") | .mac == $mac] | length == 2 and all'
}
some_answer() { [[ "$(on client curl -sf -m 1 "$(url "$1")/")" == b[123] ]]; }

weir_start
weir_wait_reachable
for n in 1 2 3; do
	start b$n "$udp_load" sink 5000 >"$dir/sink.b$n"
	sinks+=("$started")
done
start client "$udp_load" send $vip4 5000 "$seconds" 256 100000000 >"$dir/sent"
load=$started
start client bash -c "while :; do curl -s -m 1 -o /dev/null http://$vip4/; done"
browser=$started

turn=0
while is_running "$load"; do
	disturb $turn
	turn=$((turn + 1))
	sleep 0.4
done
say "$turn disturbances; $(cat "$dir/sent")"
net_stop "$browser"
resize eth1 1500

must_come 20 "all interfaces served" is_served
for vip in $vip4 $vip6; do
	must_come 20 "an answer of $vip" some_answer $vip
done
must_come 20 "all backends reachable" backends_are_reachable
must_come 60 "b1's link address" b1_is_known
requests 300 $vip4 >"$dir/answers" || fail "requests: $(sort "$dir/requests.log" | uniq -c)"
expect_spread "$dir/answers" b1=100 b2=100 b3=100

net_stop "${sinks[@]}"
cat "$dir"/sink.b?
sent=$(jq .packets "$dir/sent")
arrived=$(jq -s 'map(.packets) | add' "$dir"/sink.b?)
say "$((arrived * 100 / sent)) % of the load arrived"
expect "a good part of the load" [ $((arrived * 4)) -gt "$sent" ]

must_come 10 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
weir_show drops | jq -c '.ledger, (.reasons[] | select(.total > 0) | {(.reason): .total})'
expect "the balance" ledger_is_balanced
weir_show interfaces | jq -c '.interfaces[] | {name, state, queues, losses, rebuilds}'
! grep '^error' "$dir/weir.log" | grep -v 'trying again' || fail "errors in the log"
weir_stop
