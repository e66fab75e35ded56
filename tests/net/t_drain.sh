#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `drain: 60s` (one-arm): SIGTERM takes the routes away and says that the daemon is not ready;
# downloads that run, and new requests, are served until they have ended, then the daemon ends. A
# second SIGTERM ends it at once; so does the end of the time.
. "$(dirname "$0")/../lib/net.sh"

downloads=10

net_one_arm
nginx_start_backends
head -c 2000000 /dev/urandom >"$dir/files/big"
sum=$(sha256sum <"$dir/files/big")
{
	web_services
	cat <<-END
		  - name: routed
		    address: 203.0.113.77
		    protocol: tcp
		    ports: 80
		    announce: route
		    backends: [{name: b1, address: 10.0.0.11}]
		announce: {table: 4077}
		drain: 60s
	END
} | weir_config eth0

has_route() { on weir ip route show table 4077 2>/dev/null | grep -q 203.0.113.77; }
ready() { curl -s -o /dev/null -w '%{http_code}' --unix-socket "$socket" http://weir/readyz; }
drains() { [ "$(ready)" = 503 ]; }
daemon_is_gone() { ! is_running "$weir_pid"; }
ended_because() { # WORD
	must_come "${2:-30}" "the daemon's end" daemon_is_gone
	wait "$weir_pid" || fail "the daemon's exit status is $?"
	expect_match "the log" "event=drain-end because=$1" "$(cat "$dir/weir.log")"
	expect "no pins" [ ! -e "/sys/fs/bpf/weir/$net_prefix" ]
	: >"$dir/weir.log"
}
all_have_begun() { [ "$(find "$dir" -name 'body.*' -size +0 | wc -l)" -eq $downloads ]; }

say "downloads end, and then the daemon"
weir_start
weir_wait_reachable
must_come 10 "the route" has_route
expect_equal "readiness before" 200 "$(ready)"
pids=()
for ((i = 0; i < downloads; i++)); do
	start client curl -sf -m 60 --no-buffer -o "$dir/body.$i" "$(url $vip4)/files/big"
	pids+=("$started")
done
must_come 20 "the begin of all downloads" all_have_begun
kill "$weir_pid"
must_come 5 "not ready" drains
expect "the route is gone" eval '! has_route'
expect_match "weir show status" "draining +ends in [0-9]+ s at most" "$("$weir" show status -s "$socket")"
expect_equal "the gauge" "weir_draining 1" \
	"$(curl -s --unix-socket "$socket" http://weir/metrics | grep '^weir_draining ')"
said=$(weir_reload 2>&1) && fail "a reload while it drains"
expect_match "what a reload says" "draining" "$said"
expect_equal "new requests meanwhile" 20 "$(requests 20 $vip4 | wc -l)"
for ((i = 0; i < downloads; i++)); do
	wait "${pids[$i]}" || fail "download $i ended with $?"
	expect_equal "download $i" "$sum" "$(sha256sum <"$dir/body.$i")"
done
ended_because quiet

say "a second signal"
weir_start
kill "$weir_pid"
must_come 5 "not ready" drains
kill "$weir_pid"
ended_because signal 10

say "the time is over while packets come"
sed -i 's/drain: 60s/drain: 1s/' "$dir/weir.yaml"
weir_start
weir_wait_reachable
start client curl -s -m 30 --limit-rate 100k -o "$dir/body.slow" "$(url $vip4)/files/big"
slow=$started
must_come 10 "the slow download's begin" [ -s "$dir/body.slow" ]
kill "$weir_pid"
ended_because time 20
net_stop "$slow"
