#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The Debian package that `make test-deb` has built: lintian finds no error; dpkg installs it into an empty
# root, upgrades, removes and purges it, and what an operator wrote stays.
set -euo pipefail
cd "$(dirname "$0")/../.."
package=$(find build -maxdepth 1 -name 'weir_*.deb' | head -n 1)
[ -n "$package" ] || { echo "FAILED: no package in build/" && exit 1; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail() { echo "FAILED: $*"; exit 1; }
has() { [ -e "$root$1" ] || fail "$2: no $1"; }
has_not() { [ ! -e "$root$1" ] || fail "$2: $1 is there"; }

lintian --allow-root --fail-on error "$package" || fail "lintian"

# The scripts run outside with DPKG_ROOT, so the root needs no shell; the libraries are not in it.
in_root() {
	dpkg --root="$root" --force-script-chrootless --force-depends --log=/dev/null "$@" >"$root.log" 2>&1 || {
		cat "$root.log"
		fail "dpkg $*"
	}
	rm -f "$root.log"
}
mkdir -p "$root"/var/lib/dpkg/{info,updates} "$root/etc"
touch "$root/var/lib/dpkg/status" "$root"/etc/{passwd,group,shadow,gshadow}

in_root -i "$package"
for path in /usr/sbin/weir /usr/bin/weir-bench /lib/systemd/system/weir{,@,-backend@}.service \
	/usr/share/man/man{8/weir.8,5/weir.yaml.5,8/weir-backend.8,1/weir-bench.1}.gz \
	/usr/share/bash-completion/completions/weir /usr/share/zsh/vendor-completions/_weir \
	/usr/share/doc/weir/examples/example.yaml /etc/weir; do
	has "$path" installed
done
jq -e '.spdxVersion == "SPDX-2.3" and (.packages | length > 20) and any(.packages[]; .name == "libbpf1")
	and ([.relationships[].relatedSpdxElement] - [.packages[].SPDXID] == [])' \
	"$root/usr/share/doc/weir/weir.sbom.spdx.json" >/dev/null || fail "the bill of materials"
grep -q '^weir:' "$root/etc/passwd" || fail "no user weir"
"$root/usr/sbin/weir" schema | cmp - "$root/usr/share/weir/weir.schema.json" || fail "the schema"
"$root/usr/sbin/weir" check -c "$root/usr/share/doc/weir/examples/example.yaml" >/dev/null || fail "the example"
grep -q 'ExecStart=!/usr/sbin/weir run' "$root/lib/systemd/system/weir.service" || fail "the unit's path"

echo "# an operator's" >"$root/etc/weir/weir.yaml"
in_root -i "$package"
has /etc/weir/weir.yaml upgraded
in_root -r weir
has_not /usr/sbin/weir removed
has /etc/weir/weir.yaml removed
in_root -P weir
has_not /lib/systemd/system/weir.service purged
has /etc/weir/weir.yaml purged
if dpkg --root="$root" -s weir >/dev/null 2>&1; then fail "dpkg still knows it"; fi
