/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine that has nothing but taps, which a test fills by drop(): what is armed is a struct for
 * the test to look at, and records wait until they are drained. To be included once in a test
 * program, in the place of the real engine.
 */
#ifndef WEIR_TESTS_TAP_ENGINE_H
#define WEIR_TESTS_TAP_ENGINE_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "datapath/engine.h"
#include "datapath/taps.h"
#include "lb/config.h"
#include "lb/err.h"

#define PORTS     2
#define FRAME_MAX 2048

struct fake_record {
	struct tap_record head;
	uint8_t bytes[FRAME_MAX];
};

struct engine {
	struct port ports[PORTS];
	struct port_counters counters[PORTS];
	struct capture_slot slots[CAPTURES_MAX];
	uint32_t armed;  /* slots in use */
	uint64_t lost;   /* records that found a ring full */
	uint64_t unseen; /* drops that no tap could see */
	struct filter_machine machine;
	struct fake_record *records; /* what the taps hold */
	uint32_t count, capacity;
};

static struct engine fake_engine;

int taps_set(struct engine *e, uint32_t slot, const struct capture_slot *want, struct err *err)
{
	e->slots[slot] = *want;
	e->armed |= 1u << slot;
	return 0;
}

void taps_clear(struct engine *e, uint32_t slot)
{
	e->armed &= ~(1u << slot);
}

void taps_close(struct engine *e)
{
	assert_int_equal(e->armed, 0);
}

void taps_credit(struct engine *e, uint32_t slot, int64_t packets, int64_t most)
{
	e->slots[slot].credit += packets;
	if (e->slots[slot].credit > most)
		e->slots[slot].credit = most;
}

void taps_tally(const struct engine *e, uint32_t slot, uint32_t port, struct capture_tally *out)
{
	*out = (struct capture_tally){.lost_full = port ? 0 : e->lost};
}

uint64_t taps_unseen(const struct engine *e, const struct capture_slot *want, uint32_t port)
{
	return want->reasons >> REASON_TX_FAILED & 1 && !port ? e->unseen : 0;
}

/* A packet as filters read it. */
static inline int filter_load(void *source, __u32 offset, void *to, __u32 size)
{
	const struct fake_record *r = source;
	memcpy(to, r->bytes + offset, size);
	return 0;
}

#include "bpf/filter.h"

static inline bool slot_wants(struct engine *e, uint32_t i, struct fake_record *r)
{
	const struct capture_slot *slot = &e->slots[i];
	if (!(e->armed >> i & 1) || !capture_names(slot, &r->head))
		return false;
	filter_begin(&e->machine, r->head.length);
	while (slot->filter_length && !filter_step(&e->machine, &slot->filter[e->machine.pc], r))
		;
	return !slot->filter_length || e->machine.result;
}

void taps_drain(struct engine *e, tap_fn *fn, void *context, uint64_t until_ns)
{
	for (uint32_t i = 0; i < e->count; i++) {
		struct fake_record *r = &e->records[i];
		for (uint32_t slot = 0; slot < CAPTURES_MAX; slot++)
			if (slot_wants(e, slot, r))
				r->head.captures |= 1u << slot;
		if (r->head.captures)
			fn(context, &r->head, r->bytes);
	}
	e->count = 0;
}

uint32_t engine_port_count(const struct engine *e)
{
	return PORTS;
}

const struct port *engine_port(const struct engine *e, uint32_t index)
{
	return &e->ports[index];
}

int engine_port_counters(const struct engine *e, uint32_t index, struct port_counters *out)
{
	*out = e->counters[index];
	return 0;
}

/* The rest is here to keep the real engine out of this program. */
int engine_open(struct engine **out, const struct config *config,
		const struct instance_names *names, struct err *err)
{
	return -ENOSYS;
}

bool engine_inherited(const struct engine *e, const char **replaced)
{
	return false;
}

void engine_leave(struct engine *e)
{
}

int engine_fast_traffic(const struct engine *e, uint32_t first, uint32_t count,
			struct fast_traffic *out)
{
	return -ENOSYS;
}

int engine_rule_traffic(const struct engine *e, uint32_t rule, struct rule_traffic *out)
{
	*out = (struct rule_traffic){.packets = 5, .bytes = 300, .refused = 5, .last_ns = 1};
	return 0;
}

void engine_reset_rule(struct engine *e, uint32_t rule)
{
}

const struct flow_table *engine_flow_table(const struct engine *e)
{
	return NULL;
}

void engine_close(struct engine *e)
{
}

int engine_publish(struct engine *e, struct snapshot *s, struct policy_stage *policy,
		   struct err *err)
{
	return -ENOSYS;
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
	return NULL;
}

int engine_socket_counters(const struct engine *e, uint32_t port, uint32_t queue,
			   struct socket_counters *out)
{
	return -ENOSYS;
}

uint32_t engine_worker_count(const struct engine *e)
{
	return 0;
}

void engine_worker(const struct engine *e, uint32_t index, struct engine_worker *out)
{
}

void engine_drops(const struct engine *e, struct engine_drops *out)
{
}

void engine_ledger(const struct engine *e, struct engine_ledger *out)
{
}

void engine_flows(const struct engine *e, uint64_t entries[FLOW_STATES])
{
}

void engine_tick(struct engine *e, uint64_t now_ns)
{
}

/* --- what a test does with it ------------------------------------------------------------------
 */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline void start_engine(struct engine *e)
{
	free(e->records);
	memset(e, 0, sizeof(*e));
	for (int i = 0; i < PORTS; i++) {
		snprintf(e->ports[i].name, sizeof(e->ports[i].name), "port%d", i);
		strcpy(e->ports[i].driver, "veth");
		e->ports[i].mac[5] = (uint8_t)i;
		e->ports[i].there = true;
	}
}

/* An Ethernet frame with IPv4 and UDP to `port`. */
static inline void fill_frame(uint8_t *frame, uint16_t port)
{
	static const uint8_t head[] = {
		2,    0,    0, 0,  0,   1,  2,   0,  0,  0,  0, 2, 8, 0, /* Ethernet */
		0x45, 0,    0, 46, 0,   0,  0,   0,  64, 17, 0, 0,       /* IPv4 */
		192,  0,    2, 1,  203, 0,  113, 10,                     /* addresses */
		0x9c, 0x40, 0, 0,  0,   26, 0,   0,                      /* UDP */
	};
	memcpy(frame, head, sizeof(head));
	frame[36] = port >> 8;
	frame[37] = (uint8_t)port;
}

static inline struct tap_record *drop(enum reason reason, uint16_t port, uint32_t length)
{
	struct engine *e = &fake_engine;
	if (e->count == e->capacity) {
		e->capacity = e->capacity ? 2 * e->capacity : 64;
		e->records = realloc(e->records, e->capacity * sizeof(*e->records));
	}
	struct fake_record *r = &e->records[e->count++];
	memset(r, 0, sizeof(*r));
	fill_frame(r->bytes, port);
	r->head = (struct tap_record){
		.time_ns = clock_ns(CLOCK_MONOTONIC),
		.length = length,
		.captured = length,
		.service = ABI_NO_SERVICE,
		.backend = ABI_NO_BACKEND,
		.rule = ABI_NO_RULE,
		.reason = reason,
	};
	return &r->head;
}

#endif
