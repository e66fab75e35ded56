#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir capture --drops`: what Weir drops is in the capture with its reason as the packet's comment,
# as often as `weir show drops` counts it; --reason, a filter and classic pcap work (one-arm).
. "$(dirname "$0")/../lib/net.sh"

dark=203.0.113.20 ghost=203.0.113.21

net_one_arm
web_services | weir_config eth0
cat >>"$dir/weir.yaml" <<END
  - name: dark
    address: $dark
    protocol: udp
    ports: any
    announce: neighbor
    backends: [{name: b1, address: 10.0.0.11, state: down}]
  - name: ghost
    address: $ghost
    protocol: udp
    ports: any
    announce: neighbor
    backends: [{name: nobody, address: 10.0.0.99}]
END
weir_start

# capture NAME OPTION...: starts `weir capture` into $dir/NAME and waits until it runs.
captures=0
capture_pids=()
capture() {
	local file=$dir/$1
	shift
	start weir "$weir" capture --drops -w "$file" --socket "$socket" "$@" 2>>"$dir/capture.log"
	capture_pids+=("$started")
	captures=$((captures + 1))
	must_come 5 "capture $captures" eval "weir_show status | jq -e '.captures == $captures'"
}

capture all.pcapng
capture ghost.pcapng --reason no-next-hop
capture filtered.pcapng 'udp port 1111'
capture classic.pcap --format pcap

send() { on client "$udp_load" send "$@" >/dev/null; }
send $dark 1111 5 4 20
send $dark 2222 5 4 30
send $ghost 3333 5 4 10
# One datagram that needs two fragments.
on client bash -c "printf '%2000s' x >/dev/udp/$dark/4444"

drops_are_counted() {
	[ "$(weir_drops no-backend)" = 52 ] && [ "$(weir_drops no-next-hop)" = 10 ]
}
must_come 5 "52 + 10 drops in the counters" drops_are_counted
net_stop "${capture_pids[@]}"

# comments FILE: how many packets of each comment's reason
comments() {
	tshark -r "$dir/$1" -T fields -e frame.comment 2>/dev/null
}
expect_equal "no-backend in the capture" 52 "$(comments all.pcapng | grep -c no-backend)"
expect_equal "no-next-hop in the capture" 10 "$(comments all.pcapng | grep -c no-next-hop)"
expect_equal "packets in the capture" 62 "$(comments all.pcapng | wc -l)"
expect_equal "comments without the service's name" 0 \
	"$(comments all.pcapng | grep no-backend | grep -vc dark || true)"
expect_equal "packets of --reason no-next-hop" 10 "$(comments ghost.pcapng | wc -l)"
expect_equal "packets of the filter" 20 "$(comments filtered.pcapng | wc -l)"
expect_equal "packets of the classic pcap" 62 "$(comments classic.pcap | wc -l)"
expect_equal "packets as they came: good checksums" 60 \
	"$(tshark -o ip.defragment:FALSE -o udp.check_checksum:TRUE -r "$dir/all.pcapng" -Y 'udp.checksum.status == 1' \
		2>/dev/null | wc -l)"
must_come 5 "no capture left" eval "weir_show status | jq -e '.captures == 0'"
comments all.pcapng | sort | uniq -c
