#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `forward: ipip` to hosts behind a router. What must hold is in tests/lib/forward.sh.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

forward_run ipip 44 66 46 64
