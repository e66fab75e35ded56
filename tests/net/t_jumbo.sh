#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Jumbo frames: with MTUs of 9000 everywhere, TCP segments and datagrams of nearly 9000 bytes go by workers
# and by the fast path, by every method of forwarding that fits, and arrive whole; what does not fit with a
# tunnel's headers is answered with "too big", so path MTU discovery goes on (two-arm).
. "$(dirname "$0")/../lib/net.sh"

[ "$(uname -r | cut -d. -f1)" -ge 7 ] || [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" = 6.6 ] ||
	skip "Linux $(uname -r): AF_XDP packets of several buffers came with 6.6"

mtu=9000
net_two_arm net_hosts
on switch ip link set br0 mtu $mtu
for n in b1 b2 b3 weir; do
	on switch ip link set $n mtu $mtu
done
for n in client weir b1 b2 b3; do
	on $n ip link set eth0 mtu $mtu
done
on weir ip link set eth1 mtu $mtu
nginx_start_backends
head -c 3000000 /dev/urandom >"$dir/files/large"

services() { # METHOD
	local n proto
	echo "nat: {addresses: [10.0.0.200]}"
	echo "services:"
	for proto in tcp:80 udp:5000; do
		cat <<-END
			  - name: ${proto%:*}
			    address: $vip4
			    protocol: ${proto%:*}
			    ports: ${proto#*:}
			    forward: $1
			    announce: neighbor
			    backends:
		END
		for n in 1 2 3; do
			echo "      - {name: b$n, address: 10.0.0.1$n}"
		done
	done
}

backends() { # up|down [OPTION...]
	local n what=$1
	shift
	for n in 1 2 3; do
		expect "weir backend $what" on b$n "$weir" backend "$what" "$@"
	done
}

field() { # of eth0
	weir_show interfaces | jq "[.interfaces[] | select(.name == \"eth0\")][0].counters.$1"
}

# As long as they may be, from ten ports: all of them arrive.
datagrams() { # BYTES
	local n pids=()
	for n in 1 2 3; do
		start b$n "$udp_load" sink 5000 >"$dir/sink.b$n"
		pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':5000 '"
	done
	for n in 1 2 3 4 5 6 7 8 9 10; do
		on client bash -c "dd if=/dev/zero bs=$1 count=5 status=none >/dev/udp/$vip4/5000"
	done
	must_come 5 "nothing held" eval 'weir_show drops | jq -e ".ledger.held == 0"'
	net_stop "${pids[@]}"
	expect_equal "datagrams of $1 bytes" 50 "$(jq -s 'map(.packets) | add' "$dir"/sink.b?)"
}

for method in dsr nat ipip gue; do
	case $method in
	dsr) backends up --vip $vip4 ;;
	ipip | gue) backends up --vip $vip4 --tunnel $method --from 10.0.0.2 ;;
	esac
	for weir_fast_path in off on; do
		services $method | weir_config eth0 eth1
		weir_start
		weir_wait_reachable
		expect "an upload" on client curl -sf -m 60 -o /dev/null --data-binary "@$dir/files/large" \
			"http://$vip4/"
		expect "a download" on client curl -sf -m 60 -o "$dir/got" "http://$vip4/fast/large"
		expect "that it is whole" cmp "$dir/files/large" "$dir/got"
		datagrams 8900
		say "$method, fast_path $weir_fast_path: $(($(field rx_bytes) / $(field rx_packets))) bytes a packet"
		expect "jumbo frames" [ $(($(field rx_bytes) / $(field rx_packets))) -gt 3000 ]
		weir_show drops | jq -c '.ledger, (.reasons[] | select(.total > 0) | {(.reason): .total})'
		expect "the balance" ledger_is_balanced
		weir_stop
	done
	[ $method = nat ] || backends down
done
