// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any frame through the parser, the matcher, a look at its checksums and, for neighbours that ask
 * and for ping, to its reply. The frame lies in memory of just its length.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "lb/checksums.h"
#include "lb/target_table.h"
#include "tests/fuzz/fuzz.h"

static const struct target *target_find(const void *table, const struct target_key *key)
{
	return target_table_find(table, key);
}

static const struct target_key *prefix_find(const void *table, const struct addr *address,
					    uint32_t longest)
{
	return target_table_find_prefix(table, address, longest);
}

#include "bpf/icmp.h"
#include "bpf/match.h"
#include "bpf/neighbor.h"

static const uint8_t port_mac[ETH_ALEN] = {0x02};

static void put(struct target_table *t, const struct addr *vip, uint8_t protocol, uint16_t port)
{
	struct target_key key = {.address = *vip, .protocol = protocol, .port = htons(port)};
	struct target target = {.service = protocol ? 1 : ABI_NO_SERVICE,
				.flags = protocol ? 0 : TARGET_ANNOUNCE | TARGET_ECHO};
	target_table_put(t, &key, &target);
}

/* 203.0.113.10 and 2001:db8:1::10: TCP port 80, UDP of any port. */
static const struct target_table *targets(void)
{
	static struct target_table *t;
	struct addr vip[2] = {{.word = {0, 0, htonl(0xffff), htonl(0xcb00710a)}},
			      {.word = {htonl(0x20010db8), htonl(0x10000), 0, htonl(0x10)}}};
	if (t)
		return t;
	t = target_table_new(6);
	for (int i = 0; t && i < 2; i++) {
		put(t, &vip[i], 0, 0);
		put(t, &vip[i], IPPROTO_TCP, 80);
		put(t, &vip[i], IPPROTO_UDP, 0);
	}
	return t;
}

static void expect_offsets(const struct packet *p, size_t length, int reason, enum match match)
{
	FUZZ_EXPECT(reason >= REASON_NONE && reason < REASON_COUNT);
	FUZZ_EXPECT(p->l3_offset <= length && p->l4_offset <= length);
	if (match == MATCH_KERNEL)
		return;
	FUZZ_EXPECT(p->has_addresses);
	FUZZ_EXPECT((match == MATCH_DROP) == (reason != REASON_NONE));
	if (match == MATCH_SERVICE)
		FUZZ_EXPECT(p->l4_offset > p->l3_offset && p->l4_offset + 8u <= length);
}

/* Whoever asked is told, and takes the answer for no question. */
static void answer(const uint8_t *bytes, size_t length, const struct packet *p)
{
	struct packet reply = {};
	uint32_t longer = neighbor_reply_length(p, length);
	uint8_t *frame = malloc(longer > length ? longer : length);
	FUZZ_EXPECT(frame);
	memcpy(frame, bytes, length);
	if (!neighbor_check(bytes, bytes + length, p)) {
		FUZZ_EXPECT(!neighbor_reply(frame, frame + longer, p, port_mac));
		FUZZ_EXPECT(!parse_packet(frame, frame + longer, &reply));
		FUZZ_EXPECT(!reply.neighbor_request && reply.ethertype == p->ethertype);
		FUZZ_EXPECT(!memcmp(frame + ETH_ALEN, port_mac, ETH_ALEN));
	}
	free(frame);
}

/* Who pinged gets a reply as long, which is right. */
static void echo(uint8_t *frame, size_t length, const struct packet *p)
{
	struct packet reply = {};
	if (icmp_check(frame, frame + length, p))
		return;
	FUZZ_EXPECT(!icmp_reply(frame, frame + length, p, port_mac));
	FUZZ_EXPECT(!parse_packet(frame, frame + length, &reply));
	FUZZ_EXPECT(reply.icmp == PACKET_ICMP_OTHER && reply.l4_offset == p->l4_offset);
	FUZZ_EXPECT(!memcmp(&reply.key.source, &p->key.destination, sizeof(struct addr)));
	FUZZ_EXPECT(!memcmp(&reply.key.destination, &p->key.source, sizeof(struct addr)));
	FUZZ_EXPECT(checksums_are_right(frame, length, &reply));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct target *service = NULL;
	struct packet p = {};
	uint8_t *frame = malloc(length);
	FUZZ_EXPECT(frame || !length);
	if (length)
		memcpy(frame, bytes, length);
	int reason = parse_packet(frame, frame + length, &p);
	enum match match = match_packet(targets(), &p, &reason, &service);
	expect_offsets(&p, length, match == MATCH_KERNEL ? REASON_NONE : reason, match);
	/* A first fragment has one, or not. */
	if (match != MATCH_FRAGMENT || p.fragment != PACKET_FIRST_FRAGMENT)
		FUZZ_EXPECT((match == MATCH_SERVICE) == (service != NULL));
	if (match == MATCH_NEIGHBOR)
		answer(frame, length, &p);
	if (match == MATCH_ECHO)
		echo(frame, length, &p);
	if (match == MATCH_SERVICE && checksums_are_right(frame, length, &p))
		FUZZ_EXPECT(!checksums_are_unfinished(frame, length, &p));
	free(frame);
	return 0;
}
