#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two nodes that share flows, each with a corosync of its own:
#
#     client .1    weir .2    other .3    b1 .11   b2 .12   b3 .13
#        |           |           |          |        |        |
#     ---+-----------+-----------+----------+--------+--------+---  10.0.0.0/24
#
# The client's route leads to one of the nodes. Connections are opened by way of `weir`, backends change twice
# (so that the table before the last change does not help), and the route moves to `other`: with sync all
# connections go on, and without it many break. Also after `weir` was restarted and filled again, and when it is
# lost within the second of a reload. Different
# configurations are said on both nodes; without corosync balancing goes on, and it joins again by itself.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/corosync.sh"
. "$(dirname "$0")/../lib/held.sh"

connections=500

net_one_arm
net_namespace other
net_plug other eth0 switch
net_take_xdp switch other
net_address other eth0 10.0.0.3/24 fd00::3/64
nginx_start_backends
corosync_configure weir=10.0.0.2 other=10.0.0.3
sockets=([2]=$dir/weir.sock [3]=$dir/other.sock)
names=([2]=weir [3]=other)

# --- two nodes ----------------------------------------------------------------------------------

# configure NODE GROUP BACKEND...: with these backends of b1, b2, b3
configure() {
	local node=$1 group=$2 name
	shift 2
	cat >"$dir/${names[node]}.yaml" <<-END
		instance: $net_prefix-$node
		user: "$weir_user"
		interfaces: [{name: eth0}]
		flow_table: {entries: 65536}
		sync: {group: $group}
		api: {socket: ${sockets[node]}}
		services:
		  - name: web
		    address: $vip4
		    protocol: tcp
		    ports: 80
		    backends:
		$(for name; do echo "      - {name: $name, address: 10.0.0.1${name#b}}"; done)
	END
}

configure_both() { # GROUP BACKEND...
	configure 2 "$@"
	configure 3 "$@"
}

reload_both() { # GROUP BACKEND...
	configure_both "$@"
	"$weir" reload -s "${sockets[2]}" >/dev/null
	"$weir" reload -s "${sockets[3]}" >/dev/null
}

status() { "$weir" show status --json -s "${sockets[$1]}"; } # NODE
is_ready() { grep -qx ready "$dir/${names[$1]}.out"; }        # NODE
all_reachable() { "$weir" show backends --json -s "${sockets[$1]}" | jq -e 'all(.backends[]; .reachable)'; }

node_start() { # NODE
	: >"$dir/${names[$1]}.out"
	start "${names[$1]}" "$weir" run -c "$dir/${names[$1]}.yaml" >"$dir/${names[$1]}.out" \
		2>>"$dir/${names[$1]}.error.log"
	node_pids[$1]=$started
	must_come 20 "\`ready\` of ${names[$1]}" is_ready "$1"
	must_come 10 "all backends reachable from ${names[$1]}" all_reachable "$1"
}

lead_to() { on client ip route replace $vip4/32 via "10.0.0.$1"; } # NODE

# --- connections --------------------------------------------------------------------------------

share() { awk -v n="$1" -v all=$connections 'BEGIN {printf "%.1f %%", 100 * n / all}'; } # NUMBER

# --- without sync -------------------------------------------------------------------------------

node_pids=()
configure_both none b1 b2
for node in 2 3; do
	node_start $node
done
lead_to 2
held_open $connections
reload_both none b1 b2 b3
sed -i 's/b3, .*13}/b3, address: 10.0.0.13, weight: 150}/' "$dir/weir.yaml" "$dir/other.yaml"
"$weir" reload -s "${sockets[2]}" >/dev/null
"$weir" reload -s "${sockets[3]}" >/dev/null
expect_equal "broken before they move" 0 "$(held_broken)"
lead_to 3
without=$(held_broken)
say "without sync: $without of $connections connections broken ($(share "$without"))"
expect "that some break" [ "$without" -gt $((connections / 20)) ]
held_close
net_stop "${node_pids[@]}"

# --- with it ------------------------------------------------------------------------------------

members() { status "$1" | jq -e ".sync.joined and (.sync.nodes | length == $2) and all(.sync.nodes[]; .name != \"\")"; }
knows() { status "$1" | jq -e ".sync.heard.learned >= $2"; } # NODE FLOWS
says_different() { "$weir" show status -s "${sockets[$1]}" | grep -q 'OTHER services'; }

# Until corosync is there nothing waits for it.
configure_both weir b1 b2
for node in 2 3; do
	node_start $node
done
expect_match "the log without corosync" "flows are not shared.*because=" "$(cat "$dir/weir.error.log")"
corosync_pids=()
for node in 2 3; do
	corosync_start "${names[node]}"
	corosync_pids[node]=$started
done
for node in 2 3; do
	must_come 30 "both nodes in the group of ${names[node]}" members $node 2
done

lead_to 2
held_open $connections
must_come 10 "that \`other\` learns the flows" knows 3 $connections
reload_both weir b1 b2 b3
sed -i 's/b3, .*13}/b3, address: 10.0.0.13, weight: 150}/' "$dir/weir.yaml" "$dir/other.yaml"
"$weir" reload -s "${sockets[2]}" >/dev/null
"$weir" reload -s "${sockets[3]}" >/dev/null
lead_to 3
with=$(held_broken)
say "with sync: $with of $connections connections broken ($(share "$with"))"
expect_equal "broken with sync" 0 "$with"

# A node that joins is filled, and takes the flows over.
net_stop "${node_pids[2]}"
must_come 30 "that one node is left" members 3 1
node_start 2
must_come 30 "both nodes again" members 2 2
must_come 15 "that \`weir\` learns the flows" knows 2 $connections
lead_to 2
expect_equal "broken after a restart" 0 "$(held_broken)"

# Different configurations.
configure 3 weir b1 b2
"$weir" reload -s "${sockets[3]}" >/dev/null
for node in 2 3; do
	must_come 10 "that ${names[node]} says that configurations differ" says_different $node
done
must_come 10 "that the log says so" grep -q "other services or backends" "$dir/weir.error.log"

# Without corosync.
net_stop "${corosync_pids[2]}"
must_come 10 "that \`weir\` notices" eval '! members 2 2'
expect "requests without corosync" requests 20 $vip4 >/dev/null
expect_equal "broken without corosync" 0 "$(held_broken)"
corosync_start weir
must_come 30 "that it joins again" members 2 2
expect_equal "messages that were not read" 0 \
	"$(status 3 | jq '.sync.heard.malformed + .sync.heard.other_version')"
status 2 | jq -c '.sync | {told, heard, differences}'

# Lost without a word, just when backends have changed again.
sed -i 's/weight: 150/weight: 50/' "$dir/weir.yaml"
configure 3 weir b1 b2 b3
sed -i 's/b3, .*13}/b3, address: 10.0.0.13, weight: 50}/' "$dir/other.yaml"
"$weir" reload -s "${sockets[2]}" >/dev/null
"$weir" reload -s "${sockets[3]}" >/dev/null
kill -KILL "${node_pids[2]}"
on weir ip link set eth0 down
lead_to 3
lost=$(held_broken)
say "one of two nodes lost, in the second of a reload: $lost of $connections broken ($(share "$lost"))"
expect_equal "broken when a node is lost" 0 "$lost"
held_close

# The end does not wait for a corosync that hangs.
kill -STOP "${corosync_pids[3]}"
sleep 0.2 # for the thread to wait for it; if it does not yet, that is no fault
kill "${node_pids[3]}"
must_come 10 "the end of \`other\` with a corosync that hangs" eval "! is_running ${node_pids[3]}"
expect "an exit status of 0" wait "${node_pids[3]}"
kill -CONT "${corosync_pids[3]}"
expect "no errors in the log" eval '! grep -h ^error "$dir"/weir.error.log "$dir"/other.error.log'
