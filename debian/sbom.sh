#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The software bill of materials of a build: the Debian packages of all shared libraries that its programs
# load, with versions, as an SPDX 2.3 document in JSON on standard output. What is built in from source is
# Weir's own (README: no copied code). The same build on the same system gives the same bytes.
#
# usage: sbom.sh VERSION PROGRAM...
set -euo pipefail

version=$1
shift
for tool in jq readelf ldd dpkg-query; do
	command -v $tool >/dev/null || { echo "sbom.sh: no $tool" >&2 && exit 1; }
done

# The package that a library's file is of. /lib and /usr/lib are one folder, and dpkg knows either name.
package_of() {
	local path=$1
	{ dpkg-query -S "$(realpath "$path")" || dpkg-query -S "/usr$path" || dpkg-query -S "${path#/usr}" ||
		dpkg-query -S "$path"; } 2>/dev/null | head -n 1 | sed 's/: .*//; s/,.*//'
}

# `direct` or `indirect`, and the package: of each library of each program.
list_packages() {
	local program needed library path package
	for program; do
		needed=$(readelf -d "$program" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
		while read -r library path; do
			package=$(package_of "$path")
			[ -n "$package" ] || { echo "sbom.sh: $path is of no package" >&2 && return 1; }
			if grep -qxF "$library" <<<"$needed"; then echo "direct $package"; else echo "indirect $package"; fi
		done < <(ldd "$program" | sed -nE 's|^\s*(\S+) => (/\S+) \(.*|\1 \2|p')
	done | sort -u -k 2,2 -k 1,1 | awk '!seen[$2]++' # `direct` sorts first, and is what counts
}

list_packages "$@" | while read -r how package; do
	# shellcheck disable=SC2016 # fields of dpkg-query
	dpkg-query -W -f "$how"'\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Maintainer}\t${Homepage}\n' \
		"$package"
done | jq -R -s --arg version "$version" \
	--arg created "$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" +%Y-%m-%dT%H:%M:%SZ)" '
def package: {
	SPDXID: ("SPDXRef-Package-" + (.name | gsub("[^A-Za-z0-9.-]"; "-"))),
	name, versionInfo, supplier, homepage,
	sourceInfo: .source,
	downloadLocation: "NOASSERTION",
	filesAnalyzed: false,
	licenseConcluded: "NOASSERTION",
	licenseDeclared: "NOASSERTION",
	copyrightText: "NOASSERTION",
	externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: .purl}]
} | with_entries(select(.value != "" and .value != null));
[split("\n")[] | select(. != "") | split("\t") | {
	how: .[0], name: .[1], versionInfo: .[2], supplier: ("Organization: " + .[6]), homepage: .[7],
	source: ("built from the Debian source package " + .[4] + " " + .[5]),
	purl: ("pkg:deb/debian/" + (.[1] | @uri) + "@" + (.[2] | @uri) + "?arch=" + .[3])
}] as $all |
{
	spdxVersion: "SPDX-2.3",
	dataLicense: "CC0-1.0",
	SPDXID: "SPDXRef-DOCUMENT",
	name: ("weir-" + $version),
	documentNamespace: ("https://spdx.org/spdxdocs/weir-" + $version + "-" +
		([$all[] | .name + "=" + .versionInfo] | join(",") | @base64 | .[-32:] | gsub("[^A-Za-z0-9]"; "-"))),
	creationInfo: {created: $created, creators: ["Tool: weir-sbom"]},
	documentDescribes: ["SPDXRef-Package-weir"],
	packages: ([{
		SPDXID: "SPDXRef-Package-weir", name: "weir", versionInfo: $version,
		downloadLocation: "NOASSERTION", filesAnalyzed: false,
		licenseConcluded: "BSD-2-Clause", licenseDeclared: "BSD-2-Clause", copyrightText: "NOASSERTION"
	}] + [$all[] | package]),
	relationships: ([{
		spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-Package-weir"
	}] + [$all[] | {
		spdxElementId: "SPDXRef-Package-weir",
		relationshipType: (if .how == "direct" then "DYNAMIC_LINK" else "DEPENDS_ON" end),
		relatedSpdxElement: (package | .SPDXID)
	}])
}'
