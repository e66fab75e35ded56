#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Draws the plots of docs/scale.md: runs weir-sim over rows of sizes, and gnuplot over what it prints.
# It takes a few minutes; needs gnuplot and jq.
#
# usage: plots.sh [BUILD [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
sim=${1:-build}/weir-sim
folder=${2:-docs/scale}
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
mkdir -p "$folder"

# broken PERSISTENCE: of the JSON on stdin the share of flows, in percent, that the last event broke.
broken() {
	jq --arg p "$1" '.sizes[0].runs[] | select(.persistence == $p) | .events[-1]
		| 100 * .broken / .live'
}

# draw NAME TITLE X Y SETTINGS CURVES: one SVG.
draw() {
	gnuplot /dev/stdin <<-END
		set terminal svg size 760,400 dynamic noenhanced font 'sans-serif,13' rounded
		set output '$folder/$1.svg'
		set grid lc rgb '#dddddd' lw 1
		set border 3
		set tics nomirror
		set key outside below horizontal
		set style data linespoints
		set title '$2'
		set xlabel '$3'
		set ylabel '$4'
		$5
		plot ${6//$'\n'/ }
	END
}

scenario='1 % of backends join, balancer lost'
for router in modulo threshold resilient; do
	for balancers in 4 8 16 64; do
		"$sim" --balancers $balancers --backends 2000 --flows 30000 --router $router \
			--scenario "$scenario" --json >"$data/json"
		echo "$balancers $(broken maglev <"$data/json") $(broken tables <"$data/json") \
$(broken sync <"$data/json")"
	done >"$data/$router"
done
draw lost "1 % of 2,000 backends join, half a second later a balancer is lost" \
	"balancers" "flows broken, %" "set logscale x 2; set yrange [0:*]" \
	"'$data/modulo' using 1:2 pt 7 title 'maglev, modulo',
	 '$data/threshold' using 1:2 pt 7 title 'maglev, threshold',
	 '$data/resilient' using 1:2 pt 7 title 'maglev, resilient',
	 '$data/modulo' using 1:3 pt 5 title 'two tables, modulo',
	 '$data/modulo' using 1:4 pt 9 title 'sync, modulo'"

for backends in 10 40 160 161 320 640 1280 2560 5120 10240 20480; do
	"$sim" --balancers 2 --backends $backends --services 1 --flows 1000 --router modulo \
		--scenario 'backend fails' --json >"$data/json"
	jq -r '.sizes[0] | "\(.backends) \(.backend_imbalance.most) \(.backend_imbalance.least)
		\(.backend_imbalance_1_percent_failed.most)" | gsub("\\s+"; " ")' "$data/json"
done >"$data/even"
draw even "One service: new flows of the fullest and the emptiest backend" \
	"backends of the service" "over the mean" "set logscale x 10; set yrange [0.6:2]" \
	"'$data/even' using 1:2 pt 7 title 'fullest',
	 '$data/even' using 1:3 pt 7 title 'emptiest',
	 '$data/even' using 1:4 pt 5 title 'fullest, 1 % of the backends failed'"

ls "$folder"
