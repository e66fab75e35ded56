// SPDX-License-Identifier: BSD-2-Clause
/*
 * One program for each interface; they share the maps of flows, sums and latencies, but not that of
 * queues. Where there are sockets a thread fills a `struct received` of its own, which is added.
 */
#include "bench/receiver.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/receiver_socket.h"
#include "bpf/receiver.skel.h"
#include "lb/err.h"

/* As the program has it in its map: behind the lock. */
struct flow_entry {
	uint32_t lock, pad;
	struct received_flow flow;
};

struct side {
	struct receiver_bpf *skeleton;
	int link;
	struct receiver_socket *sockets; /* NULL: none */
};

struct receiver {
	struct receiver_wanted wanted;
	struct side sides[PLACES_MAX];
	int cpus;
	void *values; /* of a per-CPU map: one a CPU */
};

static int share(const struct receiver *r, struct receiver_bpf *s)
{
	const struct receiver_bpf *first = r->sides[0].skeleton;
	if (first == s)
		return bpf_map__set_max_entries(s->maps.flows, r->wanted.flows);
	int code = bpf_map__reuse_fd(s->maps.flows, bpf_map__fd(first->maps.flows));
	code = code ? code : bpf_map__reuse_fd(s->maps.totals, bpf_map__fd(first->maps.totals));
	return code ? code
		    : bpf_map__reuse_fd(s->maps.latencies, bpf_map__fd(first->maps.latencies));
}

static int load(struct receiver *r, unsigned int i, struct err *err)
{
	struct side *side = &r->sides[i];
	struct receiver_bpf *s = side->skeleton = receiver_bpf__open();
	if (!s)
		return err_set(err, errno, "can't read the receiving program: %m");
	s->rodata->take_all = r->wanted.all;
	s->rodata->timed = r->wanted.ear == RECEIVER_TIMES;
	memcpy((void *)s->rodata->own_mac, r->wanted.places[i].mac, ETH_ALEN);
	int code = share(r, s);
	code = code ? code : receiver_bpf__load(s);
	return code ? err_set(err, -code, "the kernel refused the receiving program: %s%s",
			      strerror(-code),
			      code == -EPERM ? " (CAP_BPF, CAP_NET_ADMIN: run it as root)" : "")
		    : 0;
}

static const struct bpf_program *program_of(const struct receiver *r, const struct side *side)
{
	if (r->wanted.ear != RECEIVER_READS)
		return side->skeleton->progs.count;
	return r->wanted.sockets ? side->skeleton->progs.hand_over : side->skeleton->progs.receive;
}

static int attach(struct receiver *r, unsigned int i, struct err *err)
{
	const struct place *p = &r->wanted.places[i];
	struct side *side = &r->sides[i];
	const struct bpf_program *program = program_of(r, side);
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = r->wanted.generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int back, code = place_enter(p, &back, err);
	if (code)
		return code;
	side->link = bpf_link_create(bpf_program__fd(program), p->ifindex, BPF_XDP, &opts);
	place_leave(back);
	if (side->link >= 0)
		return 0;
	code = side->link;
	if (code == -EBUSY || code == -EEXIST)
		return err_set(err, EBUSY,
			       "%s has an XDP program already, and there is room for one: "
			       "bpftool net detach xdp dev %s, or stop who holds it",
			       p->label, p->name);
	return err_set(err, -code, "can't attach to %s in %s mode: %s%s", p->label,
		       r->wanted.generic ? "generic" : "native", strerror(-code),
		       r->wanted.generic ? "" : " (--mode generic takes every driver)");
}

static int open_side(struct receiver *r, unsigned int i, struct err *err)
{
	int code = load(r, i, err);
	if (!code && r->wanted.sockets)
		code = receiver_socket_open(&r->sides[i].sockets, &r->wanted.places[i],
					    r->wanted.flows,
					    bpf_map__fd(r->sides[i].skeleton->maps.sockets), err);
	return code ? code : attach(r, i, err);
}

int receiver_open(struct receiver **out, const struct receiver_wanted *wanted, struct err *err)
{
	struct receiver *r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(err, ENOMEM, "no memory for a receiver");
	r->wanted = *wanted;
	r->cpus = libbpf_num_possible_cpus();
	r->values = r->cpus > 0 ? calloc(r->cpus, sizeof(struct received)) : NULL;
	for (unsigned int i = 0; i < PLACES_MAX; i++)
		r->sides[i].link = -1;
	int code = r->values ? 0 : err_set(err, ENOMEM, "no memory for a receiver");
	for (unsigned int i = 0; i < wanted->place_count && !code; i++)
		code = open_side(r, i, err);
	if (code)
		receiver_close(r);
	else
		*out = r;
	return code;
}

void receiver_close(struct receiver *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < PLACES_MAX; i++) {
		if (r->sides[i].link >= 0)
			close(r->sides[i].link);
		receiver_socket_close(r->sides[i].sockets);
	}
	for (unsigned int i = PLACES_MAX; i-- > 0;)
		receiver_bpf__destroy(r->sides[i].skeleton);
	free(r->values);
	free(r);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void add(struct received *to, const struct received *from)
{
	received_add(&to->stamped, &from->stamped);
	to->bytes += from->bytes;
	to->others += from->others;
	to->misaddressed += from->misaddressed;
	to->unknown += from->unknown;
	to->early += from->early;
	if (from->first_ns && (!to->first_ns || from->first_ns < to->first_ns))
		to->first_ns = from->first_ns;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
}

void receiver_read(const struct receiver *r, struct received *out)
{
	uint32_t zero = 0;
	const struct received *each = r->values;
	*out = (struct received){};
	if (bpf_map_lookup_elem(bpf_map__fd(r->sides[0].skeleton->maps.totals), &zero, r->values))
		abort(); /* a map of ours: there is no way to go on counting */
	for (int cpu = 0; cpu < r->cpus; cpu++)
		add(out, &each[cpu]);
	for (unsigned int i = 0; i < r->wanted.place_count; i++)
		if (r->sides[i].sockets)
			add(out, receiver_socket_counts(r->sides[i].sockets));
}

static uint64_t read_sum(const struct receiver *r, const struct bpf_map *map, uint32_t key)
{
	const uint64_t *each = r->values;
	uint64_t sum = 0;
	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, r->values))
		abort();
	for (int cpu = 0; cpu < r->cpus; cpu++)
		sum += each[cpu];
	return sum;
}

void receiver_read_latency(const struct receiver *r, uint64_t *counts)
{
	for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS && !r->wanted.sockets; slot++)
		counts[slot] += read_sum(r, r->sides[0].skeleton->maps.latencies, slot);
	for (unsigned int i = 0; i < r->wanted.place_count && r->wanted.sockets; i++)
		for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++)
			counts[slot] += receiver_socket_latency(r->sides[i].sockets)[slot];
}

void receiver_read_queues(const struct receiver *r, unsigned int place, uint64_t *counts)
{
	const struct side *side = &r->sides[place];
	for (uint32_t queue = 0; queue < RECEIVED_QUEUES; queue++)
		counts[queue] = side->sockets ? receiver_socket_queue(side->sockets, queue)
					      : read_sum(r, side->skeleton->maps.queues, queue);
}

bool receiver_read_flow(const struct receiver *r, uint32_t flow, struct received_flow *out)
{
	struct flow_entry entry;
	*out = (struct received_flow){};
	if (!r->wanted.sockets) {
		if (bpf_map_lookup_elem(bpf_map__fd(r->sides[0].skeleton->maps.flows), &flow,
					&entry))
			return false;
		*out = entry.flow;
		return out->counts.received;
	}
	for (unsigned int i = 0; i < r->wanted.place_count; i++)
		received_add(&out->counts,
			     &receiver_socket_flow(r->sides[i].sockets, flow)->counts);
	return out->counts.received;
}
