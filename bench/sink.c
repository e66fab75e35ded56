// SPDX-License-Identifier: BSD-2-Clause
#include "bench/sink.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/sink.skel.h"
#include "lb/err.h"

int sink_open(struct sink *s, uint32_t watched, struct err *err)
{
	*s = (struct sink){.skeleton = sink_bpf__open()};
	if (!s->skeleton)
		return err_set(err, errno, "can't read the sink: %m");
	s->skeleton->rodata->watch = watched != 0;
	int r = bpf_map__set_max_entries(s->skeleton->maps.backends, watched ? watched : 1);
	if (!r)
		r = sink_bpf__load(s->skeleton);
	if (!r)
		return 0;
	sink_close(s);
	return err_set(err, -r, "the kernel refused the sink: %s", strerror(-r));
}

void sink_close(struct sink *s)
{
	for (unsigned int i = 0; i < s->link_count; i++)
		close(s->links[i]);
	sink_bpf__destroy(s->skeleton);
	*s = (struct sink){};
}

int sink_attach(struct sink *s, int ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(bpf_program__fd(s->skeleton->progs.sink), ifindex, BPF_XDP, &opts);
	if (fd < 0)
		return err_set(err, -fd, "can't attach the sink: %s", strerror(-fd));
	assert(s->link_count < SINK_LINKS);
	s->links[s->link_count++] = fd;
	return 0;
}

void sink_read(const struct sink *s, struct traffic_seen *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct traffic_seen *each = cpus < 0 ? NULL : calloc(cpus, sizeof(*each));
	uint32_t zero = 0;
	*out = (struct traffic_seen){};
	if (!each || bpf_map_lookup_elem(bpf_map__fd(s->skeleton->maps.seen), &zero, each))
		abort(); /* a map of ours: there is no way to go on counting */
	for (int i = 0; i < cpus; i++) {
		for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
			out->packets[kind] += each[i].packets[kind];
		out->moved += each[i].moved;
	}
	free(each);
}
