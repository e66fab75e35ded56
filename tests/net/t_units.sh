#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The systemd units: systemd-analyze finds nothing wrong; with the privileges and system calls that they
# leave, and what systemd gives to a service, the daemon does its work, hands over to the next one, and
# feeds the watchdog while its workers turn, and only then (one-arm).
. "$(dirname "$0")/../lib/net.sh"

command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
command -v strace >/dev/null || skip "no strace"

# --- what systemd says of them
mkdir "$dir/sbin"
ln -s "$weir" "$dir/sbin/weir"
make -s -C "$net_root" units O="$dir/units" PREFIX="$dir" || fail "make units"
units=$dir/units/systemd
for unit in weir.service weir@.service weir-backend@.service; do
	# Manual pages are looked for where they are not installed yet.
	faults=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$units/$unit" 2>&1)
	expect_equal "faults of $unit" "" "$faults"
	exposure=$(systemd-analyze security --offline=yes --threshold=34 "$units/$unit" 2>&1) ||
		fail "$unit: $(tail -n 1 <<<"$exposure")"
	tail -n 1 <<<"$exposure"
done

# --- a service's life
net_one_arm
setting() { sed -n "s/^$1=//p" "$units/weir.service"; }
capabilities=$(setting CapabilityBoundingSet | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
start weir python3 "$net_root/tests/lib/notified.py" "$dir/notify" >"$dir/told"
must_come 5 "the one who listens for systemd" test -S "$dir/notify"

as_service=(env NOTIFY_SOCKET="$dir/notify" WATCHDOG_USEC=4000000
	setpriv --bounding-set "-all,$capabilities" --inh-caps -all --no-new-privs)
weir_launch() {
	: >"$dir/told"
	start weir "${as_service[@]}" "$@" "$weir" run -c "$dir/weir.yaml" >"$dir/weir.out" 2>>"$dir/weir.log"
	weir_pid=$started
}
told() { grep -c "^$1\$" "$dir/told"; }
told_more() { [ "$(told "$1")" -gt "$2" ]; } # MESSAGE COUNT

nginx_start_backends
{
	echo "policy: {rules: [{name: many, match: tcp-syn, limit: {per: source, rate: 100000/s}}]}"
	web_services
} | weir_config eth0
sed -i "s|^api: .*|api: {socket: $socket, group: daemon}|" "$dir/weir.yaml"
weir_start
must_come 5 "READY=1" told_more READY=1 0
expect_equal "capabilities (t_privileges has them all)" \
	"$(setting CapabilityBoundingSet | tr 'A-Z ' 'a-z\n' | head -n 5 | sort)" \
	"$(capsh --decode="$(sed -n 's/^CapEff:\t//p' "/proc/$weir_pid/status")" | sed 's/.*=//' | tr , '\n' | sort)"
expect_equal "user" $weir_user "$(sed -n 's/^Uid:\t\([0-9]*\)\t.*/\1/p' "/proc/$weir_pid/status")"
expect_equal "no new privileges" 1 "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$weir_pid/status")"
expect_equal "the socket's group" daemon "$(stat -c %G "$socket")"
weir_wait_reachable
requests 30 $vip4 >"$dir/answers" || fail "requests"
expect_spread "$dir/answers" b1=10 b2=10 b3=10
weir_reload >/dev/null || fail "reload"
kill -HUP "$weir_pid"
must_come 5 "RELOADING=1" told_more RELOADING=1 0
must_come 5 "READY=1 after the reload" told_more READY=1 1

# --- the watchdog
must_come 20 "WATCHDOG=1" told_more WATCHDOG=1 1
tid=$(weir_show workers | jq '.workers[0].tid')
start weir python3 "$net_root/tests/lib/hold_thread.py" "$tid" >"$dir/held"
must_come 5 "a worker that stands still" grep -q held "$dir/held"
must_come 20 "a word about it" grep -q "a worker stands still.*worker=0" "$dir/weir.log"
fed=$(told WATCHDOG=1)
faults=$(grep -c "stands still" "$dir/weir.log")
must_come 20 "another word about it" eval "[ \$(grep -c 'stands still' $dir/weir.log) -gt $faults ]"
expect_equal "meals meanwhile" "$fed" "$(told WATCHDOG=1)"
net_stop "$started"
must_come 20 "WATCHDOG=1 again" told_more WATCHDOG=1 "$fed"

# --- a restart, under strace: what it calls is what the filter lets through
kill "-$(setting RestartKillSignal)" "$weir_pid"
must_come 10 "the daemon's end" eval "! kill -0 $weir_pid"
expect_match "what it said at last" STOPPING=1 "$(<"$dir/told")"
weir_launch strace -f -qq -o "$dir/calls" -e 'trace=!clock_gettime'
must_come 60 "the next daemon's \`ready\`" weir_is_ready
expect_match "the log" "took over the flows" "$(<"$dir/weir.log")"
weir_wait_reachable
requests 10 $vip4 >/dev/null || fail "requests to the next one"
weir_reload >/dev/null || fail "reload of the next one"
start weir "$weir" capture --kernel --drops -w "$dir/drops.pcapng" --socket "$socket" 2>/dev/null
must_come 20 "a capture" eval "weir_show status | jq -e '.captures == 1'"
net_stop "$started"
kill "$(xargs <"/proc/$weir_pid/task/$weir_pid/children")" || fail "no daemon under strace"
must_come 20 "the next daemon's end" eval "! kill -0 $weir_pid"
setting SystemCallFilter | tr ' ' '\n' | while read -r word; do
	case $word in
	@*) systemd-analyze syscall-filter "$word" | grep -oE '@?[a-z0-9_-]+$' ;;
	*) echo "$word" ;;
	esac
done >"$dir/filter"
# Groups of groups.
while grep -q ^@ "$dir/filter"; do
	group=$(grep -m 1 ^@ "$dir/filter")
	grep -vx "$group" "$dir/filter" >"$dir/rest"
	systemd-analyze syscall-filter "$group" | sed '1d' | grep -oE '^ +@?[a-z0-9_-]+$' | tr -d ' ' |
		cat - "$dir/rest" >"$dir/filter"
done
calls=$(grep -oE '^[0-9]+ +[a-z0-9_]+\(' "$dir/calls" | grep -oE '[a-z0-9_]+\(' | tr -d '(' | sort -u)
[ "$(wc -l <<<"$calls")" -gt 30 ] || fail "only these calls were seen: $calls"
# The /sys of another network namespace, where weir runs in one as here; in a service /sys will do.
calls=$(grep -vE '^(fsopen|fsconfig|fsmount)$' <<<"$calls")
expect_equal "calls that the filter refuses" "" "$(grep -vxFf "$dir/filter" <<<"$calls" | xargs)"
echo "$(wc -l <<<"$calls") system calls, all of them allowed"
