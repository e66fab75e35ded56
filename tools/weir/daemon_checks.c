// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/daemon_checks.h"

#include <errno.h>
#include <string.h>

#include "datapath/engine.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/checker.h"
#include "tools/weir/daemon.h"
#include "tools/weir/detour.h"
#include "tools/weir/helper.h"
#include "tools/weir/log.h"

/* Where Weir sends a backend's packets now. */
static bool way_of(void *context, uint32_t backend, struct way *way, int *ifindex)
{
	const struct daemon *d = context;
	const struct snapshot *s = engine_snapshot(d->engine);
	if (!s || backend >= s->backend_end || !s->backends[backend].present ||
	    !s->backends[backend].reachable)
		return false;
	*way = s->backends[backend].way;
	*ifindex = engine_port(d->engine, way->egress)->ifindex;
	return true;
}

static void on_change(void *context, uint32_t backend, bool failed)
{
	struct daemon *d = context;
	struct checker_view view;
	const char *name = registry_name(d->backends, backend);
	d->controls[backend].failed = failed;
	if (!name || !checker_look(d->checker, backend, &view))
		return;
	int service = strcspn(name, "/");
	if (failed)
		log_warn("a backend is down",
			 "event=backend-down service=%.*s backend=%s reason=\"%s\"", service, name,
			 name + service + 1, view.words);
	else
		log_info("a backend is up",
			 "event=backend-up service=%.*s backend=%s reason=\"%s\"", service, name,
			 name + service + 1, view.words);
}

static void on_settled(void *context)
{
	struct daemon *d = context;
	struct err err;
	if (daemon_publish(d, &err))
		log_error("what health checks found is not in force", "error=\"%s\"", err.text);
}

int daemon_checks_open(struct daemon *d, struct err *err)
{
	if (d->helper)
		helper_follow(d->helper, d->loop);
	d->detour = detour_new(d->loop, way_of, d);
	if (!d->detour)
		return err_set(err, ENOMEM, "not enough memory for health checks");
	const struct checker_input in = {
		.loop = d->loop,
		.backends = d->backends,
		.detour = d->detour,
		.helper = d->helper,
		.on_change = on_change,
		.on_settled = on_settled,
		.context = d,
	};
	return checker_open(&d->checker, &in, err);
}

void daemon_checks_close(struct daemon *d)
{
	checker_close(d->checker);
	detour_free(d->detour);
	d->checker = NULL;
	d->detour = NULL;
}

struct known {
	const struct snapshot *snapshot; /* NULL: the daemon begins */
	uint32_t inherited_end;
};

static bool was_served(void *context, uint32_t backend)
{
	const struct known *k = context;
	if (k->snapshot)
		return backend < k->snapshot->backend_end && k->snapshot->backends[backend].present;
	return backend < k->inherited_end;
}

struct checks *daemon_checks_new(struct daemon *d, const struct config *config, uint32_t known_end,
				 struct backend_control *controls)
{
	const char *replaced;
	struct known known = {
		.snapshot = engine_snapshot(d->engine),
		.inherited_end = engine_inherited(d->engine, &replaced) ? known_end : 0,
	};
	return checks_new(d->checker, config, was_served, &known, controls);
}
