// SPDX-License-Identifier: BSD-2-Clause
/* Control thread only. Owns the skeletons, the links and the perf buffer of the taps. */
#include "datapath/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/weir.skel.h"
#include "datapath/port.h"
#include "lb/err.h"
#include "lb/target_table.h"

#define TAP_PAGES 256 /* of 4 KiB, for each CPU */

struct program {
	uint32_t count;
	struct weir_bpf *instances[ABI_MAX_PORTS];
	int links[ABI_MAX_PORTS];
	struct perf_buffer *tap;
	tap_fn *tap_fn;
	void *tap_context;
	uint64_t tap_lost;
};

static struct weir_bpf *first(const struct program *p)
{
	return p->instances[0];
}

/* --- loading ------------------------------------------------------------------------------- */

static int share_maps(struct weir_bpf *to, struct weir_bpf *from)
{
	int err = bpf_map__reuse_fd(to->maps.xsks, bpf_map__fd(from->maps.xsks));
	if (!err)
		err = bpf_map__reuse_fd(to->maps.counters, bpf_map__fd(from->maps.counters));
	if (!err)
		err = bpf_map__reuse_fd(to->maps.targets, bpf_map__fd(from->maps.targets));
	if (!err)
		err = bpf_map__reuse_fd(to->maps.taps, bpf_map__fd(from->maps.taps));
	return err;
}

static int load_instance(struct program *p, uint32_t index, struct err *err)
{
	struct weir_bpf *skeleton = weir_bpf__open();
	if (!skeleton)
		return err_set(err, errno, "can't read the XDP program that is built in: %m");
	p->instances[index] = skeleton;
	skeleton->rodata->port_index = index;
	int r = index ? share_maps(skeleton, first(p)) : 0;
	if (!r)
		r = weir_bpf__load(skeleton);
	if (r == -EPERM)
		return err_set(err, EPERM,
			       "not permitted to load the XDP program: run as root, or with "
			       "CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW and CAP_PERFMON");
	if (r)
		return err_set(err, -r, "the kernel refused the XDP program: %s", strerror(-r));
	return 0;
}

int program_open(struct program **out, uint32_t count, struct err *err)
{
	struct program *p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, ENOMEM, "not enough memory");
	p->count = count;
	for (uint32_t i = 0; i < ABI_MAX_PORTS; i++)
		p->links[i] = -1;
	for (uint32_t i = 0; i < count; i++) {
		int r = load_instance(p, i, err);
		if (r) {
			program_close(p);
			return r;
		}
	}
	*out = p;
	return 0;
}

void program_close(struct program *p)
{
	if (!p)
		return;
	program_detach(p);
	perf_buffer__free(p->tap);
	/* The first instance owns the maps that the others share. */
	for (uint32_t i = p->count; i-- > 0;)
		weir_bpf__destroy(p->instances[i]);
	free(p);
}

/* --- attaching ----------------------------------------------------------------------------- */

static int attach_error(const struct port *port, int r, struct err *err)
{
	uint32_t other = 0;
	switch (r) {
	case -EBUSY:
	case -EEXIST:
		bpf_xdp_query_id(port->ifindex, 0, &other);
		return err_set(
			err, EBUSY,
			"%s is used already: XDP program %u is attached to it; stop its "
			"owner ('bpftool link show' names links), or 'ip link set dev %s xdp off'",
			port->name, other, port->name);
	case -ERANGE:
	case -ENOSPC:
		return err_set(
			err, -r,
			"%s refuses native XDP (%s): its queues or its peer's MTU do not fit; "
			"mend that, or set mode: generic",
			port->name, strerror(-r));
	default:
		return err_set(err, -r, "can't attach the XDP program to %s: %s", port->name,
			       strerror(-r));
	}
}

int program_attach(struct program *p, uint32_t index, struct port *port, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int program = program_fd(p, index);
	int fd = -EOPNOTSUPP;
	if (port->wanted != MODE_GENERIC)
		fd = bpf_link_create(program, port->ifindex, BPF_XDP, &opts);
	if (fd == -EOPNOTSUPP && port->wanted != MODE_ZEROCOPY) {
		opts.flags = XDP_FLAGS_SKB_MODE;
		fd = bpf_link_create(program, port->ifindex, BPF_XDP, &opts);
		port->generic = true;
	}
	if (fd < 0)
		return attach_error(port, fd, err);
	p->links[index] = fd;
	return 0;
}

void program_detach(struct program *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->links[i] >= 0)
			close(p->links[i]);
		p->links[i] = -1;
	}
}

int program_fd(const struct program *p, uint32_t index)
{
	return bpf_program__fd(p->instances[index]->progs.weir);
}

int program_set_socket(struct program *p, uint32_t port, uint32_t queue, int fd, struct err *err)
{
	uint32_t slot = ABI_XSK_SLOT(port, queue);
	if (bpf_map_update_elem(bpf_map__fd(first(p)->maps.xsks), &slot, &fd, BPF_ANY))
		return err_set(err, errno, "can't steer queue %u to its socket: %m", queue);
	return 0;
}

/* --- targets ------------------------------------------------------------------------------- */

static int fill_targets(int fd, const struct target_table *t)
{
	for (uint32_t i = 0; i <= t->mask; i++) {
		const struct target_entry *e = &t->entries[i];
		if (e->used && bpf_map_update_elem(fd, &e->key, &e->value, BPF_ANY))
			return -errno;
	}
	return 0;
}

int program_prepare_targets(struct program *p, const struct target_table *t, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "weir_targets", sizeof(struct target_key),
				sizeof(struct target), t->count ? t->count : 1, &opts);
	if (fd < 0)
		return err_set(err, errno, "can't make the table of services in the kernel: %m");
	int r = fill_targets(fd, t);
	if (r) {
		close(fd);
		return err_set(err, -r, "can't fill the table of services in the kernel: %s",
			       strerror(-r));
	}
	return fd;
}

int program_commit_targets(struct program *p, int fd, struct err *err)
{
	uint32_t slot = 0;
	int r = bpf_map_update_elem(bpf_map__fd(first(p)->maps.targets), &slot, &fd, BPF_ANY);
	int code = errno;
	close(fd);
	if (r)
		return err_set(err, code, "can't put the table of services in force: %s",
			       strerror(code));
	return 0;
}

/* --- counters and taps --------------------------------------------------------------------- */

int program_counters(const struct program *p, uint32_t port, struct port_counters *out)
{
	int cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		return cpus;
	struct port_counters *each = calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	int r = bpf_map_lookup_elem(bpf_map__fd(first(p)->maps.counters), &port, each);
	memset(out, 0, sizeof(*out));
	for (int cpu = 0; !r && cpu < cpus; cpu++) {
		const uint64_t *from = (const uint64_t *)&each[cpu];
		uint64_t *to = (uint64_t *)out;
		for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
			to[i] += from[i];
	}
	free(each);
	return r ? -errno : 0;
}

static void tap_sample(void *context, int cpu, void *data, __u32 size)
{
	struct program *p = context;
	struct tap_record record;
	if (size < sizeof(record))
		return;
	memcpy(&record, data, sizeof(record));
	if (record.captured <= size - sizeof(record) && p->tap_fn)
		p->tap_fn(p->tap_context, &record, (const char *)data + sizeof(record));
}

static void tap_missed(void *context, int cpu, __u64 count)
{
	((struct program *)context)->tap_lost += count;
}

int program_tap_arm(struct program *p, uint64_t reasons, uint32_t snaplen, struct err *err)
{
	if (reasons && !p->tap) {
		p->tap = perf_buffer__new(bpf_map__fd(first(p)->maps.taps), TAP_PAGES, tap_sample,
					  tap_missed, p, NULL);
		if (!p->tap)
			return err_set(err, errno, "no perf buffers to capture by: %m");
	}
	for (uint32_t i = 0; i < p->count; i++) {
		p->instances[i]->bss->tap.snaplen = snaplen;
		__atomic_store_n(&p->instances[i]->bss->tap.armed, reasons, __ATOMIC_RELEASE);
	}
	return 0;
}

void program_tap_drain(struct program *p, tap_fn *fn, void *context)
{
	if (!p->tap)
		return;
	p->tap_fn = fn;
	p->tap_context = context;
	perf_buffer__consume(p->tap);
}

uint64_t program_tap_lost(const struct program *p)
{
	return p->tap_lost;
}
