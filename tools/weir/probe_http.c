// SPDX-License-Identifier: BSD-2-Clause
/*
 * Probes by HTTP and HTTPS: libcurl's multi interface on the daemon's event loop. Every probe is a
 * connection of its own, and a name is never asked for: the address is given.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_health.h"
#include "tools/weir/probe_kind.h"

#define BODY_MAX 65536u /* bytes of an answer that are looked at */

struct web {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;
};

struct probe_http {
	struct probe probe;
	CURL *curl;
	struct curl_slist *connect_to;
	int socket_error;
	bool body_seen; /* what is expected of it */
	bool enough;    /* the transfer was ended by us */
	size_t tail;    /* bytes of `body`: the end of what came */
	size_t total;
	char body[1024], fault[CURL_ERROR_SIZE];
};

/* --- the event loop ------------------------------------------------------------------------ */

static void finish(struct probe_http *p, CURLcode code);

static void read_messages(struct web *w)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(w->multi, &left))) {
		struct probe_http *p;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&p);
		finish(p, code);
	}
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct web *w = timer->data;
	int running;
	curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	read_messages(w);
}

static int want_timer(CURLM *multi, long ms, void *context)
{
	struct web *w = context;
	ev_timer_stop(w->loop, &w->timer);
	if (ms < 0)
		return 0;
	ev_timer_set(&w->timer, ms / 1000., 0.);
	ev_timer_start(w->loop, &w->timer);
	return 0;
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct web *w = io->data;
	int running, what = (events & EV_READ ? CURL_CSELECT_IN : 0) |
			    (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
	curl_multi_socket_action(w->multi, io->fd, what, &running);
	read_messages(w);
}

static int want_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *known)
{
	struct web *w = context;
	ev_io *io = known;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	if (io)
		ev_io_stop(w->loop, io);
	if (what == CURL_POLL_REMOVE) {
		free(io);
		curl_multi_assign(w->multi, fd, NULL);
		return 0;
	}
	if (!io)
		io = calloc(1, sizeof(*io));
	if (!io)
		return -1;
	ev_io_init(io, on_socket, fd, events);
	io->data = w;
	ev_io_start(w->loop, io);
	curl_multi_assign(w->multi, fd, io);
	return 0;
}

struct web *web_open(struct ev_loop *loop)
{
	struct web *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	w->loop = loop;
	w->multi = curl_multi_init();
	if (!w->multi) {
		free(w);
		return NULL;
	}
	ev_init(&w->timer, on_timer);
	w->timer.data = w;
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, 1L);
	return w;
}

void web_close(struct web *w)
{
	curl_multi_cleanup(w->multi);
	ev_timer_stop(w->loop, &w->timer);
	free(w);
}

/* --- the answer ------------------------------------------------------------------------------ */

static bool is_named(const char *text)
{
	return text && strcmp(text, "none");
}

static const char *wanted_body(const struct probe_http *p)
{
	return is_named(p->probe.order.health->body) ? p->probe.order.health->body : NULL;
}

/* Looks for the text in what came, over the seams of its pieces. */
static void look_into(struct probe_http *p, const char *bytes, size_t length, const char *wanted)
{
	const size_t keep = strlen(wanted) - 1;
	while (length && !p->body_seen) {
		size_t room = sizeof(p->body) - p->tail, n = length < room ? length : room;
		memcpy(p->body + p->tail, bytes, n);
		p->tail += n;
		bytes += n;
		length -= n;
		p->body_seen = memmem(p->body, p->tail, wanted, strlen(wanted));
		if (p->tail > keep) {
			memmove(p->body, p->body + p->tail - keep, keep);
			p->tail = keep;
		}
	}
}

static size_t on_body(char *bytes, size_t one, size_t length, void *context)
{
	struct probe_http *p = context;
	const char *wanted = wanted_body(p);
	p->total += length;
	if (wanted && !p->body_seen)
		look_into(p, bytes, length, wanted);
	if (wanted && !p->body_seen && p->total < BODY_MAX)
		return length;
	p->enough = true;
	return 0;
}

static void judge(struct probe_http *p)
{
	const struct config_health *h = p->probe.order.health;
	char wanted[STATUS_TEXT];
	long status = 0;
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < h->status.first || status > h->status.last)
		probe_end(&p->probe, false, "HTTP %ld, wanted %s", status,
			  config_status_format(&h->status, wanted));
	else if (wanted_body(p) && !p->body_seen)
		probe_end(&p->probe, false, "HTTP %ld, but without '%s' in its body", status,
			  wanted_body(p));
	else
		probe_end(&p->probe, true, "HTTP %ld", status);
}

static void say_fault(struct probe_http *p, CURLcode code)
{
	const char *words = p->fault[0] ? p->fault : curl_easy_strerror(code);
	long os = 0;
	curl_easy_getinfo(p->curl, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_OPERATION_TIMEDOUT)
		probe_end_late(&p->probe);
	else if (code == CURLE_COULDNT_CONNECT && (p->socket_error || os))
		probe_end(&p->probe, false, "%s",
			  probe_error(p->socket_error ? p->socket_error : os));
	else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		probe_end(&p->probe, false, "certificate: %s", words);
	else
		probe_end(&p->probe, false, "%s", words);
}

static void finish(struct probe_http *p, CURLcode code)
{
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && p->enough))
		judge(p);
	else
		say_fault(p, code);
}

/* --- the request -------------------------------------------------------------------------------
 */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct probe_http *p = context;
	struct sockaddr_storage to;
	socklen_t length;
	int fd = probe_socket(&p->probe, SOCK_STREAM, &to, &length);
	if (fd >= 0)
		return fd;
	p->socket_error = -fd;
	return CURL_SOCKET_BAD;
}

static const char *host_text(const struct addr *a, char text[ADDR_TEXT + 2])
{
	char plain[ADDR_TEXT];
	addr_format(a, plain);
	snprintf(text, ADDR_TEXT + 2, addr_is_v4(a) ? "%s" : "[%s]", plain);
	return text;
}

static void set_options(struct probe_http *p, const char *url)
{
	const struct config_health *h = p->probe.order.health;
	CURL *c = p->curl;
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PRIVATE, p);
	curl_easy_setopt(c, CURLOPT_CONNECT_TO, p->connect_to);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)h->timeout_ms);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, p->fault);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, p);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, h->verify ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, h->verify ? 2L : 0L);
	if (is_named(h->ca))
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca);
}

static int start(struct probe *probe, char words[PROBE_TEXT])
{
	struct probe_http *p = (void *)probe;
	const struct probe_order *o = &probe->order;
	const struct config_health *h = o->health;
	const struct addr *to = h->target == PROBE_AT_VIP ? &o->vip : &o->address;
	char host[ADDR_TEXT + 2], text[2048];
	host_text(to, host);
	snprintf(text, sizeof(text), "::%s:%u", host, o->port);
	p->connect_to = curl_slist_append(NULL, text);
	p->curl = curl_easy_init();
	snprintf(text, sizeof(text), "%s://%s:%u%s", h->type == PROBE_HTTPS ? "https" : "http",
		 is_named(h->host) ? h->host : host, o->port, h->path);
	if (p->connect_to && p->curl) {
		set_options(p, text);
		if (curl_multi_add_handle(probe->probes->web->multi, p->curl) == CURLM_OK)
			return 0;
	}
	snprintf(words, PROBE_TEXT, "not enough memory for the check");
	curl_easy_cleanup(p->curl);
	curl_slist_free_all(p->connect_to);
	return -ENOMEM;
}

static void stop(struct probe *probe)
{
	struct probe_http *p = (void *)probe;
	curl_multi_remove_handle(probe->probes->web->multi, p->curl);
	curl_easy_cleanup(p->curl);
	curl_slist_free_all(p->connect_to);
}

const struct probe_kind probe_http_kind = {sizeof(struct probe_http), start, stop};
