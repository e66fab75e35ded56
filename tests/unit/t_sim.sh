#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# weir-sim: the same seed prints the same but for what is measured, another one does not; in its JSON
# each flow has one fate, and events and runs agree; what can't be studied is refused in words.
#
# usage: t_sim.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")/../.."
sim=${1:-build}/weir-sim
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

fail() {
	echo "$*"
	exit 1
}

small=(--quick --flows 4000 --balancers 8 --backends 200 --services 2)

# The line that begins with `built` has what the clock and the allocator say.
# All sizes, but not all of each, as this is to be quick where much runs beside it.
quick=(--quick --seed 1 --flows 4000 --router resilient --scenario 'backend joins, balancer lost')
"$sim" "${quick[@]}" >"$out/first" &
first=$!
"$sim" "${quick[@]}" >"$out/second"
wait $first
grep -v '^built' "$out/first" >"$out/a"
grep -v '^built' "$out/second" >"$out/b"
cmp "$out/a" "$out/b" || fail "the same seed does not print the same"
grep -q 'seed 1$' "$out/a" || fail "the seed is not printed"
[ "$(grep -c '^built' "$out/first")" -eq 3 ] || fail "not three sizes"
grep -q '^256 balancers, 100000 backends' "$out/a" || fail "not 256 x 100,000"
"$sim" "${small[@]}" --seed 2 >"$out/two"
"$sim" "${small[@]}" --seed 3 >"$out/three"
! cmp -s <(grep balancer "$out/two") <(grep balancer "$out/three") || fail "the seed says nothing"

"$sim" "${small[@]}" --router all --json >"$out/json"
[ "$(jq '[.sizes[].runs[]] | length' "$out/json")" -eq 36 ] ||
	fail "not 4 scenarios by 3 routers by 3 kinds of persistence"
jq -e '[.sizes[].runs[] | .flows == .kept + .broken + .orphans + .refused
	and .broken == ([.events[].broken] | add) and .orphans == ([.events[].orphans] | add)
	and .flows >= 4000 and .packets > 0] | all' "$out/json" >/dev/null ||
	fail "the counts do not add up"
jq -e '[.sizes[].runs[] | select(.scenario == "balancer lost") | .broken == 0
	and .events[0].moved > 0] | all' "$out/json" >/dev/null ||
	fail "a lost balancer alone broke flows, or moved none"
jq -e '[.sizes[].runs[] | select(.scenario | startswith("three")) | select(.persistence == "maglev")
	| .broken > 0] | all' "$out/json" >/dev/null || fail "reloads and a lost balancer broke none"

# refuses WORDS ARGUMENT...: exit status 2 and the words on stderr, nothing on stdout.
refuses() {
	local words=$1 status=0
	shift
	"$sim" "$@" >"$out/out" 2>"$out/err" || status=$?
	[ $status -eq 2 ] || fail "$*: exit status $status"
	[ ! -s "$out/out" ] || fail "$*: printed something"
	grep -qF -- "$words" "$out/err" || fail "$*: $(cat "$out/err")"
}
refuses 'expected a whole number from 2 to 1000' --balancers 1
refuses 'expected a whole number from 2 to 120000' --backends 1000000
refuses '50 services can'\''t share 40 backends' --services 50
refuses 'expected at most 65535' --backends 70000 --services 1
refuses 'modulo, threshold, resilient or all' --router random
refuses "there is none with that in its name" --scenario earthquake
refuses 'must have reached all balancers before the next' --skew 21
refuses "Did you mean --balancers?" --balancer-s 4
refuses "there is no operand 'more'" more
"$sim" --help | grep -q 'Usage: weir-sim' || fail "no help"
"$sim" --list | grep -q 'balancer lost: balancer lost at 0 s' || fail "no list"
! "$sim" "${small[@]}" --scenario 'balancer lost' >/dev/full 2>"$out/err" ||
	fail "a full disk is no failure"
echo "same seed, same figures; the counts add up"
