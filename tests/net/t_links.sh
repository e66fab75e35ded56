#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Interfaces change under a running daemon: down and up, another MTU and link address, more queues, gone
# and back (deleted, or away in another namespace). It is seen, logged and counted, and traffic comes again
# by itself (two-arm). The other interface is served all the time.
. "$(dirname "$0")/../lib/net.sh"

net_queues=4
net_two_arm
nginx_start_backends
web_services | weir_config eth0 eth1

of() { # INTERFACE FIELD
	weir_show interfaces | jq -r --arg name "$1" ".interfaces[] | select(.name == \$name).$2"
}
is() { [ "$(of "$1" "$2")" = "$3" ]; }
logged() { grep -qE "event=interface-$1 name=$2" "$dir/weir.log"; }
answers() { [[ "$(on client curl -sf -m "$net_patience" "$(url $vip4)/")" == b[123] ]]; }
resumes() { # WHAT
	must_come 15 "traffic, $1" answers
	requests 30 $vip4 >"$dir/answers" || fail "requests, $1"
	say "$1: $(count_answers "$dir/answers")"
}

# What goes with the device, or with its coming down.
front_routes() {
	on weir ip route replace 203.0.113.1/32 dev eth0
}
back_address() {
	net_address weir eth1 10.0.0.2/24 fd00::2/64
}

on weir ethtool -L eth0 rx 2 tx 2
on client ethtool -L eth0 tx 2
weir_start
weir_wait_reachable
resumes "at the start"

say "down and up"
on weir ip link set eth0 down
must_come 5 "eth0 down" is eth0 state down
on weir ip link set eth0 up
front_routes
must_come 5 "eth0 up" is eth0 state up
expect "the log" logged down eth0
expect "the log" logged up eth0
resumes "after it was down"
expect_equal "sockets made anew" 0 "$(of eth0 rebuilds)"

say "another MTU"
on weir ip link set eth0 mtu 1400
must_come 5 "the MTU" is eth0 mtu 1400
expect "the log" logged mtu eth0
on weir ip link set eth0 mtu 1500
must_come 5 "the MTU" is eth0 mtu 1500

say "another link address"
on weir ip link set eth0 address 02:00:00:00:be:ef
must_come 5 "the address" is eth0 mac 02:00:00:00:be:ef
expect "the log" logged mac eth0
must_come 5 "the client told" eval "on client ip neigh show $vip4 | grep -q 02:00:00:00:be:ef"
resumes "with another link address"
on weir ip link set eth1 address 02:00:00:00:be:ee
must_come 5 "the address" is eth1 mac 02:00:00:00:be:ee
resumes "with another link address at the other end"

say "more queues"
on weir ethtool -L eth0 rx 4 tx 4
on client ethtool -L eth0 tx 4
must_come 10 "four queues" is eth0 queues 4
expect "the log" logged queues eth0
expect_equal "sockets made anew" 1 "$(of eth0 rebuilds)"
resumes "with more queues"

say "gone and back"
on weir ip link delete eth0
must_come 5 "eth0 gone" is eth0 state gone
expect "the log" logged gone eth0
expect_equal "the other one" up "$(of eth1 state)"
expect "the balance" ledger_is_balanced
expect_equal "status of the daemon" 0 "$("$weir" show status -s "$socket" >/dev/null; echo $?)"
net_link client eth0 weir spare
on weir bpftool net attach xdpdrv pinned "/sys/fs/bpf/$net_prefix-pass" dev spare
on weir ip link set spare down
on weir ip link set spare name eth0
on weir ip link set eth0 up
must_come 5 "why it is not served" grep -q 'eth0 is used already: XDP program' "$dir/weir.log"
rebuilds=$(of eth1 rebuilds)
wait_for 2 false || true # the daemon tries again and again meanwhile
expect_equal "still gone" gone "$(of eth0 state)"
expect_equal "the other one, meanwhile" "$rebuilds" "$(of eth1 rebuilds)"
on weir bpftool net detach xdpdrv dev eth0
net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
net_address weir eth0 10.0.1.2/24 fd01::2/64
front_routes
must_come 10 "eth0 back" is eth0 state up
expect "the log" logged back eth0
resumes "after it was gone"
expect_equal "losses" 1 "$(of eth0 losses)"

say "away in another namespace, and back under the same number"
net_namespace elsewhere
on weir ip link set eth1 netns "$net_prefix-elsewhere"
must_come 5 "eth1 gone" is eth1 state gone
on elsewhere ip link set eth1 netns "$net_prefix-weir"
on weir ip link set eth1 up
back_address
must_come 10 "eth1 back" is eth1 state up
weir_wait_reachable
resumes "after it was elsewhere"

must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
expect "the balance" ledger_is_balanced
weir_show drops | jq -c '.ledger, (.reasons[] | select(.total > 0) | {(.reason): .total})'
expect_match "metrics" 'weir_interface_losses_total\{interface="eth1"\} 1' \
	"$(curl -s --unix-socket "$socket" http://weir/metrics)"
weir_stop
