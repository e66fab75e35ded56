#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `announce: neighbor`: Weir tells of its VIPs when it starts, and answers ARP and neighbour
# solicitations for them; for a VIP with `announce: none` it does not (one-arm).
. "$(dirname "$0")/../lib/net.sh"

silent4=203.0.113.30 silent6=2001:db8::30

net_one_arm
mac=$(link_address weir eth0)
{
	web_services
	for vip in $silent4 $silent6; do
		cat <<-END
			  - name: silent-${vip//[.:]/-}
			    address: "$vip"
			    protocol: tcp
			    ports: 80
			    announce: none
			    backends: [{name: b1, address: "$([[ $vip == *:* ]] && echo fd00::11 ||
				echo 10.0.0.11)"}]
		END
	done
} | weir_config eth0

start client tcpdump -Z root -n -i eth0 --immediate-mode -U -w "$dir/seen.pcap" 'arp or icmp6' \
	2>"$dir/tcpdump.log"
must_come 5 "tcpdump" grep -q 'listening on' "$dir/tcpdump.log"
tcpdump_pid=$started
weir_start

seen() { # DISPLAY-FILTER
	[ -n "$(tshark -r "$dir/seen.pcap" -Y "$1" 2>/dev/null)" ]
}
must_come 5 "a gratuitous ARP to all" seen "arp.src.proto_ipv4 == $vip4 &&
	arp.dst.proto_ipv4 == $vip4 && arp.src.hw_mac == $mac && eth.dst == ff:ff:ff:ff:ff:ff"
must_come 5 "an unsolicited neighbour advertisement to all" seen "icmpv6.type == 136 &&
	icmpv6.nd.na.target_address == $vip6 && icmpv6.opt.linkaddr == $mac &&
	ipv6.dst == ff02::1 && icmpv6.nd.na.flag.o == 1 && icmpv6.nd.na.flag.s == 0"

# link_address_of ADDRESS: as the client's kernel finds it when it asks; nothing if nobody answers.
link_address_of() {
	on client ip neighbour flush dev eth0
	on client bash -c "printf x >/dev/udp/$1/9"
	must_come 10 "an end of the search for $1" \
		eval "! on client ip neighbour show '$1' | grep INCOMPLETE"
	on client ip neighbour show "$1" | sed -n 's/.* lladdr \([^ ]*\).*/\1/p'
}
for vip in $vip4 $vip6; do
	expect_equal "the link address of $vip" "$mac" "$(link_address_of $vip)"
done
for vip in $silent4 $silent6; do
	expect_equal "the link address of $vip" "" "$(link_address_of $vip)"
done

net_stop "$tcpdump_pid"
! seen "arp.src.proto_ipv4 == $silent4 || icmpv6.nd.na.target_address == $silent6" ||
	fail "a VIP with announce: none was announced"
