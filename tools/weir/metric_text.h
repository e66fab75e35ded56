/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of Prometheus' text format. They are written fast: 1,000 services of 100 backends are close
 * to a million of them.
 */
#ifndef WEIR_TOOLS_METRIC_TEXT_H
#define WEIR_TOOLS_METRIC_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "tools/weir/feed.h"

#define METRIC_LABELS 512 /* bytes, more than any labels of ours take; a multiple of the slack */
#define METRIC_LINE   192 /* what stands before and behind a line's labels, each */
#define METRIC_SLACK  16

/* `name="value",...`, what stands between the braces. */
struct metric_labels {
	size_t length;
	char text[METRIC_LABELS + METRIC_SLACK];
};

/* Adds a label; its value is escaped. What does not fit is left out. */
void metric_label(struct metric_labels *l, const char *name, const char *value);
void metric_label_number(struct metric_labels *l, const char *name, uint64_t value);

/* Adds others to none. */
void metric_labels_add(struct metric_labels *l, const struct metric_labels *others);

/* `# HELP` and `# TYPE` */
void metric_head(struct bytes *out, const char *name, const char *type, const char *help);

/* The labels of many rows, one after the other. */
struct metric_column {
	struct bytes text, ends;
};

void metric_column_add(struct metric_column *c, const struct metric_labels *l);
void metric_column_clear(struct metric_column *c);
void metric_column_free(struct metric_column *c);

enum metric_unit { METRIC_UNIT_COUNT, METRIC_UNIT_SIGNED, METRIC_UNIT_NS /* in seconds */ };

/* What all samples of a family have in common. */
struct metric_line {
	enum metric_unit unit;
	const char *more;
	size_t begin_length, end_length;
	char begin[METRIC_LINE], end[METRIC_LINE];
};

/* `suffix` is what the samples' name has behind the family's, `more` are labels beside the row's,
 * as text; NULL: none. */
void metric_line_init(struct metric_line *l, const char *name, const char *suffix, const char *more,
		      enum metric_unit unit);

/* Labels and values of many rows. */
struct metric_rows {
	const struct metric_column *labels;
	const uint64_t *values;
	size_t next, end; /* to be written: from one to before the other */
};

/* Adds the samples of rows, until `out` has `size` bytes or more; moves `next` on. */
void metric_lines_write(struct bytes *out, const struct metric_line *l, struct metric_rows *rows,
			size_t size);

#endif
