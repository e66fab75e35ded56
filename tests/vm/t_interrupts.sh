#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `workers: {pin_interrupts: true}`: the interrupts of both NICs' queues go to the CPU that has no worker, are put
# back there when something moves them, and go to where they were at the end: by a stop, by a reload, by SIGKILL.
. "$(dirname "$0")/../lib/vm.sh"

[ "$(nproc)" -ge 2 ] || skip "one CPU only"

vm_two_arm front
load_service_alone() {
	echo "services:"
	load_service
}
load_service_alone | weir_config eth0 eth1
sed -i '1a workers: {cpus: [1], pin_interrupts: true}' "$dir/weir.yaml"

# Of the queues of a NIC, `interrupt CPUs` each.
placed() { # INTERFACE
	local device irq taker
	device=$(on weir ethtool -i "$1" | awk '/^bus-info:/ {print $2}')
	for irq in "/sys/bus/pci/devices/$device/msi_irqs"/*; do
		irq=${irq##*/}
		for taker in "/proc/irq/$irq"/*put.[0-9]*; do
			[ ! -e "$taker" ] || echo "$irq $(cat "/proc/irq/$irq/smp_affinity_list")"
		done
	done
}
all_placed() { placed eth0 && placed eth1; }
elsewhere() { all_placed | awk '$2 != "0"' | wc -l; }

as_before() { diff <(echo "$before") <(all_placed); }
set_pinning() { # true | false
	sed -i "s/pin_interrupts: [a-z]*/pin_interrupts: $1/" "$dir/weir.yaml"
}

# The driver places them itself when a program comes or goes: "before" is while Weir runs.
set_pinning false
weir_start
before=$(all_placed)
say "before: $(awk '{print $2}' <<<"$before" | sort | uniq -c | paste -sd,)"
expect "interrupts that could go elsewhere" [ "$(elsewhere)" -gt 0 ]

say "a reload with it, and one without"
set_pinning true
weir_reload
must_come 10 "all on CPU 0" eval '[ "$(elsewhere)" = 0 ]'
one=$(placed eth0 | awk 'NR == 1 {print $1}')
echo 1 >"/proc/irq/$one/smp_affinity_list"
must_come 30 "one that was moved to be back" eval '[ "$(elsewhere)" = 0 ]'
set_pinning false
weir_reload
wait_for 10 as_before || fail "not what was before: $(as_before)"

say "SIGKILL"
set_pinning true
weir_reload
must_come 10 "all on CPU 0" eval '[ "$(elsewhere)" = 0 ]'
kill -KILL "$weir_pid"
wait "$weir_pid" 2>/dev/null || true
wait_for 10 as_before || fail "not what was before: $(as_before)"

say "a start with it, and a stop"
weir_start
must_come 10 "all on CPU 0" eval '[ "$(elsewhere)" = 0 ]'
weir_stop
expect "interrupts that go elsewhere again" [ "$(elsewhere)" -gt 0 ]

say "where they can't be moved, as by a unit with ProtectKernelTunables=yes"
cat >"$dir/confined" <<-END
	#!/bin/sh
	exec unshare -m sh -c 'mount --bind /proc/irq /proc/irq && mount -o remount,bind,ro /proc/irq &&
		exec "\$0" "\$@"' $weir "\$@"
END
chmod +x "$dir/confined"
free=$weir weir=$dir/confined
weir_start
must_come 10 "a word about it" grep -q "interrupts can't be placed .*Read-only.*ProtectKernelTunables" "$dir/weir.log"
weir=$free
weir_stop
vm_expect_no_complaint
