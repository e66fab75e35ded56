#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the tests: unit programs (BUILD/tests/unit/test_*, cmocka, each of its tests counts), tests of
# the scripts (tests/unit/t_*.sh) and of the network (tests/net/t_*.sh: exit 0 passed, 77 skipped,
# with the reason in the last line), and fuzz targets (BUILD/tests/fuzz/fuzz_*) on their kept corpus.
# WEIR_TEST_JOBS (2) run at a time; those with a line `# alone: WHY` run with nothing beside them, at
# the end. Each has a time limit (WEIR_TEST_LIMIT seconds, or more where a script has a line `# limit:
# SECONDS`), and its output stays in BUILD/tests/logs. The last line is `N passed, N failed, N skipped`.
#
# usage: run.sh [BUILD [WORD]]   only tests with WORD, an extended regular expression, in their names
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=${1:-build}
word=${2:-}
logs=$build/tests/logs
limit=${WEIR_TEST_LIMIT:-240} # seconds for one program
jobs=${WEIR_TEST_JOBS:-${WEIR_VM:+1}} # in a virtual machine, whose NICs there are but once, 1
jobs=${jobs:-2}
tail_lines=40 # of the log of a test that failed
passed=0 failed=0 skipped=0
declare -A running=() # process id of one that runs: what judges it, and its path

mkdir -p "$logs"
case $build in
*san-*)
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99:${ASAN_OPTIONS:-}
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}
	;;
esac

# --- running ---------------------------------------------------------------------------------------

limit_of() { # PATH
	local own=0
	[[ $1 != *.sh ]] || own=$(sed -n 's/^# limit: \([0-9]*\)$/\1/p' "$1")
	echo $((${own:-0} > limit ? own : limit))
}

# run_limited LOG LIMIT COMMAND...: leaves `STATUS SECONDS` in LOG.end. A test is ended through its `timeout`,
# which passes the signal on to all the test started.
run_limited() {
	local log=$1 limit=$2 start=${EPOCHREALTIME/./} child status seconds
	shift 2
	timeout -k 20 "$limit" "$@" </dev/null >"$log" 2>&1 &
	child=$!
	trap 'kill "$child"; wait "$child"; exit 130' TERM
	{ wait $child; } 2>>"$log" # bash tells here which signal ended it
	status=$?
	seconds=$(printf '%07d' $((${EPOCHREALTIME/./} - start)))
	[ $status -ne 124 ] || echo "no end after $limit s" >>"$log"
	echo "$status ${seconds%??????}.$(printf '%.1s' "${seconds: -6}")" >"$log.end"
}

log_of() { # PATH
	local name=${1##*/}
	echo "$logs/${name%.sh}.log"
}

# begin JOBS JUDGE PATH COMMAND...: as soon as fewer than JOBS run.
begin() {
	local most=$1 judge=$2 path=$3
	shift 3
	while [ ${#running[@]} -ge "$most" ]; do
		end_one
	done
	run_limited "$(log_of "$path")" "$(limit_of "$path")" "$@" &
	running[$!]="$judge $path"
}

end_one() {
	local pid judge path status seconds
	wait -n -p pid "${!running[@]}" 2>/dev/null
	read -r judge path <<<"${running[$pid]}"
	unset "running[$pid]"
	read -r status seconds <"$(log_of "$path").end"
	rm "$(log_of "$path").end"
	"$judge" "$(basename "$path" .sh)" "$(log_of "$path")"
}

end_all() {
	while [ ${#running[@]} -gt 0 ]; do
		end_one
	done
}

interrupted() {
	[ ${#running[@]} -eq 0 ] || { kill "${!running[@]}" && wait; } 2>/dev/null
	echo "interrupted"
	exit 130
}
trap interrupted INT TERM

# --- judging: by $status and $seconds ----------------------------------------------------------------

# What went wrong comes first: who reads of a failure may see no more than the beginning.
show_log() {
	grep -m 1 -E '^(FAILED|not ok)' "$1" | sed 's/^/    | /'
	tail -n $tail_lines "$1" | sed 's/^/    | /'
	echo "    all of it: $1"
}

report() { # VERDICT NAME TEXT
	printf '%-5s %-28s %6s s  %s\n' "$1" "$2" "$seconds" "$3"
}

# A program that ends badly with no test to blame for it has failed as a whole.
judge_unit() { # NAME LOG
	local name=$1 log=$2 planned good bad left
	planned=$(awk -F '[.][.]' '/^1[.][.][0-9]+/ {n += $2} END {print n + 0}' "$log")
	left=$(grep -ciE '^(not )?ok [0-9].*# *skip' "$log")
	good=$(($(grep -cE '^ok [0-9]' "$log") - $(grep -ciE '^ok [0-9].*# *skip' "$log")))
	bad=$(($(grep -cE '^not ok [0-9]' "$log") - $(grep -ciE '^not ok [0-9].*# *skip' "$log")))
	if [ $bad -eq 0 ] && { [ "$status" -ne 0 ] || [ $((good + left)) -ne "$planned" ] ||
		[ "$planned" -eq 0 ]; }; then
		echo "exit status $status after $((good + left)) of $planned tests" >>"$log"
		bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
	if [ $bad -gt 0 ]; then
		report FAIL "$name" "$good passed, $bad failed, $left skipped"
		show_log "$log"
	else
		report ok "$name" "$good passed$([ "$left" -eq 0 ] || echo ", $left skipped")"
	fi
}

# One test: a command that says by its exit status what became of it.
judge_command() { # NAME LOG
	case $status in
	0)
		passed=$((passed + 1))
		report ok "$1" ""
		;;
	77)
		skipped=$((skipped + 1))
		report skip "$1" "$(tail -n 1 "$2")"
		;;
	*)
		failed=$((failed + 1))
		report FAIL "$1" "exit status $status"
		show_log "$2"
		;;
	esac
}

# --- all of them -------------------------------------------------------------------------------------

is_wanted() { # PATH: a file with such a name
	[ -f "$1" ] && [[ ${1##*/} =~ $word ]]
}

programs() { # GLOB...
	local test
	for test; do
		[[ $test == *.* ]] || ! is_wanted "$test" || echo "$test"
	done
}

# Those of virtual machines run in one (tests/vm/run.sh), those of the Debian package behind its build (make test-deb).
scripts() {
	local test
	for test in tests/unit/t_*.sh tests/net/t_*.sh ${WEIR_VM:+tests/vm/t_*.sh} ${WEIR_DEB:+tests/deb/t_*.sh}; do
		! is_wanted "$test" || echo "$test"
	done
}

is_alone() { grep -q '^# alone: ' "$1"; }

for test in $(programs "$build"/tests/unit/test_*); do
	begin "$jobs" judge_unit "$test" env CMOCKA_MESSAGE_OUTPUT=TAP "$test"
done
for test in $(programs "$build"/tests/fuzz/fuzz_*); do
	begin "$jobs" judge_command "$test" "$test" "tests/fuzz/corpus/${test##*/fuzz_}"
done
for test in $(scripts); do
	is_alone "$test" || begin "$jobs" judge_command "$test" bash "$test" "$build"
done
end_all
for test in $(scripts); do
	! is_alone "$test" || begin 1 judge_command "$test" bash "$test" "$build"
done
end_all

if [ $((passed + failed + skipped)) -eq 0 ]; then
	echo "no test of that name: ${word:-(any)}" >&2
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
