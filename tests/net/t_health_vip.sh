#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks of the VIP by way of a backend (one-arm, IPv4 and IPv6): one that has lost the VIP is found,
# though its own address answers; and what the daemon made for that on the host goes with it, also
# after a kill.
. "$(dirname "$0")/../lib/net.sh"

[ -c /dev/net/tun ] || skip "no /dev/net/tun"
net_one_arm
nginx_start_backends
health='health: {type: http, path: /, target: TARGET, interval: 200ms, timeout: 200ms}'
web_services | sed "s|announce: neighbor|&\n    $health|" | sed 's/TARGET/vip/' | weir_config eth0

backend() { weir_show backends | jq -r --arg s "$1" --arg b "$2" ".backends[] | select(.service == \$s and .name == \$b) | $3"; }
is() { [ "$(backend "$1" "$2" .state)" = "$3" ]; }
all_up() { weir_show backends | jq -e 'all(.backends[]; .state == "up")' >/dev/null; }
host_state() {
	on weir ip -4 rule show
	on weir ip -6 rule show
	on weir ip -o link show | grep -c .
}

before=$(host_state)
weir_start
weir_wait_reachable
must_come 10 "all backends up by way of the VIP" all_up

say "b2 loses its VIPs"
on b2 ip address delete $vip4/32 dev lo
must_come 10 "web4/b2 down" is web4 b2 down
expect_match "the reason" 'no answer in 200ms|refused|unreachable|no route' "$(backend web4 b2 .reason)"
expect "web6/b2 is up" is web6 b2 up
on b2 ip address delete $vip6/128 dev lo
must_come 10 "web6/b2 down" is web6 b2 down
expect "the others are up" eval 'is web4 b1 up && is web6 b3 up'
expect "its own address answers" on weir curl -sf -m 2 -o /dev/null http://10.0.0.12/
requests 60 $vip4 >"$dir/answers" || fail "requests"
expect "no answer of b2" eval "! grep -q b2 '$dir/answers'"

say "b2 gets them back"
net_vip b2 $vip4 $vip6
must_come 10 "all backends up again" all_up

say "checks of the backend's own address do not see it"
web_services | sed "s|announce: neighbor|&\n    $health|" | sed 's/TARGET/backend/' | weir_config eth0
expect "the reload" weir_reload
on b2 ip address delete $vip4/32 dev lo
ten_more_checks() { [ "$(backend web4 b2 .health.age_s | cut -d. -f1)" = 0 ]; }
must_come 5 "checks" ten_more_checks
expect "web4/b2 is up" is web4 b2 up
net_vip b2 $vip4
must_come 5 "a balanced ledger" ledger_is_balanced

say "nothing stays on the host"
web_services | sed "s|announce: neighbor|&\n    $health|" | sed 's/TARGET/vip/' | weir_config eth0
weir_stop
expect_equal "rules and links" "$before" "$(host_state)"
weir_start
must_come 10 "all backends up by way of the VIP" all_up
kill -KILL "$weir_pid"
wait "$weir_pid" || true
weir_start
must_come 10 "all backends up by way of the VIP" all_up
weir_stop
expect_equal "rules and links after a kill and another start" "$before" "$(host_state)"
