#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `forward: nat` to hosts behind a router, at another port. What must hold is in tests/lib/forward.sh.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

forward_run nat 44 66 46 64
