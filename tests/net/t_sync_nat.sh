#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Connections by nat outlive the node that opened them. Two nodes that share flows, each with a SNAT address
# of its own and the other's as its peer's, both behind a router whose routes lead to one of them:
#
#                                    +---- weir  .2   nat 10.0.8.2, peers 10.0.8.3
#     client 10.1.0.1 --- .254 router ---- other .3   nat 10.0.8.3, peers 10.0.8.2
#                                    +---- b1 .11   b2 .12   b3 .13                 10.0.0.0/24
#
# Connections that are held, and downloads whose clients say nothing, are opened by way of `weir`; `weir` is
# lost, and the routes to the VIP and to its SNAT address lead to `other`: all of them go on. So do they by way
# of `weir` again, whose flow table is filled when it joins. Without sync they all break.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/corosync.sh"
. "$(dirname "$0")/../lib/held.sh"
. "$(dirname "$0")/../lib/two_weirs.sh"

connections=60
downloads=6

net_two_weirs
for node in weir other; do
	on $node ip route add default via 10.0.0.254
done
nginx_start_backends
head -c 400000 /dev/urandom >"$dir/files/silent" # six seconds of /slow/
sum=$(sha256sum <"$dir/files/silent")
corosync_configure weir=10.0.0.2 other=10.0.0.3
declare -A address=([weir]=2 [other]=3) pids=()

# --- the nodes ----------------------------------------------------------------------------------

configure() { # NODE OTHER-NODE
	cat >"$dir/$1.yaml" <<-END
		instance: $net_prefix-$1
		user: "$weir_user"
		interfaces: [{name: eth0}]
		flow_table: {entries: 65536, fast_path: on}
		nat: {addresses: [10.0.8.${address[$1]}], peers: [10.0.8.${address[$2]}], announce: none}
		sync: {group: nat}
		api: {socket: $dir/$1.sock}
		services:
		  - name: web
		    address: $vip4
		    protocol: tcp
		    ports: 80
		    forward: nat
		    announce: none
		    backends:
		$(for n in 1 2 3; do echo "      - {name: b$n, address: 10.0.0.1$n}"; done)
	END
}

status() { "$weir" show status --json -s "$dir/$1.sock"; } # NODE
is_ready() { grep -qx ready "$dir/$1.out"; }
reaches_all() { "$weir" show backends --json -s "$dir/$1.sock" | jq -e 'all(.backends[]; .reachable)'; }
members() { status "$1" | jq -e ".sync.joined and (.sync.nodes | length == $2)"; } # NODE COUNT
has_learned() { status "$1" | jq -e ".sync.heard.learned >= $2"; }                 # NODE FLOWS

node_start() { # NODE
	: >"$dir/$1.out"
	start "$1" "$weir" run -c "$dir/$1.yaml" >"$dir/$1.out" 2>>"$dir/$1.error.log"
	pids[$1]=$started
	must_come 20 "\`ready\` of $1" is_ready "$1"
	must_come 10 "all backends reachable from $1" reaches_all "$1"
}

lead_to() { # NODE: what is for the VIP, and answers to both SNAT addresses
	local to
	for to in $vip4 10.0.8.2 10.0.8.3; do
		on router ip route replace $to/32 via "10.0.0.${address[$1]}"
	done
}

# --- connections --------------------------------------------------------------------------------

got_some() { [ "$(find "$dir" -name 'got.*' -size +0 | wc -l)" -eq $downloads ]; }
download() {
	local i
	rm -f "$dir"/got.*
	download_pids=()
	for ((i = 0; i < downloads; i++)); do
		start client curl -sf -m 90 --no-buffer -o "$dir/got.$i" "$(url $vip4)/slow/silent"
		download_pids+=("$started")
	done
	must_come 20 "the begin of all downloads" got_some
}
have_ended() {
	local pid
	for pid in "${download_pids[@]}"; do
		! is_running "$pid" || return 1
	done
}
expect_whole() { # WHERE
	local i
	must_come 90 "the end of all downloads by way of $1" have_ended
	for ((i = 0; i < downloads; i++)); do
		expect_equal "download $i, by way of $1" "$sum" "$(sha256sum <"$dir/got.$i")"
	done
}

# --- what happens -------------------------------------------------------------------------------

configure weir other
configure other weir
for node in weir other; do
	corosync_start $node
	node_start $node
done
for node in weir other; do
	must_come 30 "both nodes in the group of $node" members $node 2
done
lead_to weir
held_open $connections
download
must_come 15 "that \`other\` learns the flows" has_learned other $((connections + downloads))

# Lost: killed, off the network, and with nothing of what it knew.
kill -KILL "${pids[weir]}"
wait "${pids[weir]}" 2>/dev/null || true
on switch ip link set weir down
rm -rf "/sys/fs/bpf/weir/$net_prefix-weir"
lead_to other
expect_equal "broken when weir is lost" 0 "$(held_broken)"
expect_whole other
say "weir is lost: 0 of $connections connections broken, $downloads of $downloads downloads whole;" \
	"ways that were asked of the kernel: $(status other | jq .sync.ways)"
expect "new connections by way of other" requests 20 $vip4 >/dev/null

# Back, with an empty table, and another download under way.
on switch ip link set weir up
node_start weir
must_come 30 "both nodes again" members weir 2
download
must_come 15 "that \`weir\` learns the flows" has_learned weir $((connections + downloads))
lead_to weir
expect_equal "broken when weir has them again" 0 "$(held_broken)"
expect_whole weir
say "weir has them again: 0 of $connections connections broken, $downloads of $downloads downloads whole"
status weir | jq -c '.sync | {told, heard, ways}'
expect_equal "messages that were not read" 0 \
	"$(status other | jq '.sync.heard.malformed + .sync.heard.other_version + .sync.heard.unknown_backend')"

# Without sync: what it shows is that the test can tell.
sed -i '/^sync:/d; s/, peers: [^]]*\]//' "$dir/weir.yaml" "$dir/other.yaml"
net_stop "${pids[weir]}" "${pids[other]}"
node_start weir
node_start other
held_close
held_open $connections
lead_to other
without=$(held_broken)
expect_equal "broken without sync" $connections "$without"
say "without sync: $without of $connections connections broken"
expect "no errors in the log" eval '! grep -h ^error "$dir"/*.error.log'
