#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Captured and lost are together what the counters say, exactly: in a flood that the rings can't hold,
# while other captures come and go, and for packets that the fast path could not send, of which nothing
# is left to capture.
#
#   client ---- eth0 weir eth1 ---- backend
#
# alone: its flood takes the CPU from whatever runs beside it
. "$(dirname "$0")/../lib/net.sh"

net_namespace client weir backend
net_link client eth0 weir eth0
net_link weir eth1 backend eth0
net_address client eth0 10.0.1.1/24 203.0.113.1/24
net_address weir eth0 10.0.1.2/24
net_address weir eth1 10.0.0.2/24
net_address backend eth0 10.0.0.11/24
mac=$(link_address weir eth0)
on weir ip neighbour replace 10.0.0.11 lladdr "$(link_address backend eth0)" dev eth1 nud permanent
weir_fast_path=on
weir_config eth0 eth1 <<END
policy: {rules: [{name: flood, to: flood, action: drop}]}
services:
  - {name: flood, address: 203.0.113.20, protocol: udp, ports: any, announce: neighbor,
     backends: [{name: b1, address: 10.0.0.11}]}
  - {name: load, address: $vip4, protocol: udp, ports: any, announce: neighbor,
     backends: [{name: b1, address: 10.0.0.11}]}
END
weir_start
weir_wait_reachable

all_drops() { weir_show drops | jq '[.reasons[].total] | add'; }

begin() {
	drops_settle all_drops
	dropped_before=$drops
	start weir "$weir" capture --socket "$socket" --drops -s 128 -w "$dir/drops" 2>"$dir/capture.log"
	capture_pid=$started
	must_come 10 "the capture" captures_are 1
}
end() { # WHAT: compares
	drops_settle all_drops
	kill -INT "$capture_pid"
	wait "$capture_pid" || fail "the capture ended with $?: $(<"$dir/capture.log")"
	captured=$(sed -nE 's/^([0-9]+) packets captured, ([0-9]+) lost$/\1/p' "$dir/capture.log")
	lost=$(sed -nE 's/^([0-9]+) packets captured, ([0-9]+) lost$/\2/p' "$dir/capture.log")
	expect_equal "$1: captured and lost, and what the counters say" $((drops - dropped_before)) $((captured + lost))
	expect_equal "$1: packets in the file" "$captured" "$(capinfos -Mc "$dir/drops" | sed -nE 's/.*packets: *([0-9]+)$/\1/p')"
	say "$1: $((drops - dropped_before)) dropped, $captured captured, $lost lost"
}

# A flow that the fast path knows, to a cable whose other end is down.
on client "$udp_load" send $vip4 9 1 1 10 >/dev/null
begin
on backend ip link set eth0 down
on client "$udp_load" send $vip4 9 1 1 200 >/dev/null
on backend ip link set eth0 up
end "not sent"
[ "$(weir_drops tx-failed)" -gt 0 ] || fail "nothing was not sent"

# As fast as the kernel makes packets, of which half are for no service's port: they are the kernel's.
begin
start client "$build/tests/lib/flood" eth0 "$mac" 203.0.113.20 80 53 >"$dir/flood"
flooder=$started
for _ in {1..4}; do # others, each for a moment
	start weir "$weir" capture --socket "$socket" --drops -s 60 -c 200000 -w "$dir/other" 2>"$dir/other.log"
	other=$started
	must_come 10 "another capture, or its end" eval "captures_are 2 || ! is_running $other"
	kill -INT "$other" 2>/dev/null || true
	wait "$other" || fail "another capture ended with $?: $(<"$dir/other.log")"
	capinfos "$dir/other" >/dev/null 2>&1 || fail "capinfos can't read what another capture left"
	must_come 10 "the end of another capture" captures_are 1
done
net_stop "$flooder"
end "the flood"
[ $((drops - dropped_before)) -gt 100000 ] || fail "this was no flood"
