#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: it compares what is in the whole kernel before and after
#
# SIGTERM and SIGINT: the daemon ends with 0 and gives back all that it changed: no program, link
# or map of its own is left, the interface is as it was, the socket is gone (two-arm). Others may
# change the rest of the host meanwhile: what is compared is of this test's namespaces and names.
. "$(dirname "$0")/../lib/net.sh"

net_two_arm
nginx_start_backends
web_services | weir_config eth0 eth1

# What of the host could be changed: the interfaces' flags, features and queues, sysctls, pins.
host_state() {
	local interface
	for interface in eth0 eth1; do
		on weir ip -d -j link show "$interface" | jq -S 'del(.[0].stats64)'
		on weir ethtool -k "$interface"
		on weir ethtool -l "$interface"
	done
	# Some of them cannot be read.
	on weir sh -c 'grep . /proc/sys/net/ipv4/conf/*/* /proc/sys/net/ipv6/conf/*/* 2>/dev/null' || true
	find /sys/fs/bpf -name "$net_prefix*"
}

# The folder of all instances' pins goes with the last of them, whosever that is.
no_empty_pin_folder() {
	[ ! -d /sys/fs/bpf/weir ] || [ -n "$(ls /sys/fs/bpf/weir 2>/dev/null)" ]
}

host_state >"$dir/before"
for signal in TERM INT; do
	weir_start
	weir_wait_reachable
	requests 50 $vip4 >/dev/null || fail "requests"
	weir_kernel_objects >"$dir/objects"
	expect "programs and links while it runs" grep -q prog "$dir/objects"
	say "SIG$signal; in the kernel: $(tr '\n' ',' <"$dir/objects")"

	kill -$signal "$weir_pid"
	must_come 10 "the end after SIG$signal" eval "! is_running $weir_pid"
	wait "$weir_pid" || fail "exit status $? after SIG$signal"
	while read -r kind id; do
		must_come 5 "no $kind $id" eval "! bpf_is_there $kind $id"
	done <"$dir/objects"
	expect_equal "the socket" "" "$(ls "$socket" 2>/dev/null)"
	host_state >"$dir/after"
	diff "$dir/before" "$dir/after" || fail "the host is not as it was"
	must_come 5 "no empty folder of pins" no_empty_pin_folder
done
expect "weir's host answers" on client ping -c 1 -W 2 10.0.1.2
