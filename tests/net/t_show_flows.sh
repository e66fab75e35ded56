#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir show flows` tells which client is connected to which backend, as the backend itself says it,
# and the figures of `weir show` count what the fast path does (one-arm). A capture that runs when
# the daemon is stopped ends in good order.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
head -c 3000000 /dev/urandom >"$dir/files/big"
web_services | weir_config eth0
weir_start
weir_wait_reachable

# flow PORT [OPTION...]: the flow of the client's port, as "CLIENT VIP STATE SERVICE/BACKEND"
flow() {
	local port=$1
	shift
	"$weir" show flows --json -s "$socket" "$@" | jq -r --argjson port "$port" '.flows[] |
		select(.client_port == $port) |
		"\(.client) \(.vip):\(.vip_port) \(.state) \(.service)/\(.backend)"'
}
header_has_come() { grep -qi '^X-Backend' "$dir/$1.header"; }

port=40000
for vip in $vip4 $vip6; do
	port=$((port + 1))
	start client curl -s -o /dev/null -D "$dir/$port.header" --local-port $port \
		"$(url $vip)/files/big"
	must_come 5 "the header of a download" header_has_come $port
	backend=$(tr -d '\r' <"$dir/$port.header" | sed -n 's/^X-Backend: //p')
	case $vip in
	*:*) family=6 client=2001:db8::1 ;;
	*) family=4 client=203.0.113.1 ;;
	esac
	want="$client $vip:80 established web$family/$backend"
	expect_equal "the flow of port $port" "$want" "$(flow $port)"
	expect_equal "by its service" "$want" "$(flow $port --service web$family)"
	expect_equal "by its backend" "$want" "$(flow $port --backend "web$family/$backend")"
	expect_equal "by another service" "" "$(flow $port --service web$((10 - family)))"
	expect_match "the table" "$client.*$port .* tcp +established +web$family +$backend" \
		"$("$weir" show flows -s "$socket")"
	say "$want"
done

expect_equal "the fast path of eth0" on "$(weir_show interfaces | jq -r '.interfaces[0].fast_path')"
fast_is_counted() {
	weir_show backends | jq -e '[.backends[].fast_packets] | add > 100' &&
		weir_show services | jq -e 'all(.services[]; .fast_packets > 0 and .packets > .fast_packets)'
}
must_come 5 "packets of the fast path" fast_is_counted
expect_equal "both ways in the status" true \
	"$(weir_show status | jq '.packets.fast > 100 and .packets.worker > 0')"

status=0
"$weir" show flows --service nothing -s "$socket" 2>"$dir/unknown" || status=$?
expect_equal "the status of an unknown service" 1 $status
expect_match "the words of an unknown service" "known are: web4 web6" "$(<"$dir/unknown")"

start weir "$weir" capture --drops -w "$dir/drops.pcapng" --socket "$socket" 2>"$dir/capture.err"
capture_pid=$started
must_come 5 "the capture" eval "weir_show status | jq -e '.captures == 1'"
weir_stop
must_come 5 "the end of the capture" eval "! kill -0 $capture_pid"
wait "$capture_pid" || fail "the capture's exit status is $?: $(<"$dir/capture.err")"
expect_match "the capture's last words" "^0 packets captured, 0 lost" "$(<"$dir/capture.err")"
capinfos "$dir/drops.pcapng" >/dev/null || fail "the capture can't be read"
