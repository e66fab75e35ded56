#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What clients meet where no backend serves (one-arm, IPv4 and IPv6), what backups are for, and slow
# start: with `no_backend: reset` a connection is refused at once, and UDP gets "port unreachable";
# with `drop` nothing comes back; with `pass` the kernel answers; a backup is used while too few
# others are up; a backend that comes back gets few flows at first.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
{
	web_services | sed 's|announce: neighbor|&\n    no_backend: reset|'
	for service in 'quiet tcp 81 drop' 'kernel tcp 82 pass' 'dns udp 53 reset'; do
		# shellcheck disable=SC2086 # words
		set -- $service
		cat <<-END
			  - {name: $1, address: $vip4, protocol: $2, ports: $3, no_backend: $4,
			     backends: [{name: b1, address: 10.0.0.11, state: down}]}
		END
	done
} | weir_config eth0
weir_start
weir_wait_reachable

set_backend() { "$weir" set backend "$@" -s "$socket" >>"$dir/set.log"; }
connect() { on client curl -sS -m 3 -o /dev/null "$(url "$1" "${2:-80}")/" 2>&1 || true; }

say "refused"
for b in b1 b2 b3; do
	set_backend web4/$b state=down
	set_backend web6/$b state=down
done
expect_match "an IPv4 connection" "refused|couldn't connect|failed to connect" "$(connect $vip4)"
expect_match "an IPv6 connection" "refused|couldn't connect|failed to connect" "$(connect $vip6)"
on client bash -c "exec 3<>/dev/tcp/$vip4/80" 2>"$dir/refused" && fail "it is connected"
expect_match "what the kernel says" 'connection refused' "$(cat "$dir/refused")"
on client bash -c "exec 3<>/dev/udp/$vip4/53; echo hello >&3; sleep 0.2; echo hello >&3" 2>"$dir/refused" &&
	fail "nobody said that the port is unreachable"
expect_match "what the kernel says" 'connection refused' "$(cat "$dir/refused")"

say "dropped, and passed"
expect_match "a connection that is dropped" 'timed out|timeout' "$(connect $vip4 81)"
expect "dropped as no-backend" [ "$(weir_drops no-backend)" -gt 0 ]
passed() { weir_show interfaces | jq '[.interfaces[].counters.passed] | add'; }
before=$(passed)
connect $vip4 82 >"$dir/said"
expect "passed to the kernel" [ "$(passed)" -gt "$before" ]
set_backend kernel/b1 state=up
before=$(weir_show services | jq '.services[] | select(.name == "kernel").packets')
connect $vip4 82 >"$dir/said"
expect "balanced, once a backend serves" \
	[ "$(weir_show services | jq '.services[] | select(.name == "kernel").packets')" -gt "$before" ]
must_come 5 "a balanced ledger" ledger_is_balanced

say "backup"
web_services | sed 's|announce: neighbor|&\n    min_up: 2|; s|\(name: b3, .*\)}|\1, backup: true}|' | weir_config eth0
expect "the reload" weir_reload
requests 60 $vip4 >"$dir/answers" || fail "requests"
expect_spread "$dir/answers" b1=100 b2=100
set_backend web4/b1 state=down
requests 100 $vip4 >"$dir/answers" || fail "requests with the backup"
expect_spread "$dir/answers" b2=100 b3=100
set_backend web4/b1 state=up

say "slow start"
web_services | sed 's|announce: neighbor|&\n    slow_start: 10m|' | weir_config eth0
set_backend web4/b3 state=down
expect "the reload" weir_reload
requests 200 $vip4 >"$dir/answers" || fail "requests in b3's slow start"
say "a moment after b3 has come back: $(count_answers "$dir/answers")"
expect "few flows for b3" [ "$(grep -c b3 "$dir/answers")" -le 20 ]
web_services | weir_config eth0
expect "the reload" weir_reload
requests 200 $vip4 >"$dir/answers" || fail "requests without slow start"
expect_spread "$dir/answers" b1=100 b2=100 b3=100
must_come 5 "a balanced ledger" ledger_is_balanced
