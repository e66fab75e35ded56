// SPDX-License-Identifier: BSD-2-Clause
/*
 * Places are found once a second and kept in the order in which they were found, so that each has
 * its history. Counters of the kernel's that begin anew (a driver was reset) begin anew here.
 */
#include "tools/weir/losses.h"

#include <ev.h>
#include <linux/if_link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/engine.h"
#include "datapath/port_statistics.h"
#include "lb/reason.h"
#include "tools/weir/daemon.h"
#include "tools/weir/rtnetlink.h"

struct losses {
	struct daemon *daemon;
	ev_timer timer;
	struct rtnetlink netlink;
	bool has_netlink;
	uint64_t seconds; /* looks so far */
	uint32_t count;
	struct loss places[LOSSES_MAX];
};

static struct loss *find(struct losses *l, enum loss_place place, const char *interface,
			 const char *name)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct loss *at = &l->places[i];
		if (at->place == place && at->interface == interface && !strcmp(at->name, name))
			return at;
	}
	if (l->count == LOSSES_MAX)
		return NULL;
	struct loss *new = &l->places[l->count++];
	*new = (struct loss){.place = place, .interface = interface};
	snprintf(new->name, sizeof(new->name), "%s", name);
	return new;
}

/* Notes what a place's counter is now. */
static void note(struct losses *l, enum loss_place place, const char *interface, const char *name,
		 uint64_t packets, const char *text, const char *mend)
{
	uint32_t known = l->count;
	struct loss *at = find(l, place, interface, name);
	if (!at)
		return;
	if (l->count > known || packets < at->packets) {
		at->packets = packets;
		for (int i = 0; i < LOSSES_WINDOW_S; i++)
			at->samples[i] = packets;
	}
	if (packets > at->packets)
		at->last_s = time(NULL);
	at->packets = packets;
	at->text = text;
	at->mend = mend;
	at->rate = (double)(packets - at->samples[l->seconds % LOSSES_WINDOW_S]) / LOSSES_WINDOW_S;
}

/* --- in front of Weir ------------------------------------------------------------------------ */

/* The kernel's own counters of an interface. */
static const struct {
	const char *name;
	size_t offset;
	const char *text, *mend;
} kernel_counters[] = {
#define COUNTER(name) #name, offsetof(struct rtnl_link_stats64, name)
	{COUNTER(rx_missed_errors), "the NIC had no room: its ring was full",
	 "larger rings ('ethtool -G'), more queues ('ethtool -L'); are the CPUs busy?"},
	{COUNTER(rx_errors), "frames that were damaged on the wire, or too long",
	 "look at cable, optics and the other end: 'ethtool -S' says more"},
	{COUNTER(rx_dropped),
	 "the kernel or the driver dropped it: no memory, no XDP redirect, nobody's protocol",
	 "'weir capture --kernel' shows those of the kernel's stack with its reason"},
	{COUNTER(tx_errors), "the NIC could not send (Weir's own tx-failed may be among them)",
	 "look at cable and the other end"},
	{COUNTER(tx_dropped),
	 "the driver did not take what was to be sent (Weir's own tx-failed may be among them)",
	 "is the interface up, and its other end fast enough?"},
#undef COUNTER
};

static void note_kernel(struct losses *l, const struct port *p)
{
	struct rtnl_link_stats64 s;
	if (!l->has_netlink || rtnetlink_get_statistics(&l->netlink, p->ifindex, &s))
		return;
	for (size_t i = 0; i < sizeof(kernel_counters) / sizeof(kernel_counters[0]); i++) {
		uint64_t packets;
		memcpy(&packets, (const char *)&s + kernel_counters[i].offset, sizeof(packets));
		note(l, LOSS_IN_FRONT, p->name, kernel_counters[i].name, packets,
		     kernel_counters[i].text, kernel_counters[i].mend);
	}
}

struct driver_note {
	struct losses *losses;
	const struct port *port;
};

static void note_driver(void *context, const char *name, uint64_t value)
{
	const struct driver_note *n = context;
	if (value)
		note(n->losses, LOSS_IN_FRONT, n->port->name, name, value,
		     "a counter of the driver's own ('ethtool -S')",
		     "the driver's documentation says what it counts");
}

/* Of all CPUs: the second and third column are packets dropped, and turns cut short. */
static void note_softnet(struct losses *l)
{
	FILE *f = fopen("/proc/net/softnet_stat", "re");
	unsigned int processed, dropped, squeezed;
	uint64_t all_dropped = 0, all_squeezed = 0;
	while (f && fscanf(f, "%x %x %x%*[^\n]", &processed, &dropped, &squeezed) == 3) {
		all_dropped += dropped;
		all_squeezed += squeezed;
	}
	if (f)
		fclose(f);
	note(l, LOSS_IN_FRONT, NULL, "kernel-backlog", all_dropped,
	     "the kernel was busy: a CPU's backlog was full (of all interfaces)",
	     "raise net.core.netdev_max_backlog; spread interrupts over CPUs");
	note(l, LOSS_IN_FRONT, NULL, "kernel-busy", all_squeezed,
	     "no losses, but turns that the kernel cut short with packets left (of all interfaces)",
	     "raise net.core.netdev_budget and netdev_budget_usecs; spread interrupts over CPUs");
}

static void note_fill_rings(struct losses *l, uint32_t index)
{
	const struct engine *e = l->daemon->engine;
	const struct port *p = engine_port(e, index);
	struct socket_counters c;
	uint64_t sum = 0;
	for (uint32_t q = 0; q < p->queue_count; q++)
		if (!engine_socket_counters(e, index, q, &c))
			sum += c.fill_empty;
	note(l, LOSS_IN_FRONT, p->name, "fill-empty", sum,
	     "no losses of their own, but times a NIC found no free frame (see rx-no-frame)",
	     "raise memory.frames_per_queue");
}

/* --- in Weir and behind it ------------------------------------------------------------------- */

static void note_reasons(struct losses *l)
{
	struct engine_drops drops = {0};
	engine_drops(l->daemon->engine, &drops);
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
		note(l, LOSS_REASON, NULL, reason_word(r),
		     drops.xdp[r] + drops.kernel[r] + drops.worker[r], reason_text(r),
		     losses_mend(r));
	note(l, LOSS_BEHIND, NULL, "redirect-error", drops.not_steered,
	     "the kernel could not hand it to a worker's socket",
	     "did the number of queues change ('ethtool -L')? Then restart the daemon");
}

void losses_look(struct losses *l)
{
	const struct engine *e = l->daemon->engine;
	for (uint32_t i = 0; i < engine_port_count(e); i++) {
		const struct port *p = engine_port(e, i);
		struct driver_note n = {l, p};
		note_kernel(l, p);
		port_loss_statistics(p->name, note_driver, &n);
		note_fill_rings(l, i);
	}
	note_softnet(l);
	note_reasons(l);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct losses *l = timer->data;
	losses_look(l);
	for (uint32_t i = 0; i < l->count; i++)
		l->places[i].samples[l->seconds % LOSSES_WINDOW_S] = l->places[i].packets;
	l->seconds++;
}

/* --- all of it ------------------------------------------------------------------------------- */

struct losses *losses_new(struct daemon *d)
{
	struct losses *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->daemon = d;
	l->has_netlink = !rtnetlink_open(&l->netlink, 0, NULL);
	ev_timer_init(&l->timer, on_second, 1, 1);
	l->timer.data = l;
	ev_timer_start(d->loop, &l->timer);
	losses_look(l);
	return l;
}

void losses_free(struct losses *l)
{
	if (!l)
		return;
	ev_timer_stop(l->daemon->loop, &l->timer);
	rtnetlink_close(&l->netlink);
	free(l);
}

uint32_t losses_count(const struct losses *l)
{
	return l->count;
}

const struct loss *losses_get(const struct losses *l, uint32_t index)
{
	return &l->places[index];
}
