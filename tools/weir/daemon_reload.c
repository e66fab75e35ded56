// SPDX-License-Identifier: BSD-2-Clause
/*
 * A reload in two halves: the file is read, and its names have ids; then, once the lists of sources
 * are read and the tables of its policy are in the kernel, which may take seconds and is done by a
 * thread, all of it comes into force. It is over when the tables before are given back. There is
 * one at a time, so ids change only under the one that is under way. Lists that changed are read
 * again in the same way, with the configuration that is in force.
 */
#include "tools/weir/daemon.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <string.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "tools/weir/changes.h"
#include "tools/weir/daemon_links.h"
#include "tools/weir/log.h"
#include "tools/weir/policy_job.h"
#include "tools/weir/policy_load.h"
#include "tools/weir/policy_log.h"
#include "tools/weir/sharing.h"

/* --- ends ------------------------------------------------------------------------------------ */

/* What was asked for meanwhile. */
static void go_on(struct daemon *d)
{
	if (d->reload.signalled)
		ev_feed_signal_event(d->loop, SIGHUP);
	else if (d->reload.lists_changed)
		daemon_renew_policy(d);
	d->reload.signalled = false;
}

static void end_reload(void *context)
{
	struct daemon *d = context;
	struct daemon_reload now = d->reload;
	d->reload.under_way = false;
	d->reload.job = NULL;
	d->reload.candidate = (struct daemon_candidate){};
	d->reload.changes = NULL;
	if (now.result) {
		log_error("reload refused, nothing changed", "error=\"%s\"", now.err.text);
		policy_free(now.candidate.policy);
		config_free(now.candidate.config);
	} else {
		changes_log(now.changes);
		log_info("reloaded", "generation=%lu services=%u changes=%lld", d->generation,
			 d->config->service_count,
			 (long long)json_integer_value(json_object_get(now.changes, "total")));
	}
	now.done(now.context, now.result, now.changes, &now.err);
	json_decref(now.changes);
	go_on(d);
}

static void end_renewal(void *context)
{
	struct daemon *d = context;
	d->reload.under_way = false;
	d->reload.job = NULL;
	if (d->reload.result)
		log_error("changed sources are not in force, the old ones are", "error=\"%s\"",
			  d->reload.err.text);
	else
		log_info("changed sources are in force", "prefixes=%u",
			 d->policy ? d->policy->sources.prefix_count : 0);
	go_on(d);
}

/* --- second halves --------------------------------------------------------------------------- */

static int change_all(struct daemon *d, struct err *err)
{
	struct config *config = d->reload.candidate.config, *before = d->config;
	int r = daemon_links_change(d, before, config, err);
	if (r)
		return r;
	r = daemon_apply(d, &d->reload.candidate, err);
	if (r)
		daemon_links_change(d, config, before, NULL);
	return r;
}

/* What the daemon gives up bit by bit must not come back meanwhile, nor change what was offered. */
static int check_end(const struct daemon *d, struct err *err)
{
	if (d->drain.active)
		return err_set(err, EBUSY, "the daemon is draining, and about to end");
	return d->handing_over ? err_set(err, EBUSY, "another daemon is about to take over") : 0;
}

static void reload_loaded(void *context, int result, struct policy_tables *made,
			  const struct err *loading)
{
	struct daemon *d = context;
	d->reload.err = *loading;
	d->reload.candidate.policy = made;
	int r = result ? result : check_end(d, &d->reload.err);
	r = r ? r : change_all(d, &d->reload.err);
	if (r)
		daemon_take_back_ids(d);
	d->reload.result = r;
}

static void lists_loaded(void *context, int result, struct policy_tables *made,
			 const struct err *loading)
{
	struct daemon *d = context;
	d->reload.err = *loading;
	int r = result ? result : check_end(d, &d->reload.err);
	r = r ? r : daemon_use_policy(d, made, &d->reload.err);
	if (r)
		policy_free(made);
	d->reload.result = r;
}

/* --- first halves ---------------------------------------------------------------------------- */

static bool has_lists(const struct config *c)
{
	for (unsigned int i = 0; i < c->policy.source_count; i++)
		if (c->policy.sources[i].file)
			return true;
	return false;
}

/* Whether there is something to read, or tables to be put into the kernel or taken from it. */
static bool takes_long(const struct daemon *d, const struct config *config)
{
	return d->policy || policy_is_wanted(config) || has_lists(config);
}

/* Calls the work's `done` and `over`, at once where that takes no time; or says why it can't. */
static int load(struct daemon *d, struct policy_work *work, struct err *err)
{
	const struct err none = {};
	work->rules = d->rules;
	work->backends = d->backends;
	work->before = d->policy;
	work->context = d;
	if (takes_long(d, work->config)) {
		int r = engine_stage_policy(d->engine, &work->stage, err);
		return r ? r : policy_job_start(&d->reload.job, d->loop, work, err);
	}
	work->done(d, 0, NULL, &none);
	work->over(d);
	return 0;
}

/* -EINVAL names the first change that takes a restart. */
static int check_changes(const json_t *changes, struct err *err)
{
	const char *path = changes_restart(changes);
	if (!changes)
		return err_set(err, ENOMEM, "not enough memory");
	if (!path)
		return 0;
	err_set(err, EINVAL,
		"%s can't change while the daemon runs: restart it, or undo that change; nothing "
		"was changed",
		path);
	err_place(err, path, 0);
	return -EINVAL;
}

static int begin_reload(struct daemon *d, struct err *err)
{
	struct daemon_candidate *c = &d->reload.candidate;
	int r = check_end(d, err);
	r = r ? r : daemon_read_config(d->config_path, true, &c->config, err);
	if (r)
		return r;
	engine_number_ports(d->engine, c->config);
	d->reload.changes = changes_json(d->config, c->config);
	r = check_changes(d->reload.changes, err);
	r = r ? r : sharing_check(d->kept, c->config, err);
	r = r ? r : daemon_give_ids(d, c, err);
	if (r)
		return r;
	struct policy_work work = {.config = c->config, .done = reload_loaded, .over = end_reload};
	r = load(d, &work, err);
	if (r)
		daemon_take_back_ids(d);
	return r;
}

void daemon_reload(struct daemon *d, daemon_reloaded_fn *done, void *context)
{
	struct err err = {};
	if (d->reload.under_way) {
		err_set(&err, EBUSY, "a reload is under way: ask again when it is done");
		done(context, -EBUSY, NULL, &err);
		return;
	}
	d->reload.under_way = true;
	d->reload.done = done;
	d->reload.context = context;
	int r = begin_reload(d, &err);
	if (!r)
		return;
	d->reload.result = r;
	d->reload.err = err;
	end_reload(d);
}

void daemon_renew_policy(struct daemon *d)
{
	struct policy_work work = {.config = d->config, .done = lists_loaded, .over = end_renewal};
	d->reload.lists_changed = d->reload.under_way || d->handing_over;
	if (d->handing_over)
		log_info("changed sources are not read yet",
			 "because=\"another daemon is about to take over\"");
	if (d->reload.lists_changed || !d->config)
		return;
	d->reload.under_way = true;
	d->reload.result = load(d, &work, &d->reload.err);
	if (d->reload.result)
		end_renewal(d);
}

void daemon_cancel_reload(struct daemon *d)
{
	struct policy_job *job = d->reload.job;
	bool loaded = job && policy_job_is_loaded(job);
	if (!job)
		return;
	d->reload.signalled = d->reload.lists_changed = false;
	policy_job_free(job);
	if (!loaded)
		d->reload.result = err_set(&d->reload.err, ECANCELED, "the daemon is about to end");
	if (d->reload.candidate.config)
		end_reload(d);
	else
		end_renewal(d);
}
