#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The backends behind a bond (active-backup) of two interfaces: Weir serves its members and sends with the bond's
# address by the one that is active; when that goes down the other one takes over. The bond itself, a bridge and a VLAN
# sub-interface are refused with what to name instead.
. "$(dirname "$0")/../lib/vm.sh"

modprobe -q bonding || skip "Linux $vm_release: no bonding"
modprobe -q 8021q || true

net_switch switch
net_namespace client weir
net_link client eth0 weir eth0
net_plug weir eth1 switch weir1
net_plug weir eth2 switch weir2
on weir ip link add bond0 type bond mode active-backup miimon 100
for slave in eth1 eth2; do
	on weir ip link set $slave down
	on weir ip link set $slave master bond0
done
on weir ip link set bond0 up
net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
net_address weir eth0 10.0.1.2/24 fd01::2/64
net_address weir bond0 10.0.0.2/24 fd00::2/64
net_set weir ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
on weir ip route add 203.0.113.1/32 dev eth0
on weir ip -6 route add 2001:db8::1/128 dev eth0
net_backends
net_default_routes 10.0.0.2 fd00::2
nginx_start_backends

refused() { # INTERFACE PATTERN
	web_services | weir_config eth0 "$1"
	weir_launch
	must_come 60 "the refusal of $1" eval "! kill -0 $weir_pid"
	expect_match "why" "$2" "$(tail -n 1 "$dir/weir.log")"
	say "$(tail -n 1 "$dir/weir.log")"
}
on weir ip link add br1 type bridge
on weir ip link add link eth0 name eth0.5 type vlan id 5
refused bond0 "bond0 is a bond: name its members"
refused br1 "br1 is a bridge: name those of its members"
refused eth0.5 "eth0.5 is a VLAN sub-interface: name the one"

web_services | weir_config eth0 eth1 eth2
weir_start
weir_wait_reachable
active() { on weir ip -d -j link show bond0 | jq -r '.[0].linkinfo.info_data.active_slave'; }
used() { weir_show backends | jq -r '[.backends[].interface] | unique | join(" ")'; }
answers() { [[ "$(on client curl -sf -m 10 "$(url $vip4)/")" == b[123] ]]; }

for turn in first second; do
	must_come 20 "the active member used" eval '[ "$(used)" = "$(active)" ]'
	must_come 20 "an answer" answers
	requests 60 $vip4 >"$dir/answers" || fail "requests, $turn"
	say "by $(used): $(count_answers "$dir/answers")"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
	on weir ip link set "$(active)" down
done
weir_stop
vm_expect_no_complaint
