// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96u /* before an IPv4 address */

/* 0 to 128, without leading zeros; -1 for all else. */
static int parse_length(const char *text)
{
	int value = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > (int)PREFIX_FULL)
			return -1;
		value = 10 * value + *text - '0';
	}
	return value;
}

int prefix_parse(const char *text, struct addr *base, uint32_t *length)
{
	char address[ADDR_TEXT];
	size_t before = strcspn(text, "/");
	if (before >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, before);
	address[before] = 0;
	if (addr_parse(address, base))
		return -EINVAL;
	*length = PREFIX_FULL;
	if (!text[before])
		return 0;
	int bits = addr_is_v4(base) ? PREFIX_FULL - V4_BITS : PREFIX_FULL;
	int given = parse_length(text + before + 1);
	if (given < 0 || given > bits)
		return -EINVAL;
	*length = given + PREFIX_FULL - bits;
	return 0;
}

struct addr prefix_mask(const struct addr *a, uint32_t length)
{
	struct addr masked = {};
	for (uint32_t i = 0; i < 4 && length > 32 * i; i++) {
		uint32_t bits = length - 32 * i;
		masked.word[i] = a->word[i] & htonl(bits < 32 ? ~(UINT32_MAX >> bits) : UINT32_MAX);
	}
	return masked;
}

bool prefix_holds(const struct addr *base, uint32_t length, const struct addr *a)
{
	struct addr masked = prefix_mask(a, length ? length : PREFIX_FULL);
	return addr_equal(&masked, base);
}

uint32_t prefix_size(uint32_t length)
{
	if (!length)
		return 1;
	return PREFIX_FULL - length < 32 ? 1u << (PREFIX_FULL - length) : UINT32_MAX;
}

struct addr prefix_address(const struct addr *base, uint32_t n)
{
	struct addr a = *base;
	a.word[3] = htonl(ntohl(a.word[3]) + n);
	return a;
}

const char *prefix_format(const struct addr *base, uint32_t length, char text[PREFIX_TEXT])
{
	addr_format(base, text);
	if (length)
		snprintf(text + strlen(text), 5, "/%u",
			 addr_is_v4(base) ? length - V4_BITS : length);
	return text;
}
