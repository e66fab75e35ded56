// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cursor that walks the table of all metrics.
 *
 * Families of one scope stand together, so that its rows are made once: of a hundred thousand
 * backends it is they that take the time, not the lines. Their figures are kept by column, as a
 * family has one of them.
 */
#include "tools/weir/metrics.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tools/weir/daemon.h"
#include "tools/weir/feed.h"
#include "tools/weir/metric_families.h"
#include "tools/weir/traffic.h"

struct metrics {
	struct daemon *daemon;
	struct metric_place at;
	size_t family;
	bool begun;                  /* the family's head is written */
	bool whole;                  /* all rows of its scope are kept */
	size_t row, row_count;       /* the next to write; those that are kept */
	unsigned int figures;        /* that rows of its scope have */
	struct metric_line line;     /* of the family */
	struct metric_column labels; /* of all rows kept */
	struct bytes columns[METRIC_FIGURES];
};

static const struct metric_family *family_of(const struct metrics *m)
{
	return &metric_families[m->family];
}

static bool is_of_scope(const struct metrics *m, size_t family)
{
	return family < metric_family_count && metric_families[family].scope == family_of(m)->scope;
}

/* How many figures the families of a scope look at, from this one on. */
static unsigned int figures_of(const struct metrics *m)
{
	unsigned int most = 0;
	for (size_t i = m->family; is_of_scope(m, i); i++)
		if (metric_families[i].figure >= most)
			most = metric_families[i].figure + 1;
	return most;
}

/* Makes one row more; false: there is none, or no memory. */
static bool keep_row(struct metrics *m)
{
	struct metric_row row;
	if (m->whole || !metric_next(&m->at, family_of(m)->scope, &row)) {
		m->whole = true;
		return false;
	}
	for (unsigned int i = 0; i < m->figures; i++)
		bytes_add_word(&m->columns[i], row.figure[i]);
	metric_column_add(&m->labels, &row.labels);
	m->row_count++;
	return true;
}

static void begin_family(struct metrics *m, struct bytes *out)
{
	const struct metric_family *f = family_of(m);
	if (f->type)
		metric_head(out, f->name, f->type, f->help);
	if (!m->row_count && !m->whole)
		m->figures = figures_of(m);
	metric_line_init(&m->line, f->name, f->suffix, f->more, f->unit);
	m->begun = true;
}

static void clear_rows(struct metrics *m)
{
	for (unsigned int i = 0; i < METRIC_FIGURES; i++)
		m->columns[i].size = 0;
	metric_column_clear(&m->labels);
	m->row_count = 0;
	m->whole = false;
	m->at.outer = m->at.inner = 0;
}

/* Goes on to the next family, with its rows if it has the same. */
static void next_family(struct metrics *m)
{
	bool same = is_of_scope(m, m->family + 1);
	m->family++;
	m->begun = false;
	m->row = 0;
	if (!same)
		clear_rows(m);
}

/* The rest of a family whose rows are there, as much as a piece takes. */
static void write_kept(struct metrics *m, struct bytes *out, size_t aim)
{
	struct metric_rows rows = {
		.labels = &m->labels,
		.values = (const uint64_t *)m->columns[family_of(m)->figure].data,
		.next = m->row,
		.end = m->row_count,
	};
	metric_lines_write(out, &m->line, &rows, aim);
	m->row = rows.next;
}

static bool failed(const struct metrics *m)
{
	bool any = m->labels.text.failed || m->labels.ends.failed;
	for (unsigned int i = 0; i < METRIC_FIGURES; i++)
		any |= m->columns[i].failed;
	return any;
}

static bool metrics_next(void *metrics, struct bytes *out, size_t aim)
{
	struct metrics *m = metrics;
	while (m->family < metric_family_count && out->size < aim && !failed(m)) {
		if (!m->begun)
			begin_family(m, out);
		if (m->row < m->row_count || keep_row(m))
			write_kept(m, out, aim);
		else
			next_family(m);
	}
	out->failed |= failed(m);
	return m->family < metric_family_count;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	traffic_book_free(m->at.book);
	for (unsigned int i = 0; i < METRIC_FIGURES; i++)
		bytes_free(&m->columns[i]);
	metric_column_free(&m->labels);
	free(m);
}

/* Megabytes that the kernel would have to clear again each time. */
static struct metrics *take_kept(struct daemon *d)
{
	struct metrics *kept = d->scraped, *m = kept ? kept : calloc(1, sizeof(*m));
	d->scraped = NULL;
	if (!m)
		return NULL;
	clear_rows(m);
	m->family = m->row = 0;
	m->begun = false;
	m->daemon = d;
	m->at = (struct metric_place){.daemon = d, .book = traffic_book_new(d)};
	if (m->at.book)
		return m;
	metrics_free(m);
	return NULL;
}

static void keep(void *metrics)
{
	struct metrics *m = metrics;
	if (!m)
		return;
	traffic_book_free(m->at.book);
	m->at.book = NULL;
	if (failed(m) || m->daemon->scraped)
		metrics_free(m);
	else
		m->daemon->scraped = m;
}

enum MHD_Result metrics_answer(struct MHD_Connection *connection, struct daemon *d)
{
	return feed_answer(connection, d, "text/plain; version=0.0.4; charset=utf-8", metrics_next,
			   take_kept(d), keep);
}
