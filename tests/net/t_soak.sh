#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# limit: 480
#
# All kinds of traffic, and all that may happen to a daemon, at random: reloads, backends drained, taken down and
# failing their checks, captures, requests to the API, links that flap, kill -9, another daemon that takes over. At
# the end memory and file descriptors are what they were, each packet is accounted for, and no connection has broken
# that should not have (two-arm).
#
# `make soak MINUTES=30` runs it for longer; WEIR_SOAK_SEED is where its random numbers begin.
#
# What must not break: downloads and held connections by dsr, over both families, by gue, and by nat within IPv4 and
# from IPv6 to IPv4, while their backends are drained, weighed anew, joined and left by another one. Requests to
# `spare`, whose backends are taken down and fail checks, may fail, as may all new connections while the daemon is
# away or a link is down; at the end none does. Whom the policy blocks never gets through. Daemons are killed in the
# first half; the second belongs to one, whose memory and descriptors are compared.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/disturb.sh"
. "$(dirname "$0")/../lib/exchange.sh"

seconds=${WEIR_SOAK_SECONDS:-120}
seed=${WEIR_SOAK_SEED:-$((EPOCHSECONDS % 32768))}
spare4=203.0.113.12
nat4=203.0.113.11
nat6=2001:db8::11 # to backends by IPv4
gue4=203.0.113.13
blocked=203.0.113.66
held=40          # connections of each kind
slow_bytes=65536 # a second, of each download (nginx_start)
may_grow_kb=$((seconds < 300 ? 16384 : 4096)) # what the allocator keeps for itself, a few MB once
RANDOM=$seed
say "seed $seed, $seconds s"

# --- services -----------------------------------------------------------------------------------

backends() { # FAMILY WEIGHT-OF-B1 MORE
	local n
	for n in 1 2 3 $3; do
		echo "      - {name: b$n, address: \"$([ "$1" = 4 ] && echo 10.0.0.1 || echo fd00::1)$n\", weight: $((n == 1 ? $2 : 100))$([ "$n" != 4 ] || echo ', state: drain')}"
	done
}

service() { # NAME VIP PROTOCOL PORTS METHOD FAMILY WEIGHT-OF-B1 MORE [KEYS]
	cat <<-END
		  - name: $1
		    address: "$2"
		    protocol: $3
		    ports: $4
		    forward: $5
		    announce: neighbor
		    ${9:-}
		    backends:
		$(backends "$6" "$7" "$8")
	END
}

checks="type: http, port: 80, path: /health, interval: 300ms, timeout: 300ms, rise: 1, fall: 2"
configure() { # WEIGHT-OF-B1 MORE: with a fourth backend (4), or ""
	{
		cat <<-END
			nat: {addresses: [10.0.0.200]}
			sources: {blocked: {prefixes: [$blocked/32]}}
			policy: {rules: [{name: no-blocked, from: blocked, action: drop}]}
			services:
		END
		service web4 $vip4 tcp 80 dsr 4 "$@"
		service web6 $vip6 tcp 80 dsr 6 "$@"
		service spare $spare4 tcp 80 dsr 4 "$@" "health: {$checks}"
		service app4 $nat4 tcp 80 nat 4 "$@"
		service app6 $nat6 tcp 80 nat 4 "$@"
		service tunnel $gue4 tcp 80 gue 4 "$@"
		service udp $vip4 udp 5000-5010 dsr 4 "$@"
		service udp-nat $nat4 udp 5000 nat 4 "$@"
	} | weir_config eth0 eth1
}

net_queues=2
net_two_arm net_hosts
disturb_prepare
net_address client eth0 $blocked/24
for n in 1 2 3; do
	expect "weir backend up" on b$n "$weir" backend up --vip $vip4,$vip6,$spare4,$gue4 \
		--tunnel gue --from 10.0.0.2
done
nginx_start_backends
head -c $((seconds * slow_bytes * 3 / 4)) /dev/urandom >"$dir/files/long"
sum=$(sha256sum <"$dir/files/long")
weir_fast_path=on
configure 100 ""
weir_start
weir_wait_reachable

# --- traffic ------------------------------------------------------------------------------------

# New connections, some of which may fail; the last line of $dir/asked.VIP, or $dir/asked.FROM, has how many.
# (A file that is written anew each time may be empty when it ends.)
keep_asking() { # VIP [FROM]
	# shellcheck disable=SC2016 # for the inner shell
	start client bash -c 'good=0 bad=0
		while sleep 0.1; do
			if curl -s -f -m 2 -o /dev/null "${@:3}" "$1"; then good=$((good + 1)); else bad=$((bad + 1)); fi
			echo "$good $bad" >>"$2"
		done' bash "$(url "$1")/" "$dir/asked.${2:-$1}" ${2:+--interface "$2"}
	asking+=("$started")
}

download() { # VIP
	start client curl -s -m $((seconds * 2 + 60)) --no-buffer -o "$dir/got.${#downloads[@]}" "$(url "$1")/slow/long"
	downloads+=("$started")
}

hold() { # VIP: its lines are in $dir/held.VIP, and go on with one to its standard input
	local answers=$dir/held.$1 questions=$dir/ask.$1
	: >"$answers"
	mkfifo "$questions"
	on client python3 "$net_root/tests/lib/held_connections.py" "$1" 80 $held <"$questions" >"$answers" \
		2>>"$dir/held.error.log" &
	net_pids+=("$!")
	exec {question}>"$questions"
	questions_of[$1]=$question
	must_come 30 "$held connections to $1" eval "[ -s '$answers' ]"
	expect_equal "connections to $1 that could not be opened" 0 "$(jq .broken "$answers")"
}

kept=("$vip4" "$vip6" "$nat4" "$nat6" "$gue4") # whose connections must not break
asking=() downloads=()
declare -A questions_of=()
for vip in "${kept[@]}"; do
	hold $vip
	for n in 1 2 3 4; do
		download $vip
	done
done
for vip in "${kept[@]}" $spare4; do
	keep_asking $vip
done
keep_asking $vip4 $blocked
for n in 1 2 3; do
	start b$n "$udp_load" sink 5000 >"$dir/sink.b$n"
	sinks[n]=$started
done
start client "$udp_load" send $vip4 5000 "$seconds" 256 100000000 2000 >"$dir/sent"
load=$started
start client "$udp_load" send $nat4 5000 "$seconds" 64 100000000 500 >"$dir/sent.nat"
asking+=("$started")
start client "$build/tests/lib/udp_fragments" $vip4 5005 4000 $((seconds * 100)) interleaved
asking+=("$started")
start client ping -q -i 0.2 -w "$seconds" $vip4 >"$dir/ping"

# --- what happens -------------------------------------------------------------------------------

declare -A happened=([reload]=0 [drain]=0 [down]=0 [sick]=0 [capture]=0 [api]=0 [flap]=0 [kill]=0 [takeover]=0)

quiet_api() { curl -s -m 5 --unix-socket "$socket" -o /dev/null "http://weir$1"; }

happen() { # WHAT
	happened[$1]=$((happened[$1] + 1))
	case $1 in
	reload)
		configure $((50 + RANDOM % 100)) "$([ $((RANDOM % 2)) = 0 ] || echo 4)"
		weir_reload >/dev/null || fail "a reload"
		;;
	drain)
		"$weir" set backend "web4/b$((1 + RANDOM % 3))" state=drain -s "$socket" >/dev/null
		;;
	down)
		"$weir" set backend "spare/b$((1 + RANDOM % 3))" \
			state="$([ $((RANDOM % 2)) = 0 ] && echo down || echo up)" -s "$socket" >/dev/null
		;;
	sick)
		local sick=$dir/b$((1 + RANDOM % 3)).sick
		if [ -e "$sick" ]; then rm "$sick"; else touch "$sick"; fi
		;;
	capture)
		timeout 5 "$weir" capture --services web4 -c 50 -w - --socket "$socket" 2>/dev/null >"$dir/captured" || true
		;;
	api)
		local path
		for path in /metrics /v1/status /v1/backends /v1/flows /v1/drops /v1/workers /v1/nonsense; do
			quiet_api $path || true
		done
		"$weir" explain --from 192.0.2.1 --to $vip4:80 --protocol tcp -s "$socket" >/dev/null
		;;
	flap)
		flap eth$((RANDOM % 2))
		;;
	kill)
		exchange_end KILL
		sleep "0.$((RANDOM % 10))"
		exchange_new
		;;
	takeover)
		exchange_takeover
		;;
	esac
}

memory_kb() { awk '/^RssAnon/ {print $2}' "/proc/$weir_pid/status"; }
descriptors() { find "/proc/$weir_pid/fd" -type l | wc -l; }

# All held connections are asked; $broken of them are.
ask_held() {
	local vip lines
	broken=0
	for vip in "${!questions_of[@]}"; do
		lines=$(wc -l <"$dir/held.$vip")
		echo >&"${questions_of[$vip]}"
		must_come 60 "the answers of $vip" eval "[ \$(wc -l <'$dir/held.$vip') -gt $lines ]"
		broken=$((broken + $(tail -n 1 "$dir/held.$vip" | jq .broken)))
	done
}

no_clients() { weir_show status | jq -e '.captures == 0'; }

# Compared are moments without clients of the API.
declare -A memory_at=() descriptors_at=()
look() { # NAME
	must_come 10 "the end of captures" no_clients
	sleep 0.5
	memory_at[$1]=$(memory_kb)
	descriptors_at[$1]=$(descriptors)
}

progress() {
	say "$((SECONDS - began)) s: $(for what in "${!happened[@]}"; do
		printf '%s %d, ' "$what" "${happened[$what]}"
	done)$broken of $((${#kept[@]} * held)) held broken, $(memory_kb) kB, $(descriptors) descriptors"
}

went_wrong() { # the held connections that broke, by why
	cat "$dir"/held.2* | jq -sc 'map(.why) | add'
}

began=$SECONDS
pulse=$((seconds > 300 ? 60 : 10))
kinds=(reload reload drain down sick capture api flap)
ends=(kill) # of daemons
! kernel_is_at_least 6 4 || ends+=(takeover)
next=$((began + pulse)) last_end=0
next_ask=$began ask_s=15 # nginx ends a connection that is silent for 75 s
broken=0
# As long as it goes on: UNTIL, in seconds from the beginning.
disturb_until() {
	local now
	while now=$((SECONDS - began)) && [ $now -lt "$1" ]; do
		if [ "$2" = ends ] && [ $((now - last_end)) -ge $((seconds / 12 + 3)) ] && [ $((RANDOM % 4)) = 0 ]; then
			happen "${ends[RANDOM % ${#ends[@]}]}"
			last_end=$now
		else
			happen "${kinds[RANDOM % ${#kinds[@]}]}"
		fi
		sleep "0.$((1 + RANDOM % 5))"
		if [ $SECONDS -ge $next_ask ]; then
			next_ask=$((SECONDS + ask_s))
			ask_held
			[ $broken = 0 ] || fail "$broken held connections have broken: $(went_wrong)"
		fi
		if [ $SECONDS -ge $next ]; then
			next=$((SECONDS + pulse))
			progress
		fi
	done
}

disturb_until $((seconds / 2)) ends
for what in "${ends[@]}"; do
	[ "${happened[$what]}" -gt 0 ] || happen $what
done
# Whatever allocates has done so once when it is compared.
for what in reload capture api drain sick; do
	happen $what
done
disturb_until $((seconds * 2 / 3)) none
look before
disturb_until "$seconds" none
look after

# --- what came of it ----------------------------------------------------------------------------

rm -f "$dir"/b?.sick
configure 100 ""
weir_reload >/dev/null
weir_wait_reachable
must_come 10 "all backends up" eval 'weir_show backends | jq -e "all(.backends[]; .health == null or .health.state == \"up\")"'
ask_held
progress
expect_equal "held connections that broke" 0 $broken

have_ended() {
	local pid
	for pid in "${downloads[@]}"; do
		! is_running "$pid" || return 1
	done
}
must_come $((seconds + 60)) "the end of the downloads" have_ended
for n in "${!downloads[@]}"; do
	expect_equal "download $n of ${#downloads[@]}" "$sum" "$(sha256sum <"$dir/got.$n")"
done
say "${#downloads[@]} downloads of $seconds s are whole"

must_come 30 "the end of the load" eval "! is_running $load"
net_stop "${asking[@]}" "${sinks[@]}"
read -r good bad < <(tail -n 1 "$dir/asked.$blocked")
say "blocked by the policy: $bad requests"
expect_equal "requests of whom the policy blocks" "0 yes" "$good $([ "$bad" -eq 0 ] || echo yes)"
for vip in "${kept[@]}" $spare4; do
	read -r good bad < <(tail -n 1 "$dir/asked.$vip")
	say "$vip: $good requests, $bad failed"
	expect "requests to $vip" [ "$good" -gt 0 ]
	expect_equal "new requests to $vip" 30 "$(requests 30 $vip | wc -l)"
done
arrived=$(jq -s 'map(.packets) | add' "$dir"/sink.b?)
say "UDP: $(jq -s 'map(.packets) | add' "$dir"/sent*) sent, $arrived arrived; ping: $(grep received "$dir/ping")"

must_come 10 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
must_come 10 "a balanced ledger" ledger_is_balanced
weir_show drops | jq -c '.ledger, (.reasons[] | select(.total > 0) | {(.reason): .total})'

say "memory ${memory_at[before]} kB -> ${memory_at[after]} kB," \
	"descriptors ${descriptors_at[before]} -> ${descriptors_at[after]}"
expect "memory that stays" [ "${memory_at[after]}" -le $((memory_at[before] + may_grow_kb)) ]
# A check or a call under way has one for a moment; what is lost stays.
few_descriptors() { [ "$(descriptors)" -le "${descriptors_at[before]}" ]; }
must_come 20 "as few descriptors as before" few_descriptors
! grep '^error' "$dir/weir.log" | grep -v 'trying again' || fail "errors in the log"
weir_stop
