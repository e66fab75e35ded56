#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/lib/check.sh sees each kind of fault: every one is planted alone into a small repository,
# and must be named with its file and line.
# shellcheck disable=SC2016 # the back quotes are text
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

plant_tree() {
	rm -rf "${tree:?}"/* "$tree/.git"
	mkdir -p "$tree"/{bpf,lb,tests}
	cp "$root/.clang-format" "$tree"
	printf '/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n' >"$tree/bpf/a.h"
	printf '// SPDX-License-Identifier: BSD-2-Clause\nint a;\n' >"$tree/lb/a.c"
	printf '#!/bin/bash\n# SPDX-License-Identifier: BSD-2-Clause\n' >"$tree/tests/a.sh"
	chmod +x "$tree/tests/a.sh"
	printf 'all: ## `make all`\n' >"$tree/Makefile"
	echo 'Run `make all`.' >"$tree/README.md"
	git -C "$tree" init -q
}

# expect_fault WHERE WHAT: check.sh fails now, and names the place.
expect_fault() {
	local out
	if out=$("$root/tests/lib/check.sh" "$tree"); then
		echo "not seen: $2"
		exit 1
	fi
	if ! grep -qF "$1" <<<"$out"; then
		printf 'not at %s: %s\n%s\n' "$1" "$2" "$out"
		exit 1
	fi
	plant_tree
}

plant_tree
"$root/tests/lib/check.sh" "$tree"

printf '// SPDX-License-Identifier: BSD-2-Clause\n  int a;\n' >"$tree/lb/a.c"
expect_fault lb/a.c: 'another format'

echo 'int a;' >"$tree/lb/a.c"
expect_fault lb/a.c:1: 'no licence line'

printf '/* SPDX-License-Identifier: BSD-2-Clause */\n' >"$tree/bpf/a.h"
expect_fault bpf/a.h:1: 'the licence of the wrong folder'

printf '#!/bin/bash\n' >"$tree/tests/a.sh"
expect_fault tests/a.sh:1: 'a script without a licence line'

printf 'Run it. \n' >"$tree/README.md"
expect_fault README.md:1: 'white space at the end of a line'

printf 'int a;\n%.0s' {1..500} >>"$tree/lb/a.c"
expect_fault lb/a.c:1: 'a long file'

{
	printf 'int f(void)\n{\n'
	printf '\tf();\n%.0s' {1..71}
	printf '}\n'
} >>"$tree/lb/a.c"
expect_fault lb/a.c:4: 'a long function'

echo 'if true' >>"$tree/tests/a.sh"
expect_fault tests/a.sh:1: 'a script with a syntax error'

chmod -x "$tree/tests/a.sh"
expect_fault tests/a.sh:1: 'a script that cannot be run'

echo 'Run `make nothing`.' >"$tree/README.md"
expect_fault 'make nothing' 'a make target that is not there'

mkdir "$tree/docs"
echo 'A reason: `no-backend`.' >"$tree/docs/operating.md"
cat >"$tree/bpf/abi.h" <<'END'
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define ABI_REASONS(X)                                                                             \
	X(NO_BACKEND, "no-backend", "a")                                                           \
	X(TX_FULL, "tx-full", "b")
END
expect_fault 'tx-full' 'a reason that the operating guide does not explain'
