#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What can be wrong when the daemon starts: each fault is one line that says what to do, the exit
# status tells a fault of the configuration (2) from one of the system (1), and the host is as it was.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
web_services | weir_config eth0
cp "$dir/weir.yaml" "$dir/good.yaml"

interface_state() { on weir ip -d -j link show eth0 | jq -S 'del(.[0].stats64)'; }

# expect_refusal WHAT STATUS PATTERN [COMMAND...]: the daemon does not start, and says PATTERN.
expect_refusal() {
	local what=$1 wanted=$2 pattern=$3 status=0 before
	shift 3
	before=$(interface_state)
	on weir timeout 20 "$@" "$weir" run -c "$dir/weir.yaml" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
	cp "$dir/good.yaml" "$dir/weir.yaml"
	say "$what: $(cat "$dir/err")"
	expect_equal "$what: the exit status" "$wanted" "$status"
	expect_equal "$what: lines" 1 "$(wc -l <"$dir/err")"
	expect_match "$what" "$pattern" "$(cat "$dir/err")"
	expect_equal "$what: the interface afterwards" "$before" "$(interface_state)"
	expect "$what: no \`ready\`" eval "! grep -q ready '$dir/out'"
}

change() { sed -i -e "$1" "$dir/weir.yaml"; }

printf 'services: 3\n' >"$dir/weir.yaml"
expect_refusal "a faulty configuration" 2 "weir.yaml:1: services"

change 's/name: eth0/name: nosuch0/'
expect_refusal "an interface that does not exist" 1 'nosuch0.*ip link'

on weir ip link add dead0 type veth peer name dead1
change 's/name: eth0/name: dead0/'
expect_refusal "an interface that is down" 1 'dead0.*ip link set.* up'

change 's/name: eth0/name: eth0, queues: [7]/'
expect_refusal "a queue that does not exist" 1 'eth0.*queue'

change 's/name: eth0/name: eth0, mode: zerocopy/'
expect_refusal "zero-copy where the driver has none" 1 'eth0.*zero'

on weir ip link set eth0 mtu 9000
change 's/name: eth0/name: eth0, attach: dispatcher/'
expect_refusal "jumbo frames through a dispatcher" 1 'eth0.*jumbo.*mtu.*attach: link'
on weir ip link set eth0 mtu 1500

change 's/name: eth0/name: eth0, attach: dispatcher/'
expect_refusal "a dispatcher without what libxdp takes" 1 'attach: dispatcher takes .*: cap_sys_admin is missing' \
	setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin

if on weir "$weir" doctor eth0 | grep -q 'trampolines do not load'; then
	change 's/name: eth0/name: eth0, attach: dispatcher/'
	expect_refusal "a dispatcher on a kernel without trampolines" 1 'eth0.*trampolines.*attach: link'
fi

change 's/^flow_table.*/memory: {hugepages: on, frames_per_queue: 262144}/'
expect_refusal "no hugepages" 1 'nr_hugepages'

expect_refusal "no privileges" 1 'root|privilege|cap_|setcap' \
	setpriv --bounding-set=-all --inh-caps=-all

weir_start
expect_refusal "a second daemon of the instance" 1 "running|already|$net_prefix"
sed "s/^instance: .*/&-b/; s|socket: .*|socket: $dir/second.sock}|" "$dir/good.yaml" >"$dir/weir.yaml"
expect_refusal "an interface with another XDP program" 1 'eth0.*(xdp|already|use)'
expect_match "the first daemon" ready "$(cat "$dir/weir.out")"
expect "the first daemon still answers" eval "weir_show status >/dev/null"
weir_stop

# What is not refused but done in another way is said.
change 's/^flow_table.*/&\nmemory: {hugepages: 1GiB, frames_per_queue: 1024}/'
weir_start
if [ "$(weir_show workers | jq -r '.workers[0].memory')" = "1 GiB hugepages" ]; then
	say "there are pages of 1 GiB here"
else
	expect_match "too few pages of 1 GiB" '1GiB, and .* others were taken instead.*memory="(2 MiB|transp|4 KiB)' \
		"$(cat "$dir/weir.log")"
fi
weir_stop
