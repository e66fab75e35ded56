#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# igb, a driver with the manners of hardware (resets at every change, rings of its own), beside virtio-net:
# zero copy on both, forced, where the kernel's igb has it; else copy mode.
. "$(dirname "$0")/../lib/vm.sh"

mode=copy
! vm_kernel_is_at_least 6 18 || mode=zerocopy

vm_two_arm front-igb
nginx_start_backends
# shellcheck disable=SC2034 # for weir_config
weir_fast_path=off
{
	web_services
	load_service
} | weir_config eth0 eth1
sed -i "s/{name: \(eth.\)}/{name: \1, mode: $mode}/" "$dir/weir.yaml"
weir_start
weir_wait_reachable
# The driver has reset the NIC for the sockets; its link comes back a little later.
must_come 30 "the link" eval "on client ping -c 1 -W 1 10.0.1.2"
expect_equal "modes" "$mode $mode" "$(vm_modes)"
say "$(on weir ethtool -i eth0 | head -n 1), queues: $(weir_show interfaces | jq -c '[.interfaces[].queues]')"
vm_load 64 2048
for vip in $vip4 $vip6; do
	requests 60 $vip >"$dir/answers" || fail "requests"
	say "$vip: $(count_answers "$dir/answers")"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
done
expect "the balance" ledger_is_balanced
weir_stop
vm_expect_no_complaint
