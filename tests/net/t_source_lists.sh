#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Long lists of sources: while a stream of datagrams flows, a list of 200,000 prefixes is replaced by
# others and none is lost; of one with bad lines ten are named, the rest counted, and the old one stays
# in force; while a million prefixes are loaded by a reload, and put into the kernel, the API answers; a
# daemon that is killed or stopped in the middle ends as ever.
#
#   client ---- eth0 weir eth1 ---- backend
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/udp.sh"

net_two_arm
nginx_start b1

# list FIRST-OCTET COUNT: prefixes, each of one address, none beside another.
list() {
	awk -v octet="$1" -v count="$2" 'BEGIN {
		for (i = 0; i < count; i++) printf "%d.%d.%d.%d\n", octet + i / 8388608, i / 32768 % 256, i / 128 % 256, i % 128 * 2 }'
}
{
	cat <<-END
		sources: {blocked: {file: blocked.txt}}
		policy: {rules: [{name: no-blocked, from: blocked, to: any, action: drop}]}
		services:
		  - {name: stream, address: $vip4, protocol: udp, ports: 5005, announce: neighbor,
		     backends: [{name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}, {name: b3, address: 10.0.0.13}]}
		  - {name: web, address: $vip4, protocol: tcp, ports: 80,
		     backends: [{name: b1, address: 10.0.0.11}]}
	END
} | weir_config eth0 eth1
list 20 200000 >"$dir/blocked.txt"
weir_start
must_come 20 "the backends" backends_are_reachable

prefixes() { weir_show policy | jq .prefixes; }
in_force() { [ "$(prefixes)" = "$1" ]; }
replace() { # FIRST-OCTET COUNT: at once, as an editor or a download does
	list "$1" "$2" >"$dir/next"
	mv "$dir/next" "$dir/blocked.txt"
	must_come 20 "the list of $2 prefixes from $1" in_force "$2"
}
expect_equal "prefixes in force" 200000 "$(prefixes)"

# --- replaced under load --------------------------------------------------------------------------

udp_sinks_start 5005
start client "$udp_load" send $vip4 5005 60 64 100000000 2000 >"$dir/sender"
sender=$started
stream() { weir_show services | jq '.services[] | select(.name == "stream").packets'; }
for octet in 30 40 50; do
	replace $octet $((200000 + octet))
	at=$(stream)
	must_come 20 "datagrams after it" eval "[ \$(stream) -gt $((at + 500)) ]"
done
net_stop "$sender"
sent=$(jq .packets "$dir/sender")
udp_await_all "$sent"
net_stop "${udp_sink_pids[@]}"
got=$(jq -s 'map(.packets) | add' "$dir"/sink.b?)
say "datagrams: $sent sent, $got received, $(udp_lost) lost by a busy machine; three lists replaced meanwhile"
expect "each datagram at a backend, or lost on the way there" [ $((sent - got)) -le "$(udp_lost)" ]
expect_equal "what was dropped" "[]" "$(weir_show drops | jq -c '[.reasons[] | select(.total > 0) | {reason, total}]')"

# --- bad lines ------------------------------------------------------------------------------------

{ list 60 100000; for n in {1..25}; do echo "10.0.0.$((299 + n))"; done; list 70 100000; } >"$dir/next"
mv "$dir/next" "$dir/blocked.txt"
must_come 20 "the fault in the log" grep -q "changed sources are not in force" "$dir/weir.log"
expect_equal "lines that are named" 10 "$(grep -c "blocked.txt:1000[0-9]*: found '10.0.0.3" "$dir/weir.log")"
expect_match "the first" "blocked.txt:100001: found '10.0.0.300'" "$(<"$dir/weir.log")"
expect_match "a count of the others" "blocked.txt: and 15 more lines like these" "$(<"$dir/weir.log")"
expect_equal "the old list in force" 200050 "$(prefixes)"
expect "a reload with it is refused" eval "! weir_reload >$dir/out 2>&1"
expect_match "with the first line" "blocked.txt: 25 bad lines; the first: 100001" "$(<"$dir/out")"
expect_equal "the old list in force still" 200050 "$(prefixes)"

# --- a million, while the API is asked ------------------------------------------------------------

# The daemon says when it begins to put a list into the kernel, which takes that a while: requests that
# come then are answered, and reloads refused, before it is in force.
million() { # FIRST-OCTET: the next reload has a list of so many prefixes
	list "$1" 1000000 >"$dir/million.$1"
	sed -i "s/{file: .*}}/{file: million.$1}}/" "$dir/weir.yaml"
}
meanwhile() { # BEGIN: how often while a list is loaded, from that line of the log on
	start weir python3 "$net_root/tests/lib/asked_meanwhile.py" "$socket" "$dir/weir.log" "$1" "reloaded " >"$dir/asked"
	local asking=$started
	must_come 20 "requests" grep -q asking "$dir/asked"
	weir_reload >"$dir/out" || fail "the reload: $(<"$dir/out")"
	wait "$asking" || fail "$(<"$dir/asked")"
	read -r answers refused < <(tail -n 1 "$dir/asked")
}

million 100
meanwhile "million.100: 100000 lines read"
expect_equal "prefixes in force" 1000000 "$(prefixes)"
say "while a million prefixes were loaded: $answers answers, $refused reloads refused"
expect "answers meanwhile" [ "$answers" -gt 2 ]
expect_match "progress" "million.100: 900000 lines read" "$(<"$dir/weir.log")"
for octet in 110 120 130 140 150; do
	million $octet
	meanwhile "prefixes are put into the kernel"
	[ "$answers" = 0 ] || [ "$refused" = 0 ] || break
done
say "while they were put into the kernel: $answers answers, $refused reloads refused"
expect "answers while prefixes are put into the kernel" [ "$answers" -gt 0 ]
expect "a reload that is refused meanwhile" [ "$refused" -gt 0 ]
must_come 10 "a balanced ledger" ledger_is_balanced

# --- what comes in the middle ---------------------------------------------------------------------

# A list that comes through a pipe is in its middle for as long as the test likes.
cp "$dir/weir.yaml" "$dir/good.yaml"
mkfifo "$dir/slow"
sed -i "s/{file: .*}}/{file: slow}}/" "$dir/weir.yaml"
generation() { weir_show status | jq .generation; }
before=$(generation)
start weir "$weir" reload -s "$socket" >"$dir/out" 2>&1
reload=$started
exec 7>"$dir/slow" # returns once the daemon reads
list 155 1000 >&7
cp "$dir/good.yaml" "$dir/weir.yaml"
expect_equal "prefixes in force meanwhile" 1000000 "$(prefixes)"
said=$(weir_reload 2>&1) && fail "a reload in the middle of another: $said"
expect_match "why not" "a reload is under way" "$said"
said=$(on weir "$weir" run --takeover -c "$dir/weir.yaml" 2>&1) && fail "a takeover in the middle of a reload: $said"
if kernel_is_at_least 6 4; then
	expect_match "why not" "a reload is under way" "$said"
fi
kill -HUP "$weir_pid" # its turn comes
expect "the daemon runs" is_running "$weir_pid"
exec 7>&-
wait "$reload" || fail "the reload: $(<"$dir/out")"
is_generation() { [ "$(generation)" = "$1" ]; }
must_come 60 "the reload that was asked for by a signal" is_generation $((before + 2))
expect "the list in force" in_force 1000000

reads_lists() { grep -qs weir-policy /proc/"$weir_pid"/task/*/comm; }
begin_reload() { # FIRST-OCTET: it has begun to read the list when this returns
	million "$1"
	start weir "$weir" reload -s "$socket" >"$dir/out" 2>&1
	reload=$started
	must_come 20 "the thread that reads it" reads_lists
}
blocked_is() { # FIRST-OCTET: whether its addresses are in the list in force
	"$weir" explain -s "$socket" --from "$1.0.0.0:1000" --to "$vip4:80" --protocol tcp | grep -q no-blocked
}
expect "the list in force" blocked_is $octet

# --- what changes while another daemon is about to take over -------------------------------------

# The other one reads its list for as long as the test likes; then it ends, and has taken nothing.
if kernel_is_at_least 6 4; then
	sed "s/{file: .*}}/{file: slow}}/" "$dir/weir.yaml" >"$dir/other.yaml"
	changed=$dir/$(sed -nE 's/.*\{file: ([^}]*)\}\}.*/\1/p' "$dir/weir.yaml")
	: >"$dir/weir.log"
	start weir "$weir" run --takeover -c "$dir/other.yaml" >"$dir/out" 2>&1
	other=$started
	exec 7>"$dir/slow" # returns once that daemon reads
	expect "an offer" grep -q "event=takeover-begin" "$dir/weir.log"
	list 156 1234 >"$dir/next"
	mv "$dir/next" "$changed"
	must_come 20 "the daemon's word on it" grep -q "another daemon is about to take over" "$dir/weir.log"
	expect_equal "prefixes in force meanwhile" 1000000 "$(prefixes)"
	net_stop "$other"
	exec 7>&-
	must_come 20 "the list that changed meanwhile" in_force 1234
	expect "the daemon runs" is_running "$weir_pid"
fi

# --- the end in the middle ------------------------------------------------------------------------

begin_reload 160
kill -KILL "$weir_pid"
wait "$weir_pid" || true
wait "$reload" && fail "a reload that was done: $(<"$dir/out")"
weir_start
expect_equal "prefixes after the daemon was killed in the middle" 1000000 "$(prefixes)"
expect "the new list in force" blocked_is 160

begin_reload 170
weir_stop
wait "$reload" && fail "a reload that was done: $(<"$dir/out")"
expect_match "why it was not" "the daemon is about to end" "$(<"$dir/out")"

# A pipe that nobody writes to.
weir_start
sed -i "s/{file: .*}}/{file: slow}}/" "$dir/weir.yaml"
start weir "$weir" reload -s "$socket" >"$dir/out" 2>&1
reload=$started
must_come 20 "the thread that reads it" reads_lists
weir_stop
wait "$reload" && fail "a reload that was done: $(<"$dir/out")"
expect_match "why it was not" "the daemon is about to end" "$(<"$dir/out")"
