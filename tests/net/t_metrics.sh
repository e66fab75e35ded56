#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A Prometheus scrapes the daemon over loopback TCP (one-arm), and its figures are those of `weir
# show` and of the client. promtool finds nothing to say about names, units and format. The dashboard asks for
# nothing that is not there, in words that Prometheus understands.
. "$(dirname "$0")/../lib/net.sh"

http=127.0.0.1:9290

net_one_arm
nginx_start_backends
{
	cat <<-END
		sources: {office: {prefixes: [198.51.100.0/24]}}
		policy:
		  rules:
		    - {name: no-office, from: office, action: drop}
		    - {name: all, action: count}
		nat: {addresses: [10.0.0.200], ports: 1024-2047, announce: none}
	END
	web_services | sed '/name: web4/a\    health: {type: tcp, interval: 100ms, timeout: 100ms}'
} | weir_config eth0
sed -i "s|^api: .*|api: {socket: $socket, http: \"$http\"}|" "$dir/weir.yaml"
weir_start
weir_wait_reachable

requests 90 $vip4 >"$dir/answers" || fail "requests"
requests 10 $vip6 >/dev/null || fail "requests over IPv6"

metrics() { on weir curl -sf "http://$http/metrics"; }

say "promtool"
metrics >"$dir/metrics" || fail "no metrics"
promtool check metrics <"$dir/metrics" >"$dir/lint" 2>&1 || fail "promtool: $(<"$dir/lint")"
expect_equal "what promtool says" "" "$(<"$dir/lint")"
expect_equal "samples without a head" "" "$(awk '
	/^# TYPE/ { type[$3] = $4; next }
	/^#/ { next }
	{ name = $1; sub(/[{].*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
	  if (!(name in type) && type[base] != "histogram") print name }' "$dir/metrics")"

value() { # SAMPLE
	awk -v sample="$1" '$1 == sample { print $2 }' "$dir/metrics"
}
expect_equal "new flows of web4" 90 "$(value 'weir_service_flows_total{service="web4"}')"
expect_equal "new flows of its backends" 90 "$(awk '/^weir_backend_flows_total{service="web4"/ {
	n += $2 } END { print n }' "$dir/metrics")"
expect_equal "backends up" 3 "$(value 'weir_service_backends_up{service="web6"}')"
expect_equal "all bursts are in +Inf" "$(value 'weir_worker_burst_seconds_count{worker="0"}')" \
	"$(value 'weir_worker_burst_seconds_bucket{worker="0",le="+Inf"}')"
expect "bursts were measured" [ "$(value 'weir_worker_burst_seconds_count{worker="0"}')" -gt 0 ]

say "policy, nat, fragments, health checks"
expect_equal "prefixes" 1 "$(value weir_policy_prefixes)"
expect_equal "what the first rule refused" 0 "$(value 'weir_policy_rule_refused_packets_total{rule="no-office"}')"
rule_adds_up() {
	metrics >"$dir/metrics"
	[ "$(value 'weir_policy_rule_packets_total{rule="all"}')" = \
		"$(weir_show policy | jq '.rules[] | select(.name == "all").packets')" ]
}
must_come 5 "the rule's packets are those of weir show" rule_adds_up
expect "the rule has seen packets" [ "$(value 'weir_policy_rule_packets_total{rule="all"}')" -gt 100 ]
expect_equal "SNAT ports" 1024 "$(value weir_nat_ports)"
expect_equal "connections by nat" 0 "$(value weir_nat_connections)"
expect_equal "backends that are checked" 3 "$(value weir_health_checks)"
expect "checks were good" [ "$(value 'weir_health_checks_total{result="good"}')" -ge 3 ]
on client ping -q -c 1 -s 3000 -M dont $vip4 >/dev/null 2>&1 || true # in fragments, which are the kernel's
expect_equal "fragments that wait" 0 "$(value weir_fragments_held)"

packets_add_up() {
	local fast worker both
	metrics >"$dir/metrics"
	fast=$(value 'weir_service_packets_total{service="web4",path="fast"}')
	worker=$(value 'weir_service_packets_total{service="web4",path="worker"}')
	both=$(weir_show services | jq '.services[0].packets')
	[ $((fast + worker)) = "$both" ] && [ "$worker" -gt 0 ]
}
must_come 5 "both paths' packets are those of weir show" packets_add_up
received=$(awk '/^weir_queue_receive_packets_total/ { n += $2 } END { print n }' "$dir/metrics")
expect_equal "what the queues received, by the workers" "$received" \
	"$(awk '/^weir_worker_receive_packets_total/ { n += $2 } END { print n }' "$dir/metrics")"

say "Prometheus"
mkdir "$dir/prometheus"
cat >"$dir/prometheus.yml" <<END
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: weir, static_configs: [{targets: ["$http"]}]}
END
start weir prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" \
	--web.listen-address=127.0.0.1:9090 2>"$dir/prometheus.error.log"
query() { # EXPRESSION: its first value
	on weir curl -sfG http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" |
		jq -r '.data.result[0].value[1]'
}
is() { [ "$(query "$1")" = "$2" ]; }
must_come 30 "the first scrape" is 'up{job="weir"}' 1
must_come 10 "flows as Prometheus has them" is 'sum(weir_backend_flows_total)' 100
expect_equal "backends up" 6 "$(query 'count(weir_backend_up == 1)')"
expect_equal "packets that are not accounted for" 0 "$(query 'max(weir_ledger_difference_packets)')"
requests 20 $vip4 >/dev/null || fail "requests"
must_come 10 "the new flows" is 'sum(weir_service_flows_total{service="web4"})' 110
expect_equal "it still scrapes" 1 "$(query 'up{job="weir"}')"

say "the dashboard"
metrics >"$dir/metrics"
dashboard=$net_root/configs/grafana-dashboard.json
jq -r '.. | objects | (.expr // empty), (.query?.query? // empty)' "$dashboard" >"$dir/asked"
expect "questions in the dashboard" [ "$(wc -l <"$dir/asked")" -gt 20 ]
expect_equal "metrics that it asks for and nobody has" "" \
	"$(grep -oE '(weir|process)_[a-z_]+' "$dir/asked" | sort -u |
		grep -vxFf <(awk '/^[a-z]/ { sub(/[{ ].*/, ""); print }' "$dir/metrics" | sort -u))"
while read -r question; do
	case $question in label_values*) continue ;; esac
	question=${question//'$__rate_interval'/1m}
	question=${question//'$instance'/.*}
	question=${question//'$service'/.*}
	expect_equal "what Prometheus says to $question" success "$(on weir curl -sG \
		http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$question" | jq -r .status)"
done <"$dir/asked"
