// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Pure; any thread. */
#include "lb/checksums.h"

#include <linux/udp.h>
#include <stddef.h>
#include <string.h>

#include "bpf/checksum.h"

/* A TCP or UDP message in its frame. */
struct message {
	const uint8_t *l3, *l4, *end;
	uint32_t length; /* that the checksum covers */
	uint16_t field;  /* the checksum as it stands there */
};

static struct message message_of(const uint8_t *frame, uint32_t length, const struct packet *p)
{
	struct message m = {
		.l3 = frame + p->l3_offset, .l4 = frame + p->l4_offset, .end = frame + length};
	const struct udphdr *udp = (const void *)m.l4;
	const struct tcphdr *tcp = (const void *)m.l4;
	bool is_udp = p->key.protocol == IPPROTO_UDP;
	m.length = is_udp ? bpf_ntohs(udp->len) : checksum_payload(m.l3, p);
	m.field = is_udp ? udp->check : tcp->check;
	return m;
}

static bool message_is_right(const struct message *m, const struct packet *p)
{
	if (p->key.protocol == IPPROTO_UDP && !m->field)
		return p->ethertype == bpf_htons(ETH_P_IP);
	return checksum_fold(checksum_sum(m->l4, m->end, m->length) +
			     checksum_pseudo(m->l3, m->end, p, p->key.protocol, m->length)) ==
	       0xffff;
}

bool checksums_are_right(const uint8_t *frame, uint32_t length, const struct packet *p)
{
	const uint8_t *end = frame + length;
	if (!checksum_of_header_is_right(frame + p->l3_offset, end, p))
		return false;
	if (p->fragment)
		return true;
	if (p->icmp)
		return checksum_of_icmp_is_right(frame + p->l3_offset, frame + p->l4_offset, end,
						 p);
	struct message m = message_of(frame, length, p);
	return message_is_right(&m, p);
}

bool checksums_are_unfinished(const uint8_t *frame, uint32_t length, const struct packet *p)
{
	if (p->fragment || p->icmp)
		return false;
	struct message m = message_of(frame, length, p);
	uint64_t pseudo = checksum_pseudo(m.l3, m.end, p, p->key.protocol, m.length);
	return m.field == checksum_fold(pseudo) && !message_is_right(&m, p);
}
