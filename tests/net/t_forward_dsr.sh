#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `forward: dsr` (two-arm), to hosts that are made backends by `weir backend up` and by nothing else;
# `down` leaves them as they were. What must hold is in tests/lib/forward.sh.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

net_two_arm net_hosts
forward_interfaces=(eth0 eth1)
forward_backend_up
forward_test dsr 44 66
forward_backend_down
