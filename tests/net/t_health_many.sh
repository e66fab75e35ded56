#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Some thousand health checks a second, while datagrams stream through the workers (one-arm, fast path
# off): every datagram arrives, no worker and no ring drops one, checks keep to their intervals, and a
# server that ends is found as fast as ever.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/udp.sh"

groups=40 # of three backends; each is checked 20 times a second
flows=64
datagrams=64000

weir_fast_path=off
net_one_arm
nginx_start_backends
{ udp_services; checked_services $groups; } | weir_config eth0
http=127.0.0.1:9290
sed -i "s|^api: .*|api: {socket: $socket, http: \"$http\"}|" "$dir/weir.yaml"
weir_start
weir_wait_reachable

metric() { # SAMPLE
	on weir curl -sf "http://$http/metrics" | awk -v sample="$1" '$1 == sample { print $2 }'
}
good() { metric 'weir_health_checks_total{result="good"}'; }
checks_at_least() { [ "$(good)" -ge "$1" ]; }
is_up() { # SERVICE/BACKEND UP
	weir_show backends | jq -e ".backends[] | select(.service + \"/\" + .name == \"$1\") |
		.state == \"$2\"" >/dev/null
}

expect_equal "backends that are checked" $((groups * 3)) "$(metric weir_health_checks)"
must_come 20 "checks of all" checks_at_least $((groups * 3 * 5))
udp_sinks_start 5005
before=$(good) begin=${EPOCHREALTIME/./}
expect "the load" on client "$udp_load" send $vip4 5005 30 $flows $datagrams
after=$(good) end=${EPOCHREALTIME/./}
say "$(((after - before) * 1000000 / (end - begin))) checks a second, while datagrams streamed"
expect "checks meanwhile" [ $((after - before)) -gt $((groups * 3)) ]
udp_sinks_expect $vip4 $datagrams $flows
expect_equal "what was dropped" "[]" \
	"$(weir_show drops | jq -c '[.reasons[] | select(.total > 0 and .reason != "no-next-hop")]')"
expect_equal "backends that went down" "" "$(grep backend-down "$dir/weir.log" || true)"

say "a server that ends"
# shellcheck disable=SC2154 # nginx_start sets it
net_stop "$nginx_pid_b2"
must_come 10 "b2 is down" is_up many0/b2 down
must_come 10 "of the last service too" is_up many$((groups - 1))/b2 down
expect "b1 stays up" is_up many0/b1 up
must_come 10 "a balanced ledger" ledger_is_balanced
