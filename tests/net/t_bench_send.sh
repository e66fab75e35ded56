#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: it paces packets
#
# `weir-bench send` and `receive` over one cable, client 10.1.0.1 --- b1 10.1.0.2 (fd01::1, ::2): tshark
# finds the packets as they were asked for, with right checksums; what is missing, late and twice in a
# replayed capture is counted; what can't be done is said in one line.
. "$(dirname "$0")/../lib/net.sh"

bench=$build/weir-bench
client=$net_prefix-client:eth0 b1=$net_prefix-b1:eth0

net_namespace client b1 b2
net_link client eth0 b1 eth0
net_address client eth0 10.1.0.1/24 fd01::1/64
net_address b1 eth0 10.1.0.2/24 fd01::2/64
net_link b2 eth0 b2 eth1
on b2 ethtool -K eth1 gro off
# A veth takes frames of XDP when GRO is turned on at its other end (Linux 6.18 looks at it only then).
on b1 ethtool -K eth0 gro off
on b1 ethtool -K eth0 gro on
must_come 10 "the link" eval "on client ping -c 1 -W 1 10.1.0.2"

send() { "$bench" send --from "$client" --destination 10.1.0.2:443 "$@"; }

# capture COUNT ARGUMENT...: what `send` makes of them, in $dir/c.pcap
capture() {
	local count=$1 tcpdump
	shift
	rm -f "$dir/tcpdump.log"
	start b1 tcpdump -i eth0 -U -s 9100 -B 16384 -w "$dir/c.pcap" -c "$count" --immediate-mode \
		'src port 1024 or src port 1025 or src port 1026 or vlan' 2>"$dir/tcpdump.log"
	tcpdump=$started
	must_come 20 "tcpdump" grep -q listening "$dir/tcpdump.log"
	send --quiet --count "$count" --rate 2kpps --source-ports 1024-1026 "$@" >"$dir/send.out" 2>&1 ||
		fail "send $*: $(tail -n 1 "$dir/send.out")"
	must_come 20 "all packets of: $*" eval "! kill -0 $tcpdump"
}

# fields FIELD...: of the capture, each line once, with how often it is there
fields() {
	local list=() field
	for field; do
		list+=(-e "$field")
	done
	tshark -r "$dir/c.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
		-o tcp.check_checksum:TRUE -T fields "${list[@]}" 2>/dev/null | sort | uniq -c |
		sed 's/^ *//' | tr '\t ' '  '
}

say "packets, by tshark"
for engine in xsk live; do
	capture 30 --engine $engine --flows 3
	expect_equal "$engine, UDP over IPv4" "10 60 1 1 1024
10 60 1 1 1025
10 60 1 1 1026" "$(fields frame.len ip.checksum.status udp.checksum.status udp.srcport)"
	capture 30 --engine $engine --flows 3 --protocol tcp --size 72
	expect_equal "$engine, TCP over IPv4" "10 72 1 1 1024
10 72 1 1 1025
10 72 1 1 1026" "$(fields frame.len ip.checksum.status tcp.checksum.status tcp.srcport)"
	capture 20 --engine $engine --destination '[fd01::2]:443' --size 84:3,400:1 --vlan 42
	expect_equal "$engine, IPv6 with a tag, checksums" "20 42 1" \
		"$(fields vlan.id udp.checksum.status)"
	capture 96 --engine $engine --size imix
	expect_equal "$engine, IMIX: checksums" "96 1 1" \
		"$(fields ip.checksum.status udp.checksum.status)"
	expect_equal "$engine, IMIX: sizes" "60 566 1514 " \
		"$(fields frame.len | cut -d ' ' -f 2 | sort -n | tr '\n' ' ')"
done

say "long packets, of several frames"
for end in client b1; do
	on $end ip link set eth0 mtu 9000
done
capture 12 --engine xsk --size 60,2500,9000
expect_equal "jumbo frames" "1 1" "$(fields ip.checksum.status udp.checksum.status | cut -d ' ' -f 2,3 | sort -u)"
expect_equal "sizes of jumbo frames" "60 2500 9000 " \
	"$(fields frame.len | cut -d ' ' -f 2 | sort -n | tr '\n' ' ')"
for end in client b1; do
	on $end ip link set eth0 mtu 1500
done

say "what a receiver says"
capture 100 --engine xsk
editcap -r "$dir/c.pcap" "$dir/p1" 1-10 12
editcap -r "$dir/c.pcap" "$dir/p2" 14
editcap -r "$dir/c.pcap" "$dir/p3" 13 15
editcap -r "$dir/c.pcap" "$dir/p4" 15-100
mergecap -a -F pcap -w "$dir/replay.pcap" "$dir"/p[1-4]
for way in "" --sockets; do
	rm -f "$dir/receive.log" # the one before said that it was ready, too
	# shellcheck disable=SC2086 # words, or none
	"$bench" receive $way --quiet --count 100 --seconds 60 --by-flow 3 --json "$dir/receive.json" "$b1" \
		>"$dir/receive.out" 2>"$dir/receive.log" &
	receiver=$!
	net_pids+=("$receiver")
	must_come 20 "the receiver" grep -q ready "$dir/receive.log"
	"$bench" send --from "$client" --replay "$dir/replay.pcap" --rate 1kpps --count 100 --quiet \
		>"$dir/send.out" || fail "replay"
	wait $receiver || fail "receive $way: $(cat "$dir/receive.log")"
	expect_equal "received, missing, late, twice ($way)" "100 1 1 1" "$(jq -r '
		.tables[] | select(.name == "total").rows[0] |
		"\(.received | round) \(.missing | round) \(.reordered | round) \(.duplicates | round)"' \
		"$dir/receive.json")"
	expect_equal "flows ($way)" 1 \
		"$(jq '.tables[] | select(.name == "flows").rows | length' "$dir/receive.json")"
done
send --engine xsk --to "$b1" --flows 3 --rate 5kpps --count 1000 --quiet --json "$dir/send.json" >"$dir/send.out"
expect_equal "sent, arrived" "1000 1000" \
	"$(jq -r '.tables[0].rows[0] | "\(.packets | round) \(.arrived | round)"' "$dir/send.json")"
on b1 ping -c 1 -W 2 10.1.0.1 >/dev/null || fail "the kernel's own packets"

say "bad input"
# refused STATUS PATTERN ARGUMENT...: one line, and that exit status
refused() {
	local wanted=$1 pattern=$2 status=0
	shift 2
	send --seconds 1 --quiet "$@" >"$dir/refused.out" 2>"$dir/refused" || status=$?
	expect_equal "exit status of: $*" "$wanted" "$status"
	expect_match "$*" "$pattern" "$(head -n 1 "$dir/refused")"
}
refused 2 "MTU of $client is 1500, so 1514 is the most" --size 1600
refused 2 "beyond the line's rate" --rate 11Gbit
refused 2 "sends by $net_queues queues" --queue 7
refused 2 "are too short: these headers and a stamp take 72" --protocol tcp
refused 1 "no route to 192.0.2.1" --destination 192.0.2.1
refused 1 "no network namespace" --from nowhere:eth0
refused 1 "no such interface" --from "$net_prefix-client:eth7"
refused 2 "different families" --source fd01::1
refused 1 "none arrived: .* a veth, has neither a native XDP program nor GRO" \
	--from "$net_prefix-b2:eth0" --source 10.1.0.1 --destination-mac 02:00:00:00:00:01 --engine live --to "$b1"
refused 1 "none arrived: the links are up and have XDP, so what is in between drops the packets" \
	--engine xsk --to "$net_prefix-b2:eth0"
expect_match "no privileges" "run it as root" "$(setpriv --reuid=65534 --clear-groups \
	"$bench" send --from lo --destination 127.0.0.1 --source 127.0.0.1 \
	--destination-mac 02:00:00:00:00:01 2>&1 | head -n 1)"
# Not send(): that would be a shell's process, and the sender would outlive it.
"$bench" send --from "$client" --destination 10.1.0.2:443 --engine xsk --rate 1kpps \
	>"$dir/busy.out" 2>"$dir/busy.log" &
busy=$!
net_pids+=("$busy")
must_come 20 "the line of one that sends" grep -q Mpps "$dir/busy.log"
expect "a busy queue is refused" eval '! send --engine xsk --count 1 --quiet >"$dir/refused.out" 2>"$dir/refused"'
expect_match "a busy queue" "is used already by another AF_XDP socket" "$(head -n 1 "$dir/refused")"
net_stop $busy
rm -f "$dir/receive.log"
"$bench" receive --quiet "$b1" >"$dir/receive.out" 2>"$dir/receive.log" &
receiver=$!
net_pids+=("$receiver")
must_come 20 "a receiver" grep -q ready "$dir/receive.log"
expect_match "a second receiver" "has an XDP program already" \
	"$("$bench" receive --seconds 1 "$b1" 2>&1 | head -n 1)"
kill $receiver
wait $receiver || fail "a receiver that is stopped: exit status $?"
expect_match "stopped, it reports" "stamped packets" "$(cat "$dir/receive.out")"
