# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154,SC2034 # variables of net.sh; $broken is for those who source this
#
# Daemons that follow one another, and connections that must not notice. Source it after net.sh.

tcp_load=$build/tests/lib/tcp_load

# --- daemons: each of these leaves the next one in $weir_pid -------------------------------------

exchange_is_gone() { ! is_running "$1"; }

exchange_new() { # OPTION...
	: >"$dir/weir.out"
	start weir "$weir" run -c "$dir/weir.yaml" "$@" >"$dir/weir.out" 2>>"$dir/weir.log"
	weir_pid=$started
	must_come 40 "the new daemon's \`ready\`" weir_is_ready_or_gone
	weir_is_ready || fail "the new daemon ended: $(tail -n 1 "$dir/weir.log")"
}

exchange_end() { # SIGNAL
	kill -"$1" "$weir_pid"
	must_come 60 "the daemon's end by $1" exchange_is_gone "$weir_pid"
	wait "$weir_pid" 2>/dev/null || true
}

exchange_takeover() {
	local old=$weir_pid
	exchange_new --takeover
	must_come 20 "the old daemon's end" exchange_is_gone "$old"
	wait "$old" || fail "the old daemon's exit status is $?"
}
exchange_restart() { exchange_end QUIT && exchange_new; }
exchange_kill() { exchange_end KILL && exchange_new; }

# --- connections that are all in use -------------------------------------------------------------

exchange_serve() { # BACKEND...: who answers at port 7000
	local name
	for name; do
		start "$name" "$tcp_load" serve 7000
		must_come 5 "the echo of $name" eval "on $name ss -Hltn | grep -q ':7000 '"
	done
}

exchange_says() { jq -e "select(.line == $1)" "$dir/tcp"; } # LINE: what tcp_load has said there

exchange_hold() { # COUNT: opens them
	start client "$tcp_load" hold "$vip4" 7000 "$1" >"$dir/tcp"
	exchange_holder=$started
	must_come 90 "$1 open connections" exchange_says 0
	exchange_line=0
}
exchange_let_go() { net_stop "$exchange_holder"; }

# How many are broken by now, in $broken: all others have had an answer to what they said since the call.
exchange_count_broken() {
	exchange_line=$((exchange_line + 1))
	kill -USR1 "$exchange_holder"
	must_come 90 "the connections' answers" exchange_says $exchange_line
	broken=$(exchange_says $exchange_line | jq .broken)
}
