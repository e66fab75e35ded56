#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A reload that removes a backend while downloads run (one-arm): those of the other backends end
# with the right bytes, new requests go to the others only. A reload of a faulty configuration
# changes nothing.
. "$(dirname "$0")/../lib/net.sh"

downloads=20

net_one_arm
nginx_start_backends
head -c 2000000 /dev/urandom >"$dir/files/big"
sum=$(sha256sum <"$dir/files/big")
web_services | weir_config eth0
weir_start
weir_wait_reachable

all_have_begun() { [ "$(find "$dir" -name 'body.*' -size +0 | wc -l)" -eq $downloads ]; }

download_pids=()
for ((i = 0; i < downloads; i++)); do
	start client curl -s -m $((20 * net_patience)) --no-buffer -D "$dir/head.$i" -o "$dir/body.$i" "$(url $vip4)/files/big"
	download_pids+=("$started")
done
must_come 10 "the begin of all downloads" all_have_begun

say "a faulty configuration"
cp "$dir/weir.yaml" "$dir/good.yaml"
echo "surprise: 1" >>"$dir/weir.yaml"
if said=$(weir_reload 2>&1); then
	fail "a faulty configuration was taken"
fi
expect_match "what a refused reload says" 'weir.yaml:[0-9]+: surprise' "$said"
requests 60 $vip4 >"$dir/answers" || fail "requests after the refused reload"
expect_spread "$dir/answers" b1=100 b2=100 b3=100

say "one backend less"
grep -v 'name: b3' "$dir/good.yaml" >"$dir/weir.yaml"
expect "the reload" weir_reload
requests 100 $vip4 >"$dir/answers" || fail "requests after the reload"
expect_spread "$dir/answers" b1=100 b2=100
say "after the reload: $(count_answers "$dir/answers")"


all_have_ended() { # PID...
	local pid
	for pid; do
		! is_running "$pid" || return 1
	done
}
must_come 25 "the end of all downloads" all_have_ended "${download_pids[@]}"
kept=0
for ((i = 0; i < downloads; i++)); do
	backend=$(tr -d '\r' <"$dir/head.$i" | sed -n 's/^X-Backend: //p')
	[ "$backend" != b3 ] || continue
	expect_equal "download $i of $backend" "$sum" "$(sha256sum <"$dir/body.$i")"
	kept=$((kept + 1))
done
say "$kept downloads of b1 and b2 are whole"
expect "at least one such download" [ $kept -gt 0 ]
