// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/mss.h"

#include <string.h>

#include "bpf/checksum.h"
#include "lb/process.h"

#define OPTION_END        0 /* RFC 9293, 3.2 */
#define OPTION_NOTHING    1
#define OPTION_MSS        2
#define OPTION_MSS_LENGTH 4

uint32_t mss_of(uint32_t mtu, bool v4)
{
	uint32_t headers =
		(v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + sizeof(struct tcphdr);
	return mtu > headers ? mtu - headers : 0;
}

/* Where the option's value stands; NULL: it is not there, or not as long as it says. */
static uint8_t *find_value(uint8_t *option, const uint8_t *end)
{
	while (end - option >= OPTION_MSS_LENGTH && option[0] != OPTION_END) {
		if (option[0] == OPTION_MSS)
			return option[1] == OPTION_MSS_LENGTH ? option + 2 : NULL;
		if (option[0] != OPTION_NOTHING && option[1] < 2)
			return NULL;
		option += option[0] == OPTION_NOTHING ? 1 : option[1];
	}
	return NULL;
}

/* To a sum, bytes at an odd offset are the other half of their words. */
static uint16_t as_summed(uint16_t value, bool odd)
{
	return odd ? __builtin_bswap16(value) : value;
}

bool mss_clamp(struct lb_packet *p, const struct packet *parsed, uint32_t most)
{
	struct tcphdr *tcp = (void *)(p->data + parsed->l4_offset);
	const uint8_t *frame_end = p->data + p->length;
	uint8_t *options = (uint8_t *)(tcp + 1);
	if (options > frame_end)
		return false;
	const uint8_t *end = (const uint8_t *)tcp + tcp->doff * 4u;
	uint8_t *value = find_value(options, end < frame_end ? end : frame_end);
	uint16_t said, clamped = bpf_htons(most);
	if (!value)
		return false;
	memcpy(&said, value, sizeof(said));
	if (bpf_ntohs(said) <= most)
		return false;
	bool odd = (value - (uint8_t *)tcp) & 1;
	tcp->check = checksum_adjust(tcp->check, as_summed(said, odd), as_summed(clamped, odd));
	memcpy(value, &clamped, sizeof(clamped));
	return true;
}
