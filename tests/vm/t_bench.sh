#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir-bench send` by the kernel's pktgen, and by zero copy where virtio-net has it, over a wire of the
# host: all that was sent is counted at the other end.
. "$(dirname "$0")/../lib/vm.sh"

bench=$build/weir-bench
packets=5000

vm_two_arm front
there=$(on weir ip -j -4 address show eth0 | jq -r '.[0].addr_info[0].local')
from=$net_prefix-client:eth0 to=$net_prefix-weir:eth0

say "xsk"
"$bench" send --engine xsk --from "$from" --to "$to" --destination "$there:5000" --flows 16 --rate 1kpps \
	--count $packets --quiet --json "$dir/xsk.json" || fail "send --engine xsk"
facts=$(jq -r '.facts[]' "$dir/xsk.json")
echo "$facts"
! vm_kernel_is_at_least 6 18 || expect_match "the mode of the socket" "zero copy" "$facts"
expect_equal "packets by xsk" "$packets $packets" \
	"$(jq -r '.tables[0].rows[0] | "\(.packets | round) \(.arrived | round)"' "$dir/xsk.json")"

modprobe -q pktgen || skip "Linux $vm_release: no pktgen"
say "pktgen"
start weir "$bench" receive --all --quiet --json "$dir/receive.json" "$to" >"$dir/receive.out" 2>"$dir/receive.log"
receiver=$started
must_come 30 "the receiver" grep -q ready "$dir/receive.log"
"$bench" send --engine pktgen --from "$from" --destination "$there:5000" --flows 16 --count $packets \
	--quiet --json "$dir/pktgen.json" || fail "send --engine pktgen"
expect_equal "packets by pktgen" $packets "$(jq '.tables[0].rows[0].packets | round' "$dir/pktgen.json")"
sleep 10 # what is on the wire still
net_stop $receiver
others=$(jq -r '.tables[0].notes[] | select(startswith("packets without")) | ltrimstr("packets without a stamp: ")' \
	"$dir/receive.json")
say "$others came"
expect "pktgen's packets at the other end" [ "$others" -ge $((packets * 9 / 10)) ]
