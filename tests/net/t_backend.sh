#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # variables are net.sh's
#
# `weir backend`: what up puts in place down takes away, whatever stopped up; bad words change
# nothing; tunnel packets from strangers are refused; ranges of ports go to one server.
#
#     client --- eth0 weir eth1 --- router --- switch --- b1 b2 b3
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

net_routed
backend() { on b1 "$weir" backend "$@"; }

# refused STATUS PATTERN WORDS...: with that exit status and message, and b1 as it was
refused() {
	local status=$1 pattern=$2 got=0
	shift 2
	backend "$@" >"$dir/out" 2>&1 || got=$?
	expect_equal "exit status of: $*" "$status" $got
	expect_match "message of: $*" "$pattern" "$(cat "$dir/out")"
	forward_look b1 | diff "$dir/before" - || fail "changed by: $*"
}

forward_look b1 >"$dir/before"
refused 2 "expected up, down or show" mend
refused 2 "needs --vip" up
refused 2 "found '10.0.0'; expected an IPv4 or IPv6 address" up --vip 10.0.0
refused 2 "found 'gre'; expected ipip or gue" up --vip $vip4 --tunnel gre
refused 2 "needs --from" up --vip $vip4 --tunnel gue
refused 2 "is for --tunnel" up --vip $vip4 --from 10.0.0.2
refused 2 "expected 10.0.0.0/24" up --vip $vip4 --tunnel gue --from 10.0.0.2/24
refused 2 "name it by --interface" up --vip $vip4 --tunnel gue --from any
refused 2 "like tcp:8000-8999=9000" up --vip $vip4 --ports tcp:8999-8000=1
refused 2 "overlaps 8000-8999" up --vip $vip4 --ports tcp:8000-8999=1 --ports tcp:8999-9000=2
refused 1 "no interface eth7" up --vip $vip4 --tunnel gue --from any --interface eth7
refused 0 "" down
expect_match "show, of no backend" "nothing is up" "$(backend show)"

net_take_xdp b1 eth0
forward_look b1 >"$dir/before"
refused 1 "another XDP program is attached to eth0" up --vip $vip4 --tunnel gue --from any \
	--interface eth0
on b1 bpftool net detach xdpdrv dev eth0
forward_look b1 >"$dir/before"
say "bad words change nothing"

# killed at many moments
all=(--vip "$vip4,$vip6" --tunnel gue --from "10.0.2.2,fd02::2" --ports tcp:8000-8999=9000)
for delay in 0.004 0.008 0.012 0.016 0.02 0.025 0.03 0.04 0.06 0.1 0.2; do
	on b1 timeout -s KILL $delay "$weir" backend up "${all[@]}" 2>/dev/null || true
	expect "down after a kill" backend down
	forward_look b1 | diff "$dir/before" - || fail "left by an up that was killed after $delay s"
done
say "down finds all of a killed up"

# an address and a setting that are not up's own stay
net_address b1 lo $vip4/32
net_set b1 ipv4.conf.all.arp_ignore=2
forward_look b1 >"$dir/own"
backend up "${all[@]}" 2>/dev/null
expect "all of it once more" backend up "${all[@]}"
expect_match "show" "NO SERVER" "$(backend show)"
backend up --vip $vip4 >"$dir/out" 2>&1 && fail "up with other options"
expect_match "up with other options" "it is up already, with other options" "$(cat "$dir/out")"
backend down
forward_look b1 | diff "$dir/own" - || fail "down took what was not up's"
on b1 ip address del $vip4/32 dev lo
net_set b1 ipv4.conf.all.arp_ignore=0

# from strangers
nginx_start b1
{
	forward_services gue 44 | sed '/name: b[23]/d'
	cat <<-END
		  - name: many
		    address: $vip4
		    protocol: tcp
		    ports: 8000-8999
		    forward: gue
		    announce: neighbor
		    backends: [{name: b1, address: 10.0.0.11}]
	END
} | weir_config eth0 eth1
weir_start
weir_wait_reachable
backend up --vip $vip4 --tunnel gue --from 10.9.9.0/24
on client curl -s -m 1 -o /dev/null "$(url $vip4)/" && fail "answered a stranger's balancer"
expect "strangers are counted" eval 'backend show --json | jq -e ".tunnel.refused > 0" >/dev/null'
expect_equal "decapsulated of strangers" 0 "$(backend show --json | jq .tunnel.decapsulated)"
backend down
say "strangers are refused"

# ranges of ports
nginx_start b1 9000
backend up "${all[@]}"
expect_match "what is seen of a host that is a backend" sk_lookup "$(forward_look b1)"
for port in 8000 8123 8999; do
	expect_equal "the answer at port $port" b1 "$(on client curl -sf -m 5 "$(url $vip4 $port)/")"
done
# shellcheck disable=SC2154 # nginx_start sets it
net_stop "$nginx_pid_b1"
must_come 5 "that the server is missed" eval 'backend show | grep -q "NO SERVER"'
nginx_start b1 9000
expect "up, for the new server" backend up "${all[@]}"
expect_equal "the answer of the new server" b1 "$(on client curl -sf -m 5 "$(url $vip4 8500)/")"
backend show
backend down
forward_look b1 | diff "$dir/before" - || fail "down left something"
