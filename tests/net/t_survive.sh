#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connections outlive the daemon (one-arm). With the fast path on, downloads go on and end while no
# daemon runs, after kill -9; others live through a restart. With it off, they stall while there is
# no daemon and go on with the next one. New connections work after each start.
. "$(dirname "$0")/../lib/net.sh"

downloads=50

net_one_arm
nginx_start_backends
head -c 2000000 /dev/urandom >"$dir/files/big"
sum=$(sha256sum <"$dir/files/big")

bodies() { find "$dir" -name 'body.*' "$@" | wc -l; }
all_have_begun() { [ "$(bodies -size +0)" -eq $downloads ]; }
all_have_ended() {
	local pid
	for pid in "${download_pids[@]}"; do
		! is_running "$pid" || return 1
	done
}

download_begin() {
	local i
	download_pids=()
	rm -f "$dir"/body.*
	for ((i = 0; i < downloads; i++)); do
		start client curl -s -m 40 --no-buffer -o "$dir/body.$i" "$(url $((i % 2 ? 6 : 4)))/files/big"
		download_pids+=("$started")
	done
	must_come 10 "the begin of all downloads" all_have_begun
}
url() { if [ "$1" = 4 ]; then echo "http://$vip4"; else echo "http://[$vip6]"; fi; }

download_end() { # WHAT
	local i
	must_come 40 "the end of all downloads: $1" all_have_ended
	for ((i = 0; i < downloads; i++)); do
		expect_equal "download $i: $1" "$sum" "$(sha256sum <"$dir/body.$i")"
	done
	say "$downloads downloads are whole: $1"
}

new_connections_work() {
	local family
	for family in 4 6; do
		expect_equal "new requests over IPv$family" 20 \
			"$(on client curl -sf -m 5 -H 'Connection: close' "$(url $family)/?[1-20]" | wc -l)"
	done
}

daemon_is_gone() { ! is_running "$weir_pid"; }
weir_end_by() { # SIGNAL
	kill -"$1" "$weir_pid"
	must_come 10 "the daemon's end by $1" daemon_is_gone
	wait "$weir_pid" 2>/dev/null || true
}

say "fast path on"
weir_fast_path=on
web_services | weir_config eth0
weir_start
weir_wait_reachable
download_begin
weir_end_by KILL
download_end "no daemon after kill -9"

weir_start
grep -q "took over" "$dir/weir.log" || fail "the second daemon does not say that it took over"
weir_wait_reachable
new_connections_work
must_come 5 "a balanced ledger after the takeover" ledger_is_balanced
before=$(weir_show services | jq '[.services[].packets] | add')
expect "counters that went on" [ "$before" -gt 1000 ]

download_begin
weir_end_by QUIT
weir_start
weir_wait_reachable
new_connections_work
download_end "a restart by SIGQUIT"
weir_stop
expect "no pins after SIGTERM" [ ! -e "/sys/fs/bpf/weir/$net_prefix" ]

say "fast path off"
weir_fast_path=off
web_services | weir_config eth0
weir_start
weir_wait_reachable
download_begin
weir_end_by KILL
weir_start
weir_wait_reachable
new_connections_work
download_end "the daemon is back after kill -9, fast path off"
must_come 5 "a balanced ledger" ledger_is_balanced
weir_stop
