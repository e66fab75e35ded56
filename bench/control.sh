#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures the control thread of a daemon with many backends while packets pass through it, by
# `weir-bench api`: scrapes, calls at a rate, reloads; and then that of one that checks many backends'
# health. In namespaces (tests/lib/net.sh), as root. A part of `make bench`.
#
# usage: control.sh [BUILD [OUTPUT-FOLDER [SERVICES [BACKENDS-OF-EACH]]]]
. "$(dirname "$0")/../tests/lib/net.sh"

out=${2:-$dir}
services=${3:-1000} backends=${4:-100}
checked=60 # services of three backends, each checked 20 times a second
bench=$build/weir-bench

many_services() {
	awk -v services="$services" -v backends="$backends" 'BEGIN {
		for (s = 0; s < services; s++) {
			printf "  - name: many%d\n    address: 198.18.%d.%d\n    protocol: tcp\n", s,
				s / 250, s % 250 + 1
			printf "    ports: 80\n    backends:\n"
			for (b = 0; b < backends; b++)
				printf "      - {name: b%d, address: 10.0.0.%d}\n", b, b + 11
		}
	}'
}

start_daemon() { # SERVICES-FUNCTION ARGUMENT...
	{ web_services; "$@"; } | weir_config eth0
	rm -f "$dir/weir.out"
	weir_launch
	must_come 120 "the daemon" weir_is_ready_or_gone
	weir_is_ready || fail "the daemon ended: $(tail -n 1 "$dir/weir.log")"
}

net_one_arm
nginx_start_backends

start_daemon many_services
say "$services services of $backends backends"
( while requests 50 $vip4 >/dev/null; do :; done ) &
traffic=$!
net_pids+=("$traffic")
must_come 30 "traffic" eval "weir_show drops | jq -e '.ledger.transmitted > 100'"
cp "$dir/weir.yaml" "$dir/nothing.yaml"
sed '0,/name: b0, /s//name: b0, weight: 7, /' "$dir/weir.yaml" >"$dir/one weight.yaml"
sed 's/name: b0, /name: b0, weight: 7, /' "$dir/weir.yaml" >"$dir/a weight of each service.yaml"
"$bench" api -s "$socket" --only scrapes,calls,reloads --trials 3 --config "$dir/weir.yaml" \
	--changed "$dir/nothing.yaml,$dir/one weight.yaml,$dir/a weight of each service.yaml" \
	--json "$out/api.json"
weir_stop

start_daemon checked_services $checked
say "$checked services of 3 backends, each checked every 50 ms"
weir_wait_reachable
"$bench" api -s "$socket" --only checks --seconds 5 --json "$out/checks.json"
kill "$traffic" 2>/dev/null || true
weir_stop
