// SPDX-License-Identifier: BSD-2-Clause
/*
 * The engine `live`: bpf/sender.bpf.c, run by the kernel with frames that it then redirects. One
 * call lasts a whole run, since each takes some 20 ms to begin; a signal ends it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/sender_engine.h"
#include "bpf/sender.skel.h"

#define BATCH      64u
#define RUNS       (1u << 30)
#define FRAME_MOST 3400u /* what the kernel's page for a live frame holds */

struct engine {
	struct sender_bpf *skeleton;
	uint32_t longest;
};

static uint32_t longest(const struct stream *s)
{
	uint32_t most = 0;
	for (unsigned int i = 0; i < s->size_count; i++)
		most = s->sizes[i].length > most ? s->sizes[i].length : most;
	return most;
}

/* Copies into a map that can be mapped. */
static int fill(const struct bpf_map *map, const void *from, size_t size, struct err *err)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t whole = (size + page - 1) / page * page;
	void *to = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (to == MAP_FAILED)
		return err_set(err, errno, "can't fill a map of the sender: %m");
	memcpy(to, from, size);
	munmap(to, whole);
	return 0;
}

static int load(struct engine *e, const struct stream *s, struct err *err)
{
	struct sender_bpf *b = e->skeleton;
	memcpy((void *)&b->rodata->shape, &s->shape, sizeof(s->shape));
	b->rodata->frame_length = e->longest;
	int r = bpf_map__set_max_entries(b->maps.flows, s->flow_count);
	r = r ? r : bpf_map__set_max_entries(b->maps.sequences, s->flow_count);
	r = r ? r : bpf_map__set_max_entries(b->maps.order, s->order_count);
	r = r ? r : sender_bpf__load(b);
	if (r)
		return err_set(err, -r, "the kernel refused the sending program: %s", strerror(-r));
	memcpy(b->bss->sizes, s->sizes, sizeof(s->sizes));
	r = fill(b->maps.flows, s->flows, s->flow_count * sizeof(*s->flows), err);
	return r ? r : fill(b->maps.order, s->order, s->order_count * sizeof(*s->order), err);
}

static int open_engine(struct sender_thread *t, struct err *err)
{
	struct engine *e = t->engine = calloc(1, sizeof(*e));
	if (!e)
		return err_set(err, ENOMEM, "no memory for a sender");
	e->longest = longest(&t->stream);
	if (e->longest > FRAME_MOST)
		return err_set(err, EMSGSIZE,
			       "live frames have at most %u bytes: --engine xsk sends longer ones",
			       FRAME_MOST);
	e->skeleton = sender_bpf__open();
	if (!e->skeleton)
		return err_set(err, errno, "can't read the sending program: %m");
	return load(e, &t->stream, err);
}

static void close_engine(struct sender_thread *t)
{
	struct engine *e = t->engine;
	if (!e)
		return;
	sender_bpf__destroy(e->skeleton);
	free(e);
	t->engine = NULL;
}

static void begin(struct sender_thread *t)
{
	struct engine *e = t->engine;
	memset((void *)&e->skeleton->bss->sent, 0, sizeof(struct stream_sent));
}

static void note(struct sender_thread *t)
{
	struct engine *e = t->engine;
	const struct stream_sent *sent = (const void *)&e->skeleton->bss->sent;
	uint64_t packets = __atomic_load_n(&sent->packets, __ATOMIC_RELAXED);
	__atomic_store_n(&t->bytes, __atomic_load_n(&sent->bytes, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&t->last_ns, __atomic_load_n(&sent->last_ns, __ATOMIC_RELAXED),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&t->packets, packets, __ATOMIC_RELAXED);
}

static int run_engine(struct sender_thread *t, struct err *err)
{
	struct engine *e = t->engine;
	struct stream_knobs *knobs = (void *)&e->skeleton->bss->knobs;
	uint8_t *frame = calloc(1, e->longest);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = e->longest,
		    .repeat = RUNS, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	int r = frame ? 0 : -ENOMEM;
	*knobs = (struct stream_knobs){
		.start_ns = t->start_ns,
		.left = t->count,
		.ifindex = t->wanted->from->ifindex,
		.order = t->stream.order_count,
		.epoch = t->epoch,
	};
	if (t->pps > 0)
		knobs->pacer = pacer_at(t->pps, 1e9);
	bool bare = t->wanted->engine == SENDER_BARE;
	int program = bpf_program__fd(bare ? e->skeleton->progs.bare : e->skeleton->progs.send);
	while (!r && sender_thread_may_go_on(t))
		r = bpf_prog_test_run_opts(program, &opts);
	knobs->left = 0;
	free(frame);
	note(t);
	return !r || r == -EINTR
		       ? 0
		       : err_set(err, -r, "the kernel can't send live frames: %s", strerror(-r));
}

static void describe(const struct sender_thread *t, char *text, size_t size)
{
	snprintf(text, size, "BPF live frames in batches of %u, %u thread%s", BATCH,
		 t->wanted->queues, t->wanted->queues > 1 ? "s" : "");
}

const struct sender_ways sender_live = {
	.name = "live",
	.open = open_engine,
	.begin = begin,
	.run = run_engine,
	.note = note,
	.close = close_engine,
	.describe = describe,
};
