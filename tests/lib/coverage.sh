#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How much of what decides about packets the tests run that need no network: lines of lb/ and of the
# headers in bpf/ that both sides compile. BUILD was built with COVERAGE=1. Prints a table, writes
# BUILD/index.html, and fails below the share of lines that is wanted, or when a test failed.
#
# usage: coverage.sh need     says what is missing, and fails
#        coverage.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

wanted=95 # percent of lines

if ! command -v gcovr >/dev/null; then
	echo "coverage: gcovr is missing; as root: apt-get install --no-install-recommends gcovr" >&2
	exit 1
fi
[ "${1:-}" != need ] || exit 0

build=$1
# Counts of an earlier run would be added to.
find "$build" -name '*.gcda' -delete
# Of what has given up root nobody counts: it may not write here.
programs=$(find "$build/tests/unit" -name 'test_*' ! -name '*.*' ! -name test_helper -printf '%f\n' | paste -sd '|')
tests/run.sh "$build" "^($programs)\$|t_(check|schema|sim)[.]sh|fuzz_" || exit 1
# Lines that only an assertion's failure reaches, or nothing, count as well: there are few.
gcovr --root . --object-directory "$build" --filter 'lb/' \
	--filter 'bpf/(packet|rewrite|match|flow|neighbor)[.]h' \
	--html-details "$build/index.html" --txt - --print-summary \
	--fail-under-line $wanted "$build"
status=$?
echo "coverage: every line: $build/index.html"
[ $status -eq 0 ] || echo "coverage: less than $wanted % of the lines"
exit $status
