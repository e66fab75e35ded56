// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. */
#include "tools/weir/capture_comment.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "datapath/kernel_reasons.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tools/weir/daemon.h"
#include "tools/weir/kernel_symbols.h"

__attribute__((format(printf, 2, 3))) static void add(struct capture_comment *c, const char *format,
						      ...)
{
	size_t room = sizeof(c->text) - c->length;
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(c->text + c->length, room, format, ap);
	va_end(ap);
	if (n > 0)
		c->length += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_name(struct capture_comment *c, const char *key, const char *name)
{
	if (name)
		add(c, " %s=%s", key, name);
}

/* Names of what has one: what is not known is left out. */
static void add_names(struct capture_comment *c, const struct daemon *d, const struct tap_record *r)
{
	const char *backend = NULL;
	if (r->rule != ABI_NO_RULE)
		add_name(c, "rule", registry_name(d->rules, r->rule));
	if (r->service != ABI_NO_SERVICE)
		add_name(c, "service", registry_name(d->services, r->service));
	if (r->backend != ABI_NO_BACKEND)
		backend = registry_name(d->backends, r->backend);
	/* "service/backend" */
	const char *slash = backend ? strchr(backend, '/') : NULL;
	add_name(c, "backend", slash ? slash + 1 : backend);
}

static void add_source(struct capture_comment *c, const struct tap_record *r)
{
	if (r->source == TAP_WORKER)
		add(c, " source=worker worker=%u", r->worker);
	else
		add(c, r->source == TAP_XDP ? " source=xdp" : " source=kernel");
}

static void add_packet(struct capture_comment *c, const struct daemon *d,
		       const struct tap_record *r)
{
	static const char *const words[] = {
		[TAP_RX] = "received",
		[TAP_BEFORE] = "before",
		[TAP_TX] = "sent",
	};
	if (r->point == TAP_DROP)
		add(c, "reason=%s", reason_word(r->reason));
	else
		add(c, "%s", words[r->point]);
	add_names(c, d, r);
	add_source(c, r);
	if (r->point == TAP_DROP)
		add(c, ": %s", reason_text(r->reason));
}

static void add_kernel_drop(struct capture_comment *c, const struct tap_record *r)
{
	char symbol[KERNEL_SYMBOL];
	if (!c->kernel && !c->no_kernel)
		c->kernel = kernel_reasons_new();
	c->no_kernel = !c->kernel;
	const char *name = kernel_reasons_name(c->kernel, r->kernel_reason);
	if (name)
		add(c, "kernel-reason=%s", name);
	else
		add(c, "kernel-reason=%u", r->kernel_reason);
	add(c, " at=%s source=kernel: the kernel dropped it after Weir had passed it on",
	    kernel_symbol(r->location, symbol));
}

static bool is_same(const struct tap_record *a, const struct tap_record *b)
{
	return a->point == b->point && a->reason == b->reason && a->service == b->service &&
	       a->backend == b->backend && a->rule == b->rule && a->source == b->source &&
	       a->worker == b->worker;
}

void capture_comment_make(struct capture_comment *c, const struct daemon *d,
			  const struct tap_record *r)
{
	/* A reload may give an id another name. */
	if (c->length && c->generation == d->generation && is_same(&c->of, r))
		return;
	c->of = *r;
	c->generation = d->generation;
	c->length = 0;
	if (r->point == TAP_KERNEL)
		add_kernel_drop(c, r);
	else
		add_packet(c, d, r);
}

void capture_comment_fini(struct capture_comment *c)
{
	kernel_reasons_free(c->kernel);
	c->kernel = NULL;
}
