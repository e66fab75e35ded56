// SPDX-License-Identifier: BSD-2-Clause
/*
 * `lock` guards what both threads see: names on their way, and the status. The thread holds it for
 * a copy, never while it talks to corosync, which may hang.
 */
#include "tools/weir/syncer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/flow_ring.h"
#include "lb/sync_names.h"
#include "tools/weir/client_ways.h"
#include "tools/weir/log.h"
#include "tools/weir/sync_group.h"

#define RETRY_NS 1000000000ull
#define JOIN_S   2             /* for a thread that waits for a corosync that hangs */
#define WORTH_NS 3000000000ull /* reloads do not reach all nodes at the same moment */

struct syncer {
	struct engine *engine;
	char group_name[SYNC_NAME_MAX + 1];
	pthread_t thread;
	bool running;
	int wake;
	pthread_mutex_t lock;
	struct sync_names *new_names; /* handed over */
	int ports[ABI_MAX_PORTS];     /* the same: ifindexes */
	uint32_t port_count;
	bool new_ports;
	bool stop;
	struct syncer_status status;
	/* the thread's own */
	struct sync *sync;
	struct sync_group *group;
	struct sync_names *names;
	struct client_ways ways;
	uint64_t turn_ns, retry_ns; /* when they are due */
	uint64_t joins;
	char fault[128];
	/* the control thread's own: what it has logged */
	bool logged, logged_joined;
	uint32_t logged_count, logged_different;
	uint32_t different; /* of the last time, and since when */
	uint64_t different_ns;
};

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* --- the group -------------------------------------------------------------------------------- */

static void on_members(void *context, const struct sync_member *members, uint32_t count,
		       struct sync_member self)
{
	struct syncer *s = context;
	sync_members(s->sync, members, count, self);
}

static bool is_stopped(struct syncer *s)
{
	pthread_mutex_lock(&s->lock);
	bool stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* Once it is stopped the flow table may be gone. */
static void on_deliver(void *context, struct sync_member from, const void *bytes, size_t length)
{
	struct syncer *s = context;
	if (is_stopped(s))
		return;
	sync_deliver(s->sync, from, bytes, length, clock_now_ns());
}

static void leave(struct syncer *s, const struct err *why)
{
	snprintf(s->fault, sizeof(s->fault), "%.*s", (int)sizeof(s->fault) - 1, why->text);
	sync_group_close(s->group);
	s->group = NULL;
	sync_leave(s->sync);
	s->retry_ns = clock_now_ns() + RETRY_NS;
}

static void join(struct syncer *s)
{
	static const struct sync_group_events events = {on_members, on_deliver};
	struct err err;
	if (sync_group_open(&s->group, s->group_name, &events, s, &err)) {
		s->group = NULL;
		leave(s, &err);
		return;
	}
	s->joins++;
	s->fault[0] = '\0';
}

/* All that corosync takes now. */
static void send_all(struct syncer *s)
{
	const uint8_t *bytes;
	size_t length;
	struct err err;
	while (s->group && (bytes = sync_outgoing(s->sync, &length))) {
		int r = sync_group_send(s->group, bytes, length, &err);
		if (r == -EAGAIN)
			return;
		if (r)
			leave(s, &err);
		else
			sync_sent(s->sync);
	}
}

/* --- the thread ------------------------------------------------------------------------------- */

static void take_names(struct syncer *s)
{
	pthread_mutex_lock(&s->lock);
	struct sync_names *names = s->new_names;
	s->new_names = NULL;
	if (s->new_ports)
		client_ways_set_ports(&s->ways, s->ports, s->port_count);
	s->new_ports = false;
	pthread_mutex_unlock(&s->lock);
	if (!names)
		return;
	sync_use(s->sync, names);
	sync_names_free(s->names);
	s->names = names;
}

static void publish(struct syncer *s)
{
	struct syncer_status now = {
		.joined = s->group, .counters = *sync_counters(s->sync), .joins = s->joins};
	memcpy(now.fault, s->fault, sizeof(now.fault));
	now.count = sync_nodes(s->sync, now.nodes);
	for (uint32_t i = 0; i < ABI_MAX_QUEUES; i++) {
		const struct flow_ring *r = engine_flow_ring(s->engine, i);
		if (!r)
			continue;
		now.lost += __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
	}
	pthread_mutex_lock(&s->lock);
	s->status = now;
	pthread_mutex_unlock(&s->lock);
}

static bool find_way(void *context, const struct addr *client, struct translation *out)
{
	struct syncer *s = context;
	return client_ways_find(&s->ways, client, out);
}

static void turn(struct syncer *s, uint64_t now_ns)
{
	take_names(s);
	client_ways_turn(&s->ways, now_ns);
	/* Before it knows its backends it could make nothing of what it is told at once. */
	if (!s->group && s->names && now_ns >= s->retry_ns)
		join(s);
	for (uint32_t i = 0; i < ABI_MAX_QUEUES; i++) {
		struct flow_ring *r = engine_flow_ring(s->engine, i);
		if (r)
			sync_drain(s->sync, r, now_ns);
	}
	sync_turn(s->sync, now_ns);
	publish(s);
}

static void *run(void *argument)
{
	struct syncer *s = argument;
	struct err err;
	while (!is_stopped(s)) {
		struct pollfd fds[] = {
			{.fd = s->wake, .events = POLLIN},
			{.fd = s->group ? sync_group_fd(s->group) : -1, .events = POLLIN},
		};
		uint64_t now_ns = clock_now_ns();
		int wait_ms = s->turn_ns > now_ns ? (s->turn_ns - now_ns + 999999) / 1000000 : 0;
		poll(fds, 2, wait_ms);
		if (s->group && fds[1].revents && sync_group_dispatch(s->group, &err))
			leave(s, &err);
		now_ns = clock_now_ns();
		if (now_ns >= s->turn_ns && !is_stopped(s)) {
			turn(s, now_ns);
			s->turn_ns = now_ns + SYNC_TURN_NS;
		}
		send_all(s);
	}
	sync_group_close(s->group);
	return NULL;
}

/* --- the control thread's side ---------------------------------------------------------------- */

int syncer_open(struct syncer **out, struct engine *engine, const struct config *config,
		struct err *err)
{
	char host[SYNC_NAME_MAX + 1] = "";
	struct syncer *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ENOMEM, "not enough memory");
	if (gethostname(host, sizeof(host) - 1) || !*host)
		strcpy(host, "unnamed");
	s->engine = engine;
	strcpy(s->group_name, config->sync.group);
	strcpy(s->status.fault, "not tried yet");
	pthread_mutex_init(&s->lock, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->sync = sync_new(engine_shared_flows(engine), host, config->sync.rate);
	int r = s->wake < 0 ? err_set(err, errno, "eventfd: %s", strerror(errno)) : 0;
	if (!r && !s->sync)
		r = err_set(err, ENOMEM, "not enough memory to share flows");
	r = r ? r : client_ways_open(&s->ways, err);
	if (!r)
		sync_find_ways(s->sync, find_way, s);
	int failed = r ? 0 : pthread_create(&s->thread, NULL, run, s);
	if (failed)
		r = err_set(err, failed, "can't start a thread: %s", strerror(failed));
	s->running = !r;
	if (r)
		syncer_close(s);
	else
		*out = s;
	return r;
}

/* False: it waits for corosync. Should that wake up it ends, and touches nothing but its own. */
static bool has_ended(struct syncer *s)
{
	struct timespec until;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	if (!s->running)
		return true;
	eventfd_write(s->wake, 1);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_S;
	return !pthread_timedjoin_np(s->thread, NULL, &until);
}

void syncer_close(struct syncer *s)
{
	if (!s)
		return;
	if (!has_ended(s)) {
		log_warn("corosync hangs: the end does not wait for it", "group=%s", s->group_name);
		return; /* its memory is still in use */
	}
	if (s->wake >= 0)
		close(s->wake);
	client_ways_close(&s->ways);
	sync_free(s->sync);
	sync_names_free(s->names);
	sync_names_free(s->new_names);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void syncer_set_ports(struct syncer *s, const int *ifindexes, uint32_t count)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	memcpy(s->ports, ifindexes, count * sizeof(*ifindexes));
	s->port_count = count;
	s->new_ports = true;
	pthread_mutex_unlock(&s->lock);
}

void syncer_use(struct syncer *s, struct sync_names *names)
{
	pthread_mutex_lock(&s->lock);
	struct sync_names *late = s->new_names;
	s->new_names = names;
	pthread_mutex_unlock(&s->lock);
	sync_names_free(late);
}

void syncer_status(struct syncer *s, struct syncer_status *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->status;
	pthread_mutex_unlock(&s->lock);
}

static void log_group(struct syncer *s, const struct syncer_status *now)
{
	if (s->logged && now->joined == s->logged_joined)
		return;
	if (now->joined)
		log_info("sharing flows", "group=%s", s->group_name);
	else
		log_warn("flows are not shared with other nodes; all else goes on, and it is tried "
			 "again every second",
			 "group=%s because=\"%s\"", s->group_name, now->fault);
	s->logged = true;
	s->logged_joined = now->joined;
}

static void log_different(struct syncer *s, uint32_t different, uint64_t now_ns)
{
	if (different != s->different)
		s->different_ns = now_ns;
	s->different = different;
	if (different == s->logged_different || now_ns - s->different_ns < WORTH_NS)
		return;
	s->logged_different = different;
	if (different)
		log_warn("nodes that share flows have other services or backends than this one",
			 "group=%s nodes=%u", s->group_name, different);
	else
		log_info("nodes that share flows have the same services and backends again",
			 "group=%s", s->group_name);
}

void syncer_log(struct syncer *s)
{
	struct syncer_status now;
	uint32_t different = 0;
	if (!s)
		return;
	syncer_status(s, &now);
	if (!now.joined && !now.joins && !strcmp(now.fault, "not tried yet"))
		return;
	log_group(s, &now);
	for (uint32_t i = 0; i < now.count; i++)
		different += now.nodes[i].differs;
	if (now.joined && now.count != s->logged_count)
		log_info("nodes that share flows", "group=%s nodes=%u", s->group_name, now.count);
	s->logged_count = now.count;
	log_different(s, different, clock_now_ns());
}
