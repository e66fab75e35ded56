#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir schema` lets through what `weir check` does (the examples, README's, the canonical form of
# each), has exactly the keys of the canonical form, and refuses what it refuses, line by line.
# shellcheck disable=SC2016 # the back quotes are text
set -euo pipefail
cd "$(dirname "$0")/../.."
weir=${1:-build}/weir
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$weir" schema >"$dir/schema.json"

# README's first block of YAML, as somebody would type it.
sed -n '/^```yaml$/,/^```$/p' README.md | sed '1d;/^```$/,$d' >"$dir/readme.yaml"
cp configs/*.yaml configs/geo-here.txt "$dir"
# Every kind of value that no example has, written as a user may.
cat >"$dir/kinds.yaml" <<'END'
interfaces: [{name: eth0, mode: generic, queues: [0, 3]}, {name: "ens1f0np0.7"}]
workers: {cpus: [2, 4], poll: busy}
memory: {hugepages: off, frames_per_queue: 16384}
flow_table: {fast_path: on, timeouts: {udp: 90s, tcp_established: 2h}}
blackbox: {packets: 1000}
nat: {addresses: [10.0.0.200, "fd00::200"], ports: 2048-4095, announce: none}
ipip: {source: 172.16.0.0/16}
sources: {here: {prefixes: 192.0.2.0/24}, "7": {prefixes: ["2001:db8::/32", 198.51.100.1]}}
policy:
  rules:
    - {name: a, from: here, to: any, action: drop}
    - {name: b, from: [here, "7"], to: [web, 203.0.113.0/24], ports: [53, 100-200], match: [tcp-syn, vlan 7, length 60-100],
       limit: {per: source, rate: 10MB/s, burst: 1MB, ipv4_prefix: 24}, protocol: tcp}
    - {name: c, from: here, action: redirect, redirect: {interface: eth0}}
services:
  - {name: web, address: "2001:db8::10", protocol: tcp, ports: 443, forward: nat, mss_clamp: 1200, slow_start: 30s,
     health: {type: http, port: 8080, status: 200, interval: 500ms, timeout: 400ms, host: a.example, body: "ok \"now\""},
     backends: [{name: b1, address: 10.0.0.1, port: 8443, backup: true}]}
  - {name: quic, address: 203.0.113.0/28, protocol: udp, ports: any, affinity: quic, quic: {server_id_length: 2},
     health: {type: udp, port: 53, send: 0x00ff, expect: hello},
     backends: [{name: b1, address: 10.0.0.1, server_id: 0x0001}]}
  - {name: own, address: 203.0.113.77, protocol: tcp, ports: [80, 8000-8099], mss_clamp: path, forward: gue,
     health: {type: command, command: [/bin/true, "1"]}, backends: []}
api: {mode: 0660, group: adm, http: "[::1]:9290", token_file: /etc/weir/token}
END

right=()
for file in "$dir"/*.yaml; do
	"$weir" check -c "$file" --print >"$file.print"
	right+=("$file" "$file.print")
done
tests/lib/schema.py "$dir/schema.json" tests/golden/faults.yaml "${right[@]}"
