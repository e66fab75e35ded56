#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a running daemon answers is what docs/openapi.yaml says: every path, status and member, and
# nothing else (one-arm, with flows and drops to tell of).
. "$(dirname "$0")/../lib/net.sh"

http=127.0.0.1:9290
token=0123456789abcdef0123
answers=$dir/answers
mkdir "$answers"
echo $token >"$dir/token"

net_one_arm
nginx_start_backends
head -c 3000000 /dev/urandom >"$dir/files/big"
{
	web_services
	echo "  - {name: gone, address: 203.0.113.11, protocol: tcp, ports: 80, announce: neighbor,"
	echo "     backends: [{name: b1, address: 10.0.0.99}]}"
} | weir_config eth0
sed -i "s|^api: .*|api: {socket: $socket, http: \"$http\", token_file: $dir/token}|" "$dir/weir.yaml"
weir_start
must_come 10 "reachable backends" \
	eval "weir_show backends | jq -e '[.backends[] | select(.reachable)] | length == 6'"
requests 20 $vip4 >/dev/null || fail "requests"
on client curl -s -m 0.5 http://203.0.113.11/ >/dev/null || true # a drop
start client curl -s -o /dev/null "$(url $vip4)/files/big"

count=0
ask() { # METHOD PATH [CURL OPTION...]
	local method=$1 path=$2
	shift 2
	count=$((count + 1))
	{
		echo "$method $path"
		on weir curl -s -m 10 -i -X "$method" "$@" "http://$http$path"
	} >"$answers/$(printf %02d $count)" || fail "$method $path: no answer"
}
with_token=(-H "Authorization: Bearer $token")

for path in status services backends "backends?service=web4" "backends?service=nobody" \
	"backends?colour=red" nexthops workers interfaces drops policy flows "flows?limit=1" "flows?limit=x" \
	"flows?service=nobody" config history access; do
	ask GET "/v1/$path"
done
ask PATCH /v1/backends/web4/b1 -d '{"state":"drain"}'
ask PATCH /v1/backends/web4/b1 "${with_token[@]}" -d '{"state":"drain", "weight": 7}'
ask PATCH /v1/backends/web4/b1 "${with_token[@]}" -d '{"state":"off"}'
ask PATCH /v1/backends/web4/nobody "${with_token[@]}" -d '{"state":"up"}'
ask GET /v1/explain
ask GET /v1/capture
ask GET "/v1/capture?duration=1" "${with_token[@]}"
ask GET "/v1/capture?colour=red" "${with_token[@]}"
ask POST /v1/reload
sed -i 's/name: b2, address: "10.0.0.12", weight: 100/name: b2, address: "10.0.0.12", weight: 50/' "$dir/weir.yaml"
ask POST /v1/reload "${with_token[@]}"
expect_match "what a reload changed" \
	'"path":"services\[web4\].backends\[b2\].weight","before":"100","after":"50"' \
	"$(<"$answers/$(printf %02d $count)")"
cp "$dir/weir.yaml" "$dir/good.yaml"
sed -i 's/protocol: tcp, ports: 80/protocol: tpc, ports: 80/' "$dir/weir.yaml"
ask POST /v1/reload "${with_token[@]}"
refused=$(printf %02d $count)
cp "$dir/good.yaml" "$dir/weir.yaml"
for path in / /metrics /healthz /readyz; do
	ask GET $path
done
expect_match "the field of a fault" '"field":"services\[2\].protocol","line":[0-9]+' \
	"$(<"$answers/$refused")"

said=$(python3 "$net_root/tests/lib/openapi.py" "$net_root/docs/openapi.yaml" "$answers") ||
	fail "$said"
say "$said"
