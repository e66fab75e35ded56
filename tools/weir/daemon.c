// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a configuration comes into force: everything that can fail is prepared first, then it is
 * published with one store, then what the old one alone had is given back.
 */
#include "tools/weir/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/prefix.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "lb/sync_names.h"
#include "tools/weir/announcer.h"
#include "tools/weir/control_network.h"
#include "tools/weir/checker.h"
#include "tools/weir/daemon_checks.h"
#include "tools/weir/daemon_routes.h"
#include "tools/weir/file.h"
#include "tools/weir/log.h"
#include "tools/weir/next_hops.h"
#include "tools/weir/policy_job.h"
#include "tools/weir/policy_load.h"
#include "tools/weir/policy_log.h"
#include "tools/weir/snat_host.h"
#include "tools/weir/source_watch.h"
#include "tools/weir/override.h"
#include "tools/weir/syncer.h"

#define ANNOUNCED_PREFIX 256u /* addresses of a prefix of which each is announced */

int daemon_read_config(const char *path, bool again, struct config **out, struct err *err)
{
	char *text;
	size_t length;
	int r = again ? file_read_regular(path, &text, &length, err)
		      : file_read(path, &text, &length, err);
	if (r)
		return r;
	r = config_parse(path, text, length, out, err);
	free(text);
	return r;
}

/* --- publishing ------------------------------------------------------------------------------ */

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* With `config` that which is in force already, only what has changed beside it is made anew. */
static int publish(struct daemon *d, const struct config *config, struct policy_tables *policy,
		   const struct backend_control *controls, struct err *err)
{
	uint32_t backend_end = registry_end(d->backends), ports = engine_port_count(d->engine);
	uint8_t macs[ABI_MAX_PORTS][ETH_ALEN];
	uint32_t mtus[ABI_MAX_PORTS];
	struct next_hop *hops = calloc(backend_end + 1, sizeof(*hops));
	struct snapshot *s;
	if (!hops)
		return err_set(err, ENOMEM, "not enough memory");
	for (uint32_t id = 0; id < backend_end; id++)
		next_hops_get(d->next_hops, id, &hops[id]);
	for (uint32_t i = 0; i < ports; i++) {
		memcpy(macs[i], engine_port(d->engine, i)->mac, ETH_ALEN);
		mtus[i] = engine_port(d->engine, i)->mtu;
	}
	struct snapshot_input input = {
		.config = config,
		.services = d->services,
		.backends = d->backends,
		.next_hops = hops,
		.controls = controls,
		.port_macs = macs,
		.port_mtus = mtus,
		.port_count = ports,
		.generation = d->generation,
		.now_ns = clock_now_ns(),
		.policy = policy,
	};
	int r = config == d->config ? snapshot_refresh(&input, engine_snapshot(d->engine), &s, err)
				    : snapshot_new(&input, engine_snapshot(d->engine), &s, err);
	free(hops);
	if (r)
		return r;
	r = engine_publish(d->engine, s, d->reload.job ? policy_job_stage(d->reload.job) : NULL,
			   err);
	if (r)
		snapshot_free(s);
	else
		daemon_routes_update(d, config);
	return r;
}

/* Once another daemon has all, what this one's loop still finds in its turn is that one's to do. */
int daemon_publish(struct daemon *d, struct err *err)
{
	return d->handed_to ? 0 : publish(d, d->config, d->policy, d->controls, err);
}

/* Has the addresses of all backends followed. */
static int watch_backends(struct daemon *d, const struct config *config, struct err *err)
{
	struct next_hop_wanted *wanted = calloc(registry_end(d->backends) + 1, sizeof(*wanted));
	uint32_t count = 0;
	char key[512];
	if (!wanted)
		return err_set(err, ENOMEM, "not enough memory");
	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		for (unsigned int j = 0; j < s->backend_count; j++) {
			snapshot_backend_key(s, &s->backends[j], key, sizeof(key));
			wanted[count++] = (struct next_hop_wanted){
				.id = registry_find(d->backends, key),
				.address = s->backends[j].address,
				.on_link = s->forward == FORWARD_DSR,
			};
		}
	}
	for (unsigned int i = 0; i < config->policy.rule_count; i++) {
		const struct config_rule *rule = &config->policy.rules[i];
		if (rule->redirect.has_next_hop)
			wanted[count++] = (struct next_hop_wanted){
				.id = registry_find(d->backends, policy_hop_key(rule->name, key)),
				.address = rule->redirect.next_hop,
			};
	}
	int r = next_hops_watch(d->next_hops, wanted, count, err);
	free(wanted);
	return r;
}

/* How many VIPs of a service are announced: of a large prefix none, they are only answered for. */
static uint32_t announced_size(const struct config_service *s)
{
	uint32_t size = prefix_size(s->prefix);
	return s->announce == ANNOUNCE_NEIGHBOR && size <= ANNOUNCED_PREFIX ? size : 0;
}

static void announce_vips(struct daemon *d, const struct config *config)
{
	uint32_t count = 0;
	for (unsigned int i = 0; i < config->service_count; i++)
		count += announced_size(&config->services[i]);
	struct addr *vips = calloc(count + config->nat.own.count + 1, sizeof(*vips));
	count = 0;
	for (unsigned int i = 0; vips && i < config->nat.own.count; i++)
		if (config->nat.announce == ANNOUNCE_NEIGHBOR)
			vips[count++] = config->nat.own.addresses[i];
	for (unsigned int i = 0; vips && i < config->service_count; i++)
		for (uint32_t n = 0; n < announced_size(&config->services[i]); n++)
			vips[count++] = prefix_address(&config->services[i].address, n);
	if (vips)
		announcer_set(d->announcer, vips, count);
	free(vips);
}

/* --- the policy ------------------------------------------------------------------------------ */

/* What a rule that is gone has counted is not the next one's that gets its number. */
static void release_rules(struct daemon *d, const struct config *config)
{
	uint32_t end = registry_end(d->rules);
	bool *had = calloc(end + 1, sizeof(*had));
	for (uint32_t id = 0; had && id < end; id++)
		had[id] = registry_name(d->rules, id) != NULL;
	policy_release_ids(config, d->rules);
	for (uint32_t id = 0; had && id < end; id++)
		if (had[id] && !registry_name(d->rules, id))
			engine_reset_rule(d->engine, id);
	free(had);
}

int daemon_use_policy(struct daemon *d, struct policy_tables *policy, struct err *err)
{
	int r = publish(d, d->config, policy, d->controls, err);
	if (r)
		return r;
	policy_free(d->policy);
	d->policy = policy;
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

int daemon_give_ids(struct daemon *d, struct daemon_candidate *c, struct err *err)
{
	c->known_end = registry_end(d->backends);
	int r = snapshot_assign_ids(c->config, d->services, d->backends, err);
	r = r ? r : policy_assign_ids(c->config, d->rules, err);
	if (r)
		daemon_take_back_ids(d);
	return r;
}

void daemon_take_back_ids(struct daemon *d)
{
	if (!d->config)
		return;
	snapshot_release_ids(d->config, d->services, d->backends);
	policy_release_ids(d->config, d->rules);
}

int daemon_apply(struct daemon *d, const struct daemon_candidate *c, struct err *err)
{
	struct config *before = d->config, *config = c->config;
	struct api_access access;
	int r = api_access_load(&access, config->api.token_file, err);
	r = r ? r : snat_host_check(config, err);
	if (r)
		return r;
	r = watch_backends(d, config, err);
	if (!r && config->nat.own.count)
		r = engine_use_nat(d->engine, err);
	d->generation++;
	/* What was set by hand ends with the configuration it was set over. */
	struct backend_control *controls = overrides_ended(d);
	struct sync_names *names = d->syncer && !r ? sync_names_new(config, d->backends) : NULL;
	struct checks *checks =
		controls && !r ? daemon_checks_new(d, config, c->known_end, controls) : NULL;
	if (!r && (!checks || (d->syncer && !names)))
		r = err_set(err, ENOMEM, "not enough memory");
	r = r ? r : publish(d, config, c->policy, controls, err);
	if (r) {
		free(controls);
		checks_free(checks);
		sync_names_free(names);
		d->generation--;
		if (before)
			watch_backends(d, before, NULL);
		return r;
	}
	free(d->controls);
	d->controls = controls;
	policy_free(d->policy);
	d->policy = c->policy;
	checker_use(d->checker, checks);
	if (d->syncer)
		syncer_use(d->syncer, names);
	snapshot_release_ids(config, d->services, d->backends);
	release_rules(d, config);
	policy_tell_idle(config, c->policy, &policy_warn);
	control_network_tell(c->policy, d->rules, &policy_warn);
	if (d->source_watch)
		source_watch_set(d->source_watch, config);
	announce_vips(d, config);
	d->config = config;
	d->access = access;
	config_free(before);
	return 0;
}

int daemon_start(struct daemon *d, struct config *config, struct err *err)
{
	struct daemon_candidate c = {.config = config};
	int r = daemon_give_ids(d, &c, err);
	r = r ? r : policy_load(config, d->rules, d->backends, &policy_log, &c.policy, err);
	r = r ? r : daemon_apply(d, &c, err);
	if (r)
		policy_free(c.policy);
	return r;
}
