#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `forward: ipip` to hosts behind a router that are made backends by `weir backend up` and by nothing
# else; `down` leaves them as they were. Uploads begin with packets that fit into no tunnel: Weir
# tells the client so. What must hold is in tests/lib/forward.sh.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

net_routed
forward_interfaces=(eth0 eth1)
forward_backend_options=(--tunnel ipip --from "10.0.2.2,fd02::2")
forward_backend_up
forward_test ipip 44 66 46 64
on b1 "$weir" backend show
expect "nothing refused, and something decapsulated" eval 'on b1 "$weir" backend show --json |
	jq -e ".tunnel | .attached and .refused == 0 and .malformed == 0 and .decapsulated > 1000"'
forward_backend_down
