// SPDX-License-Identifier: BSD-2-Clause
/*
 * Headers are right, the IPv4 checksum included; those of TCP and UDP are 0, as nothing that is
 * measured here looks at them.
 */
#include "bench/frames.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/packet.h"
#include "lb/err.h"

#define SHORTEST       60 /* Ethernet's 64 without the frame check sequence */
#define FLOWS_PER_HOST 16u
#define FIRST_PORT     32768u
#define CLIENTS_IPV4   0x0a000000u /* 10.0.0.0 and up */
#define CLIENTS_IPV6   "2001:db8:1::"
#define WINDOW         65535
#define IPV4_DF        0x4000

static const uint8_t link_header[ETH_HLEN] = {
	0x02, 0, 0, 0, 0, 0x01, /* to */
	0x02, 0, 0, 0, 0, 0x02, /* from */
};

/* Fisher and Yates' shuffle, by the generator of POSIX's rand(): the same order in each run. */
static void shuffle(uint32_t *values, uint32_t count)
{
	uint32_t state = 1;
	for (uint32_t i = count - 1; i > 0; i--) {
		state = state * 1103515245 + 12345;
		uint32_t j = (uint64_t)state * (i + 1) >> 32, value = values[i];
		values[i] = values[j];
		values[j] = value;
	}
}

int frames_open(struct frames *f, struct err *err)
{
	*f = (struct frames){.offsets = calloc(FRAMES_COUNT, sizeof(*f->offsets))};
	if (!f->offsets)
		return err_set(err, ENOMEM, "no memory for the order of %u frames", FRAMES_COUNT);
	for (uint32_t i = 0; i < FRAMES_COUNT; i++)
		f->offsets[i] = i * FRAME_SIZE + FRAMES_HEADROOM;
	shuffle(f->offsets, FRAMES_COUNT);
	int r = memory_open(&f->memory, (size_t)FRAMES_COUNT * FRAME_SIZE, -1, HUGEPAGES_AUTO, err);
	if (r)
		frames_close(f);
	return r;
}

void frames_close(struct frames *f)
{
	memory_close(&f->memory);
	free(f->offsets);
}

static uint16_t l4_length(const struct frames *f)
{
	uint16_t l3 = f->family == FRAMES_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	uint16_t l4 = f->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	/* TCP's padding is Ethernet's, UDP's is its own payload. */
	if (f->protocol == IPPROTO_UDP && ETH_HLEN + l3 + l4 < SHORTEST)
		l4 = SHORTEST - ETH_HLEN - l3;
	return l4;
}

static void *put_ipv4(struct frames *f, void *at)
{
	struct iphdr *ip = at;
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = htons(sizeof(*ip) + l4_length(f));
	ip->frag_off = htons(IPV4_DF);
	ip->ttl = 64;
	ip->protocol = f->protocol;
	inet_pton(AF_INET, FRAMES_VIP_IPV4, &ip->daddr);
	return ip + 1;
}

static void *put_ipv6(struct frames *f, void *at)
{
	struct ipv6hdr *ip = at;
	ip->version = 6;
	ip->payload_len = htons(l4_length(f));
	ip->nexthdr = f->protocol;
	ip->hop_limit = 64;
	inet_pton(AF_INET6, CLIENTS_IPV6, &ip->saddr);
	inet_pton(AF_INET6, FRAMES_VIP_IPV6, &ip->daddr);
	return ip + 1;
}

static void put_tcp(void *at, uint8_t flags)
{
	struct tcphdr *tcp = at;
	tcp->dest = htons(FRAMES_VIP_PORT);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->window = htons(WINDOW);
	((uint8_t *)tcp)[13] = flags;
}

static void put_udp(const struct frames *f, void *at)
{
	struct udphdr *udp = at;
	udp->dest = htons(FRAMES_VIP_PORT);
	udp->len = htons(l4_length(f));
}

void frames_shape(struct frames *f, enum frames_family family, uint8_t protocol, uint8_t tcp_flags)
{
	struct ethhdr *eth = (void *)f->packet;
	void *l4;
	f->family = family;
	f->protocol = protocol;
	memset(f->packet, 0, sizeof(f->packet));
	memcpy(eth, link_header, sizeof(link_header));
	eth->h_proto = htons(family == FRAMES_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	l4 = family == FRAMES_IPV4 ? put_ipv4(f, eth + 1) : put_ipv6(f, eth + 1);
	if (protocol == IPPROTO_TCP)
		put_tcp(l4, tcp_flags);
	else
		put_udp(f, l4);
	f->length = (uint8_t *)l4 - f->packet + l4_length(f);
	if (f->length < SHORTEST)
		f->length = SHORTEST;
}

/* RFC 791, 3.1, over a header without options. */
static uint16_t header_checksum(const struct iphdr *ip)
{
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;
	memcpy(words, ip, sizeof(words));
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

void frames_write(struct frames *f, uint32_t index, uint32_t flow)
{
	uint8_t *l3 = f->packet + ETH_HLEN, *l4;
	uint32_t host = flow / FLOWS_PER_HOST;
	uint16_t port = htons(FIRST_PORT + flow % FLOWS_PER_HOST);
	assert(index < FRAMES_COUNT && flow < FRAMES_FLOWS);
	if (f->family == FRAMES_IPV4) {
		struct iphdr *ip = (void *)l3;
		ip->saddr = htonl(CLIENTS_IPV4 + host);
		ip->check = 0;
		ip->check = header_checksum(ip);
		l4 = l3 + sizeof(*ip);
	} else {
		struct ipv6hdr *ip = (void *)l3;
		ip->saddr.s6_addr32[3] = htonl(host);
		l4 = l3 + sizeof(*ip);
	}
	memcpy(l4, &port, sizeof(port)); /* the source port comes first in TCP and in UDP */
	memcpy(frames_packet(f, index), f->packet, f->length);
}
