// SPDX-License-Identifier: BSD-2-Clause
/* Control thread only. Owns the skeletons and the links. */
#include "datapath/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/instance.h"
#include "datapath/policy_stage.h"
#include "datapath/port.h"
#include "datapath/program_state.h"
#include "datapath/tap_rings.h"
#include "datapath/target_maps.h"
#include "datapath/watch.h"
#include "lb/err.h"

/* --- loading ------------------------------------------------------------------------------- */

/*
 * Where an instance's map comes from: the first instance, else a pin, else it is new and will be
 * pinned by load_instance().
 */
static int reuse_map(struct program *p, uint32_t index, struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	int fd;
	if (index) {
		fd = bpf_object__find_map_fd_by_name(program_first(p)->obj, name);
		return fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
	}
	fd = pins_get(p->pins, name);
	if (fd < 0)
		return 0;
	int r = bpf_map__reuse_fd(map, fd); /* takes a descriptor of its own */
	close(fd);
	return r;
}

/* The instance has its arrays as plain memory; all other maps are the programs' own. */
static int reuse_maps(struct program *p, uint32_t index, const struct program_input *in)
{
	struct weir_bpf *own = p->instances[index];
	const struct instance *i = in->instance;
	const struct {
		struct bpf_map *map;
		int fd;
	} arrays[] = {
		{own->maps.flows, i->flow_array.fd},
		{own->maps.fast_backends, i->backend_array.fd},
		{own->maps.captures, i->capture_array.fd},
		{own->maps.tap_states, i->tap_array.fd},
		{own->maps.half_open, i->half_open_array.fd},
	};
	const size_t count = sizeof(arrays) / sizeof(arrays[0]);
	struct bpf_map *map;
	int r = 0;
	bpf_object__for_each_map(map, own->obj)
	{
		size_t a = 0;
		while (a < count && arrays[a].map != map)
			a++;
		if (!r && a < count)
			r = bpf_map__reuse_fd(map, arrays[a].fd);
		else if (!r && !bpf_map__is_internal(map))
			r = reuse_map(p, index, map);
	}
	return r;
}

static int pin_maps(struct program *p, struct err *err)
{
	struct bpf_map *map;
	bpf_object__for_each_map(map, program_first(p)->obj)
	{
		int there = bpf_map__is_internal(map) ? 0 : pins_get(p->pins, bpf_map__name(map));
		if (there > 0)
			close(there);
		if (there >= 0)
			continue;
		int r = pins_put(p->pins, bpf_map__name(map), bpf_map__fd(map), err);
		if (r)
			return r;
	}
	return 0;
}

static void set_knobs(struct weir_bpf *instance, uint32_t index, const struct program_input *in)
{
	const struct flow_table *t = &in->instance->flows;
	instance->rodata->port_index = index;
	instance->rodata->multi_buffer = in->multi_buffer;
	/* As a gate's (datapath/gate.h), which stable kernels of 2025 and later want to be the
	 * same. */
	bpf_program__set_expected_attach_type(instance->progs.weir, 0);
	if (in->multi_buffer)
		bpf_program__set_flags(instance->progs.weir,
				       bpf_program__flags(instance->progs.weir) |
					       BPF_F_XDP_HAS_FRAGS);
	instance->rodata->miss_action = in->drop_without_daemon ? XDP_DROP : XDP_PASS;
	instance->rodata->taps = in->taps;
	instance->rodata->tap_ring_mask = tap_rings_size(in->instance->cpus) - 1;
	instance->rodata->flow_mask = t->mask;
	memcpy((void *)&instance->rodata->flow_seed, &t->seed, sizeof(t->seed));
	flow_limits_set(instance->rodata->flow_limits, t->timeout_ticks);
}

static int load_instance(struct program *p, uint32_t index, const struct program_input *in,
			 struct err *err)
{
	struct weir_bpf *instance = weir_bpf__open();
	if (!instance)
		return err_set(err, errno, "can't read the XDP program that is built in: %m");
	p->instances[index] = instance;
	set_knobs(instance, index, in);
	instance->bss->tables = in->instance->header->tables;
	uint32_t cpus = in->instance->cpus;
	int r = bpf_map__set_max_entries(instance->maps.fast_counts, cpus * ABI_MAX_BACKENDS);
	r = r ? r : tap_rings_shape(instance->maps.capture_rings, tap_rings_size(cpus));
	r = r ? r : reuse_maps(p, index, in);
	r = r ? r : weir_bpf__load(instance);
	if (r == -EPERM)
		return err_set(err, EPERM,
			       "not permitted to load the XDP program: run as root, or with "
			       "CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW and CAP_PERFMON");
	if (r)
		return err_set(err, -r, "the kernel refused the XDP program: %s", strerror(-r));
	return index ? 0 : pin_maps(p, err);
}

/* That of the port behind those there are. */
static int add_instance(struct program *p, const struct program_input *in, struct err *err)
{
	uint32_t i = p->count;
	snprintf(p->link_names[i], sizeof(p->link_names[i]), LINK_PREFIX "%s", in->ports[i].name);
	int r = load_instance(p, i, in, err);
	if (!r) {
		p->count++;
		return 0;
	}
	weir_bpf__destroy(p->instances[i]);
	p->instances[i] = NULL;
	return r;
}

static int set_ports(struct program *p, const struct program_input *in, struct err *err)
{
	int r = 0;
	for (uint32_t i = 0; i < p->count && !r; i++)
		r = program_set_port(p, i, &in->ports[i], err);
	return r;
}

int program_open(struct program **out, const struct program_input *in, struct err *err)
{
	struct program *p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, ENOMEM, "not enough memory");
	int r = 0;
	p->pins = &in->instance->pins;
	p->tables = &in->instance->header->tables;
	for (uint32_t i = 0; i < ABI_MAX_PORTS; i++)
		p->links[i] = -1;
	for (uint32_t i = 0; i < in->port_count && !r; i++)
		r = add_instance(p, in, err);
	r = r ? r : set_ports(p, in, err);
	if (r)
		program_close(p);
	else
		*out = p;
	return r;
}

int program_add(struct program *p, const struct program_input *in, struct err *err)
{
	int r = add_instance(p, in, err);
	return r ? r : set_ports(p, in, err);
}

void program_close(struct program *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->count; i++)
		if (p->links[i] >= 0)
			close(p->links[i]);
	for (uint32_t i = 0; i < p->count; i++)
		weir_bpf__destroy(p->instances[i]);
	if (p->meters.entries)
		close(p->meters.map);
	free(p);
}

/* --- what it is told of --------------------------------------------------------------------- */

void program_set_fast_path(struct program *p, uint32_t port, enum fast_path when)
{
	__atomic_store_n(&p->instances[port]->bss->fast_path, when, __ATOMIC_RELEASE);
}

/* --- translations -------------------------------------------------------------------------- */

int program_set_translations(struct program *p, int fd, struct err *err)
{
	int map = bpf_map__fd(program_first(p)->maps.translations);
	uint32_t slot = 0;
	if (fd < 0)
		bpf_map_delete_elem(map, &slot);
	else if (bpf_map_update_elem(map, &slot, &fd, BPF_ANY))
		return err_set(err, errno,
			       "the XDP program can't use the table of translations: %m");
	return 0;
}

/* --- targets ------------------------------------------------------------------------------- */

void program_set_echo_limit(struct program *p, uint32_t limit)
{
	for (uint32_t i = 0; i < p->count; i++)
		__atomic_store_n(&p->instances[i]->bss->echo_limit, limit, __ATOMIC_RELAXED);
}

void program_follow_tables(struct program *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		__atomic_store_n(&p->instances[i]->bss->tables, *p->tables, __ATOMIC_RELEASE);
}

int program_stage_policy(struct program *p, struct policy_stage *out, struct err *err)
{
	const struct policy_slots all = {
		.policy = bpf_map__fd(program_first(p)->maps.policies),
		.decisions = bpf_map__fd(program_first(p)->maps.decisions),
		.source_slots = bpf_map__fd(program_first(p)->maps.source_slots),
		.source_ranges = bpf_map__fd(program_first(p)->maps.source_ranges),
		.refused_blocks = bpf_map__fd(program_first(p)->maps.refused_blocks),
		.refused_lines = bpf_map__fd(program_first(p)->maps.refused_lines),
	};
	policy_meters_inherit(&p->meters, p->pins);
	return policy_stage_open(out, &all, ~*p->tables >> TABLES_POLICY & 1, p->meters.entries,
				 err);
}

static int put_meters(struct program *p, struct policy_stage *policy, struct err *err)
{
	int map = policy->meters;
	if (!policy->meter_entries)
		return 0;
	policy->meters = -1;
	return policy_meters_put(&p->meters, p->pins, bpf_map__fd(program_first(p)->maps.meters),
				 map, policy->meter_entries, err);
}

int program_commit(struct program *p, struct target_maps *targets, struct policy_stage *policy,
		   uint32_t generation, struct err *err)
{
	uint32_t before = *p->tables, slot = before & TABLES_SLOT, word = before & ~TABLES_SLOT;
	int r = 0;
	if (targets) {
		slot ^= TABLES_SLOT;
		r = target_maps_put(targets, bpf_map__fd(program_first(p)->maps.targets),
				    bpf_map__fd(program_first(p)->maps.prefixes), slot, err);
	}
	if (policy) {
		word = policy->bits | generation << TABLES_GENERATION;
		r = r ? r : put_meters(p, policy, err);
	}
	if (r)
		return r;
	*p->tables = word | slot;
	program_follow_tables(p);
	program_wait(p);
	if (policy)
		policy_stage_commit(policy);
	return 0;
}

const struct policy_meters *program_meters(const struct program *p)
{
	return &p->meters;
}

/* --- counters and taps --------------------------------------------------------------------- */

/* Adds up what each CPU has of a value of `words` 64-bit counters. */
static int sum_over_cpus(struct bpf_map *map, uint32_t key, uint64_t *sum, size_t words)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each = cpus < 0 ? NULL : calloc(cpus, words * sizeof(*each));
	if (!each)
		return -ENOMEM;
	int r = bpf_map_lookup_elem(bpf_map__fd(map), &key, each) ? -errno : 0;
	memset(sum, 0, words * sizeof(*sum));
	for (size_t i = 0; !r && i < cpus * words; i++)
		sum[i % words] += each[i];
	free(each);
	return r;
}

static void set_to_zero(struct bpf_map *map, uint32_t key, size_t size)
{
	int cpus = libbpf_num_possible_cpus();
	void *zero = cpus < 0 ? NULL : calloc(cpus, size);
	if (zero)
		bpf_map_update_elem(bpf_map__fd(map), &key, zero, BPF_ANY);
	free(zero);
}

void program_reset_counters(struct program *p)
{
	for (uint32_t i = 0; i < ABI_MAX_PORTS; i++)
		set_to_zero(program_first(p)->maps.counters, i, sizeof(struct port_counters));
}

void program_reset_rule(struct program *p, uint32_t rule)
{
	set_to_zero(program_first(p)->maps.rule_traffic, rule, sizeof(struct rule_traffic));
}

/* All but the time is a sum. */
int program_rule_traffic(const struct program *p, uint32_t rule, struct rule_traffic *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct rule_traffic *each = cpus < 0 ? NULL : calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	int r = bpf_map_lookup_elem(bpf_map__fd(program_first(p)->maps.rule_traffic), &rule, each)
			? -errno
			: 0;
	*out = (struct rule_traffic){};
	for (int cpu = 0; !r && cpu < cpus; cpu++) {
		out->packets += each[cpu].packets;
		out->bytes += each[cpu].bytes;
		out->refused += each[cpu].refused;
		if (each[cpu].last_ns > out->last_ns)
			out->last_ns = each[cpu].last_ns;
	}
	free(each);
	return r;
}

/* All CPUs' counters of all backends are one array. */
static uint32_t traffic_cpus(const struct program *p)
{
	return bpf_map__max_entries(program_first(p)->maps.fast_counts) / ABI_MAX_BACKENDS;
}

void program_reset_traffic(struct program *p, uint32_t backend)
{
	const struct fast_traffic zero = {};
	for (uint32_t cpu = 0; cpu < traffic_cpus(p); cpu++) {
		uint32_t index = cpu * ABI_MAX_BACKENDS + backend;
		bpf_map_update_elem(bpf_map__fd(program_first(p)->maps.fast_counts), &index, &zero,
				    BPF_ANY);
	}
}

int program_counters(const struct program *p, uint32_t port, struct port_counters *out)
{
	return sum_over_cpus(program_first(p)->maps.counters, port, (uint64_t *)out,
			     sizeof(*out) / sizeof(uint64_t));
}

/* What CPU `cpu` counted, in one system call: one a backend would take long. */
static int traffic_of_cpu(const struct program *p, uint32_t cpu, uint32_t from, uint32_t count,
			  uint32_t *keys, struct fast_traffic *out)
{
	uint32_t first = cpu * ABI_MAX_BACKENDS + from, before = first - 1, end, read = count;
	int r = bpf_map_lookup_batch(bpf_map__fd(program_first(p)->maps.fast_counts),
				     first ? &before : NULL, &end, keys, out, &read, NULL);
	/* -ENOENT: that was the map's end. */
	return r == -ENOENT && read == count ? 0 : r;
}

int program_traffic(const struct program *p, uint32_t from, uint32_t count,
		    struct fast_traffic *out)
{
	uint32_t *keys = calloc(count + 1, sizeof(*keys));
	struct fast_traffic *each = calloc(count + 1, sizeof(*each));
	int r = each && keys ? 0 : -ENOMEM;
	memset(out, 0, count * sizeof(*out));
	for (uint32_t cpu = 0; !r && cpu < traffic_cpus(p); cpu++) {
		r = traffic_of_cpu(p, cpu, from, count, keys, each);
		for (uint32_t i = 0; !r && i < count; i++) {
			out[i].packets += each[i].packets;
			out[i].bytes += each[i].bytes;
		}
	}
	free(each);
	free(keys);
	return r;
}

void program_set_taps(struct program *p, uint32_t port, const struct tap_control *control)
{
	tap_control_set(&p->instances[port]->bss->tap, control);
}

int program_tap_map(const struct program *p)
{
	return bpf_map__fd(program_first(p)->maps.capture_rings);
}

void program_watch_maps(const struct program *p, struct watch_maps *out)
{
	*out = (struct watch_maps){
		.captures = bpf_map__fd(program_first(p)->maps.captures),
		.tap_states = bpf_map__fd(program_first(p)->maps.tap_states),
		.capture_rings = bpf_map__fd(program_first(p)->maps.capture_rings),
		.steered = bpf_map__fd(program_first(p)->maps.steered),
	};
}
