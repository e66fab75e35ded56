#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# virtio-net with four queues in copy mode: asked for, and by `mode: auto` where the driver has no zero copy.
# HTTP over both families and UDP are balanced and answered, with and without the fast path.
. "$(dirname "$0")/../lib/vm.sh"

vm_two_arm front
nginx_start_backends
for weir_fast_path in off on; do
	{
		web_services
		load_service
	} | weir_config eth0 eth1
	sed -i 's/{name: \(eth.\)}/{name: \1, mode: copy}/' "$dir/weir.yaml"
	weir_start
	weir_wait_reachable
	expect_equal "modes" "copy copy" "$(vm_modes)"
	expect_equal "queues with a socket" "$(vm_queues_of eth0) $(vm_queues_of eth1)" \
		"$(weir_show interfaces | jq -r '[.interfaces[].queues] | join(" ")')"
	vm_load 64 2048
	for vip in $vip4 $vip6; do
		requests 60 $vip >"$dir/answers" || fail "requests"
		say "fast_path $weir_fast_path, $vip: $(count_answers "$dir/answers")"
		expect_spread "$dir/answers" b1=100 b2=100 b3=100
	done
	expect "the balance" ledger_is_balanced
	weir_stop
done
vm_expect_no_complaint
