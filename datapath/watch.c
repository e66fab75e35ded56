// SPDX-License-Identifier: BSD-2-Clause
/* See the header. A link that the daemon before left is replaced: its program knew other ports. */
#include "datapath/watch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/watch.skel.h"
#include "datapath/instance.h"
#include "datapath/port.h"
#include "datapath/tap.h"
#include "datapath/tap_rings.h"
#include "lb/err.h"

#define COUNTERS_PIN "watch_counts"
#define LINKS        4

struct watch {
	struct watch_bpf *programs;
	struct bpf_link *links[LINKS]; /* of those that count */
	struct bpf_link *kernel;       /* NULL: not attached */
	struct shared_array counters;
};

static void set_knobs(struct watch_bpf *p, const struct instance *instance,
		      const struct port *ports, uint32_t port_count)
{
	for (uint32_t i = 0; i < port_count; i++)
		p->bss->port_ifindex[i] = ports[i].ifindex;
	p->rodata->netns_cookie = instance->header->netns_cookie;
	p->rodata->tap_ring_mask = tap_rings_size(instance->cpus) - 1;
}

static int reuse_maps(struct watch *w, const struct watch_maps *maps)
{
	struct watch_bpf *p = w->programs;
	int r = bpf_map__reuse_fd(p->maps.captures, maps->captures);
	r = r ? r : bpf_map__reuse_fd(p->maps.tap_states, maps->tap_states);
	r = r ? r : bpf_map__reuse_fd(p->maps.capture_rings, maps->capture_rings);
	r = r ? r : bpf_map__reuse_fd(p->maps.steered, maps->steered);
	return r ? r : bpf_map__reuse_fd(p->maps.watch_counts, w->counters.fd);
}

void watch_set_port(struct watch *w, uint32_t port, int ifindex)
{
	if (w)
		__atomic_store_n(&w->programs->bss->port_ifindex[port], ifindex, __ATOMIC_RELAXED);
}

/* Those that count; the links are pinned. */
int watch_attach(struct watch *w, const struct instance *instance, struct err *err)
{
	const struct pins *pins = &instance->pins;
	struct bpf_program *const programs[LINKS] = {
		w->programs->progs.redirect_error,
		w->programs->progs.exception,
		w->programs->progs.bulk_sent,
		w->programs->progs.redirect_sent,
	};
	for (int i = 0; i < LINKS; i++) {
		char name[64];
		snprintf(name, sizeof(name), "watch-%s", bpf_program__name(programs[i]));
		w->links[i] = bpf_program__attach(programs[i]);
		if (!w->links[i])
			return err_set(err, errno, "no tracepoint for %s: %m", name);
		pins_drop(pins, name);
		int r = pins_put(pins, name, bpf_link__fd(w->links[i]), err);
		if (r)
			return r;
	}
	return 0;
}

static int load(struct watch *w, const struct instance *instance, const struct port *ports,
		uint32_t port_count, const struct watch_maps *maps, struct err *err)
{
	int r = shared_array_open(&w->counters, &instance->pins, COUNTERS_PIN,
				  sizeof(struct watch_counters), ABI_MAX_PORTS, err);
	if (r)
		return r;
	w->programs = watch_bpf__open();
	if (!w->programs)
		return err_set(err, errno, "can't read the tracepoint programs: %m");
	set_knobs(w->programs, instance, ports, port_count);
	r = reuse_maps(w, maps);
	r = r ? r : watch_bpf__load(w->programs);
	return r ? err_set(err, -r, "the kernel refused the tracepoint programs: %s", strerror(-r))
		 : 0;
}

int watch_open(struct watch **out, const struct instance *instance, const struct port *ports,
	       uint32_t port_count, const struct watch_maps *maps, struct err *err)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(err, ENOMEM, "not enough memory");
	int r = load(w, instance, ports, port_count, maps, err);
	if (r) {
		watch_close(w);
		return r;
	}
	*out = w;
	return 0;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	/* The pins keep those attached. */
	for (int i = 0; i < LINKS; i++)
		bpf_link__destroy(w->links[i]);
	bpf_link__destroy(w->kernel);
	watch_bpf__destroy(w->programs);
	shared_array_close(&w->counters);
	free(w);
}

void watch_counters(const struct watch *w, uint32_t port, struct watch_counters *out)
{
	*out = (struct watch_counters){};
	if (!w)
		return;
	const struct watch_counters *c = (const struct watch_counters *)w->counters.base + port;
	out->not_steered = __atomic_load_n(&c->not_steered, __ATOMIC_RELAXED);
	out->tx_failed = __atomic_load_n(&c->tx_failed, __ATOMIC_RELAXED);
}

void watch_reset(struct watch *w)
{
	if (w)
		memset(w->counters.base, 0, ABI_MAX_PORTS * sizeof(struct watch_counters));
}

static int attach_kernel(struct watch *w, bool wanted, struct err *err)
{
	if (!wanted) {
		bpf_link__destroy(w->kernel);
		w->kernel = NULL;
		return 0;
	}
	if (!w->kernel)
		w->kernel = bpf_program__attach(w->programs->progs.kernel_drop);
	return w->kernel ? 0 : err_set(err, errno, "the kernel's drops can't be watched: %m");
}

int watch_set_taps(struct watch *w, const struct tap_control *control, bool kernel, struct err *err)
{
	if (!w)
		return kernel ? err_set(err, EOPNOTSUPP,
					"this kernel's drops can't be seen: the log says why")
			      : 0;
	tap_control_set(&w->programs->bss->tap, control);
	return attach_kernel(w, kernel, err);
}
