// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. A record is a struct tap_record and its bytes, in room for some more of them. */
#include "datapath/tap_rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lb/err.h"

#define RING_BYTES         (4u << 20) /* at a million records of 128 bytes a second, 30 ms */
#define RING_BYTES_OF_MANY (1u << 20)
#define MANY_CPUS          16
#define CLOCK_RECORDS      64 /* between two looks at the clock */

struct tap_ring_of_cpu {
	struct ring_buffer *buffer;
	int fd;
};

struct tap_rings {
	int map;
	uint32_t cpus;
	tap_fn *fn;
	void *context;
	uint64_t until_ns;
	uint32_t records; /* since the clock was looked at */
	uint32_t next;    /* CPU to begin with: none is always the last */
	struct tap_ring_of_cpu rings[];
};

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* -EAGAIN, once the time is over: that ends ring_buffer__consume() behind this record. */
static int on_record(void *context, void *data, size_t size)
{
	struct tap_rings *r = context;
	struct tap_record record;
	if (size < sizeof(record))
		return 0;
	memcpy(&record, data, sizeof(record));
	if (record.captured <= size - sizeof(record))
		r->fn(r->context, &record, (const char *)data + sizeof(record));
	if (++r->records < CLOCK_RECORDS)
		return 0;
	r->records = 0;
	return clock_now_ns() < r->until_ns ? 0 : -EAGAIN;
}

static int open_ring(struct tap_rings *r, uint32_t cpu)
{
	struct tap_ring_of_cpu *ring = &r->rings[cpu];
	uint32_t bytes = r->cpus > MANY_CPUS ? RING_BYTES_OF_MANY : RING_BYTES;
	ring->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tap_ring", 0, 0, bytes, NULL);
	if (ring->fd < 0)
		return -errno;
	ring->buffer = ring_buffer__new(ring->fd, on_record, r, NULL);
	if (!ring->buffer)
		return -errno;
	return bpf_map_update_elem(r->map, &cpu, &ring->fd, BPF_ANY) ? -errno : 0;
}

int tap_rings_open(struct tap_rings **out, int map, uint32_t cpus, struct err *err)
{
	struct tap_rings *r = calloc(1, sizeof(*r) + cpus * sizeof(r->rings[0]));
	if (!r)
		return err_set(err, ENOMEM, "not enough memory to capture");
	r->map = map;
	r->cpus = cpus;
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		r->rings[cpu].fd = -1;
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
		bpf_map_delete_elem(r->map, &cpu);
		ring_buffer__free(r->rings[cpu].buffer);
		if (r->rings[cpu].fd >= 0)
			close(r->rings[cpu].fd);
	}
	free(r);
}

void tap_rings_drain(struct tap_rings *r, tap_fn *fn, void *context, uint64_t until_ns)
{
	r->fn = fn;
	r->context = context;
	r->until_ns = until_ns;
	r->records = 0;
	for (uint32_t i = 0; i < r->cpus; i++) {
		uint32_t cpu = (r->next + i) % r->cpus;
		if (ring_buffer__consume(r->rings[cpu].buffer) == -EAGAIN) {
			r->next = (cpu + 1) % r->cpus;
			return;
		}
	}
}
