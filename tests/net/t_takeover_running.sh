#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The daemon is exchanged while connections run and datagrams flow (one-arm). `weir run --takeover`
# loses no packet, with the fast path and with workers alone. A restart (SIGQUIT) and kill -9 break no
# connection; what they lose is printed. A takeover that can't be says why at both ends, and the daemon
# that runs goes on. (bench/exchange.sh measures these, and drained stops, at half the no-drop rate.)
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/udp.sh"
. "$(dirname "$0")/../lib/exchange.sh"

kernel_is_at_least 6 4 || skip "this kernel gives the rings of a socket to one process only (Linux 6.4)"
connections=100
rate=2000 # datagrams a second
flows=64

got_datagrams() { weir_show services | jq '.services[] | select(.name == "udp4").packets'; }
datagrams_at_least() { [ "$(got_datagrams)" -ge "$1" ]; }
stream_goes_on() { # WHAT
	local before
	before=$(got_datagrams)
	must_come 20 "datagrams after $1" datagrams_at_least $((before + rate / 4))
}

# What the kernel lost on the cables around Weir, where the machine is too busy to take it off them.
lost_on_cables() {
	local name
	for name in client weir b1 b2 b3 switch; do
		on $name ip -s -j link
	done | jq -s '[.[][].stats64 | .rx.dropped + .tx.dropped] | add'
}

# --- the load -----------------------------------------------------------------------------------

stream_start() {
	udp_sinks_start 5005
	lost_before=$(lost_on_cables)
	start client "$udp_load" send $vip4 5005 150 "$flows" 100000000 "$rate" >"$dir/sender"
	sender=$started
	stream_goes_on "the begin"
}

# stream_end WHAT MAY-LOSE: `0`, or `some`. And the connections are asked how they are.
stream_end() {
	local sent got lost
	exchange_count_broken
	expect "a stream that is under way still" is_running "$sender"
	net_stop "$sender"
	must_come 10 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "${udp_sink_pids[@]}"
	sent=$(jq .packets "$dir/sender")
	got=$(jq -s 'map(.packets) | add' "$dir"/sink.b?)
	lost=$(($(lost_on_cables) - lost_before))
	say "$1: $broken of $connections connections broken; $((sent - got)) of $sent datagrams lost, $lost packets on cables"
	expect_equal "broken connections" 0 "$broken"
	[ "$2" = some ] || [ $((sent - got)) -le $lost ] || fail "$1 lost datagrams: $(weir_show drops | jq -c '[.reasons[] | select(.total > 0)]')"
	must_come 10 "a balanced ledger" ledger_is_balanced
}

begin() { # FAST-PATH
	weir_fast_path=$1
	{
		web_services
		udp_services | tail -n +2
		cat <<-END
			  - name: echo
			    address: $vip4
			    protocol: tcp
			    ports: 7000
			    backends:
			      - {name: b1, address: 10.0.0.11}
			      - {name: b2, address: 10.0.0.12}
			      - {name: b3, address: 10.0.0.13}
			memory: {frames_per_queue: 32768}
		END
	} | weir_config eth0
	weir_start
	weir_wait_reachable
	exchange_hold "$connections"
}

# exchange WHAT MAY-LOSE EVENT...
exchange() {
	local event
	stream_start
	for event in "${@:3}"; do
		"exchange_$event"
		weir_wait_reachable
		stream_goes_on "$event"
	done
	stream_end "$1" "$2"
}

end() {
	weir_stop
	exchange_let_go
	expect "no pins after SIGTERM" [ ! -e "/sys/fs/bpf/weir/$net_prefix" ]
}

# --- takeovers that can't be --------------------------------------------------------------------

# refused WHAT PATTERN SED: with the configuration changed so, the daemon says this and ends; what runs goes on.
refused() {
	local said status=0
	sed "$3" "$dir/weir.yaml" >"$dir/other.yaml"
	said=$(on weir timeout 60 "$weir" run -c "$dir/other.yaml" --takeover 2>&1 >/dev/null) || status=$?
	[ $status -ne 0 ] || fail "$1: it took over"
	expect_match "$1" "$2" "$said"
	expect "$1: the old daemon runs" is_running "$weir_pid"
}
old_says() { must_come 5 "the old daemon's \`$1\`" grep -qE "$1" "$dir/weir.log"; }

net_one_arm
nginx_start_backends
exchange_serve b1 b2 b3

begin off
exchange "takeover twice, workers alone" 0 takeover takeover
sed -n 's/.*event=taken-over paused_us=\([0-9]*\)/- no worker ran for \1 us/p' "$dir/weir.log"

say "takeovers that can't be"
refused "no such instance" "no daemon of instance nobody runs" 's/^instance: .*/instance: nobody/'
refused "a faulty configuration" "ports: found" 's/ports: 80$/ports: 80x/'
refused "other interfaces" "interfaces\[eth0\].queues is not what the running daemon has" 's/{name: eth0}/{name: eth0, queues: [0]}/'
old_says "event=takeover-failed .*interfaces\[eth0\]"
refused "other packet memory" "memory.frames_per_queue is not" 's/frames_per_queue: 32768/frames_per_queue: 16384/'
refused "another table" "flow_table.entries is not" 's/entries: 65536/entries: 32768/'
refused "late: a list of sources that is not there" "error=.*nowhere" \
	"s|^services:|sources: {no: {file: $dir/nowhere}}\nservices:|"
old_says "event=takeover-failed .*nowhere"
kill -STOP "$weir_pid"
refused "one that does not answer" "does not answer" ''
kill -CONT "$weir_pid"
must_come 20 "the daemon's answer" weir_show status
exchange "after takeovers that were refused" 0
end

start weir python3 "$net_root/tests/lib/notified.py" "$dir/notify" >"$dir/told"
must_come 10 "a service manager's socket" [ -S "$dir/notify" ]
NOTIFY_SOCKET=$dir/notify begin on
NOTIFY_SOCKET=$dir/notify exchange "takeover, fast path" 0 takeover
expect_equal "what the service manager was told" "READY=1 MAINPID=$weir_pid READY=1" "$(xargs <"$dir/told")"
exchange "restart" some restart
exchange "kill -9" some kill
end
