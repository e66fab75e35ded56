// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two threads, one after the other: one loads, one gives back. The thread that runs has the job to
 * itself but for the words it says, which both it and the loop take the lock for; each word and
 * its end wake the loop.
 */
#include "tools/weir/policy_job.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "lb/policy.h"
#include "tools/weir/policy_load.h"
#include "tools/weir/policy_log.h"

struct word {
	struct word *next;
	bool bad;
	char text[];
};

struct policy_job {
	struct ev_loop *loop;
	struct policy_work work;
	pthread_t thread;
	ev_async woken;
	bool loaded; /* it gives back */
	bool stop;   /* what is not read yet need not be */
	pthread_mutex_t lock;
	struct word *words, **last; /* under the lock, and so is the next */
	bool ended;                 /* the thread that runs is about to */
	int result;
	struct policy_tables *made;
	struct err err;
};

/* --- the threads ----------------------------------------------------------------------------- */

/* Without memory a word is not said. */
static void say(void *context, bool bad, const char *text)
{
	struct policy_job *j = context;
	struct word *w = malloc(sizeof(*w) + strlen(text) + 1);
	if (!w)
		return;
	w->next = NULL;
	w->bad = bad;
	strcpy(w->text, text);
	pthread_mutex_lock(&j->lock);
	*j->last = w;
	j->last = &w->next;
	pthread_mutex_unlock(&j->lock);
	ev_async_send(j->loop, &j->woken);
}

static void end(struct policy_job *j, int result)
{
	pthread_mutex_lock(&j->lock);
	j->result = result;
	j->ended = true;
	pthread_mutex_unlock(&j->lock);
	ev_async_send(j->loop, &j->woken);
}

static int stage(struct policy_job *j)
{
	char words[64];
	if (policy_equal(j->made, j->work.before)) {
		policy_free(j->made);
		j->made = j->work.before;
		return 0;
	}
	snprintf(words, sizeof(words), "%u prefixes are put into the kernel",
		 j->made ? j->made->sources.prefix_count : 0);
	say(j, false, words);
	return policy_stage_fill(&j->work.stage, j->made, &j->err);
}

static void *load(void *context)
{
	struct policy_job *j = context;
	const struct policy_work *w = &j->work;
	const struct policy_listener listener = {.say = say, .context = j, .stop = &j->stop};
	pthread_setname_np(pthread_self(), "weir-policy");
	int r = policy_load(w->config, w->rules, w->backends, &listener, &j->made, &j->err);
	end(j, r ? r : stage(j));
	return NULL;
}

static void *give_back(void *context)
{
	struct policy_job *j = context;
	policy_stage_close(&j->work.stage);
	end(j, 0);
	return NULL;
}

/* Signals are the control thread's. */
static int start_thread(struct policy_job *j, void *(*run)(void *job))
{
	sigset_t all, before;
	j->ended = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&j->thread, NULL, run, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* --- the loop -------------------------------------------------------------------------------- */

/* Says what was said; whether that was all. */
static bool pass_on(struct policy_job *j)
{
	pthread_mutex_lock(&j->lock);
	struct word *w = j->words;
	bool ended = j->ended;
	j->words = NULL;
	j->last = &j->words;
	pthread_mutex_unlock(&j->lock);
	while (w) {
		struct word *next = w->next;
		policy_log.say(policy_log.context, w->bad, w->text);
		free(w);
		w = next;
	}
	return ended;
}

static void destroy(struct policy_job *j)
{
	pass_on(j);
	ev_async_stop(j->loop, &j->woken);
	pthread_mutex_destroy(&j->lock);
	policy_stage_close(&j->work.stage);
	free(j);
}

/* The loop's alone again: what there is of tables. */
static struct policy_tables *take_made(struct policy_job *j)
{
	struct policy_tables *made = j->made;
	if (made != j->work.before)
		policy_free(j->work.before);
	j->made = j->work.before = NULL;
	return made;
}

static void end_loading(struct policy_job *j)
{
	struct policy_tables *made = take_made(j);
	j->loaded = true;
	if (j->result) {
		policy_free(made);
		made = NULL;
	}
	j->work.done(j->work.context, j->result, made, &j->err);
}

static void on_woken(struct ev_loop *loop, ev_async *w, int events)
{
	struct policy_job *j = w->data;
	if (!pass_on(j))
		return;
	pthread_join(j->thread, NULL);
	if (!j->loaded) {
		end_loading(j);
		/* Without a thread it is done here, by destroy(). */
		if (j->work.stage.filled && !start_thread(j, give_back))
			return;
	}
	const struct policy_work work = j->work;
	destroy(j);
	work.over(work.context);
}

int policy_job_start(struct policy_job **out, struct ev_loop *loop, const struct policy_work *work,
		     struct err *err)
{
	struct policy_job *j = calloc(1, sizeof(*j));
	if (!j) {
		struct policy_stage stage = work->stage;
		policy_stage_close(&stage);
		return err_set(err, ENOMEM, "not enough memory");
	}
	j->loop = loop;
	j->work = *work;
	j->work.before = policy_keep(work->before);
	j->last = &j->words;
	pthread_mutex_init(&j->lock, NULL);
	ev_async_init(&j->woken, on_woken);
	j->woken.data = j;
	ev_async_start(loop, &j->woken);
	int r = start_thread(j, load);
	if (!r) {
		*out = j;
		return 0;
	}
	policy_free(take_made(j));
	destroy(j);
	return err_set(err, -r, "no thread to read the sources by: %s", strerror(-r));
}

struct policy_stage *policy_job_stage(struct policy_job *j)
{
	return &j->work.stage;
}

bool policy_job_is_loaded(const struct policy_job *j)
{
	return j->loaded;
}

void policy_job_free(struct policy_job *j)
{
	if (!j)
		return;
	__atomic_store_n(&j->stop, true, __ATOMIC_RELAXED);
	pthread_join(j->thread, NULL);
	policy_free(take_made(j));
	destroy(j);
}
