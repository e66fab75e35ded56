// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/snapshot_snat.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "lb/addr.h"
#include "lb/snapshot.h"
#include "lb/target_table.h"

static bool fill_pools(struct snapshot_snat *snat, const struct config_nat *nat)
{
	struct addr *next = calloc(nat->own.count + 1, sizeof(*next));
	snat->addresses = next;
	for (int family = 0; next && family < 2; family++) {
		struct snat_pool *pool = &snat->pools[family];
		*pool = (struct snat_pool){next, 0, nat->ports.first, nat->ports.last};
		for (unsigned int i = 0; i < nat->own.count; i++)
			if (addr_is_v4(&nat->own.addresses[i]) == !family)
				next[pool->count++] = nat->own.addresses[i];
		next += pool->count;
	}
	return snat->addresses;
}

static bool fill_taken(struct snapshot_snat *snat, const struct snapshot *s)
{
	snat->count = s->backend_end;
	snat->taken = calloc(snat->count + 1, sizeof(*snat->taken));
	for (uint32_t id = 0; snat->taken && id < snat->count; id++) {
		const struct backend *b = &s->backends[id];
		if (!b->present || b->way.forward != FORWARD_NAT)
			continue;
		snat->taken[id] = snat_taken_new(&snat->pools[!addr_is_v4(&b->way.remote)]);
		if (!snat->taken[id])
			return false;
	}
	return snat->taken;
}

struct snapshot_snat *snapshot_snat_new(const struct snapshot *s, const struct config_nat *nat)
{
	struct snapshot_snat *snat = calloc(1, sizeof(*snat));
	if (!snat)
		return NULL;
	snat->references = 1;
	if (fill_pools(snat, nat) && fill_taken(snat, s))
		return snat;
	snapshot_snat_free(snat);
	return NULL;
}

struct snapshot_snat *snapshot_snat_hold(struct snapshot_snat *snat)
{
	snat->references++;
	return snat;
}

void snapshot_snat_free(struct snapshot_snat *snat)
{
	if (!snat || --snat->references)
		return;
	for (uint32_t id = 0; snat->taken && id < snat->count; id++)
		snat_taken_free(snat->taken[id]);
	free(snat->taken);
	free(snat->addresses);
	free(snat);
}

/* All TCP and UDP to it is for clients; neighbours and pings are answered as for a VIP. */
static void put_snat_target(struct target_table *t, const struct addr *address, uint32_t flags)
{
	struct target_key key = {.address = *address};
	struct target value = {.service = ABI_NO_SERVICE, .flags = flags};
	target_table_put(t, &key, &value);
	value.flags = TARGET_SNAT;
	key.protocol = IPPROTO_TCP;
	target_table_put(t, &key, &value);
	key.protocol = IPPROTO_UDP;
	target_table_put(t, &key, &value);
}

void snapshot_put_snat(struct target_table *t, const struct config_snat *list, uint32_t flags)
{
	for (unsigned int i = 0; i < list->count; i++)
		put_snat_target(t, &list->addresses[i], flags);
}
