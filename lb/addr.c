// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "bpf/packet.h"

int addr_parse(const char *text, struct addr *out)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		addr_set_v4(out, v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
		return -EINVAL;
	memcpy(out, &v6, sizeof(*out));
	return 0;
}

const char *addr_format(const struct addr *a, char text[ADDR_TEXT])
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, &a->word[3], text, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a, text, ADDR_TEXT);
	return text;
}

bool addr_is_v4(const struct addr *a)
{
	return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == htonl(0xffff);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
