# SPDX-License-Identifier: BSD-2-Clause
#
# Of a report of `make bench`: what is wanted of it, what there was, and whether that is enough, as Markdown.

def rows($benchmark; $table): [.[] | select(.benchmark == $benchmark).tables[] | select(.name == $table).rows[]];
def notes($benchmark; $table): [.[] | select(.benchmark == $benchmark).tables[] | select(.name == $table).notes[]?];
def value: if type == "object" then .median else . end;
def fixed($digits): . * pow(10; $digits) | round / pow(10; $digits);

def net($way; $flows; $baseline):
	rows("net"; "net") | map(select(.way == $way and .flows == $flows and .baseline == $baseline)) | .[0].ratio | value;
def micro($flows): rows("micro"; "lb_process") | map(select(.packets == "IPv4 TCP" and .flows == $flows)) | .[0].mpps;
def engine($name): rows("engines"; "engines") | map(select(.engine == $name)) | .[0].ratio | value;

# least(WHAT; WANTED; FIGURE): at least that; most(): at most that
def line($what; $wanted; $is; $met):
	"| \($what) | \($wanted) | \(if $is == null then "-" else $is | fixed(3) end) | \(if $is == null then "not measured"
		elif $met then "yes" else "**no**" end) |";
def least($what; $wanted; $is): line($what; ">= \($wanted)"; $is; ($is // 0) >= $wanted);
def most($what; $wanted; $is): line($what; "<= \($wanted)"; $is; ($is // 0) <= $wanted);

"| what | wanted | was | reached |",
"|---|---:|---:|---|",
least("fast path, 1,000 flows, of `XDP_TX`"; 0.95; net("fast path"; 1000; "XDP_TX")),
least("fast path, 100,000 flows"; 0.70; net("fast path"; 100000; "XDP_TX")),
least("fast path, 1,000,000 flows"; 0.65; net("fast path"; 1000000; "XDP_TX")),
least("fast path by nat, 1,000 flows"; 0.60; net("fast path, nat"; 1000; "XDP_TX")),
least("workers, of testpmd"; 1; net("workers"; 1000; "testpmd")),
least("`lb_process()`, 1,000 flows, Mpps a core"; 30; micro(1000)),
least("`lb_process()`, 1,000,000 flows"; 12; micro(1000000)),
least("`lb_process()`, new flows"; 3; micro("all new") // micro(0)),
most("connections forgotten in the SYN flood"; 0;
	rows("net"; "flood") | if length == 2 then .[0].established - .[1].established else null end),
most("packets sent to another backend in it"; 0;
	notes("net"; "flood") | map(capture("another backend than before: (?<n>[0-9,]+)").n | gsub(","; "") | tonumber) | .[0]),
least("drop by 10 prefixes, of `XDP_DROP`"; 0.80; net("drop, 10 prefixes"; 16000000; "XDP_DROP")),
least("drop by 1,000,000 prefixes"; 0.50; net("drop, 1,000,000 prefixes"; 1000000; "XDP_DROP")),
least("drop by 1,000 rules, of 10"; 0.95; net("drop by 1,000 rules"; 16777216; "drop by 10 rules")),
least("a limit each for 1,000,000 sources, SYNs, of `XDP_DROP`"; 0.50; net("limit, 1M sources, SYNs"; 1000000; "XDP_DROP")),
least("fast path with captures that nobody asked for"; 0.98; net("fast path, nothing captured"; 1000; "no taps")),
least("other flows while all drops are captured"; 0.90;
	rows("net"; "capture") | .[1].ratio | value),
most("drops neither captured nor counted as lost"; 0; rows("net"; "capture") | .[1].unaccounted),
least("`send --engine xsk`, of the plain loop"; 1; engine("xsk")),
least("the same with stamps"; 1; engine("xsk, with stamps")),
least("`send --engine live`, of the bare loop (5 of 6 Mpps)"; 0.833; engine("live")),
least("the same with stamps"; 0.833; engine("live, with stamps")),
most("pacing, off by %, from 1 kpps to nearly all it can (worst median)"; 0.5;
	rows("engines"; "pacing") | map(.off | value | fabs) | max),
most("a scrape of 100,000 backends, ms"; 50; rows("api"; "scrape") | .[0].ms | value),
least("calls of the API a second"; 10000; rows("api"; "calls") | .[0] | if . then .rate | round else null end),
most("a reload that changes 1,000 tables, CPU ms"; 1000;
	rows("api"; "reload") | map(select(.step | startswith("a weight"))) | .[0].cpu_ms | value),
least("health checks a second"; 1000; rows("api"; "checks") | .[0].rate)
