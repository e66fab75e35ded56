// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread has the job to itself but for the words it says, which both threads take the lock for;
 * each word and the end wake the loop. What is `made` is the thread's until it is `ended`.
 */
#include "tools/weir/policy_job.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
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
	const struct config *config;
	const struct registry *rules, *backends;
	policy_job_fn *done;
	void *context;
	pthread_t thread;
	ev_async woken;
	pthread_mutex_t lock;
	struct word *words, **last; /* under the lock, and so is the next */
	bool ended;
	int result;
	struct policy_tables *made;
	struct err err;
};

/* --- the thread ------------------------------------------------------------------------------ */

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

static void *work(void *context)
{
	struct policy_job *j = context;
	const struct policy_listener listener = {.say = say, .context = j};
	int r = policy_load(j->config, j->rules, j->backends, &listener, &j->made, &j->err);
	pthread_mutex_lock(&j->lock);
	j->result = r;
	j->ended = true;
	pthread_mutex_unlock(&j->lock);
	ev_async_send(j->loop, &j->woken);
	return NULL;
}

/* Signals are the control thread's. */
static int start_thread(struct policy_job *j)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&j->thread, NULL, work, j);
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
	free(j);
}

static void on_woken(struct ev_loop *loop, ev_async *w, int events)
{
	struct policy_job *j = w->data;
	if (!pass_on(j))
		return;
	pthread_join(j->thread, NULL);
	struct policy_tables *made = j->made;
	policy_job_fn *done = j->done;
	void *context = j->context;
	struct err err = j->err;
	int result = j->result;
	destroy(j);
	done(context, result, made, &err);
}

int policy_job_start(struct policy_job **out, struct ev_loop *loop, const struct config *c,
		     const struct registry *rules, const struct registry *backends,
		     policy_job_fn *done, void *context, struct err *err)
{
	struct policy_job *j = calloc(1, sizeof(*j));
	if (!j)
		return err_set(err, ENOMEM, "not enough memory");
	*j = (struct policy_job){
		.loop = loop,
		.config = c,
		.rules = rules,
		.backends = backends,
		.done = done,
		.context = context,
	};
	j->last = &j->words;
	pthread_mutex_init(&j->lock, NULL);
	ev_async_init(&j->woken, on_woken);
	j->woken.data = j;
	ev_async_start(loop, &j->woken);
	*out = j;
	int r = start_thread(j);
	if (!r)
		return 0;
	destroy(j);
	*out = NULL;
	return err_set(err, -r, "no thread to read the sources by: %s", strerror(-r));
}

void policy_job_free(struct policy_job *j)
{
	if (!j)
		return;
	pthread_join(j->thread, NULL);
	policy_free(j->made);
	destroy(j);
}
