# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # variables are net.sh's and the test's
#
# What must hold of every method of forwarding, for the tests t_forward_METHOD.sh. Source it after
# net.sh; then
#
#   forward_run METHOD FAMILIES...
#
# where FAMILIES is `44`, `66`, `46` or `64`: those of the VIP and of the backends. The hosts are made
# backends by `weir backend up` and by nothing else (with nat by nothing at all), and `down` leaves
# them as they were. With the fast path on and off: requests, a download and an upload, UDP, iperf3,
# all counted at the right backends, a client that is told of packets that are too big, a balanced
# ledger, and a capture in which tshark finds no bad checksum.
. "$(dirname "${BASH_SOURCE[0]}")/checksums.sh"

forward_requests=200
forward_bytes=100000000
forward_flows=64

# The family of a backend's address: forward_backend N FAMILIES
forward_backend() {
	case $2 in
	?4) echo "10.0.0.1$1" ;;
	?6) echo "fd00::1$1" ;;
	esac
}

forward_vip() { # FAMILIES
	case $1 in
	44) echo "$vip4" ;;
	66) echo "$vip6" ;;
	46) echo 203.0.113.11 ;;
	64) echo 2001:db8::11 ;;
	esac
}
forward_vips=$vip4,$vip6,203.0.113.11,2001:db8::11

# The keys of a backend, but for its name: forward_keys METHOD N FAMILIES PROTOCOL
forward_keys() {
	echo "address: \"$(forward_backend "$2" "$3")\""
	[ "$1$4" != nattcp ] || echo ", port: 8080"
}

# Others for each daemon: a new one knows nothing of connections that the backends are not done with,
# and a SYN that comes from the port of one of those may have to be sent twice.
forward_turn=0
forward_ports() {
	echo "$((1024 + forward_turn % 10 * 6000))-$((7023 + forward_turn % 10 * 6000))"
}

forward_services() { # METHOD FAMILIES...
	local method=$1 families protocol n
	shift
	[ "$method" != nat ] || echo "nat: {addresses: [10.0.2.200, \"fd02::200\"], ports: $(forward_ports)}"
	echo "services:"
	for families; do
		for protocol in tcp:80 udp:5000-5010; do
			cat <<-END
				  - name: ${protocol%:*}$families
				    address: "$(forward_vip "$families")"
				    protocol: ${protocol%:*}
				    ports: ${protocol#*:}
				    forward: $method
				    announce: neighbor
				    backends:
			END
			for n in 1 2 3; do
				echo "      - {name: b$n, $(forward_keys "$method" $n "$families" "${protocol%:*}")}"
			done
		done
	done
}

# More of them: iperf3 wants its control connection and its datagrams at one backend.
forward_iperf_services() { # METHOD FAMILIES...
	local method=$1 families protocol
	shift
	for families; do
		for protocol in tcp udp; do
			cat <<-END
				  - name: iperf-$protocol$families
				    address: "$(forward_vip "$families")"
				    protocol: $protocol
				    ports: 5201
				    forward: $method
				    announce: neighbor
				    backends: [{name: b2, address: "$(forward_backend 2 "$families")"}]
			END
		done
	done
}

# The hosts' way to become backends, and back.
forward_backend_options=()
forward_backend_up() { # METHOD
	local n
	case $1 in
	dsr) ;;
	nat) return ;;
	*) forward_backend_options=(--tunnel "$1" --from "10.0.2.2,fd02::2") ;;
	esac
	for n in 1 2 3; do
		forward_look b$n >"$dir/before.b$n"
		expect "weir backend up" on b$n "$weir" backend up --vip "$forward_vips" \
			"${forward_backend_options[@]}"
	done
}

forward_backend_down() { # METHOD
	local n
	[ "$1" != nat ] || return 0
	for n in 1 2 3; do
		expect "weir backend down" on b$n "$weir" backend down
		forward_look b$n >"$dir/after.b$n"
		diff "$dir/before.b$n" "$dir/after.b$n" >"$dir/difference" ||
			fail "down leaves b$n changed: $(cat "$dir/difference")"
	done
}

# What of a host `weir backend` could change: addresses, settings, programs (those that look up sockets are
# told by their links alone).
forward_look() { # NAMESPACE
	local number
	number=$(on "$1" stat -Lc %i /proc/self/ns/net)
	on "$1" ip -o address show | sed 's/ valid_lft.*//'
	on "$1" sysctl -a 2>/dev/null -r '^net\.ipv[46]\.conf\.' | sort
	on "$1" bpftool net show
	bpftool -j link show | jq -c --argjson ns "$number" '.[] | select(.netns_ino == $ns).attach_type'
	find /sys/fs/bpf/weir -name "backend@$number" 2>/dev/null || true
	ls "/run/weir/backend-$number.json" 2>/dev/null || true
}

# The flows that Weir counts for a service, by backend: `67 60 73`
forward_flows_of() { # SERVICE
	weir_show backends | jq -r --arg s "$1" '[.backends[] | select(.service == $s).flows] | join(" ")'
}

# Weir's count for each backend is what it has answered itself.
forward_expect_counted() { # SERVICE ANSWERS
	local answered
	answered=$(for n in 1 2 3; do grep -cx b$n "$2" || true; done | paste -sd ' ')
	expect_equal "flows of $1, by backend" "$answered" "$(forward_flows_of "$1")"
}

forward_tcp() { # FAMILIES
	local vip
	vip=$(forward_vip "$1")
	requests $forward_requests "$vip" >"$dir/answers" || fail "requests to $vip"
	expect_equal "answers from $vip" $forward_requests "$(wc -l <"$dir/answers")"
	forward_expect_counted "tcp$1" "$dir/answers"
	expect "a download" on client curl -sf -m 60 -o "$dir/got" "$(url "$vip")/fast/large"
	expect "that the download is whole" cmp "$dir/files/large" "$dir/got"
	expect "an upload" on client curl -sf -m 60 -o /dev/null --data-binary "@$dir/upload" \
		"$(url "$vip")/"
	say "$1: $(count_answers "$dir/answers")"
}

# How often anybody told the client of a narrow path, by both families
forward_told() {
	on client awk '
		$1 == "Icmp:" && !column { for (i = 2; i <= NF; i++) if ($i == "InDestUnreachs") column = i; next }
		$1 == "Icmp:" { sum += $column }
		$1 == "Icmp6InPktTooBigs" { sum += $2 }
		END { print sum }' /proc/net/snmp /proc/net/snmp6
}

forward_replies() { weir_show workers | jq '[.workers[].too_big_replies] | add'; }

# The upload's first packets fit into no tunnel: the client was told, by Weir, of as many. It is told of
# more later, of ports that are closed again.
forward_expect_told() { # METHOD TOLD-BEFORE REPLIES-BEFORE
	local told
	told=$(($(forward_told) - $2))
	expect_equal "ICMP errors that the client got" $told $(($(forward_replies) - $3))
	case $1 in
	ipip | gue) expect "that the client was told" [ $told -gt 0 ] ;;
	*) expect_equal "ICMP errors about packets that fit" 0 $told ;;
	esac
}

forward_udp() { # FAMILIES
	local n pids=()
	for n in 1 2 3; do
		start b$n "$udp_load" sink 5005 >"$dir/sink.b$n"
		pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':5005 '"
	done
	expect "the load" on client "$udp_load" send "$(forward_vip "$1")" 5005 10 $forward_flows \
		$((forward_flows * 32))
	must_come 5 "a ledger with nothing held" \
		eval 'weir_show drops | jq -e ".ledger.held == 0" >/dev/null'
	net_stop "${pids[@]}"
	expect_equal "datagrams" $((forward_flows * 32)) "$(jq -s 'map(.packets) | add' "$dir"/sink.b?)"
	expect_equal "flows of udp$1, by backend" "$(jq -s -r 'map(.flows) | join(" ")' "$dir"/sink.b?)" \
		"$(forward_flows_of "udp$1")"
}

# Datagrams that the sockets of b2 had no room for, on a machine that is busy with others.
forward_refused() {
	on b2 nstat -asz UdpRcvbufErrors Udp6RcvbufErrors | awk 'NR > 1 {sum += $2} END {print sum}'
}

# Datagrams of a size that fits every way, at a rate that every machine stands.
forward_iperf() { # METHOD FAMILIES
	local vip server=(iperf3 -s -1 -p 5201) packets refused
	refused=$(forward_refused)
	vip=$(forward_vip "$2")
	[ "$1" = nat ] || server+=(-B "$vip")
	start b2 "${server[@]}" >"$dir/iperf.server" 2>&1
	must_come 5 "iperf3's server" eval "on b2 ss -Hltn | grep -q ':5201 '"
	on client iperf3 -c "$vip" -p 5201 -u -b 6M -n 1M -l 1000 -J >"$dir/iperf" ||
		fail "iperf3: $(jq -r .error "$dir/iperf") $(tail -n 3 "$dir/iperf.server")"
	packets=$(jq .end.sum.packets "$dir/iperf")
	expect "datagrams of iperf3" [ "$packets" -gt 1000 ]
	expect_equal "datagrams of iperf3 that were lost but for those its own socket refused" \
		$(($(forward_refused) - refused)) "$(jq .end.sum.lost_packets "$dir/iperf")"
	expect "that Weir counted them at b2" [ "$(weir_show backends | jq --arg s "iperf-udp$2" \
		'.backends[] | select(.service == $s and .name == "b2").packets')" -ge "$packets" ]
}

forward_capture_start() {
	start switch tcpdump -q -i any -s 0 -c 20000 -w "$dir/capture" 2>"$dir/tcpdump.log"
	forward_dump=$started
	must_come 5 "tcpdump" grep -q listening "$dir/tcpdump.log"
}

forward_one() { # METHOD FAMILIES
	local told replies
	told=$(forward_told)
	replies=$(forward_replies)
	forward_tcp "$2"
	forward_expect_told "$1" "$told" "$replies"
	forward_udp "$2"
	forward_iperf "$1" "$2"
	[ $weir_fast_path = off ] || expect "packets on the fast path" [ "$(weir_show services |
		jq --arg s "tcp$2" '.services[] | select(.name == $s).fast_packets')" -gt 1000 ]
	say "$1 $2, fast path $weir_fast_path: all of it"
}

forward_all() { # METHOD FAMILIES...
	local method=$1 families
	forward_turn=$((forward_turn + 1))
	{
		forward_services "$@"
		forward_iperf_services "$@"
	} | weir_config "${forward_interfaces[@]}"
	weir_start
	weir_wait_reachable
	on client ip route flush cache
	on client ip -6 route flush cache
	forward_capture_start
	shift
	for families; do
		forward_one "$method" "$families"
	done
	net_stop "$forward_dump"
	expect_checksums "$dir/capture" 1520 # 20 bytes of the capture's own header
	must_come 5 "a balanced ledger" ledger_is_balanced
	weir_stop
}

forward_test() { # METHOD FAMILIES...
	local n
	for n in 1 2 3; do
		nginx_start b$n "$([ "$1" = nat ] && echo 8080 || echo 80)"
	done
	mkdir -p "$dir/files"
	head -c $forward_bytes /dev/urandom >"$dir/files/large"
	head -c 5000000 /dev/urandom >"$dir/upload"
	for weir_fast_path in on off; do
		forward_all "$@"
	done
}

forward_expect_decapsulated() {
	on b1 "$weir" backend show
	expect "nothing refused, and something decapsulated" eval 'on b1 "$weir" backend show --json |
		jq -e ".tunnel | .attached and .refused == 0 and .malformed == 0 and .decapsulated > 1000"'
}

forward_interfaces=(eth0 eth1)
forward_run() { # METHOD FAMILIES...
	if [ "$1" = dsr ]; then
		net_two_arm net_hosts
	else
		net_routed
	fi
	forward_backend_up "$1"
	forward_test "$@"
	case $1 in
	ipip | gue) forward_expect_decapsulated ;;
	esac
	forward_backend_down "$1"
}
