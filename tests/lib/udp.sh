# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # variables of net.sh
#
# UDP services and their backends' sinks, for tests that have sourced net.sh and made a network.

# udp_services: `udp4` and `udp6`, ports 5000 to 5010 of the VIPs, on the backends.
udp_services() {
	local family n
	echo "services:"
	for family in 4 6; do
		cat <<-END
			  - name: udp$family
			    address: "$([ $family = 4 ] && echo "$vip4" || echo "$vip6")"
			    protocol: udp
			    ports: 5000-5010
			    announce: neighbor
			    backends:
		END
		for n in 1 2 3; do
			echo "      - {name: b$n, address: \"$([ $family = 4 ] && echo 10.0.0.1$n ||
				echo fd00::1$n)\"}"
		done
	done
}

# udp_sinks_start PORT: one in each backend, which counts what comes.
udp_sinks_start() {
	local n
	udp_sink_pids=()
	udp_lost_before=$(udp_lost_in_all)
	udp_taken_before=$(udp_taken_by_all)
	for n in 1 2 3; do
		start b$n "$udp_load" sink "$1" >"$dir/sink.b$n"
		udp_sink_pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':$1 '"
	done
}

# udp_sinks_expect VIP DATAGRAMS FLOWS: ends the sinks, once all are there: at a backend, or lost by the
# kernel of a busy machine. All of a flow came to one backend, and each backend got some.
udp_sinks_expect() {
	local got
	udp_await_all "$2"
	net_stop "${udp_sink_pids[@]}"
	cat "$dir"/sink.b?
	got=$(jq -s 'map(.packets) | add' "$dir"/sink.b?)
	[ "$got" -le "$2" ] && [ $((got + $(udp_lost))) -ge "$2" ] ||
		fail "datagrams to $1: $got of $2, $(udp_lost) lost by the kernel"
	expect_equal "flows to $1, each at one backend" "$3" \
		"$(jq -s 'map(.flows) | add' "$dir"/sink.b?)"
	expect_equal "backends without a flow" 0 \
		"$(jq -s 'map(select(.flows == 0)) | length' "$dir"/sink.b?)"
}

# What the kernel lost, where the machine is too busy: on the cables, and at the sinks' sockets.
udp_lost_in_all() {
	local name
	{
		for name in "${net_namespaces[@]}"; do
			nsenter --net="/run/netns/$name" ip -s -j link
		done | jq '.[].stats64 | .rx.dropped + .tx.dropped'
		udp_counts_of_sinks 3 NoPorts
		udp_counts_of_sinks 4 InErrors
	} | awk '{sum += $1} END {print sum}'
}

# udp_counts_of_sinks COLUMN WORD: of the kernel's counts for IPv4, and for IPv6, one a line.
udp_counts_of_sinks() {
	local name
	for name in b1 b2 b3; do
		on $name awk -v column="$1" -v word="Udp6$2" \
			'($1 == "Udp:" && $2 ~ /^[0-9]/) {print $column} $1 == word {print $2}' /proc/net/snmp /proc/net/snmp6
	done
}
udp_lost() { echo $(($(udp_lost_in_all) - udp_lost_before)); } # since udp_sinks_start

# What the sinks have taken off their sockets since udp_sinks_start.
udp_taken_by_all() { udp_counts_of_sinks 2 InDatagrams | awk '{sum += $1} END {print sum}'; }
udp_are_there() { [ $(($(udp_taken_by_all) - udp_taken_before + $(udp_lost))) -ge "$1" ]; }

# udp_await_all COUNT: until so many datagrams are at the sinks, or known to be lost. What has left Weir
# is in nobody's books for as long as the kernel's queues are behind. Not for ever: who compares then
# says what is missing.
udp_await_all() {
	must_come 10 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	wait_for 20 udp_are_there "$1" || true
}
