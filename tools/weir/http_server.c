// SPDX-License-Identifier: BSD-2-Clause
/*
 * libmicrohttpd's epoll descriptor is watched by the event loop, and MHD_run() does what there is
 * to do without waiting. Connections that have nothing to send yet (captures) are suspended, which
 * takes them out of its timeouts.
 *
 * Its own timeout is of silence: a client that says a byte now and then would hold a connection for
 * ever. So connections without a request that is complete are kept in a list, by the time since
 * they are, and their sockets are shut down when their time is over, or when others need room; then
 * libmicrohttpd closes them as if the client had.
 */
#include "tools/weir/http_server.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "lb/err.h"
#include "tools/weir/answer.h"
#include "tools/weir/log.h"

#define CONNECTIONS_MAX (HTTP_CONNECTIONS + 64) /* while those too many are being closed */
#define IDLE_MS         30000u /* without a whole request; and without taking an answer */
#define WATCH_S         1.
#define MEMORY          (128u << 10) /* of a connection; what it does not use is not there */

struct http_connection {
	TAILQ_ENTRY(http_connection) next;
	int fd;
	uint64_t since_ms; /* waits for a request */
	bool waits, ending;
};

struct http_server {
	struct ev_loop *loop;
	const char *name;
	http_serve_fn *serve;
	void *context;
	struct MHD_Daemon *http; /* owns the listening socket */
	struct ev_io ready;      /* it has events */
	struct ev_timer due;     /* it wants to be run without any */
	struct ev_prepare prepare;
	struct ev_timer watch;                        /* of connections that wait too long */
	TAILQ_HEAD(waiting, http_connection) waiting; /* the longest first */
	unsigned int connections;                     /* that are not being closed */
	bool watching, crowded;
};

/* What has come of a request. */
struct http_body {
	size_t size;
	bool refused;
	char bytes[HTTP_BODY_MAX + 1];
};

static uint64_t clock_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- connections --------------------------------------------------------------------------- */

static void connection_wait(struct http_server *s, struct http_connection *c)
{
	c->since_ms = clock_now_ms();
	c->waits = true;
	TAILQ_INSERT_TAIL(&s->waiting, c, next);
}

static void connection_leave(struct http_server *s, struct http_connection *c)
{
	if (c->waits)
		TAILQ_REMOVE(&s->waiting, c, next);
	c->waits = false;
}

static void connection_end(struct http_server *s, struct http_connection *c)
{
	connection_leave(s, c);
	c->ending = true;
	s->connections--;
	shutdown(c->fd, SHUT_RDWR);
}

static void make_room(struct http_server *s)
{
	struct http_connection *oldest = TAILQ_FIRST(&s->waiting);
	if (s->connections <= HTTP_CONNECTIONS || !oldest)
		return;
	if (!s->crowded)
		log_warn("more API connections than are kept: those idle longest are closed",
			 "listener=%s kept=%u", s->name, HTTP_CONNECTIONS);
	s->crowded = true;
	connection_end(s, oldest);
}

static struct http_connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static struct http_connection *connection_new(struct http_server *s,
					      struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_connection *c = calloc(1, sizeof(*c));
	if (!c || !info) {
		free(c);
		return NULL;
	}
	c->fd = info->connect_fd;
	s->connections++;
	connection_wait(s, c);
	return c;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **of_socket,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = context;
	struct http_connection *c = *of_socket;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*of_socket = connection_new(s, connection);
		make_room(s);
		return;
	}
	if (!c)
		return;
	connection_leave(s, c);
	s->connections -= !c->ending;
	s->crowded = s->crowded && s->connections > HTTP_CONNECTIONS / 2;
	free(c);
}

static void on_watch(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct http_server *s = w->data;
	struct http_connection *c;
	uint64_t now_ms = clock_now_ms();
	while ((c = TAILQ_FIRST(&s->waiting)) && now_ms - c->since_ms > IDLE_MS)
		connection_end(s, c);
}

/* --- requests ------------------------------------------------------------------------------ */

static bool announces_too_much(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	return length && strtoull(length, NULL, 10) > HTTP_BODY_MAX;
}

static enum MHD_Result refuse_body(struct MHD_Connection *connection)
{
	return answer_problem_words(connection, MHD_HTTP_CONTENT_TOO_LARGE,
				    "a request takes at most %u bytes", HTTP_BODY_MAX);
}

/* A request's headers are there. */
static enum MHD_Result begin(struct MHD_Connection *connection, void **of_request)
{
	struct http_body *body = malloc(sizeof(*body));
	if (!body)
		return MHD_NO;
	body->size = 0;
	body->refused = announces_too_much(connection);
	*of_request = body;
	return body->refused ? refuse_body(connection) : MHD_YES;
}

/* Of a body whose length was not announced, what is too much is read and thrown away. */
static void take_bytes(struct http_body *body, const char *bytes, size_t size)
{
	body->refused |= size > HTTP_BODY_MAX - body->size;
	if (body->refused)
		return;
	memcpy(body->bytes + body->size, bytes, size);
	body->size += size;
}

/* Called with a request's headers, then with parts of its body, then when it is complete. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *bytes, size_t *size, void **of_request)
{
	struct http_server *s = context;
	struct http_body *body = *of_request;
	struct http_connection *c = connection_of(connection);
	if (!body)
		return begin(connection, of_request);
	if (*size) {
		take_bytes(body, bytes, *size);
		*size = 0;
		return MHD_YES;
	}
	if (body->refused)
		return refuse_body(connection);
	if (c)
		connection_leave(s, c);
	body->bytes[body->size] = 0;
	return s->serve(s->context, &(struct http_request){.connection = connection,
							   .method = method,
							   .path = path,
							   .body = body->bytes,
							   .body_size = body->size});
}

static void on_completed(void *context, struct MHD_Connection *connection, void **of_request,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *s = context;
	struct http_connection *c = connection_of(connection);
	free(*of_request);
	*of_request = NULL;
	if (c && !c->ending && !c->waits)
		connection_wait(s, c);
}

__attribute__((format(printf, 2, 0))) static void on_message(void *context, const char *format,
							     va_list ap)
{
	char text[512];
	vsnprintf(text, sizeof(text), format, ap);
	log_debug("http", "message=\"%s\"", text);
}

/* --- the event loop ------------------------------------------------------------------------ */

/* These only wake the loop: what there is to do is done before it sleeps again. */
static void on_ready(struct ev_loop *loop, struct ev_io *w, int events)
{
}

static void on_due(struct ev_loop *loop, struct ev_timer *w, int events)
{
}

/*
 * Once in every turn of the loop, because libmicrohttpd tells neither by its descriptor nor by its
 * timeout that a suspended connection was resumed.
 */
static void on_prepare(struct ev_loop *loop, struct ev_prepare *w, int events)
{
	struct http_server *s = w->data;
	MHD_UNSIGNED_LONG_LONG milliseconds;
	MHD_run(s->http);
	ev_timer_stop(loop, &s->due);
	if (MHD_get_timeout(s->http, &milliseconds) != MHD_YES)
		return;
	ev_timer_set(&s->due, milliseconds / 1000., 0);
	ev_timer_start(loop, &s->due);
}

static void watch(struct http_server *s)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
	ev_io_init(&s->ready, on_ready, info->epoll_fd, EV_READ);
	ev_init(&s->due, on_due);
	ev_prepare_init(&s->prepare, on_prepare);
	ev_timer_init(&s->watch, on_watch, WATCH_S, WATCH_S);
	s->prepare.data = s->watch.data = s;
	ev_io_start(s->loop, &s->ready);
	ev_prepare_start(s->loop, &s->prepare);
	ev_timer_start(s->loop, &s->watch);
	s->watching = true;
}

/* --- open and close ------------------------------------------------------------------------ */

static struct MHD_Daemon *start_http(struct http_server *s, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
				NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_message,
				NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
				MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MS / 1000,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_END);
}

int http_server_open(struct http_server **out, struct ev_loop *loop, int fd, const char *name,
		     http_serve_fn *serve, void *context, struct err *err)
{
	struct http_server *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ENOMEM, "no memory for the HTTP server on %s", name);
	s->loop = loop;
	s->name = name;
	s->serve = serve;
	s->context = context;
	TAILQ_INIT(&s->waiting);
	/* Where it fails it may or may not have closed the socket; that is left to exit(). */
	s->http = start_http(s, fd);
	if (!s->http) {
		free(s);
		return err_set(err, EIO, "can't start the HTTP server on %s", name);
	}
	watch(s);
	*out = s;
	return 0;
}

/*
 * Streams that were just ended get what is queued and their end out, to clients that take it at
 * once: megabytes, of which a turn writes some ten kilobytes.
 */
static void finish_answers(struct http_server *s, unsigned int last_ms)
{
	uint64_t end_ms = clock_now_ms() + last_ms;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd ready = {.fd = info->epoll_fd, .events = POLLIN};
	struct http_connection *c;
	while (clock_now_ms() < end_ms) {
		MHD_run(s->http);
		info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
		if (!info->num_connections)
			return;
		poll(&ready, 1, 1);
	}
	while ((c = TAILQ_FIRST(&s->waiting)))
		connection_end(s, c);
}

void http_server_close(struct http_server *s, unsigned int last_ms)
{
	if (!s)
		return;
	if (s->watching) {
		ev_io_stop(s->loop, &s->ready);
		ev_timer_stop(s->loop, &s->due);
		ev_timer_stop(s->loop, &s->watch);
		ev_prepare_stop(s->loop, &s->prepare);
	}
	finish_answers(s, last_ms);
	MHD_stop_daemon(s->http);
	free(s);
}
