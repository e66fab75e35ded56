#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the tests: unit programs (BUILD/tests/unit/test_*, cmocka, each of its tests counts), tests of
# the scripts (tests/unit/t_*.sh) and of the network (tests/net/t_*.sh: exit 0 passed, 77 skipped,
# with the reason in the last line), and fuzz targets (BUILD/tests/fuzz/fuzz_*) on their kept corpus. Each runs with a time limit, and its output stays in
# BUILD/tests/logs. The last line is `N passed, N failed, N skipped`.
#
# usage: run.sh [BUILD [WORD]]   only tests with WORD, an extended regular expression, in their names
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=${1:-build}
word=${2:-}
logs=$build/tests/logs
limit=${WEIR_TEST_LIMIT:-180} # seconds for one program
tail_lines=40                 # of the log of a test that failed
passed=0 failed=0 skipped=0
child=

mkdir -p "$logs"
case $build in
*san-*)
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99:${ASAN_OPTIONS:-}
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}
	;;
esac

# A test is ended through its `timeout`, which passes the signal on to all the test started.
interrupted() {
	[ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null
	echo "interrupted"
	exit 130
}
trap interrupted INT TERM

# run_limited LOG COMMAND...: leaves the exit status in $status and the seconds in $seconds.
run_limited() {
	local log=$1 start=${EPOCHREALTIME/./}
	shift
	timeout -k 20 "$limit" "$@" </dev/null >"$log" 2>&1 &
	child=$!
	{ wait $child; } 2>>"$log" # bash tells here which signal ended it
	status=$?
	child=
	seconds=$(printf '%07d' $((${EPOCHREALTIME/./} - start)))
	seconds=${seconds%??????}.$(printf '%.1s' "${seconds: -6}")
	[ $status -ne 124 ] || echo "no end after $limit s" >>"$log"
}

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
run_unit() {
	local program=$1 name=${1##*/} log=$logs/${1##*/}.log planned good bad left
	CMOCKA_MESSAGE_OUTPUT=TAP run_limited "$log" "$program"
	planned=$(awk -F '[.][.]' '/^1[.][.][0-9]+/ {n += $2} END {print n + 0}' "$log")
	left=$(grep -ciE '^(not )?ok [0-9].*# *skip' "$log")
	good=$(($(grep -cE '^ok [0-9]' "$log") - $(grep -ciE '^ok [0-9].*# *skip' "$log")))
	bad=$(($(grep -cE '^not ok [0-9]' "$log") - $(grep -ciE '^not ok [0-9].*# *skip' "$log")))
	if [ $bad -eq 0 ] && { [ $status -ne 0 ] || [ $((good + left)) -ne "$planned" ] ||
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
run_command() { # NAME LOG COMMAND...
	local name=$1 log=$2
	shift 2
	run_limited "$log" "$@"
	case $status in
	0)
		passed=$((passed + 1))
		report ok "$name" ""
		;;
	77)
		skipped=$((skipped + 1))
		report skip "$name" "$(tail -n 1 "$log")"
		;;
	*)
		failed=$((failed + 1))
		report FAIL "$name" "exit status $status"
		show_log "$log"
		;;
	esac
}

run_script() {
	local name=${1##*/}
	run_command "${name%.sh}" "$logs/$name.log" bash "$1" "$build"
}

run_corpus() {
	local name=${1##*/}
	run_command "$name" "$logs/$name.log" "$1" "tests/fuzz/corpus/${name#fuzz_}"
}

is_wanted() { # PATH: a file with such a name
	[ -f "$1" ] && [[ ${1##*/} =~ $word ]]
}

for test in "$build"/tests/unit/test_*; do
	[[ $test == *.* ]] || ! is_wanted "$test" || run_unit "$test"
done
for test in "$build"/tests/fuzz/fuzz_*; do
	[[ $test == *.* ]] || ! is_wanted "$test" || run_corpus "$test"
done
# Those of virtual machines run in one (tests/vm/run.sh).
for test in tests/unit/t_*.sh tests/net/t_*.sh ${WEIR_VM:+tests/vm/t_*.sh}; do
	! is_wanted "$test" || run_script "$test"
done

if [ $((passed + failed + skipped)) -eq 0 ]; then
	echo "no test of that name: ${word:-(any)}" >&2
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
