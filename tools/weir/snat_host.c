// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel is asked for the way to each address: one to itself is an address of its own, on an
 * interface or by a route (`ip route add local`), which is all that a socket can listen at.
 */
#include "tools/weir/snat_host.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/local_address.h"
#include "tools/weir/log.h"
#include "tools/weir/rtnetlink.h"

#define FIELD_TEXT 64
#define LOOK_NS    5000000000ull

static int refuse(const struct config *c, unsigned int index, struct err *err)
{
	const struct addr *a = &c->nat.own.addresses[index];
	char interface[IF_NAMESIZE], text[ADDR_TEXT], field[FIELD_TEXT], where[FIELD_TEXT];
	snprintf(where, sizeof(where), "by a route of type local");
	if (local_address_find(a, interface))
		snprintf(where, sizeof(where), "on %s", interface);
	snprintf(field, sizeof(field), "nat.addresses[%u]", index);
	err_set(err, EINVAL,
		"%s: %s: %s is this host's own (%s), and who is connected to it would be cut off; "
		"expected an address that no host has",
		c->file, field, addr_format(a, text), where);
	err_place(err, field, 0);
	return -EINVAL;
}

int snat_host_check(const struct config *c, struct err *err)
{
	struct rtnetlink netlink;
	if (!c->nat.own.count)
		return 0;
	int r = rtnetlink_open(&netlink, 0, err);
	for (unsigned int i = 0; !r && i < c->nat.own.count; i++) {
		struct kernel_route route;
		/* No way there at all: then it is not this host's either. */
		if (!rtnetlink_get_route(&netlink, &c->nat.own.addresses[i], &route) &&
		    route.type == RTN_LOCAL)
			r = refuse(c, i, err);
	}
	rtnetlink_close(&netlink);
	return r;
}

void snat_host_tick(struct snat_host_watch *w, const struct config *c, uint64_t now_ns)
{
	struct err err;
	if (now_ns < w->next_ns)
		return;
	w->next_ns = now_ns + LOOK_NS;
	bool ours = snat_host_check(c, &err) == -EINVAL;
	if (ours && !w->told)
		log_error("a SNAT address has become this host's own", "error=\"%s\"", err.text);
	else if (!ours && w->told)
		log_info("no SNAT address is this host's own any more");
	w->told = ours;
}
