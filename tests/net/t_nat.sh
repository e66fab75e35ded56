#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `forward: nat` (one-arm): backends that know nothing of VIPs and clients, at a port of their own,
# serve clients of both families over either, with the fast path and without. What is captured at
# both ends has no wrong checksum.
#
#     client .1      weir .2      b1 .11  b2 .12  b3 .13     each has its own address, and no
#        |             |            |       |       |        route but that of its network
#   -----+-------------+------------+-------+-------+-----  10.0.0.0/24, fd00::/64
#                                                           SNAT addresses: .200, ::200
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/checksums.sh"

requests=200

net_switch switch
net_namespace client weir
net_plug client eth0 switch
net_address client eth0 203.0.113.1/24 2001:db8::1/64
net_plug weir eth0 switch
net_address weir eth0 10.0.0.2/24 fd00::2/64
for n in 1 2 3; do
	net_namespace b$n
	net_plug b$n eth0 switch
	net_address b$n eth0 10.0.0.1$n/24 fd00::1$n/64
	nginx_start b$n 8080
done
head -c 100000000 /dev/urandom >"$dir/files/hundred"
head -c 10000000 "$dir/files/hundred" >"$dir/files/ten"

backend() { # FAMILY N
	[ "$1" = 4 ] && echo 10.0.0.1"$2" || echo fd00::1"$2"
}

# service NAME VIP PROTOCOL PORT FAMILY [PORT_OF_BACKEND]: backends of that family
service() {
	cat <<-END
		  - name: $1
		    address: "$2"
		    protocol: $3
		    ports: $4
		    forward: nat
		    announce: neighbor
		    backends:
	END
	for n in 1 2 3; do
		echo "      - {name: b$n, address: \"$(backend "$5" $n)\", port: ${6:-same}}"
	done
}

configure() {
	{
		echo 'nat: {addresses: [10.0.0.200, "fd00::200"]}'
		echo "services:"
		service web44 203.0.113.10 tcp 80 4 8080
		service web66 2001:db8::10 tcp 80 6 8080
		service web46 203.0.113.11 tcp 80 6 8080
		service web64 2001:db8::11 tcp 80 4 8080
		service udp44 203.0.113.10 udp 5000-5010 4
		service udp66 2001:db8::10 udp 5000-5010 6
		service udp46 203.0.113.11 udp 5000-5010 6
		service udp64 2001:db8::11 udp 5000-5010 4
	} | weir_config eth0
}

# forwarded SERVICE: packets so far
forwarded() {
	weir_show backends | jq "[.backends[] | select(.service == \"$1\").packets] | add"
}

http() { # SERVICE VIP
	requests $requests "$2" >"$dir/answers" || fail "$1: $(tail -n 1 "$dir/requests.log")"
	expect_equal "$1: answers" $requests "$(wc -l <"$dir/answers")"
	expect_spread "$dir/answers" b1=1 b2=1 b3=1
	on client curl -sf -m 60 -o "$dir/got" "$(url "$2")/fast/hundred" || fail "$1: download"
	expect "$1: what was downloaded" cmp "$dir/files/hundred" "$dir/got"
	on client curl -sf -m 60 -o /dev/null -T "$dir/files/ten" "$(url "$2")/upload" ||
		fail "$1: upload"
	say "$1: $(count_answers "$dir/answers"), $(forwarded "$1") packets forwarded"
}

udp() { # SERVICE VIP
	local pids=() n
	for n in 1 2 3; do
		start b$n "$udp_load" sink 5005 >"$dir/sink.b$n"
		pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':5005 '"
	done
	expect "$1: the load" on client "$udp_load" send "$2" 5005 20 64 2048
	must_come 5 "a ledger with nothing held" \
		eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "${pids[@]}"
	expect_equal "$1: datagrams" 2048 "$(jq -s 'map(.packets) | add' "$dir"/sink.b?)"
	expect_equal "$1: flows" 64 "$(jq -s 'map(.flows) | add' "$dir"/sink.b?)"
}

# Captures some of what comes to either end, to be looked at once at the end.
capture_packets=4000
captures=()
capture_start() { # KIND
	local name
	captures=()
	for name in client b1; do
		start $name tshark -q -i eth0 -c $capture_packets -w "$dir/$name.$1.pcap" \
			2>"$dir/$name.tshark"
		captures+=("$started")
		must_come 10 "the capture at $name" grep -q Capturing "$dir/$name.tshark"
	done
}

# In order, so that the files end with a whole packet.
capture_stop() {
	local pid
	kill -INT "${captures[@]}" 2>/dev/null || true
	for pid in "${captures[@]}"; do
		wait "$pid" || true
	done
}

check_captures() {
	mergecap -w "$dir/all.pcap" "$dir"/*.*.pcap
	expect_checksums "$dir/all.pcap"
	say "$(capinfos -MTcr "$dir/all.pcap" | tail -n 1 | cut -f 2) packets, no wrong checksum"
	rm "$dir"/*.pcap
}

for weir_fast_path in off on; do
	configure
	weir_start
	weir_wait_reachable
	say "fast path $weir_fast_path"
	for kind in "44 203.0.113.10" "66 2001:db8::10" "46 203.0.113.11" "64 2001:db8::11"; do
		capture_start "${kind% *}"
		http "web${kind% *}" "${kind#* }"
		udp "udp${kind% *}" "${kind#* }"
		capture_stop
	done
	check_captures
	weir_show drops | jq -c '[.reasons[] | select(.total > 0) | {(.reason): .total}]'
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
done
