#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: three balancers and what is around them share two CPUs
#
# Three Weirs behind a router that shares flows out over them (BGP by BIRD, multipath routes of the
# kernel), six backends, four clients whose connections are all in use. Weirs are added, exchanged,
# killed, drained and cut off, backends added, drained and killed; for each event it prints how many
# connections broke and how many datagrams of a stream were lost. With stable backends none breaks.
#
#     c1 c2 c3 c4          w1   w2   w3       b1 ... b6      w: Weir and BIRD, configs/bird-weir.conf
#      |  |  |  |           |    |    |        |      |
#     -+--+--+--+-- router -+----+----+--------+------+--
#     10.1.0.0/24  clients         core     10.0.9.0/24     VIP 203.0.113.10, from the backends
#                                                           straight back to the router
#
# WEIR_CONNECTIONS (100) of all clients together. WEIR_EVENTS=losses: only those where a Weir is lost within the
# second of a change, and these also with Weirs that share their flows (t_sync.sh is the test of that):
# `WEIR_EVENTS=losses WEIR_CONNECTIONS=6000` is a measurement, which docs/scale.md has.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/corosync.sh"

connections=${WEIR_CONNECTIONS:-100}
each=$((connections / 4))
rate=500 # datagrams a second
period=$(awk -v n="$connections" 'BEGIN {s = n / 4000; print (s > 0.1 ? s : 0.1)}') # from one message of each to the next
net_queues=1
tcp_load=$build/tests/lib/tcp_load
declare -A weirs=() clients=() servers=()
line=0 # of tcp_load's reports

# --- the network --------------------------------------------------------------------------------

build_network() {
	local n
	net_switch core
	net_switch clients
	net_namespace router c1 c2 c3 c4 w1 w2 w3 b1 b2 b3 b4 b5 b6
	net_plug router eth0 clients
	net_plug router eth1 core
	net_address router eth0 10.1.0.254/24
	net_address router eth1 10.0.9.254/24
	net_set router ipv4.ip_forward=1 ipv4.fib_multipath_hash_policy=1
	for n in 1 2 3 4; do
		net_plug c$n eth0 clients
		net_address c$n eth0 10.1.0.$n/24
		on c$n ip route add default via 10.1.0.254
	done
	for n in 1 2 3; do
		net_plug w$n eth0 core
		net_take_xdp core w$n
		# What is for one that is cut off goes nowhere, as with a NIC that filters by address.
		on core bridge link set dev w$n flood off
		net_address w$n eth0 10.0.9.$n/24
	done
	for n in 1 2 3 4 5 6; do
		net_plug b$n eth0 core
		net_address b$n eth0 10.0.9.1$n/24
		net_vip b$n $vip4
		on b$n ip route add default via 10.0.9.254
	done
}

router_start() {
	cat >"$dir/router.conf" <<-END
		log stderr all;
		router id 10.0.9.254;
		protocol device { scan time 10; }
		protocol kernel { merge paths yes; ipv4 { import none; export all; }; }
		protocol bgp weirs {
			local as 65000;
			neighbor range 10.0.9.0/24 as 65001;
			dynamic name "weir";
			hold time 3;
			keepalive time 1;
			error wait time 1, 2; # or who was cut off is refused for a minute
			ipv4 { import all; export none; };
		}
	END
	start router bird -f -c "$dir/router.conf" -s "$dir/router.ctl" 2>"$dir/router.error.log"
}

bird_start() { # N
	sed -e "s/^define MY_ID .*/define MY_ID = 10.0.9.$1;/" "$net_root/configs/bird-weir.conf" >"$dir/bird$1.conf"
	start "w$1" bird -f -c "$dir/bird$1.conf" -s "$dir/bird$1.ctl" 2>"$dir/bird$1.error.log"
}

# Packets for VIPs go to these Weirs, in the router's kernel: `1 2 3`.
shared_by() {
	on router ip -j route show $vip4 | jq -r '[.[] | .gateway // (.nexthops[]?.gateway)] | map(split(".")[3]) | sort | join(" ")'
}
is_shared_by() { [ "$(shared_by)" = "$1" ]; }

# --- Weirs --------------------------------------------------------------------------------------

backends=(1 2 3 4 5) # of the services
states=()            # by backend: drain; else up
group=none           # of corosync: the Weirs share their flows
config() { # N
	local b service
	cat <<-END
		instance: $net_prefix-w$1
		interfaces: [{name: eth0}]
		memory: {frames_per_queue: 4096}
		flow_table: {entries: 65536, fast_path: on}
		on_daemon_loss: drop
		drain: 60s
		announce: {table: 77, damping: 200ms}
		api: {socket: $dir/w$1.sock}
		sync: {group: $group}
		services:
	END
	for service in "echo tcp 7000" "stream udp 5005"; do
		# shellcheck disable=SC2086 # words
		set -- $service
		echo "  - {name: $1, address: $vip4, protocol: $2, ports: $3, announce: route, backends: ["
		for b in "${backends[@]}"; do
			echo "      {name: b$b, address: 10.0.9.1$b, state: ${states[$b]:-up}},"
		done | sed '$s/,$/]}/'
	done
}

says_ready() { grep -qx ready "$dir/w$1.out"; }
serves() { "$weir" show backends --json -s "$dir/w$1.sock" | jq -e 'all(.backends[]; .reachable)'; }
weir_run() { # N OPTION...
	config "$1" >"$dir/w$1.yaml"
	: >"$dir/w$1.out"
	start "w$1" "$weir" run -c "$dir/w$1.yaml" "${@:2}" >"$dir/w$1.out" 2>>"$dir/w$1.error.log"
	weirs[$1]=$started
	must_come 40 "w$1's \`ready\`" says_ready "$1"
	must_come 20 "the ways from w$1 to the backends" serves "$1"
}
weir_end() { # N SIGNAL
	kill -"$2" "${weirs[$1]}"
	must_come 70 "the end of w$1 by $2" eval "! is_running ${weirs[$1]}"
	wait "${weirs[$1]}" 2>/dev/null || true
}
reload_all() {
	local n
	for n in 1 2 3; do
		config $n >"$dir/w$n.yaml"
		expect "a reload of w$n" "$weir" reload -s "$dir/w$n.sock" >>"$dir/reloads"
	done
}

# --- the load -----------------------------------------------------------------------------------

server_start() { # N
	start "b$1" "$tcp_load" serve 7000
	servers[$1]=$started
	start "b$1" "$udp_load" sink 5005 >"$dir/sink.b$1"
	must_come 5 "the servers of b$1" eval "on b$1 ss -Hltn | grep -q ':7000 ' && on b$1 ss -Hlun | grep -q ':5005 '"
}

tcp_says() { jq -e "select(.line == $2).broken" "$dir/tcp.c$1"; } # CLIENT LINE
clients_start() {
	local n
	line=0
	for n in 1 2 3 4; do
		start c$n "$tcp_load" hold $vip4 7000 "$each" "$period" >"$dir/tcp.c$n"
		clients[$n]=$started
	done
	for n in 1 2 3 4; do
		must_come 60 "$each open connections of c$n" tcp_says $n 0
	done
	broken_before=0
}
clients_stop() { net_stop "${clients[@]}"; }

# Broken since the last time, in $broken: all others have had answers to what they said after the call.
count_broken() {
	local n sum=0
	line=$((line + 1))
	for n in 1 2 3 4; do
		kill -USR1 "${clients[$n]}"
	done
	for n in 1 2 3 4; do
		must_come 100 "the answers to c$n" tcp_says $n $line
		sum=$((sum + $(tcp_says $n $line)))
	done
	broken=$((sum - broken_before))
	broken_before=$sum
}

# What the backends' kernels have given to UDP sockets.
datagrams() {
	local n
	for n in 1 2 3 4 5 6; do
		on b$n cat /proc/net/snmp
	done | awk '$1 == "Udp:" && $2 ~ /^[0-9]/ {sum += $2} END {print sum}'
}
datagrams_at_least() { [ "$(datagrams)" -ge "$1" ]; }
settled() { # nothing more comes
	local now
	now=$(datagrams)
	sleep 0.2
	[ "$(datagrams)" = "$now" ]
}

# event WHAT MAY-BREAK COMMAND...: while everything runs. MAY-BREAK: most connections that may break.
event() {
	local before sent got stream
	before=$(datagrams)
	start c1 "$udp_load" send $vip4 5005 120 64 100000000 $rate >"$dir/sender"
	stream=$started
	must_come 20 "the stream" datagrams_at_least $((before + 50))
	"${@:3}"
	count_broken
	net_stop "$stream"
	must_come 10 "the end of the stream" settled
	sent=$(jq .packets "$dir/sender")
	got=$(($(datagrams) - before))
	printf -- '- %-50s %4d of %d connections broken (%s %%), %4d of %d datagrams lost\n' "$1" $broken "$connections" \
		"$(awk -v n=$broken -v all="$connections" 'BEGIN {printf "%.2f", 100 * n / all}')" $((sent - got)) "$sent"
	[ $broken -le "$2" ] || fail "$1: $broken connections broken, at most $2 may be"
}

# --- the events ---------------------------------------------------------------------------------

add_node() { # N
	weir_run "$1"
	must_come 30 "the router's route over all" is_shared_by "1 2 3"
}
take_over() { # N
	local old=${weirs[$1]}
	weir_run "$1" --takeover
	must_come 10 "the old daemon's end" eval "! is_running $old"
	expect "the route stays" is_shared_by "1 2 3"
}
restart() { weir_end "$1" QUIT && weir_run "$1"; }
kill_daemon() { weir_end "$1" KILL && weir_run "$1"; }
drain() { # N
	kill "${weirs[$1]}"
	must_come 30 "the router's route without w$1" is_shared_by "$2"
	must_come 70 "the end of w$1" eval "! is_running ${weirs[$1]}"
	wait "${weirs[$1]}" || fail "the exit status of w$1 is $?"
	expect_match "why w$1 ended" "event=drain-end because=quiet" "$(cat "$dir/w$1.error.log")"
}
cut_off() { # N WITHOUT
	on core ip link set "w$1" down
	must_come 30 "the router's route without w$1" is_shared_by "$2"
}
plug_in() { # N
	on core ip link set "w$1" up
	must_come 40 "the router's route over all" is_shared_by "1 2 3"
}
add_backend() { backends+=("$1") && reload_all; }
drain_backend() { states[$1]=drain && reload_all; }
kill_backend() { # N
	kill -KILL "${servers[$1]}"
	states[$1]=down
	reload_all
}

# --- a backend more, and a Weir less, within a second --------------------------------------------

reload_with() { # BACKEND
	add_backend "$1"
}
# The table before is not kept over a restart: what is left is Maglev alone.
restart_with() { # BACKEND
	local n
	backends+=("$1")
	for n in 1 2 3; do
		weir_end $n QUIT
		weir_run $n
	done
}

# From here on they tell each other of flows.
status() { "$weir" show status --json -s "$dir/w$1.sock"; } # N
knows_group() { status "$1" | jq -e '.sync.joined and (.sync.nodes | length == 3)'; }
share_flows() {
	local n
	corosync_configure w1=10.0.9.1 w2=10.0.9.2 w3=10.0.9.3
	group=network
	for n in 1 2 3; do
		corosync_start w$n
		weir_end $n QUIT
		weir_run $n
	done
	for n in 1 2 3; do
		must_come 60 "w$n in a group of three" knows_group $n
	done
}
# Of each connection two others have heard.
all_heard() {
	local n
	for n in 1 2 3; do
		status $n
	done | jq -s -e "[.[].sync.heard.learned] | add >= $((2 * connections))"
}

# lose_during HOW BACKEND: with connections that all of them have opened by the same backends. What it
# breaks is told, and bounded by what moves: those of one Weir and those that a router without resilient
# hashing deals anew, and of these one in as many as there are backends.
lose_during() { # HOW BACKEND
	"$1" "$2"
	cut_off 3 "1 2"
}

all_events() {
	event "w3 is added" 0 add_node 3
	! kernel_is_at_least 6 4 || event "w1: another daemon takes over" 0 take_over 1
	event "w1: a restart" 0 restart 1
	event "w2: kill -9, and a new daemon" 0 kill_daemon 2
	event "w2: a drained stop" 0 drain 2 "1 3"
	event "w2 comes back" 0 add_node 2
	event "w3 is cut off" 0 cut_off 3 "1 2"
	event "w3 is there again" 0 plug_in 3
	event "backend b6 is added" 0 add_backend 6
	event "backend b1 is drained" 0 drain_backend 1
	event "backend b2 is killed: its connections" "$connections" kill_backend 2
	start b2 "$tcp_load" serve 7000
}

# All backends serve, one more each time; connections are new.
losses() {
	clients_stop
	backends=(1 2 3 4) states=()
	reload_all
	clients_start
	event "b5 is added and w3 lost, with the table before" 0 lose_during reload_with 5
	plug_in 3
	clients_stop
	clients_start
	event "b6 is added and w3 lost, with Maglev alone" "$connections" lose_during restart_with 6
}

# The same for Weirs that share their flows.
shared_loss() {
	plug_in 3
	clients_stop
	backends=(1 2 3 4 5)
	reload_all
	share_flows
	must_come 30 "the router's route over all" is_shared_by "1 2 3"
	clients_start
	must_come 60 "flows that all have heard of" all_heard
	event "b6 is added and w3 lost, with sync" $((connections / 1000)) lose_during restart_with 6
}

build_network
router_start
for n in 1 2 3 4 5 6; do
	server_start $n
done
for n in 1 2 3; do
	bird_start $n
done
weir_run 1
weir_run 2
must_come 30 "the router's route over w1 and w2" is_shared_by "1 2"
clients_start
case ${WEIR_EVENTS:-all} in
all)
	all_events
	losses
	;;
losses)
	add_node 3
	losses
	shared_loss
	;;
*) fail "WEIR_EVENTS=$WEIR_EVENTS; expected all or losses" ;;
esac
