#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `weir top` on a terminal of 80x24 (tmux) that somebody types on (one-arm): views, sorting, a filter,
# a pause, a daemon that goes away; and `weir top --once` in a pipe.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
web_services 100 100 50 | weir_config eth0
weir_start
weir_wait_reachable

terminal() { tmux -L "$net_prefix" -f /dev/null "$@"; }
terminal_end() { terminal kill-server 2>/dev/null || true; }
trap 'terminal_end; net_cleanup' EXIT
screen() { terminal capture-pane -p -t top; }
shows() { screen | grep -qE -- "$1"; }
shows_not() { ! shows "$1"; }
type() { terminal send-keys -t top "$@"; }
# The first cells of the rows, in their order.
rows() { screen | sed -n '5,23p' | awk 'NF { print $1 }'; }

expect_match "what it says in a pipe" "needs a terminal" \
	"$("$weir" top -s "$socket" 2>&1 </dev/null | cat || true)"

terminal new-session -d -s top -x 80 -y 24 "TERM=screen $weir top --interval 0.3 -s $socket"
must_come 10 "the services" shows '^web4 .*203\.0\.113\.10 +80 +3/3'
expect_match "the first line" "^weir $(<"$net_root/VERSION")  $net_prefix  up " "$(screen | head -n 1)"
expect_equal "lines" 24 "$(screen | wc -l)"
say "$(screen | sed -n 1,6p)"

say "views"
type 2
must_come 5 "the backends" shows '^web6 +b3 +up +50 '
type Tab
must_come 5 "the interfaces" shows '^eth0 +copy '
type 4
must_come 5 "the workers" shows '^ *0 +[0-9]+ +[0-9]+% '
type 5
must_come 5 "no drops" shows '^nothing'

say "rates"
type 1
( while requests 100 $vip4 >/dev/null; do :; done ) &
net_pids+=($!)
must_come 10 "a rate of web4" shows '^web4 .*3/3 +[0-9.]+k? +[0-9]+%'
must_come 5 "web4 on top, by its rate" eval '[ "$(rows | head -n 1)" = web4 ]'
type r
must_come 5 "the other way round" eval '[ "$(rows | head -n 1)" = web6 ]'

say "sorting"
type 2
for ((i = 0; i < 7; i++)); do type s; done # from PPS to BACKEND, round the end
must_come 5 "sorted by backend" eval '[ "$(screen | sed -n 5,10p | awk "{ print \$2 }" | tr "\n" " ")" = \
	"b1 b1 b2 b2 b3 b3 " ]'

say "filter"
type /
type b2 Enter
must_come 5 "b2 alone" eval '[ "$(screen | sed -n 5,23p | grep -c .)" = 2 ]'
must_come 5 "the filter's name" shows 'filter b2'
type Escape
must_come 5 "all again" eval '[ "$(rows | wc -l)" = 6 ]'

say "pause"
type p
must_come 5 "the pause" shows '^PAUSED'
before=$(screen)
moves() { [ "$(screen)" != "$before" ]; }
! wait_for 1 moves || fail "it moves while it is paused"
type p
must_come 5 "the end of the pause" shows_not PAUSED
type '?'
must_come 5 "the help" shows 'Tab +services, backends'
type x
must_come 5 "the end of the help" shows '^SERVICE'

say "small and large"
terminal resize-window -t top -x 40 -y 10
must_come 5 "ten lines" eval '[ "$(screen | wc -l)" = 10 ] && shows "^SERVICE"'
terminal resize-window -t top -x 150 -y 40
must_come 5 "forty lines" eval '[ "$(screen | wc -l)" = 40 ] && shows "FAULT"'

say "without the daemon"
weir_stop
must_come 5 "its fault" shows 'no daemon answers on|went away'
type q
must_come 5 "the end" eval '! terminal has-session -t top 2>/dev/null'

say "once"
weir_start
once=$("$weir" top --once --interval 0.2 -s "$socket")
for view in services backends interfaces workers drops; do
	expect_match "--once has $view" "^$view\$" "$once"
done
once=$("$weir" top --once --interval 0.1 --view backends --sort backend --reverse --filter web6 -s "$socket")
expect_equal "a view, sorted and filtered" "b3 b2 b1" "$(awk '$1 == "web6" { print $2 }' <<<"$once" | xargs)"
expect_match "a wrong column" "no column 'colour'" "$("$weir" top --sort colour 2>&1 || true)"
