#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# e1000e has no native XDP: `mode: auto` says so and runs in generic mode, beside a NIC that runs in native
# mode; `mode: zerocopy` refuses it with the reason. `weir doctor` names what generic mode can't bear (GRO).
. "$(dirname "$0")/../lib/vm.sh"

vm_two_arm front-e1000e
nginx_start_backends
{
	web_services
	load_service
} | weir_config eth0 eth1

say "what the doctor says"
on weir "$weir" doctor -c "$dir/weir.yaml" >"$dir/doctor" || true
cat "$dir/doctor"
expect_match "the driver" "^ok +eth0 +link +up, driver e1000e" "$(cat "$dir/doctor")"
if vm_kernel_is_at_least 6 3; then # the driver says what it can do since then
	expect_match "the mode" "^warn +eth0 +xdp +its driver has no native XDP" "$(cat "$dir/doctor")"
	expect_match "what hides packets" "^bad +eth0 +gro " "$(cat "$dir/doctor")"
fi
on weir ethtool -K eth0 gro off

sed -i 's/{name: \(eth.\)}/{name: \1, mode: zerocopy}/' "$dir/weir.yaml"
weir_launch
must_come 60 "the refusal" eval "! kill -0 $weir_pid"
expect_match "why" "eth0" "$(tail -n 1 "$dir/weir.log")"
say "$(tail -n 1 "$dir/weir.log")"

sed -i 's/, mode: zerocopy}/}/' "$dir/weir.yaml"
weir_start
weir_wait_reachable
expect_equal "modes" "generic copy" "$(vm_modes)"
vm_load 64 2048
requests 60 $vip4 >"$dir/answers" || fail "requests"
say "$(count_answers "$dir/answers")"
expect_spread "$dir/answers" b1=100 b2=100 b3=100
expect "the balance" ledger_is_balanced
weir_stop
vm_expect_no_complaint
