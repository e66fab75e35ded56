#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# VIPs answer ping over IPv4 and IPv6, whatever the backends do, and no more often than they are
# told to; by the XDP program while no daemon runs (one-arm).
. "$(dirname "$0")/../lib/net.sh"

net_one_arm

# configure KEYS: with these under `icmp:`
configure() {
	{
		echo "icmp: {$1}"
		web_services
	} | weir_config eth0
}

# answers VIP OPTION...: ends with the fifth answer, and fails without it. (Otherwise ping waits for
# a late answer only as long as those before it took.)
answers() { on client ping -q -c 5 -i 0.05 -w 10 "${@:2}" "$1" >/dev/null; }

# pings VIP OPTION...: how many were answered
pings() {
	local vip=$1
	shift
	on client ping -q "$@" "$vip" >"$dir/ping" || true
	sed -nE 's/.* ([0-9]+) received.*/\1/p' "$dir/ping"
}

configure "echo: true"
weir_start
for vip in $vip4 $vip6; do
	must_come 5 "an answer of $vip" on client ping -q -c 1 -W 1 $vip
	for size in 0 1 56 1400; do
		expect "answers of $vip to $size bytes" answers $vip -s $size
	done
	say "$vip answers"
done
expect_equal "echo requests that were dropped" "00" \
	"$(weir_drops echo-limited)$(weir_drops malformed-icmp)"

configure "echo_limit: 20"
weir_reload
for vip in $vip4 $vip6; do
	before=$(weir_drops echo-limited)
	answered=$(pings $vip -c 200 -i 0.002 -W 1)
	dropped=$(($(weir_drops echo-limited) - before))
	say "$vip: $answered answers, $dropped over the limit"
	expect "some answers" [ "$answered" -gt 0 ]
	expect "most are over the limit" [ "$dropped" -gt 100 ]
	expect "not more than was sent" [ $((answered + dropped)) -le 200 ]
done

configure "echo: false"
weir_reload
expect_equal "answers without echo" 0 "$(pings $vip4 -c 2 -i 0.05 -W 1)"

configure "echo: false, other: drop"
weir_reload
expect_equal "answers where ICMP is dropped" 0 "$(pings $vip6 -c 2 -i 0.05 -W 1)"
expect_equal "ICMP that was refused" 2 "$(weir_drops icmp-refused)"

say "no daemon"
configure "echo: true"
weir_reload
configure "echo_limit: 2" # nothing but that; and so few that no loaded machine is slow enough for more
weir_reload
before=$(weir_drops echo-limited)
kill -KILL "$weir_pid"
must_come 10 "the daemon's end" eval "! is_running $weir_pid"
wait "$weir_pid" 2>/dev/null || true
for vip in $vip4 $vip6; do
	must_come 5 "an answer of $vip" on client ping -q -c 1 -W 1 $vip
	answered=$(pings $vip -c 200 -i 0.002 -W 1)
	say "$vip: $answered answers"
	expect "some answers" [ "$answered" -gt 0 ]
	expect "most are over the limit" [ "$answered" -lt 100 ]
done
weir_start
expect "they were counted" [ $(($(weir_drops echo-limited) - before)) -gt 200 ]
must_come 5 "an answer of the new daemon" on client ping -q -c 1 -W 1 $vip4

expect "the host's own address still answers" on client ping -q -c 1 -W 2 10.0.0.2
must_come 5 "a balanced ledger" ledger_is_balanced
