#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Health checks by HTTP (one-arm): a backend whose server is killed is out after `fall` checks and
# its flows are gone, those of the others stay where they are and a download of theirs goes on; it
# comes back after `rise` checks. A server that answers 503 is out too. Health survives a reload.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
head -c 3000000 /dev/urandom >"$dir/files/big"
sum=$(sha256sum <"$dir/files/big")
web_services | sed 's|announce: neighbor|&\n    health: {type: http, path: /, interval: 200ms, timeout: 200ms, rise: 2, fall: 3}|' |
	weir_config eth0
weir_start
weir_wait_reachable

backend() { weir_show backends | jq -r --arg b "$1" "first(.backends[] | select(.service == \"web4\" and .name == \$b)) | $2"; }
is() { [ "$(backend "$1" .state)" = "$2" ]; }
all_up() { weir_show backends | jq -e 'all(.backends[]; .state == "up")' >/dev/null; }
flows() { weir_show flows | jq -c --arg b "$1" '[.flows[] | select((.backend == $b) == '"$2"') | [.client_port, .backend]] | sort'; }
has_no_flows() { [ "$(flows "$1" true)" = '[]' ]; }

must_come 10 "all backends up" all_up
expect_equal "the last result" "HTTP 200" "$(backend b1 .health.last)"

say "b2's server is killed while the others serve"
requests 200 $vip4 >"$dir/answers" || fail "requests"
on client curl -s -m 30 --no-buffer -D "$dir/head" -o "$dir/body" "$(url $vip4)/files/big" &
download=$!
has_begun() { [ -s "$dir/body" ]; }
must_come 10 "the download's begin" has_begun
served_by=$(tr -d '\r' <"$dir/head" | sed -n 's/^X-Backend: //p')
victim=b2
[ "$served_by" != b2 ] || victim=b1
others=$(flows $victim false)
pid=nginx_pid_$victim
net_stop "${!pid}"
must_come 10 "$victim down" is $victim down
expect_equal "the reason" "connection refused" "$(backend $victim .reason)"
grep -q "event=backend-down service=web4 backend=$victim reason=\"connection refused\"" "$dir/weir.log" ||
	fail "the log does not say so"
must_come 7 "no flows of $victim" has_no_flows $victim
expect_equal "flows of the others" "$others" "$(flows $victim false)"
requests 100 $vip4 >"$dir/answers" || fail "requests while $victim is down"
expect "no answer of $victim" eval "! grep -q $victim '$dir/answers'"
wait $download || fail "the download ended with $?"
expect_equal "the download of $served_by" "$sum" "$(sha256sum <"$dir/body")"

say "a reload keeps what is known of health"
expect "the reload" weir_reload
expect "$victim is still down" is $victim down
expect "the others are up" is b3 up

say "$victim comes back"
nginx_start $victim
must_come 10 "$victim up" is $victim up
grep -q "event=backend-up service=web4 backend=$victim" "$dir/weir.log" || fail "the log does not say so"

say "b3 answers 503"
# shellcheck disable=SC2154 # nginx_start sets it
net_stop "$nginx_pid_b3"
sed -i 's|location / { return 200 .*}|location / { return 503; }|' "$dir/b3.nginx"
start b3 nginx -e "$dir/b3.error.log" -c "$dir/b3.nginx"
says_503() { [ "$(backend b3 .reason)" = "HTTP 503, wanted 200-399" ]; }
must_come 10 "b3 down because of 503" says_503
expect "b3 is down" is b3 down

say "alive, whatever its checks say"
"$weir" set backend web4/b3 state=alive -s "$socket" >"$dir/said"
expect "b3 is up" is b3 up
"$weir" set backend web4/b3 state=up -s "$socket" >"$dir/said"
expect "b3 is down again" is b3 down
must_come 5 "a balanced ledger" ledger_is_balanced
