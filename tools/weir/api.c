// SPDX-License-Identifier: BSD-2-Clause
/*
 * libmicrohttpd without threads of its own: its epoll descriptor is watched by the daemon's event
 * loop, and MHD_run() does what there is to do without waiting. Connections that have nothing to
 * send yet (captures) are suspended, which takes them out of its timeouts.
 *
 * But for PATCH no request takes a body: one that announces a body is refused before a byte of it
 * is read. long file: answers, requests, the event loop and the socket of one API.
 */
#include "tools/weir/api.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/argument.h"
#include "tools/weir/capture.h"
#include "tools/weir/daemon.h"
#include "tools/weir/explain_question.h"
#include "tools/weir/explain_report.h"
#include "tools/weir/log.h"
#include "tools/weir/override.h"
#include "tools/weir/state.h"
#include "tools/weir/state_policy.h"
#include "tools/weir/state_flows.h"

#define API_CONNECTIONS 64u
#define API_IDLE_S      30u  /* a connection that says nothing for so long is closed */
#define API_LAST_MS     1000 /* for answers under way when the API is closed */
#define API_MODE        0660
#define API_BODY        1024u       /* bytes of a PATCH */
#define API_FLOWS_BLOCK (64u << 10) /* bytes */
#define API_FLOWS_S     600u        /* for a client that pages through all flows */

struct api {
	struct daemon *daemon;
	struct MHD_Daemon *http; /* owns the listening socket once it is there */
	struct ev_io ready;      /* it has events */
	struct ev_timer due;     /* it wants to be run without any */
	struct ev_prepare prepare;
	struct sockaddr_un address;
	dev_t device; /* of the socket's file, to remove no one else's */
	ino_t inode;
	bool bound, watching, made_parent;
	bool closing;
};

static uint64_t clock_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- answers ------------------------------------------------------------------------------- */

struct endpoint {
	const char *method, *path;
	json_t *(*state)(const struct daemon *d); /* of those that only tell */
	enum MHD_Result (*serve)(struct api *a, struct MHD_Connection *connection); /* of others */
};

static enum MHD_Result serve_reload(struct api *a, struct MHD_Connection *connection);
static enum MHD_Result serve_capture(struct api *a, struct MHD_Connection *connection);
static enum MHD_Result serve_explain(struct api *a, struct MHD_Connection *connection);
static enum MHD_Result serve_flows(struct api *a, struct MHD_Connection *connection);

static const struct endpoint endpoints[] = {
	{"GET", "/v1/status", state_status, NULL},
	{"GET", "/v1/services", state_services, NULL},
	{"GET", "/v1/backends", state_backends, NULL},
	{"GET", "/v1/workers", state_workers, NULL},
	{"GET", "/v1/interfaces", state_interfaces, NULL},
	{"GET", "/v1/drops", state_drops, NULL},
	{"GET", "/v1/policy", state_policy, NULL},
	{"GET", "/v1/flows", NULL, serve_flows},
	{"GET", "/v1/capture", NULL, serve_capture},
	{"GET", "/v1/explain", NULL, serve_explain},
	{"POST", "/v1/reload", NULL, serve_reload},
};
#define ENDPOINT_COUNT (sizeof(endpoints) / sizeof(endpoints[0]))

/* The document as text that ends in a newline, for who reads it with curl. */
static char *json_text(const json_t *document, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	if (!out)
		return NULL;
	bool failed = json_dumpf(document, out, JSON_COMPACT) || fputc('\n', out) == EOF;
	failed |= fclose(out) != 0;
	if (!failed)
		return text;
	free(text);
	return NULL;
}

/* Takes over `document`; NULL stands for one there was no memory for. */
static struct MHD_Response *json_response(json_t *document)
{
	static char no_memory[] = "{\"error\":\"out of memory\"}\n";
	size_t size;
	char *text = document ? json_text(document, &size) : NULL;
	struct MHD_Response *response;
	json_decref(document);
	if (text)
		response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	else
		response = MHD_create_response_from_buffer(strlen(no_memory), no_memory,
							   MHD_RESPMEM_PERSISTENT);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	return response;
}

static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned int status,
				     struct MHD_Response *response)
{
	if (!response)
		return MHD_NO;
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned int status,
				 json_t *document)
{
	unsigned int code = document ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	return send_response(connection, code, json_response(document));
}

static enum MHD_Result send_error(struct MHD_Connection *connection, unsigned int status,
				  const char *words)
{
	/* Words may quote a file's bytes, which need not be UTF-8. */
	json_t *text = json_string(words);
	if (!text)
		text = json_string("the fault's words are not UTF-8; see the daemon's log");
	return send_json(connection, status, json_pack("{s:o}", "error", text));
}

static enum MHD_Result send_not_found(struct MHD_Connection *connection)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ENDPOINT_COUNT; i++)
		json_array_append_new(
			list, json_sprintf("%s %s", endpoints[i].method, endpoints[i].path));
	return send_json(connection, MHD_HTTP_NOT_FOUND,
			 json_pack("{s:s, s:o}", "error", "there is nothing at this path",
				   "endpoints", list));
}

static enum MHD_Result send_wrong_method(struct MHD_Connection *connection,
					 const struct endpoint *e)
{
	struct MHD_Response *response = json_response(
		json_pack("{s:o}", "error", json_sprintf("%s takes %s only", e->path, e->method)));
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					e->state ? "GET, HEAD" : e->method);
	return send_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

static enum MHD_Result serve_capture(struct api *a, struct MHD_Connection *connection)
{
	return capture_request(a->daemon->captures, connection);
}

static int take_argument(void *question, const char *key, const char *value, struct err *err)
{
	return explain_question_set(question, key, value, err);
}

static enum MHD_Result serve_explain(struct api *a, struct MHD_Connection *connection)
{
	const struct daemon *d = a->daemon;
	const struct explain_view view = {
		.config = d->config,
		.snapshot = engine_snapshot(d->engine),
		.flows = engine_flow_table(d->engine),
		.services = d->services,
		.backends = d->backends,
		.rules = d->rules,
	};
	struct explain_question question = {};
	struct err err;
	json_t *answer = NULL;
	int rc = arguments_read(connection, take_argument, &question, &err);
	if (!rc)
		rc = explain_question_answer(&question, &view, clock_now_ms() * 1000000, &answer,
					     &err);
	if (!rc)
		return send_json(connection, MHD_HTTP_OK, answer);
	return send_error(connection,
			  rc == -EINVAL ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR,
			  err.text);
}

static enum MHD_Result serve_flows(struct api *a, struct MHD_Connection *connection)
{
	struct state_flows *flows;
	struct MHD_Response *response;
	struct err err;
	int rc = state_flows_new(&flows, a->daemon, connection, &err);
	if (rc)
		return send_error(connection,
				  rc == -EINVAL   ? MHD_HTTP_BAD_REQUEST
				  : rc == -ENOENT ? MHD_HTTP_NOT_FOUND
						  : MHD_HTTP_INTERNAL_SERVER_ERROR,
				  err.text);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, API_FLOWS_BLOCK,
						     state_flows_read, flows, state_flows_free);
	if (!response) {
		state_flows_free(flows);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, API_FLOWS_S);
	return send_response(connection, MHD_HTTP_OK, response);
}

static json_t *in_force_json(const struct daemon *d)
{
	const struct config *c = d->config;
	unsigned int backends = 0;
	for (unsigned int i = 0; i < c->service_count; i++)
		backends += c->services[i].backend_count;
	return json_pack("{s:I, s:s, s:i, s:i, s:i}", "generation", (json_int_t)d->generation,
			 "config", d->config_path, "services", (int)c->service_count, "backends",
			 (int)backends, "interfaces", (int)c->interface_count);
}

static enum MHD_Result serve_reload(struct api *a, struct MHD_Connection *connection)
{
	struct err err = {0};
	int rc = daemon_reload(a->daemon, &err);
	if (!rc)
		return send_json(connection, MHD_HTTP_OK, in_force_json(a->daemon));
	return send_error(connection,
			  rc == -EINVAL ? MHD_HTTP_UNPROCESSABLE_CONTENT
					: MHD_HTTP_INTERNAL_SERVER_ERROR,
			  err.text);
}

/* --- changes to a backend ------------------------------------------------------------------ */

#define BACKENDS_PATH "/v1/backends/"

/* A PATCH while its body comes in. */
struct patch {
	bool too_long;
	size_t length;
	char body[API_BODY];
};

static void patch_take(struct patch *p, const char *bytes, size_t length)
{
	if (length > sizeof(p->body) - p->length) {
		p->too_long = true;
		return;
	}
	memcpy(p->body + p->length, bytes, length);
	p->length += length;
}

/* PATCH /v1/backends/SERVICE/BACKEND */
static enum MHD_Result serve_patch(struct api *a, struct MHD_Connection *connection,
				   const char *path, const struct patch *p)
{
	struct err err = {0};
	char service[128];
	const char *name = path + strlen(BACKENDS_PATH);
	const char *slash = strchr(name, '/');
	if (p->too_long)
		return send_error(connection, MHD_HTTP_CONTENT_TOO_LARGE,
				  "the body is longer than any change of a backend");
	if (!slash)
		return send_error(connection, MHD_HTTP_NOT_FOUND,
				  "PATCH takes /v1/backends/SERVICE/BACKEND");
	snprintf(service, sizeof(service), "%.*s", (int)(slash - name), name);
	int rc = override_set(a->daemon, service, slash + 1, p->body, p->length, &err);
	if (!rc)
		return send_json(connection, MHD_HTTP_OK,
				 override_json(a->daemon, service, slash + 1));
	return send_error(connection,
			  rc == -ENOENT   ? MHD_HTTP_NOT_FOUND
			  : rc == -EINVAL ? MHD_HTTP_UNPROCESSABLE_CONTENT
					  : MHD_HTTP_INTERNAL_SERVER_ERROR,
			  err.text);
}

static bool is_patch(const char *path, const char *method)
{
	return !strcmp(method, MHD_HTTP_METHOD_PATCH) &&
	       !strncmp(path, BACKENDS_PATH, strlen(BACKENDS_PATH));
}

/* Called with a PATCH's headers, each part of its body, and at its end. */
static enum MHD_Result on_patch(struct api *a, struct MHD_Connection *connection, const char *path,
				const char *body, size_t *body_size, struct patch **p)
{
	if (!*p) {
		*p = calloc(1, sizeof(**p));
		return *p ? MHD_YES : MHD_NO;
	}
	if (!*body_size)
		return serve_patch(a, connection, path, *p);
	patch_take(*p, body, *body_size);
	*body_size = 0;
	return MHD_YES;
}

/* *seen of all other requests is the API itself. */
static void on_completed(void *context, struct MHD_Connection *connection, void **seen,
			 enum MHD_RequestTerminationCode how)
{
	if (*seen != context)
		free(*seen);
}

/* --- requests ------------------------------------------------------------------------------ */

static bool announces_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (length && strspn(length, "0") != strlen(length))
		return true;
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static const struct endpoint *endpoint_find(const char *path)
{
	for (size_t i = 0; i < ENDPOINT_COUNT; i++)
		if (!strcmp(endpoints[i].path, path))
			return &endpoints[i];
	return NULL;
}

static bool endpoint_takes(const struct endpoint *e, const char *method)
{
	return !strcmp(e->method, method) || (e->state && !strcmp(method, MHD_HTTP_METHOD_HEAD));
}

/* Called with a request's headers, and again when it is complete; *seen is NULL the first time. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *body, size_t *body_size, void **seen)
{
	struct api *a = context;
	const struct endpoint *e = endpoint_find(path);
	if (is_patch(path, method) && !a->closing)
		return on_patch(a, connection, path, body, body_size, (struct patch **)seen);
	if (!*seen) {
		*seen = a;
		if (!announces_body(connection))
			return MHD_YES;
		return send_error(connection, MHD_HTTP_CONTENT_TOO_LARGE,
				  "no request takes a body; send none");
	}
	if (*body_size)
		return MHD_NO;
	if (a->closing)
		return send_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "the daemon is about to end");
	if (!e)
		return send_not_found(connection);
	if (!endpoint_takes(e, method))
		return send_wrong_method(connection, e);
	if (e->state)
		return send_json(connection, MHD_HTTP_OK, e->state(a->daemon));
	return e->serve(a, connection);
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
	struct api *a = w->data;
	MHD_UNSIGNED_LONG_LONG milliseconds;
	MHD_run(a->http);
	ev_timer_stop(loop, &a->due);
	if (MHD_get_timeout(a->http, &milliseconds) != MHD_YES)
		return;
	ev_timer_set(&a->due, milliseconds / 1000., 0);
	ev_timer_start(loop, &a->due);
}

static void watch(struct api *a)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->http, MHD_DAEMON_INFO_EPOLL_FD);
	ev_io_init(&a->ready, on_ready, info->epoll_fd, EV_READ);
	ev_init(&a->due, on_due);
	ev_prepare_init(&a->prepare, on_prepare);
	a->prepare.data = a;
	ev_io_start(a->daemon->loop, &a->ready);
	ev_prepare_start(a->daemon->loop, &a->prepare);
	a->watching = true;
}

/* --- the socket ---------------------------------------------------------------------------- */

static int make_parents(struct api *a, struct err *err)
{
	char path[sizeof(a->address.sun_path)];
	strcpy(path, a->address.sun_path);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		a->made_parent = !mkdir(path, 0755);
		if (!a->made_parent && errno != EEXIST)
			return err_set(err, errno, "can't make the directory %s for api.socket: %s",
				       path, strerror(errno));
		*slash = '/';
	}
	return 0;
}

/* Whether the file in the way is the socket of a daemon that is gone: 0, or -errno. */
static int check_stale(const struct sockaddr_un *address, struct err *err)
{
	struct stat st;
	int fd, code;
	if (lstat(address->sun_path, &st))
		return errno == ENOENT
			       ? 0
			       : err_set(err, errno, "%s: %s", address->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EEXIST,
			       "%s is not a socket; remove it or set another api.socket",
			       address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "can't open a unix socket: %s", strerror(errno));
	code = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(fd);
	if (code == ECONNREFUSED || code == ENOENT)
		return 0;
	/* EAGAIN: somebody listens, and is busy. */
	if (!code || code == EAGAIN)
		return err_set(err, EADDRINUSE,
			       "another daemon answers on %s; stop it or set another api.socket",
			       address->sun_path);
	return err_set(err, code, "can't tell who has %s: %s", address->sun_path, strerror(code));
}

/* The file is never open to more than API_MODE: the mode is set before it is there. */
static int bind_socket(struct api *a, int fd, struct err *err)
{
	const struct sockaddr *address = (const struct sockaddr *)&a->address;
	const char *path = a->address.sun_path;
	struct stat st;
	int rc = check_stale(&a->address, err);
	if (rc)
		return rc;
	unlink(path);
	if (fchmod(fd, API_MODE) || bind(fd, address, sizeof(a->address)))
		return err_set(err, errno, "can't listen on api.socket %s: %s", path,
			       strerror(errno));
	if (!lstat(path, &st)) {
		a->bound = true;
		a->device = st.st_dev;
		a->inode = st.st_ino;
	}
	/* Once more, for what the umask took away. */
	if (chmod(path, API_MODE) || listen(fd, SOMAXCONN))
		return err_set(err, errno, "can't listen on api.socket %s: %s", path,
			       strerror(errno));
	return 0;
}

static int open_socket(struct api *a, struct err *err)
{
	int fd, rc = make_parents(a, err);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "can't open a unix socket: %s", strerror(errno));
	rc = bind_socket(a, fd, err);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static void remove_socket(struct api *a)
{
	struct stat st;
	char *path = a->address.sun_path;
	if (a->bound && !lstat(path, &st) && st.st_dev == a->device && st.st_ino == a->inode)
		unlink(path);
	if (a->made_parent)
		rmdir(dirname(path));
}

/* --- open and close ------------------------------------------------------------------------ */

static struct MHD_Daemon *start_http(struct api *a, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
				NULL, NULL, on_request, a, MHD_OPTION_EXTERNAL_LOGGER, on_message,
				NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				API_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, API_IDLE_S,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, a, MHD_OPTION_END);
}

int api_open(struct api **out, struct daemon *d, struct err *err)
{
	const char *path = d->config->api_socket;
	struct api *a = calloc(1, sizeof(*a));
	int fd, rc;
	if (!a)
		return err_set(err, ENOMEM, "no memory for the control API");
	a->daemon = d;
	a->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(a->address.sun_path)) {
		rc = err_set(err, ENAMETOOLONG, "api.socket: %s is longer than %zu bytes", path,
			     sizeof(a->address.sun_path) - 1);
		goto fail;
	}
	strcpy(a->address.sun_path, path);
	fd = open_socket(a, err);
	if (fd < 0) {
		rc = fd;
		goto fail;
	}
	/* Where it fails it may or may not have closed the socket; that is left to exit(). */
	a->http = start_http(a, fd);
	if (!a->http) {
		rc = err_set(err, EIO, "can't start the HTTP server on %s", path);
		goto fail;
	}
	watch(a);
	*out = a;
	return 0;
fail:
	api_close(a);
	return rc;
}

/*
 * Streams that were just ended get what is queued and their end out, to clients that take it at
 * once: megabytes, of which a turn writes some ten kilobytes.
 */
static void finish_answers(struct api *a)
{
	uint64_t end_ms = clock_now_ms() + API_LAST_MS;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->http, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd ready = {.fd = info->epoll_fd, .events = POLLIN};
	while (clock_now_ms() < end_ms) {
		MHD_run(a->http);
		info = MHD_get_daemon_info(a->http, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
		if (!info->num_connections)
			return;
		poll(&ready, 1, 1);
	}
}

void api_close(struct api *a)
{
	if (!a)
		return;
	if (a->watching) {
		ev_io_stop(a->daemon->loop, &a->ready);
		ev_timer_stop(a->daemon->loop, &a->due);
		ev_prepare_stop(a->daemon->loop, &a->prepare);
	}
	if (a->http) {
		a->closing = true;
		finish_answers(a);
		MHD_stop_daemon(a->http);
	}
	remove_socket(a);
	free(a);
}
