/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of Prometheus' text format. They are written fast: 1,000 services of 100 backends are close
 * to a million of them.
 */
#ifndef WEIR_TOOLS_METRIC_TEXT_H
#define WEIR_TOOLS_METRIC_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct bytes;

#define METRIC_LABELS 512 /* bytes, more than any labels of ours take */

/* `name="value",...`, what stands between the braces. */
struct metric_labels {
	size_t length;
	char text[METRIC_LABELS];
};

/* Adds a label; its value is escaped. What does not fit is left out. */
void metric_label(struct metric_labels *l, const char *name, const char *value);
void metric_label_number(struct metric_labels *l, const char *name, uint64_t value);

/* `# HELP` and `# TYPE` */
void metric_head(struct bytes *out, const char *name, const char *type, const char *help);

/* A sample; `labels` are `length` bytes of struct metric_labels, `more` others that are text
 * already ("": none). */
void metric_line(struct bytes *out, const char *name, const char *labels, size_t length,
		 const char *more, uint64_t value);
void metric_line_signed(struct bytes *out, const char *name, const char *labels, size_t length,
			const char *more, int64_t value);

/* The same of a time, in seconds. */
void metric_line_ns(struct bytes *out, const char *name, const char *labels, size_t length,
		    const char *more, uint64_t ns);

#endif
