#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir capture --kernel`: what the host's kernel drops of what Weir passed to it is captured with
# the kernel's own reason, and nothing is watched while nobody captures (one-arm).
. "$(dirname "$0")/../lib/net.sh"

[ -e /sys/kernel/btf/vmlinux ] || skip "the kernel has no BTF"
net_one_arm
web_services | weir_config eth0
weir_start
quiet=$(weir_kernel_objects | grep -c link)

start weir "$weir" capture --kernel -w "$dir/kernel.pcapng" --socket "$socket" 'udp port 7777' 2>"$dir/log"
capture=$started
must_come 5 "the capture" eval "weir_show status | jq -e '.captures == 1'"
expect_equal "links while the kernel is watched" $((quiet + 1)) "$(weir_kernel_objects | grep -c link)"
on client "$udp_load" send 10.0.0.2 7777 1 1 5 >/dev/null # nobody listens there
on client "$udp_load" send 10.0.0.2 7778 1 1 5 >/dev/null
five_packets() { [ "$(tshark -r "$dir/kernel.pcapng" -Y udp.dstport==7777 2>/dev/null | wc -l)" = 5 ]; }
must_come 5 "five packets in the capture" five_packets
net_stop "$capture"
expect_match "the capture's end" "5 packets captured, 0 lost" "$(<"$dir/log")"
comments=$(tshark -r "$dir/kernel.pcapng" -T fields -e frame.comment 2>/dev/null)
expect_equal "comments with the kernel's reason" 5 "$(grep -c '^kernel-reason=NO_SOCKET at=.*udp.*+0x.* source=kernel' <<<"$comments")"
must_come 5 "no capture left" eval "weir_show status | jq -e '.captures == 0'"
expect_equal "links when nobody captures" "$quiet" "$(weir_kernel_objects | grep -c link)"
head -1 <<<"$comments"
