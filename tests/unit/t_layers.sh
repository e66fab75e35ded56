#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/lib/layers.sh sees each kind of breach: every one is planted alone into a small tree, and
# must be named with its file and line.
set -euo pipefail
layers=$(cd "$(dirname "$0")/../lib" && pwd)/layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

plant_tree() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree"/{bpf,lb,datapath,tools/weir,bench,tests/unit}
	echo '#include <linux/types.h>' >"$tree/bpf/abi.h"
	echo '#include "bpf/abi.h"' >"$tree/lb/addr.h"
	printf '#include "lb/addr.h"\n#include <xdp/xsk.h>\n' >"$tree/datapath/port.h"
	echo '#include "bpf/weir.skel.h"' >"$tree/datapath/program.c"
	printf '#include "datapath/port.h"\n#include <ev.h>\n' >"$tree/tools/weir/main.c"
	printf '#include <numa.h>\n#include "lb/addr.h"\n' >"$tree/bench/micro.c"
	echo '#include "bpf/weir.skel.h"' >"$tree/tests/unit/test_x.c"
}

# expect_breach FILE INCLUDE: the include as the second line of FILE is a breach.
expect_breach() {
	local out
	plant_tree
	printf '/* x */\n#include %s\n' "$2" >"$tree/$1"
	if out=$("$layers" "$tree"); then
		echo "not seen: $1 includes $2"
		exit 1
	fi
	if ! grep -qF "$1:2: " <<<"$out"; then
		printf 'without file and line: %s includes %s\n%s\n' "$1" "$2" "$out"
		exit 1
	fi
}

plant_tree
"$layers" "$tree"

expect_breach bpf/x.h '"lb/addr.h"'
expect_breach lb/x.c '"datapath/port.h"'
expect_breach datapath/x.c '"tools/weir/main.c"'
expect_breach lb/x.c '"bench/micro.c"'
expect_breach tools/x.c '"tests/unit/test_x.c"'
expect_breach lb/x.c '"addr.h"'
expect_breach lb/x.c '"../bpf/abi.h"'
expect_breach lb/x.c '"bpf/weir.skel.h"'
expect_breach tools/weir/x.c '"bpf/weir.skel.h"'
expect_breach tools/weir/x.c '<xdp/xsk.h>'
expect_breach tools/weir/x.c '<bpf/libbpf.h>'
expect_breach lb/x.c '<bpf/bpf.h>'
expect_breach tools/weir/x.c '<numa.h>'
expect_breach lb/x.c '<unistd.h>'
expect_breach lb/x.c '<pthread.h>'
expect_breach lb/x.c '<time.h>'
expect_breach lb/x.c '<sys/socket.h>'
expect_breach datapath/x.c '<ev.h>'
expect_breach bpf/abi.h '"bpf/abi.h"'

plant_tree
echo '#include "lb/b.h"' >"$tree/lb/a.h"
printf '\n#include "lb/a.h"\n' >"$tree/lb/b.h"
if out=$("$layers" "$tree"); then
	echo "a cycle of two headers is not seen"
	exit 1
fi
grep -Eq '^lb/(a.h:1|b.h:2): a cycle: ' <<<"$out"
