#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir-bench ndr` and `latency` through a balancer with two arms (net_two_arm in tests/lib/net.sh) and
# the fast path, as root: no-drop rates by frame size, and latency by load. A part of `make bench`.
#
# usage: path.sh BUILD OUTPUT-FOLDER
. "$(dirname "$0")/../tests/lib/net.sh"

bench=$build/weir-bench
out=$2

net_two_arm
weir_fast_path=on
{
	echo "services:"
	echo "  - {name: load, address: $vip4, protocol: udp, ports: 5000, announce: neighbor, backends: ["
	echo "     {name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}, {name: b3, address: 10.0.0.13}]}"
} | weir_config eth0 eth1
weir_start
weir_wait_reachable

path=(--from "$net_prefix-client:eth0" --destination "$vip4:5000" --flows 100
	--to "$net_prefix-b1:eth0,$net_prefix-b2:eth0,$net_prefix-b3:eth0")
"$bench" ndr "${path[@]}" --frames 60,566,1514 --trial 0.3 --sum 1.5 --width 4 --settle 0.1 --warm-up 0.5 \
	--json "$out/ndr.json"
"$bench" latency "${path[@]}" --loads 1kpps,10kpps,50kpps,100kpps,200kpps --seconds 2 --json "$out/latency.json"
weir_stop
