// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Everything that lasts is pinned; nothing is kept in this process. */
#include "datapath/decap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/decap.h" /* types that the skeleton names */
#include "bpf/decap.skel.h"
#include "datapath/pins.h"
#include "lb/err.h"

#define PIN_LINK     "decap-link"
#define PIN_COUNTERS "decap-counters"

static int put_all(int map, const void *keys, size_t size, uint32_t count)
{
	const uint8_t there = 1;
	for (uint32_t i = 0; i < count; i++)
		if (bpf_map_update_elem(map, (const char *)keys + i * size, &there, BPF_ANY))
			return -errno;
	return 0;
}

static int load(struct decap_bpf *program, const struct decap_input *in, struct err *err)
{
	program->rodata->tunnel_kind = in->kind;
	int r = decap_bpf__load(program);
	if (r == -EPERM)
		return err_set(err, EPERM, "not permitted to load the XDP program: run as root");
	if (!r)
		r = put_all(bpf_map__fd(program->maps.vips), in->vips, sizeof(*in->vips),
			    in->vip_count);
	if (!r)
		r = put_all(bpf_map__fd(program->maps.balancers), in->balancers,
			    sizeof(*in->balancers), in->balancer_count);
	return r ? err_set(err, -r, "the kernel refused the XDP program: %s", strerror(-r)) : 0;
}

/* A descriptor of the new link, or -errno. */
static int attach(struct decap_bpf *program, const struct decap_input *in, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_program__fd(program->progs.decap);
	int link = bpf_link_create(fd, in->ifindex, BPF_XDP, &opts);
	if (link == -EOPNOTSUPP || link == -ERANGE || link == -ENOSPC) {
		opts.flags = XDP_FLAGS_SKB_MODE;
		link = bpf_link_create(fd, in->ifindex, BPF_XDP, &opts);
	}
	if (link >= 0)
		return link;
	if (link == -EBUSY || link == -EEXIST)
		return err_set(err, EBUSY,
			       "another XDP program is attached to %s: stop its owner ('bpftool "
			       "link show' names links), or 'ip link set dev %s xdp off'",
			       in->interface, in->interface);
	return err_set(err, -link, "can't attach the XDP program to %s: %s", in->interface,
		       strerror(-link));
}

int decap_attach(const struct pins *pins, const struct decap_input *in, struct err *err)
{
	int there = pins_get(pins, PIN_LINK);
	if (there >= 0) {
		close(there);
		return 0;
	}
	struct decap_bpf *program = decap_bpf__open();
	if (!program)
		return err_set(err, errno, "can't read the XDP program that is built in: %m");
	int link = -1, r = load(program, in, err);
	if (!r)
		r = pins_put(pins, PIN_COUNTERS, bpf_map__fd(program->maps.counters), err);
	if (!r) {
		link = attach(program, in, err);
		r = link < 0 ? link : pins_put(pins, PIN_LINK, link, err);
	}
	if (link >= 0)
		close(link); /* the pin keeps it */
	decap_bpf__destroy(program);
	return r;
}

static void read_counters(int map, struct decap_counters *sum)
{
	enum { WORDS = sizeof(*sum) / sizeof(uint64_t) };
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each = cpus < 0 ? NULL : calloc(cpus, sizeof(*sum));
	uint32_t slot = 0;
	if (each && !bpf_map_lookup_elem(map, &slot, each))
		for (int i = 0; i < cpus * WORDS; i++)
			((uint64_t *)sum)[i % WORDS] += each[i];
	free(each);
}

void decap_read(const struct pins *pins, struct decap_state *out)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int link = pins_get(pins, PIN_LINK), counters = pins_get(pins, PIN_COUNTERS);
	*out = (struct decap_state){0};
	if (link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &size)) {
		out->ifindex = info.xdp.ifindex;
		out->attached = info.xdp.ifindex > 0;
	}
	if (out->attached && !bpf_xdp_query(out->ifindex, 0, &query))
		out->generic = query.attach_mode == XDP_ATTACHED_SKB;
	if (counters >= 0)
		read_counters(counters, &out->counters);
	if (link >= 0)
		close(link);
	if (counters >= 0)
		close(counters);
}
