/* SPDX-License-Identifier: BSD-2-Clause */
/* What bench/sender.c and its engines have to do with each other. */
#ifndef WEIR_BENCH_SENDER_ENGINE_H
#define WEIR_BENCH_SENDER_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/sender.h"
#include "bench/stream.h"
#include "bench/ticks.h"
#include "lb/err.h"

struct sender_ways;

/* One thread: a part of the flows by one queue. */
struct sender_thread {
	const struct sender_wanted *wanted;
	const struct sender_ways *ways;
	const struct ticks *ticks;
	struct stream stream; /* its own flows and order; empty for a replay */
	uint32_t queue;
	int cpu;
	void *engine; /* the engine's own */

	/* Of the run. Read by the thread. */
	double pps;
	uint64_t count;              /* packets at most */
	uint64_t start_ns, until_ns; /* CLOCK_MONOTONIC */
	uint32_t epoch;
	bool stop; /* set by others */

	/* Written by the thread, with relaxed stores; read by others. */
	uint64_t packets, bytes, failed, last_ns;
	bool running;
	int code;
	struct err err;
	pthread_t thread;
};

struct sender_ways {
	const char *name;
	int (*open)(struct sender_thread *t, struct err *err);
	void (*begin)(struct sender_thread *t); /* sets its counters to 0; NULL: it has none */
	int (*run)(struct sender_thread *t, struct err *err); /* in the place's namespace */
	void (*note)(struct sender_thread *t); /* brings its counters up to date; NULL: they are */
	void (*close)(struct sender_thread *t);
	void (*describe)(const struct sender_thread *t, char *text, size_t size);
};

extern const struct sender_ways sender_xsk, sender_live, sender_pktgen, sender_plain;

static inline bool sender_thread_may_go_on(const struct sender_thread *t)
{
	return !__atomic_load_n(&t->stop, __ATOMIC_RELAXED);
}

#endif
