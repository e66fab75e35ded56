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
	for n in 1 2 3; do
		start b$n "$udp_load" sink "$1" >"$dir/sink.b$n"
		udp_sink_pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':$1 '"
	done
}

# udp_sinks_expect VIP DATAGRAMS FLOWS: ends the sinks, once Weir holds nothing any more. All of a
# flow came to one backend, and each backend got some.
udp_sinks_expect() {
	must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "${udp_sink_pids[@]}"
	cat "$dir"/sink.b?
	expect_equal "datagrams to $1" "$2" "$(jq -s 'map(.packets) | add' "$dir"/sink.b?)"
	expect_equal "flows to $1, each at one backend" "$3" \
		"$(jq -s 'map(.flows) | add' "$dir"/sink.b?)"
	expect_equal "backends without a flow" 0 \
		"$(jq -s 'map(select(.flows == 0)) | length' "$dir"/sink.b?)"
}
