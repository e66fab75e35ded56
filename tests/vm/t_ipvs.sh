#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# IPVS, the kernel's own balancer, in Weir's place (direct routing, Maglev hashing): what the test's network
# delivers by one it delivers by the other, to the same backends, without a change at any of them.
. "$(dirname "$0")/../lib/vm.sh"

flows=96
packets=3072

modprobe -q ip_vs_mh || skip "Linux $vm_release: no IPVS"

vm_two_arm front
shares() { jq -sc 'map(.flows)' "$dir"/sink.b?; }

say "IPVS"
net_address weir lo $vip4/32
on weir ipvsadm -A -u $vip4:5000 -s mh -b mh-port # by ports too, as Weir
for n in 1 2 3; do
	on weir ipvsadm -a -u $vip4:5000 -r 10.0.0.1$n -g
done
vm_deliver $flows $packets
ipvs=$(shares)
on weir ipvsadm -L -n --stats
on weir ipvsadm -C
on weir ip address del $vip4/32 dev lo

say "Weir"
{
	echo "services:"
	load_service
} | weir_config eth0 eth1
weir_start
weir_wait_reachable
vm_load $flows $packets
say "flows of b1, b2, b3: IPVS $ipvs, Weir $(shares)"
weir_stop
vm_expect_no_complaint
