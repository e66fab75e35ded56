// SPDX-License-Identifier: BSD-2-Clause
#include "bench/dut.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "bench/netns.h"
#include "bpf/abi.h"
#include "bpf/reflect.skel.h"
#include "lb/err.h"
#include "lb/flow_table.h"

#define STOP_SECONDS 10

/* What a first backend of Weir gets. */
static const struct link_addresses reflect_to = {
	.destination = {0x02, 0, 0, 0, 0x0b, WIRE_FIRST_BACKEND},
	.source = {0x02, 0, 0, 0, 0, 0x01},
};

int dut_open(struct dut *d, int near, const char *name, struct err *err)
{
	*d = (struct dut){.link = -1};
	return wire_open(&d->wire, near, name, 1, err);
}

void dut_close(struct dut *d)
{
	dut_stop(d);
	wire_close(&d->wire);
}

void dut_stop(struct dut *d)
{
	child_stop(&d->child, STOP_SECONDS);
	if (d->link >= 0)
		close(d->link);
	d->link = -1;
	reflect_bpf__destroy(d->reflect);
	d->reflect = NULL;
}

/* Interfaces are found in the namespace one is in. */
static int attach_far(const struct dut *d, int program, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int here = netns_here(err);
	int r = here < 0 ? here : netns_enter(d->wire.far, err);
	if (!r)
		r = bpf_link_create(program, if_nametoindex(WIRE_FAR_NAME), BPF_XDP, &opts);
	if (r < 0)
		err_set(err, -r, "can't attach the baseline: %s", strerror(-r));
	int back = here < 0 ? 0 : netns_enter(here, err);
	if (here >= 0)
		close(here);
	return back ? back : r;
}

static int load_baseline(struct dut *d, uint32_t lines, struct err *err)
{
	d->reflect = reflect_bpf__open();
	if (!d->reflect)
		return err_set(err, errno, "can't read the baseline: %m");
	memcpy((void *)&d->reflect->rodata->to, &reflect_to, sizeof(reflect_to));
	d->reflect->rodata->table_mask = lines - 1;
	int r = bpf_map__set_max_entries(d->reflect->maps.table, lines);
	r = r ? r : reflect_bpf__load(d->reflect);
	return r ? err_set(err, -r, "the kernel refused the baseline: %s", strerror(-r)) : 0;
}

static int start_baseline(struct dut *d, struct bpf_program *program, struct err *err)
{
	d->link = attach_far(d, bpf_program__fd(program), err);
	return d->link < 0 ? d->link : 0;
}

int dut_start_reflect(struct dut *d, struct err *err)
{
	int r = load_baseline(d, 1, err);
	return r ? r : start_baseline(d, d->reflect->progs.reflect, err);
}

int dut_start_look_up(struct dut *d, uint32_t entries, struct err *err)
{
	int r = load_baseline(d, flow_table_buckets(entries), err);
	return r ? r : start_baseline(d, d->reflect->progs.look_up, err);
}

int dut_start_refuse(struct dut *d, struct err *err)
{
	int r = load_baseline(d, 1, err);
	return r ? r : start_baseline(d, d->reflect->progs.refuse, err);
}
