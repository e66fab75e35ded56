// SPDX-License-Identifier: BSD-2-Clause
/* Probes by TCP and UDP: connect, send, and wait for bytes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lb/config.h"
#include "tools/weir/probe_kind.h"

#define ANSWER_MAX 4096u /* bytes that are looked at */

struct probe_socket {
	struct probe probe;
	int fd;
	ev_io io;
	size_t length;
	uint8_t answer[ANSWER_MAX];
};

static void wait_for(struct probe_socket *s, int events)
{
	struct ev_loop *loop = s->probe.probes->loop;
	ev_io_stop(loop, &s->io);
	ev_io_set(&s->io, s->fd, events);
	ev_io_start(loop, &s->io);
}

/* Whether what has come so far has what is expected; anything does where nothing is named. */
static bool is_expected(const struct probe_socket *s)
{
	const struct config_bytes *expect = &s->probe.order.health->expect;
	return s->length &&
	       (!expect->length || memmem(s->answer, s->length, expect->bytes, expect->length));
}

static void on_answer(struct probe_socket *s)
{
	bool udp = s->probe.order.health->type == PROBE_UDP;
	ssize_t n = recv(s->fd, s->answer + s->length, sizeof(s->answer) - s->length, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		probe_end(&s->probe, false, "%s",
			  udp && errno == ECONNREFUSED ? "port unreachable" : probe_error(errno));
		return;
	}
	/* Each datagram is an answer of its own; TCP's may come in pieces. */
	s->length = udp ? (size_t)n : s->length + n;
	if (is_expected(s))
		probe_end(&s->probe, true, "answered as expected");
	else if (udp || n == 0 || s->length == sizeof(s->answer))
		probe_end(&s->probe, false,
			  s->length ? "an answer without what is expected"
				    : "closed without an answer");
}

static int send_request(struct probe_socket *s)
{
	const struct config_bytes *bytes = &s->probe.order.health->send;
	ssize_t n = send(s->fd, bytes->bytes, bytes->length, MSG_NOSIGNAL);
	return n == (ssize_t)bytes->length ? 0 : n < 0 ? errno : EMSGSIZE;
}

/* Connected, or not. */
static void on_connected(struct probe_socket *s)
{
	const struct config_health *h = s->probe.order.health;
	int code = 0;
	socklen_t length = sizeof(code);
	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &length);
	if (!code && h->send.length)
		code = send_request(s);
	if (code)
		probe_end(&s->probe, false, "%s", probe_error(code));
	else if (!h->expect.length)
		probe_end(&s->probe, true, "connected");
	else
		wait_for(s, EV_READ);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct probe_socket *s = io->data;
	if (events & EV_WRITE)
		on_connected(s);
	else
		on_answer(s);
}

static int refuse(int code, int fd, char words[PROBE_TEXT])
{
	snprintf(words, PROBE_TEXT, "%s", probe_error(code));
	if (fd >= 0)
		close(fd);
	return -code;
}

static int start(struct probe *probe, char words[PROBE_TEXT])
{
	struct probe_socket *s = (void *)probe;
	bool udp = probe->order.health->type == PROBE_UDP;
	struct sockaddr_storage to;
	socklen_t length;
	s->fd = probe_socket(probe, udp ? SOCK_DGRAM : SOCK_STREAM, &to, &length);
	if (s->fd < 0)
		return refuse(-s->fd, -1, words);
	/* Thousands of checks must not leave as many ports waiting: close with a reset. */
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
		   sizeof(struct linger));
	if (connect(s->fd, (struct sockaddr *)&to, length) && errno != EINPROGRESS)
		return refuse(errno, s->fd, words);
	int code = udp ? send_request(s) : 0;
	if (code)
		return refuse(code, s->fd, words);
	ev_io_init(&s->io, on_io, s->fd, udp ? EV_READ : EV_WRITE);
	s->io.data = s;
	ev_io_start(probe->probes->loop, &s->io);
	return 0;
}

static void stop(struct probe *probe)
{
	struct probe_socket *s = (void *)probe;
	ev_io_stop(probe->probes->loop, &s->io);
	close(s->fd);
}

const struct probe_kind probe_socket_kind = {sizeof(struct probe_socket), start, stop};
