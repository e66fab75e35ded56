#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks who includes whom:
#
#   bpf <- lb <- datapath <- tools      each layer includes itself and those to its left
#   bench, sim, tests                   include anything; nothing but these includes them
#
# and that includes are by path from the root, that headers make no cycles, and that the libraries
# of `reserved` below are used only where they belong. Prints FILE:LINE for each breach.
#
# usage: layers.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# Pattern of a system header, then who may include it. `-` before a layer: all but that one.
reserved='
^(xdp/|bpf/libbpf[.]h|bpf/bpf[.]h|numa[.]h) datapath
^(ev|microhttpd|jansson)[.]h|^(curl|corosync)/ tools
^(unistd|pthread|time|fcntl|poll|signal|syslog)[.]h$ -lb
^sys/(socket|time|mman|stat|ioctl|epoll|random)[.]h$ -lb
^(unistd|pthread|stdio|stdlib|time)[.]h$ -bpf
'

mapfile -t sources < <(find bpf lb datapath tools bench sim tests -name '*.[ch]' 2>/dev/null | sort)
[ ${#sources[@]} -gt 0 ] || { echo "layers: no sources here: $PWD" >&2; exit 1; }

awk -v reserved="$reserved" '
BEGIN {
	rank["bpf"] = 1; rank["lb"] = 2; rank["datapath"] = 3; rank["tools"] = 4
	free["bench"] = free["sim"] = free["tests"] = 1
	rules = split(reserved, rule, "\n")
	for (i = 1; i < ARGC; i++)
		exists[ARGV[i]] = 1
}
function layer_of(path) { return substr(path, 1, index(path, "/") - 1) }
function breach(text) { print FILENAME ":" FNR ": " text; breaches++ }

function check_system(header, layer,    i, part) {
	for (i = 1; i <= rules; i++) {
		if (split(rule[i], part, " ") != 2 || header !~ part[1])
			continue
		if (part[2] ~ /^-/ ? layer == substr(part[2], 2) : layer != part[2])
			breach("<" header "> is not for " layer "/")
	}
}

function check_project(header, layer,    target) {
	target = layer_of(header)
	if (header ~ /^bpf\/[^\/]*[.]skel[.]h$/) {
		if (layer != "datapath" && !(layer in free))
			breach("only datapath/ includes generated headers: \"" header "\"")
	} else if (!(header in exists)) {
		breach("not a path from the root: \"" header "\"")
	} else if (target in free) {
		if (!(layer in free))
			breach("nothing includes " target "/: \"" header "\"")
	} else if (!(layer in free) && rank[target] > rank[layer]) {
		breach(layer "/ does not include " target "/: \"" header "\"")
	}
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	match($0, /[<"][^>"]*/)
	header = substr($0, RSTART + 1, RLENGTH - 1)
	layer = layer_of(FILENAME)
	if (substr($0, RSTART, 1) == "\"") {
		check_project(header, layer)
		if (FILENAME ~ /[.]h$/)
			edges[FILENAME] = edges[FILENAME] " " header
		where[FILENAME, header] = FNR
	} else if (!(layer in free)) {
		check_system(header, layer)
	}
}

# Depth first; state 1: on the path to here, 2: done.
function visit(file, path,    next_file, n, i) {
	state[file] = 1
	n = split(edges[file], next_file, " ")
	for (i = 1; i <= n; i++) {
		if (state[next_file[i]] == 1) {
			print file ":" where[file, next_file[i]] ": a cycle: " path " -> " next_file[i]
			breaches++
		} else if (!state[next_file[i]]) {
			visit(next_file[i], path " -> " next_file[i])
		}
	}
	state[file] = 2
}

END {
	for (file in edges)
		if (!state[file])
			visit(file, file)
	if (breaches) {
		print "layers: " breaches " breaches"
		exit 1
	}
	print "layers: " ARGC - 1 " files, no breach"
}' "${sources[@]}"
