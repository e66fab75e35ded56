// SPDX-License-Identifier: BSD-2-Clause
/* Level-triggered: which event it was does not matter, whoever is told looks for himself. */
#include "tools/weir/link_watch.h"

#include <errno.h>
#include <ev.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "lb/err.h"
#include "tools/weir/genetlink.h"
#include "tools/weir/rtnetlink.h"

#define SETTLE_S 0.02 /* events come in swarms: look when one is over */
#define AGAIN_S  0.5  /* while something is amiss */

struct link_watch {
	struct ev_loop *loop;
	link_watch_fn *fn;
	void *context;
	struct rtnetlink links;
	struct mnl_socket *queues; /* NULL: the kernel does not tell */
	ev_io links_readable, queues_readable;
	ev_timer timer;
};

static void look_in(struct link_watch *w, ev_tstamp seconds)
{
	ev_timer_stop(w->loop, &w->timer);
	ev_timer_set(&w->timer, seconds, 0.);
	ev_timer_start(w->loop, &w->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct link_watch *w = timer->data;
	if (w->fn(w->context))
		look_in(w, AGAIN_S);
}

/* A swarm does not put it off. */
static void look_soon(struct link_watch *w)
{
	if (!ev_is_active(&w->timer) || ev_timer_remaining(w->loop, &w->timer) > SETTLE_S)
		look_in(w, SETTLE_S);
}

static void on_link(void *context, const struct rtnetlink_event *event)
{
	look_soon(context);
}

static void on_links(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct link_watch *w = watcher->data;
	if (rtnetlink_drain(&w->links, on_link, w))
		look_soon(w);
}

static void on_queues(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct link_watch *w = watcher->data;
	char buffer[8192];
	while (mnl_socket_recvfrom(w->queues, buffer, sizeof(buffer)) > 0)
		look_soon(w);
}

/* Without it a changed number of queues is seen at the next event of another kind. */
static void open_queues(struct link_watch *w)
{
	struct genetlink_family family = {.group_name = "monitor"};
	struct mnl_socket *ask;
	if (genetlink_open(&ask, "ethtool", &family))
		return;
	mnl_socket_close(ask);
	w->queues = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->queues && !mnl_socket_bind(w->queues, 0, MNL_SOCKET_AUTOPID) &&
	    !mnl_socket_setsockopt(w->queues, NETLINK_ADD_MEMBERSHIP, &family.group,
				   sizeof(family.group)))
		return;
	if (w->queues)
		mnl_socket_close(w->queues);
	w->queues = NULL;
}

int link_watch_open(struct link_watch **out, struct ev_loop *loop, link_watch_fn *fn, void *context,
		    struct err *err)
{
	struct link_watch *w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(err, ENOMEM, "not enough memory");
	*w = (struct link_watch){.loop = loop, .fn = fn, .context = context};
	int r = rtnetlink_open(&w->links, RTMGRP_LINK, err);
	if (r) {
		free(w);
		return r;
	}
	open_queues(w);
	ev_init(&w->timer, on_timer);
	ev_io_init(&w->links_readable, on_links, rtnetlink_fd(&w->links), EV_READ);
	w->timer.data = w->links_readable.data = w->queues_readable.data = w;
	ev_io_start(loop, &w->links_readable);
	if (w->queues) {
		ev_io_init(&w->queues_readable, on_queues, mnl_socket_get_fd(w->queues), EV_READ);
		w->queues_readable.data = w;
		ev_io_start(loop, &w->queues_readable);
	}
	/* What has changed since the interfaces were looked at. */
	look_soon(w);
	*out = w;
	return 0;
}

void link_watch_close(struct link_watch *w)
{
	if (!w)
		return;
	ev_timer_stop(w->loop, &w->timer);
	ev_io_stop(w->loop, &w->links_readable);
	if (w->queues) {
		ev_io_stop(w->loop, &w->queues_readable);
		mnl_socket_close(w->queues);
	}
	rtnetlink_close(&w->links);
	free(w);
}
