// SPDX-License-Identifier: BSD-2-Clause
/*
 * libev's ev_stat: inotify where the file system has it, else a look now and then. It goes by path,
 * so a file that is replaced by another of its name is seen too.
 */
#include "tools/weir/source_watch.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "tools/weir/policy_load.h"

#define SETTLE_S 0.3 /* who writes a long list does so in pieces */
#define LOOK_S   2.0

struct watched {
	ev_stat stat;
	char path[POLICY_PATH];
};

struct source_watch {
	struct ev_loop *loop;
	void (*changed)(void *context);
	void *context;
	ev_timer settle;
	struct watched *files;
	unsigned int count;
};

static void on_settled(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct source_watch *w = timer->data;
	ev_timer_stop(loop, timer);
	w->changed(w->context);
}

static void on_change(struct ev_loop *loop, ev_stat *stat, int events)
{
	struct source_watch *w = stat->data;
	ev_timer_again(loop, &w->settle);
}

struct source_watch *source_watch_new(struct ev_loop *loop, void (*changed)(void *context),
				      void *context)
{
	struct source_watch *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->loop = loop;
	w->changed = changed;
	w->context = context;
	ev_timer_init(&w->settle, on_settled, 0, SETTLE_S);
	w->settle.data = w;
	return w;
}

static void unwatch(struct source_watch *w)
{
	for (unsigned int i = 0; i < w->count; i++)
		ev_stat_stop(w->loop, &w->files[i].stat);
	ev_timer_stop(w->loop, &w->settle);
	free(w->files);
	w->files = NULL;
	w->count = 0;
}

void source_watch_free(struct source_watch *w)
{
	if (!w)
		return;
	unwatch(w);
	free(w);
}

void source_watch_set(struct source_watch *w, const struct config *c)
{
	unwatch(w);
	w->files = calloc(c->policy.source_count + 1, sizeof(*w->files));
	for (unsigned int i = 0; w->files && i < c->policy.source_count; i++) {
		struct watched *f = &w->files[w->count];
		if (!c->policy.sources[i].file)
			continue;
		policy_source_path(c, &c->policy.sources[i], f->path);
		ev_stat_init(&f->stat, on_change, f->path, LOOK_S);
		f->stat.data = w;
		ev_stat_start(w->loop, &f->stat);
		w->count++;
	}
}
