// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/sync_names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/registry.h"
#include "lb/snapshot.h"

/* --- hashes, alike on every node -------------------------------------------------------------- */

/* Adds a text with its end, so that neighbours can't flow into each other. */
static uint64_t add_text(uint64_t hash, const char *text)
{
	return XXH64(text, strlen(text) + 1, hash);
}

static uint64_t add_address(uint64_t hash, const struct addr *a)
{
	return XXH64(a, sizeof(*a), hash);
}

/* In network byte order, as everything that nodes agree on. */
static uint64_t add_number(uint64_t hash, uint64_t n)
{
	uint8_t bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = n >> (56 - 8 * i);
	return XXH64(bytes, sizeof(bytes), hash);
}

static uint64_t identity_of(const struct sync_backend *b)
{
	return add_number(add_address(add_text(0, b->service), &b->address), b->port);
}

static uint64_t digest_service(const struct config_service *s)
{
	uint64_t hash = add_address(add_text(1, s->name), &s->address);
	hash = add_number(hash, s->prefix);
	hash = add_number(hash, s->protocol);
	hash = add_number(hash, s->forward);
	hash = add_number(hash, s->affinity);
	hash = add_number(hash, s->tracking);
	for (unsigned int i = 0; i < s->port_range_count; i++)
		hash = add_number(hash, s->port_ranges[i].first << 16 | s->port_ranges[i].last);
	return hash;
}

static uint64_t digest_backend(const struct config_service *s, const struct config_backend *b)
{
	uint64_t hash = add_text(add_text(2, s->name), b->name);
	hash = add_number(add_address(hash, &b->address), b->port);
	return add_number(hash, b->weight);
}

/* --- building --------------------------------------------------------------------------------- */

static bool is_shared(const struct config_service *s)
{
	return s->tracking == TRACKING_FLOW;
}

static void add_backend(struct sync_names *n, uint32_t id, const struct config_service *s,
			const struct config_backend *b)
{
	struct sync_backend *to = &n->backends[id];
	strcpy(to->service, s->name);
	to->address = b->address;
	to->port = b->port;
	to->translated = s->forward == FORWARD_NAT;
	n->identities[id] = identity_of(to);
	uint32_t at = n->identities[id] & n->mask;
	while (n->slots[at])
		at = (at + 1) & n->mask;
	n->slots[at] = id + 1;
}

static void add_service(struct sync_names *n, const struct config_service *s,
			const struct registry *backends)
{
	char key[SNAPSHOT_BACKEND_KEY];
	n->config += digest_service(s);
	for (unsigned int i = 0; i < s->backend_count; i++) {
		const struct config_backend *b = &s->backends[i];
		int64_t id = registry_find(backends, snapshot_backend_key(s, b, key, sizeof(key)));
		n->config += digest_backend(s, b);
		if (is_shared(s) && id >= 0)
			add_backend(n, id, s, b);
	}
}

static bool add_snat(struct sync_names *n, const struct config_nat *nat)
{
	const struct config_snat *const lists[] = {&nat->own, &nat->peers};
	n->snat = calloc(nat->own.count + nat->peers.count + 1, sizeof(*n->snat));
	for (int i = 0; n->snat && i < 2; i++)
		for (unsigned int j = 0; j < lists[i]->count; j++)
			n->snat[n->snat_count++] = lists[i]->addresses[j];
	return n->snat;
}

bool sync_names_has_snat(const struct sync_names *n, const struct addr *a)
{
	for (uint32_t i = 0; i < n->snat_count; i++)
		if (addr_equal(&n->snat[i], a))
			return true;
	return false;
}

struct sync_names *sync_names_new(const struct config *config, const struct registry *backends)
{
	struct sync_names *n = calloc(1, sizeof(*n));
	uint32_t slots = 2;
	if (!n)
		return NULL;
	n->end = registry_end(backends);
	while (slots < 2 * (n->end + 1))
		slots *= 2;
	n->mask = slots - 1;
	n->backends = calloc(n->end + 1, sizeof(*n->backends));
	n->identities = calloc(n->end + 1, sizeof(*n->identities));
	n->slots = calloc(slots, sizeof(*n->slots));
	if (!add_snat(n, &config->nat) || !n->backends || !n->identities || !n->slots) {
		sync_names_free(n);
		return NULL;
	}
	for (unsigned int i = 0; i < config->service_count; i++)
		add_service(n, &config->services[i], backends);
	return n;
}

void sync_names_free(struct sync_names *n)
{
	if (!n)
		return;
	free(n->backends);
	free(n->identities);
	free(n->slots);
	free(n->snat);
	free(n);
}

uint32_t sync_names_find(const struct sync_names *n, const struct sync_backend *b,
			 uint64_t *identity)
{
	*identity = identity_of(b);
	for (uint32_t at = *identity & n->mask; n->slots[at]; at = (at + 1) & n->mask) {
		const struct sync_backend *known = &n->backends[n->slots[at] - 1];
		if (!strcmp(known->service, b->service) && known->port == b->port &&
		    addr_equal(&known->address, &b->address))
			return n->slots[at] - 1;
	}
	return ABI_NO_BACKEND;
}
