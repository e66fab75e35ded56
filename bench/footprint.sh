#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the daemon costs while it does nothing: from its start to `ready`, resident memory by what it is for,
# and CPU time of all its threads, with so many services of three backends each on one interface of one-arm.
# Nothing is asserted.
#
# usage: footprint.sh [BUILD [SERVICES [SECONDS]]]
. "$(dirname "$0")/../tests/lib/net.sh"

services=${2:-100}
seconds=${3:-10}

many_services() {
	local i name
	echo "services:"
	for ((i = 0; i < services; i++)); do
		cat <<-END
			  - name: s$i
			    address: 203.0.113.10
			    protocol: tcp
			    ports: $((1000 + i))
			    announce: neighbor
			    backends:
		END
		for name in 1 2 3; do
			echo "      - {name: b$name, address: 10.0.0.1$name}"
		done
	done
}

# Of all threads, in user space and in the kernel for them.
ticks() { sed 's/.*) //' "/proc/$weir_pid/stat" | awk '{print $12 + $13}'; }

start_and_tell() {
	local word begin=${EPOCHREALTIME/./}
	mkfifo "$dir/says"
	exec 3<>"$dir/says" # both ends: to open one waits for the other
	start weir "$weir" run -c "$dir/weir.yaml" >"$dir/says" 2>>"$dir/weir.log"
	weir_pid=$started
	read -r -t 60 -u 3 word && [ "$word" = ready ] || fail "no \`ready\`"
	exec 3<&-
	echo "start to ready, $services services: $(((${EPOCHREALTIME/./} - begin) / 1000)) ms," \
		"CPU time $(($(ticks) * 1000 / $(getconf CLK_TCK))) ms"
}

# Resident KiB of the mappings, by what they are. Packet memory: $1 KiB each.
tell_memory() {
	awk -v frames="$1" '
		/^[0-9a-f]+-[0-9a-f]+ / {name = $6}
		/^Size:/ {size = $2}
		/^Rss:/ {
			all += $2
			if (name ~ /bpf-map/) maps += $2
			else if (size == frames) packets += $2
			else rest += $2
		}
		END {
			printf "resident: %.1f MiB; of it maps (flow table, counters, backends) %.1f, packet memory %.1f, all else %.1f\n",
				all / 1024, maps / 1024, packets / 1024, rest / 1024
		}' "/proc/$weir_pid/smaps"
}

tell_idle() {
	local before after
	before=$(ticks)
	sleep "$seconds"
	after=$(ticks)
	awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" \
		'BEGIN {printf "idle: %.2f %% of a CPU over %d s\n", 100 * ticks / hz / s, s}'
}

net_one_arm
many_services | weir_config eth0
start_and_tell
frames=$(sed -n 's/^worker .*frames=\([0-9]*\) .*/\1/p' "$dir/weir.log" | sed -n 1p)
tell_memory $((frames * 2))
tell_idle
weir_stop
