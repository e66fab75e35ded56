# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What tshark says of the checksums in a capture. Sourced after net.sh.

# expect_checksums CAPTURE [LONGEST]: of every frame of at most LONGEST bytes (as captured; longer ones were
# put together by a receiver, which leaves the first one's sum). tshark adds up everything but what an ICMP
# error quotes in part, and takes the 0xffff that Linux may write for a TCP checksum of 0 as wrong, which it
# is not (RFC 1624, 3).
expect_checksums() {
	local bad
	bad=$(tshark -n -r "$1" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-o udp.check_checksum:TRUE -o udp.ignore_ipv6_zero_checksum:TRUE \
		-Y "frame.len <= ${2:-1514} && (icmp.checksum.status == 0 || icmpv6.checksum.status == 0 ||
			!icmp && !icmpv6 && (ip.checksum.status == 0 || udp.checksum.status == 0 ||
			(tcp.checksum.status == 0 && tcp.checksum != 0xffff)))" \
		-T fields -e frame.number -e _ws.col.Info 2>/dev/null)
	[ -z "$bad" ] || fail "bad checksums in the capture: $(head -n 5 <<<"$bad")"
}
