// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/outer.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void put(struct frame *f, const void *bytes, uint32_t length)
{
	memcpy(f->bytes + f->length, bytes, length);
	f->length += length;
}

static void put16(struct frame *f, uint16_t v)
{
	put(f, (uint8_t[]){v >> 8, v}, 2);
}

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void put_address(struct frame *f, const char *text)
{
	uint8_t bytes[16];
	bool v6 = strchr(text, ':');
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes), 1);
	put(f, bytes, v6 ? 16 : 4);
}

static void put_ipv4(struct frame *f, const struct outer *o, uint8_t class, uint16_t length,
		     uint8_t protocol)
{
	uint8_t *ip = f->bytes + f->length;
	put(f, (uint8_t[]){0x45, class}, 2);
	put16(f, 20 + length);
	put(f, (uint8_t[]){0, 0, 0x40, 0, 64, protocol, 0, 0}, 8);
	put_address(f, o->from);
	put_address(f, o->to);
	uint32_t sum = 0;
	for (int i = 0; i < 20; i += 2)
		sum += get16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	memcpy(ip + 10, (uint8_t[]){sum >> 8, sum}, 2);
}

static void put_ipv6(struct frame *f, const struct outer *o, uint8_t class, uint16_t length,
		     uint8_t protocol, const struct frame *got)
{
	uint32_t label =
		(got->bytes[f->length + 1] & 15u) << 16 | get16(got->bytes + f->length + 2);
	put(f, (uint8_t[]){0x60 | class >> 4, class << 4 | label >> 16}, 2);
	put16(f, label);
	put16(f, length);
	put(f, (uint8_t[]){protocol, 64}, 2);
	put_address(f, o->from);
	put_address(f, o->to);
}

static void put_udp(struct frame *f, uint16_t length, const struct frame *got)
{
	uint16_t port = get16(got->bytes + f->length);
	assert_in_range(port, 49152, 65535);
	put16(f, port);
	put16(f, 6080);
	put16(f, 8 + length);
	put16(f, 0);
}

void outer_build(const struct outer *o, const char *mac_to, const struct frame *in,
		 const struct frame *got, struct frame *out)
{
	const uint8_t *ip = in->bytes + in->l3;
	bool v6 = ip[0] >> 4 == 6, outer_v6 = o->to ? strchr(o->to, ':') != NULL : v6;
	uint8_t class = v6 ? get16(ip) >> 4 : ip[1];
	uint16_t inner = v6 ? 40 + get16(ip + 4) : get16(ip + 2);
	uint16_t length = inner + (o->gue ? 8 : 0);
	uint8_t protocol = o->gue ? 17 : v6 ? 41 : 4;
	memset(out, 0, sizeof(*out));
	mac_parse(mac_to, out->bytes);
	mac_parse(PORT_MAC, out->bytes + 6);
	out->length = 12;
	if (o->vlan) {
		put16(out, 0x8100);
		put16(out, o->vlan);
	}
	put16(out, outer_v6 ? 0x86dd : 0x0800);
	out->l3 = out->length;
	if (o->to && outer_v6)
		put_ipv6(out, o, class, length, protocol, got);
	else if (o->to)
		put_ipv4(out, o, class, length, protocol);
	if (o->gue)
		put_udp(out, inner, got);
	put(out, ip, in->length - in->l3);
}
