// SPDX-License-Identifier: BSD-2-Clause
/* A subject is a table of fields: where in the document a column is, and how it reads. */
#include "tools/weir/subject.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lb/similar.h"
#include "tools/weir/json_path.h"
#include "tools/weir/subject_status.h"
#include "tools/weir/table.h"

enum kind {
	KIND_TEXT,
	KIND_YES,           /* or no */
	KIND_RARE_TEXT,     /* text; no column where no row has it */
	KIND_RARE_ENDPOINT, /* as the next, the same */
	KIND_ENDPOINT,      /* an address, and its port in "KEY_port" */
	KIND_NUMBER,
	KIND_SECONDS,
	KIND_COUNT,
	KIND_BYTES,
	KIND_PERCENT,
	KIND_RATE,
	KIND_UP_OF
};

#define FIELDS_MAX 24

struct field {
	const char *title;
	const char *key; /* "a.b": b in a */
	enum kind kind;
};

struct subject {
	const char *name;
	void (*print)(const struct subject *s, json_t *document);
	const char *list; /* the key of the rows */
	struct field fields[FIELDS_MAX];
};

static void add_endpoint(struct table *t, const struct field *f, json_t *row)
{
	const char *address = json_string_value(json_at(row, f->key));
	char key[64];
	snprintf(key, sizeof(key), "%s_port", f->key);
	table_format(t, address && strchr(address, ':') ? "[%s]:%lld" : "%s:%lld",
		     address ? address : "?", json_figure(row, key));
}

static void add_cell(struct table *t, const struct field *f, json_t *row)
{
	json_t *value = json_at(row, f->key);
	if (!value || json_is_null(value)) {
		table_text(t, "-");
		return;
	}
	switch (f->kind) {
	case KIND_TEXT:
	case KIND_RARE_TEXT:
		table_text(t, json_is_string(value) ? json_string_value(value) : "?");
		break;
	case KIND_YES:
		table_text(t, json_is_true(value) ? "yes" : "no");
		break;
	case KIND_RARE_ENDPOINT:
	case KIND_ENDPOINT:
		add_endpoint(t, f, row);
		break;
	case KIND_SECONDS:
		table_format(t, "%llds", (long long)json_integer_value(value));
		break;
	case KIND_NUMBER:
		table_format(t, "%lld", (long long)json_integer_value(value));
		break;
	case KIND_COUNT:
		table_count(t, json_integer_value(value));
		break;
	case KIND_BYTES:
		table_bytes(t, json_integer_value(value));
		break;
	case KIND_RATE:
		table_format(t, "%.1f", json_number_value(value));
		break;
	case KIND_PERCENT:
		table_percent(t, json_number_value(value));
		break;
	case KIND_UP_OF:
		table_format(t, "%lld/%lld", json_figure(value, "up"), json_figure(value, "total"));
		break;
	}
}

static bool is_shown(const struct field *f, json_t *rows)
{
	size_t i;
	json_t *row;
	if (f->kind != KIND_RARE_TEXT && f->kind != KIND_RARE_ENDPOINT)
		return true;
	json_array_foreach(rows, i, row)
	{
		if (json_at(row, f->key))
			return true;
	}
	return false;
}

/* Those of a subject that have a column; how many. */
static unsigned int choose_fields(const struct subject *s, json_t *rows,
				  const struct field *fields[FIELDS_MAX],
				  struct table_column columns[FIELDS_MAX])
{
	unsigned int count = 0;
	for (const struct field *f = s->fields; f < s->fields + FIELDS_MAX && f->title; f++) {
		if (!is_shown(f, rows))
			continue;
		columns[count] = (struct table_column){
			f->title, f->kind <= KIND_ENDPOINT ? TABLE_LEFT : TABLE_RIGHT};
		fields[count++] = f;
	}
	return count;
}

/* The rows of a subject, or only those in which `only` is not 0. */
static void print_rows(const struct subject *s, json_t *document, const char *only)
{
	struct table_column columns[FIELDS_MAX];
	const struct field *fields[FIELDS_MAX];
	json_t *row, *rows = json_object_get(document, s->list);
	size_t i;
	unsigned int count = choose_fields(s, rows, fields, columns);
	struct table *t = table_new(columns, count);
	if (!t)
		return;
	json_array_foreach(rows, i, row)
	{
		if (only && !json_figure(row, only))
			continue;
		for (unsigned int c = 0; c < count; c++)
			add_cell(t, fields[c], row);
	}
	table_print(t, stdout);
	table_free(t);
}

static void print_list(const struct subject *s, json_t *document)
{
	print_rows(s, document, NULL);
}

static void print_status(const struct subject *s, json_t *document)
{
	subject_status_print(document);
}

static void print_flows(const struct subject *s, json_t *document)
{
	size_t count = json_array_size(json_object_get(document, s->list));
	if (count)
		print_rows(s, document, NULL);
	else
		puts("no flows");
	if (json_is_true(json_object_get(document, "truncated")))
		printf("\nthere are more: --limit COUNT shows them, --json all\n");
}

static const char *json_words(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "-";
}

static void print_meanings(json_t *document)
{
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(document, "reasons"), i, row)
	{
		if (json_figure(row, "total"))
			printf("\n%s: %s.\n    %s\n", json_words(row, "reason"),
			       json_words(row, "text"), json_words(row, "mend"));
	}
}

/* Where packets are lost that Weir never had, or that have no reason of their own. */
static void print_places(json_t *document)
{
	size_t i;
	json_t *row;
	bool any = false;
	char text[TABLE_FIGURE];
	json_array_foreach(json_object_get(document, "places"), i, row)
	{
		if (!json_figure(row, "packets"))
			continue;
		if (!any)
			puts("\nelsewhere, by the counters of NICs and kernel:");
		any = true;
		printf("%s%s%s: %s, %.1f/s, last %s\n    %s.\n    %s\n",
		       json_is_string(json_object_get(row, "interface"))
			       ? json_words(row, "interface")
			       : "",
		       json_is_string(json_object_get(row, "interface")) ? " " : "",
		       json_words(row, "name"),
		       table_format_count(json_figure(row, "packets"), text),
		       json_number_value(json_object_get(row, "rate")), json_words(row, "last"),
		       json_words(row, "text"), json_words(row, "mend"));
	}
}

/* The equation every packet must be in, with the figures. */
static void print_drops(const struct subject *s, json_t *document)
{
	static const char *const terms[] = {"transmitted", "passed", "dropped", "held"};
	json_t *ledger = json_object_get(document, "ledger");
	char text[TABLE_FIGURE];
	if (json_figure(ledger, "dropped"))
		print_rows(s, document, "total");
	else
		puts("nothing was dropped");
	print_meanings(document);
	print_places(document);
	printf("\nrx %s =", table_format_count(json_figure(ledger, "rx"), text));
	for (int i = 0; i < 3; i++)
		printf("%s %s %s", i ? " +" : "", terms[i],
		       table_format_count(json_figure(ledger, terms[i]), text));
	printf(" + %s %lld\n", terms[3], json_figure(ledger, terms[3]));
	if (json_is_true(json_object_get(document, "balanced")))
		puts("this adds up: every packet that came in is accounted for");
	else
		printf("this does not balance: %lld packets are not accounted for\n",
		       json_figure(document, "difference"));
}

static const struct subject subjects[] = {
	{.name = "status", .print = print_status},
	{"services",
	 print_list,
	 "services",
	 {
		 {"SERVICE", "name", KIND_TEXT},
		 {"ADDRESS", "address", KIND_TEXT},
		 {"PROTO", "protocol", KIND_TEXT},
		 {"PORTS", "ports", KIND_TEXT},
		 {"FORWARD", "forward", KIND_TEXT},
		 {"SCHEDULER", "scheduler", KIND_TEXT},
		 {"ANNOUNCE", "announce", KIND_TEXT},
		 {"ROUTE", "route.state", KIND_RARE_TEXT},
		 {"UP", "backends", KIND_UP_OF},
		 {"FLOWS", "flows", KIND_COUNT},
		 {"PACKETS", "packets", KIND_COUNT},
		 {"FAST", "fast_packets", KIND_COUNT},
		 {"BYTES", "bytes", KIND_BYTES},
	 }},
	{"backends",
	 print_list,
	 "backends",
	 {
		 {"SERVICE", "service", KIND_TEXT},
		 {"BACKEND", "name", KIND_TEXT},
		 {"ADDRESS", "address", KIND_TEXT},
		 {"WEIGHT", "weight", KIND_NUMBER},
		 {"STATE", "state", KIND_TEXT},
		 {"CHECK", "health.last", KIND_TEXT},
		 {"INTERFACE", "interface", KIND_TEXT},
		 {"MAC", "mac", KIND_TEXT},
		 {"FLOWS", "flows", KIND_COUNT},
		 {"SHARE", "share", KIND_PERCENT},
		 {"PACKETS", "packets", KIND_COUNT},
		 {"FAST", "fast_packets", KIND_COUNT},
		 {"BYTES", "bytes", KIND_BYTES},
		 {"FAULT", "reason", KIND_TEXT},
	 }},
	{"nexthops",
	 print_list,
	 "nexthops",
	 {
		 {"ADDRESS", "address", KIND_TEXT},
		 {"REACHABLE", "reachable", KIND_YES},
		 {"INTERFACE", "interface", KIND_TEXT},
		 {"MAC", "mac", KIND_TEXT},
		 {"GATEWAY", "gateway", KIND_TEXT},
		 {"FAULT", "reason", KIND_TEXT},
	 }},
	{"flows",
	 print_flows,
	 "flows",
	 {
		 {"CLIENT", "client", KIND_ENDPOINT},
		 {"VIP", "vip", KIND_ENDPOINT},
		 {"SNAT", "nat.snat", KIND_RARE_ENDPOINT},
		 {"TO", "nat.backend", KIND_RARE_ENDPOINT},
		 {"PROTO", "protocol", KIND_TEXT},
		 {"STATE", "state", KIND_TEXT},
		 {"SERVICE", "service", KIND_TEXT},
		 {"BACKEND", "backend", KIND_TEXT},
		 {"IDLE", "idle_s", KIND_SECONDS},
	 }},
	{"workers",
	 print_list,
	 "workers",
	 {
		 {"WORKER", "worker", KIND_NUMBER},
		 {"CPU", "cpu", KIND_NUMBER},
		 {"MEMORY", "memory", KIND_TEXT},
		 {"RX", "rx_packets", KIND_COUNT},
		 {"TX", "tx_packets", KIND_COUNT},
		 {"DROPPED", "dropped", KIND_COUNT},
		 {"BUSY", "busy", KIND_PERCENT},
		 {"WAKEUPS", "wakeups", KIND_COUNT},
		 {"SLEEPS", "sleeps", KIND_COUNT},
		 {"FRAMES", "frames.total", KIND_COUNT},
		 {"FREE", "frames.free", KIND_COUNT},
		 {"FILL", "frames.in_fill", KIND_COUNT},
		 {"TRANSMIT", "frames.in_transmit", KIND_COUNT},
		 {"CYC/PKT", "cycles.all", KIND_COUNT},
		 {"RINGS", "cycles.rings", KIND_COUNT},
		 {"DECIDE", "cycles.decide", KIND_COUNT},
		 {"PLACE", "cycles.place", KIND_COUNT},
		 {"SEND", "cycles.send", KIND_COUNT},
	 }},
	{"interfaces",
	 print_list,
	 "interfaces",
	 {
		 {"INTERFACE", "name", KIND_TEXT},
		 {"STATE", "state", KIND_TEXT},
		 {"DRIVER", "driver", KIND_TEXT},
		 {"MAC", "mac", KIND_TEXT},
		 {"MTU", "mtu", KIND_NUMBER},
		 {"QUEUES", "queues", KIND_NUMBER},
		 {"MODE", "mode", KIND_TEXT},
		 {"WANTED", "wanted", KIND_TEXT},
		 {"XDP", "xdp", KIND_TEXT},
		 {"ATTACH", "attach", KIND_TEXT},
		 {"FAST-PATH", "fast_path", KIND_TEXT},
		 {"BUSY-POLL", "busy_poll", KIND_TEXT},
		 {"RX", "counters.rx_packets", KIND_COUNT},
		 {"BYTES", "counters.rx_bytes", KIND_BYTES},
		 {"PASSED", "counters.passed", KIND_COUNT},
		 {"STEERED", "counters.steered", KIND_COUNT},
		 {"TRANSMITTED", "counters.transmitted", KIND_COUNT},
		 {"DROPPED", "counters.dropped", KIND_COUNT},
		 {"RX-FULL", "sockets.rx_full", KIND_COUNT},
		 {"NO-FRAME", "sockets.rx_no_frame", KIND_COUNT},
		 {"UNFINISHED", "unfinished_checksums", KIND_COUNT},
		 {"LOSSES", "losses", KIND_COUNT},
		 {"REBUILDS", "rebuilds", KIND_COUNT},
	 }},
	{"policy",
	 print_list,
	 "rules",
	 {
		 {"RULE", "name", KIND_TEXT},
		 {"ACTION", "action", KIND_TEXT},
		 {"PACKETS", "packets", KIND_COUNT},
		 {"BYTES", "bytes", KIND_BYTES},
		 {"REFUSED", "refused", KIND_COUNT},
		 {"LAST HIT", "last_hit_s", KIND_SECONDS},
	 }},
	{"drops",
	 print_drops,
	 "reasons",
	 {
		 {"REASON", "reason", KIND_TEXT},
		 {"XDP", "xdp", KIND_COUNT},
		 {"KERNEL", "kernel", KIND_COUNT},
		 {"WORKER", "worker", KIND_COUNT},
		 {"TOTAL", "total", KIND_COUNT},
		 {"BYTES", "bytes", KIND_BYTES},
		 {"PER-S", "rate", KIND_RATE},
		 {"LAST", "last", KIND_TEXT},
	 }},
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

const char *subject_name(size_t index)
{
	return index < SUBJECTS ? subjects[index].name : NULL;
}

const struct subject *subject_find(const char *name)
{
	for (size_t i = 0; i < SUBJECTS; i++)
		if (!strcmp(subjects[i].name, name))
			return &subjects[i];
	return NULL;
}

void subject_print(const struct subject *s, json_t *document)
{
	s->print(s, document);
}

const char *subject_similar(const char *name)
{
	struct similar s = similar_to(name);
	for (size_t i = 0; i < SUBJECTS; i++)
		similar_offer(&s, subjects[i].name);
	return s.meant;
}

void subject_print_names(const struct subject *s, json_t *document)
{
	json_t *row;
	size_t i;
	json_array_foreach(json_object_get(document, s->list), i, row)
	{
		const char *service = json_string_value(json_object_get(row, "service"));
		const char *name = json_string_value(json_object_get(row, "name"));
		if (name)
			printf("%s%s%s\n", service ? service : "", service ? "/" : "", name);
	}
}
