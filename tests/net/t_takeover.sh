#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a start finds of the daemon before (one-arm): a table that fits is taken over, one of another
# size or version is replaced, both said in the log; one in use by another namespace is refused, in
# one line with what to do, and stays as it was.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
weir_fast_path=on
web_services | weir_config eth0
pins=/sys/fs/bpf/weir/$net_prefix

daemon_is_gone() { ! is_running "$weir_pid"; }
weir_kill() {
	kill -KILL "$weir_pid"
	must_come 10 "the daemon's end" daemon_is_gone
	wait "$weir_pid" 2>/dev/null || true
}
refused() { # NAMESPACE: a start that must fail; prints what it says
	if { on "$1" timeout $((20 * net_patience)) "$weir" run -c "$dir/weir.yaml" >/dev/null; } 2>&1; then
		fail "a daemon that had to be refused ran in $1"
	fi
}
set_entries() { sed -i "s/entries: [0-9]*/entries: $1/" "$dir/weir.yaml"; }

weir_start
weir_wait_reachable
requests 50 $vip4 >"$dir/answers" || fail "requests"
weir_kill

say "from another namespace"
said=$(refused client)
expect_equal "lines" 1 "$(wc -l <<<"$said")"
expect_match "what it says" "in use by another network namespace.*rm -r $pins" "$said"
expect "the pins are still there" [ -e "$pins/flows" ]

say "a table of another size"
weir_start
weir_wait_reachable
weir_kill
: >"$dir/weir.log"
set_entries 32768
weir_start
expect_match "the log" "replaced.*another size" "$(cat "$dir/weir.log")"
weir_wait_reachable
requests 50 $vip4 >"$dir/answers" || fail "requests after the replacement"
weir_kill

say "a table that fits"
: >"$dir/weir.log"
weir_start
expect_match "the log" "took over the flows" "$(cat "$dir/weir.log")"

say "a table of another version"
weir_kill
# shellcheck disable=SC2046 # words
bpftool map update pinned "$pins/instance" key hex 00 00 00 00 value hex \
	ff 00 00 00 $(bpftool map dump pinned "$pins/instance" -j | jq -r '.[0].value[4:][] | ltrimstr("0x")')
: >"$dir/weir.log"
weir_start
expect_match "the log" "replaced.*another version" "$(cat "$dir/weir.log")"
weir_wait_reachable
requests 50 $vip4 >"$dir/answers" || fail "requests after the second replacement"
weir_stop
expect "no pins after SIGTERM" [ ! -e "$pins" ]
