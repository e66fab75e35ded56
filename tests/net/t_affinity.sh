#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One-arm: all connections of a client address meet one backend with `affinity: source`, over all
# addresses of a prefix; datagrams with a QUIC connection id stay on the backend that it names when the
# client's address changes.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
for n in 1 2 3; do
	on b$n ip route add local 203.0.113.64/29 dev lo
	nginx_start b$n
done
clients=$(seq -f '203.0.113.%.0f' 100 119)
for client in $clients; do
	net_address client eth0 "$client/24"
done
for n in 1 2 3; do
	on b$n ip route add 203.0.113.96/27 dev eth0 src 10.0.0.1$n
done

weir_fast_path=on
weir_config eth0 <<-END
	services:
	  - name: shop
	    address: 203.0.113.64/29
	    protocol: tcp
	    ports: 80
	    affinity: source
	    announce: neighbor
	    backends:
	      - {name: b1, address: 10.0.0.11}
	      - {name: b2, address: 10.0.0.12}
	      - {name: b3, address: 10.0.0.13}
	  - name: h3
	    address: $vip4
	    protocol: udp
	    ports: 443
	    affinity: quic
	    quic: {config_id: 1, server_id_length: 2}
	    announce: neighbor
	    backends:
	      - {name: b1, address: 10.0.0.11, server_id: 0x0a01}
	      - {name: b2, address: 10.0.0.12, server_id: 0x0a02}
	      - {name: b3, address: 10.0.0.13, server_id: 0x0a03}
END
weir_start
weir_wait_reachable

# --- affinity: source, over a prefix ------------------------------------------------------------

: >"$dir/firsts"
for client in $clients; do
	on client curl -sf -m 10 --interface "$client" -H 'Connection: close' \
		"http://203.0.113.[64-71]/?[1-3]" >"$dir/answers" || fail "no answer to $client"
	expect_equal "answers to $client" 24 "$(wc -l <"$dir/answers")"
	expect_equal "backends of $client" 1 "$(sort -u "$dir/answers" | wc -l)"
	head -n 1 "$dir/answers" >>"$dir/firsts"
done
say "20 clients, 24 connections each: $(count_answers "$dir/firsts")"
expect "more than one backend in use" [ "$(sort -u "$dir/firsts" | wc -l)" -gt 1 ]

# --- affinity: quic -----------------------------------------------------------------------------

# listen BACKEND: each datagram's text is a line of $dir/quic.BACKEND.
listen() {
	# shellcheck disable=SC2016 # for perl
	start "$1" perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Proto => "udp", LocalPort => 443) or die;
		$| = 1;
		print substr($_, 8), "\n" while $s->recv($_, 2000);' >"$dir/quic.$1"
	must_come 5 "the listener of $1" eval "on $1 ss -Hlun | grep -q ':443 '"
}

# send ADDRESS SERVER TEXT: a short header with that server's id, from that client address.
send() {
	# shellcheck disable=SC2016
	on client perl -MIO::Socket::INET -e '
		my ($from, $to, $server, $text) = @ARGV;
		my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => $from, PeerAddr => $to,
			PeerPort => 443) or die;
		$s->send(pack("CCnN", 0x40, 0x3f, $server, 0x01020304) . $text);' \
		"$1" "$vip4" "$2" "$3"
}

for n in 1 2 3; do
	listen b$n
done
for client in $clients; do
	for n in 1 2 3; do
		send "$client" $((0x0a00 + n)) "for-b$n"
	done
done
for n in 1 2 3; do
	must_come 5 "20 datagrams at b$n" eval "[ \$(wc -l <$dir/quic.b$n) = 20 ]"
	expect_equal "datagrams at b$n" "for-b$n" "$(sort -u "$dir/quic.b$n")"
done

# Without the id of a server it is the flow that decides: nothing is lost.
for client in $clients; do
	send "$client" $((0x0b00)) flow
done
must_come 5 "20 more datagrams" eval "[ \$(cat $dir/quic.b? | grep -c flow) = 20 ]"
say "by flow: $(grep -c flow "$dir"/quic.b? | sed 's/.*quic.//' | tr '\n' ' ')"
