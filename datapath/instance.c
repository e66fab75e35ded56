// SPDX-License-Identifier: BSD-2-Clause
/* See the header. All arrays are shared_arrays; a reader of another abi never gets past the first.
 */
#include "datapath/instance.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/capture.h"
#include "datapath/deferral.h"
#include "datapath/port.h"
#include "datapath/worker.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/nat_pair.h"
#include "lb/registry.h"
#include "lb/snapshot.h"

#define PORT_GONE NAT_NO_EGRESS

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* --- whose it is ----------------------------------------------------------------------------- */

/*
 * One daemon for each instance: an abstract unix socket is a lock that the kernel gives back
 * however its owner ends, and each network namespace has its own.
 */
static int lock_instance(struct instance *i, const char *name, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "weir/%s", name);
	i->lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (i->lock < 0)
		return err_set(err, errno, "no socket to lock the instance: %m");
	if (!bind(i->lock, (struct sockaddr *)&address,
		  offsetof(struct sockaddr_un, sun_path) + 1 + n))
		return 0;
	if (errno == EADDRINUSE)
		return err_set(err, EADDRINUSE,
			       "a daemon of instance %s runs already: stop it, or give this one "
			       "another 'instance' in its configuration",
			       name);
	return err_set(err, errno, "can't lock instance %s: %m", name);
}

/* A number that no other network namespace has; 0 on kernels that have none. */
static uint64_t netns_cookie(const struct instance *i)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	if (getsockopt(i->lock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		return 0;
	return cookie;
}

struct link_look {
	const struct pins *pins;
	bool attached;
};

/* For pins_drop_all(): keeps everything, and finds out whether a link is attached. */
static bool look_at_link(void *context, const char *name)
{
	struct link_look *look = context;
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	int fd = pins_get(look->pins, name);
	if (fd < 0)
		return true;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_LINK_TYPE_XDP &&
	    info.xdp.ifindex)
		look->attached = true;
	close(fd);
	return true;
}

/* Nothing says where the dispatcher of a gate is. */
static bool look_at_gate(void *context, const char *name)
{
	struct link_look *look = context;
	look->attached = true;
	return true;
}

static bool is_attached_somewhere(const struct pins *pins)
{
	struct link_look look = {.pins = pins};
	pins_drop_all(pins, "link-", look_at_link, &look);
	pins_drop_all(pins, "gate-", look_at_gate, &look);
	return look.attached;
}

/* 0: ours to take over. 1: to be replaced, `replaced` says why. -EBUSY: in use elsewhere. */
static int examine(struct instance *i, struct err *err)
{
	const struct instance_header *h = i->header;
	if (!i->header_array.inherited)
		return 0;
	if (h->netns_cookie != netns_cookie(i) && is_attached_somewhere(&i->pins))
		return err_set(err, EBUSY,
			       "%s is in use by another network namespace: give this daemon "
			       "another 'instance', or detach that one by 'rm -r %s'",
			       i->pins.folder, i->pins.folder);
	if (h->netns_cookie != netns_cookie(i))
		i->replaced = "it was left by a network namespace that is gone";
	else if (h->abi_version != ABI_VERSION)
		i->replaced = "it is of another version of Weir";
	else if (!h->ready)
		i->replaced = "it was never finished";
	return i->replaced != NULL;
}

/* --- opening --------------------------------------------------------------------------------- */

static int open_header(struct instance *i, struct err *err)
{
	int r = shared_array_open(&i->header_array, &i->pins, "instance",
				  sizeof(struct instance_header), 1, err);
	i->header = i->header_array.base;
	return r;
}

static int open_translations(struct instance *i, uint32_t buckets, struct err *err)
{
	return shared_array_open_inner(&i->translation_array, &i->pins, "flow_translations",
				       sizeof(struct flow_translations), buckets, err);
}

static int open_arrays(struct instance *i, const struct config *config, struct err *err)
{
	const struct pins *pins = &i->pins;
	uint32_t buckets = flow_table_buckets(config->flow_entries);
	int r = shared_array_open(&i->flow_array, pins, "flows", sizeof(struct flow_bucket),
				  buckets, err);
	if (!r)
		r = shared_array_open(&i->key_array, pins, "flow_keys", sizeof(struct flow_keys),
				      buckets, err);
	if (!r)
		r = shared_array_open(&i->backend_array, pins, "fast_backends",
				      sizeof(struct fast_backend), ABI_MAX_BACKENDS, err);
	if (!r)
		r = shared_array_open(&i->worker_array, pins, "workers",
				      sizeof(struct worker_memory), i->worker_slots, err);
	if (!r && config->nat.own.count)
		r = open_translations(i, buckets, err);
	if (!r)
		r = shared_array_open(&i->service_names, pins, "service_names", INSTANCE_NAME,
				      ABI_MAX_SERVICES, err);
	if (!r)
		r = shared_array_open(&i->backend_names, pins, "backend_names", INSTANCE_NAME,
				      ABI_MAX_BACKENDS, err);
	if (!r)
		r = shared_array_open(&i->rule_names, pins, "rule_names", INSTANCE_NAME,
				      ABI_MAX_RULES, err);
	if (!r)
		r = shared_array_open(&i->capture_array, pins, "captures",
				      sizeof(struct capture_slot), CAPTURES_MAX, err);
	if (!r)
		r = shared_array_open(&i->tap_array, pins, "tap_states", sizeof(struct tap_state),
				      i->cpus * TAP_STATES, err);
	if (!r)
		r = shared_array_open(&i->half_open_array, pins, "half_open", sizeof(uint64_t),
				      ABI_MAX_SERVICES, err);
	if (!r)
		r = shared_array_open(&i->deferral_array, pins, "deferrals",
				      sizeof(struct deferral), ABI_MAX_PORTS, err);
	return r;
}

static void close_arrays(struct instance *i)
{
	shared_array_close(&i->translation_array);
	shared_array_close(&i->deferral_array);
	shared_array_close(&i->half_open_array);
	shared_array_close(&i->tap_array);
	shared_array_close(&i->capture_array);
	shared_array_close(&i->rule_names);
	shared_array_close(&i->backend_names);
	shared_array_close(&i->service_names);
	shared_array_close(&i->worker_array);
	shared_array_close(&i->backend_array);
	shared_array_close(&i->key_array);
	shared_array_close(&i->flow_array);
	shared_array_close(&i->header_array);
	i->header = NULL;
}

/* Takes over what is there, or makes all new. */
static int open_memory(struct instance *i, const struct config *config, struct err *err)
{
	int r = pins_open(&i->pins, config->instance, err);
	if (!r)
		r = open_header(i, err);
	if (!r)
		r = examine(i, err);
	if (!r)
		r = open_arrays(i, config, err);
	i->inherited = i->header_array.inherited && i->header && i->header->ready;
	if (r >= 0 && !i->replaced)
		return r;
	if (r == -EBUSY)
		i->pins.folder[0] = 0; /* not ours, whatever happens next */
	if (r == -EEXIST)
		i->replaced = "its flow table has another size, or it is of another version";
	if (!i->replaced)
		return r;
	if (i->adopted)
		return err_set(err, EINVAL, "what the running daemon has does not fit: %s",
			       i->replaced);
	i->inherited = false;
	close_arrays(i);
	pins_drop_all(&i->pins, "", NULL, NULL);
	r = open_header(i, err);
	return r ? r : open_arrays(i, config, err);
}

static int init_header(struct instance *i, struct err *err)
{
	struct instance_header *h = i->header;
	*h = (struct instance_header){.abi_version = ABI_VERSION, .netns_cookie = netns_cookie(i)};
	if (getrandom(&h->seed, sizeof(h->seed), 0) != sizeof(h->seed))
		return err_set(err, EIO, "no random bytes for the flow table's seed");
	h->ready = 1;
	return 0;
}

static void init_flows(struct instance *i, const struct config *config)
{
	const struct config_timeouts *t = &config->timeouts;
	const uint32_t timeouts[FLOW_STATES] = {
		[FLOW_HANDSHAKE] = t->tcp_handshake,
		[FLOW_ESTABLISHED] = t->tcp_established,
		[FLOW_CLOSING] = t->tcp_closing,
		[FLOW_UDP] = t->udp,
	};
	flow_table_init(&i->flows, i->flow_array.base, config->flow_entries, &i->header->seed,
			timeouts);
	i->flows.keys = i->key_array.base;
	i->flows.translations = i->translation_array.base;
	i->flows.half_open = i->half_open_array.base;
}

static void use_arrays(struct instance *i)
{
	i->fast_backends = i->backend_array.base;
	i->workers = i->worker_array.base;
	i->captures = i->capture_array.base;
	i->tap_states = i->tap_array.base;
	i->deferrals = i->deferral_array.base;
}

/* Without what it is locked by. */
static struct instance empty_instance(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct instance i = {.lock = -1};
	i.cpus = cpus < 1 ? 1 : cpus;
	i.worker_slots = cpus < 1 ? 1 : cpus > (int)ABI_MAX_QUEUES ? (int)ABI_MAX_QUEUES : cpus;
	return i;
}

int instance_open(struct instance *i, const struct config *config, struct err *err)
{
	*i = empty_instance();
	int r = lock_instance(i, config->instance, err);
	if (!r)
		r = open_memory(i, config, err);
	if (r)
		return r;
	if (!i->inherited)
		r = init_header(i, err);
	if (r)
		return r;
	init_flows(i, config);
	if (!config->nat.own.count)
		pins_drop(&i->pins, "flow_translations");
	flow_table_repair(&i->flows);
	use_arrays(i);
	return 0;
}

int instance_adopt(struct instance *i, const struct config *config, int lock, struct err *err)
{
	*i = empty_instance();
	i->lock = lock;
	i->adopted = true;
	int r = open_memory(i, config, err);
	if (r)
		return r;
	if (!i->inherited)
		return err_set(err, EINVAL, "there is nothing pinned of the running daemon in %s",
			       i->pins.folder);
	init_flows(i, config);
	use_arrays(i);
	return 0;
}

int instance_use_translations(struct instance *i, struct err *err)
{
	int r = 0;
	if (!i->flows.translations)
		r = open_translations(i, i->flows.mask + 1, err);
	i->flows.translations = i->translation_array.base;
	return r;
}

void instance_close(struct instance *i, bool remove)
{
	close_arrays(i);
	if (remove)
		pins_remove(&i->pins);
	if (i->lock > 0)
		close(i->lock);
	*i = (struct instance){.lock = -1};
}

/* --- names ------------------------------------------------------------------------------------ */

typedef char instance_name[INSTANCE_NAME];

static int load_names(const struct shared_array *from, struct registry *to, uint32_t count)
{
	const instance_name *names = from->base;
	for (uint32_t id = 0; id < count; id++)
		if (names[id][0] && !names[id][INSTANCE_NAME - 1] &&
		    registry_restore(to, names[id], id) < 0)
			return -ENOMEM;
	return 0;
}

int instance_load_names(const struct instance *i, const struct instance_names *names,
			struct err *err)
{
	if (!load_names(&i->service_names, names->services, ABI_MAX_SERVICES) &&
	    !load_names(&i->backend_names, names->backends, ABI_MAX_BACKENDS) &&
	    !load_names(&i->rule_names, names->rules, ABI_MAX_RULES))
		return 0;
	return err_set(err, ENOMEM, "not enough memory for the names of services and backends");
}

static void save_names(struct shared_array *to, const struct registry *from)
{
	instance_name *names = to->base;
	for (uint32_t id = 0; id < registry_end(from); id++) {
		const char *name = registry_name(from, id);
		if (strncmp(names[id], name ? name : "", INSTANCE_NAME))
			strncpy(names[id], name ? name : "", INSTANCE_NAME - 1);
	}
}

void instance_save_names(struct instance *i, const struct instance_names *names)
{
	save_names(&i->service_names, names->services);
	save_names(&i->backend_names, names->backends);
	save_names(&i->rule_names, names->rules);
}

/* --- the ways to the backends ------------------------------------------------------------------
 */

/*
 * The XDP program takes what it reads between two looks at the same even sequence (bpf/repeat.h).
 * The fences keep the words inside the odd one: the first is seen before them, the last after.
 */
static void write_backend(struct fast_backend *to, const struct fast_backend *from)
{
	uint32_t sequence = to->sequence & ~1u;
	// NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): copied whole
	if (!memcmp(&to->way, &from->way, sizeof(to->way)) && sequence == to->sequence &&
	    to->service == from->service)
		return;
	__atomic_store_n(&to->sequence, sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (int i = 0; i < WAY_WORDS; i++)
		__atomic_store_n(&to->words[i], from->words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&to->service, from->service, __ATOMIC_RELAXED);
	__atomic_store_n(&to->sequence, sequence + 2, __ATOMIC_RELEASE);
}

void instance_publish(struct instance *i, const struct snapshot *s)
{
	for (uint32_t id = 0; id < ABI_MAX_BACKENDS; id++) {
		struct fast_backend now = {};
		if (id < s->backend_end) {
			now.way = backend_fast_way(&s->backends[id]);
			now.service = s->backends[id].service;
		}
		write_backend(&i->fast_backends[id], &now);
	}
}

/* --- counters ----------------------------------------------------------------------------------
 */

void instance_name_ports(struct instance *i, const struct port *ports, uint32_t count)
{
	struct instance_header *h = i->header;
	h->port_count = count;
	memset(h->ports, 0, sizeof(h->ports));
	for (uint32_t p = 0; p < count; p++)
		memcpy(h->ports[p], ports[p].name, sizeof(h->ports[p]));
}

/* `port` as it was, or PORT_GONE: by the names of then and now. */
static uint16_t number_now(const struct instance_header *h, uint16_t port,
			   const char (*ports)[IF_NAMESIZE], uint32_t count)
{
	for (uint16_t now = 0; port < h->port_count && now < count; now++)
		if (!strncmp(h->ports[port], ports[now], IF_NAMESIZE))
			return now;
	return PORT_GONE;
}

/* One at a time: programs that run meanwhile send by the one or by the other. */
static void renumber_backends(struct instance *i, const uint16_t now[ABI_MAX_PORTS])
{
	for (uint32_t id = 0; id < ABI_MAX_BACKENDS; id++) {
		struct fast_backend b = i->fast_backends[id];
		if (!b.way.usable)
			continue;
		if (b.way.egress >= ABI_MAX_PORTS || now[b.way.egress] == PORT_GONE)
			b.way = (struct way){};
		else
			b.way.egress = now[b.way.egress];
		write_backend(&i->fast_backends[id], &b);
	}
}

static void renumber_translations(struct instance *i, const uint16_t now[ABI_MAX_PORTS])
{
	for (uint64_t at = 0; i->flows.translations && at <= i->flows.mask; at++)
		for (int n = 0; n < FLOW_BUCKET_ENTRIES; n++) {
			uint16_t *egress = &i->flows.translations[at].translation[n].egress;
			if (*egress < ABI_MAX_PORTS)
				__atomic_store_n(egress, now[*egress], __ATOMIC_RELAXED);
		}
}

void instance_renumber_ports(struct instance *i, const char (*ports)[IF_NAMESIZE], uint32_t count)
{
	struct instance_header *h = i->header;
	uint16_t now[ABI_MAX_PORTS];
	bool same = true;
	for (uint16_t port = 0; port < ABI_MAX_PORTS; port++) {
		now[port] = number_now(h, port, ports, count);
		same &= port >= h->port_count || now[port] == port;
	}
	if (!i->inherited || same)
		return;
	h->port_count = 0; /* who is killed in the middle leaves nothing to be done twice */
	renumber_backends(i, now);
	renumber_translations(i, now);
}

bool instance_keep_counters(struct instance *i, const char (*ports)[IF_NAMESIZE], uint32_t count)
{
	struct instance_header *h = i->header;
	if (i->inherited && h->port_count == count &&
	    !memcmp(h->ports, ports, count * sizeof(h->ports[0])))
		return true;
	h->port_count = count;
	memset(h->ports, 0, sizeof(h->ports));
	memcpy(h->ports, ports, count * sizeof(h->ports[0]));
	memset(h->lost, 0, sizeof(h->lost));
	memset(i->workers, 0, i->worker_slots * sizeof(*i->workers));
	return false;
}
