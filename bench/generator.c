// SPDX-License-Identifier: BSD-2-Clause
#include "bench/generator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "bench/frames.h"
#include "bpf/generator.skel.h"
#include "lb/err.h"

/* Runs of the program at a time when most of them only look at the clock: some 50 ms. */
#define SLOW_RUNS (1u << 20)

int generator_open(struct generator *g, struct err *err)
{
	g->skeleton = generator_bpf__open_and_load();
	if (!g->skeleton)
		return err_set(err, errno, "the kernel refused the generator: %m");
	return 0;
}

void generator_close(struct generator *g)
{
	generator_bpf__destroy(g->skeleton);
	g->skeleton = NULL;
}

struct traffic_knobs *generator_knobs(struct generator *g)
{
	return (struct traffic_knobs *)&g->skeleton->bss->knobs;
}

int generator_shape(struct generator *g, enum traffic_kind kind, uint8_t protocol,
		    uint8_t tcp_flags, struct err *err)
{
	struct frames frames;
	int r = frames_open(&frames, err);
	if (r)
		return r;
	frames_shape(&frames, FRAMES_IPV4, protocol, tcp_flags);
	frames_write(&frames, 0, 0);
	memcpy(&generator_knobs(g)->frames[kind], frames_packet(&frames, 0), TRAFFIC_FRAME);
	frames_close(&frames);
	return 0;
}

void generator_in_order(struct generator *g, uint32_t first, uint32_t count)
{
	struct traffic_knobs *knobs = generator_knobs(g);
	knobs->first = first;
	knobs->count = count;
	knobs->in_order = 1;
	g->skeleton->bss->next_flow = 0;
}

static int run(struct generator *g, uint32_t times, struct err *err)
{
	char frame[TRAFFIC_FRAME] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = times, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = GENERATOR_BATCH);
	if (bpf_prog_test_run_opts(bpf_program__fd(g->skeleton->progs.generate), &opts))
		return err_set(err, errno, "the kernel can't send live frames: %m");
	return 0;
}

int generator_send(struct generator *g, uint32_t frames, struct err *err)
{
	generator_knobs(g)->pause_ns = 0;
	generator_knobs(g)->left = frames;
	return run(g, frames, err);
}

int generator_send_slowly(struct generator *g, uint32_t frames, uint64_t pause_ns, struct err *err)
{
	struct traffic_knobs *knobs = generator_knobs(g);
	int r = 0;
	knobs->pause_ns = pause_ns;
	knobs->left = frames;
	while (__atomic_load_n(&knobs->left, __ATOMIC_RELAXED) && !r)
		r = run(g, SLOW_RUNS, err);
	return r;
}

uint64_t generator_sent(const struct generator *g, enum traffic_kind kind)
{
	return g->skeleton->bss->sent[kind];
}
