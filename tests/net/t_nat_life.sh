#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connections by nat outlive a reload and a daemon that was killed (the next one has the interfaces in
# another order), with the fast path and without;
# `weir show flows` has each of them once, with what its backend sees. When all SNAT ports are in use
# that is a reason, and ends with the connections. Addresses that the host has itself are refused.
#
#     client --- eth0 weir eth1 --- router --- switch --- b1 b2 b3
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

net_routed
nginx_start b1 8080
head -c 10000000 /dev/urandom >"$dir/files/ten"

interfaces="eth0 eth1"

# nat_config ADDRESSES SNAT-PORTS: web over each pair of families, at b1
nat_config() {
	local families
	{
		echo "nat: {addresses: $1, ports: $2}"
		echo "services:"
		for families in 44 66 46 64; do
			cat <<-END
				  - name: web$families
				    address: "$(forward_vip $families)"
				    protocol: tcp
				    ports: 80$families
				    forward: nat
				    announce: neighbor
				    backends: [{name: b1, address: "$(forward_backend 1 $families)", port: 8080}]
			END
		done
	} | weir_config $interfaces
	sed -i 's/^flow_table: {/&timeouts: {tcp_closing: 1s}, /' "$dir/weir.yaml"
}

# download FAMILIES: in the background, slowly enough to be killed meanwhile
downloads=()
download() {
	start client curl -sf -m 60 --local-port "$first_port$1" -o "$dir/got.$1" \
		"$(url "$(forward_vip "$1")" "80$1")/files/ten"
	downloads+=("$started")
	must_come 10 "the begin of the download by $1" [ -s "$dir/got.$1" ]
}

downloads_end() {
	local pid families
	for pid in "${downloads[@]}"; do
		wait "$pid" || fail "a download ended with $?"
	done
	for families in 44 66 46 64; do
		expect "what was downloaded by $families" cmp "$dir/files/ten" "$dir/got.$families"
		rm "$dir/got.$families"
	done
	downloads=()
}

# one_flow FAMILIES: the client's flow as "CLIENT:PORT VIP:PORT SNAT backend BACKEND:PORT"
one_flow() {
	"$weir" show flows --json --service "web$1" -s "$socket" | jq -r '.flows[] |
		"\(.client) \(.client_port) \(.vip) \(.vip_port) \(.nat.snat) \(.nat.backend) \(.nat.backend_port)"'
}

expect_flows() {
	local families client snat
	for families in 44 66 46 64; do
		client=$([[ $families = 4? ]] && echo 203.0.113.1 || echo 2001:db8::1)
		snat=$([[ $families = ?4 ]] && echo 10.0.2.200 || echo fd02::200)
		expect_equal "the flow of the download by $families, once" \
			"$client $first_port$families $(forward_vip $families) 80$families $snat $(forward_backend 1 $families) 8080" \
			"$(one_flow $families)"
	done
	expect_match "the table of flows" "SNAT +TO .*PROTO" "$("$weir" show flows -s "$socket")"
}

first_port=400 # and the families: no port of one that closes is used again
for weir_fast_path in on off; do
	nat_config '[10.0.2.200, "fd02::200"]' 1024-65535
	weir_start
	weir_wait_reachable
	for families in 44 66 46 64; do
		download $families
	done
	expect_flows
	weir_reload
	kill -KILL "$weir_pid"
	wait "$weir_pid" 2>/dev/null || true
	interfaces="eth1 eth0" # what is known of connections is of the same interfaces all the same
	nat_config '[10.0.2.200, "fd02::200"]' 1024-65535
	weir_start
	expect_equal "flows taken over" true "$(weir_show status | jq .takeover.flows)"
	expect_flows
	downloads_end
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
	first_port=410
	interfaces="eth0 eth1"
	say "fast path $weir_fast_path: four downloads outlived a reload and a kill"
done

# --- all ports in use -----------------------------------------------------------------------------

weir_fast_path=on
nat_config '[10.0.2.200, "fd02::200"]' 20000-20099
weir_start
weir_wait_reachable
connected() { "$weir" show flows --json -s "$socket" | jq -e "[.flows[] | select(.state == \"established\")] | length == $1"; }
web=$(url $vip4 8044)
start client curl -s -m 60 --no-progress-meter --limit-rate 2k --parallel --parallel-immediate --parallel-max 100 -o /dev/null \
	"$web/files/ten?[1-100]"
must_come 10 "100 connections" connected 100
on client curl -s -m 2 -o /dev/null "$web/" && fail "a connection too many"
expect "the reason" [ "$(weir_drops nat-exhausted)" -gt 0 ]
expect_equal "connections that went on" true "$(connected 100)"
expect_equal "the backend's other address" b1 "$(on client curl -sf -m 5 "$(url "$(forward_vip 46)" 8046)/")"
net_stop "$started"
must_come 20 "a connection once ports are free" on client curl -sf -m 2 -o /dev/null "$web/"
must_come 5 "a balanced ledger" ledger_is_balanced
say "of 100 ports none was left: $(weir_drops nat-exhausted) packets, and then there were"

# --- addresses of this host -----------------------------------------------------------------------

cp "$dir/weir.yaml" "$dir/good.yaml"
for address in 10.0.2.2 fd02::2; do
	nat_config "[\"$address\", 10.0.2.200, \"fd02::200\"]" 1024-65535
	status=0
	"$weir" reload -s "$socket" 2>"$dir/refused" || status=$?
	expect_equal "the status of a reload with $address" 2 $status
	expect_match "the words of a reload" "nat.addresses.0.: $address is this host's own \(on eth1\)" \
		"$(<"$dir/refused")"
	status=0
	on weir "$weir" check -c "$dir/weir.yaml" 2>"$dir/refused" || status=$?
	expect_equal "the status of a check" 2 $status
	expect_match "the words of a check" "$address is this host's own" "$(<"$dir/refused")"
done
on weir "$weir" doctor -c "$dir/weir.yaml" -s "$socket" >"$dir/doctor" 2>&1 || true
expect_match "the doctor's words" "bad.*snat-address.*fd02::2" "$(<"$dir/doctor")"
cp "$dir/good.yaml" "$dir/weir.yaml"
on weir ip route add local 10.0.2.200 dev lo
must_come 10 "that it is missed while it runs" grep -q "10.0.2.200 is this host's own (by a route" \
	"$dir/weir.log"
on weir ip route del local 10.0.2.200 dev lo
must_come 10 "that it is over" grep -q "no SNAT address is this host's own any more" "$dir/weir.log"
weir_stop
