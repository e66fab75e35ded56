// SPDX-License-Identifier: BSD-2-Clause
#include "bench/sender.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/machine.h"
#include "bench/place.h"
#include "bench/sender_engine.h"

/* From the word to the first packet: a call that sends live frames takes some 20 ms to begin. */
#define HEAD_START_NS 40000000ull
#define LOOK_NS       1000000
#define QUEUES_MAX    64u
#define BUSY_LOOKS    20
#define BUSY_LOOK_NS  50000000

/* Interrupts a call that sends live frames; it does nothing else. */
#define WAKE_SIGNAL SIGUSR1

struct sender {
	struct sender_wanted wanted;
	enum sender_engine engine;
	const struct sender_ways *ways;
	struct ticks ticks;
	uint32_t epoch;
	bool started;
	unsigned int thread_count;
	struct sender_thread *threads;
	char description[160];
};

bool sender_read_engine(const struct setting *s, const char *text)
{
	static const char *const names[] = {"auto", "xsk", "live", "pktgen"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]))
			continue;
		*(enum sender_engine *)s->out = i;
		return true;
	}
	return false;
}

static void ignore(int signal)
{
}

/* A zero-copy NIC is fastest by its socket, others from within the kernel, where that can be. */
static enum sender_engine choose(const struct sender_wanted *w)
{
	if (w->engine != SENDER_AUTO)
		return w->engine;
	return w->replay || w->from->zerocopy || !place_takes_frames(w->from) ? SENDER_XSK
									      : SENDER_LIVE;
}

static const struct sender_ways *ways_of(enum sender_engine engine)
{
	switch (engine) {
	case SENDER_LIVE:
	case SENDER_BARE:
		return &sender_live;
	case SENDER_PKTGEN:
		return &sender_pktgen;
	case SENDER_PLAIN:
		return &sender_plain;
	default:
		return &sender_xsk;
	}
}

static int open_thread(struct sender *s, unsigned int i, struct err *err)
{
	struct sender_thread *t = &s->threads[i];
	int back, r = 0;
	*t = (struct sender_thread){
		.wanted = &s->wanted,
		.ways = s->ways,
		.ticks = &s->ticks,
		.queue = s->wanted.first_queue + i,
		.cpu = s->wanted.first_cpu < 0 ? -1 : s->wanted.first_cpu + (int)i,
	};
	if (s->wanted.stream)
		r = stream_split(s->wanted.stream, i, s->thread_count, &t->stream, err);
	if (!r)
		r = place_enter(s->wanted.from, &back, err);
	if (r)
		return r;
	r = s->ways->open(t, err);
	place_leave(back);
	return r;
}

static int open_threads(struct sender *s, struct err *err)
{
	int r = 0;
	s->threads = calloc(s->thread_count, sizeof(*s->threads));
	if (!s->threads)
		return err_set(err, ENOMEM, "no memory for %u threads", s->thread_count);
	for (unsigned int i = 0; i < s->thread_count && !r; i++)
		r = open_thread(s, i, err);
	return r;
}

static void close_threads(struct sender *s)
{
	for (unsigned int i = 0; s->threads && i < s->thread_count; i++) {
		if (s->threads[i].ways)
			s->ways->close(&s->threads[i]);
		stream_close(&s->threads[i].stream);
	}
	free(s->threads);
	s->threads = NULL;
}

/* The kernel lets go of a closed socket's queue a little later, so a busy one is asked again. */
static int open_when_free(struct sender *s, struct err *err)
{
	int r = open_threads(s, err);
	for (int i = 0; i < BUSY_LOOKS && r == -EBUSY; i++) {
		close_threads(s);
		nanosleep(&(struct timespec){.tv_nsec = BUSY_LOOK_NS}, NULL);
		r = open_threads(s, err);
	}
	return r;
}

static int check(const struct sender *s, struct err *err)
{
	const struct sender_wanted *w = &s->wanted;
	if (w->replay && s->engine != SENDER_XSK)
		return err_set(err, EINVAL, "--replay needs --engine xsk");
	if (w->queues < 1 || w->queues > QUEUES_MAX || w->first_queue + w->queues > w->from->queues)
		return err_set(err, EINVAL, "%s sends by %u queues: 0 to %u (--queue, --queues)",
			       w->from->label, w->from->queues, w->from->queues - 1);
	return 0;
}

int sender_open(struct sender **out, const struct sender_wanted *wanted, struct err *err)
{
	struct sigaction wake = {.sa_handler = ignore};
	struct sender *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ENOMEM, "no memory for a sender");
	s->wanted = *wanted;
	s->engine = choose(wanted);
	s->ways = ways_of(s->engine);
	s->thread_count = wanted->queues;
	s->epoch = ticks_clock_ns() >> 20;
	sigaction(WAKE_SIGNAL, &wake, NULL);
	int r = check(s, err);
	if (!r) {
		s->ticks = ticks_compare(100);
		r = open_when_free(s, err);
	}
	if (r) {
		sender_close(s);
		return r;
	}
	s->ways->describe(&s->threads[0], s->description, sizeof(s->description));
	*out = s;
	return 0;
}

void sender_close(struct sender *s)
{
	if (!s)
		return;
	sender_stop(s);
	sender_finish(s, NULL);
	close_threads(s);
	free(s);
}

const char *sender_describe(const struct sender *s)
{
	return s->description;
}

enum sender_engine sender_engine_of(const struct sender *s)
{
	return s->engine;
}

/* --- a run ------------------------------------------------------------------------------------ */

static void *run_thread(void *context)
{
	struct sender_thread *t = context;
	int back;
	if (t->cpu >= 0)
		machine_pin(t->cpu);
	t->code = place_enter(t->wanted->from, &back, &t->err);
	if (!t->code) {
		t->code = t->ways->run(t, &t->err);
		place_leave(back);
	}
	__atomic_store_n(&t->running, false, __ATOMIC_RELEASE);
	return NULL;
}

/* Its share of the packets; the first threads take what is left over. */
static uint64_t share(uint64_t count, unsigned int thread, unsigned int threads)
{
	return count / threads + (thread < count % threads);
}

int sender_start(struct sender *s, const struct sender_run *run, struct err *err)
{
	uint64_t start_ns = ticks_clock_ns() + HEAD_START_NS;
	uint64_t count = run->count ? run->count : UINT64_MAX;
	if (run->pps > 0 && run->seconds > 0 && run->pps * run->seconds < count)
		count = llround(run->pps * run->seconds);
	s->epoch++;
	s->started = true;
	for (unsigned int i = 0; i < s->thread_count; i++) {
		struct sender_thread *t = &s->threads[i];
		t->pps = run->pps / s->thread_count;
		t->count = count == UINT64_MAX ? count : share(count, i, s->thread_count);
		t->start_ns = start_ns;
		t->until_ns = run->seconds > 0 ? start_ns + run->seconds * 1e9 : UINT64_MAX;
		t->epoch = s->epoch & 0xff;
		t->packets = t->bytes = t->failed = 0;
		t->last_ns = start_ns;
		if (t->ways->begin)
			t->ways->begin(t);
		t->stop = false;
		t->code = 0;
		t->running = true;
		int r = pthread_create(&t->thread, NULL, run_thread, t);
		if (!r)
			continue;
		t->running = false;
		t->thread = 0;
		sender_stop(s);
		sender_finish(s, NULL);
		return err_set(err, r, "can't start a thread: %s", strerror(r));
	}
	return 0;
}

static bool is_running(const struct sender *s)
{
	for (unsigned int i = 0; i < s->thread_count; i++)
		if (__atomic_load_n(&s->threads[i].running, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* What the kernel has sent for a thread that waits in it. */
static void note(struct sender_thread *t)
{
	if (t->ways->note)
		t->ways->note(t);
}

void sender_read(struct sender *s, struct sender_sent *out)
{
	uint64_t last_ns = 0;
	*out = (struct sender_sent){};
	for (unsigned int i = 0; i < s->thread_count; i++) {
		struct sender_thread *t = &s->threads[i];
		note(t);
		uint64_t at = __atomic_load_n(&t->last_ns, __ATOMIC_RELAXED);
		out->packets += __atomic_load_n(&t->packets, __ATOMIC_RELAXED);
		out->bytes += __atomic_load_n(&t->bytes, __ATOMIC_RELAXED);
		out->failed += __atomic_load_n(&t->failed, __ATOMIC_RELAXED);
		last_ns = at > last_ns ? at : last_ns;
	}
	out->seconds = (last_ns - s->threads[0].start_ns) / 1e9;
}

void sender_stop(struct sender *s)
{
	for (unsigned int i = 0; s->threads && i < s->thread_count; i++)
		__atomic_store_n(&s->threads[i].stop, true, __ATOMIC_RELAXED);
}

/* Live frames go on until a signal ends the call, so those whose time is up get one. */
static void wake(struct sender *s)
{
	uint64_t now = ticks_clock_ns();
	for (unsigned int i = 0; i < s->thread_count; i++) {
		struct sender_thread *t = &s->threads[i];
		note(t);
		if (now > t->until_ns || t->packets >= t->count)
			__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
		if (__atomic_load_n(&t->running, __ATOMIC_ACQUIRE) && !sender_thread_may_go_on(t))
			pthread_kill(t->thread, WAKE_SIGNAL);
	}
}

bool sender_goes_on(struct sender *s)
{
	wake(s);
	return is_running(s);
}

int sender_finish(struct sender *s, struct err *err)
{
	int r = 0;
	if (!s->started)
		return 0;
	while (sender_goes_on(s))
		nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
	for (unsigned int i = 0; i < s->thread_count; i++) {
		struct sender_thread *t = &s->threads[i];
		if (t->thread)
			pthread_join(t->thread, NULL);
		t->thread = 0;
		if (t->code && !r)
			r = err_set(err, -t->code, "%s", t->err.text);
	}
	s->started = false;
	return r;
}

int sender_do(struct sender *s, const struct sender_run *run, struct sender_sent *out,
	      struct err *err)
{
	int r = sender_start(s, run, err);
	r = r ? r : sender_finish(s, err);
	sender_read(s, out);
	return r;
}
