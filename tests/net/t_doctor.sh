#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir doctor` finds nothing bad in a good network, names each known trap that is set on purpose
# together with the command that mends it, and mends what is safe to mend (two-arm).
. "$(dirname "$0")/../lib/net.sh"

net_two_arm
web_services | weir_config eth0 eth1

doctor() { on weir "$weir" doctor -c "$dir/weir.yaml" "$@"; }

# What is wrong, `about check` one a line.
faults() { # LEVEL [OPTION...]
	local level=$1
	shift
	doctor --json "$@" >"$dir/findings" || true
	jq -r --arg level "$level" '.findings[] | select(.level == $level) | "\(.about) \(.check)"' \
		"$dir/findings" | sort
}

mend_of() { # ABOUT CHECK: the command in $dir/findings
	jq -r --arg about "$1" --arg check "$2" \
		'.findings[] | select(.about == $about and .check == $check and .mend).mend' "$dir/findings"
}

doctor >"$dir/out" || { cat "$dir/out" && fail "something is bad before the daemon starts"; }
weir_start
weir_wait_reachable
doctor -s "$socket" >"$dir/out" || { cat "$dir/out" && fail "something is bad while it runs"; }
cat "$dir/out"
expect_match "the backends" "^ok +backends +next-hop" "$(cat "$dir/out")"
expect_match "the queues" "^ok +eth0 +queues +2 receive queues, all with a socket" "$(cat "$dir/out")"

say "a sender that leaves checksums to its device"
on client ethtool -K eth0 tx on >/dev/null
expect_equal "the fault" "eth0 peer-checksum" "$(faults bad -s "$socket")"
expect_equal "what mends it" \
	"nsenter --net=/run/netns/$net_prefix-client ethtool -K eth0 tx off" \
	"$(mend_of eth0 peer-checksum)"
! doctor -s "$socket" >/dev/null || fail "exit status 0 with something bad"
echo n | doctor -s "$socket" --fix >/dev/null && fail "mended without a yes"
expect_equal "still there" "eth0 peer-checksum" "$(faults bad -s "$socket")"
expect "mending" doctor -s "$socket" --fix --yes >"$dir/out"
expect_equal "afterwards" "" "$(faults bad -s "$socket")"
on client ethtool -K eth0 tx on >/dev/null
on client curl -s --max-time 1 -o /dev/null "http://$vip4/" || true
on client ethtool -K eth0 tx off >/dev/null
expect_equal "what the daemon has counted" "daemon checksums" "$(faults bad -s "$socket")"

say "strict reverse path filtering"
net_set weir ipv4.conf.eth1.rp_filter=1
expect_equal "the fault" "eth1 rp_filter" "$(faults bad)"
doctor --fix < <(yes) >/dev/null || fail "exit status after mending"
expect_equal "the setting" 2 "$(on weir cat /proc/sys/net/ipv4/conf/eth1/rp_filter)"

say "a backend that is not there"
sed -i 's/10.0.0.13/10.0.0.99/' "$dir/weir.yaml"
on weir ping -c 1 -W 1 10.0.0.99 >/dev/null || true
must_come 5 "the backend named" eval 'faults bad | grep -qx "web4/b3 next-hop"'
sed -i 's/10.0.0.99/10.0.0.13/' "$dir/weir.yaml"
weir_stop

say "a queue without a socket"
sed -i 's/{name: eth0}/{name: eth0, queues: [1]}/; 1a workers: {cpus: [0, 1]}' "$dir/weir.yaml"
expect_equal "the fault" "eth0 queues" "$(faults bad)"
expect_match "which one" "queue 0 goes to the kernel" "$(cat "$dir/findings")"
weir_start
expect_equal "the fault, from the daemon" "eth0 queues" "$(faults bad -s "$socket")"
expect_match "what it means for the workers" "fewer workers than workers.cpus names.* interface=eth0" \
	"$(grep fewer "$dir/weir.log")"
weir_stop

say "another XDP program"
on weir bpftool net attach xdpdrv pinned "/sys/fs/bpf/$net_prefix-pass" dev eth1
expect_equal "the fault" "eth0 queues
eth1 xdp-program" "$(faults bad)"
on weir bpftool net detach xdpdrv dev eth1

say "nobody where a daemon was named, and bad usage"
expect_match "no daemon" "^daemon api" "$(faults bad -s "$socket")"
status=0
doctor --json --fix >/dev/null 2>&1 || status=$?
expect_equal "status of wrong usage" 2 $status
doctor nosuch0 >"$dir/out" && fail "an interface that is not there is well"
expect_match "it is named" "^bad +nosuch0 +link" "$(cat "$dir/out")"
