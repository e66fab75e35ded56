// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a daemon says counts before what the configuration says. Nothing is changed: no neighbour is
 * asked, no entry made.
 */
#include "tools/weir/survey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "lb/reason.h"
#include "tools/weir/client.h"
#include "tools/weir/destination.h"
#include "tools/weir/host_facts.h"
#include "tools/weir/local_address.h"
#include "tools/weir/nic_facts.h"
#include "tools/weir/rtnetlink.h"

struct taking {
	const struct survey *s;
	struct facts *facts;
	struct rtnetlink netlink;
	json_t *interfaces, *backends, *drops, *workers; /* the daemon's; NULL without one */
};

/* --- interfaces ----------------------------------------------------------------------------- */

static int add_nic(struct taking *t, const char *name, struct err *err)
{
	struct facts *f = t->facts;
	for (unsigned int i = 0; i < f->nic_count; i++)
		if (!strcmp(f->nics[i].name, name))
			return 0;
	if (f->nic_count == FACTS_MAX_NICS)
		return err_set(err, E2BIG, "more than %d interfaces: name those that matter",
			       FACTS_MAX_NICS);
	nic_facts_look(&f->nics[f->nic_count++], name, &t->netlink);
	return 0;
}

static int add_named(struct taking *t, struct err *err)
{
	int r = 0;
	for (int i = 0; !r && i < t->s->name_count; i++) {
		if (strlen(t->s->names[i]) >= IF_NAMESIZE)
			return err_set(err, EINVAL, "no interface has so long a name: %s",
				       t->s->names[i]);
		r = add_nic(t, t->s->names[i], err);
	}
	return r;
}

static int add_of_daemon(struct taking *t, struct err *err)
{
	size_t i;
	json_t *one;
	int r = 0;
	json_array_foreach(json_object_get(t->interfaces, "interfaces"), i, one)
	{
		if (!r)
			r = add_nic(t, json_string_value(json_object_get(one, "name")), err);
	}
	return r;
}

static int add_of_config(struct taking *t, struct err *err)
{
	int r = 0;
	for (unsigned int i = 0; !r && i < t->s->config->interface_count; i++)
		r = add_nic(t, t->s->config->interfaces[i].name, err);
	return r;
}

/* All that Weir could run on; the first ones, where there are very many. */
static int add_all(struct taking *t, struct err *err)
{
	struct if_nameindex *all = if_nameindex();
	struct kernel_interface link;
	int r = 0;
	for (struct if_nameindex *one = all; one && one->if_index && !r; one++)
		if (!rtnetlink_get_interface(&t->netlink, one->if_index, &link) && link.ethernet &&
		    link.up && t->facts->nic_count < FACTS_MAX_NICS)
			r = add_nic(t, one->if_name, err);
	if_freenameindex(all);
	return r;
}

static int add_nics(struct taking *t, struct err *err)
{
	if (t->s->name_count)
		return add_named(t, err);
	if (t->interfaces)
		return add_of_daemon(t, err);
	return t->s->config ? add_of_config(t, err) : add_all(t, err);
}

/* --- what is configured --------------------------------------------------------------------- */

static void use_config_interface(struct nic_facts *n, const struct config_interface *c)
{
	n->configured = true;
	n->mode = c->mode;
	n->attach = c->attach;
	n->queues_served = c->queues.count ? c->queues.count : n->rx_queues;
	for (n->first_unserved = 0; n->first_unserved < c->queues.count; n->first_unserved++)
		if (c->queues.values[n->first_unserved] != n->first_unserved)
			break;
}

static void use_daemon_interface(struct nic_facts *n, json_t *one)
{
	const char *mode = json_string_value(json_object_get(one, "mode"));
	const char *attach = json_string_value(json_object_get(one, "attach"));
	uint32_t served = json_integer_value(json_object_get(one, "queues"));
	n->configured = true;
	snprintf(n->mode_is, sizeof(n->mode_is), "%s", mode ? mode : "");
	n->attach = attach && !strcmp(attach, "dispatcher") ? ATTACH_DISPATCHER : ATTACH_LINK;
	/* Which ones, the configuration knows; the daemon only says how many. */
	if (!n->queues_served || n->queues_served != served)
		n->first_unserved = served;
	n->queues_served = served;
}

static void use_interfaces(struct taking *t)
{
	const struct config *c = t->s->config;
	size_t at;
	json_t *one;
	for (unsigned int i = 0; i < t->facts->nic_count; i++) {
		struct nic_facts *n = &t->facts->nics[i];
		for (unsigned int k = 0; c && k < c->interface_count; k++)
			if (!strcmp(c->interfaces[k].name, n->name))
				use_config_interface(n, &c->interfaces[k]);
		json_array_foreach(json_object_get(t->interfaces, "interfaces"), at, one)
		{
			const char *name = json_string_value(json_object_get(one, "name"));
			if (name && !strcmp(name, n->name))
				use_daemon_interface(n, one);
		}
	}
	t->facts->two_armed = (c && c->interface_count > 1) ||
			      json_array_size(json_object_get(t->interfaces, "interfaces")) > 1;
	t->facts->busy_polls = c && c->poll == POLL_BUSY;
}

/* --- ways ----------------------------------------------------------------------------------- */

static struct path_facts *add_path(struct facts *f, const char *service, const char *backend)
{
	struct path_facts *list = realloc(f->paths, (f->path_count + 1) * sizeof(*list));
	if (!list)
		return NULL;
	f->paths = list;
	struct path_facts *p = memset(&list[f->path_count++], 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s/%s", service, backend);
	return p;
}

static void path_of_daemon(struct taking *t, json_t *one)
{
	const char *service, *name, *address, *why = NULL, *state;
	int reachable;
	if (json_unpack(one, "{s:s, s:s, s:s, s:b, s:s}", "service", &service, "name", &name,
			"address", &address, "reachable", &reachable, "state", &state))
		return;
	struct path_facts *p = strcmp(state, "down") ? add_path(t->facts, service, name) : NULL;
	if (!p)
		return;
	why = json_string_value(json_object_get(one, "reason"));
	p->reachable = reachable;
	snprintf(p->address, sizeof(p->address), "%s", address);
	snprintf(p->why, sizeof(p->why), "%s", why ? why : "it can't be reached");
}

/* Looks as the daemon would, but asks nobody. */
static void path_of_config(struct taking *t, const struct config_service *s,
			   const struct config_backend *b)
{
	struct destination_ways ways = {.requests = t->netlink, .quiet = true};
	struct destination d = {.address = b->address};
	struct kernel_neighbor neighbor = {0};
	struct path_facts *p = add_path(t->facts, s->name, b->name);
	if (!p)
		return;
	for (unsigned int i = 0; i < t->s->config->interface_count && i < ABI_MAX_PORTS; i++)
		ways.ports[ways.port_count++] = if_nametoindex(t->s->config->interfaces[i].name);
	bool on_link = s->forward == FORWARD_DSR;
	destination_look(&d, &ways);
	addr_format(&b->address, p->address);
	destination_describe(&d, on_link, p->why, sizeof(p->why));
	p->reachable = destination_fault(&d, on_link) == DESTINATION_OK;
	p->unasked = destination_fault(&d, on_link) == DESTINATION_SILENT &&
		     rtnetlink_get_neighbor(&ways.requests, d.ifindex, &d.neighbor, &neighbor);
}

static void use_paths(struct taking *t)
{
	const struct config *c = t->s->config;
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(t->backends, "backends"), i, one) path_of_daemon(t, one);
	if (t->backends)
		return;
	for (unsigned int s = 0; c && s < c->service_count; s++)
		for (unsigned int b = 0; b < c->services[s].backend_count; b++)
			if (c->services[s].backends[b].state != STATE_DOWN)
				path_of_config(t, &c->services[s], &c->services[s].backends[b]);
}

/* --- VIPs that are local -------------------------------------------------------------------- */

static void use_vip(struct facts *f, const char *owner, const struct addr *a, bool snat)
{
	char interface[IF_NAMESIZE];
	if (!local_address_find(a, interface))
		return;
	struct local_vip *list = realloc(f->vips, (f->vip_count + 1) * sizeof(*list));
	if (!list)
		return;
	f->vips = list;
	struct local_vip *v = memset(&list[f->vip_count++], 0, sizeof(*v));
	snprintf(v->service, sizeof(v->service), "%s", owner);
	snprintf(v->interface, sizeof(v->interface), "%s", interface);
	addr_format(a, v->address);
	v->snat = snat;
}

static void use_vips(struct taking *t)
{
	const struct config *c = t->s->config;
	for (unsigned int s = 0; c && s < c->service_count; s++)
		if (!c->services[s].prefix)
			use_vip(t->facts, c->services[s].name, &c->services[s].address, false);
	for (unsigned int i = 0; c && i < c->nat.own.count; i++)
		use_vip(t->facts, "nat", &c->nat.own.addresses[i], true);
}

/* --- the daemon ----------------------------------------------------------------------------- */

static int ask_daemon(struct taking *t)
{
	struct err err = {0};
	const char *socket = t->s->socket;
	int r = client_get(socket, "/v1/interfaces", &t->interfaces, &err);
	r = r ? r : client_get(socket, "/v1/backends", &t->backends, &err);
	r = r ? r : client_get(socket, "/v1/drops", &t->drops, &err);
	r = r ? r : client_get(socket, "/v1/workers", &t->workers, &err);
	t->facts->daemon.running = !r;
	if (r && t->s->must_answer)
		snprintf(t->facts->daemon.fault, sizeof(t->facts->daemon.fault), "%s", err.text);
	return r;
}

static uint64_t dropped_for(const struct taking *t, const char *reason)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(t->drops, "reasons"), i, one)
	{
		const char *word = json_string_value(json_object_get(one, "reason"));
		if (word && !strcmp(word, reason))
			return json_integer_value(json_object_get(one, "total"));
	}
	return 0;
}

static void use_daemon(struct taking *t)
{
	struct daemon_facts *d = &t->facts->daemon;
	json_t *ledger = json_object_get(t->drops, "ledger"), *one;
	size_t i;
	CPU_ZERO(&d->worker_cpus);
	if (!d->running)
		return;
	d->balanced = json_is_true(json_object_get(t->drops, "balanced"));
	d->received = json_integer_value(json_object_get(ledger, "rx"));
	json_array_foreach(json_object_get(t->interfaces, "interfaces"), i, one)
		d->unfinished_checksums +=
		json_integer_value(json_object_get(one, "unfinished_checksums"));
	d->rx_full = dropped_for(t, reason_word(REASON_RX_FULL));
	d->rx_no_frame = dropped_for(t, reason_word(REASON_RX_NO_FRAME));
	d->tx_full = dropped_for(t, reason_word(REASON_TX_FULL));
	d->tx_failed = dropped_for(t, reason_word(REASON_TX_FAILED));
	json_array_foreach(json_object_get(t->workers, "workers"), i, one)
		CPU_SET(json_integer_value(json_object_get(one, "cpu")), &d->worker_cpus);
}

int survey_take(const struct survey *s, struct facts *out, struct err *err)
{
	struct taking t = {.s = s, .facts = out};
	memset(out, 0, sizeof(*out));
	int r = rtnetlink_open(&t.netlink, 0, err);
	if (r)
		return r;
	host_facts_look(&out->host);
	ask_daemon(&t);
	r = add_nics(&t, err);
	if (!r) {
		use_interfaces(&t);
		use_paths(&t);
		use_vips(&t);
		use_daemon(&t);
	}
	json_decref(t.interfaces);
	json_decref(t.backends);
	json_decref(t.drops);
	json_decref(t.workers);
	rtnetlink_close(&t.netlink);
	return r;
}

void survey_free(struct facts *f)
{
	free(f->paths);
	free(f->vips);
	f->paths = NULL;
	f->vips = NULL;
}
