// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
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

const char *prefix_format(const struct addr *base, uint32_t length, char text[PREFIX_TEXT])
{
	addr_format(base, text);
	if (length)
		snprintf(text + strlen(text), 5, "/%u",
			 addr_is_v4(base) ? length - V4_BITS : length);
	return text;
}
