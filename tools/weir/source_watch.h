/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches the files of `sources`: when one has changed and then stayed as it is for a moment, the
 * policy is put in force with it. Control thread.
 */
#ifndef WEIR_TOOLS_SOURCE_WATCH_H
#define WEIR_TOOLS_SOURCE_WATCH_H

struct config;
struct ev_loop;
struct source_watch;

/* NULL without memory. */
struct source_watch *source_watch_new(struct ev_loop *loop, void (*changed)(void *context),
				      void *context);
void source_watch_free(struct source_watch *w); /* NULL too */

/* Watches the files of this configuration and no others. */
void source_watch_set(struct source_watch *w, const struct config *c);

#endif
