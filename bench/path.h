/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way that is measured, for send, latency and ndr: the interface that packets go out of, and
 * those that they are expected at, with what sits there.
 */
#ifndef WEIR_BENCH_PATH_H
#define WEIR_BENCH_PATH_H

#include <jansson.h>
#include <stdbool.h>

#include "bench/place.h"
#include "bench/replay.h"
#include "bench/sender.h"
#include "bench/stream.h"
#include "bench/stream_settings.h"

struct err;
struct receiver;

struct path_settings {
	struct stream_settings stream;
	const char *from, *to; /* `to`: a list with commas, NULL: nobody listens */
	const char *replay;
	enum sender_engine engine;
	uint32_t queue, queues, cpu;
	bool generic;
};

#define PATH_SETTINGS(p)                                                                       \
	{"from", setting_text, .out = &(p)->from}, {"to", setting_text, .out = &(p)->to},      \
		{"engine", sender_read_engine, .out = &(p)->engine, .wanted = SENDER_ENGINES}, \
		{"queue", setting_whole, .out = &(p)->queue, .min = 0, .max = 63},             \
		{"queues", setting_whole, .out = &(p)->queues, .min = 1, .max = 64},           \
		{"cpu", setting_whole, .out = &(p)->cpu, .min = 0, .max = 1023},               \
		{"generic", setting_flag, .out = &(p)->generic}, STREAM_SETTINGS(&(p)->stream)

#define PATH_USAGE                                                                                 \
	"  --from INTERFACE   where packets go out: eth0, or NAMESPACE:eth0\n"                     \
	"  --to INTERFACE,... where they are expected, counted and dropped: the receivers run "    \
	"in\n"                                                                                     \
	"                     this process, so both ends have one clock. May be the same one\n"    \
	"  --engine ENGINE    auto, xsk (AF_XDP), live (BPF live frames) or pktgen; auto is xsk\n" \
	"                     where the NIC has zero copy, else live\n"                            \
	"  --queue N          of the interface, the first one (0); --queues N (1), one thread "    \
	"each\n"                                                                                   \
	"  --cpu N            of the first thread, the others follow (any)\n"                      \
	"  --generic          the receiver's XDP in generic mode\n" STREAM_USAGE

void path_settings_init(struct path_settings *p);

struct path {
	struct place from, to[PLACES_MAX];
	unsigned int to_count;
	struct stream stream;
	struct replay replay;
	struct sender *sender;
	struct receiver *receiver; /* NULL: nobody listens */
	double mean_length;
	char trap[256]; /* what it looks like when nothing arrives */
};

/* Everything, or -errno with words; path_close() in any case. `err` of wrong usage: -EINVAL. */
int path_open(struct path *p, struct path_settings *s, struct err *err);
void path_close(struct path *p);

/* Facts of a report: both ends, engine, packets, flows. */
void path_describe(const struct path *p, json_t *report);

/* Words for a receiver that hears nothing; returns -ENODATA. */
int path_is_silent(struct path *p, uint64_t sent, struct err *err);

#endif
