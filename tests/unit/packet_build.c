// SPDX-License-Identifier: BSD-2-Clause
/* Appends byte by byte, in the order of the RFCs' drawings. */
#include "tests/unit/packet_build.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void mac_parse(const char *text, uint8_t mac[6])
{
	int n = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2],
		       &mac[3], &mac[4], &mac[5]);
	assert(n == 6);
}

static void put(struct frame *f, const void *bytes, uint32_t length)
{
	assert(f->length + length <= sizeof(f->bytes));
	memcpy(f->bytes + f->length, bytes, length);
	f->length += length;
}

static void put8(struct frame *f, uint8_t v)
{
	put(f, &v, 1);
}

static void put16(struct frame *f, uint16_t v)
{
	put8(f, v >> 8);
	put8(f, v);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v);
}

static void put_mac(struct frame *f, const char *text)
{
	uint8_t mac[6];
	mac_parse(text, mac);
	put(f, mac, sizeof(mac));
}

static bool is_v6(const char *address)
{
	return strchr(address, ':');
}

static void put_address(struct frame *f, const char *text)
{
	uint8_t bytes[16];
	int n = inet_pton(is_v6(text) ? AF_INET6 : AF_INET, text, bytes);
	assert(n == 1);
	put(f, bytes, is_v6(text) ? 16 : 4);
}

static void put_count(struct frame *f, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put8(f, i * 7 + 3);
}

static void set16(struct frame *f, uint32_t offset, uint16_t v)
{
	f->bytes[offset] = v >> 8;
	f->bytes[offset + 1] = v;
}

/* RFC 1071 by the book: 16-bit words, an odd byte at the end counts as a high one. */
static uint32_t sum16(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static uint16_t fold16(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* --- link layer ----------------------------------------------------------------------------- */

static const char *or_default(const char *text, const char *fallback)
{
	return text ? text : fallback;
}

static uint16_t ethertype_of(const struct recipe *r)
{
	if (r->ethertype)
		return r->ethertype;
	if (r->arp_op)
		return ETH_P_ARP;
	return is_v6(r->to) ? ETH_P_IPV6 : ETH_P_IP;
}

static void put_ethernet(struct frame *f, const struct recipe *r)
{
	put_mac(f, or_default(r->mac_to, PORT_MAC));
	put_mac(f, or_default(r->mac_from, CLIENT_MAC));
	for (int i = 0; i < 3 && r->tags[i].type; i++) {
		put16(f, r->tags[i].type);
		put16(f, r->tags[i].tci);
	}
	put16(f, ethertype_of(r));
	f->l3 = f->length;
}

static void put_arp(struct frame *f, const struct recipe *r)
{
	put16(f, 1);
	put16(f, ETH_P_IP);
	put8(f, 6);
	put8(f, 4);
	put16(f, r->arp_op);
	put_mac(f, or_default(r->mac_from, CLIENT_MAC));
	put_address(f, r->from);
	put_mac(f, or_default(r->arp_target_mac, "00:00:00:00:00:00"));
	put_address(f, r->to);
	f->l4 = f->length;
}

/* --- network layer --------------------------------------------------------------------------- */

static uint16_t fragment_id(const struct recipe *r)
{
	return r->fragment_id ? r->fragment_id : 0x1234;
}

static void put_ipv4(struct frame *f, const struct recipe *r)
{
	put8(f, 0x40 | (20 + r->ipv4_options) / 4);
	put8(f, r->traffic_class);
	put16(f, 0); /* total length, later */
	put16(f, r->no_id ? 0 : fragment_id(r));
	put16(f, r->ipv4_fragment);
	put8(f, r->hop_limit ? r->hop_limit : 64);
	put8(f, r->protocol);
	put16(f, 0); /* checksum, later */
	put_address(f, r->from);
	put_address(f, r->to);
	for (int i = 0; i < r->ipv4_options; i++)
		put8(f, 1); /* no operation */
}

static uint8_t extension_protocol(char letter)
{
	switch (letter) {
	case 'h':
		return 0;
	case 'r':
		return 43;
	case 'd':
	case 'D':
		return 60;
	case 'a':
		return 51;
	default:
		return 44;
	}
}

static void put_extension(struct frame *f, const struct recipe *r, char letter, uint8_t next)
{
	uint8_t bytes[24] = {next};
	uint32_t length = 8;
	if (extension_protocol(letter) == 44) {
		bytes[6] = fragment_id(r) >> 8;
		bytes[7] = fragment_id(r);
	}
	switch (letter) {
	case 'D':
		length = 24;
		bytes[1] = length / 8 - 1;
		break;
	case 'a':
		length = 24;
		bytes[1] = length / 4 - 2;
		break;
	case '1':
		bytes[3] = 1; /* more fragments */
		break;
	case '2':
		bytes[3] = 9;
		break;
	case 'x':
		bytes[2] = r->ipv6_fragment >> 8;
		bytes[3] = r->ipv6_fragment;
		break;
	}
	put(f, bytes, length);
}

static void put_ipv6(struct frame *f, const struct recipe *r)
{
	const char *extensions = or_default(r->extensions, "");
	put32(f, 6u << 28 | r->traffic_class << 20);
	put16(f, 0); /* payload length, later */
	put8(f, *extensions ? extension_protocol(*extensions) : r->protocol);
	put8(f, r->hop_limit ? r->hop_limit : r->nd_type ? 255 : 64);
	put_address(f, r->from);
	put_address(f, r->to);
	for (; *extensions; extensions++)
		put_extension(f, r, *extensions,
			      extensions[1] ? extension_protocol(extensions[1]) : r->protocol);
}

/* --- transport layer ------------------------------------------------------------------------ */

static void put_tcp(struct frame *f, const struct recipe *r)
{
	put16(f, r->from_port ? r->from_port : 40000);
	put16(f, r->to_port);
	put32(f, 1000);
	put32(f, 0);
	put8(f, 5 << 4);
	put8(f, r->tcp_flags);
	put16(f, 64240);
	put16(f, 0); /* checksum, later */
	put16(f, 0);
}

static void put_udp(struct frame *f, const struct recipe *r)
{
	put16(f, r->from_port ? r->from_port : 40000);
	put16(f, r->to_port);
	put16(f, 8 + r->payload);
	put16(f, 0); /* checksum, later */
}

static uint8_t icmp_type_of(const struct recipe *r)
{
	bool v6 = r->protocol == IPPROTO_ICMPV6;
	if (r->icmp_is_reply)
		return v6 ? 129 : 0;
	return r->icmp_type ? r->icmp_type : v6 ? 128 : 8;
}

static void put_icmp(struct frame *f, const struct recipe *r)
{
	struct frame quoted;
	put8(f, icmp_type_of(r));
	put8(f, r->icmp_code);
	put16(f, 0); /* checksum, later */
	put32(f, r->icmp_type ? r->icmp_rest : 0x00010001);
	if (!r->quote)
		return;
	packet_build(r->quote, &quoted);
	uint32_t length = quoted.length - quoted.l3;
	assert(r->quote_length <= length);
	put(f, quoted.bytes + quoted.l3, r->quote_length ? r->quote_length : length);
}

static void put_nd(struct frame *f, const struct recipe *r)
{
	put8(f, r->nd_type);
	put8(f, 0);
	put16(f, 0); /* checksum, later */
	put32(f, r->nd_flags);
	put_address(f, r->nd_target);
	if (!r->nd_option)
		return;
	put8(f, r->nd_option);
	put8(f, 1);
	put_mac(f, or_default(r->nd_mac, or_default(r->mac_from, CLIENT_MAC)));
}

static void put_l4(struct frame *f, const struct recipe *r)
{
	f->l4 = f->length;
	if (r->protocol == IPPROTO_TCP)
		put_tcp(f, r);
	else if (r->protocol == IPPROTO_UDP)
		put_udp(f, r);
	else if (r->protocol == IPPROTO_ICMPV6 && r->nd_type)
		put_nd(f, r);
	else if (r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6)
		put_icmp(f, r);
	put_count(f, r->payload);
}

/* --- lengths and checksums ------------------------------------------------------------------- */

/* Where the checksum of a transport header is, or -1. */
static int checksum_offset(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return -1;
	}
}

static void finish_l4(struct frame *f, const struct recipe *r)
{
	uint32_t length = f->length - f->l4, sum = 0;
	int offset = checksum_offset(r->protocol);
	if (offset < 0)
		return;
	if (r->protocol != IPPROTO_ICMP) {
		sum = r->protocol + length;
		if (is_v6(r->to))
			sum += sum16(f->bytes + f->l3 + 8, 32);
		else
			sum += sum16(f->bytes + f->l3 + 12, 8);
	}
	if (r->unfinished) {
		set16(f, f->l4 + offset, ~fold16(sum));
		return;
	}
	sum += sum16(f->bytes + f->l4, length);
	/* RFC 768: a sum of 0 is sent as all ones, as 0 says that there is none. */
	set16(f, f->l4 + offset, fold16(sum) || r->protocol != IPPROTO_UDP ? fold16(sum) : 0xffff);
}

static void finish_ipv4(struct frame *f, const struct recipe *r)
{
	const uint8_t *check = f->bytes + f->l4 + checksum_offset(r->protocol);
	bool fragmentable = f->length - f->l3 <= 1260;
	set16(f, f->l3 + 4, fragmentable ? check[0] << 8 | check[1] : 0);
	set16(f, f->l3 + 6, fragmentable ? 0 : 0x4000);
}

static void finish_l3(struct frame *f, const struct recipe *r)
{
	if (is_v6(r->to)) {
		set16(f, f->l3 + 4, f->length - f->l3 - 40);
		return;
	}
	if (r->ipv4_anew)
		finish_ipv4(f, r);
	set16(f, f->l3 + 2, f->length - f->l3);
	set16(f, f->l3 + 10, fold16(sum16(f->bytes + f->l3, 20 + r->ipv4_options)));
}

static void apply(struct frame *f, const struct poke *p)
{
	uint32_t base = p->layer == LAYER_4 ? f->l4 : p->layer == LAYER_3 ? f->l3 : 0;
	assert(base + p->offset < f->length);
	f->bytes[base + p->offset] = p->value;
}

void packet_build(const struct recipe *r, struct frame *out)
{
	memset(out, 0, sizeof(*out));
	put_ethernet(out, r);
	if (r->arp_op) {
		put_arp(out, r);
	} else if (r->to) {
		if (is_v6(r->to))
			put_ipv6(out, r);
		else
			put_ipv4(out, r);
		put_l4(out, r);
		finish_l4(out, r);
		finish_l3(out, r);
	} else {
		put_count(out, r->payload);
	}
	put_count(out, r->padding);
	for (int i = 0; i < 4 && r->pokes[i].set; i++)
		apply(out, &r->pokes[i]);
}
