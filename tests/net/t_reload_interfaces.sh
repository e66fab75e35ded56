#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Reloads that change interfaces, workers, packet memory and the fast path under a running daemon (two-arm):
# flows go on, the ledger adds up, and what can't be had changes nothing.
. "$(dirname "$0")/../lib/net.sh"

downloads=20

net_two_arm
nginx_start_backends
head -c 1200000 /dev/urandom >"$dir/files/file"
sum=$(sha256sum <"$dir/files/file")

# What the configuration has beside interfaces and services.
settings() { # INTERFACES "LINE..."
	local interfaces=$1 line
	shift
	# shellcheck disable=SC2086 # words
	web_services | weir_config $interfaces
	for line; do
		sed -i "/^${line%%:*}:/d" "$dir/weir.yaml"
		echo "$line" >>"$dir/weir.yaml"
	done
}

of() { # INTERFACE FIELD
	weir_show interfaces | jq -r --arg name "$1" ".interfaces[] | select(.name == \$name).$2"
}
names() { weir_show interfaces | jq -r '[.interfaces[].name] | join(" ")'; }
running() { weir_show workers | jq '[.workers[] | select(.cpu >= 0)] | length'; }
frames() { weir_show workers | jq '[.workers[] | select(.cpu >= 0).frames.total] | add'; }
has_xdp() { on weir ip -j link show "$1" | jq -e '.[0].xdp' >/dev/null; }
answers() { [[ "$(on client curl -sf -m 1 "$(url $vip4)/")" == b[123] ]]; }
state() {
	on weir curl -s --unix-socket "$socket" http://weir/v1/config
	weir_show interfaces | jq -c '.interfaces[] | [.name, .state, .mode, .fast_path, .queues, .mtu]'
	weir_show workers | jq -c '.workers[] | [.worker, .cpu, .frames.total]'
	weir_show backends | jq -c '.backends[] | [.service, .name, .reachable]'
}

say "an interface more"
settings eth0
weir_start
expect_equal "interfaces" eth0 "$(names)"
expect_equal "backends that can be reached" 0 "$(weir_show backends | jq '[.backends[] | select(.reachable)] | length')"
settings "eth0 eth1"
expect_match "what the reload says" '\+ interfaces\[eth1\]' "$(weir_reload)"
weir_wait_reachable
expect_equal "interfaces" "eth0 eth1" "$(names)"
expect "the log" grep -q 'event=interface-added name=eth1' "$dir/weir.log"
must_come 10 "traffic" answers
requests 60 $vip4 >"$dir/answers" || fail "requests"
expect_spread "$dir/answers" b1=100 b2=100 b3=100

say "workers, memory and the fast path, under downloads"
mkdir "$dir/got"
start client curl --no-progress-meter -m 60 --no-buffer --parallel --parallel-immediate --parallel-max $downloads \
	-o "$dir/got/#1" "$(url $vip4)/slow/file?[1-$downloads]"
curl=$started
all_have_begun() { [ "$(find "$dir/got" -type f -size +0 | wc -l)" -eq $downloads ]; }
must_come 20 "the begin of all downloads" all_have_begun
expect_equal "workers" 2 "$(running)"
settings "eth0 eth1" "workers: {cpus: [0]}"
expect "a reload with one worker" weir_reload
expect_equal "workers" 1 "$(running)"
settings "eth0 eth1" "workers: {cpus: [0, 1], poll: interrupt}" "memory: {frames_per_queue: 4096}"
expect "a reload with two, and less memory" weir_reload
expect_equal "workers" 2 "$(running)"
expect_equal "frames" $((4096 * 2 * 2)) "$(frames)"
settings "eth0 eth1" "flow_table: {entries: 65536, fast_path: off}"
expect "a reload without the fast path" weir_reload
expect_equal "the fast path" off "$(of eth0 fast_path)"
expect "downloads that are under way still" is_running "$curl"
settings "eth0 eth1"
expect "a reload with all as it was" weir_reload
must_come 60 "the end of the downloads" eval "! is_running $curl"
expect_equal "whole downloads" $downloads "$(sha256sum "$dir"/got/* | grep -c "^${sum%% *} ")"
must_come 10 "a balanced ledger" ledger_is_balanced

say "what can't be had"
cp "$dir/weir.yaml" "$dir/good.yaml"
before=$(state)
is_as_before() { [ "$(state)" = "$before" ]; }
refused() { # WHAT PATTERN
	local said status=0
	said=$(weir_reload 2>&1) || status=$?
	expect "a refusal of $1" [ $status -ne 0 ]
	expect_match "the words about $1" "$2" "$said"
	cp "$dir/good.yaml" "$dir/weir.yaml"
	must_come 10 "the state after $1" is_as_before
	must_come 10 "traffic after $1" answers
	say "$1: $said"
}
settings "eth0 eth1 nothing0"
refused "an interface that is not there" 'there is no interface nothing0'
settings "eth0 eth1"
sed -i 's/name: eth1/name: eth1, queues: [7]/' "$dir/weir.yaml"
refused "a queue that is not there" 'eth1 has no receive queue 7'
settings "eth0 eth1" "workers: {cpus: [999]}"
refused "a CPU that is not there" 'workers.cpus names CPU 999'
settings "eth0 eth1" "memory: {hugepages: on, frames_per_queue: 262144}"
refused "memory that is not there" 'nr_hugepages'
settings "eth0 eth1"
sed -i 's/name: eth1/name: eth1, mode: zerocopy/' "$dir/weir.yaml"
refused "zero copy where the driver has none" 'zero'
settings "eth0 eth1" "workers: {cpus: [0]}" "api: {socket: $socket, token_file: $dir/nowhere}"
refused "fewer workers, and a token file that is not there" 'nowhere'

say "an interface less"
must_come 10 "traffic before" answers
settings eth0
expect_match "what the reload says" '- interfaces\[eth1\]' "$(weir_reload)"
expect_equal "interfaces" eth0 "$(names)"
expect "no program at eth1" eval "! has_xdp eth1"
expect "the log" grep -q 'event=interface-removed name=eth1' "$dir/weir.log"
must_come 5 "a balanced ledger" ledger_is_balanced
# In another place of the list: a capture of an interface is of that one still.
settings "eth1 eth0"
expect "a reload that has it again" weir_reload
weir_wait_reachable
must_come 10 "traffic" answers
start weir "$weir" capture --interface eth0 --rx -c 1 -w "$dir/rx" -s 64 --socket "$socket" 2>"$dir/capture.log"
capture=$started
must_come 10 "the capture" captures_are 1
must_come 10 "traffic" answers
must_come 10 "a packet from eth0" eval "! is_running $capture"
expect_equal "its interface" eth0 "$(tshark -r "$dir/rx" -T fields -e frame.interface_name 2>"$dir/tshark.err")"
must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
must_come 5 "a balanced ledger" ledger_is_balanced
weir_show drops | jq -c '.ledger, (.reasons[] | select(.total > 0) | {(.reason): .total})'
weir_stop
expect "no program at eth0" eval "! has_xdp eth0"
expect "no program at eth1" eval "! has_xdp eth1"
