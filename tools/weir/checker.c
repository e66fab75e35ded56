// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each backend has a timer of the event loop. At most RUNNING_MAX checks run at a time; what is due
 * beyond that waits in a queue, so that no number of backends takes all descriptors or keeps the
 * loop from its other work.
 */
#include "tools/weir/checker.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lb/config.h"
#include "lb/config_health.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"

#define RUNNING_MAX 256u
#define SETTLE_S    0.02 /* backends fail in swarms: all of one are published at once */

struct check {
	ev_timer timer;
	struct checker *checker;
	struct probe_order order;
	struct health_rule rule;
	struct health health;
	struct probe *probe; /* while it runs */
	struct check *next;  /* in the queue */
	bool queued, checked;
	uint64_t began_ns, ended_ns;
	char words[PROBE_TEXT];
};

/* All that one configuration wants. */
struct checks {
	uint32_t count;
	struct check *all;
	uint32_t *by_id; /* backend id -> index + 1; 0: none */
	uint32_t id_end;
};

struct checker {
	struct checker_input in;
	struct probes *probes;
	struct checks *checks;
	struct check *first, *last; /* the queue */
	struct checker_figures figures;
	ev_timer settle;
	uint64_t random;
};

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* xorshift64 */
static uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static struct check *find(const struct checks *k, uint32_t backend)
{
	if (!k || backend >= k->id_end || !k->by_id[backend])
		return NULL;
	return &k->all[k->by_id[backend] - 1];
}

/* --- one check ------------------------------------------------------------------------------- */

static void schedule(struct check *k)
{
	struct checker *c = k->checker;
	uint64_t now_ns = clock_now_ns();
	double in_s = k->health.due_ns > now_ns ? (k->health.due_ns - now_ns) / 1e9 : 0;
	ev_timer_stop(c->in.loop, &k->timer);
	/* The loop's own idea of the time is that of its last turn. */
	ev_timer_set(&k->timer, in_s + ev_time() - ev_now(c->in.loop), 0.);
	ev_timer_start(c->in.loop, &k->timer);
}

static void begin_queued(struct checker *c);

static void settle_soon(struct checker *c)
{
	if (ev_is_active(&c->settle))
		return;
	ev_timer_set(&c->settle, SETTLE_S, 0.);
	ev_timer_start(c->in.loop, &c->settle);
}

static void note_result(struct check *k, bool good, const char *words)
{
	struct checker *c = k->checker;
	bool was_up = k->health.state == HEALTH_UP;
	k->checked = true;
	k->ended_ns = clock_now_ns();
	snprintf(k->words, sizeof(k->words), "%s", words);
	*(good ? &c->figures.good : &c->figures.bad) += 1;
	bool changed = health_result(&k->health, &k->rule, good, k->ended_ns, draw(&c->random));
	if (changed && was_up != (k->health.state == HEALTH_UP)) {
		c->in.on_change(c->in.context, k->order.id, k->health.state == HEALTH_DOWN);
		settle_soon(c);
	} else if (changed) {
		/* The first result: it was not up before either. */
		c->in.on_change(c->in.context, k->order.id, true);
	}
	schedule(k);
}

static void on_done(void *context, bool good, const char *words)
{
	struct check *k = context;
	struct checker *c = k->checker;
	k->probe = NULL;
	c->figures.running--;
	note_result(k, good, words);
	begin_queued(c);
}

static void begin(struct check *k)
{
	struct checker *c = k->checker;
	char words[PROBE_TEXT];
	k->began_ns = clock_now_ns();
	health_begin(&k->health, &k->rule, k->began_ns, draw(&c->random));
	k->probe = probe_start(c->probes, &k->order, on_done, k, words);
	if (k->probe)
		c->figures.running++;
	else
		note_result(k, false, words);
}

/* --- the queue ------------------------------------------------------------------------------- */

static void queue(struct check *k)
{
	struct checker *c = k->checker;
	k->next = NULL;
	k->queued = true;
	if (c->last)
		c->last->next = k;
	else
		c->first = k;
	c->last = k;
	c->figures.waiting++;
	c->figures.held_back++;
}

static void begin_queued(struct checker *c)
{
	while (c->first && c->figures.running < RUNNING_MAX) {
		struct check *k = c->first;
		c->first = k->next;
		if (!c->first)
			c->last = NULL;
		k->queued = false;
		c->figures.waiting--;
		begin(k);
	}
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct check *k = timer->data;
	if (k->probe || k->queued)
		return;
	if (k->checker->figures.running < RUNNING_MAX)
		begin(k);
	else
		queue(k);
}

static void on_settle(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct checker *c = timer->data;
	c->in.on_settled(c->in.context);
}

/* --- all that a configuration wants ------------------------------------------------------------
 */

static struct health_rule rule_of(const struct config_health *h)
{
	uint32_t fast_ms =
		h->fast_interval_ms < h->interval_ms ? h->fast_interval_ms : h->interval_ms;
	return (struct health_rule){
		.interval_ns = h->interval_ms * 1000000ull,
		.fast_interval_ns = fast_ms * 1000000ull,
		.rise = h->rise,
		.fall = h->fall,
		.jitter_percent = h->jitter,
	};
}

static void fill(struct check *k, const struct checker *c, const struct config_service *s,
		 const struct config_backend *b, uint32_t id)
{
	k->order = (struct probe_order){
		.health = &s->health,
		.service = s->name,
		.backend = b->name,
		.address = b->address,
		.vip = s->address,
		.port = config_health_port(s),
		.id = id,
	};
	k->rule = rule_of(&s->health);
	k->checker = (struct checker *)c;
	ev_timer_init(&k->timer, on_due, 0., 0.);
	k->timer.data = k;
}

/* Its state so far, or the one it begins in. */
static void take_over(struct check *k, const struct check *before, bool served, uint64_t now_ns,
		      uint64_t *random)
{
	health_init(&k->health, &k->rule, served ? HEALTH_UP : HEALTH_UNKNOWN, now_ns,
		    draw(random));
	snprintf(k->words, sizeof(k->words), "not checked yet");
	if (!before)
		return;
	uint64_t due_ns = k->health.due_ns;
	k->health = before->health;
	k->health.due_ns = before->health.due_ns < due_ns ? before->health.due_ns : due_ns;
	k->checked = before->checked;
	k->began_ns = before->began_ns;
	k->ended_ns = before->ended_ns;
	memcpy(k->words, before->words, sizeof(k->words));
}

static struct checks *checks_alloc(const struct checker *c, const struct config *config)
{
	struct checks *k = calloc(1, sizeof(*k));
	uint32_t count = 0;
	if (!k)
		return NULL;
	for (unsigned int i = 0; i < config->service_count; i++)
		if (config->services[i].health.type != PROBE_NONE)
			count += config->services[i].backend_count;
	k->id_end = registry_end(c->in.backends);
	k->all = calloc(count + 1, sizeof(*k->all));
	k->by_id = calloc(k->id_end + 1, sizeof(*k->by_id));
	if (k->all && k->by_id)
		return k;
	checks_free(k);
	return NULL;
}

struct checks *checks_new(const struct checker *c, const struct config *config,
			  bool (*was_served)(void *context, uint32_t backend), void *context,
			  struct backend_control *controls)
{
	char key[SNAPSHOT_BACKEND_KEY];
	struct checks *k = checks_alloc(c, config);
	uint64_t now_ns = clock_now_ns(), random = c->random;
	for (unsigned int i = 0; k && i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		for (unsigned int j = 0; j < s->backend_count; j++) {
			const struct config_backend *b = &s->backends[j];
			uint32_t id = registry_find(c->in.backends,
						    snapshot_backend_key(s, b, key, sizeof(key)));
			controls[id].failed = 0;
			if (s->health.type == PROBE_NONE)
				continue;
			struct check *new = &k->all[k->count++];
			k->by_id[id] = k->count;
			fill(new, c, s, b, id);
			take_over(new, find(c->checks, id), was_served(context, id), now_ns,
				  &random);
			controls[id].failed = new->health.state != HEALTH_UP;
		}
	}
	return k;
}

void checks_free(struct checks *k)
{
	if (!k)
		return;
	free(k->all);
	free(k->by_id);
	free(k);
}

static void stop_all(struct checker *c)
{
	for (uint32_t i = 0; c->checks && i < c->checks->count; i++) {
		struct check *k = &c->checks->all[i];
		ev_timer_stop(c->in.loop, &k->timer);
		if (k->probe)
			probe_cancel(k->probe);
	}
	c->first = c->last = NULL;
	c->figures.running = c->figures.waiting = 0;
}

/* What ran is begun anew: what it was asked to find out may be another now. */
void checker_use(struct checker *c, struct checks *k)
{
	stop_all(c);
	checks_free(c->checks);
	c->checks = k;
	c->figures.checks = k->count;
	for (uint32_t i = 0; i < k->count; i++)
		schedule(&k->all[i]);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

int checker_open(struct checker **out, const struct checker_input *in, struct err *err)
{
	struct checker *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ENOMEM, "not enough memory for health checks");
	c->in = *in;
	int r = probes_open(&c->probes, in->loop, in->detour, in->helper, err);
	if (r) {
		free(c);
		return r;
	}
	if (getrandom(&c->random, sizeof(c->random), 0) != sizeof(c->random) || !c->random)
		c->random = clock_now_ns();
	ev_timer_init(&c->settle, on_settle, 0., 0.);
	c->settle.data = c;
	*out = c;
	return 0;
}

void checker_close(struct checker *c)
{
	if (!c)
		return;
	stop_all(c);
	ev_timer_stop(c->in.loop, &c->settle);
	checks_free(c->checks);
	probes_close(c->probes);
	free(c);
}

static double seconds(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / 1e9 : 0;
}

bool checker_look(const struct checker *c, uint32_t backend, struct checker_view *out)
{
	const struct check *k = c ? find(c->checks, backend) : NULL;
	uint64_t now_ns = clock_now_ns();
	if (!k)
		return false;
	*out = (struct checker_view){
		.state = k->health.state,
		.checked = k->checked,
		.since_s = seconds(k->health.since_ns, now_ns),
		.age_s = k->checked ? seconds(k->ended_ns, now_ns) : 0,
		.took_s = k->probe ? 0 : seconds(k->began_ns, k->ended_ns),
		.words = k->words,
	};
	return true;
}

void checker_figures(const struct checker *c, struct checker_figures *out)
{
	*out = c->figures;
}
