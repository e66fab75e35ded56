#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `fast_path: on` over zero-copy sockets of virtio_net, which drops what XDP sends of packets that came without a copy:
# the daemon says so and has workers send, and all is answered. With `mode: copy` the fast path is there.
. "$(dirname "$0")/../lib/vm.sh"

vm_kernel_is_at_least 6 18 || skip "Linux $vm_release: its virtio_net has no zero copy"

vm_two_arm front
nginx_start_backends
# shellcheck disable=SC2034 # for weir_config
weir_fast_path=on
for mode in zerocopy copy; do
	{
		web_services
		load_service
	} | weir_config eth0 eth1
	sed -i "s/{name: \(eth.\)}/{name: \1, mode: $mode}/" "$dir/weir.yaml"
	: >"$dir/weir.log"
	weir_start
	weir_wait_reachable
	expect_equal "modes" "$mode $mode" "$(vm_modes)"
	wanted="off off" warnings=2
	[ $mode = zerocopy ] || wanted="on on" warnings=0
	expect_equal "the fast path" "$wanted" "$(weir_show interfaces | jq -r '[.interfaces[].fast_path] | join(" ")')"
	expect_equal "warnings" $warnings "$(grep -c "fast_path: on is not to be had in zero copy" "$dir/weir.log")"
	vm_load 32 2048
	requests 60 $vip4 >"$dir/answers" || fail "requests"
	say "mode $mode: $(count_answers "$dir/answers")"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
	expect "the balance" ledger_is_balanced
	weir_stop
done
vm_expect_no_complaint
