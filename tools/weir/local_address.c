// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/local_address.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bpf/packet.h"
#include "lb/addr.h"

static bool is_address(const struct ifaddrs *i, const struct addr *a)
{
	struct addr has;
	if (!i->ifa_addr)
		return false;
	if (i->ifa_addr->sa_family == AF_INET)
		addr_set_v4(&has, ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr);
	else if (i->ifa_addr->sa_family == AF_INET6)
		memcpy(&has, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, sizeof(has));
	else
		return false;
	return addr_equal(&has, a);
}

bool local_address_find(const struct addr *a, char interface[IF_NAMESIZE])
{
	struct ifaddrs *all = NULL, *i;
	if (getifaddrs(&all))
		return false;
	for (i = all; i && !is_address(i, a); i = i->ifa_next)
		;
	if (i)
		snprintf(interface, IF_NAMESIZE, "%s", i->ifa_name);
	freeifaddrs(all);
	return i;
}
