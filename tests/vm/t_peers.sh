#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir-bench peers` where the kernel has IPVS: both its ways, nftables, HAProxy and Weir's dsr and nat deliver HTTP and
# UDP in one run. The figures are those of an emulated CPU: what counts is how the ways stand to each other. They stay
# beside the log, in peers.json.
. "$(dirname "$0")/../lib/vm.sh"

modprobe -q ip_vs_mh || skip "Linux $vm_release: no IPVS"

"$build/weir-bench" peers --trials "${WEIR_PEERS_TRIALS:-1}" --seconds "${WEIR_PEERS_SECONDS:-15}" --weir "$weir" \
	--only 'no balancer,Weir dsr,Weir nat,nftables,HAProxy,IPVS' --json "$dir/peers.json" || fail "weir-bench peers"
cp "$dir/peers.json" "$build/tests/logs/"
rows=$(jq -r '.tables[0].rows[] | select(.keep and .each) | .way' "$dir/peers.json")
for way in "Weir dsr, fast path" "Weir dsr, workers" "Weir nat, fast path" "Weir nat, workers" \
	"IPVS dr" "IPVS nat" "nftables DNAT" "HAProxy, TCP mode"; do
	expect "$way measured" grep -qx "$way" <<<"$rows"
	[[ $way != HAProxy* ]] || continue
	expect "$way: datagrams" jq -e --arg way "$way" \
		'.tables[0].rows[] | select(.way == $way).udp.median > 0' "$dir/peers.json"
done
jq -r '.tables[0].notes[]' "$dir/peers.json"
