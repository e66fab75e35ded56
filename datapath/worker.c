// SPDX-License-Identifier: BSD-2-Clause
/*
 * A worker's loop. A turn: for each socket, take sent frames back, refill, receive a burst, decide,
 * stage what goes out; then flush every socket. So a packet never waits for company, and a turn
 * never holds a snapshot longer than itself.
 *
 * A frame is, at any time, in exactly one of: pool, fill ring, kernel, receive ring, the burst of
 * this turn, transmit ring, completion ring. A packet that the balancer holds is a copy of its own
 * (lb/held.h) and gets a new frame from the pool when it is released.
 */
#include "datapath/worker.h"

#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "datapath/chain.h"
#include "datapath/grace.h"
#include "datapath/port.h"
#include "lb/err.h"
#include "lb/held.h"
#include "lb/snapshot.h"

#define RINGS_PER_SOCKET 4      /* fill, receive, transmit, completion */
#define WAIT_NS          100000 /* between two looks whether it is its turn */
#define SLEEP_MS         100    /* how long it sleeps at most */
#define SOON_MS          1 /* the same while packets wait: another worker, or the kernel, may take them */

/* --- one turn ------------------------------------------------------------------------------ */

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* Counters have one writer; readers of other threads see each whole. */
static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return 0;
#endif
}

static void put_frames(struct worker *w, const struct lb_packet *p, struct chain *chain)
{
	if (__builtin_expect(chain != NULL, 0))
		chain_put(chain, &w->pool);
	else
		frame_pool_put(&w->pool, p->data - w->area.base);
}

static bool stage(struct worker *w, const struct lb_packet *p, struct chain *chain)
{
	struct xsk *to = w->egress[p->egress];
	if (__builtin_expect(chain != NULL, 0))
		return chain_stage(chain, to, w->area.base, p, &w->pool);
	return xsk_stage(to, p->data - w->area.base, p->length);
}

/*
 * Where a packet goes once it is decided about; each way gives its frame, or those of its chain, a
 * new owner.
 */
static void dispatch(struct worker *w, const struct xsk *x, struct lb_packet *p,
		     struct chain *chain, int copy, uint64_t now_ns)
{
	const struct worker_tap_packet seen = {p, copy, x->port, x->queue, now_ns};
	switch (p->verdict) {
	case LB_TRANSMIT:
		if (stage(w, p, chain)) {
			if (worker_tap_wants_sent(&w->tap))
				worker_tap_sent(&w->tap, &seen);
			return;
		}
		p->reason = REASON_TX_FULL;
		count(&w->counters->tx_full, 1);
		count(&w->lb.counters->dropped_bytes[REASON_TX_FULL], p->length);
		break;
	case LB_PASS:
		/* The XDP program passes what is the kernel's; only a reload in between does this.
		 */
		p->reason = REASON_NOT_SERVED;
		count(&w->counters->not_served, 1);
		count(&w->lb.counters->dropped_bytes[REASON_NOT_SERVED], p->length);
		break;
	case LB_HOLD:
		put_frames(w, p, chain);
		return;
	default:
		break;
	}
	if (worker_tap_wants_dropped(&w->tap, p->reason))
		worker_tap_dropped(&w->tap, &seen);
	put_frames(w, p, chain);
}

static uint32_t take(struct worker *w, struct xsk *x, struct lb_packet burst[LB_BURST])
{
	uint32_t index, received = xsk_ring_cons__peek(&x->rx, LB_BURST, &index);
	for (uint32_t i = 0; i < received; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, index + i);
		burst[i].data = w->area.base + d->addr;
		burst[i].length = d->len;
	}
	if (received)
		xsk_ring_cons__release(&x->rx, received);
	return received;
}

/* Adds to `ticks` what the stages took that are its own. */
static uint32_t receive(struct worker *w, const struct snapshot *s, struct xsk *x, uint64_t now_ns,
			uint64_t ticks[WORKER_STAGES])
{
	struct lb_packet burst[LB_BURST];
	struct chain *chains = w->chains ? w->chains->of : NULL;
	uint32_t received =
		chains ? chains_receive(w->chains, x, w->area.base, burst) : take(w, x, burst);
	if (!received)
		return 0;
	for (uint32_t i = 0; i < received; i++) {
		burst[i].ingress = x->port;
		burst[i].cookie = x - w->sockets;
		__builtin_prefetch(burst[i].data);
	}
	worker_tap_keep(&w->tap, burst, received);
	uint64_t received_at = clock_ticks();
	lb_process(&w->lb, s, burst, received, now_ns);
	uint64_t decided_at = clock_ticks();
	for (uint32_t i = 0; i < received; i++)
		dispatch(w, x, &burst[i], chains ? &chains[i] : NULL, i, now_ns);
	ticks[WORKER_DECIDE] += decided_at - received_at;
	ticks[WORKER_PLACE] += clock_ticks() - decided_at;
	count(&w->counters->rx_packets, received);
	count(&x->rx_packets, received);
	return received;
}

/* Without a free frame the packets go on waiting: there will be one when something was sent. */
static void release_held(struct worker *w, const struct snapshot *s, uint64_t now_ns)
{
	struct lb_packet burst[LB_BURST];
	uint32_t room = w->pool.count < LB_BURST ? w->pool.count : LB_BURST;
	uint32_t released = lb_release(&w->lb, s, burst, room, now_ns);
	for (uint32_t i = 0; i < released; i++) {
		uint64_t frame = frame_pool_get(&w->pool) + XDP_PACKET_HEADROOM;
		memcpy(w->area.base + frame, burst[i].data, burst[i].length);
		burst[i].data = w->area.base + frame;
		dispatch(w, &w->sockets[burst[i].cookie], &burst[i], NULL, -1, now_ns);
	}
}

struct failed_frames {
	struct worker *worker;
	const struct xsk *socket;
	uint64_t now_ns;
};

/* What the packet was for is not known any more. */
static void tap_failed(void *context, const struct xdp_desc *frame)
{
	const struct failed_frames *f = context;
	const struct xsk *x = f->socket;
	const struct lb_packet p = {
		.data = f->worker->area.base + frame->addr,
		.length = frame->len,
		.reason = REASON_TX_FAILED,
		.service = ABI_NO_SERVICE,
		.backend = ABI_NO_BACKEND,
		.rule = ABI_NO_RULE,
	};
	const struct worker_tap_packet seen = {&p, -1, x->port, x->queue, f->now_ns};
	worker_tap_dropped(&f->worker->tap, &seen);
}

static void flush(struct worker *w, struct xsk *x, uint64_t now_ns)
{
	struct failed_frames f = {w, x, now_ns};
	bool tell = worker_tap_wants_dropped(&w->tap, REASON_TX_FAILED);
	count(&w->counters->tx_packets, x->staged - x->continued);
	count(&x->tx_packets, x->staged - x->continued);
	struct xsk_flush done = xsk_flush(x, &w->pool, tell ? tap_failed : NULL, &f);
	if (done.wakeups)
		count(&w->counters->tx_wakeups, done.wakeups);
	if (done.failed)
		count(&w->counters->tx_failed, done.failed);
}

/* Returns the packets it has seen. */
static uint32_t turn(struct worker *w, const struct snapshot *s, uint64_t now_ns)
{
	uint64_t ticks[WORKER_STAGES] = {}, began_at = clock_ticks();
	uint32_t received = 0;
	for (uint32_t i = 0; i < w->socket_count; i++) {
		struct xsk *x = &w->sockets[i];
		xsk_reap(x, &w->pool);
		xsk_refill(x, &w->pool);
		if (xsk_ring_prod__needs_wakeup(x->fill) || x->driven)
			recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
		if (s)
			received += receive(w, s, x, now_ns, ticks);
	}
	if (s && lb_held(&w->lb))
		release_held(w, s, now_ns);
	uint64_t placed_at = clock_ticks();
	for (uint32_t i = 0; i < w->socket_count; i++)
		flush(w, &w->sockets[i], now_ns);
	if (received) {
		ticks[WORKER_SEND] = clock_ticks() - placed_at;
		ticks[WORKER_RINGS] =
			placed_at - began_at - ticks[WORKER_DECIDE] - ticks[WORKER_PLACE];
		for (int i = 0; i < WORKER_STAGES; i++)
			count(&w->counters->ticks[i], ticks[i]);
	}
	return received;
}

/* --- the thread ---------------------------------------------------------------------------- */

/* What the kernel would not take yet has to be offered again soon. */
static bool has_unsent(const struct worker *w)
{
	for (uint32_t i = 0; i < w->socket_count; i++)
		if (xsk_unsent(&w->sockets[i]))
			return true;
	return false;
}

static void sleep_until_packets(struct worker *w)
{
	bool soon = lb_held(&w->lb) || has_unsent(w);
	count(&w->counters->sleeps, 1);
	grace_offline();
	poll(w->poll_fds, w->socket_count + 1, soon ? SOON_MS : SLEEP_MS);
	grace_online();
}

/* A busy turn is followed by another one, whose look at the clock ends it: it costs none. */
static void count_burst(struct worker *w, uint64_t ns)
{
	int log2 = ns <= 1 ? 0 : 64 - __builtin_clzll(ns - 1);
	int slot = log2 < WORKER_BURST_NS_LOG2 ? 0 : log2 - WORKER_BURST_NS_LOG2;
	if (slot >= WORKER_BURST_TIMES)
		slot = WORKER_BURST_TIMES - 1;
	count(&w->counters->burst_ns, ns);
	count(&w->counters->burst_times[slot], 1);
}

static bool may_sleep(struct worker *w, uint32_t received, uint64_t now_ns)
{
	if (received) {
		patience_reward(&w->patience, now_ns);
		return false;
	}
	if (w->poll == POLL_ADAPTIVE)
		return patience_is_over(&w->patience, now_ns);
	return w->poll == POLL_INTERRUPT;
}

/* Until the worker before it, in another process, is done with what will be its own. */
static void wait_for_others(const struct worker *w)
{
	grace_offline();
	while (__atomic_load_n(&w->shared->wait, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&w->shared->stop, __ATOMIC_ACQUIRE))
		nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
	grace_online();
}

static void *run(void *argument)
{
	struct worker *w = argument;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	w->tid = gettid();
	grace_begin();
	uint64_t busy_since_ns = 0;
	wait_for_others(w);
	while (!__atomic_load_n(&w->shared->stop, __ATOMIC_ACQUIRE)) {
		uint64_t now_ns = clock_now_ns();
		if (busy_since_ns)
			count_burst(w, now_ns - busy_since_ns);
		const struct snapshot *s = grace_read(&w->shared->snapshot);
		uint32_t received = turn(w, s, now_ns);
		grace_turn();
		count(&w->counters->turns, 1);
		count(&w->counters->busy_turns, received > 0);
		busy_since_ns = received ? now_ns : 0;
		if (may_sleep(w, received, now_ns))
			sleep_until_packets(w);
	}
	grace_end();
	return NULL;
}

/* --- opening and closing ------------------------------------------------------------------- */

static void close_egress(struct worker *w)
{
	static uint32_t never;
	w->nowhere.tx.producer = w->nowhere.tx.consumer = &never;
	for (uint32_t i = 0; i < ABI_MAX_PORTS; i++)
		w->egress[i] = &w->nowhere;
}

/* What needs no memory that could be handed over. */
static int prepare(struct worker *w, uint16_t index, int cpu, struct worker_shared *shared,
		   struct flow_table *flows, struct worker_memory *memory,
		   const struct config *config, uint32_t socket_count, struct err *err)
{
	struct worker_tap tap = w->tap;
	*w = (struct worker){.shared = shared, .index = index, .cpu = cpu, .poll = config->poll};
	w->tap = tap;
	close_egress(w);
	w->counters = &memory->own;
	lb_init(&w->lb, flows, &memory->lb, config->flow_insert_limit);
	w->lb.ring = shared->flow_rings ? shared->flow_rings[index] : NULL;
	w->sockets = calloc(socket_count, sizeof(*w->sockets));
	w->poll_fds = calloc(socket_count + 1, sizeof(*w->poll_fds));
	if (!w->sockets || !w->poll_fds ||
	    (!tap.slots && worker_tap_init(&w->tap, index, &shared->tap, shared->captures)))
		return err_set(err, ENOMEM, "not enough memory for worker %u", index);
	w->poll_fds[0] = (struct pollfd){.fd = shared->wake, .events = POLLIN};
	return 0;
}

static void use_state(struct worker *w, struct held *held, uint32_t frames)
{
	w->held = held;
	lb_use_fragments(&w->lb, w->shared->fragments, held);
	frame_pool_use(&w->pool, (uint8_t *)w->state.base + held_size(), frames, 0);
}

static uint32_t ring_size(const struct config *config)
{
	return config->frames_per_queue / RINGS_PER_SOCKET;
}

int worker_open(struct worker *w, uint16_t index, int cpu, struct worker_shared *shared,
		struct flow_table *flows, struct worker_memory *memory, const struct config *config,
		uint32_t socket_count, int node, struct err *err)
{
	uint32_t frames = socket_count * config->frames_per_queue;
	int r = prepare(w, index, cpu, shared, flows, memory, config, socket_count, err);
	r = r ? r : memory_open_small(&w->state, held_size() + frame_pool_size(frames), err);
	if (r)
		return r;
	use_state(w, held_init(w->state.base), frames);
	frame_pool_fill(&w->pool);
	r = memory_open(&w->memory, (size_t)frames * FRAME_SIZE, node, config->hugepages, err);
	return r ? r : xsk_area_open(&w->area, &w->memory, ring_size(config), err);
}

/* A socket that is there is woken up for, and sent by. */
static void use_socket(struct worker *w)
{
	struct xsk *x = &w->sockets[w->socket_count++];
	(void)xsk_prefer_busy_poll(x, w->poll == POLL_BUSY);
	w->poll_fds[w->socket_count] = (struct pollfd){.fd = x->fd, .events = POLLIN};
	/* The first queue: the last ones may be those that virtio_net sends by from XDP, unlocked.
	 */
	if (w->egress[x->port] == &w->nowhere)
		w->egress[x->port] = x;
}

static int use_chains(struct worker *w, bool multi_buffer, struct err *err)
{
	if (multi_buffer && !w->chains)
		w->chains = chains_new();
	return multi_buffer && !w->chains
		       ? err_set(err, ENOMEM, "not enough memory for jumbo frames")
		       : 0;
}

int worker_open_socket(struct worker *w, const struct port *port, uint16_t port_index,
		       uint16_t queue, struct xsk_mode mode, struct err *err)
{
	int r = use_chains(w, mode.multi_buffer, err);
	r = r ? r
	      : xsk_open(&w->sockets[w->socket_count], &w->area, port, port_index, queue, mode,
			 err);
	if (!r)
		use_socket(w);
	return r;
}

/* --- in the place of another -------------------------------------------------------------------
 */

int worker_adopt(struct worker *w, uint16_t index, int cpu, struct worker_shared *shared,
		 struct flow_table *flows, struct worker_memory *memory,
		 const struct config *config, uint32_t socket_count,
		 const struct worker_handed *handed, struct err *err)
{
	uint32_t frames = socket_count * config->frames_per_queue;
	int r = prepare(w, index, cpu, shared, flows, memory, config, socket_count, err);
	if (!r && (handed->state.size != held_size() + frame_pool_size(frames) ||
		   handed->memory.size < (size_t)frames * FRAME_SIZE))
		r = err_set(err, EINVAL,
			    "the packet memory of worker %u is not what it would be "
			    "here",
			    index);
	r = r ? r : memory_adopt(&w->state, &handed->state, handed->state_fd, err);
	r = r ? r : memory_adopt(&w->memory, &handed->memory, handed->memory_fd, err);
	if (r)
		return r;
	w->area = (struct xsk_area){.base = w->memory.base, .ring_size = ring_size(config)};
	use_state(w, w->state.base, frames);
	return 0;
}

int worker_adopt_socket(struct worker *w, uint16_t port_index, uint16_t queue, bool multi_buffer,
			int fd, struct err *err)
{
	int r = use_chains(w, multi_buffer, err);
	r = r ? r
	      : xsk_adopt(&w->sockets[w->socket_count], &w->area, port_index, queue, multi_buffer,
			  fd, err);
	if (!r)
		use_socket(w);
	return r;
}

void worker_catch_up(struct worker *w, uint32_t frames_free)
{
	held_adopt(w->state.base);
	w->pool.count = frames_free;
	for (uint32_t i = 0; i < w->socket_count; i++)
		xsk_catch_up(&w->sockets[i]);
}

/* --- the thread's begin and end ----------------------------------------------------------------
 */

int worker_start(struct worker *w, struct err *err)
{
	int r = pthread_create(&w->thread, NULL, run, w);
	if (r)
		return err_set(err, r, "can't start worker %u: %s", w->index, strerror(r));
	w->running = true;
	return 0;
}

void worker_join(struct worker *w)
{
	if (w->running)
		pthread_join(w->thread, NULL);
	w->running = false;
}

void worker_close(struct worker *w)
{
	for (uint32_t i = 0; i < w->socket_count; i++)
		xsk_close(&w->sockets[i]);
	xsk_area_close(&w->area);
	memory_close(&w->memory);
	memory_close(&w->state);
	chains_free(w->chains);
	free(w->poll_fds);
	free(w->sockets);
	*w = (struct worker){};
}

void worker_frames(const struct worker *w, struct worker_frames *out)
{
	*out = (struct worker_frames){.frames = w->pool.capacity};
	out->free = __atomic_load_n(&w->pool.count, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < w->socket_count; i++) {
		out->in_fill += xsk_unfilled(&w->sockets[i]);
		out->in_transmit += xsk_unsent(&w->sockets[i]);
	}
	/* One that goes from here to there meanwhile may be counted twice. */
	uint32_t known = out->free + out->in_fill + out->in_transmit;
	out->elsewhere = known < out->frames ? out->frames - known : 0;
}
