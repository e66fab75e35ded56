/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `weir backend up` has done to this network namespace, in /run/weir: the options it was
 * called with, and for each change how it is undone, written down before the change is made. So
 * whatever stops it, `weir backend down` finds all there is to undo.
 */
#ifndef WEIR_TOOLS_BACKEND_JOURNAL_H
#define WEIR_TOOLS_BACKEND_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

struct err;

struct backend_journal {
	char path[128];
	char pins[40];  /* the name of its folder of pins (datapath/pins.h) */
	json_t *text;   /* {"netns": cookie, "options": {}, "undo": [...]}; NULL: nothing is up */
	bool is_for_us; /* false: of an earlier namespace of that number, which is gone */
};

/* Reads what there is. -EINVAL: the file is damaged; it says so. */
int backend_journal_open(struct backend_journal *j, struct err *err);
void backend_journal_close(struct backend_journal *j);

/* Begins a new one. `options` is taken over. */
int backend_journal_begin(struct backend_journal *j, json_t *options, struct err *err);

/* Writes down a change, unless it stands there already. `undo` is taken over. */
int backend_journal_add(struct backend_journal *j, json_t *undo, struct err *err);

/* Takes the last change out again: it turned out not to be ours. */
void backend_journal_drop_last(struct backend_journal *j);

/* Nothing is up any more. */
void backend_journal_remove(struct backend_journal *j);

#endif
