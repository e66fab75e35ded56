// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/takeover_server.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datapath/handover.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/daemon.h"
#include "tools/weir/log.h"
#include "tools/weir/routes.h"
#include "tools/weir/takeover_message.h"

#define OFFER_S 120. /* until it is taken: it may have long lists to read */
#define TAKE_MS 2000 /* while nobody has workers */

struct takeover_server {
	struct daemon *daemon;
	int listener, peer; /* peer -1: nobody wants to take over */
	pid_t peer_pid;
	bool offered;
	struct handover handover;
	ev_io acceptable, readable;
	ev_timer limit;
};

/* --- the end of an attempt ---------------------------------------------------------------------
 */

static void hang_up(struct takeover_server *s)
{
	struct ev_loop *loop = s->daemon->loop;
	ev_io_stop(loop, &s->readable);
	ev_timer_stop(loop, &s->limit);
	if (s->peer >= 0)
		close(s->peer);
	handover_free(&s->handover);
	s->peer = -1;
	s->offered = s->daemon->handing_over = false;
}

/* Lists that changed meanwhile have waited: the other one would have read them. */
static void go_on(struct takeover_server *s)
{
	hang_up(s);
	if (s->daemon->reload.lists_changed)
		daemon_renew_policy(s->daemon);
}

static void refuse(struct takeover_server *s, const char *why)
{
	log_warn("a takeover is refused", "event=takeover-refused pid=%d because=\"%s\"",
		 s->peer_pid, why);
	takeover_refuse(s->peer, why);
	go_on(s);
}

static void give_up(struct takeover_server *s, const char *why)
{
	log_warn("a takeover has failed; this daemon goes on",
		 "event=takeover-failed pid=%d because=\"%s\"", s->peer_pid, why);
	go_on(s);
}

/* --- offering ----------------------------------------------------------------------------------
 */

/* The configuration in force, as a file that has no name. -1 without memory. */
static int write_config(const struct config *config)
{
	int fd = memfd_create("weir-config", MFD_CLOEXEC);
	FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");
	if (!out) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	config_print(config, out);
	if (!fclose(out))
		return fd;
	close(fd);
	return -1;
}

static int send_descriptors(struct takeover_server *s)
{
	const struct takeover_message more = {.word = TAKEOVER_MORE};
	int r = 0;
	for (uint32_t at = 0; at < s->handover.count && !r; at += TAKEOVER_DESCRIPTORS) {
		uint32_t rest = s->handover.count - at;
		r = takeover_send(s->peer, &more, s->handover.fds + at,
				  rest < TAKEOVER_DESCRIPTORS ? rest : TAKEOVER_DESCRIPTORS);
	}
	return r;
}

static int send_offer(struct takeover_server *s, int config)
{
	const struct takeover_message offer = {.word = TAKEOVER_OFFER,
					       .descriptors = s->handover.count};
	int lock = routes_lock(s->daemon->routes);
	const int fds[] = {config, lock};
	int r = takeover_send(s->peer, &offer, fds, lock < 0 ? 1 : 2);
	return r ? r : send_descriptors(s);
}

static void offer(struct takeover_server *s, const struct takeover_message *asked)
{
	struct err err;
	if (asked->word != TAKEOVER_ASK || asked->layout != handover_layout()) {
		refuse(s, "it is of another version, whose packet memory or tables differ: restart "
			  "instead");
		return;
	}
	if (s->daemon->drain.active) {
		refuse(s, "this daemon is draining, and about to end");
		return;
	}
	if (s->daemon->reload.under_way) {
		refuse(s, "a reload is under way: try again when it is done");
		return;
	}
	if (handover_offer(s->daemon->engine, &s->handover, &err)) {
		refuse(s, err.text);
		return;
	}
	s->offered = s->daemon->handing_over = true;
	int config = write_config(s->daemon->config);
	int r = config < 0 ? -ENOMEM : send_offer(s, config);
	if (config >= 0)
		close(config);
	if (r)
		give_up(s, strerror(-r));
}

/* --- handing over ------------------------------------------------------------------------------
 */

static void hand_over(struct takeover_server *s)
{
	const struct takeover_message yours = {.word = TAKEOVER_YOURS};
	struct takeover_message answer = {};
	struct daemon *d = s->daemon;
	handover_stop(d->engine, &s->handover);
	int r = takeover_send(s->peer, &yours, NULL, 0);
	r = r ? r : takeover_hear(s->peer, &answer, TAKE_MS);
	if (handover_take_back(d->engine, &s->handover)) {
		give_up(s, answer.why[0] ? answer.why : r ? strerror(-r) : "it did not take over");
		return;
	}
	log_info("handed over to another daemon, and ending", "event=handed-over pid=%d",
		 s->peer_pid);
	d->handed_to = s->peer_pid;
	ev_break(d->loop, EVBREAK_ALL);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct takeover_server *s = watcher->data;
	struct takeover_message m;
	int r = takeover_hear(s->peer, &m, 0);
	if (r == -EPIPE)
		give_up(s, "it has ended without a word");
	else if (r)
		give_up(s, strerror(-r));
	else if (m.word == TAKEOVER_NO)
		give_up(s, m.why);
	else if (!s->offered)
		offer(s, &m);
	else if (m.word == TAKEOVER_GO)
		hand_over(s);
	else
		give_up(s, strerror(EPROTO));
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
	refuse(timer->data, "it took too long");
}

/* --- who asks ----------------------------------------------------------------------------------
 */

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct takeover_server *s = watcher->data;
	struct ucred who = {};
	socklen_t size = sizeof(who);
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	bool trusted = !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) &&
		       (who.uid == 0 || who.uid == geteuid());
	if (!trusted || s->peer >= 0) {
		takeover_refuse(fd, trusted ? "another takeover is under way"
					    : "only root may take over");
		close(fd);
		return;
	}
	log_info("another daemon wants to take over", "event=takeover-begin pid=%d", who.pid);
	s->peer = fd;
	s->peer_pid = who.pid;
	ev_io_set(&s->readable, fd, EV_READ);
	ev_io_start(loop, &s->readable);
	ev_timer_set(&s->limit, OFFER_S, 0.);
	ev_timer_start(loop, &s->limit);
}

int takeover_server_open(struct takeover_server **out, struct daemon *d, struct err *err)
{
	struct takeover_server *s = calloc(1, sizeof(*s));
	struct sockaddr_un address;
	socklen_t length = takeover_address(&address, d->config->instance);
	if (!s)
		return err_set(err, ENOMEM, "not enough memory");
	s->daemon = d;
	s->peer = -1;
	ev_io_init(&s->acceptable, on_acceptable, -1, EV_READ);
	ev_io_init(&s->readable, on_readable, -1, EV_READ);
	ev_timer_init(&s->limit, on_limit, OFFER_S, 0.);
	s->acceptable.data = s->readable.data = s->limit.data = s;
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, length) ||
	    listen(s->listener, 4)) {
		int r = err_set(err, errno, "can't listen for takeovers: %m");
		takeover_server_close(s);
		return r;
	}
	ev_io_set(&s->acceptable, s->listener, EV_READ);
	ev_io_start(d->loop, &s->acceptable);
	*out = s;
	return 0;
}

void takeover_server_close(struct takeover_server *s)
{
	if (!s)
		return;
	hang_up(s);
	ev_io_stop(s->daemon->loop, &s->acceptable);
	if (s->listener >= 0)
		close(s->listener);
	free(s);
}
