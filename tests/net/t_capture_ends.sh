#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How captures end, and what they leave: files rotated by size, time and number, as tcpdump names
# them; a full disk, a client that is killed, an interface that goes away, a file that can't be written
# and a filter that is none. Each ends with a word why and a file that tshark reads to its end, and the
# daemon goes on.
#
#   client ---- eth0 weir eth1 ---- (nobody)
. "$(dirname "$0")/../lib/net.sh"

dark=203.0.113.20

net_namespace client weir other
net_link client eth0 weir eth0
net_link weir eth1 other eth0
net_address client eth0 10.0.1.1/24 203.0.113.1/24
net_address weir eth0 10.0.1.2/24
echo "services: [{name: dark, address: $dark, protocol: udp, ports: any, announce: neighbor, backends: []}]" |
	weir_config eth0 eth1
weir_start

# capture NAME OPTION...: starts one, and waits until it runs; what it says is in $dir/NAME.log.
capture() {
	local name=$1 before
	shift
	before=$(weir_show status | jq .captures)
	start weir "$weir" capture --socket "$socket" "$@" 2>"$dir/$name.log"
	capture_pid=$started
	must_come 10 "the capture $name" captures_are $((before + 1))
}

send() { on client "$udp_load" send $dark 9 30 4 "$@" >/dev/null; } # PACKETS [RATE]
written() { sed -nE 's/^([0-9]+) packets captured, [0-9]+ lost$/\1/p' "$dir/$1.log"; } # NAME: by what it says

# packets FILE...: how many.
packets() {
	capinfos -TMrc "$@" >"$dir/capinfos" 2>"$dir/capinfos.err" || fail "capinfos: $(<"$dir/capinfos.err")"
	awk '{sum += $NF} END {print sum}' "$dir/capinfos"
}
# is_readable FILE: tshark reads it to its end without a word, and each packet has its reason.
is_readable() {
	local n
	n=$(tshark -r "$1" -T fields -e frame.comment 2>"$dir/tshark.err" | grep -c '^reason=' || true)
	expect_equal "what tshark says of ${1##*/}" "" "$(grep -v 'Running as user' "$dir/tshark.err" || true)"
	expect_equal "packets that tshark reads in ${1##*/}" "$(packets "$1")" "$n"
}
ended() { # STATUS: how the capture ended
	local status=0
	must_come 20 "the capture's end" eval "! kill -0 $capture_pid"
	wait "$capture_pid" || status=$?
	expect_equal "exit status" "$1" $status
}
names() { (cd "$dir" && ls -- $1 | sort -V | paste -sd' '); }

# --- by size: FILE, FILE1, FILE2; with -W the oldest is written over ------------------------------

unserved() { weir_drops no-backend; }
send_all() { # PACKETS: until so many were dropped, as some may be lost on the way
	local before n=0 try
	before=$(unserved)
	for try in {1..20}; do
		send $(($1 - n))
		drops_settle unserved
		n=$((drops - before))
		[ $n -lt "$1" ] || return 0
	done
	fail "$n of $1 packets were dropped, after $try times"
}
finish() { # the capture, in order, unless it has all it wanted and has ended
	kill -INT "$capture_pid" 2>/dev/null || true
	ended 0
}

capture size -w "$dir/size" -C 1 -c 12000 # what comes late is sent twice
send_all 12000
finish
expect_equal "files of -C 1" "size size1 size2" "$(names 'size size?')"
for file in size size1; do
	bytes=$(stat -c %s "$dir/$file")
	[ "$bytes" -gt 990000 ] && [ "$bytes" -le 1001000 ] || fail "$file has $bytes bytes, of a million"
done
is_readable "$dir/size1"
expect_equal "packets in all of them" "$(written size)" "$(packets "$dir"/size "$dir"/size?)"

capture ring -w "$dir/ring" -C 1 -W 2
send_all 12000
finish
expect_equal "files of -C 1 -W 2" "ring0 ring1" "$(names 'ring?')"
is_readable "$dir/ring1"
rest=$(packets "$dir/ring0" "$dir/ring1")
[ "$rest" -gt 4000 ] && [ "$rest" -lt "$(written ring)" ] || fail "the last two of three files have $rest packets"

# --- by time, and so many of them -----------------------------------------------------------------

capture time -w "$dir/time-%s" -G 1 -W 2
start client "$udp_load" send $dark 9 30 1 100000 200
sender=$started
ended 0
net_stop "$sender"
expect_equal "files of -G 1 -W 2" 2 "$(names 'time-*' | wc -w)"
expect_equal "packets in them" "$(written time)" "$(packets "$dir"/time-*)"
must_come 5 "no capture left" captures_are 0

# --- the disk is full -----------------------------------------------------------------------------

# A disk of its own, which only this capture sees; what was written is copied off it.
start weir unshare -m bash -c 'mkdir "$1/disk" && mount -t tmpfs -o size=256k none "$1/disk" || exit 99
	"$2" capture --socket "$3" -w "$1/disk/full"
	status=$?
	cp "$1/disk/full" "$1/full"
	exit $status' bash "$dir" "$weir" "$socket" 2>"$dir/full.log"
capture_pid=$started
must_come 10 "the capture onto a small disk" captures_are 1
send_all 4000
ended 1
expect_match "why it ended" "full: No space left on device" "$(<"$dir/full.log")"
expect_equal "packets in the file" "$(written full)" "$(packets "$dir/full")"
is_readable "$dir/full"
[ "$(packets "$dir/full")" -gt 500 ] || fail "not much was written before the disk was full"
must_come 5 "no capture left" captures_are 0

# --- killed ---------------------------------------------------------------------------------------

capture killed -w "$dir/killed"
start client "$udp_load" send $dark 9 30 1 100000 2000
sender=$started
must_come 10 "something in the file" eval '[ "$(stat -c %s "$dir/killed")" -gt 50000 ]'
kill -KILL "$capture_pid"
wait "$capture_pid" 2>/dev/null || true
must_come 5 "no capture left" captures_are 0
net_stop "$sender"
is_readable "$dir/killed"
[ "$(packets "$dir/killed")" -gt 100 ] || fail "a killed capture left $(packets "$dir/killed") packets"

# --- an interface goes away -----------------------------------------------------------------------

capture gone -w "$dir/gone" --interface eth1 --rx
on other ip link delete eth0
ended 1
expect_match "why it ended" "^weir capture: interface eth1 is gone, and the capture ended with it" "$(<"$dir/gone.log")"
capinfos "$dir/gone" >/dev/null 2>&1 || fail "capinfos can't read what it left"

# --- what can't begin -----------------------------------------------------------------------------

refused() { # STATUS PATTERN OPTION...
	local status=0 wanted=$1 pattern=$2
	shift 2
	on weir timeout 20 "$weir" capture --socket "$socket" "$@" >"$dir/out" 2>&1 || status=$?
	expect_equal "exit status of $*" "$wanted" $status
	expect_match "$*" "$pattern" "$(<"$dir/out")"
}
refused 1 "/nowhere/file: No such file or directory" -w /nowhere/file
refused 1 "$dir: Is a directory" -w "$dir"
refused 1 "/dev/full: No space left on device" -w /dev/full
refused 2 "syntax error" -w "$dir/none" 'tcp porp 80'
expect_equal "the caret" "$(printf '  tcp porp 80\n      ^')" "$(tail -n 2 "$dir/out")"
[ ! -e "$dir/none" ] || fail "a file for a filter that is none"
refused 2 "unknown reason" --reason no-such
refused 2 "is no interface of Weir" --interface eth9
refused 2 "expected a number of bytes .*--socket" -s "$socket"

must_come 5 "no capture left" captures_are 0
is_running "$weir_pid" || fail "the daemon is gone"
must_come 10 "a balanced ledger" ledger_is_balanced
