#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client whose kernel leaves checksums to a device that is not there: Weir counts them, by
# interface, and a service with verify_checksums drops them. Once the client finishes them itself,
# the same service serves it, and its flows go past the fast path (two-arm).
. "$(dirname "$0")/../lib/net.sh"

net_two_arm
nginx_start_backends

weir_fast_path=on
configure() { # true|false
	web_services | sed "s/^    forward: dsr/&\n    verify_checksums: $1/" | weir_config eth0 eth1
}

unfinished() { # INTERFACE
	weir_show interfaces |
		jq ".interfaces[] | select(.name == \"$1\").unfinished_checksums"
}
has_counted() { [ "$(unfinished eth0)" -gt "$1" ]; }
connects() { on client curl -sf --max-time "$1" -o /dev/null "$(url "$2")/"; }
fast_packets() { weir_show services | jq '[.services[].fast_packets] | add'; }

configure false
weir_start
weir_wait_reachable
for vip in $vip4 $vip6; do
	expect "$vip answers" connects 10 $vip
done
expect_equal "unfinished checksums of a client that finishes them" 0 "$(unfinished eth0)"

on client ethtool -K eth0 tx on >/dev/null
for vip in $vip4 $vip6; do
	before=$(unfinished eth0)
	connects 1 $vip && fail "$vip answered: the backend took a wrong checksum"
	expect "$vip: unfinished checksums are counted" has_counted "$before"
done
expect_equal "unfinished checksums of the backends' side" 0 "$(unfinished eth1)"
expect_equal "dropped for them" 0 "$(weir_drops bad-checksum)"

configure true
weir_reload
for vip in $vip4 $vip6; do
	before=$(weir_drops bad-checksum)
	connects 1 $vip && fail "$vip answered: a wrong checksum got through"
	expect "$vip: wrong checksums are dropped" [ "$(weir_drops bad-checksum)" -gt "$before" ]
done

on client ethtool -K eth0 tx off >/dev/null
before=$(weir_drops bad-checksum)
fast=$(fast_packets)
for vip in $vip4 $vip6; do
	must_come 10 "an answer of $vip" connects 2 $vip
done
expect_equal "packets repeated by the fast path" 0 $(($(fast_packets) - fast))
expect_equal "dropped of a client that finishes its checksums" "$before" "$(weir_drops bad-checksum)"
must_come 5 "a balanced ledger" ledger_is_balanced
