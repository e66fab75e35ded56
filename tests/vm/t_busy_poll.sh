#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `poll: busy` over zero-copy sockets: workers drive the queues, the NIC's interrupts are put off, and what was
# set before is given back at the end, also after a crash.
. "$(dirname "$0")/../lib/vm.sh"

vm_kernel_is_at_least 6 18 || skip "Linux $vm_release: its virtio_net has no zero copy"

vm_two_arm front
nginx_start_backends
# shellcheck disable=SC2034 # for weir_config
weir_fast_path=off
{
	web_services
	load_service
} | weir_config eth0 eth1
sed -i '1a workers: {poll: busy}' "$dir/weir.yaml"

# /sys shows the namespace of whoever mounted it.
setting() { # INTERFACE SETTING
	on weir unshare -m sh -c "mount -t sysfs sys /sys && cat /sys/class/net/$1/$2"
}
settings() {
	local interface
	for interface in eth0 eth1; do
		echo "$(setting $interface napi_defer_hard_irqs) $(setting $interface gro_flush_timeout)"
	done | paste -sd " " -
}
busy() { weir_show interfaces | jq -r '[.interfaces[].busy_poll] | join(" ")'; }

before=$(settings)
weir_start
weir_wait_reachable
must_come 5 "busy polling" eval '[ "$(busy)" = "on on" ]'
expect_equal "settings" "2 200000 2 200000" "$(settings)"
vm_load 64 2048
for vip in $vip4 $vip6; do
	requests 60 $vip >"$dir/answers" || fail "requests"
	say "$vip: $(count_answers "$dir/answers")"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
done
expect "the balance" ledger_is_balanced
weir_stop
expect_equal "settings at the end" "$before" "$(settings)"

say "a crash"
weir_start
must_come 5 "busy polling" eval '[ "$(busy)" = "on on" ]'
kill -KILL "$weir_pid"
wait "$weir_pid" 2>/dev/null || true
expect_equal "settings after it" "2 200000 2 200000" "$(settings)"
sed -i 's/poll: busy/poll: adaptive/' "$dir/weir.yaml"
weir_start
expect_equal "settings of the next daemon" "$before" "$(settings)"
expect_equal "busy polling" "off off" "$(busy)"
weir_stop
vm_expect_no_complaint
