#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every example in configs/ is right, and the daemon starts with it on a host that has the interfaces which
# it names, with every service; with nothing changed but names of its own and a smaller flow table.
. "$(dirname "$0")/../lib/net.sh"

net_two_arm
cp "$net_root"/configs/*.txt "$dir/"
count=0
for example in "$net_root"/configs/*.yaml; do
	name=$(basename "$example")
	"$weir" check -c "$example" >"$dir/said" 2>&1 || fail "$name: $(<"$dir/said")"
	"$weir" check -c "$example" --print | sed -E "s|^instance: .*|instance: $net_prefix|; s|^user: .*|user: \"$weir_user\"|
		s|^  socket: .*|  socket: $socket|; s|^  entries: .*|  entries: 4096|; s|^drain: .*|drain: 0s|" >"$dir/weir.yaml"
	: >"$dir/weir.log"
	weir_start
	weir_show services | jq -r '.services[].name' | sort >"$dir/there"
	sed -n '/^services:/,/^[a-z]/s/^  - name: //p' "$dir/weir.yaml" | sort >"$dir/wanted"
	expect_equal "services of $name" "$(<"$dir/wanted")" "$(<"$dir/there")"
	expect_equal "errors of $name" "" "$(grep '^error' "$dir/weir.log" || true)"
	say "$name: $(xargs <"$dir/there")"
	weir_stop
	count=$((count + 1))
done
[ $count -ge 10 ] || fail "only $count examples"
