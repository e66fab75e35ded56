#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures the control plane of a daemon with many backends while packets pass through it: scrapes of
# /metrics, and API calls at a rate, with the drops meanwhile. In namespaces (tests/lib/net.sh), as
# root.
#
# usage: control.sh [BUILD [SERVICES [BACKENDS-OF-EACH]]]
. "$(dirname "$0")/../tests/lib/net.sh"

services=${2:-1000} backends=${3:-100}

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

net_one_arm
nginx_start_backends
{ web_services; many_services; } | weir_config eth0
weir_launch
must_come 120 "the daemon" weir_is_ready_or_gone
say "$services services of $backends backends"
( while requests 50 $vip4 >/dev/null; do :; done ) &
net_pids+=($!)
must_come 30 "traffic" eval "weir_show drops | jq -e '.ledger.transmitted > 100'"
"$build/weir-bench" api -s "$socket"
