#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The black box: what was dropped before anybody looked is there afterwards, the last of it, and a
# filter chooses from it (one-arm).
. "$(dirname "$0")/../lib/net.sh"

dark=203.0.113.20

net_one_arm
web_services | weir_config eth0
cat >>"$dir/weir.yaml" <<END
  - {name: dark, address: $dark, protocol: udp, ports: any, announce: neighbor, backends: []}
blackbox: {packets: 20, seconds: 3600}
END
weir_start
on client "$udp_load" send $dark 1111 1 1 8 >/dev/null
on client "$udp_load" send $dark 2222 1 1 16 >/dev/null
must_come 5 "24 drops" eval '[ "$(weir_drops no-backend)" = 24 ]'

box() { # OPTION...: how many packets it has
	"$weir" capture --blackbox -w "$dir/box.pcapng" --socket "$socket" "$@" 2>"$dir/box.log" || fail "$(<"$dir/box.log")"
	tshark -r "$dir/box.pcapng" -T fields -e frame.comment 2>/dev/null | grep -c "reason=no-backend service=dark" || true
}
has_last() { [ "$(box)" = 20 ]; }
must_come 5 "the last twenty" has_last
expect_equal "those of the first port that are left" 4 "$(box 'udp port 1111')"
expect_equal "those of another reason" 0 "$(box --reason tx-full)"
capinfos "$dir/box.pcapng" >/dev/null || fail "capinfos can't read it"
expect_equal "captures that run" 0 "$(weir_show status | jq .captures)"
