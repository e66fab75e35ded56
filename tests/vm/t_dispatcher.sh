#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `attach: dispatcher`: Weir in libxdp's dispatcher, behind another XDP program that counts and passes. Both do
# their work; kill -9 and a restart change nothing of it; programs come and go beside it; a stop takes Weir's
# part away and leaves the other's. A program outside of a dispatcher is refused.
. "$(dirname "$0")/../lib/vm.sh"

type -P xdp-loader >/dev/null || skip "no xdp-loader"

vm_two_arm front
nginx_start_backends
weir_fast_path=on
{
	web_services
	load_service
} | weir_config eth0 eth1
sed -i 's/{name: \(eth.\)}/{name: \1, attach: dispatcher}/' "$dir/weir.yaml"
count=$build/tests/lib/count.bpf.o

# libxdp says what it does where it fails.
loader() { on weir xdp-loader "$1" -v "${@:2}" >"$dir/loader" 2>&1 || { cat "$dir/loader"; return 1; }; }
# The programs of an interface in the order in which they run.
programs() { on weir xdp-loader status "$1" | awk '$1 == "=>" {print $3}' | paste -sd " " -; }
counted() {
	bpftool map lookup id "$counter" key 0 0 0 0 -j | jq 'if .formatted then .formatted.value else .value end'
}
serves() { # WHEN
	local before
	before=$(counted)
	requests 60 $vip4 >"$dir/answers" || fail "requests $1"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
	say "$1: $(count_answers "$dir/answers"), the other program saw $(($(counted) - before)) packets"
	expect "packets through the other program $1" [ $(($(counted) - before)) -gt 240 ]
}

loader load -m native eth0 "$count" || fail "xdp-loader load"
counter=$(bpftool map show name counted -j | jq 'if type == "array" then .[].id else .id end')
expect_equal "before Weir" count "$(programs eth0)"
weir_start
weir_wait_reachable
expect_equal "programs of eth0" "count weir_gate" "$(programs eth0)"
expect_equal "programs of eth1" "weir_gate" "$(programs eth1)"
expect_equal "attached by" "dispatcher dispatcher" \
	"$(weir_show interfaces | jq -r '[.interfaces[].attach] | join(" ")')"
serves "beside it"
vm_load 32 2048
expect "the balance" ledger_is_balanced
on weir "$weir" doctor -c "$dir/weir.yaml" >"$dir/doctor" || true
expect_match "the doctor" "^ok +eth0 +xdp-program +libxdp's dispatcher" "$(cat "$dir/doctor")"

say "kill -9"
gate=$(bpftool prog show name weir_gate -j | jq -c '[if type == "array" then .[] else . end | .id]')
kill -KILL "$weir_pid"
wait "$weir_pid" 2>/dev/null || true
expect_equal "programs of eth0 after it" "count weir_gate" "$(programs eth0)"
: >"$dir/weir.log"
weir_start
weir_wait_reachable
expect_match "the log" "took over the flows" "$(cat "$dir/weir.log")"
expect_equal "the gates" "$gate" \
	"$(bpftool prog show name weir_gate -j | jq -c '[if type == "array" then .[] else . end | .id]')"
serves "after a restart"

say "another program on eth1, and away again"
if loader load -m native eth1 "$count"; then
	expect_equal "programs of eth1" "count weir_gate" "$(programs eth1)"
	requests 60 $vip4 >"$dir/answers" || fail "requests beside a newcomer"
	expect_spread "$dir/answers" b1=100 b2=100 b3=100
	loader unload eth1 --id "$(on weir xdp-loader status eth1 | awk '$3 == "count" {print $4}')" ||
		fail "xdp-loader unload"
else
	# xdp-tools before 1.5.5 on a new kernel: it says so, and nothing changes.
	say "this xdp-loader can't: $(tail -n 1 "$dir/loader")"
fi
expect_equal "programs of eth1" "weir_gate" "$(programs eth1)"
requests 60 $vip4 >"$dir/answers" || fail "requests after that"
expect "the balance" ledger_is_balanced

say "a reload that changes how it is attached, there and back"
sed -i '/name: eth1/s/attach: dispatcher/attach: link/' "$dir/weir.yaml"
weir_reload
expect_equal "attached by" "dispatcher link" \
	"$(weir_show interfaces | jq -r '[.interfaces[].attach] | join(" ")')"
must_come 10 "an answer" eval '[[ "$(on client curl -sf -m 10 "$(url $vip4)/")" == b[123] ]]'
serves "by a link on one side"
sed -i '/name: eth1/s/attach: link/attach: dispatcher/' "$dir/weir.yaml"
weir_reload
must_come 10 "an answer" eval '[[ "$(on client curl -sf -m 10 "$(url $vip4)/")" == b[123] ]]'
expect_equal "programs of eth1" "weir_gate" "$(programs eth1)"
weir_stop

expect_equal "programs of eth0 after the stop" "count" "$(programs eth0)"
expect_equal "XDP on eth1 after the stop" null "$(on weir ip -j link show eth1 | jq '.[0].xdp')"
before=$(counted)
on client ping -c 3 -W 60 10.0.1.2 >/dev/null
expect "the other program still counts" [ "$(counted)" -ge $((before + 3)) ]
loader unload eth0 --all || fail "xdp-loader unload"
expect_equal "gates left" "" "$(bpftool prog show name weir_gate)"
vm_expect_no_complaint

say "beside a program without a dispatcher"
[ -e "/sys/fs/bpf/$net_prefix-pass" ] ||
	bpftool prog load "$build/tests/lib/pass.bpf.o" "/sys/fs/bpf/$net_prefix-pass"
on weir bpftool net attach xdpdrv pinned "/sys/fs/bpf/$net_prefix-pass" dev eth0
weir_launch
must_come 60 "the refusal" eval "! kill -0 $weir_pid"
expect_match "why" "eth0 is used already: XDP program [0-9]+ is attached to it without libxdp's dispatcher" \
	"$(tail -n 1 "$dir/weir.log")"
on weir bpftool net detach xdpdrv dev eth0
