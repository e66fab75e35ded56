#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: the load is near what a machine of two cores gives
#
# Reloads that change every table, add and remove a backend and a service, while 200 downloads run and
# 64 flows of UDP stream (one-arm): every download ends with the right bytes, every datagram arrives, each
# flow's at one backend. With the fast path, and with workers alone.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/udp.sh"

downloads=200
flows=64

backends() { # WEIGHT-OF-B1 MORE
	local n
	for n in 1 2 3; do
		echo "      - {name: b$n, address: 10.0.0.1$n, weight: $((n == 1 ? $1 : 100))}"
	done
	[ -z "$2" ] || echo "      - {name: b4, address: 10.0.0.14, state: drain}"
}

services() { # WEIGHT-OF-B1 MORE: with a backend and a service more, or "" for none
	cat <<-END
		services:
		  - name: web
		    address: $vip4
		    protocol: tcp
		    ports: 80
		    announce: neighbor
		    backends:
		$(backends "$1" "$2")
		  - name: stream
		    address: $vip4
		    protocol: udp
		    ports: 5005
		    backends:
		$(backends "$1" "$2")
	END
	[ -z "$2" ] || echo "  - {name: more, address: 203.0.113.11, protocol: tcp, ports: 80, backends: []}"
}

reload() { # as services
	services "$@" | weir_config eth0
	expect "a reload" weir_reload >>"$dir/reloads"
}

all_have_begun() { [ "$(find "$dir/got" -type f -size +0 | wc -l)" -eq $downloads ]; }
has_ended() { ! is_running "$1"; }
datagrams_at_least() { # COUNT: have been sent on
	weir_show services | jq -e ".services[] | select(.name == \"stream\").packets >= $1" >/dev/null
}

stream_is_whole() { # SENT
	local got
	udp_await_all "$1"
	net_stop "${udp_sink_pids[@]}"
	got=$(jq -s 'map(.packets) | add' "$dir"/sink.b?)
	say "datagrams: $1 sent, $got received, $(udp_lost) lost on cables and at sockets"
	expect "each datagram at a backend, or lost on the way there" [ $(($1 - got)) -le "$(udp_lost)" ]
	expect_equal "flows, each at one backend" $flows "$(jq -s 'map(.flows) | add' "$dir"/sink.b?)"
}

run() { # FAST-PATH
	local sender curl number wrong stream_before
	weir_fast_path=$1
	say "fast_path: $1"
	services 100 "" | weir_config eth0
	weir_start
	weir_wait_reachable
	udp_sinks_start 5005
	rm -rf "$dir/got" && mkdir "$dir/got"
	start client curl --no-progress-meter -m 60 --no-buffer --parallel --parallel-immediate --parallel-max $downloads \
		-o "$dir/got/#1" "$(url $vip4)/slow/file?[1-$downloads]"
	curl=$started
	start client "$udp_load" send $vip4 5005 60 $flows 100000000 1000 >"$dir/sender"
	sender=$started
	must_come 20 "the begin of all downloads" all_have_begun
	for number in 1 2 3; do
		reload $((number * 30)) ""
		reload $((number * 30)) more
		stream_before=$(weir_show services | jq '.services[] | select(.name == "stream").packets')
		must_come 10 "datagrams after it" datagrams_at_least $((stream_before + 200))
	done
	expect "downloads that are under way still" is_running "$curl"
	expect "a stream that is under way still" is_running "$sender"
	net_stop "$sender"
	must_come 60 "the end of the downloads" has_ended "$curl"
	expect_equal "whole downloads" $downloads "$(sha256sum "$dir"/got/* | grep -c "^${sum%% *} ")"
	stream_is_whole "$(jq .packets "$dir/sender")"
	wrong=$(weir_show drops | jq -c '[.reasons[] | select(.total > 0 and .reason != "no-next-hop") | {reason, total}]')
	expect_equal "what was dropped" "[]" "$wrong"
	must_come 10 "a balanced ledger" ledger_is_balanced
	weir_stop
}

net_one_arm
nginx_start_backends
head -c 1000000 /dev/urandom >"$dir/files/file"
sum=$(sha256sum <"$dir/files/file")
run auto
run off
