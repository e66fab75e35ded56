#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel's own packet generator as the load, with and without the fast path: each packet that it sent is
# accounted for, and all backends get some. It is held back, or it would take the CPU from those who receive.
. "$(dirname "$0")/../lib/vm.sh"

packets=20000

modprobe -q pktgen || skip "Linux $vm_release: no pktgen"

vm_two_arm front
load_service_alone() {
	echo "services:"
	load_service
}

pktgen() { # FILE COMMAND: into the generator of the client's namespace
	on client sh -c "echo '$2' >/proc/net/pktgen/$1"
}

pktgen_run() {
	local command mac
	mac=$(on weir ip -j link show eth0 | jq -r '.[0].address')
	pktgen kpktgend_0 rem_device_all
	pktgen kpktgend_0 "add_device eth0"
	for command in "count $packets" "pkt_size 60" "delay 500000" "dst $vip4" "dst_mac $mac" \
		"src_min 203.0.113.1" "src_max 203.0.113.1" "udp_src_min 10000" "udp_src_max 10255" \
		"udp_dst_min 5000" "udp_dst_max 5000" "flag UDPCSUM"; do
		pktgen eth0 "$command"
	done
	pktgen pgctrl start
	on client sh -c 'grep -E "pps|errors" /proc/net/pktgen/eth0'
}

received() { weir_show drops | jq .ledger.rx; }

for weir_fast_path in off on; do
	load_service_alone | weir_config eth0 eth1
	weir_start
	weir_wait_reachable
	before=$(received)
	pktgen_run
	must_come 20 "all of the packets" eval "[ \$(received) -ge $((before + packets)) ]"
	must_come 20 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
	weir_show drops | jq -c '.ledger, (.reasons[] | select(.total > 0) | {(.reason): .total})'
	expect "the balance" ledger_is_balanced
	# Neighbours talk a little; of the load nothing goes past Weir, whichever queue it comes in by.
	passed=$(weir_show drops | jq .ledger.passed)
	expect "the kernel gets none of the load" [ "$passed" -lt 200 ]
	expect_equal "backends that got none" 0 \
		"$(weir_show backends | jq '[.backends[] | select(.packets == 0)] | length')"
	weir_stop
done
vm_expect_no_complaint
