#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What it costs to exchange the daemon under load, as root: 500 TCP connections that are all in use, and a stream of
# UDP at half the no-drop rate, which is measured first, on the same way. For each event it prints how many
# connections broke, and how many packets of the stream were lost; `nothing` is the same time without an event. With
# the fast path, and by workers alone. A part of `make bench`.
#
#     client --- router ----+------+-------+----+----+----     VIP 203.0.113.10, from the backends straight
#      10.1.0.0/24          |      |       |    |    |         back to the router
#                         weir   other    b1   b2   b3         10.0.0.0/24
#
# Both Weirs keep a route for the VIP while they serve it (`announce: route`); the router's leads to `weir`, and to
# `other` as soon as `weir` has withdrawn its own, as a routing daemon would see to.
#
# usage: exchange.sh [BUILD [CONNECTIONS]]
. "$(dirname "$0")/../tests/lib/net.sh"
. "$(dirname "$0")/../tests/lib/exchange.sh"
. "$(dirname "$0")/../tests/lib/two_weirs.sh"

connections=${2:-500}
bench=$build/weir-bench
flows=64
table=4077
lead_s=1 # of the stream, before and after each event

# --- the network --------------------------------------------------------------------------------

build_network() {
	net_two_weirs
	net_take_xdp router eth0
	local n
	for n in 1 2 3; do
		net_vip b$n $vip4
	done
}

lead_to() { on router ip route replace $vip4/32 via "$1"; } # ADDRESS

# --- the Weirs ----------------------------------------------------------------------------------

configure() { # NODE
	cat <<-END
		instance: $net_prefix-$1
		user: "$weir_user"
		interfaces: [{name: eth0}]
		memory: {frames_per_queue: 32768}
		flow_table: {entries: 65536, fast_path: $weir_fast_path}
		drain: 60s
		on_daemon_loss: drop
		announce: {table: $table}
		api: {socket: $dir/$1.sock}
		services:
	END
	local service n
	for service in "echo tcp 7000" "load udp 5000"; do
		# shellcheck disable=SC2086 # words
		set -- $service
		echo "  - {name: $1, address: $vip4, protocol: $2, ports: $3, announce: route, backends: ["
		for n in 1 2 3; do
			echo "      {name: b$n, address: 10.0.0.1$n}$([ $n = 3 ] && echo ']}' || echo ,)"
		done
	done
}

announces() { on "$1" ip route show table $table 2>/dev/null | grep -q $vip4; } # NODE

other_starts() {
	: >"$dir/other.out"
	start other "$weir" run -c "$dir/other.yaml" >"$dir/other.out" 2>>"$dir/other.error.log"
	other=$started
	must_come 40 "\`ready\` of the other Weir" grep -qx ready "$dir/other.out"
	must_come 20 "its route" announces other
}

# --- the stream ---------------------------------------------------------------------------------

path() {
	echo "--from $net_prefix-client:eth0 --destination $vip4:5000 --flows $flows" \
		"--to $net_prefix-b1:eth0,$net_prefix-b2:eth0,$net_prefix-b3:eth0"
}

no_drop_rate() { # packets a second
	# shellcheck disable=SC2046 # words
	"$bench" ndr $(path) --loss 0 --trial 0.5 --sum 2 --width 4 --settle 0.1 --warm-up 0.5 \
		--json "$dir/ndr.json" >"$dir/ndr.txt" 2>&1 || fail "ndr: $(tail -n 1 "$dir/ndr.txt")"
	jq '[.tables[] | select(.name == "ndr").rows[]][0].throughput * 1e6 | floor' "$dir/ndr.json"
}

# What the kernel lost on the cables, where a CPU was too busy with others to take it off them. (A veth counts it as
# not sent; where XDP sends, its peer counts it as not received as well.)
lost_on_cables() {
	local name
	for name in client router switch weir other b1 b2 b3; do
		on $name ip -s -j link
	done | jq -s '[.[][].stats64.tx.dropped] | add'
}

# What `weir` has dropped by a reason of its own; nothing where there is none, and a new one begins at 0.
dropped_by_weir() { weir_show drops 2>/dev/null | jq '[.reasons[].total] | add' || true; }
drop_reasons() { weir_show drops | jq -c '[.reasons[] | select(.total > 0) | {(.reason): .total}] | add'; }

stream_starts() {
	cables=$(lost_on_cables)
	dropped=$(dropped_by_weir)
	# shellcheck disable=SC2046 # words
	start client "$bench" send $(path) --rate "${rate}pps" --quiet --json "$dir/sent.json" >"$dir/sent.txt" 2>&1
	stream=$started
	sleep $lead_s
	expect "the stream: $(tail -n 1 "$dir/sent.txt")" is_running "$stream"
}

stream_ends() { # leaves $sent and $lost
	sleep $lead_s
	kill -INT "$stream"
	must_come 30 "the stream's end" eval "! is_running $stream"
	wait "$stream" || true
	read -r sent lost < <(jq -r '.tables[0].rows[0] | "\(.packets) \(.packets - .arrived)"' "$dir/sent.json")
	cables=$(($(lost_on_cables) - cables))
	local now
	now=$(dropped_by_weir)
	dropped=${now:+$((now - ${dropped:-0}))}
}

# --- the events ---------------------------------------------------------------------------------

nothing() { sleep 2; }

drained_stop() {
	other_starts
	kill "$weir_pid"
	must_come 20 "that weir withdraws its route" eval '! announces weir'
	lead_to 10.0.0.3
	must_come 70 "weir's end" exchange_is_gone "$weir_pid"
	wait "$weir_pid" || fail "weir's exit status is $?"
	expect_match "why it ended" "event=drain-end because=quiet" "$(cat "$dir/weir.log")"
}

come_back() {
	exchange_new
	must_come 20 "weir's route" announces weir
	weir_wait_reachable
	lead_to 10.0.0.2
}

event() { # WHAT COMMAND...
	stream_starts
	"${@:2}"
	exchange_count_broken
	stream_ends
	printf '| %s | %s | %d of %d | %d | %d | %d | %s |\n' "$weir_fast_path" "$1" $((broken - broken_before)) \
		"$connections" "$sent" "$lost" "$cables" "${dropped:--}" | tee -a "$dir/rows"
	broken_before=$broken
}

events() { # FAST-PATH
	weir_fast_path=$1
	configure weir >"$dir/weir.yaml"
	configure other >"$dir/other.yaml"
	weir_start
	weir_wait_reachable
	must_come 20 "weir's route" announces weir
	lead_to 10.0.0.2
	rate=$(no_drop_rate)
	say "fast path $1: no-drop rate $rate packets/s; the stream is half of that"
	rate=$((rate / 2))
	broken_before=0
	exchange_hold "$connections"
	event nothing nothing
	! kernel_is_at_least 6 4 || event "\`--takeover\`" exchange_takeover
	event "restart (SIGQUIT, a new daemon)" exchange_restart
	event "kill -9, a new daemon" exchange_kill
	say "dropped by Weir up to here: $(drop_reasons)"
	event "drained stop, to another Weir" drained_stop
	event "back again" come_back
	say "dropped by Weir since it is back: $(drop_reasons)"
	exchange_let_go
	net_stop "$other" "$weir_pid"
}

build_network
exchange_serve b1 b2 b3
{
	echo "| fast path | event | connections broken | packets sent | lost | of them on cables, by the kernel | by Weir, with a reason |"
	echo "|---|---|---:|---:|---:|---:|---:|"
} >"$dir/rows"
say "load of the machine $(cut -d ' ' -f 1-3 /proc/loadavg)"
events on
events off
cat "$dir/rows"
