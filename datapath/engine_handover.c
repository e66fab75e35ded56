// SPDX-License-Identifier: BSD-2-Clause
/*
 * See datapath/handover.h. What is offered are a record, which both processes have as memory, and
 * descriptors in the order of enum offered: those of each worker, then those of all sockets.
 * Control thread only.
 */
#include "datapath/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "datapath/aside.h"
#include "datapath/engine_state.h"
#include "datapath/grace.h"
#include "datapath/program.h"
#include "lb/err.h"
#include "lb/fragments.h"
#include "lb/held.h"
#include "lb/snapshot.h"

enum offered {
	OFFERED_RECORD,
	OFFERED_LOCK,
	OFFERED_FRAGMENTS,
	OFFERED_WORKERS, /* of each: packet memory, then its state */
};
#define PER_WORKER  2u
#define MAX_SOCKETS (ABI_MAX_PORTS * ABI_MAX_QUEUES)

/* Who has the workers; one compare-and-swap decides. */
enum whose { STILL_OFFERED, TAKEN, TAKEN_BACK };

struct handed_worker {
	int32_t cpu;
	uint32_t sockets, frames_free;
	struct memory memory, state; /* but for their bases and descriptors */
};

struct handed_socket { /* in the order of workers */
	uint16_t port, queue;
	uint64_t rx_packets, tx_packets;
};

struct handover_record {
	uint64_t layout;
	uint32_t whose; /* enum whose */
	uint32_t port_count, worker_count, workers_seen, socket_count;
	bool multi_buffer;
	uint64_t stopped_ns, went_on_ns;
	struct port ports[ABI_MAX_PORTS];
	struct memory fragments;
	struct flow_sweep last_sweep;
	struct handed_worker workers[ABI_MAX_QUEUES];
	struct handed_socket sockets[MAX_SOCKETS];
};

uint64_t handover_layout(void)
{
	const uint64_t parts[] = {
		HANDOVER_VERSION, ABI_VERSION,      sizeof(struct handover_record),
		held_size(),      fragments_size(), FRAME_SIZE};
	uint64_t sum = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		sum = (sum ^ parts[i]) * 0x100000001b3; /* FNV-1a, of words */
	return sum;
}

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static bool become(struct handover_record *r, enum whose now)
{
	uint32_t expected = STILL_OFFERED;
	return __atomic_compare_exchange_n(&r->whose, &expected, now, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* --- the old one ------------------------------------------------------------------------------ */

static int copy_of(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int check_offer(const struct engine *e, struct err *err)
{
	if (!engine_is_whole(e))
		return err_set(err, EAGAIN,
			       "an interface of the running daemon is not there: try again when "
			       "'weir show interfaces' has them all");
	for (uint32_t i = 0; i < e->worker_count; i++)
		if (e->workers[i].memory.fd < 0)
			return err_set(err, EOPNOTSUPP,
				       "the running daemon's packet memory can't be had by "
				       "another process: huge pages that can take "
				       "vm.nr_hugepages, or CAP_SYS_ADMIN when it starts");
	return 0;
}

static void describe_worker(struct handover_record *r, const struct worker *w)
{
	r->workers[w->index] = (struct handed_worker){
		.cpu = w->cpu,
		.sockets = w->socket_count,
		.memory = w->memory,
		.state = w->state,
	};
	for (uint32_t i = 0; i < w->socket_count; i++)
		r->sockets[r->socket_count++] = (struct handed_socket){
			.port = w->sockets[i].port, .queue = w->sockets[i].queue};
}

static void describe(const struct engine *e, struct handover_record *r)
{
	r->layout = handover_layout();
	r->port_count = e->port_count;
	r->worker_count = e->worker_count;
	r->workers_seen = e->workers_seen;
	r->multi_buffer = e->multi_buffer;
	r->fragments = e->fragments;
	memcpy(r->ports, e->ports, sizeof(r->ports));
	for (uint32_t i = 0; i < e->worker_count; i++)
		describe_worker(r, &e->workers[i]);
}

static uint32_t count_of(const struct handover_record *r)
{
	return OFFERED_WORKERS + PER_WORKER * r->worker_count + r->socket_count;
}

static void copy_descriptors(const struct engine *e, int record, int *fds)
{
	uint32_t n = OFFERED_WORKERS;
	fds[OFFERED_RECORD] = record;
	fds[OFFERED_LOCK] = copy_of(e->instance.lock);
	fds[OFFERED_FRAGMENTS] = copy_of(e->fragments.fd);
	for (uint32_t i = 0; i < e->worker_count; i++) {
		fds[n++] = copy_of(e->workers[i].memory.fd);
		fds[n++] = copy_of(e->workers[i].state.fd);
	}
	for (uint32_t i = 0; i < e->worker_count; i++)
		for (uint32_t j = 0; j < e->workers[i].socket_count; j++)
			fds[n++] = copy_of(e->workers[i].sockets[j].fd);
}

int handover_offer(struct engine *e, struct handover *out, struct err *err)
{
	struct handover h = {};
	struct memory shared;
	int r = check_offer(e, err);
	r = r ? r : memory_open_small(&shared, sizeof(*h.record), err);
	if (r)
		return r;
	h.record = shared.base;
	describe(e, h.record);
	h.count = count_of(h.record);
	h.fds = calloc(h.count, sizeof(*h.fds));
	if (!h.fds) {
		memory_close(&shared);
		return err_set(err, ENOMEM, "not enough memory");
	}
	copy_descriptors(e, shared.fd, h.fds);
	for (uint32_t i = 0; i < h.count; i++)
		if (h.fds[i] < 0) {
			handover_free(&h);
			return err_set(err, EMFILE, "not enough descriptors to hand over");
		}
	*out = h;
	return 0;
}

void handover_free(struct handover *h)
{
	for (uint32_t i = 0; h->fds && i < h->count; i++)
		if (h->fds[i] >= 0)
			close(h->fds[i]);
	free(h->fds);
	if (h->record) {
		struct memory shared = {.base = h->record, .size = sizeof(*h->record), .fd = -1};
		memory_close(&shared);
	}
	*h = (struct handover){};
}

void handover_stop(struct engine *e, struct handover *h)
{
	struct handed_socket *s = h->record->sockets;
	h->record->stopped_ns = clock_now_ns();
	__atomic_store_n(&e->shared.stop, true, __ATOMIC_RELEASE);
	eventfd_write(e->shared.wake, 1);
	for (uint32_t i = 0; i < e->worker_count; i++) {
		struct worker *w = &e->workers[i];
		worker_join(w);
		h->record->workers[i].frames_free = w->pool.count;
		for (uint32_t j = 0; j < w->socket_count; j++, s++) {
			s->rx_packets = w->sockets[j].rx_packets;
			s->tx_packets = w->sockets[j].tx_packets;
		}
	}
	h->record->last_sweep = e->last_sweep;
}

/* That a thread can't be had where there was one a moment ago is beyond mending. */
bool handover_take_back(struct engine *e, struct handover *h)
{
	eventfd_t times;
	if (!become(h->record, TAKEN_BACK))
		return false;
	eventfd_read(e->shared.wake, &times);
	__atomic_store_n(&e->shared.stop, false, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < e->worker_count; i++)
		if (worker_start(&e->workers[i], NULL))
			abort();
	return true;
}

/* --- the new one ------------------------------------------------------------------------------ */

static int map_record(struct handover *h, struct err *err)
{
	const struct memory theirs = {.size = sizeof(*h->record), .kind = MEMORY_SMALL, .node = -1};
	struct memory shared;
	off_t there = h->count ? lseek(h->fds[OFFERED_RECORD], 0, SEEK_END) : -1;
	if (there != (off_t)sizeof(*h->record))
		return err_set(err, EINVAL, "what was handed over is no record of this version");
	int r = memory_adopt(&shared, &theirs, h->fds[OFFERED_RECORD], err);
	if (r)
		return r;
	h->fds[OFFERED_RECORD] = -1;
	h->record = shared.base;
	close(shared.fd);
	return 0;
}

/* That counts can be used as bounds. */
static bool is_sound(const struct handover_record *r, uint32_t count)
{
	uint32_t sockets = 0;
	if (r->layout != handover_layout() || r->port_count > ABI_MAX_PORTS || !r->worker_count ||
	    r->worker_count > ABI_MAX_QUEUES || r->socket_count > MAX_SOCKETS ||
	    count != count_of(r))
		return false;
	for (uint32_t i = 0; i < r->worker_count; i++)
		sockets += r->workers[i].sockets;
	for (uint32_t i = 0; i < r->socket_count; i++)
		if (r->sockets[i].port >= r->port_count)
			return false;
	return sockets == r->socket_count;
}

int handover_receive(struct handover *out, int *fds, uint32_t count, struct err *err)
{
	struct handover h = {.count = count, .fds = fds};
	int r = map_record(&h, err);
	if (!r && !is_sound(h.record, count))
		r = err_set(err, EINVAL, "what was handed over does not add up");
	if (r)
		handover_free(&h);
	else
		*out = h;
	return r;
}

static int adopt_sockets(struct engine *e, struct handover *h, struct worker *w, uint32_t *next,
			 struct err *err)
{
	const uint32_t first = OFFERED_WORKERS + PER_WORKER * e->worker_count;
	int r = 0;
	for (uint32_t i = 0; i < h->record->workers[w->index].sockets && !r; i++, ++*next) {
		const struct handed_socket *s = &h->record->sockets[*next];
		r = worker_adopt_socket(w, s->port, s->queue, e->multi_buffer,
					h->fds[first + *next], err);
		if (!r)
			h->fds[first + *next] = -1;
	}
	return r;
}

static int adopt_worker(struct engine *e, struct handover *h, uint32_t index, struct err *err)
{
	const struct handed_worker *handed = &h->record->workers[index];
	int *fds = &h->fds[OFFERED_WORKERS + PER_WORKER * index];
	const struct worker_handed memory = {handed->memory, handed->state, fds[0], fds[1]};
	int r = worker_adopt(&e->workers[index], index, handed->cpu, &e->shared, &e->instance.flows,
			     &e->instance.workers[index], e->config, handed->sockets, &memory, err);
	/* Of two descriptors one may be taken over where the other is not. */
	if (e->workers[index].state.base)
		fds[1] = -1;
	if (e->workers[index].memory.base)
		fds[0] = -1;
	return r;
}

static int adopt_workers(struct engine *e, struct handover *h, struct err *err)
{
	uint32_t next = 0;
	int r = 0;
	e->worker_count = h->record->worker_count;
	e->workers_seen = h->record->workers_seen;
	r = engine_make_workers(e, err);
	if (r)
		return r;
	e->shared.wait = true;
	for (uint32_t i = 0; i < e->worker_count && !r; i++) {
		r = adopt_worker(e, h, i, err);
		r = r ? r : adopt_sockets(e, h, &e->workers[i], &next, err);
	}
	for (uint32_t i = 0; i < e->worker_count && !r; i++)
		r = worker_start(&e->workers[i], err);
	return r;
}

static int adopt_fragments(struct engine *e, struct handover *h, struct err *err)
{
	int r = memory_adopt(&e->fragments, &h->record->fragments, h->fds[OFFERED_FRAGMENTS], err);
	if (r)
		return r;
	h->fds[OFFERED_FRAGMENTS] = -1;
	e->shared.fragments = e->fragments.base;
	return 0;
}

static int adopt_instance(struct engine *e, struct handover *h, struct err *err)
{
	int r = instance_adopt(&e->instance, e->config, h->fds[OFFERED_LOCK], err);
	if (e->instance.lock == h->fds[OFFERED_LOCK])
		h->fds[OFFERED_LOCK] = -1;
	return r ? r : instance_load_names(&e->instance, &e->names, err);
}

struct loading {
	struct engine *engine;
	struct err *err;
};

static int load_programs(void *loading)
{
	struct loading *l = loading;
	int r = engine_load_programs(l->engine, l->err);
	if (!r)
		engine_open_watch(l->engine);
	return r;
}

/*
 * The kernel's verifier takes a good part of a second. With a CPU half taken from them workers do
 * not empty their rings in time.
 */
static int load_programs_aside(struct engine *e, const struct handover_record *record,
			       struct err *err)
{
	struct loading loading = {e, err};
	cpu_set_t busy;
	CPU_ZERO(&busy);
	for (uint32_t i = 0; i < record->worker_count; i++)
		if (record->workers[i].cpu >= 0 && record->workers[i].cpu < CPU_SETSIZE)
			CPU_SET(record->workers[i].cpu, &busy);
	return aside_run(&busy, load_programs, &loading);
}

int engine_adopt(struct engine **out, const struct config *config,
		 const struct instance_names *names, struct handover *h, handover_fn *take,
		 void *context, struct err *err)
{
	struct engine *e = engine_new(config, names);
	if (!e)
		return err_set(err, ENOMEM, "not enough memory");
	e->handed = h;
	e->take = take;
	e->take_context = context;
	e->port_count = h->record->port_count;
	e->multi_buffer = h->record->multi_buffer;
	e->pin_interrupts = config->pin_interrupts;
	memcpy(e->ports, h->record->ports, sizeof(e->ports));
	int r = adopt_instance(e, h, err);
	e->shared.captures = e->instance.captures;
	r = r ? r : adopt_fragments(e, h, err);
	r = r ? r : load_programs_aside(e, h->record, err);
	r = r ? r : adopt_workers(e, h, err);
	if (r) {
		engine_leave(e);
		return r;
	}
	engine_choose_fast_path(e);
	e->config = NULL;
	*out = e;
	return 0;
}

int handover_take(struct handover *h, struct err *err)
{
	if (become(h->record, TAKEN))
		return 0;
	return err_set(err, ESTALE, "the running daemon did not wait any longer");
}

uint64_t handover_pause_ns(const struct handover *h)
{
	return h->record->went_on_ns - h->record->stopped_ns;
}

/* From here on there is no way back: the other has ended. */
static void go_on(struct engine *e, struct handover_record *r, struct snapshot *s)
{
	const struct handed_socket *from = r->sockets;
	for (uint32_t i = 0; i < e->worker_count; i++) {
		struct worker *w = &e->workers[i];
		worker_catch_up(w, r->workers[i].frames_free);
		for (uint32_t j = 0; j < w->socket_count; j++, from++) {
			w->sockets[j].rx_packets = from->rx_packets;
			w->sockets[j].tx_packets = from->tx_packets;
		}
	}
	e->policy_generation = engine_generation(e);
	e->instance.flows.policy_generation = s->policy ? e->policy_generation : 0;
	grace_publish(&e->shared.snapshot, s);
	__atomic_store_n(&e->shared.wait, false, __ATOMIC_RELEASE);
	r->went_on_ns = clock_now_ns();
	e->last_sweep = r->last_sweep;
}

int engine_take_over(struct engine *e, struct snapshot *s, struct err *err)
{
	struct handover *h = e->handed;
	int r = h ? e->take(e->take_context, err) : 0;
	if (!h || r)
		return r;
	e->handed = NULL;
	go_on(e, h->record, s);
	program_follow_tables(e->program);
	program_set_echo_limit(e->program, s->echo_limit);
	for (uint32_t i = 0; i < e->port_count && !r; i++)
		if (e->ports[i].there)
			r = program_attach(e->program, i, &e->ports[i], err);
	engine_attach_watch(e);
	engine_put_off_interrupts(e);
	return r;
}
