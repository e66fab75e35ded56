#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The drop ledger: whatever came in was transmitted, passed or dropped with a reason, and what came
# in is what the other end of the cable sent (one-arm, TCP and UDP, with drops of several reasons).
. "$(dirname "$0")/../lib/net.sh"

dark=203.0.113.20

net_one_arm
nginx_start_backends
web_services | weir_config eth0
cat >>"$dir/weir.yaml" <<END
  - name: dark
    address: $dark
    protocol: udp
    ports: 53
    announce: neighbor
    backends: [{name: b1, address: 10.0.0.11, state: down}]
  - name: load
    address: $vip4
    protocol: udp
    ports: 5000
    announce: neighbor
    backends: [{name: b1, address: 10.0.0.11}, {name: ghost, address: 10.0.0.99}]
END
weir_start
must_come 10 "the backends that are there" \
	eval "weir_show backends | jq -e 'all(.backends[]; .reachable or .name == \"ghost\" or .state == \"down\")'"

sent_to_weir() { on switch ip -j -s link show weir | jq '.[0].stats64.tx.packets'; }
received() { weir_show drops | jq .ledger.rx; }

weir_show_has() { weir_show drops | jq -e "$1" >/dev/null; } # FILTER

both_counters() { echo "$(sent_to_weir) $(received)"; }

# A moment when nothing is on its way: both stay as they are for a while.
is_quiet() {
	quiet=$(both_counters)
	sleep 0.3
	[ "$quiet" = "$(both_counters)" ]
}

must_come 10 "a quiet moment" is_quiet
read -r sent_base got_base <<<"$quiet"

requests 100 $vip4 >/dev/null || fail "requests over IPv4"
requests 100 $vip6 >/dev/null || fail "requests over IPv6"
on client "$udp_load" send $dark 53 5 8 500
on client bash -c "printf '%2000s' x >/dev/udp/$dark/53"
on client "$udp_load" send $vip4 5000 1 64 # as fast as it goes: some may be lost, with a reason
on client ping -c 3 -i 0.2 10.0.0.2 >/dev/null

must_come 10 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
weir_show drops | jq -c '.ledger, .balanced, (.reasons[] | select(.total > 0) | {(.reason): .total})'
expect "the balance" ledger_is_balanced
expect "what is told of no-backend" weir_show_has \
	'.reasons[] | select(.reason == "no-backend") | .bytes > 502 * 50 and .last != null and (.mend | length) > 0'
must_come 10 "the rate of no-backend" weir_show_has '.reasons[] | select(.reason == "no-backend") | .rate > 1'
expect "the NIC's counters" weir_show_has 'any(.places[]; .interface == "eth0" and .name == "rx_missed_errors")'
expect_match "the sum" "this adds up: every packet" "$("$weir" show drops -s "$socket")"
expect_equal "no-backend, a datagram of two fragments with them" 502 "$(weir_drops no-backend)"
expect "no-next-hop" [ "$(weir_drops no-next-hop)" -gt 0 ]
must_come 10 "a quiet moment" is_quiet
read -r sent got <<<"$quiet"
expect_equal "packets that came in, as many as were sent" $((sent - sent_base)) $((got - got_base))
