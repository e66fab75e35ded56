#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir explain`: the backend that it names for a client is the one that then answers it, it knows
# flows that are there, and it changes nothing (one-arm).
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
{
	cat <<-END
		sources: {blocked: {prefixes: [203.0.113.64/30]}}
		policy:
		  rules:
		    - {name: no-blocked, from: blocked, to: any, action: drop}
		    - {name: few, protocol: icmp, limit: {per: rule, rate: 1B/s, burst: 1514B}}
	END
	web_services 100 200 300
} | weir_config eth0
sed -i 's/^flow_table: {/&timeouts: {tcp_closing: 10m}, /' "$dir/weir.yaml" # the first is asked about after the last
weir_start
weir_wait_reachable

explain() { "$weir" explain -s "$socket" "$@"; }

flows_before=$(weir_show status | jq .flow_table.inserts)
for port in {41001..41040}; do
	would=$(explain --json --from 203.0.113.1:$port --to $vip4:80 --protocol tcp | jq -r .backend)
	said4[port]=$would
	would=$(explain --json --from "[2001:db8::1]:$port" --to "[$vip6]:80" --protocol tcp | jq -r .backend)
	said6[port]=$would
done
expect_equal "flows made by explaining" "$flows_before" "$(weir_show status | jq .flow_table.inserts)"
get() { on client curl -s -m 5 --interface "$1" --local-port "$2" "$(url "$3")/"; } # FROM PORT VIP
for port in {41001..41040}; do
	expect_equal "who answers IPv4 port $port" "${said4[port]}" "$(get 203.0.113.1 $port $vip4)"
	expect_equal "who answers IPv6 port $port" "${said6[port]}" "$(get 2001:db8::1 $port $vip6)"
done

text=$(explain --from 203.0.113.1:41001 --to $vip4:80 --protocol tcp --flags A)
expect_match "a flow that is known" "^flow +known, closing, with backend ${said4[41001]}" "$text"
expect_match "its next hop" "^next hop +([0-9a-f]{2}:){5}[0-9a-f]{2} by eth0" "$text"
text=$(explain --to $vip4:80 --protocol tcp --sample 600 --backend b3)
expect_match "the clients of b3" "^web4/b3 +(4|5)[0-9]\.[0-9]%  clients like [0-9.]+:[0-9]+ " "$text"

text=$(explain --from 203.0.113.66:41001 --to $vip4:80 --protocol tcp)
expect_match "its group" "^source +of group blocked, by 203.0.113.64/30" "$text"
expect_match "its rule" "^policy +rule no-blocked drops it" "$text"
expect_match "what becomes of it" "^verdict +would be dropped, policy-denied" "$text"
on client ping -6 -q -s 0 -c 40 -i 0.01 -W 1 $vip6 >/dev/null || true
text=$(explain --from "2001:db8::1" --to "$vip6" --protocol icmp)
expect_match "a limit that is reached" "^policy +rule few is beyond its limit: drops it" "$text"

status=0
explain --from 1.2.3 --to $vip4:80 --protocol tcp 2>"$dir/err" || status=$?
expect_equal "the status of a question that makes no sense" 2 $status
expect_match "what is said of it" 'from: "1.2.3" is no address' "$(<"$dir/err")"
