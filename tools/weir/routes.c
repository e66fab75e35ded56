// SPDX-License-Identifier: BSD-2-Clause
/*
 * Level-triggered: what is wanted is compared with what the table has whenever something may have
 * changed, so it does not matter who took a route away, or when. One look at the table does for
 * all.
 */
#include "tools/weir/routes.h"

#include <errno.h>
#include <ev.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lb/damping.h"
#include "lb/err.h"
#include "lb/prefix.h"
#include "tools/weir/log.h"
#include "tools/weir/rtnetlink.h"

#define SETTLE_S 0.01 /* events come in swarms: look when one is over */
#define NS_PER_S 1000000000ull

struct route {
	struct addr base;
	uint32_t length;
	bool well;   /* as was said last */
	bool there;  /* in the table, and ours */
	bool unsure; /* the table has changed there */
	bool blocked;
	bool ours;     /* the table has one of ours, as last seen; and */
	uint8_t owner; /* the protocol of another's; 0: there is none */
	uint64_t grace_until_ns;
	struct damping damping;
	uint64_t withdrawals;
	char why[128]; /* while blocked */
};

struct routes {
	struct ev_loop *loop;
	uint32_t table, damping_ms;
	int lock;
	bool begun;        /* routes_set() was called */
	bool withdrawn;    /* for good */
	struct route *all; /* by address and length, ascending, none twice */
	uint32_t count;
	struct rtnetlink requests, events;
	ev_io readable;
	ev_timer timer;
};

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int order = memcmp(&x->base, &y->base, sizeof(x->base));
	return order ? order : (int)x->length - (int)y->length;
}

static struct route *find(const struct routes *r, const struct addr *base, uint32_t length)
{
	const struct route key = {.base = *base, .length = length};
	return r->count ? bsearch(&key, r->all, r->count, sizeof(key), compare) : NULL;
}

/* "203.0.113.10/32": as routing daemons write it. */
static const char *name_of(const struct route *x, char text[PREFIX_TEXT])
{
	return prefix_format(&x->base, x->length, text);
}

/* --- who made a route ------------------------------------------------------------------------- */

/* As /etc/iproute2/rt_protos has them, so that 'ip route' says the same. */
static const char *owner_name(uint8_t protocol, char text[32])
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} known[] = {{RTPROT_KERNEL, "kernel"}, {RTPROT_BOOT, "boot"}, {RTPROT_STATIC, "static"},
		     {RTPROT_ZEBRA, "zebra"},   {RTPROT_BIRD, "bird"}, {RTPROT_DHCP, "dhcp"},
		     {RTPROT_BABEL, "babel"},   {RTPROT_BGP, "bgp"},   {RTPROT_ISIS, "isis"},
		     {RTPROT_OSPF, "ospf"},     {RTPROT_RIP, "rip"},   {RTPROT_EIGRP, "eigrp"}};
	snprintf(text, 32, "%u", protocol);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].protocol == protocol)
			snprintf(text, 32, "%s", known[i].name);
	return text;
}

/* --- the table -------------------------------------------------------------------------------- */

struct leftovers {
	struct routes *routes;
	struct kernel_table_route *list;
	uint32_t count;
};

static void keep_leftover(struct leftovers *l, const struct kernel_table_route *k)
{
	void *more = realloc(l->list, (l->count + 1) * sizeof(*l->list));
	if (!more)
		return;
	l->list = more;
	l->list[l->count++] = *k;
}

static void on_table_route(void *context, const struct kernel_table_route *k)
{
	struct leftovers *l = context;
	struct route *x = find(l->routes, &k->base, k->length);
	if (!x && k->protocol == RTNETLINK_PROTOCOL)
		keep_leftover(l, k);
	if (x && k->protocol == RTNETLINK_PROTOCOL)
		x->ours = true;
	else if (x)
		x->owner = k->protocol;
}

/* Sees who has a route where, and removes what is ours and nobody wants. */
static void look_at_table(struct routes *r)
{
	struct leftovers l = {.routes = r};
	for (uint32_t i = 0; i < r->count; i++) {
		r->all[i].ours = false;
		r->all[i].owner = 0;
	}
	int rc = rtnetlink_each_route(&r->requests, r->table, on_table_route, &l);
	if (rc)
		log_warn("the table of routes can't be read", "table=%u error=\"%s\"", r->table,
			 strerror(-rc));
	for (uint32_t i = 0; i < l.count; i++)
		rtnetlink_delete_blackhole(&r->requests, r->table, &l.list[i].base,
					   l.list[i].length);
	if (l.count)
		log_info("routes of an earlier daemon were removed", "table=%u routes=%u", r->table,
			 l.count);
	free(l.list);
}

static void block(struct routes *r, struct route *x, const char *why)
{
	char prefix[PREFIX_TEXT];
	if (!x->blocked || strcmp(x->why, why))
		log_error("a VIP can't be announced",
			  "event=route-blocked prefix=%s table=%u error=\"%s\"", name_of(x, prefix),
			  r->table, why);
	x->blocked = true;
	snprintf(x->why, sizeof(x->why), "%s", why);
}

static void block_by_owner(struct routes *r, struct route *x)
{
	char why[sizeof(x->why)], prefix[PREFIX_TEXT], owner[32];
	snprintf(why, sizeof(why), "there is one of protocol %s: 'ip route del %s table %u'",
		 owner_name(x->owner, owner), name_of(x, prefix), r->table);
	block(r, x, why);
}

static void announce(struct routes *r, struct route *x)
{
	char prefix[PREFIX_TEXT];
	bool was_there = x->there;
	int rc = 0;
	x->unsure = x->there = false;
	if (!x->ours && x->owner) {
		block_by_owner(r, x);
		return;
	}
	if (!x->ours)
		rc = rtnetlink_add_blackhole(&r->requests, r->table, &x->base, x->length);
	if (rc) {
		block(r, x, strerror(-rc));
		return;
	}
	if (!x->ours && was_there)
		log_warn("a route was removed by somebody else, and is made again",
			 "event=route-restored prefix=%s table=%u", name_of(x, prefix), r->table);
	else if (!was_there)
		log_info("a VIP is announced", "event=route-announced prefix=%s table=%u%s",
			 name_of(x, prefix), r->table, x->ours ? " taken_over=yes" : "");
	x->there = true;
	x->blocked = false;
}

static void withdraw(struct routes *r, struct route *x)
{
	char prefix[PREFIX_TEXT];
	if (!x->there)
		return;
	int rc = rtnetlink_delete_blackhole(&r->requests, r->table, &x->base, x->length);
	if (rc && rc != -ESRCH)
		log_error("a route can't be removed", "prefix=%s table=%u error=\"%s\"",
			  name_of(x, prefix), r->table, strerror(-rc));
	else
		log_info("a VIP is no longer announced", "event=route-withdrawn prefix=%s table=%u",
			 name_of(x, prefix), r->table);
	x->there = false;
	x->withdrawals++;
}

/* --- what is wanted --------------------------------------------------------------------------- */

/* Whether its route is to be there. */
static bool step(const struct routes *r, struct route *x, uint64_t now_ns)
{
	if (r->withdrawn)
		return false;
	if (!x->well && now_ns < x->grace_until_ns)
		return true;
	if (x->well)
		x->grace_until_ns = 0;
	return damping_step(&x->damping, x->well, now_ns, r->damping_ms);
}

static uint64_t due_ns(const struct routes *r, const struct route *x, uint64_t now_ns)
{
	if (r->withdrawn)
		return UINT64_MAX;
	if (!x->well && now_ns < x->grace_until_ns)
		return x->grace_until_ns;
	return damping_due_ns(&x->damping, r->damping_ms);
}

static void wait_for_due(struct routes *r, uint64_t now_ns)
{
	uint64_t due = UINT64_MAX;
	for (uint32_t i = 0; i < r->count; i++) {
		uint64_t at = due_ns(r, &r->all[i], now_ns);
		due = at < due ? at : due;
	}
	ev_timer_stop(r->loop, &r->timer);
	if (due == UINT64_MAX)
		return;
	ev_timer_set(&r->timer, due > now_ns ? (double)(due - now_ns) / NS_PER_S : SETTLE_S, 0.);
	ev_timer_start(r->loop, &r->timer);
}

/* Losses first: they must not wait for a look at the table. */
static void compare_all(struct routes *r)
{
	uint64_t now_ns = clock_now_ns();
	bool look = false;
	for (uint32_t i = 0; i < r->count; i++) {
		struct route *x = &r->all[i];
		bool wanted = step(r, x, now_ns);
		if (!wanted) {
			withdraw(r, x);
			x->blocked = false;
		}
		x->unsure = wanted && (x->unsure || (!x->there && !x->blocked));
		look |= x->unsure;
	}
	if (look)
		look_at_table(r);
	for (uint32_t i = 0; look && i < r->count; i++)
		if (r->all[i].unsure)
			announce(r, &r->all[i]);
	wait_for_due(r, now_ns);
}

/* What the daemon before has left: it stays until it is known better. */
static void adopt(struct routes *r)
{
	uint64_t now_ns = clock_now_ns();
	r->begun = true;
	look_at_table(r);
	for (uint32_t i = 0; i < r->count; i++) {
		struct route *x = &r->all[i];
		if (!x->ours)
			continue;
		x->damping = (struct damping){
			.told = true, .known = true, .well = true, .told_since_ns = now_ns};
		x->grace_until_ns = now_ns + ROUTES_GRACE_S * NS_PER_S;
	}
}

/* Sorted, each once. NULL without memory. */
static struct route *make_list(const struct route_wanted *wanted, uint32_t count, uint32_t *unique)
{
	struct route *list = calloc(count + 1, sizeof(*list));
	uint32_t kept = 0;
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct route){
			.base = wanted[i].base, .length = wanted[i].length, .well = wanted[i].well};
	qsort(list, count, sizeof(*list), compare);
	for (uint32_t i = 0; i < count; i++) {
		if (kept && !compare(&list[kept - 1], &list[i]))
			list[kept - 1].well |= list[i].well;
		else
			list[kept++] = list[i];
	}
	*unique = kept;
	return list;
}

void routes_set(struct routes *r, const struct route_wanted *wanted, uint32_t count,
		uint32_t damping_ms)
{
	struct route *list = r ? make_list(wanted, count, &count) : NULL;
	if (r && !list)
		log_error("not enough memory to announce VIPs");
	if (!list)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const struct route *known = find(r, &list[i].base, list[i].length);
		bool well = list[i].well;
		if (known) {
			list[i] = *known;
			list[i].well = well;
		}
	}
	struct routes old = *r;
	r->all = list;
	r->count = count;
	r->damping_ms = damping_ms;
	for (uint32_t i = 0; i < old.count; i++)
		if (!find(r, &old.all[i].base, old.all[i].length))
			withdraw(r, &old.all[i]);
	free(old.all);
	if (!r->begun)
		adopt(r);
	compare_all(r);
}

void routes_withdraw(struct routes *r)
{
	if (!r)
		return;
	r->withdrawn = true;
	compare_all(r);
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	compare_all(timer->data);
}

static void look_soon(struct routes *r, struct route *x)
{
	x->unsure = true;
	ev_timer_stop(r->loop, &r->timer);
	ev_timer_set(&r->timer, SETTLE_S, 0.);
	ev_timer_start(r->loop, &r->timer);
}

/* Our own changes come back too. */
static void on_event(void *context, const struct rtnetlink_event *event)
{
	struct routes *r = context;
	struct route *x =
		event->kind == RTNETLINK_ROUTE ? find(r, &event->address, event->prefix) : NULL;
	if (x)
		look_soon(r, x);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct routes *r = watcher->data;
	if (rtnetlink_drain(&r->events, on_event, r))
		for (uint32_t i = 0; i < r->count; i++)
			look_soon(r, &r->all[i]);
}

/* --- up and down ------------------------------------------------------------------------------ */

/* A name that the kernel gives back however its owner ends. */
static int lock_table(struct routes *r, struct err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int length =
		snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "weir-table-%u", r->table);
	r->lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->lock >= 0 && !bind(r->lock, (struct sockaddr *)&name,
				  offsetof(struct sockaddr_un, sun_path) + 1 + length))
		return 0;
	if (errno == EADDRINUSE)
		return err_set(err, EADDRINUSE,
			       "announce.table: table %u is that of another Weir in this network "
			       "namespace; give each a table of its own",
			       r->table);
	return err_set(err, errno, "can't lock table %u: %s", r->table, strerror(errno));
}

int routes_lock(const struct routes *r)
{
	return r ? r->lock : -1;
}

int routes_open(struct routes **out, struct ev_loop *loop, uint32_t table, int lock,
		struct err *err)
{
	struct routes *r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(err, ENOMEM, "not enough memory");
	*r = (struct routes){.loop = loop, .table = table, .lock = lock};
	ev_io_init(&r->readable, on_readable, -1, EV_READ);
	ev_timer_init(&r->timer, on_timer, 0., 0.);
	r->readable.data = r->timer.data = r;
	int rc = lock < 0 ? lock_table(r, err) : 0;
	rc = rc ? rc : rtnetlink_open(&r->requests, 0, err);
	rc = rc ? rc : rtnetlink_open(&r->events, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, err);
	if (rc) {
		routes_close(r, true);
		return rc;
	}
	ev_io_set(&r->readable, rtnetlink_fd(&r->events), EV_READ);
	ev_io_start(loop, &r->readable);
	*out = r;
	return 0;
}

void routes_close(struct routes *r, bool leave)
{
	if (!r)
		return;
	if (!leave)
		routes_withdraw(r);
	ev_io_stop(r->loop, &r->readable);
	ev_timer_stop(r->loop, &r->timer);
	rtnetlink_close(&r->events);
	rtnetlink_close(&r->requests);
	if (r->lock >= 0)
		close(r->lock);
	free(r->all);
	free(r);
}

/* --- looking ---------------------------------------------------------------------------------- */

const char *route_state_word(enum route_state state)
{
	static const char *const words[] = {
		[ROUTE_WITHDRAWN] = "withdrawn",
		[ROUTE_HELD] = "held",
		[ROUTE_ANNOUNCED] = "announced",
		[ROUTE_BLOCKED] = "blocked",
	};
	return words[state];
}

static void view(const struct routes *r, const struct route *x, struct route_view *out)
{
	*out = (struct route_view){.withdrawals = x->withdrawals};
	if (x->blocked) {
		out->state = ROUTE_BLOCKED;
		memcpy(out->why, x->why, sizeof(out->why));
	} else if (x->there) {
		out->state = ROUTE_ANNOUNCED;
	} else if (x->well && !r->withdrawn) {
		out->state = ROUTE_HELD;
	}
}

bool routes_look(const struct routes *r, const struct addr *base, uint32_t length,
		 struct route_view *out)
{
	const struct route *x = r ? find(r, base, length) : NULL;
	if (x)
		view(r, x, out);
	return x != NULL;
}

bool routes_read(const struct routes *r, uint32_t n, struct addr *base, uint32_t *length,
		 struct route_view *out)
{
	if (!r || n >= r->count)
		return false;
	*base = r->all[n].base;
	*length = r->all[n].length;
	view(r, &r->all[n], out);
	return true;
}
