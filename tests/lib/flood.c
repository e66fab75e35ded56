// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flood for tests, bounded in count and time: `flood INTERFACE VIP TCP-PORT UDP-PORT` sends, by
 * turns and as fast as one thread can, TCP SYNs from random addresses and UDP from one.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_PACKETS 100000000u
#define MAX_SECONDS 120
#define BURST       64

static uint64_t random_state = 88172645463325252ull;

static uint32_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 32;
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

static size_t build(uint8_t *packet, int is_syn, uint32_t to, uint16_t port)
{
	size_t l4 = is_syn ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.tot_len = htons(sizeof(ip) + l4),
		.protocol = is_syn ? IPPROTO_TCP : IPPROTO_UDP,
		.saddr = is_syn ? htonl(0x0a400000 | (draw() & 0x3fffff)) : htonl(0x0a000042),
		.daddr = to,
	};
	ip.check = fold(add(&ip, sizeof(ip)));
	memcpy(packet, &ip, sizeof(ip));
	uint32_t pseudo = add(&ip.saddr, 8) + htons(ip.protocol) + htons(l4);
	if (is_syn) {
		struct tcphdr tcp = {.source = htons(1024 + draw() % 60000),
				     .dest = port,
				     .seq = draw(),
				     .doff = 5,
				     .syn = 1,
				     .window = htons(1024)};
		tcp.check = fold(pseudo + add(&tcp, sizeof(tcp)));
		memcpy(packet + sizeof(ip), &tcp, sizeof(tcp));
	} else {
		struct udphdr udp = {.source = htons(1024 + draw() % 60000),
				     .dest = port,
				     .len = htons(sizeof(udp))};
		memcpy(packet + sizeof(ip), &udp, sizeof(udp)); /* no checksum: RFC 768 */
	}
	return sizeof(ip) + l4;
}

/* The link address of whoever has the VIP, by the kernel's own question. */
static int resolve(const char *interface, struct in_addr to, uint8_t mac[6])
{
	struct arpreq request = {};
	struct sockaddr_in *at = (struct sockaddr_in *)&request.arp_pa;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = to, .sin_port = htons(9)};
	snprintf(request.arp_dev, sizeof(request.arp_dev), "%s", interface);
	for (int i = 0; i < 100; i++) {
		sendto(fd, "", 0, 0, (struct sockaddr *)at, sizeof(*at));
		usleep(50000);
		if (!ioctl(fd, SIOCGARP, &request) && request.arp_flags & ATF_COM) {
			memcpy(mac, request.arp_ha.sa_data, 6);
			close(fd);
			return 0;
		}
	}
	close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	struct in_addr to;
	if (argc != 5 || inet_pton(AF_INET, argv[2], &to) != 1) {
		fprintf(stderr, "usage: flood INTERFACE VIP TCP-PORT UDP-PORT\n");
		return 2;
	}
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(0x0800),
		.sll_ifindex = if_nametoindex(argv[1]),
		.sll_halen = 6,
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0 || resolve(argv[1], to, link.sll_addr)) {
		fprintf(stderr, "flood: nobody answers for %s\n", argv[2]);
		return 1;
	}
	uint8_t packets[BURST][64];
	struct iovec parts[BURST];
	struct mmsghdr burst[BURST];
	time_t end = time(NULL) + MAX_SECONDS;
	for (uint64_t sent = 0; sent < MAX_PACKETS && time(NULL) < end; sent += BURST) {
		for (int i = 0; i < BURST; i++) {
			int is_syn = i % 2;
			parts[i].iov_base = packets[i];
			parts[i].iov_len = build(packets[i], is_syn, to.s_addr,
						 htons(atoi(argv[is_syn ? 3 : 4])));
			burst[i].msg_hdr = (struct msghdr){.msg_name = &link,
							   .msg_namelen = sizeof(link),
							   .msg_iov = &parts[i],
							   .msg_iovlen = 1};
		}
		sendmmsg(fd, burst, BURST, 0);
	}
	return 0;
}
