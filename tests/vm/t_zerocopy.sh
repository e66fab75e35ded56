#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# virtio-net with four queues, zero copy, which is forced: bound on all queues of both NICs, and every
# packet of a load goes through the sockets of all four queues, is balanced and answered.
. "$(dirname "$0")/../lib/vm.sh"

flows=256
packets=20480

vm_kernel_is_at_least 6 18 || skip "Linux $vm_release: its virtio_net has no zero copy"

vm_two_arm front
nginx_start_backends
weir_fast_path=off
{
	web_services
	load_service
} | weir_config eth0 eth1
sed -i 's/{name: \(eth.\)}/{name: \1, mode: zerocopy}/' "$dir/weir.yaml"
weir_start
weir_wait_reachable
expect_equal "modes" "zerocopy zerocopy" "$(vm_modes)"
expect_equal "queues with a socket" "$(vm_queues_of eth0) $(vm_queues_of eth1)" \
		"$(weir_show interfaces | jq -r '[.interfaces[].queues] | join(" ")')"
on weir ss --xdp -e 2>/dev/null | grep -iE 'umem|zero|eth' | head -n 20 || true

vm_load $flows $packets
for vip in $vip4 $vip6; do
	requests 60 $vip >"$dir/answers" || fail "requests"
	say "$vip: $(count_answers "$dir/answers")"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
done
for queue in 0 1 2 3; do
	seen=$(on weir ethtool -S eth0 | awk -v queue=$queue \
		'$1 == "rx" queue "_xdp_packets:" || $1 == "rx_queue_" queue "_xdp_packets:" {print $2}')
	say "queue $queue: ${seen:-0} packets"
	expect "packets on queue $queue" [ "${seen:-0}" -gt 0 ]
done
weir_show workers | jq -c '.workers[]'
expect "the balance" ledger_is_balanced
weir_stop
