#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A backend whose link address nobody knows: its packets are dropped as no-next-hop. As soon as it
# is there they reach it, without a reload (one-arm).
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
# How long the kernel trusts a link address before it asks again; 30 s where nobody says.
net_set weir ipv4.neigh.eth0.base_reachable_time_ms=1000
nginx_start b1
weir_config eth0 <<END
services:
  - name: late4
    address: $vip4
    protocol: tcp
    ports: 80
    announce: neighbor
    backends: [{name: late, address: 10.0.0.99}]
  - name: late6
    address: "$vip6"
    protocol: tcp
    ports: 80
    announce: neighbor
    backends: [{name: late, address: "fd00::99"}]
END
weir_start

get() { on client curl -sf -m "$1" "$(url "$2")/"; }

before=0
for vip in $vip4 $vip6; do
	! get 1 $vip || fail "$vip answered without a backend"
	after=$(weir_drops no-next-hop)
	expect "drops for $vip are counted" [ "$after" -gt "$before" ]
	before=$after
done
expect_equal "reachable backends" 0 \
	"$(weir_show backends | jq '[.backends[] | select(.reachable)] | length')"

net_address b1 eth0 10.0.0.99/24 fd00::99/64
for vip in $vip4 $vip6; do
	must_come 20 "an answer from $vip" get 2 $vip
done
weir_wait_reachable

say "the backend moves to another machine"
nginx_start b2
on b1 ip address del 10.0.0.99/24 dev eth0
net_address b2 eth0 10.0.0.99/24
answered_by_b2() { [ "$(get 2 $vip4)" = b2 ]; }
must_come 20 "an answer from b2" answered_by_b2
