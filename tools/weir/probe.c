// SPDX-License-Identifier: BSD-2-Clause
/* What all kinds of probes have in common: their begin, their time and their end. */
#include "tools/weir/probe.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/detour.h"
#include "tools/weir/probe_kind.h"

int probes_open(struct probes **out, struct ev_loop *loop, struct detour *detour,
		struct helper *helper, struct err *err)
{
	struct probes *p = calloc(1, sizeof(*p));
	if (p)
		p->web = web_open(loop);
	if (!p || !p->web) {
		free(p);
		return err_set(err, ENOMEM, "not enough memory for health checks");
	}
	p->loop = loop;
	p->detour = detour;
	p->helper = helper;
	*out = p;
	return 0;
}

void probes_close(struct probes *p)
{
	if (!p)
		return;
	web_close(p->web);
	free(p);
}

/* --- one ------------------------------------------------------------------------------------- */

static const struct probe_kind *kind_of(const struct config_health *h)
{
	switch (h->type) {
	case PROBE_HTTP:
	case PROBE_HTTPS:
		return &probe_http_kind;
	case PROBE_COMMAND:
		return &probe_command_kind;
	default:
		return &probe_socket_kind;
	}
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	probe_end_late(timer->data);
}

struct probe *probe_start(struct probes *p, const struct probe_order *order, probe_done_fn *done,
			  void *context, char words[PROBE_TEXT])
{
	const struct probe_kind *kind = kind_of(order->health);
	struct probe *probe = calloc(1, kind->size);
	if (!probe) {
		snprintf(words, PROBE_TEXT, "not enough memory for the check");
		return NULL;
	}
	*probe = (struct probe){
		.kind = kind, .probes = p, .order = *order, .done = done, .context = context};
	if (kind->start(probe, words)) {
		free(probe);
		return NULL;
	}
	/* From now, not from the begin of the loop's turn; and what has come by then comes first.
	 */
	ev_timer_init(&probe->timeout, on_timeout,
		      order->health->timeout_ms / 1000. + ev_time() - ev_now(p->loop), 0.);
	ev_set_priority(&probe->timeout, EV_MINPRI);
	probe->timeout.data = probe;
	ev_timer_start(p->loop, &probe->timeout);
	return probe;
}

void probe_cancel(struct probe *probe)
{
	ev_timer_stop(probe->probes->loop, &probe->timeout);
	probe->kind->stop(probe);
	free(probe);
}

/* What a server or a command says may be any bytes; these words go into logs and documents. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || *text == '"')
			*text = *text == '"' ? '\'' : '?';
}

void probe_end(struct probe *probe, bool good, const char *format, ...)
{
	char words[PROBE_TEXT];
	probe_done_fn *done = probe->done;
	void *context = probe->context;
	va_list ap;
	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	make_plain(words);
	probe_cancel(probe);
	done(context, good, words);
}

void probe_end_late(struct probe *probe)
{
	uint32_t ms = probe->order.health->timeout_ms;
	if (ms % 1000)
		probe_end(probe, false, "no answer in %ums", ms);
	else
		probe_end(probe, false, "no answer in %us", ms / 1000);
}

const char *probe_error(int code)
{
	static char text[80];
	snprintf(text, sizeof(text), "%s", strerror(code));
	text[0] = tolower((unsigned char)text[0]);
	return text;
}

/* --- sockets -----------------------------------------------------------------------------------
 */

static socklen_t make_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr_is_v4(a)) {
		struct sockaddr_in *v4 = (void *)out;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = a->word[3];
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (void *)out;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, a, sizeof(*a));
	return sizeof(*v6);
}

int probe_socket(struct probe *probe, int type, struct sockaddr_storage *to, socklen_t *length)
{
	const struct probe_order *o = &probe->order;
	bool vip = o->health->target == PROBE_AT_VIP;
	*length = make_sockaddr(vip ? &o->vip : &o->address, o->port, to);
	int fd = socket(to->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int r = vip ? detour_take(probe->probes->detour, fd, o->id, &o->address) : 0;
	if (!r)
		return fd;
	close(fd);
	return r;
}
