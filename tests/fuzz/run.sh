#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzes the targets of BUILD one after the other, each for its share of the time, from the kept
# corpus, the seeds and what earlier runs found (BUILD/corpus). Ends with 1 when a target came upon
# something: the input is then in BUILD/crashes, and how to run it again is said.
#
# usage: run.sh BUILD need               says what is missing, and fails
#        run.sh BUILD fuzz SECONDS [TARGET]
#        run.sh BUILD keep [TARGET]     takes what adds coverage into tests/fuzz/corpus
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

build=$1
what=$2
shift 2

kept=tests/fuzz/corpus
max_length=4096   # bytes of an input; a larger one finds nothing that a small one does not
keep_files=200    # of a target
keep_bytes=300000 # of a target
pulse=10          # seconds between two lines about a target
child=

export ASAN_OPTIONS=detect_leaks=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}

interrupted() {
	[ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null
	echo "interrupted"
	exit 130
}
trap interrupted INT TERM

targets() {
	local file
	for file in tests/fuzz/fuzz_*.c; do
		file=${file##*/fuzz_}
		echo "${file%.c}"
	done
}

# The folders a target starts from, the one that grows first.
folders() { # TARGET
	echo "$build/corpus/$1 $build/seeds/$1"
	[ ! -d "$kept/$1" ] || echo "$kept/$1"
}

# Sets `all` to the targets that are meant, and makes their folders and seeds.
prepare() { # [TARGET]
	local target known
	mapfile -t known < <(targets)
	all=("$@")
	[ $# -gt 0 ] || all=("${known[@]}")
	for target in "${all[@]}"; do
		if [ ! -f "tests/fuzz/fuzz_$target.c" ]; then
			echo "fuzz: there is no target $target; known are:" "${known[@]}" >&2
			exit 2
		fi
	done
	rm -rf "$build/seeds"
	for target in "${known[@]}"; do
		mkdir -p "$build/corpus/$target" "$build/seeds/$target" "$build/crashes"
	done
	"$build/tests/fuzz/seeds" "$build/seeds" || exit 1
}

# --- fuzzing -------------------------------------------------------------------------------------

figure() { # LOG WORD: the last figure behind a word of libFuzzer's lines
	grep -oE "$2[: ]+[0-9]+" "$1" | tail -n 1 | grep -oE '[0-9]+$' || echo 0
}

runs() { # LOG: the first figure of libFuzzer's last line of progress
	grep -oE '^#[0-9]+' "$1" | tail -n 1 | tr -d '#' || echo 0
}

say() { # TARGET SECONDS LOG
	printf 'fuzz %-12s %4d s  %9d runs  %6d edges  %5d inputs\n' "$1" "$2" "$(runs "$3")" \
		"$(figure "$3" cov)" "$(figure "$3" 'corp')"
}

fuzz_target() { # TARGET SECONDS
	local target=$1 seconds=$2 log=$build/$1.log start=$SECONDS next
	local options=(-max_total_time="$seconds" -max_len="$max_length" -timeout=20 -rss_limit_mb=2048
		-print_final_stats=1 -artifact_prefix="$build/crashes/$target-")
	[ ! -f "tests/fuzz/$target.dict" ] || options+=(-dict="tests/fuzz/$target.dict")
	# shellcheck disable=SC2046 # a list of folders
	"$build/tests/fuzz/fuzz_$target" "${options[@]}" $(folders "$target") >"$log" 2>&1 &
	child=$!
	next=$((SECONDS + pulse))
	while kill -0 $child 2>/dev/null; do
		sleep 0.2
		[ $SECONDS -ge $next ] || continue
		next=$((SECONDS + pulse))
		say "$target" $((SECONDS - start)) "$log"
	done
	wait $child
	status=$?
	child=
	say "$target" $((SECONDS - start)) "$log"
}

explain_crash() { # TARGET
	local log=$build/$1.log input
	input=$(grep -oE "Test unit written to .*" "$log" | tail -n 1)
	input=${input#Test unit written to }
	grep -E '^SUMMARY|: expected: |^==[0-9]+== ?ERROR|runtime error' "$log" | head -n 5 | sed 's/^/    | /'
	echo "    input:     ${input:-none was written}"
	echo "    again:     $build/tests/fuzz/fuzz_$1 $input"
	echo "    smaller:   $build/tests/fuzz/fuzz_$1 -minimize_crash=1 -runs=10000 $input"
	echo "    all of it: $log"
}

fuzz() { # SECONDS
	local share=$(($1 / ${#all[@]})) target bad=0 total=0
	[ $share -gt 0 ] || share=1
	echo "fuzz: ${#all[@]} targets, $share s each: ${all[*]}"
	for target in "${all[@]}"; do
		fuzz_target "$target" $share
		total=$((total + $(runs "$build/$target.log")))
		[ $status -ne 0 ] || continue
		bad=$((bad + 1))
		echo "fuzz $target FAILED, exit status $status"
		explain_crash "$target"
	done
	echo "fuzz: ${#all[@]} targets, $total runs, $bad with findings"
	[ $bad -eq 0 ]
}

# --- keeping -------------------------------------------------------------------------------------

# Edges alone decide what is worth keeping, or there would be a file for each count of each loop.
merge=(-merge=1 -set_cover_merge=1 -use_counters=0 -max_len="$max_length")

is_small() { # FOLDER
	local files bytes
	files=$(find "$1" -type f | wc -l)
	bytes=$(find "$1" -type f -exec cat {} + | wc -c)
	printf 'keep %-12s %4d files  %7d bytes\n' "${1##*/}" "$files" "$bytes"
	[ "$files" -le $keep_files ] && [ "$bytes" -le $keep_bytes ]
}

keep_target() { # TARGET
	local target=$1 merged=$build/merged/$1
	rm -rf "$merged"
	mkdir -p "$merged"
	# shellcheck disable=SC2046 # a list of folders
	"$build/tests/fuzz/fuzz_$target" "${merge[@]}" "$merged" \
		$(folders "$target") >"$build/$target.log" 2>&1 || {
		echo "keep $target FAILED; see $build/$target.log"
		return 1
	}
	if ! is_small "$merged"; then
		echo "keep $target FAILED: more than $keep_files files or $keep_bytes bytes"
		return 1
	fi
	rm -rf "${kept:?}/$target"
	cp -r "$merged" "$kept/$target"
}

keep() {
	local target bad=0
	for target in "${all[@]}"; do
		keep_target "$target" || bad=1
	done
	return $bad
}

need() {
	echo 'int LLVMFuzzerTestOneInput(const char *b, long n) { return 0; }' |
		${CLANG:-clang} -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null && return
	echo "fuzz: clang can't link with libFuzzer; as root:" \
		"apt-get install --no-install-recommends clang libclang-rt-14-dev" >&2
	return 1
}

case $what in
need)
	need
	;;
fuzz)
	seconds=$1
	shift
	prepare "$@"
	fuzz "$seconds"
	;;
keep)
	prepare "$@"
	keep
	;;
*)
	echo "usage: run.sh BUILD need | fuzz SECONDS [TARGET] | keep [TARGET]" >&2
	exit 2
	;;
esac
