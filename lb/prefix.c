// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96u /* before an IPv4 address */

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

/* No sign, no leading zero, at most three digits. */
static bool parse_bits(const char *digits, uint32_t *bits)
{
	size_t length = strspn(digits, "0123456789");
	*bits = strtoul(digits, NULL, 10);
	return length > 0 && length <= 3 && !digits[length] && (*digits != '0' || length == 1);
}

int prefix_parse(const char *text, struct addr *base, uint32_t *length)
{
	char address[ADDR_TEXT];
	size_t before = strcspn(text, "/");
	uint32_t bits;
	if (before >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, before);
	address[before] = 0;
	if (addr_parse(address, base))
		return -EINVAL;
	*length = PREFIX_FULL;
	if (!text[before])
		return 0;
	uint32_t most = addr_is_v4(base) ? PREFIX_FULL - V4_BITS : PREFIX_FULL;
	if (!parse_bits(text + before + 1, &bits) || bits > most)
		return -EINVAL;
	*length = bits + PREFIX_FULL - most;
	return 0;
}

const char *prefix_format(const struct addr *base, uint32_t length, char text[PREFIX_TEXT])
{
	addr_format(base, text);
	if (length)
		snprintf(text + strlen(text), 5, "/%u",
			 addr_is_v4(base) ? length - V4_BITS : length);
	return text;
}
