// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/daemon_links.h"

#include <stdio.h>
#include <string.h>

#include "datapath/engine.h"
#include "lb/err.h"
#include "tools/weir/announcer.h"
#include "tools/weir/daemon.h"
#include "tools/weir/link_watch.h"
#include "tools/weir/log.h"
#include "tools/weir/next_hops.h"
#include "tools/weir/syncer.h"

/* --- the log ---------------------------------------------------------------------------------- */

static void log_interface(const struct engine *e, const struct port *p)
{
	log_info("interface", "name=%s driver=%s mode=%s xdp=%s fast_path=%s queues=%u mtu=%u",
		 p->name, p->driver, port_mode_name(p), p->generic ? "generic" : "native",
		 p->fast_path ? "on" : "off", p->queue_count, p->mtu);
	if (p->generic && p->wanted != MODE_GENERIC)
		log_warn("the driver has no native XDP: generic mode is slower",
			 "interface=%s driver=%s", p->name, p->driver);
	/* The kernel drops what XDP_TX sends into a veth whose other end has no NAPI. */
	if (p->fast_path && !strcmp(p->driver, "veth"))
		log_warn("the fast path of a veth needs a native XDP program on its other "
			 "end; else set fast_path: off",
			 "interface=%s", p->name);
	if (p->needs_copies)
		log_warn("fast_path: on is not to be had in zero copy: virtio_net sends no packet "
			 "that XDP got so, and workers do it; or set mode: copy",
			 "interface=%s", p->name);
	if (p->mtu > engine_longest_mtu(e))
		log_warn("longer packets are dropped as rx-no-frame; a restart would do for up to "
			 "9216",
			 "interface=%s mtu=%u longest=%u", p->name, p->mtu, engine_longest_mtu(e));
}

/* The interface whose queues are too few for more workers, or NULL. */
static const struct port *narrowest(const struct engine *e, uint32_t workers)
{
	for (uint32_t i = 0; i < engine_port_count(e); i++)
		if (engine_port(e, i)->there && engine_port(e, i)->queue_count == workers)
			return engine_port(e, i);
	return NULL;
}

/* Each worker needs a queue of each interface, to send by. */
static void log_too_few_queues(const struct daemon *d, uint32_t workers)
{
	const struct port *p = narrowest(d->engine, workers);
	uint32_t wanted = d->config->cpus.count;
	if (p && wanted > workers)
		log_warn("fewer workers than workers.cpus names: each needs a queue of each "
			 "interface",
			 "workers=%u cpus=%u interface=%s queues=%u try=\"ethtool -L %s combined "
			 "%u\"",
			 workers, wanted, p->name, p->queue_count, p->name, wanted);
}

static void log_too_few_pages(const struct daemon *d)
{
	uint32_t workers = engine_worker_count(d->engine);
	for (uint32_t i = 0; d->config->hugepages == HUGEPAGES_GIGANTIC && i < workers; i++) {
		struct engine_worker w;
		engine_worker(d->engine, i, &w);
		if (w.cpu >= 0 && w.memory != MEMORY_GIGANTIC)
			log_warn("memory.hugepages is 1GiB, and there are not so many free: others "
				 "were taken instead",
				 "worker=%u memory=\"%s\" try=\"echo %u "
				 ">/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages\"",
				 i, memory_kind_name(w.memory), workers);
	}
}

void daemon_links_log(const struct daemon *d)
{
	uint32_t workers = 0;
	for (uint32_t i = 0; i < engine_port_count(d->engine); i++)
		if (!engine_port(d->engine, i)->removed)
			log_interface(d->engine, engine_port(d->engine, i));
	for (uint32_t i = 0; i < engine_worker_count(d->engine); i++) {
		struct engine_worker w;
		engine_worker(d->engine, i, &w);
		workers += w.cpu >= 0;
		log_info("worker", "index=%u cpu=%d frames=%u memory=\"%s\"", i, w.cpu,
			 w.frames.frames, memory_kind_name(w.memory));
	}
	log_too_few_queues(d, workers);
	log_too_few_pages(d);
}

static void log_settings(const struct port *before, const struct port *after)
{
	const uint8_t *mac = after->mac;
	if (before->up != after->up)
		log_info("interface", "event=interface-%s name=%s", after->up ? "up" : "down",
			 after->name);
	if (before->mtu != after->mtu)
		log_info("interface", "event=interface-mtu name=%s before=%u mtu=%u", after->name,
			 before->mtu, after->mtu);
	if (before->queue_count != after->queue_count)
		log_info("interface", "event=interface-queues name=%s before=%u queues=%u",
			 after->name, before->queue_count, after->queue_count);
	if (memcmp(before->mac, mac, sizeof(after->mac)))
		log_info("interface",
			 "event=interface-mac name=%s mac=%02x:%02x:%02x:%02x:%02x:%02x",
			 after->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void log_change(const struct engine *e, const struct engine_change *c)
{
	const struct port *before = &c->before, *after = &c->after;
	if (after->removed && !before->removed)
		log_info("an interface is served no more", "event=interface-removed name=%s",
			 after->name);
	if (before->losses != after->losses)
		log_warn("an interface is gone", "event=interface-gone name=%s", after->name);
	if (after->there && (!*before->name || before->removed))
		log_info("an interface more", "event=interface-added name=%s", after->name);
	else if (after->there && (!before->there || before->losses != after->losses))
		log_info("an interface is back", "event=interface-back name=%s", after->name);
	else if (after->there)
		log_settings(before, after);
	if (after->there && c->rebuilt)
		log_interface(e, after);
}

/* --- following -------------------------------------------------------------------------------- */

struct following {
	const struct engine *engine;
	uint32_t changes;
};

static void on_change(void *context, const struct engine_change *change)
{
	struct following *f = context;
	f->changes++;
	log_change(f->engine, change);
}

static void tell_others(struct daemon *d)
{
	int ifindexes[ABI_MAX_PORTS];
	struct announcer_port ports[ABI_MAX_PORTS];
	struct err err;
	uint32_t count = engine_port_count(d->engine);
	for (uint32_t i = 0; i < count; i++) {
		const struct port *p = engine_port(d->engine, i);
		ifindexes[i] = ports[i].ifindex = p->ifindex;
		memcpy(ports[i].mac, p->mac, sizeof(ports[i].mac));
	}
	next_hops_set_ports(d->next_hops, ifindexes, count);
	syncer_set_ports(d->syncer, ifindexes, count);
	announcer_set_ports(d->announcer, ports, count);
	if (daemon_publish(d, &err))
		log_error("changed interfaces are not in force", "error=\"%s\"", err.text);
}

/* A fault that lasts is told once. */
static void log_fault(struct daemon *d, const char *words)
{
	if (strcmp(d->links_fault, words))
		log_error("an interface can't be served; trying again", "error=\"%s\"", words);
	snprintf(d->links_fault, sizeof(d->links_fault), "%s", words);
}

static bool on_links(void *context)
{
	struct daemon *d = context;
	struct following f = {.engine = d->engine};
	struct err err;
	if (d->handing_over)
		return true; /* what was offered must not change; in a moment */
	if (engine_follow(d->engine, d->config, on_change, &f, &err))
		log_fault(d, err.text);
	else
		d->links_fault[0] = 0;
	if (f.changes)
		tell_others(d);
	return !engine_is_whole(d->engine);
}

int daemon_links_change(struct daemon *d, const struct config *was, const struct config *config,
			struct err *err)
{
	struct following f = {.engine = d->engine};
	int r = engine_reconfigure(d->engine, was, config, on_change, &f, err);
	if (f.changes)
		tell_others(d);
	return r;
}

int daemon_links_open(struct daemon *d, struct err *err)
{
	return link_watch_open(&d->link_watch, d->loop, on_links, d, err);
}

void daemon_links_close(struct daemon *d)
{
	link_watch_close(d->link_watch);
	d->link_watch = NULL;
}
