// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends UDP datagrams in fragments, in orders in which a kernel would not, over raw sockets.
 *
 *   udp_fragments ADDRESS PORT SIZE COUNT forward|reverse|interleaved|headless [split]
 *
 * Each of COUNT datagrams has SIZE bytes of payload, a source port and an id of its own, and a
 * right checksum: what arrives is whole. `interleaved` sends two at a time, a fragment of the one
 * and a fragment of the other, the second from its end; `headless` leaves the first fragments out.
 * With `split` the first fragments are sent from CPU 0, the others from CPU 1, so that they can be
 * given different queues (XPS).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MTU       1500u
#define FIRST     20000u  /* source port of the first datagram */
#define PACE_NS   5000000 /* between datagrams */
#define MAX_BYTES 65535u

struct sender {
	int fd;
	bool v6, split;
	uint16_t port;
	struct sockaddr_storage to, from;
	socklen_t length;
};

/* A datagram: the UDP header and what is behind it. */
struct datagram {
	uint16_t id;
	uint32_t length;
	uint8_t bytes[MAX_BYTES];
};

static int fail(const char *what)
{
	fprintf(stderr, "udp_fragments: %s: %s\n", what, strerror(errno));
	return 1;
}

static const void *address_of(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return &((const struct sockaddr_in6 *)a)->sin6_addr;
	return &((const struct sockaddr_in *)a)->sin_addr;
}

/* --- datagrams ------------------------------------------------------------------------------ */

static uint32_t sum16(const void *bytes, uint32_t length, uint32_t sum)
{
	const uint8_t *b = bytes;

	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? b[i] : b[i] << 8;
	return sum;
}

static void fill(const struct sender *s, struct datagram *d, uint16_t id, uint32_t size)
{
	struct udphdr udp = {
		.source = htons(FIRST + id),
		.dest = htons(s->port),
		.len = htons(sizeof(udp) + size),
	};
	uint32_t address = s->v6 ? 16 : 4;

	d->id = id;
	d->length = sizeof(udp) + size;
	for (uint32_t i = 0; i < size; i++)
		d->bytes[sizeof(udp) + i] = i * 31 + id;
	memcpy(d->bytes, &udp, sizeof(udp));
	uint32_t sum = IPPROTO_UDP + d->length;
	sum = sum16(address_of(&s->from), address, sum);
	sum = sum16(address_of(&s->to), address, sum);
	sum = sum16(d->bytes, d->length, sum);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	udp.check = sum == 0xffff ? 0xffff : htons(~sum);
	memcpy(d->bytes, &udp, sizeof(udp));
}

/* --- fragments ------------------------------------------------------------------------------- */

static uint32_t room(const struct sender *s)
{
	uint32_t headers =
		s->v6 ? sizeof(struct ip6_hdr) + sizeof(struct ip6_frag) : sizeof(struct iphdr);
	return (MTU - headers) & ~7u;
}

static uint32_t pieces(const struct sender *s, const struct datagram *d)
{
	return (d->length + room(s) - 1) / room(s);
}

static uint32_t put_ipv4(const struct sender *s, const struct datagram *d, uint32_t offset,
			 uint32_t length, uint8_t *out)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + length),
		.id = htons(d->id + 1),
		.frag_off = htons(offset / 8 | (offset + length < d->length ? IP_MF : 0)),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
	};

	memcpy(&ip.saddr, address_of(&s->from), 4);
	memcpy(&ip.daddr, address_of(&s->to), 4);
	memcpy(out, &ip, sizeof(ip)); /* the kernel fills in its checksum */
	return sizeof(ip);
}

static uint32_t put_ipv6(const struct sender *s, const struct datagram *d, uint32_t offset,
			 uint32_t length, uint8_t *out)
{
	struct ip6_frag fragment = {
		.ip6f_nxt = IPPROTO_UDP,
		.ip6f_offlg = htons(offset | (offset + length < d->length)),
		.ip6f_ident = htonl(d->id + 1),
	};
	struct ip6_hdr ip = {.ip6_src = {{{0}}}};

	ip.ip6_flow = htonl(6u << 28);
	ip.ip6_plen = htons(sizeof(fragment) + length);
	ip.ip6_nxt = IPPROTO_FRAGMENT;
	ip.ip6_hlim = 64;
	memcpy(&ip.ip6_src, address_of(&s->from), 16);
	memcpy(&ip.ip6_dst, address_of(&s->to), 16);
	memcpy(out, &ip, sizeof(ip));
	memcpy(out + sizeof(ip), &fragment, sizeof(fragment));
	return sizeof(ip) + sizeof(fragment);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int send_piece(const struct sender *s, const struct datagram *d, uint32_t n)
{
	uint8_t packet[MTU];
	uint32_t offset = n * room(s);
	uint32_t length = d->length - offset < room(s) ? d->length - offset : room(s);
	uint32_t head = s->v6 ? put_ipv6(s, d, offset, length, packet)
			      : put_ipv4(s, d, offset, length, packet);

	memcpy(packet + head, d->bytes + offset, length);
	if (s->split)
		run_on(n > 0);
	ssize_t sent = sendto(s->fd, packet, head + length, 0, (const void *)&s->to, s->length);
	return sent == (ssize_t)(head + length) ? 0 : fail("sendto");
}

/* --- orders ---------------------------------------------------------------------------------- */

static int send_one(const struct sender *s, const struct datagram *d, const char *order)
{
	uint32_t count = pieces(s, d), first = !strcmp(order, "headless");
	bool reverse = !strcmp(order, "reverse");

	for (uint32_t n = first; n < count; n++)
		if (send_piece(s, d, reverse ? count - 1 - n : n))
			return 1;
	return 0;
}

static int send_two(const struct sender *s, const struct datagram *a, const struct datagram *b)
{
	uint32_t count = pieces(s, a);

	for (uint32_t n = 0; n < count; n++)
		if (send_piece(s, a, n) || send_piece(s, b, count - 1 - n))
			return 1;
	return 0;
}

static int send_all(const struct sender *s, uint32_t size, uint16_t count, const char *order)
{
	static struct datagram a, b;
	bool two = !strcmp(order, "interleaved");

	for (uint16_t id = 0; id < count; id++) {
		fill(s, &a, id, size);
		if (two)
			fill(s, &b, ++id, size);
		if (two ? send_two(s, &a, &b) : send_one(s, &a, order))
			return 1;
		nanosleep(&(struct timespec){.tv_nsec = PACE_NS}, NULL);
	}
	return 0;
}

/* --- start ----------------------------------------------------------------------------------- */

/* The address that a packet to there has as its source. */
static int find_source(struct sender *s)
{
	socklen_t length = sizeof(s->from);
	int fd = socket(s->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&s->to, s->length) ||
	    getsockname(fd, (struct sockaddr *)&s->from, &length))
		return fail("connect");
	close(fd);
	return 0;
}

static int open_sender(struct sender *s, const struct addrinfo *to)
{
	s->v6 = to->ai_family == AF_INET6;
	s->length = to->ai_addrlen;
	memcpy(&s->to, to->ai_addr, to->ai_addrlen);
	if (find_source(s))
		return 1;
	/* A raw socket wants no port in the address. */
	if (s->v6)
		((struct sockaddr_in6 *)&s->to)->sin6_port = 0;
	s->fd = socket(to->ai_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	return s->fd < 0 ? fail("socket") : 0;
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *to;
	struct sender s = {0};

	if (argc < 6 || argc > 7 || getaddrinfo(argv[1], argv[2], &hints, &to)) {
		fprintf(stderr, "usage: udp_fragments ADDRESS PORT SIZE COUNT "
				"forward|reverse|interleaved|headless [split]\n");
		return 2;
	}
	s.split = argc == 7 && !strcmp(argv[6], "split");
	s.port = (uint16_t)strtoul(argv[2], NULL, 10);
	int status = open_sender(&s, to);
	if (!status)
		status = send_all(&s, (uint32_t)strtoul(argv[3], NULL, 10),
				  (uint16_t)strtoul(argv[4], NULL, 10), argv[5]);
	freeaddrinfo(to);
	return status;
}
