// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. */
#include "datapath/tap_rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "datapath/memory.h"
#include "lb/err.h"

#define RING_BYTES         (4u << 20) /* at a million packets of 60 bytes a second, 37 ms */
#define RING_BYTES_OF_MANY (1u << 20)
#define MANY_CPUS          16

struct tap_rings {
	int map;
	uint32_t kind, cpus, size;
	uint32_t next; /* CPU to begin with: none is always the last */
	struct tap_ring *rings[];
};

uint32_t tap_rings_size(uint32_t cpus)
{
	return cpus > MANY_CPUS ? RING_BYTES_OF_MANY : RING_BYTES;
}

int tap_rings_shape(struct bpf_map *map, uint32_t size)
{
	return bpf_map__set_value_size(bpf_map__inner_map(map), TAP_RING_MEMORY(size));
}

/* In the kernel's map it is where the programs find it; here it stays as memory. */
static int open_ring(struct tap_rings *r, uint32_t cpu)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	uint32_t index = cpu * TAP_RINGS + r->kind, bytes = TAP_RING_MEMORY(r->size);
	int failure = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tap_ring", sizeof(index), bytes, 1, &opts);
	if (fd < 0)
		return -errno;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		failure = -errno;
	} else {
		memory_hide(memory, bytes);
		r->rings[cpu] = memory;
		r->rings[cpu]->size = r->size;
		failure = bpf_map_update_elem(r->map, &index, &fd, BPF_ANY) ? -errno : 0;
	}
	close(fd);
	return failure;
}

int tap_rings_open(struct tap_rings **out, int map, uint32_t kind, uint32_t cpus, struct err *err)
{
	struct tap_rings *r = calloc(1, sizeof(*r) + cpus * sizeof(r->rings[0]));
	if (!r)
		return err_set(err, ENOMEM, "not enough memory to capture");
	r->map = map;
	r->kind = kind;
	r->cpus = cpus;
	r->size = tap_rings_size(cpus);
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		int failure = open_ring(r, cpu);
		if (!failure)
			continue;
		tap_rings_close(r);
		return err_set(err, -failure, "the kernel has no ring to capture by: %s",
			       strerror(-failure));
	}
	*out = r;
	return 0;
}

void tap_rings_close(struct tap_rings *r)
{
	if (!r)
		return;
	for (uint32_t cpu = 0; cpu < r->cpus; cpu++) {
		uint32_t index = cpu * TAP_RINGS + r->kind;
		bpf_map_delete_elem(r->map, &index);
		if (r->rings[cpu])
			munmap(r->rings[cpu], TAP_RING_MEMORY(r->size));
	}
	free(r);
}

static bool is_over(uint64_t until_ns)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec >= until_ns;
}

void tap_rings_drain(struct tap_rings *r, tap_fn *fn, void *context, uint64_t until_ns)
{
	for (uint32_t i = 0; r && i < r->cpus; i++) {
		uint32_t cpu = (r->next + i) % r->cpus;
		if (tap_ring_drain(r->rings[cpu], fn, context, until_ns) && is_over(until_ns)) {
			r->next = (cpu + 1) % r->cpus;
			return;
		}
	}
}
