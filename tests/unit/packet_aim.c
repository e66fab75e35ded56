// SPDX-License-Identifier: BSD-2-Clause
/*
 * Captured packets are often cut, so checksums are not added up anew: what was taken away and put
 * in its place is (RFC 1624, eqn. 3), word by word.
 */
#include "tests/unit/packet_aim.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/packet_build.h"

/* Of TCP: `web` and `web6`. UDP goes to `quiet` and `quiet6`, which take any port. */
#define VIP    "203.0.113.10"
#define VIP6   "2001:db8:1::10"
#define QUIET  "203.0.113.11"
#define QUIET6 "2001:db8:1::11"
#define PORT   80

/* Sums that have to follow each change; NULL: none. */
struct sums {
	uint8_t *header, *l4;
};

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void follow(uint8_t *sum, uint16_t from, uint16_t to)
{
	if (!sum)
		return;
	uint32_t total = (uint16_t)~get16(sum) + (uint16_t)~from + to;
	total = (total & 0xffff) + (total >> 16);
	total = (total & 0xffff) + (total >> 16);
	put16(sum, ~total);
}

static void change(uint8_t *at, const void *to, uint32_t length, const struct sums *s)
{
	for (uint32_t i = 0; i < length; i += 2) {
		uint16_t word = get16((const uint8_t *)to + i);
		follow(s->header, get16(at + i), word);
		follow(s->l4, get16(at + i), word);
		put16(at + i, word);
	}
}

/* The checksum of TCP or UDP at `l4`, if it is in the frame and is used. */
static uint8_t *l4_sum(struct frame *f, uint8_t protocol, uint32_t l4)
{
	uint32_t at = l4 + (protocol == IPPROTO_TCP ? 16 : 6);
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || at + 2 > f->length)
		return NULL;
	/* 0: UDP without one. */
	return protocol == IPPROTO_UDP && !get16(f->bytes + at) ? NULL : f->bytes + at;
}

static void aim_port(struct frame *f, uint32_t l4, uint8_t *sum)
{
	static const uint8_t port[2] = {PORT >> 8, PORT & 255};
	struct sums s = {.l4 = sum};
	if (l4 + 4 <= f->length)
		change(f->bytes + l4 + 2, port, sizeof(port), &s);
}

static bool aim_v4(struct frame *f, uint32_t l3)
{
	if (l3 + 20 > f->length)
		return false;
	uint8_t *ip = f->bytes + l3, vip[4];
	uint8_t protocol = ip[9];
	bool later = get16(ip + 6) & 0x1fff;
	uint32_t l4 = l3 + (ip[0] & 15) * 4;
	uint8_t *sum = later ? NULL : l4_sum(f, protocol, l4);
	struct sums s = {.header = ip + 10, .l4 = sum};
	inet_pton(AF_INET, protocol == IPPROTO_UDP ? QUIET : VIP, vip);
	change(ip + 16, vip, sizeof(vip), &s);
	if (protocol == IPPROTO_TCP && !later)
		aim_port(f, l4, sum);
	return true;
}

/* Of extension headers none is followed: the address alone decides then. */
static bool aim_v6(struct frame *f, uint32_t l3)
{
	if (l3 + 40 > f->length)
		return false;
	uint8_t *ip = f->bytes + l3, vip[16];
	uint8_t protocol = ip[6];
	struct sums s = {.l4 = l4_sum(f, protocol, l3 + 40)};
	inet_pton(AF_INET6, protocol == IPPROTO_UDP ? QUIET6 : VIP6, vip);
	change(ip + 24, vip, sizeof(vip), &s);
	if (protocol == IPPROTO_TCP)
		aim_port(f, l3 + 40, s.l4);
	return true;
}

bool packet_aim(struct frame *f)
{
	uint32_t l3 = ETH_HLEN;
	for (int tags = 0; tags < 2 && l3 + 4 <= f->length; tags++) {
		uint16_t type = get16(f->bytes + l3 - 2);
		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		l3 += 4;
	}
	if (l3 > f->length)
		return false;
	f->l3 = l3;
	switch (get16(f->bytes + l3 - 2)) {
	case ETH_P_IP:
		f->l4 = l3 + 20;
		return aim_v4(f, l3);
	case ETH_P_IPV6:
		f->l4 = l3 + 40;
		return aim_v6(f, l3);
	default:
		return false;
	}
}
