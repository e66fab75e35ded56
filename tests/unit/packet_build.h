/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames from recipes, written independently of the code under test. What a recipe leaves out has
 * a sensible value; lengths and checksums are right, unless a poke says otherwise.
 */
#ifndef WEIR_TESTS_PACKET_BUILD_H
#define WEIR_TESTS_PACKET_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_ROOM 4096u

#define CLIENT_MAC "06:00:00:00:00:01"
#define PORT_MAC   "02:00:00:00:00:00" /* of the first interface, see tools/weir/offline.h */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

#define FRAME_HEADROOM 64u /* LB_HEADROOM */

struct frame {
	uint8_t headroom[FRAME_HEADROOM]; /* where outer headers are written */
	uint8_t bytes[FRAME_ROOM];
	uint32_t length;
	uint32_t l3, l4; /* offsets */
};

enum layer { LAYER_2, LAYER_3, LAYER_4 };

/* One byte changed once all else is written. */
struct poke {
	bool set;
	enum layer layer;
	uint16_t offset;
	uint8_t value;
};
#define POKE(l, o, v)                                                        \
	{                                                                    \
		.set = true, .layer = LAYER_##l, .offset = (o), .value = (v) \
	}

struct recipe {
	const char *mac_from, *mac_to; /* CLIENT_MAC, PORT_MAC */
	struct {
		uint16_t type, tci; /* type 0: no more */
	} tags[3];
	uint16_t ethertype;    /* 0: what the rest says */
	const char *from, *to; /* addresses of one family */
	uint8_t protocol;
	uint8_t ipv4_options;   /* bytes, a multiple of 4 */
	uint16_t ipv4_fragment; /* flags and offset */
	uint16_t fragment_id;   /* 0x1234; of IPv6 fragments too */
	bool no_id;             /* of IPv4: 0 */
	/*
	 * An IPv4 header that nat has made of IPv6, or for an error (RFC 7915, 5.1): up to 1260
	 * bytes the id is the transport checksum, beyond that don't fragment is set, and the id is
	 * 0.
	 */
	bool ipv4_anew;
	uint8_t traffic_class; /* DS field and ECN */
	/*
	 * IPv6 extension headers, a letter each: h hop-by-hop, r routing, d destination options
	 * (8 bytes), D the same with 24 bytes, a authentication, f an atomic fragment,
	 * 1 a first fragment, 2 one of 8 bytes from the start, with more to follow, x one whose
	 * offset and flags are ipv6_fragment.
	 */
	const char *extensions;
	uint16_t ipv6_fragment;
	uint8_t hop_limit; /* 64; of neighbour discovery 255 */
	uint16_t from_port, to_port;
	uint8_t tcp_flags;
	uint16_t payload; /* bytes of it */
	uint16_t padding; /* bytes behind the IP packet */
	/* ICMP and ICMPv6, without nd_type. */
	uint8_t icmp_type; /* 0: echo request, unless icmp_is_reply */
	uint8_t icmp_code;
	bool icmp_is_reply; /* to an echo request */
	uint32_t icmp_rest; /* bytes 4 to 7; of an echo 0x00010001 */
	const struct recipe *quote;
	uint16_t quote_length; /* bytes of it; 0: all */
	/* Neighbour discovery, with protocol ICMPv6. */
	uint8_t nd_type;
	uint8_t nd_option; /* type of a link-layer address option, with nd_mac in it */
	uint32_t nd_flags;
	const char *nd_target, *nd_mac; /* nd_mac: mac_from */
	/* ARP, with from and to as protocol addresses. */
	uint8_t arp_op;
	const char *arp_target_mac; /* zeroes */
	/* The TCP or UDP checksum is the pseudo-header's sum alone, as for a device to finish. */
	bool unfinished;
	struct poke pokes[4];
};

void packet_build(const struct recipe *r, struct frame *out);

/* Six bytes of "02:00:00:00:00:01". */
void mac_parse(const char *text, uint8_t mac[6]);

#endif
