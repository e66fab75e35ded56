#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir run --takeover` while packets flow (one-arm): the new daemon gets sockets, packet memory and
# table, and no packet is lost; a second takeover does the same again. One that can't (a faulty
# configuration, other interfaces, other packet memory) says why at both ends, and the daemon that
# runs goes on.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
{ web_services; load_service; } | weir_config eth0

# takeover: from $weir_pid, as the new one; fails where that does.
takeover() {
	local old=$weir_pid log
	mv "$dir/weir.out" "$dir/weir.out.$old"
	: >"$dir/weir.out"
	start weir "$weir" run -c "$dir/weir.yaml" --takeover >"$dir/weir.out" 2>>"$dir/weir.log"
	weir_pid=$started
	must_come 20 "the new daemon's \`ready\`" weir_is_ready_or_gone
	weir_is_ready || fail "the new daemon ended"
	must_come 10 "the old one's end" eval "! is_running $old"
	wait "$old" || fail "the old daemon's exit status is $?"
}

weir_start
weir_wait_reachable
requests 50 $vip4 >"$dir/answers" || fail "requests"
takeover
cat "$dir/weir.log"
requests 50 $vip4 >"$dir/answers" || fail "requests"
takeover
must_come 5 "a balanced ledger" ledger_is_balanced
weir_stop
