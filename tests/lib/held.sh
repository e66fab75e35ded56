# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # variables of net.sh
#
# HTTP connections from `client` to $vip4 that stay open, and are asked how many of them are broken. Source it
# after net.sh.

held_says() { [ "$(wc -l <"$dir/held")" -ge "$1" ]; } # LINES

held_open() { # COUNT
	rm -f "$dir/ask"
	mkfifo "$dir/ask"
	: >"$dir/held"
	on client python3 "$net_root/tests/lib/held_connections.py" $vip4 80 "$1" \
		<"$dir/ask" >"$dir/held" 2>>"$dir/held.error.log" &
	held_pid=$!
	net_pids+=("$held_pid")
	exec 5>"$dir/ask"
	must_come 30 "the connections" held_says 1
	expect_equal "connections that could not be opened" 0 "$(jq -s '.[0].broken' "$dir/held")"
}

held_broken() { # how many are broken by now
	local lines
	lines=$(wc -l <"$dir/held")
	echo ask >&5
	must_come 60 "the answers of all connections" held_says $((lines + 1))
	tail -n 1 "$dir/held" | jq .broken
}

held_close() {
	exec 5>&-
	net_stop "$held_pid"
}
