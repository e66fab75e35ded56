#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir set backend` (one-arm): a draining backend keeps its download to the end and gets no new
# connections, a weight counts, a wrong request changes nothing, and a reload takes it all back.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
head -c 3000000 /dev/urandom >"$dir/files/big"
sum=$(sha256sum <"$dir/files/big")
web_services | weir_config eth0
weir_start
weir_wait_reachable

set_backend() { "$weir" set backend "$@" -s "$socket"; }
has_begun() { [ -s "$dir/body" ]; }

on client curl -s -m 30 --no-buffer -D "$dir/head" -o "$dir/body" "$(url $vip4)/files/big" &
download=$!
must_come 10 "the download's begin" has_begun
backend=$(tr -d '\r' <"$dir/head" | sed -n 's/^X-Backend: //p')

say "$backend, which has the download, drains"
expect_equal "what it says" "web4/$backend is drain, weight 100" "$(set_backend "web4/$backend" state=drain)"
requests 60 $vip4 >"$dir/answers" || fail "requests while $backend drains"
expect "no new connection to $backend ($(count_answers "$dir/answers"))" eval "! grep -q $backend '$dir/answers'"
wait $download || fail "the download ended with $?"
expect_equal "the download of $backend" "$sum" "$(sha256sum <"$dir/body")"
requests 60 $vip6 >"$dir/answers" || fail "requests of the other service"
expect_spread "$dir/answers" b1=100 b2=100 b3=100

say "weights"
set_backend "web4/$backend" state=up weight=0 >"$dir/said"
requests 60 $vip4 >"$dir/answers" || fail "requests with weight 0"
expect "nothing to weight 0" eval "! grep -q $backend '$dir/answers'"
set_backend web4/b1 weight=300 state=up >"$dir/said"
set_backend web4/b2 weight=100 state=up >"$dir/said"
set_backend web4/b3 weight=100 state=up >"$dir/said"
requests 300 $vip4 >"$dir/answers" || fail "requests with other weights"
expect_spread "$dir/answers" b1=300 b2=100 b3=100

say "what is wrong"
before=$(weir_show backends | jq -c '[.backends[] | [.service, .name, .state, .weight]]')
for wrong in 'web4/b9 state=up' 'web4/b1 state=off' 'web4/b1 weight=70000' 'web4/b1 colour=red' \
	'web4 state=up' 'web4/b1' 'web4/b1 state'; do
	# shellcheck disable=SC2086 # words
	if said=$(set_backend $wrong 2>&1); then
		fail "$wrong was taken: $said"
	fi
done
expect_equal "state after wrong requests" "$before" \
	"$(weir_show backends | jq -c '[.backends[] | [.service, .name, .state, .weight]]')"

say "a reload takes it back"
expect "the reload" weir_reload
expect_equal "weights" '["up 100"]' "$(weir_show backends | jq -c '[.backends[] | "\(.state) \(.weight)"] | unique')"
grep -q 'event=backend-set-ended backend=web4/b1' "$dir/weir.log" || fail "the log does not say so"
requests 300 $vip4 >"$dir/answers" || fail "requests after the reload"
expect_spread "$dir/answers" b1=100 b2=100 b3=100
must_come 5 "a balanced ledger" ledger_is_balanced
