// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lb/err.h"
#include "tools/weir/json_path.h"
#include "tools/weir/client.h"
#include "tools/weir/json_path.h"

enum kind {
	KIND_NONE,
	KIND_TEXT,
	KIND_NUMBER,
	KIND_UP_OF,   /* "2/3" */
	KIND_COUNT,   /* so far */
	KIND_RATE,    /* a second */
	KIND_BITS,    /* of a count of bytes */
	KIND_PERCENT, /* of a share from 0 to 1 */
	KIND_FAST,    /* which share of `key` the fast path had */
	KIND_BUSY,    /* which share of a worker's turns had packets */
};

static const struct view {
	const char *name, *path, *list;
	const char *keys[2]; /* what tells one row from another */
	unsigned int sort;   /* at first */
	struct {
		const char *title, *key;
		enum kind kind;
	} columns[TOP_COLUMNS];
} views[TOP_VIEWS] = {
	[TOP_SERVICES] = {"services",
			  "/v1/services",
			  "services",
			  {"name"},
			  4,
			  {{"SERVICE", "name", KIND_TEXT},
			   {"ADDRESS", "address", KIND_TEXT},
			   {"PORTS", "ports", KIND_TEXT},
			   {"UP", "backends", KIND_UP_OF},
			   {"PPS", "packets", KIND_RATE},
			   {"FAST", "packets", KIND_FAST},
			   {"BIT/S", "bytes", KIND_BITS},
			   {"FLOWS/S", "flows", KIND_RATE}}},
	[TOP_BACKENDS] = {"backends",
			  "/v1/backends",
			  "backends",
			  {"service", "name"},
			  4,
			  {{"SERVICE", "service", KIND_TEXT},
			   {"BACKEND", "name", KIND_TEXT},
			   {"STATE", "state", KIND_TEXT},
			   {"WEIGHT", "weight", KIND_NUMBER},
			   {"PPS", "packets", KIND_RATE},
			   {"FAST", "packets", KIND_FAST},
			   {"BIT/S", "bytes", KIND_BITS},
			   {"FLOWS/S", "flows", KIND_RATE},
			   {"SHARE", "share", KIND_PERCENT},
			   {"FAULT", "reason", KIND_TEXT}}},
	[TOP_INTERFACES] = {"interfaces",
			    "/v1/interfaces",
			    "interfaces",
			    {"name"},
			    2,
			    {{"INTERFACE", "name", KIND_TEXT},
			     {"MODE", "mode", KIND_TEXT},
			     {"RX-PPS", "counters.rx_packets", KIND_RATE},
			     {"RX-BIT/S", "counters.rx_bytes", KIND_BITS},
			     {"FAST/S", "counters.transmitted", KIND_RATE},
			     {"STEERED/S", "counters.steered", KIND_RATE},
			     {"PASSED/S", "counters.passed", KIND_RATE},
			     {"DROPS/S", "counters.dropped", KIND_RATE}}},
	[TOP_WORKERS] = {"workers",
			 "/v1/workers",
			 "workers",
			 {"worker"},
			 3,
			 {{"WORKER", "worker", KIND_NUMBER},
			  {"CPU", "cpu", KIND_NUMBER},
			  {"BUSY", "busy", KIND_BUSY},
			  {"RX-PPS", "rx_packets", KIND_RATE},
			  {"TX-PPS", "tx_packets", KIND_RATE},
			  {"DROPS/S", "dropped", KIND_RATE},
			  {"TURNS/S", "turns", KIND_RATE},
			  {"SLEEPS/S", "sleeps", KIND_RATE},
			  {"FREE", "frames.free", KIND_COUNT},
			  {"FRAMES", "frames.total", KIND_COUNT}}},
	[TOP_DROPS] = {"drops",
		       "/v1/drops",
		       "reasons",
		       {"reason"},
		       1,
		       {{"REASON", "reason", KIND_TEXT},
			{"PER-S", "total", KIND_RATE},
			{"TOTAL", "total", KIND_COUNT},
			{"XDP", "xdp", KIND_COUNT},
			{"KERNEL", "kernel", KIND_COUNT},
			{"WORKER", "worker", KIND_COUNT},
			{"MEANING", "text", KIND_TEXT}}},
};

const char *top_view_name(enum top_view_id view)
{
	return views[view].name;
}

int top_view_find(const char *name)
{
	for (int i = 0; i < TOP_VIEWS; i++)
		if (!strcmp(views[i].name, name))
			return i;
	return -1;
}

int top_column_find(enum top_view_id view, const char *title)
{
	for (int i = 0; i < TOP_COLUMNS && views[view].columns[i].title; i++)
		if (!strcasecmp(views[view].columns[i].title, title))
			return i;
	return -1;
}

struct top_choice top_choice_of(enum top_view_id view)
{
	return (struct top_choice){.view = view, .column = views[view].sort};
}

/* --- samples ------------------------------------------------------------------------------- */

int top_sample_take(struct top_sample *s, const char *socket, struct err *err)
{
	struct timespec now;
	*s = (struct top_sample){0};
	int rc = client_get(socket, "/v1/status", &s->status, err);
	for (int i = 0; !rc && i < TOP_VIEWS; i++)
		rc = client_get(socket, views[i].path, &s->views[i], err);
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->time_s = now.tv_sec + now.tv_nsec / 1e9;
	if (rc)
		top_sample_free(s);
	return rc;
}

void top_sample_free(struct top_sample *s)
{
	json_decref(s->status);
	for (int i = 0; i < TOP_VIEWS; i++)
		json_decref(s->views[i]);
	*s = (struct top_sample){0};
}

/* --- figures ------------------------------------------------------------------------------- */

static void format_short(double n, char text[TOP_CELL])
{
	static const struct {
		double size;
		const char *unit;
	} units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double scaled = n / units[i].size;
		if (scaled < 1)
			continue;
		snprintf(text, TOP_CELL, "%.*f%s",
			 scaled < 10    ? 2
			 : scaled < 100 ? 1
					: 0,
			 scaled, units[i].unit);
		return;
	}
	snprintf(text, TOP_CELL, "%.*f", n >= 100 || n == (long long)n ? 0 : 1, n);
}

static double figure(json_t *row, const char *path)
{
	return json_number_value(json_at(row, path));
}

/* What a counter grew by; one that was reset has grown by nothing. */
static double growth(json_t *row, json_t *before, const char *path)
{
	double now = figure(row, path), was = figure(before, path);
	return before && now > was ? now - was : 0;
}

static double busy(json_t *row, json_t *before)
{
	double turns = growth(row, before, "turns");
	double busy_turns = figure(row, "busy") * figure(row, "turns") -
			    figure(before, "busy") * figure(before, "turns");
	return turns > 0 && busy_turns > 0 ? busy_turns / turns : 0;
}

static double value_of(enum kind kind, const char *key, json_t *row, json_t *before, double s)
{
	double all = growth(row, before, key);
	switch (kind) {
	case KIND_RATE:
		return s > 0 ? all / s : 0;
	case KIND_BITS:
		return s > 0 ? 8 * all / s : 0;
	case KIND_FAST:
		return all > 0 ? growth(row, before, "fast_packets") / all : 0;
	case KIND_BUSY:
		return busy(row, before);
	case KIND_UP_OF:
		return figure(json_at(row, key), "up");
	default:
		return figure(row, key);
	}
}

static void format_cell(struct top_cell *cell, enum kind kind, json_t *value)
{
	switch (kind) {
	case KIND_UP_OF:
		snprintf(cell->text, TOP_CELL, "%.0f/%.0f", figure(value, "up"),
			 figure(value, "total"));
		break;
	case KIND_PERCENT:
	case KIND_FAST:
	case KIND_BUSY:
		snprintf(cell->text, TOP_CELL, "%.0f%%", 100 * cell->value);
		break;
	case KIND_NUMBER:
		snprintf(cell->text, TOP_CELL, "%.0f", cell->value);
		break;
	case KIND_TEXT:
		snprintf(cell->text, TOP_CELL, "%s",
			 json_is_string(value) ? json_string_value(value) : "-");
		break;
	default:
		format_short(cell->value, cell->text);
	}
}

/* --- tables -------------------------------------------------------------------------------- */

static void row_key(const struct view *v, json_t *row, char key[2 * TOP_CELL])
{
	json_t *first = json_object_get(row, v->keys[0]);
	json_t *second = v->keys[1] ? json_object_get(row, v->keys[1]) : NULL;
	if (json_is_integer(first))
		snprintf(key, 2 * TOP_CELL, "%lld", (long long)json_integer_value(first));
	else
		snprintf(key, 2 * TOP_CELL, "%s/%s", json_string_value(first),
			 second ? json_string_value(second) : "");
}

/* The rows of an earlier document by their keys; NULL where there is none. */
static json_t *index_rows(const struct view *v, json_t *document)
{
	json_t *index = document ? json_object() : NULL, *row;
	char key[2 * TOP_CELL];
	size_t i;
	json_array_foreach(json_object_get(document, v->list), i, row)
	{
		row_key(v, row, key);
		json_object_set(index, key, row);
	}
	return index;
}

static void fill_row(struct top_row *r, const struct view *v, json_t *row, json_t *before, double s)
{
	for (int i = 0; i < TOP_COLUMNS && v->columns[i].title; i++) {
		enum kind kind = v->columns[i].kind;
		const char *key = v->columns[i].key;
		r->cells[i].value = value_of(kind, key, row, before, s);
		format_cell(&r->cells[i], kind, json_at(row, key));
	}
}

static bool row_has(const struct top_row *r, const char *filter)
{
	for (int i = 0; i < TOP_COLUMNS; i++)
		if (strcasestr(r->cells[i].text, filter))
			return true;
	return !*filter;
}

/* A reason that nothing was dropped for is not worth a line. */
static bool is_shown(const struct top_choice *c, json_t *row)
{
	return c->view != TOP_DROPS || figure(row, "total") > 0;
}

static int compare_rows(const void *a, const void *b, void *choice)
{
	const struct top_choice *c = choice;
	const struct top_cell *x = &((const struct top_row *)a)->cells[c->column];
	const struct top_cell *y = &((const struct top_row *)b)->cells[c->column];
	bool text = views[c->view].columns[c->column].kind == KIND_TEXT;
	int order = text ? strcmp(x->text, y->text) : (y->value > x->value) - (y->value < x->value);
	if (c->reversed)
		order = -order;
	return order ? order
		     : strcmp(((const struct top_row *)a)->cells[0].text,
			      ((const struct top_row *)b)->cells[0].text);
}

static void measure(struct top_table *t)
{
	for (unsigned int c = 0; c < t->columns; c++) {
		t->widths[c] = strlen(t->titles[c]);
		for (size_t i = 0; i < t->count; i++) {
			int width = strlen(t->rows[i].cells[c].text);
			t->widths[c] = width > t->widths[c] ? width : t->widths[c];
		}
	}
}

bool top_table_make(struct top_table *t, const struct top_choice *c, const struct top_sample *now,
		    const struct top_sample *before)
{
	const struct view *v = &views[c->view];
	json_t *list = json_object_get(now->views[c->view], v->list), *row;
	json_t *index = index_rows(v, before->views[c->view]);
	char key[2 * TOP_CELL];
	size_t i;
	*t = (struct top_table){0};
	t->rows = calloc(json_array_size(list) + 1, sizeof(*t->rows));
	for (; t->columns < TOP_COLUMNS && v->columns[t->columns].title; t->columns++) {
		t->titles[t->columns] = v->columns[t->columns].title;
		t->figures[t->columns] = v->columns[t->columns].kind != KIND_TEXT;
	}
	json_array_foreach(t->rows ? list : NULL, i, row)
	{
		if (!is_shown(c, row))
			continue;
		row_key(v, row, key);
		fill_row(&t->rows[t->count], v, row, json_object_get(index, key),
			 now->time_s - before->time_s);
		if (row_has(&t->rows[t->count], c->filter))
			t->count++;
		else
			t->hidden++;
	}
	json_decref(index);
	if (!t->rows)
		return false;
	qsort_r(t->rows, t->count, sizeof(*t->rows), compare_rows, (void *)c);
	measure(t);
	return true;
}

void top_table_free(struct top_table *t)
{
	free(t->rows);
	*t = (struct top_table){0};
}

/* --- over all ------------------------------------------------------------------------------ */

static double ledger_rate(const struct top_sample *now, const struct top_sample *before,
			  const char *term)
{
	double s = now->time_s - before->time_s;
	json_t *was = json_object_get(before->views[TOP_DROPS], "ledger");
	return s > 0 ? growth(json_object_get(now->views[TOP_DROPS], "ledger"), was, term) / s : 0;
}

static double flow_count(const struct top_sample *s)
{
	double sum = 0;
	const char *key;
	json_t *value;
	json_object_foreach(json_at(s->status, "flow_table.entries"), key, value) sum +=
		json_number_value(value);
	return sum;
}

void top_head(const struct top_sample *now, const struct top_sample *before, char *first,
	      char *second, size_t size)
{
	char rates[4][TOP_CELL], flows[TOP_CELL], room[TOP_CELL];
	static const char *const terms[] = {"rx", "transmitted", "passed", "dropped"};
	long long up = json_integer_value(json_object_get(now->status, "uptime_s"));
	for (int i = 0; i < 4; i++)
		format_short(ledger_rate(now, before, terms[i]), rates[i]);
	format_short(flow_count(now), flows);
	format_short(figure(now->status, "flow_table.capacity"), room);
	snprintf(first, size, "weir %s  %s  up %lldd %02lld:%02lld:%02lld  flows %s of %s",
		 json_string_value(json_object_get(now->status, "version")),
		 json_string_value(json_object_get(now->status, "instance")), up / 86400,
		 up / 3600 % 24, up / 60 % 60, up % 60, flows, room);
	snprintf(second, size, "in %s/s  sent %s/s  to kernel %s/s  dropped %s/s", rates[0],
		 rates[1], rates[2], rates[3]);
}
