// SPDX-License-Identifier: BSD-2-Clause
/* What is at which path, and who may have it. See the header. */
#include "tools/weir/api.h"

#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/answer.h"
#include "tools/weir/api_access.h"
#include "tools/weir/argument.h"
#include "tools/weir/capture.h"
#include "tools/weir/daemon.h"
#include "tools/weir/explain_question.h"
#include "tools/weir/explain_report.h"
#include "tools/weir/feed.h"
#include "tools/weir/http_server.h"
#include "tools/weir/metrics.h"
#include "tools/weir/names.h"
#include "tools/weir/override.h"
#include "tools/weir/page.h"
#include "tools/weir/state.h"
#include "tools/weir/state_policy.h"
#include "tools/weir/state_flows.h"

#define API_LAST_MS 3000u /* for answers under way when the API is closed */
#define TCP_LAST_MS 100u

/* One of the sockets that the API listens on. */
struct listener {
	struct api *api;
	struct http_server *server;
	bool open_to_all; /* any program of the host can connect to it */
};

/* The request for a reload: it sleeps until that is done. */
struct api_reload {
	struct MHD_Connection *connection; /* NULL: there is none */
	bool asleep, done;
	int result;
	json_t *changes;
	struct err err;
};

struct api {
	struct daemon *daemon;
	struct listener unix_socket, tcp;
	struct api_reload reload;
	bool closing;
};

/* --- endpoints ----------------------------------------------------------------------------- */

struct call {
	struct daemon *daemon;
	const struct listener *listener;
	const struct http_request *request;
	struct MHD_Connection *connection; /* the request's */
};

enum guard {
	GUARD_NONE,  /* anybody who can connect may have it */
	GUARD_TOKEN, /* who has a token, or is root or of the socket's group: it changes something,
			or shows what others must not see */
};

struct endpoint {
	const char *method, *path;
	enum guard guard;
	json_t *(*state)(const struct daemon *d);       /* a document, */
	const char *list;                               /* or a list of that name */
	feed_row_fn *row;                               /* with these rows, */
	enum MHD_Result (*serve)(const struct call *c); /* or something else */
};

static enum MHD_Result serve_access(const struct call *c);
static enum MHD_Result serve_backends(const struct call *c);
static enum MHD_Result serve_capture(const struct call *c);
static enum MHD_Result serve_config(const struct call *c);
static enum MHD_Result serve_explain(const struct call *c);
static enum MHD_Result serve_flows(const struct call *c);
static enum MHD_Result serve_health(const struct call *c);
static enum MHD_Result serve_history(const struct call *c);
static enum MHD_Result serve_metrics(const struct call *c);
static enum MHD_Result serve_override(const struct call *c);
static enum MHD_Result serve_page(const struct call *c);
static enum MHD_Result serve_ready(const struct call *c);
static enum MHD_Result serve_reload(const struct call *c);

#define GET_STATE(path_, state_)                                \
	{                                                       \
		.method = "GET", .path = path_, .state = state_ \
	}
#define GET_LIST(path_, list_, row_)                                       \
	{                                                                  \
		.method = "GET", .path = path_, .list = list_, .row = row_ \
	}

static const struct endpoint endpoints[] = {
	GET_STATE("/v1/status", state_status),
	GET_LIST("/v1/services", "services", state_service),
	{"GET", "/v1/backends", .serve = serve_backends},
	GET_LIST("/v1/nexthops", "nexthops", state_next_hop),
	GET_LIST("/v1/workers", "workers", state_worker),
	GET_LIST("/v1/interfaces", "interfaces", state_interface),
	GET_STATE("/v1/drops", state_drops),
	GET_STATE("/v1/policy", state_policy),
	{"GET", "/v1/flows", .serve = serve_flows},
	{"GET", "/v1/explain", .serve = serve_explain},
	{"GET", "/v1/config", .serve = serve_config},
	{"GET", "/v1/history", .serve = serve_history},
	{"GET", "/v1/access", .serve = serve_access},
	{"GET", "/v1/capture", GUARD_TOKEN, .serve = serve_capture},
	{"PATCH", "/v1/backends/*/*", GUARD_TOKEN, .serve = serve_override},
	{"POST", "/v1/reload", GUARD_TOKEN, .serve = serve_reload},
	{"GET", "/", .serve = serve_page},
	{"GET", "/metrics", .serve = serve_metrics},
	{"GET", "/healthz", .serve = serve_health},
	{"GET", "/readyz", .serve = serve_ready},
};
#define ENDPOINT_COUNT (sizeof(endpoints) / sizeof(endpoints[0]))

static enum MHD_Result serve_capture(const struct call *c)
{
	return capture_request(c->daemon->captures, c->connection);
}

static int take_question(void *question, const char *key, const char *value, struct err *err)
{
	return explain_question_set(question, key, value, err);
}

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static enum MHD_Result serve_explain(const struct call *c)
{
	const struct daemon *d = c->daemon;
	struct explain_view view = {
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
	int rc = arguments_read(c->connection, take_question, &question, &err);
	if (!rc) {
		view.meters.meters = engine_open_meters(d->engine, &view.meters.mask);
		view.meters.half_open = view.flows ? view.flows->half_open : NULL;
		rc = explain_question_answer(&question, &view, clock_now_ns(), &answer, &err);
		engine_close_meters(view.meters.meters, view.meters.mask);
	}
	if (rc)
		return answer_problem(c->connection, answer_status(rc), &err);
	return answer_json(c->connection, MHD_HTTP_OK, answer);
}

static enum MHD_Result serve_flows(const struct call *c)
{
	struct state_flows *flows;
	struct err err;
	int rc = state_flows_new(&flows, c->daemon, c->connection, &err);
	if (rc)
		return answer_problem(c->connection, answer_status(rc), &err);
	return answer_stream(c->connection, "application/json", state_flows_read, flows,
			     state_flows_free);
}

static int take_service(void *context, const char *key, const char *value, struct err *err)
{
	const char **service = context;
	if (strcmp(key, "service"))
		return err_set(err, EINVAL, "unknown argument \"%.64s\"; known is: service", key);
	*service = value;
	return 0;
}

static enum MHD_Result serve_backends(const struct call *c)
{
	const char *service = "";
	struct err err;
	int rc = arguments_read(c->connection, take_service, &service, &err);
	if (!rc && *service && !names_service(c->daemon->config, service, &err))
		rc = -ENOENT;
	if (rc)
		return answer_problem(c->connection, answer_status(rc), &err);
	return feed_answer_rows(c->connection, c->daemon, "backends", state_backend, service);
}

/* The configuration in force, in its canonical form. */
static enum MHD_Result serve_config(const struct call *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return answer_json(c->connection, MHD_HTTP_OK, NULL);
	config_print(c->daemon->config, out);
	fclose(out);
	return answer_text(c->connection, "application/yaml", text, size);
}

static enum MHD_Result serve_history(const struct call *c)
{
	return answer_json(c->connection, MHD_HTTP_OK, history_json(&c->daemon->history));
}

static enum MHD_Result serve_page(const struct call *c)
{
	return answer_static(c->connection, MHD_HTTP_OK, "text/html; charset=utf-8", page_begin,
			     // cppcheck-suppress comparePointers ; page.c: two labels of one text
			     page_end - page_begin);
}

static enum MHD_Result serve_metrics(const struct call *c)
{
	return metrics_answer(c->connection, c->daemon);
}

/* Takes over `changes`. */
static json_t *in_force_json(const struct daemon *d, json_t *changes)
{
	const struct config *c = d->config;
	unsigned int backends = 0;
	for (unsigned int i = 0; i < c->service_count; i++)
		backends += c->services[i].backend_count;
	return json_pack("{s:I, s:s, s:i, s:i, s:i, s:o}", "generation", (json_int_t)d->generation,
			 "config", d->config_path, "services", (int)c->service_count, "backends",
			 (int)backends, "interfaces", (int)c->interface_count, "changes", changes);
}

static enum MHD_Result answer_reload(struct api *a)
{
	struct api_reload r = a->reload;
	a->reload = (struct api_reload){};
	if (!r.result)
		return answer_json(r.connection, MHD_HTTP_OK, in_force_json(a->daemon, r.changes));
	return answer_problem(r.connection,
			      r.result == -EINVAL ? MHD_HTTP_UNPROCESSABLE_CONTENT
						  : answer_status(r.result),
			      &r.err);
}

static void on_reloaded(void *context, int result, json_t *changes, const struct err *err)
{
	struct api_reload *r = context;
	r->done = true;
	r->result = result;
	r->changes = result ? NULL : json_incref(changes);
	r->err = *err;
	if (r->asleep)
		MHD_resume_connection(r->connection);
	r->asleep = false;
}

/* libmicrohttpd calls this again for a request that it has resumed. */
static enum MHD_Result serve_reload(const struct call *c)
{
	struct api *a = c->listener->api;
	/* Where its client went away meanwhile nobody has asked for the result. */
	if (a->reload.done) {
		json_decref(a->reload.changes);
		a->reload = (struct api_reload){};
	}
	if (a->reload.connection)
		return answer_problem_words(c->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
					    "a reload is under way: ask again when it is done");
	a->reload.connection = c->connection;
	daemon_reload(c->daemon, on_reloaded, &a->reload);
	if (a->reload.done)
		return answer_reload(a);
	a->reload.asleep = true;
	MHD_suspend_connection(c->connection);
	return MHD_YES;
}

#define BACKENDS_PATH "/v1/backends/"

static enum MHD_Result serve_override(const struct call *c)
{
	const struct http_request *r = c->request;
	const char *name = r->path + strlen(BACKENDS_PATH), *slash = strchr(name, '/');
	char service[128];
	struct err err = {0};
	snprintf(service, sizeof(service), "%.*s", (int)(slash - name), name);
	int rc = override_set(c->daemon, service, slash + 1, r->body, r->body_size, &err);
	if (!rc)
		return answer_json(c->connection, MHD_HTTP_OK,
				   override_json(c->daemon, service, slash + 1));
	return answer_problem(c->connection,
			      rc == -EINVAL ? MHD_HTTP_UNPROCESSABLE_CONTENT : answer_status(rc),
			      &err);
}

/* That it answers is all there is to say: nothing is served before the datapath is. */
static enum MHD_Result serve_health(const struct call *c)
{
	return answer_static(c->connection, MHD_HTTP_OK, "text/plain", "ok\n", 3);
}

/* Whether clients are to be sent here. */
static enum MHD_Result serve_ready(const struct call *c)
{
	if (!c->daemon->drain.active)
		return serve_health(c);
	return answer_problem_words(c->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				    "the daemon is draining, and about to end");
}

/* --- who may ------------------------------------------------------------------------------- */

/* Whether changes are "allowed" to this client, take a "token", or are "refused". */
static const char *changes_word(const struct call *c)
{
	const struct daemon *d = c->daemon;
	if (!c->listener->open_to_all)
		return api_access_trusted(c->connection, d->sockets.group) ? "allowed" : "refused";
	if (api_access_granted(&d->access, c->connection))
		return "allowed";
	return d->access.token[0] ? "token" : "refused";
}

static enum MHD_Result serve_access(const struct call *c)
{
	return answer_json(c->connection, MHD_HTTP_OK,
			   json_pack("{s:s}", "changes", changes_word(c)));
}

static enum MHD_Result refuse(const struct call *c)
{
	const struct http_request *r = c->request;
	if (!c->listener->open_to_all)
		return answer_problem_words(c->connection, MHD_HTTP_FORBIDDEN,
					    "%s %s is for root and for the group %u of the socket",
					    r->method, r->path, c->daemon->sockets.group);
	if (!strcmp(changes_word(c), "refused"))
		return answer_problem_words(c->connection, MHD_HTTP_FORBIDDEN,
					    "%s %s is not for this address, which is for reading: "
					    "use the unix socket, or set api.token_file",
					    r->method, r->path);
	return answer_problem_words(c->connection, MHD_HTTP_UNAUTHORIZED,
				    "%s %s takes the token of api.token_file, as 'Authorization: "
				    "Bearer TOKEN'",
				    r->method, r->path);
}

static bool may_have(const struct call *c, const struct endpoint *e)
{
	return e->guard == GUARD_NONE || !strcmp(changes_word(c), "allowed");
}

/* --- requests ------------------------------------------------------------------------------ */

static enum MHD_Result answer_not_found(struct MHD_Connection *connection, const char *path)
{
	char known[400] = "";
	size_t length = 0;
	for (size_t i = 0; i < ENDPOINT_COUNT && length < sizeof(known); i++)
		length += snprintf(known + length, sizeof(known) - length, " %s %s",
				   endpoints[i].method, endpoints[i].path);
	return answer_problem_words(connection, MHD_HTTP_NOT_FOUND,
				    "there is nothing at %.40s; known are:%s", path, known);
}

/* Whether a path is the endpoint's, in which "*" stands for one segment. */
static bool path_matches(const char *pattern, const char *path)
{
	for (; *pattern; pattern++) {
		size_t segment = strcspn(path, "/");
		if (*pattern == '*' && !segment)
			return false;
		if (*pattern == '*')
			path += segment;
		else if (*pattern != *path++)
			return false;
	}
	return !*path;
}

static bool takes_head(const struct endpoint *e)
{
	return !strcmp(e->method, "GET") && e->guard == GUARD_NONE;
}

static bool takes_method(const struct endpoint *e, const char *method)
{
	return !strcmp(e->method, method) ||
	       (takes_head(e) && !strcmp(method, MHD_HTTP_METHOD_HEAD));
}

/* The endpoint; or NULL, and which methods others at that path take ("": there are none). */
static const struct endpoint *endpoint_find(const struct http_request *r, char allowed[64])
{
	size_t length = 0;
	allowed[0] = 0;
	for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
		const struct endpoint *e = &endpoints[i];
		if (!path_matches(e->path, r->path))
			continue;
		if (takes_method(e, r->method))
			return e;
		length += snprintf(allowed + length, 64 - length, "%s%s%s", length ? ", " : "",
				   e->method, takes_head(e) ? ", HEAD" : "");
	}
	return NULL;
}

static enum MHD_Result serve_endpoint(const struct call *c, const struct endpoint *e)
{
	if (e->state)
		return answer_json(c->connection, MHD_HTTP_OK, e->state(c->daemon));
	if (e->row)
		return feed_answer_rows(c->connection, c->daemon, e->list, e->row, "");
	return e->serve(c);
}

static enum MHD_Result on_request(void *context, const struct http_request *r)
{
	const struct listener *l = context;
	struct call call = {l->api->daemon, l, r, r->connection};
	char allowed[64];
	const struct endpoint *e = endpoint_find(r, allowed);
	/* Whoever asked for it was let in before, maybe by a token that is another one now. */
	if (l->api->reload.connection == r->connection && l->api->reload.done)
		return answer_reload(l->api);
	if (l->api->closing)
		return answer_problem_words(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
					    "the daemon is about to end");
	if (l->open_to_all && !api_access_named(r->connection))
		return answer_problem_words(
			r->connection, MHD_HTTP_FORBIDDEN,
			"the request's Host is neither an address nor localhost");
	if (!e && allowed[0])
		return answer_wrong_method(r->connection, r->path, allowed);
	if (!e)
		return answer_not_found(r->connection, r->path);
	if (!may_have(&call, e))
		return refuse(&call);
	if (r->body_size && !strcmp(e->method, "GET"))
		return answer_problem_words(r->connection, MHD_HTTP_BAD_REQUEST,
					    "%s takes no body; send none", e->path);
	return serve_endpoint(&call, e);
}

/* --- open and close ------------------------------------------------------------------------ */

static int open_listener(struct api *a, struct listener *l, int *bound, const char *name,
			 struct err *err)
{
	int fd = *bound;
	if (fd < 0)
		return 0;
	if (listen(fd, SOMAXCONN))
		return err_set(err, errno, "the API can't listen (%s): %s", name, strerror(errno));
	*bound = -1;
	l->api = a;
	return http_server_open(&l->server, a->daemon->loop, fd, name, on_request, l, err);
}

int api_open(struct api **out, struct daemon *d, struct err *err)
{
	struct api *a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(err, ENOMEM, "no memory for the control API");
	a->daemon = d;
	a->tcp.open_to_all = true;
	int rc = open_listener(a, &a->unix_socket, &d->sockets.local, "unix", err);
	rc = rc ? rc : open_listener(a, &a->tcp, &d->sockets.http, "http", err);
	if (rc)
		api_close(a);
	else
		*out = a;
	return rc;
}

void api_close(struct api *a)
{
	if (!a)
		return;
	a->closing = true;
	http_server_close(a->unix_socket.server, API_LAST_MS);
	http_server_close(a->tcp.server, TCP_LAST_MS);
	free(a);
}
