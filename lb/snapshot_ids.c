// SPDX-License-Identifier: BSD-2-Clause
/* Who has which id: the part of lb/snapshot.h that comes before a snapshot. Control thread. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "lb/snapshot.h"

const char *snapshot_backend_key(const struct config_service *s, const struct config_backend *b,
				 char *key, size_t size)
{
	size_t service = strlen(s->name), backend = strlen(b->name);
	assert(service + 1 + backend < size);
	memcpy(key, s->name, service);
	key[service] = '/';
	memcpy(key + service + 1, b->name, backend + 1);
	return key;
}

int snapshot_assign_ids(const struct config *config, struct registry *services,
			struct registry *backends, struct err *err)
{
	char key[SNAPSHOT_BACKEND_KEY];
	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		if (registry_assign(services, s->name) < 0)
			goto full;
		for (unsigned int j = 0; j < s->backend_count; j++) {
			snapshot_backend_key(s, &s->backends[j], key, sizeof(key));
			if (registry_assign(backends, key) < 0)
				goto full;
		}
	}
	for (unsigned int i = 0; i < config->policy.rule_count; i++)
		if (config->policy.rules[i].redirect.has_next_hop &&
		    registry_assign(backends, policy_hop_key(config->policy.rules[i].name, key)) <
			    0)
			goto full;
	return 0;
full:
	return err_set(err, ENOSPC,
		       "no ids left: at most %u services and %u backends, old and new together",
		       ABI_MAX_SERVICES, ABI_MAX_BACKENDS);
}

/* Marks the ids that the configuration needs. NULL without memory. */
static bool *needed_ids(const struct config *config, const struct registry *services,
			const struct registry *backends, bool of_backends)
{
	char key[SNAPSHOT_BACKEND_KEY];
	bool *needed = calloc(registry_end(of_backends ? backends : services) + 1, sizeof(*needed));
	for (unsigned int i = 0; needed && i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		int64_t id = of_backends ? -1 : registry_find(services, s->name);
		if (id >= 0)
			needed[id] = true;
		for (unsigned int j = 0; of_backends && j < s->backend_count; j++) {
			snapshot_backend_key(s, &s->backends[j], key, sizeof(key));
			id = registry_find(backends, key);
			if (id >= 0)
				needed[id] = true;
		}
	}
	for (unsigned int i = 0; needed && of_backends && i < config->policy.rule_count; i++) {
		int64_t id =
			registry_find(backends, policy_hop_key(config->policy.rules[i].name, key));
		if (id >= 0)
			needed[id] = config->policy.rules[i].redirect.has_next_hop;
	}
	return needed;
}

void snapshot_release_ids(const struct config *config, struct registry *services,
			  struct registry *backends)
{
	for (int of_backends = 0; of_backends < 2; of_backends++) {
		struct registry *r = of_backends ? backends : services;
		bool *needed = needed_ids(config, services, backends, of_backends);
		/* Without memory they stay given out until the next reload. */
		for (uint32_t id = 0; needed && id < registry_end(r); id++)
			if (!needed[id])
				registry_release(r, id);
		free(needed);
	}
}
