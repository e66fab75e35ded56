#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds what git knows of twice, from nothing, in folders of different names, at different times and in
# different orders, and compares what came out byte by byte. Prints sha256 sums; fails where two differ.
#
# usage: reproducible.sh [deb]   the Debian package too
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export CCACHE_DISABLE=1 # its objects would be the first build's

sums() { # FOLDER: of what was built there
	local folders=(build) packages
	cd "$1"
	[ ! -d debian/weir ] || folders+=(debian/weir)
	find "${folders[@]}" -type f \( -perm /111 -o -name '*.bpf.o' -o -path '*/man/*' \) -print0 | sort -z |
		xargs -0 sha256sum
	cd ..
	packages=$(find . -maxdepth 1 -name '*.deb' | sort)
	[ -z "$packages" ] || xargs sha256sum <<<"$packages"
}

build() { # FOLDER JOBS [deb]
	mkdir -p "$1"
	git ls-files -z | tar --null -T - -c | tar -C "$1" -x
	if [ "${3:-}" = deb ]; then
		(cd "$1" && env -u MAKEFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS="parallel=$2" dpkg-buildpackage -us -uc -b)
	else
		env -u MAKEFLAGS -u MAKELEVEL make -C "$1" -j "$2" all manual
	fi >"$1.log" 2>&1 || { tail -n 20 "$1.log" >&2 && exit 1; }
	(sums "$1") >"$1.sums"
}

one=$root/a/weir two=$root/a-folder-with-quite-another-name/of-the-source
build "$one" 2 "${1:-}"
build "$two" 1 "${1:-}"
cat "$one.sums"
[ "$(wc -l <"$one.sums")" -gt 10 ] || { echo "reproducible: only these files were built" >&2 && exit 1; }
if ! diff "$one.sums" "$two.sums"; then
	echo "reproducible: two builds differ"
	exit 1
fi
echo "reproducible: $(wc -l <"$one.sums") files, the same in both folders"
