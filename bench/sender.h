/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends a stream out of an interface, by one of three engines: AF_XDP sockets (`xsk`), BPF live
 * frames (`live`), the kernel's packet generator (`pktgen`). One thread a queue; a sender is opened
 * once and runs as often as is wanted.
 */
#ifndef WEIR_BENCH_SENDER_H
#define WEIR_BENCH_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/setting.h"

struct err;
struct place;
struct replay;
struct sender;
struct stream;

enum sender_engine {
	SENDER_AUTO,
	SENDER_XSK,
	SENDER_LIVE,
	SENDER_PKTGEN,
	SENDER_PLAIN,
	SENDER_BARE /* baselines of xsk and live; they count nothing */
};

setting_fn sender_read_engine; /* enum sender_engine */

#define SENDER_ENGINES "auto, xsk, live or pktgen"

struct sender_wanted {
	const struct place *from;
	const struct stream *stream; /* NULL where there is a replay */
	const struct replay *replay;
	enum sender_engine engine;
	uint32_t queues;      /* threads, one a queue */
	uint32_t first_queue; /* the others follow */
	int first_cpu;        /* -1: wherever; the others follow */
};

/* One run; what is 0 sets no limit, but of seconds and count one has to. */
struct sender_run {
	double pps; /* 0: as fast as it goes */
	double seconds;
	uint64_t count;
};

struct sender_sent {
	uint64_t packets, bytes;
	uint64_t failed; /* of the packets: refused by the driver, and lost */
	double seconds;  /* from the start to the last packet */
};

/* -EPERM, -EBUSY (a queue has another socket), -EOPNOTSUPP, each with what to do about it. */
int sender_open(struct sender **out, const struct sender_wanted *wanted, struct err *err);
void sender_close(struct sender *s); /* ends a run; NULL too */

/* What it became: "AF_XDP, copy mode, 1 queue". */
const char *sender_describe(const struct sender *s);
enum sender_engine sender_engine_of(const struct sender *s);

/* Starts a run and returns at once. */
int sender_start(struct sender *s, const struct sender_run *run, struct err *err);
/* Whether it runs still. Has to be asked often (sender_finish() does): it ends what is over. */
bool sender_goes_on(struct sender *s);
void sender_read(struct sender *s, struct sender_sent *out); /* of this run, also meanwhile */
void sender_stop(struct sender *s);                          /* asks for its end */

/* Waits for the end of a run. What went wrong in a thread comes out here. */
int sender_finish(struct sender *s, struct err *err);

/* All of it. */
int sender_do(struct sender *s, const struct sender_run *run, struct sender_sent *out,
	      struct err *err);

#endif
