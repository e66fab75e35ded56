// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes what fuzzing starts from: the packet table's frames for the parser, its configuration for
 * the configuration, requests for the API, a capture's stream for the splitter, lists of prefixes,
 * what nodes say to each other.
 *
 * usage: seeds FOLDER   (each target's seeds go into FOLDER/TARGET, which exist)
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/sync_message.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/pcapng.h"

static void write_seed(const char *folder, const char *target, size_t number, const void *bytes,
		       size_t length)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s/seed-%03zu", folder, target, number);
	FILE *out = fopen(path, "we");
	if (!out || fwrite(bytes, 1, length, out) != length || fclose(out)) {
		perror(path);
		exit(1);
	}
}

static void write_frames(const char *folder)
{
	for (size_t i = 0; i < packet_case_count; i++) {
		struct frame f;
		packet_build(&packet_cases[i].in, &f);
		write_seed(folder, "parser", i, f.bytes, f.length);
	}
}

/* Each packet of the table that goes into a tunnel, as it looks in there. */
static void write_tunnel_packets(const char *folder)
{
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		struct frame in, out, got;
		uint8_t bytes[1 + FRAME_ROOM] = {c->outer.gue};
		if (!c->outer.to)
			continue;
		memset(&got, 0xff, sizeof(got));
		packet_build(&c->in, &in);
		outer_build(&c->outer, c->mac_to, &in, &got, &out);
		memcpy(bytes + 1, out.bytes, out.length);
		write_seed(folder, "decap", i, bytes, 1 + out.length);
	}
}

/* Errors about such packets: fragmentation needed, packet too big. */
static void write_tunnel_errors(const char *folder)
{
	static const struct recipe gue = {.from = "10.0.2.2",
					  .to = "10.0.0.11",
					  .protocol = 17,
					  .to_port = 6080,
					  .payload = 60};
	static const struct recipe error = {.from = "10.0.2.3",
					    .to = "10.0.2.2",
					    .protocol = 1,
					    .icmp_type = 3,
					    .icmp_code = 4,
					    .icmp_rest = 1400,
					    .quote = &gue};
	static const struct recipe ipip6 = {
		.from = "fd02::2", .to = "fd00::11", .protocol = 41, .payload = 60};
	static const struct recipe error6 = {.from = "fd02::3",
					     .to = "fd02::2",
					     .protocol = 58,
					     .icmp_type = 2,
					     .icmp_rest = 1400,
					     .quote = &ipip6};
	struct frame f;
	packet_build(&error, &f);
	f.bytes[f.l3 - 1] = 3; /* which reader: the byte in front of what a raw socket gives */
	write_seed(folder, "decap", 1000, f.bytes + f.l3 - 1, f.length - f.l3 + 1);
	packet_build(&error6, &f);
	f.bytes[f.l4 - 1] = 2;
	write_seed(folder, "decap", 1001, f.bytes + f.l4 - 1, f.length - f.l4 + 1);
}

static void write_requests(const char *folder)
{
	static const char *const requests[] = {
		"creason=truncated&snaplen=96&count=10&duration=5",
		"cfilter=tcp port 443 and host 192.0.2.1",
		"cfilter=ip6 net 2001:db8::/32 or vlan 42 and udp portrange 53-80",
		"cfilter=ether host 02:00:00:00:00:01 and tcp[tcpflags] & tcp-syn != 0",
		"fservice=web&backend=b1&limit=10",
		"fbackend=web/b2",
	};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		write_seed(folder, "api", i, requests[i], strlen(requests[i]));
}

/* Lists of prefixes, behind the byte that says where the second group begins. */
static void write_lists(const char *folder)
{
	static const char *const lists[] = {
		"\x80# IPv4\n192.0.2.0/24\n192.0.2.1\n198.51.100.0/25 ; a "
		"comment\n0.0.0.0/0\n10.0.0.0/8\n",
		"\x40"
		"2001:db8::/32\n2001:db8::1\n::/0\n2001:db8:0:1:8000::/65\nfe80::/10\n",
		"\xff"
		"192.0.2.0/24\r\n\t203.0.113.7 # and\n\n2001:db8::/48\n::ffff:192.0.2.9\n",
		"\x10"
		"10.0.0.300\n10.0.0.0/33\n2001:db8::/129\nx\n1.2.3.4/8\n",
		"\x80"
		"192.0.2.0/24\n192.0.2.0/24\n",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		write_seed(folder, "sources", i, lists[i], strlen(lists[i]));
}

/* A whole capture, as the daemon writes it. */
static void write_stream(const char *folder)
{
	static const struct pcapng_interface interface = {.name = "eth0", .snaplen = 96};
	static const struct pcapng_packet packet = {
		.time_ns = 1600000000000000000,
		.captured = 5,
		.length = 60,
		.bytes = "weir",
		.dropped = 7,
		.comment = "truncated",
		.comment_length = 9,
	};
	static const struct pcapng_statistics statistics = {.received = 10, .delivered = 1};
	struct pcapng_queue q;
	uint8_t bytes[4096] = {16}; /* the size of the pieces */
	pcapng_queue_init(&q, sizeof(bytes) - 1);
	if (pcapng_write_section(&q, "weir", NULL) || pcapng_write_interface(&q, &interface) ||
	    pcapng_write_packet(&q, &packet) || pcapng_write_statistics(&q, &statistics))
		exit(1);
	size_t length = 1 + pcapng_queue_take(&q, bytes + 1, sizeof(bytes) - 1);
	pcapng_queue_fini(&q);
	write_seed(folder, "pcapng", 0, bytes, length);
}

static struct sync_flow sync_flow_of(uint8_t protocol, uint8_t state, uint8_t last)
{
	struct sync_flow f = {.key.protocol = protocol, .state = state, .idle_ms = last};
	f.key.source.word[2] = f.key.destination.word[2] = htonl(0xffff);
	f.key.source.word[3] = htonl(0xc0000200 | last);
	f.key.destination.word[3] = htonl(0xcb00710a);
	f.key.source_port = htons(1000 + last);
	f.key.destination_port = htons(80);
	return f;
}

/* Flows by nat: of a backend that is known, from addresses that are and that are not. */
static void write_translated(const char *folder, size_t number)
{
	static struct sync_batch batch = {.translated = true};
	static uint8_t bytes[1 + SYNC_MESSAGE_MAX] = {1};
	const struct sync_backend backends[] = {
		{"app", {{0, 0, htonl(0xffff), htonl(0x0a000015)}}, 8080, true},
		{"app", {{0, 0, htonl(0xffff), htonl(0x0a000016)}}, 0, true}};
	for (uint8_t i = 0; i < 6; i++) {
		struct sync_flow f =
			sync_flow_of(6, i == 4 ? FLOW_CLOSING : FLOW_ESTABLISHED, i % 3);
		f.key.destination.word[3] = htonl(0xcb00710b);
		f.snat = f.key.source;
		f.snat.word[3] = htonl(0xc00002c8 + i % 3);
		f.snat_port = htons(5000 + i / 2);
		if (sync_batch_add(&batch, &f, i % 2, &backends[i % 2]))
			exit(1);
	}
	write_seed(folder, "sync", number, bytes, 1 + sync_batch_write(&batch, bytes + 1));
}

/* Each kind, and flows of a backend that is known and of one that is not (fuzz_sync.c). */
static void write_messages(const char *folder)
{
	static struct sync_batch batch;
	static uint8_t bytes[1 + SYNC_MESSAGE_MAX] = {1};
	static const uint64_t digests[SYNC_SLICES] = {7};
	const struct sync_backend backends[] = {
		{"web", {{0, 0, htonl(0xffff), htonl(0x0a00000b)}}, 0, false},
		{"web", {{0, 0, htonl(0xffff), htonl(0x0a000063)}}, 0, false}};
	const struct sync_flow flows[] = {
		sync_flow_of(6, FLOW_ESTABLISHED, 1), sync_flow_of(6, FLOW_CLOSING, 1),
		sync_flow_of(6, FLOW_ESTABLISHED, 2), sync_flow_of(17, FLOW_UDP, 3)};
	size_t number = 0;
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		if (sync_batch_add(&batch, &flows[i], i % 2, &backends[i % 2]))
			exit(1);
	write_seed(folder, "sync", number++, bytes, 1 + sync_batch_write(&batch, bytes + 1));
	write_seed(folder, "sync", number++, bytes, 1 + sync_write_hello(bytes + 1, "n1", 1, 64));
	write_seed(folder, "sync", number++, bytes, 1 + sync_write_mark(bytes + 1, 1));
	write_seed(folder, "sync", number++, bytes, 1 + sync_write_digest(bytes + 1, 1, digests));
	write_seed(folder, "sync", number++, bytes, 1 + sync_write_ask(bytes + 1, 1, 100, digests));
	write_translated(folder, number);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	write_frames(argv[1]);
	write_seed(argv[1], "config", 0, packet_table_yaml, strlen(packet_table_yaml));
	write_tunnel_packets(argv[1]);
	write_tunnel_errors(argv[1]);
	write_requests(argv[1]);
	write_stream(argv[1]);
	write_messages(argv[1]);
	write_lists(argv[1]);
	return 0;
}
