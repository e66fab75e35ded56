// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flood for tests, bounded in count and time: `flood INTERFACE MAC VIP TCP-PORT UDP-PORT` sends
 * out of an interface of virtual Ethernet, as fast as the kernel makes frames (bench/generator.h),
 * by turns TCP SYNs from random addresses and UDP from one. Prints at its end how many they were.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/generator.h"
#include "lb/err.h"

#define MAX_FRAMES  400000000u
#define MAX_SECONDS 120
#define CHUNK       500000u
#define SYN_SHARE   128u /* of 256 */

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = 1;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static uint32_t add(const void *bytes, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < length; i += 2) {
		uint16_t word;
		memcpy(&word, (const char *)bytes + i, 2);
		sum += word;
	}
	return sum;
}

/* Of which the generator makes others by another source. UDP has no checksum (RFC 768). */
static void build(struct traffic_frame *frame, const uint8_t mac[6], int is_syn, uint32_t to,
		  uint16_t port)
{
	static const uint8_t from[6] = {0x02, 0, 0, 0, 0, 0x66};
	size_t l4 = is_syn ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	uint8_t *bytes = (uint8_t *)frame;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.tot_len = htons(sizeof(ip) + l4),
		.protocol = is_syn ? IPPROTO_TCP : IPPROTO_UDP,
		.saddr = htonl(TRAFFIC_CLIENTS),
		.daddr = to,
	};
	struct tcphdr tcp = {.dest = port, .seq = 1, .doff = 5, .syn = 1, .window = htons(1024)};
	struct udphdr udp = {.dest = port, .len = htons(sizeof(udp))};
	ip.check = fold(add(&ip, sizeof(ip)));
	memset(bytes, 0, TRAFFIC_FRAME);
	memcpy(bytes, mac, 6);
	memcpy(bytes + 6, from, 6);
	bytes[12] = 0x08;
	memcpy(bytes + 14, &ip, sizeof(ip));
	if (is_syn)
		memcpy(bytes + 34, &tcp, sizeof(tcp));
	else
		memcpy(bytes + 34, &udp, sizeof(udp));
}

static int parse(char **argv, uint8_t mac[6], struct in_addr *to)
{
	return sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5]) == 6 &&
	       inet_pton(AF_INET, argv[3], to) == 1 && if_nametoindex(argv[1]);
}

int main(int argc, char **argv)
{
	struct generator g;
	struct in_addr to;
	struct err err;
	uint8_t mac[6];
	if (argc != 6 || !parse(argv, mac, &to)) {
		fprintf(stderr, "usage: flood INTERFACE MAC VIP TCP-PORT UDP-PORT\n");
		return 2;
	}
	signal(SIGTERM, stop);
	int r = generator_open(&g, &err);
	struct traffic_knobs *knobs = r ? NULL : generator_knobs(&g);
	if (!r) {
		build(&knobs->frames[TRAFFIC_SYN], mac, 1, to.s_addr, htons(atoi(argv[4])));
		build(&knobs->frames[TRAFFIC_FLOW], mac, 0, to.s_addr, htons(atoi(argv[5])));
		knobs->ifindex = if_nametoindex(argv[1]);
		knobs->count = TRAFFIC_FLOWS_PER_CLIENT;
		knobs->flood = SYN_SHARE;
	}
	time_t start = time(NULL);
	for (uint32_t sent = 0; !r && !stopped && sent < MAX_FRAMES; sent += CHUNK) {
		r = time(NULL) - start > MAX_SECONDS ? 1 : generator_send(&g, CHUNK, &err);
		/* The signal that ends it may come in the middle of a call. */
		if (r == -EINTR && stopped)
			r = 1;
	}
	if (r < 0) {
		fprintf(stderr, "flood: %s\n", err.text);
		return 1;
	}
	printf("%llu SYNs and %llu UDP packets in %ld s\n",
	       (unsigned long long)generator_sent(&g, TRAFFIC_SYN),
	       (unsigned long long)generator_sent(&g, TRAFFIC_FLOW), (long)(time(NULL) - start));
	generator_close(&g);
	return 0;
}
