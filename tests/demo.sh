#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Weir's main job in half a minute, in network namespaces of its own: a client, Weir, and three
# nginx servers as DSR backends with the weights 50, 100 and 150 (net_one_arm in tests/lib/net.sh).
#
# usage: demo.sh [BUILD]   leaves its capture in BUILD/demo/drops.pcapng
. "$(dirname "$0")/lib/net.sh"

requests=300
names=(b1 b2 b3) weights=(50 100 150)
load_seconds=3 load_flows=256
downloads=12
dark=203.0.113.20
out=$build/demo
capture=$out/drops.pcapng

step() { printf '\n==> %s\n' "$*"; }

configure() {
	{
		web_services "${weights[@]}"
		load_service
		cat <<-END
			  - name: dark
			    address: $dark
			    protocol: udp
			    ports: 53
			    announce: neighbor
			    backends: [{name: b1, address: 10.0.0.11, state: down}]
		END
	} | weir_config eth0
}

bring_up() {
	step "A client, Weir and three nginx servers, each in a namespace"
	net_one_arm
	nginx_start_backends
	configure
	weir_start
	weir_wait_reachable
	on weir ip -br link show eth0
	"$weir" show interfaces -s "$socket"
}

# spread FAMILY VIP: real connections, shared out by weight
spread() {
	step "$requests HTTP requests over $1 to $2, each a connection of its own"
	requests $requests "$2" >"$dir/answers.$1" || fail "not every request was answered"
	expect_equal "answers over $1" $requests "$(wc -l <"$dir/answers.$1")"
	expect_spread "$dir/answers.$1" "${pairs[@]}"
	count_answers "$dir/answers.$1"
	echo
}

# Frames on the cable between switch and Weir, counted by the kernel at its other end.
cable() { on switch ip -j -s link show weir | jq -r '.[0].stats64 | "\(.tx.packets) \(.rx.packets)"'; }

udp_load() {
	local name sinks=() in_before out_before in_after out_after
	step "A UDP load of $load_flows flows for $load_seconds s, as fast as one sender goes"
	for name in "${names[@]}"; do
		start "$name" "$udp_load" sink 5000 >"$dir/sink.$name"
		sinks+=("$started")
	done
	read -r in_before out_before < <(cable)
	on client "$udp_load" send $vip4 5000 $load_seconds $load_flows >"$dir/sender"
	read -r in_after out_after < <(cable)
	net_stop "${sinks[@]}"
	mpps_in=$(mpps $((in_after - in_before)))
	mpps_out=$(mpps $((out_after - out_before)))
	received=$(jq -s 'map(.packets) | add' "$dir"/sink.*)
	echo "in $mpps_in Mpps, out $mpps_out Mpps; $received datagrams reached the backends' sockets"
	expect "a load that arrives" [ "$received" -gt 0 ]
}

mpps() { # PACKETS, in the seconds that the sender took
	jq -r --argjson packets "$1" '$packets / .seconds / 10000 | round / 100' "$dir/sender"
}

downloads_have_begun() { [ "$(find "$dir" -name 'body.*' -size +0 | wc -l)" -eq $downloads ]; }

remove_a_backend() {
	local i backend sum pids=()
	step "$downloads downloads at 1 MB/s; meanwhile a reload removes b3"
	head -c 3000000 /dev/urandom >"$dir/files/big"
	sum=$(sha256sum <"$dir/files/big")
	for ((i = 0; i < downloads; i++)); do
		start client curl -s -m 8 --no-buffer -D "$dir/head.$i" -o "$dir/body.$i" \
			"$(url $vip4)/files/big"
		pids+=("$started")
	done
	must_come 10 "the begin of all downloads" downloads_have_begun
	sed -i '/name: b3/d' "$dir/weir.yaml"
	weir_reload || fail "the reload"
	requests 100 $vip4 >"$dir/answers" || fail "requests after the reload"
	expect_spread "$dir/answers" "b1=${weights[0]}" "b2=${weights[1]}"
	echo "100 new requests: $(count_answers "$dir/answers")"
	for ((i = 0; i < downloads; i++)); do
		wait "${pids[i]}" || true
		backend=$(tr -d '\r' <"$dir/head.$i" | sed -n 's/^X-Backend: //p')
		[ "$backend" != b3 ] || { removed=$((removed + 1)); continue; }
		expect_equal "checksum of a download of $backend" "$sum" "$(sha256sum <"$dir/body.$i")"
		whole=$((whole + 1))
	done
	echo "$whole downloads of b1 and b2: all bytes right; $removed were on b3"
}

capture_runs() { weir_show status | jq -e '.captures == 1'; }
dark_drops() { [ "$(weir_drops no-backend)" -eq 20 ]; }

capture_drops() {
	step "Datagrams for a service with no live backend: dropped, counted, captured"
	start weir "$weir" capture --drops -w "$capture" --socket "$socket" 2>"$dir/capture.log"
	local pid=$started
	must_come 5 "the capture" capture_runs
	on client "$udp_load" send $dark 53 5 4 20 >/dev/null
	must_come 5 "20 drops" dark_drops
	net_stop "$pid"
	captured=$(tshark -r "$capture" -Y 'frame.comment contains "no-backend"' 2>/dev/null | wc -l)
	expect_equal "captured packets with their reason" 20 "$captured"
	tshark -r "$capture" -T fields -E separator=' ' -e frame.number -e ip.src -e udp.srcport \
		-e ip.dst -e udp.dstport -e frame.comment 2>/dev/null | head -n 4
}

take_down() {
	step "Weir ends (SIGTERM)"
	local kind id
	weir_show interfaces >"$dir/interfaces"
	weir_show drops >"$dir/drops"
	weir_kernel_objects >"$dir/objects"
	weir_stop
	while read -r kind id; do
		must_come 5 "no $kind $id of Weir's in the kernel" eval "! bpf_is_there $kind $id"
	done <"$dir/objects"
	echo "$(wc -l <"$dir/objects") programs, links and maps: all gone"
}

requests_row() { # FAMILY
	local name
	printf '  %-26s' "HTTP requests, $1"
	for name in "${names[@]}"; do
		printf '%14s' "$(grep -cx "$name" "$dir/answers.$1" || true)"
	done
	echo
}

table() {
	local i sum=0
	for i in "${weights[@]}"; do
		sum=$((sum + i))
	done
	printf '\n  %-26s' "backend (weight)"
	for i in 0 1 2; do
		printf '%14s' "${names[i]} (${weights[i]})"
	done
	printf '\n  %-26s' "expected of $requests"
	for i in 0 1 2; do
		printf '%14s' $((requests * weights[i] / sum))
	done
	echo
	requests_row IPv4
	requests_row IPv6
	echo
	printf '  %-26s%14s in%11s out\n' "UDP load, Mpps" "$mpps_in" "$mpps_out"
	printf '  %-26s%14s of %s\n' "downloads kept in reload" "$whole" "$whole"
	jq -r '.interfaces[] | "\(.name) \(.mode) (XDP \(.xdp), \(.queues) queues)"' "$dir/interfaces" |
		while read -r name mode; do
			printf '  %-26s%14s %s\n' "interface $name" "${mode%% *}" "${mode#* }"
		done
	jq -r '.reasons[] | select(.total > 0) | "\(.reason) \(.total)"' "$dir/drops" |
		while read -r reason total; do
			printf '  %-26s%14s\n' "dropped, $reason" "$total"
		done
	printf '  %-26s%14s\n' "ledger" \
		"$(jq -r 'if .balanced then "balanced" else "off by \(.difference)" end' "$dir/drops")"
	printf '\n  capture: %s\n  read it: tshark -r %s -T fields -e frame.number -e ip.dst -e frame.comment\n' \
		"$capture" "$capture"
}

pairs=() mpps_in=0 mpps_out=0 received=0 whole=0 removed=0 captured=0
for i in 0 1 2; do
	pairs+=("${names[i]}=${weights[i]}")
done
mkdir -p "$out"
rm -f "$capture"

bring_up
spread IPv4 $vip4
spread IPv6 $vip6
udp_load
remove_a_backend
capture_drops
take_down
table
