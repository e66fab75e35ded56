#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Datagrams of 60 KB in fragments, over IPv4 and IPv6, in order, from the end, and two at a time:
# each arrives whole (reassembled, its checksum right) at one backend. First and later fragments come
# in by different queues, so by different workers, where the kernel lets the client choose (one-arm).
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/udp.sh"

datagrams=40
size=60000

udp_fragments=$build/tests/lib/udp_fragments
net_one_arm
udp_services | weir_config eth0
weir_start
weir_wait_reachable

dropped_fragments() { weir_show drops | jq '[.reasons[] | select(.reason | startswith("fragment-")).total] | add'; }

expect_whole() { # VIP COMMAND...
	local vip=$1
	shift
	udp_sinks_start 5005
	expect "the sender" on client "$@"
	udp_sinks_expect $vip $datagrams $datagrams
	expect_equal "fragments dropped" 0 "$(dropped_fragments)"
	expect "the balance" ledger_is_balanced
}

run_orders() { # [split]
	for order in forward reverse interleaved; do
		for vip in $vip4 $vip6; do
			say "$order to $vip $*"
			expect_whole $vip "$udp_fragments" $vip 5005 $size $datagrams $order "$@"
		done
	done
}

run_orders
fragments() { weir_show status | jq ".fragments.$1"; }
expect_equal "datagrams that were decided by their first fragment" $((6 * datagrams)) \
	"$(fragments first)"
expect_equal "fragments that followed" $((datagrams * 3 * (40 + 41))) "$(fragments followed)"
expect "some of them waited" [ "$(fragments waited)" -gt 0 ]
expect_equal "fragments that wait" 0 "$(fragments held)"

# Each CPU has a queue: the client's, and the one that the switch goes on by, on the same CPU.
# spread_by_cpu NAMESPACE INTERFACE
spread_by_cpu() {
	# shellcheck disable=SC2016 # for the inner shell, which mounts the /sys of the namespace
	on "$1" unshare -m sh -c 'mount -t sysfs none /sys && for n in 0 1; do
		echo $((n + 1)) >"/sys/class/net/$0/queues/tx-$n/xps_cpus" || exit 1
	done' "$2"
}
queue_packets() { # QUEUE
	on weir ethtool -S eth0 | awk -v key="rx_queue_$1_xdp_packets:" '$1 == key {print $2}'
}
if [ "$(nproc)" -gt 1 ] && spread_by_cpu client eth0 2>"$dir/xps.log" &&
	spread_by_cpu switch weir 2>"$dir/xps.log"; then
	before=$(queue_packets 0)
	run_orders split
	# One of 41 or 42 is a first fragment.
	say "packets of the first queue: $(($(queue_packets 0) - before))"
	expect "first fragments on a queue of their own" \
		[ $(($(queue_packets 0) - before)) -ge $((6 * datagrams)) ]
	expect "later ones on the other" \
		[ $(($(queue_packets 0) - before)) -lt $((12 * datagrams)) ]
else
	say "one queue only: no two CPUs, or no XPS: $(tail -n 1 "$dir/xps.log" 2>/dev/null)"
fi

# Those that wait in vain end with their name, and the ledger has them.
say "firsts that never come"
on client "$udp_fragments" $vip4 5005 $size 4 headless
on client "$udp_fragments" $vip6 5005 $size 4 headless
must_come 5 "40 and 41 fragments of 4 datagrams each" \
	eval '[ "$(weir_drops fragment-unmatched)" = $((4 * 40 + 4 * 41)) ]'
must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
expect_equal "fragments that waited in vain, and some that found no place" $((4 * 40 + 4 * 41)) \
	$(($(fragments timed_out) + $(fragments refused)))
expect "the balance" ledger_is_balanced

# A ping's fragments are the kernel's, as a whole ping's packets are.
say "fragments that are not Weir's"
expect "a large ping" on client ping -q -c 1 -W 2 -s 4000 10.0.0.2
expect_equal "fragments dropped" $((4 * 40 + 4 * 41)) "$(dropped_fragments)"
