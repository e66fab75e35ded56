#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `announce: route` (one-arm): routes of VIPs are in the kernel's table while enough backends are
# well, go at once when not, and come back damped; a prefix has its own. What kill -9 leaves is taken
# over, and what nobody wants any more is removed. Somebody else's route is named and left alone, and
# a second daemon gets no share of the table.
. "$(dirname "$0")/../lib/net.sh"

table=4077

net_one_arm
nginx_start_backends
health="health: {type: http, path: /, interval: 2s, timeout: 2s, fast_interval: 500ms, rise: 1, fall: 2}"
{
	web_services | sed "s|announce: neighbor|announce: route\n    announce_min_up: 3\n    $health|"
	cat <<-END
		  - name: many
		    address: 198.51.100.16/28
		    protocol: udp
		    ports: any
		    announce: route
		    backends: [{name: b1, address: 10.0.0.11}]
		announce: {table: $table, damping: 300ms}
	END
} | weir_config eth0

routes() { on weir ip "-$1" route show table $table 2>/dev/null | sed 's/ dev lo//; s/ metric.*//; s/ *$//'; }
prefix_route="blackhole 198.51.100.16/28 proto 87"
route4="blackhole $vip4 proto 87"
route6="blackhole $vip6 proto 87"
has4() { [ "$(routes 4)" = "$1" ]; }
has6() { [ "$(routes 6)" = "$1" ]; }
route_of() { weir_show services | jq -r --arg s "$1" '.services[] | select(.name == $s) | .route.state'; }

say "they come when the backends are well"
weir_start
must_come 15 "the IPv4 routes" has4 "$prefix_route
$route4"
must_come 15 "the IPv6 route" has6 "$route6"
must_come 5 "what services say" eval '[ "$(route_of web4)" = announced ]'
expect_match "weir show services" "route +announced" "$("$weir" show services -s "$socket")"
expect_match "weir show status" "routes +3 of 3 announced in table $table" "$("$weir" show status -s "$socket")"
expect_match "the metrics" "weir_route_announced.prefix=.$vip4/32.. 1" \
	"$(curl -s --unix-socket "$socket" http://weir/metrics)"

say "below the threshold they go, and the prefix stays"
# shellcheck disable=SC2154 # nginx_start sets it
net_stop "$nginx_pid_b2"
must_come 10 "the IPv4 route's end" has4 "$prefix_route"
must_come 10 "the IPv6 route's end" has6 ""
expect_equal "what services say" withdrawn "$(route_of web4)"
grep -q "event=route-withdrawn prefix=$vip4/32 table=$table" "$dir/weir.log" || fail "the log does not say so"
nginx_start b2
must_come 15 "the IPv4 route again" has4 "$prefix_route
$route4"
must_come 15 "the IPv6 route again" has6 "$route6"

say "what kill -9 leaves is taken over; what is not wanted any more goes"
kill -KILL "$weir_pid"
wait "$weir_pid" 2>/dev/null || true
expect "they stay" has4 "$prefix_route
$route4"
on weir ip route add blackhole 192.0.2.66 proto 87 table $table # of a service that is gone
start weir ip -4 -o monitor route >"$dir/monitor"
monitor=$started
weir_start
must_come 15 "the leftover's end" has4 "$prefix_route
$route4"
grep -q "event=route-announced prefix=$vip4/32 table=$table taken_over=yes" "$dir/weir.log" ||
	fail "the log does not say that it took the route over"
weir_wait_reachable
net_stop "$monitor"
expect_equal "changes to the VIP's route meanwhile" 0 "$(grep -c "$vip4" "$dir/monitor" || true)"

say "somebody removes one: it is made again"
on weir ip route flush table $table
must_come 10 "the routes" has4 "$prefix_route
$route4"
weir_stop
expect "none is left" has4 ""
expect "none is left of IPv6" has6 ""

say "somebody else's route is named"
on weir ip route add "$vip4" via 10.0.0.11 proto static table $table
weir_start
must_come 15 "the others" has6 "$route6"
must_come 5 "the blocked one" eval '[ "$(route_of web4)" = blocked ]'
expect_match "the log" "event=route-blocked prefix=$vip4/32 .*protocol static: 'ip route del $vip4/32 table $table'" \
	"$(cat "$dir/weir.log")"
on weir ip route del "$vip4" table $table
must_come 5 "it is announced then" eval '[ "$(route_of web4)" = announced ]'

say "a table is one daemon's"
sed "s/^instance: .*/instance: $net_prefix-b/; s|socket: .*}|socket: $dir/b.sock}|" "$dir/weir.yaml" >"$dir/b.yaml"
on weir ip link add extra type veth peer name extra2
on weir ip link set extra up
sed -i 's/name: eth0/name: extra/' "$dir/b.yaml"
said=$(on weir timeout 20 "$weir" run -c "$dir/b.yaml" 2>&1) && fail "a second daemon ran"
expect_match "what it says" "table $table is that of another Weir in this network namespace" "$said"
rm -rf "/sys/fs/bpf/weir/$net_prefix-b"

say "a reload takes services out"
sed -i '/name: many/,/name: b1/d' "$dir/weir.yaml"
expect "the reload" weir_reload
expect "the prefix is gone" has4 "$route4"
sed -i "s/table: $table/table: 4078/" "$dir/weir.yaml"
said=$(weir_reload 2>&1) && fail "another table was taken by a reload"
expect_match "what it says" "announce.table can't change while the daemon runs" "$said"
weir_stop
expect "none is left in the end" has4 ""
