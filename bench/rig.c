// SPDX-License-Identifier: BSD-2-Clause
#include "bench/rig.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <time.h>

#include "bpf/packet.h"
#include "bpf/rewrite.h"
#include "lb/err.h"

_Static_assert(FRAMES_COUNT % LB_BURST == 0, "a pass is whole bursts");

int rig_open(struct rig *r, const struct frames *frames, enum frames_family family,
	     uint8_t protocol, uint32_t entries, struct err *err)
{
	*r = (struct rig){
		.frames = *frames,
		.family = family,
		.protocol = protocol,
		.now_ns = 1000000000,
		.random = 0x9e3779b97f4a7c15,
	};
	return balancer_open(&r->balancer, family, protocol, entries, err);
}

void rig_close(struct rig *r)
{
	balancer_close(&r->balancer);
}

/* --- on the clock ----------------------------------------------------------------------------- */

static uint64_t cpu_time_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* The next burst, as datapath/worker.c makes it from a receive ring. */
static inline void take_burst(const struct frames *f, uint32_t first, struct lb_packet *burst)
{
	for (uint32_t i = 0; i < LB_BURST; i++) {
		burst[i].data = frames_packet(f, first + i);
		burst[i].length = f->length;
		burst[i].ingress = 0;
		__builtin_prefetch(burst[i].data);
	}
}

static void touch_burst(const struct lb_packet *burst)
{
	static const struct link_addresses to = {{0x02, 0, 0, 0, 0, 3}, {0x02, 0, 0, 0, 0, 4}};
	uint64_t seen = 0;
	for (uint32_t i = 0; i < LB_BURST; i++) {
		seen += *(const uint64_t *)burst[i].data;
		rewrite_link(burst[i].data, &to);
	}
	__asm__ volatile("" : : "r"(seen) : "memory"); /* read, even if nobody wants to know */
}

static __attribute__((noinline)) uint64_t touch_pass(struct rig *r)
{
	struct lb_packet burst[LB_BURST];
	uint64_t start_ns = cpu_time_ns();
	for (uint32_t first = 0; first < FRAMES_COUNT; first += LB_BURST) {
		take_burst(&r->frames, first, burst);
		touch_burst(burst);
	}
	return cpu_time_ns() - start_ns;
}

static __attribute__((noinline)) uint64_t process_pass(struct rig *r)
{
	struct lb_packet burst[LB_BURST];
	struct balancer *b = &r->balancer;
	uint64_t start_ns = cpu_time_ns();
	for (uint32_t first = 0; first < FRAMES_COUNT; first += LB_BURST) {
		take_burst(&r->frames, first, burst);
		lb_process(&b->lb, b->snapshot, burst, LB_BURST, r->now_ns);
	}
	return cpu_time_ns() - start_ns;
}

/* --- off the clock ---------------------------------------------------------------------------- */

static uint64_t measure(struct rig *r, uint64_t (*pass)(struct rig *))
{
	struct calls before = calls_now();
	uint64_t took_ns = pass(r);
	struct calls after = calls_now();
	r->calls.allocations += after.allocations - before.allocations;
	r->calls.locks += after.locks - before.locks;
	return took_ns;
}

/* Flows that were not known. */
static uint64_t opened(const struct lb_counters *c)
{
	return c->flow_inserts + c->flow_untracked + c->flow_guarded;
}

/* A pass of which all packets must be forwarded, and at least `fresh` must open a flow. */
static int process(struct rig *r, uint64_t fresh, uint64_t *took_ns, struct err *err)
{
	const struct lb_counters *c = r->balancer.lb.counters;
	uint64_t forwarded = c->forwarded, flows = opened(c);
	*took_ns = measure(r, process_pass);
	r->now_ns += *took_ns;
	forwarded = c->forwarded - forwarded;
	flows = opened(c) - flows;
	if (forwarded == FRAMES_COUNT && flows >= fresh)
		return 0;
	return err_set(err, EINVAL,
		       "lb_process forwarded %" PRIu64 " of %u packets and opened %" PRIu64
		       " of %" PRIu64 " flows: what was measured is something else",
		       forwarded, FRAMES_COUNT, flows, fresh);
}

static void shape(struct rig *r, uint8_t tcp_flags)
{
	frames_shape(&r->frames, r->family, r->protocol, tcp_flags);
}

/* xorshift64* (Vigna, 2016), brought down to 0 to `below` - 1. */
static uint32_t random_below(struct rig *r, uint32_t below)
{
	r->random ^= r->random >> 12;
	r->random ^= r->random << 25;
	r->random ^= r->random >> 27;
	return ((r->random * 0x2545f4914f6cdd1d) >> 32) * below >> 32;
}

static void write_random(struct rig *r, uint32_t flows)
{
	for (uint32_t i = 0; i < FRAMES_COUNT; i++)
		frames_write(&r->frames, i, random_below(r, flows));
}

/* Flows from `first` on, and from 0 again after `flows`. */
static void write_range(struct rig *r, uint32_t first, uint32_t flows)
{
	for (uint32_t i = 0; i < FRAMES_COUNT; i++)
		frames_write(&r->frames, i, (first + i) % flows);
}

static int send_each(struct rig *r, uint32_t flows, struct err *err)
{
	uint64_t took_ns;
	for (uint32_t first = 0; first < flows; first += FRAMES_COUNT) {
		write_range(r, first, flows);
		int e = process(r, 0, &took_ns, err);
		if (e)
			return e;
	}
	return 0;
}

int rig_learn(struct rig *r, uint32_t flows, struct err *err)
{
	balancer_forget(&r->balancer);
	shape(r, PACKET_TCP_SYN);
	int e = send_each(r, flows, err);
	if (e)
		return e;
	shape(r, PACKET_TCP_ACK);
	return send_each(r, flows, err);
}

static double per_packet(uint64_t ns, uint32_t passes)
{
	return (double)ns / passes / FRAMES_COUNT;
}

int rig_try_known(struct rig *r, uint32_t flows, struct trial *out, struct err *err)
{
	uint64_t touch_ns = 0, process_ns = 0, took_ns;
	shape(r, PACKET_TCP_ACK);
	for (uint32_t pass = 0; pass < RIG_PASSES; pass++) {
		write_random(r, flows);
		touch_ns += measure(r, touch_pass);
		write_random(r, flows);
		int e = process(r, 0, &took_ns, err);
		if (e)
			return e;
		process_ns += took_ns;
	}
	out->touch_ns = per_packet(touch_ns, RIG_PASSES);
	out->process_ns = per_packet(process_ns, RIG_PASSES);
	return 0;
}

int rig_try_new(struct rig *r, struct trial *out, struct err *err)
{
	uint64_t touch_ns = 0, process_ns = 0, took_ns;
	balancer_forget(&r->balancer);
	shape(r, PACKET_TCP_SYN);
	for (uint32_t pass = 0; pass < RIG_OPENING; pass++) {
		write_range(r, pass * FRAMES_COUNT, FRAMES_FLOWS);
		touch_ns += measure(r, touch_pass);
		write_range(r, pass * FRAMES_COUNT, FRAMES_FLOWS);
		int e = process(r, FRAMES_COUNT, &took_ns, err);
		if (e)
			return e;
		process_ns += took_ns;
	}
	out->touch_ns = per_packet(touch_ns, RIG_OPENING);
	out->process_ns = per_packet(process_ns, RIG_OPENING);
	return 0;
}
