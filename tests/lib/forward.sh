# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # variables are net.sh's and the test's
#
# What must hold of every method of forwarding, for the tests t_forward_METHOD.sh. Source it after
# net.sh and a topology, with nginx and what makes hosts backends still to come; then
#
#   forward_test METHOD FAMILIES...
#
# where FAMILIES is `44`, `66`, `46` or `64`: those of the VIP and of the backends. With the fast
# path on and off: requests, a download and an upload, UDP, all counted at the right backends, a
# balanced ledger, and a capture in which tshark finds no bad checksum.
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
	4?) echo "$vip4" ;;
	6?) echo "$vip6" ;;
	esac
}

forward_services() { # METHOD FAMILIES...
	local method=$1 families protocol n
	shift
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
				echo "      - {name: b$n, address: \"$(forward_backend $n "$families")\"}"
			done
		done
	done
}

# The hosts' way to become backends, and back. The methods' tests may set the options.
forward_backend_options=()
forward_backend_up() {
	local n
	for n in 1 2 3; do
		forward_look b$n >"$dir/before.b$n"
		expect "weir backend up" on b$n "$weir" backend up --vip "$vip4,$vip6" \
			"${forward_backend_options[@]}"
	done
}

forward_backend_down() {
	local n
	for n in 1 2 3; do
		expect "weir backend down" on b$n "$weir" backend down
		forward_look b$n >"$dir/after.b$n"
		diff "$dir/before.b$n" "$dir/after.b$n" >"$dir/difference" ||
			fail "down leaves b$n changed: $(cat "$dir/difference")"
	done
}

# What of a host `weir backend` could change: addresses, settings, programs.
forward_look() { # NAMESPACE
	on "$1" ip -o address show | sed 's/ valid_lft.*//'
	on "$1" sysctl -a 2>/dev/null -r '^net\.ipv[46]\.conf\.' | sort
	on "$1" bpftool net show
	find /sys/fs/bpf/weir -name "backend@$(on "$1" stat -Lc %i /proc/self/ns/net)" 2>/dev/null || true
	ls "/run/weir/backend-$(on "$1" stat -Lc %i /proc/self/ns/net).json" 2>/dev/null || true
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

# The upload's first packets fit into no tunnel: the client was told, by Weir, of as many.
forward_expect_told() { # METHOD BEFORE
	local told=$(($(forward_told) - $2))
	expect_equal "ICMP errors that the client got" "$told" \
		"$(weir_show workers | jq '[.workers[].too_big_replies] | add')"
	case $1 in
	ipip | gue) expect "that the client was told" [ $told -gt 0 ] ;;
	dsr) expect_equal "ICMP errors about packets that fit" 0 $told ;;
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

# tshark adds up everything but what an ICMP error quotes in part, and takes the 0xffff that Linux may
# write for a checksum of 0 as wrong, which it is not (RFC 1624, 3).
forward_expect_checksums() { # CAPTURE
	local bad
	bad=$(tshark -n -r "$1" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -o udp.ignore_ipv6_zero_checksum:TRUE \
		-Y '!icmp && !icmpv6 && (ip.checksum.status == 0 || (tcp.checksum.status == 0 && tcp.checksum != 0xffff) ||
			udp.checksum.status == 0) || (icmp.checksum.status == 0 || icmpv6.checksum.status == 0)' \
		-T fields -e frame.number -e _ws.col.Info 2>/dev/null)
	[ -z "$bad" ] || fail "bad checksums in the capture: $(head -n 5 <<<"$bad")"
}

forward_test() { # METHOD FAMILIES...
	local method=$1 families
	shift
	nginx_start_backends
	mkdir -p "$dir/files"
	head -c $forward_bytes /dev/urandom >"$dir/files/large"
	head -c 5000000 /dev/urandom >"$dir/upload"
	for weir_fast_path in on off; do
		for families; do
			forward_services "$method" "$families" | weir_config "${forward_interfaces[@]}"
			weir_start
			weir_wait_reachable
			start switch tcpdump -q -i any -s 200 -c 20000 -w "$dir/capture" 2>"$dir/tcpdump.log"
			local dump=$started
			must_come 5 "tcpdump" grep -q listening "$dir/tcpdump.log"
			local told
			told=$(forward_told)
			on client ip route flush cache
			on client ip -6 route flush cache
			forward_tcp "$families"
			forward_expect_told "$method" "$told"
			forward_udp "$families"
			net_stop "$dump"
			forward_expect_checksums "$dir/capture"
			must_come 5 "a balanced ledger" ledger_is_balanced
			[ $weir_fast_path = off ] || expect "packets on the fast path" eval \
				'weir_show backends | jq -e "[.backends[].fast_packets] | add > 1000" >/dev/null'
			weir_stop
			say "$method $families, fast path $weir_fast_path: all of it"
		done
	done
}
