#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `forward: dsr` (two-arm). What must hold is in tests/lib/forward.sh.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/forward.sh"

forward_run dsr 44 66
