/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The health checks of all backends: when each is due, how many run at a time, and what came of
 * them. A backend that fails or comes back is marked in the controls it was opened with; then
 * `on_change` is called, a moment later, once for all that have changed. Control thread.
 */
#ifndef WEIR_TOOLS_CHECKER_H
#define WEIR_TOOLS_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/health.h"
#include "tools/weir/probe.h"

struct backend_control;
struct checker;
struct checks;
struct config;
struct err;
struct ev_loop;
struct helper;
struct registry;

/* Called from the loop. */
typedef void checker_change_fn(void *context, uint32_t backend, bool failed);
typedef void checker_settled_fn(void *context);

struct checker_input {
	struct ev_loop *loop;
	const struct registry *backends; /* "service/backend" to ids */
	struct detour *detour;
	struct helper *helper;
	checker_change_fn *on_change;   /* for each backend that fails or is well again */
	checker_settled_fn *on_settled; /* once, a moment after one or many have */
	void *context;
};

int checker_open(struct checker **out, const struct checker_input *in, struct err *err);
void checker_close(struct checker *c); /* NULL too */

/*
 * The checks that a configuration wants, which must stay as long as they do. A backend that was
 * checked before keeps its state; one that was served without (by `was_served`, by id) is taken to
 * be well until `fall` checks have failed; a new one is not up until its first check was good.
 * Marks those that are not up in `controls`. NULL without memory.
 */
struct checks *checks_new(const struct checker *c, const struct config *config,
			  bool (*was_served)(void *context, uint32_t backend), void *context,
			  struct backend_control *controls);
void checks_free(struct checks *k); /* those that are not in use; NULL too */

/* Puts checks in the place of those before. */
void checker_use(struct checker *c, struct checks *k);

/* What is known of a backend. */
struct checker_view {
	enum health_state state;
	bool checked;      /* at least once since the daemon began */
	double since_s;    /* how long it has been in that state */
	double age_s;      /* of the last result */
	double took_s;     /* the last check */
	const char *words; /* of the last result; valid until the loop goes on */
};

/* False: it has no checks. */
bool checker_look(const struct checker *c, uint32_t backend, struct checker_view *out);

struct checker_figures {
	uint32_t checks, running,
		waiting;    /* backends that are checked; checks now; those due but held back */
	uint64_t good, bad; /* results so far */
	uint64_t held_back; /* begun later than due, because too many ran */
};
void checker_figures(const struct checker *c, struct checker_figures *out);

#endif
