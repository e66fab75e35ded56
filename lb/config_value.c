// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads and prints single values. A value in the file and a default are both text, and go through
 * the same hands. Pure; any thread.
 */
#include "lb/config_value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lb/config.h"
#include "lb/config_schema.h"
#include "lb/document.h"

#define EXPECTS_TEXT 96

/* --- text and numbers ---------------------------------------------------------------------- */

const char *value_any_text(const struct place *at, const struct field *f)
{
	const struct node *n = at->node;
	if (!n)
		return f->fallback;
	bool is_text = n->type == NODE_TEXT && n->length && strlen(n->text) == n->length;
	return is_text ? n->text : NULL;
}

const char *value_text(struct document *d, const struct place *at, const struct field *f,
		       const char *expects)
{
	char quoted[DOCUMENT_QUOTE];
	const char *text = value_any_text(at, f);
	if (text)
		return text;
	if (at->node->type == NODE_TEXT && at->node->length)
		document_fault(d, at, "found a NUL character; expected %s", expects);
	else
		document_fault(d, at, "found %s; expected %s", document_found(at->node, quoted),
			       expects);
	return NULL;
}

void value_refuse(struct document *d, const struct place *at, const struct field *f,
		  const char *expects)
{
	const char *text = value_text(d, at, f, expects);
	if (text)
		value_unexpected(d, at, text, expects);
}

void value_unexpected(struct document *d, const struct place *at, const char *value,
		      const char *expects)
{
	char text[DOCUMENT_QUOTE];
	document_fault(d, at, "found %s; expected %s", document_quote(value, text), expects);
}

bool value_decimal(const char *text, size_t length, uint32_t *out)
{
	uint64_t value = 0;
	if (length == 0 || length > 10 || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*out = value;
	return value <= UINT32_MAX;
}

static uint32_t *u32_member(const struct field *f, const void *base)
{
	return (uint32_t *)((char *)base + f->offset);
}

static bool parse_number(const char *text, const struct number_rule *rule, uint32_t *n)
{
	return value_decimal(text, strlen(text), n) && *n >= rule->first && *n <= rule->last &&
	       !(rule->power_of_two && *n & (*n - 1));
}

static void read_number(struct document *d, const struct place *at, const struct field *f,
			void *base)
{
	const struct number_rule *rule = f->rule;
	const char *text = value_any_text(at, f);
	char expects[EXPECTS_TEXT];
	uint32_t n;
	if (text && parse_number(text, rule, &n)) {
		*u32_member(f, base) = n;
		return;
	}
	snprintf(expects, sizeof(expects), "a %s from %u to %u",
		 rule->power_of_two ? "power of two" : "whole number", rule->first, rule->last);
	value_refuse(d, at, f, expects);
}

static void print_number(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	fprintf(out, " %u\n", *u32_member(f, base));
}

static void print_number_schema(const struct field *f, FILE *out)
{
	const struct number_rule *rule = f->rule;
	fprintf(out, "\"type\":\"integer\",\"minimum\":%u,\"maximum\":%u", rule->first, rule->last);
	if (!rule->power_of_two)
		return;
	for (uint64_t n = rule->first; n <= rule->last; n *= 2)
		fprintf(out, "%s%lu", n == rule->first ? ",\"enum\":[" : ",", (unsigned long)n);
	fputc(']', out);
}

const struct kind kind_number = {
	.read = read_number,
	.print = print_number,
	.print_schema = print_number_schema,
};

/* --- durations ----------------------------------------------------------------------------- */

static const struct {
	char letter;
	uint32_t seconds;
} units[] = {{'h', 3600}, {'m', 60}, {'s', 1}};

#define UNITS (sizeof(units) / sizeof(units[0]))

static bool parse_duration(const char *text, uint32_t *out)
{
	size_t digits = strspn(text, "0123456789");
	uint32_t n;
	if (!value_decimal(text, digits, &n))
		return false;
	for (size_t i = 0; i < UNITS; i++) {
		if (text[digits] != units[i].letter || text[digits + 1])
			continue;
		*out = n * units[i].seconds;
		return n <= UINT32_MAX / units[i].seconds;
	}
	return false;
}

static void read_duration(struct document *d, const struct place *at, const struct field *f,
			  void *base)
{
	const struct duration_rule *rule = f->rule;
	char expects[EXPECTS_TEXT];
	uint32_t seconds;
	snprintf(expects, sizeof(expects), "a duration %s, written like 10s, 5m or 1h",
		 rule->limits);
	const char *text = value_text(d, at, f, expects);
	if (!text)
		return;
	size_t digits = strspn(text, "0123456789");
	if (digits && !strcmp(text + digits, "ms"))
		document_fault(d, at, "found '%.20s'; flows age by whole seconds, expected %s",
			       text, expects);
	else if (!parse_duration(text, &seconds) || seconds < rule->first || seconds > rule->last)
		value_unexpected(d, at, text, expects);
	else
		*u32_member(f, base) = seconds;
}

static void print_duration(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	uint32_t seconds = *u32_member(f, base);
	size_t i = 0;
	while (seconds % units[i].seconds)
		i++;
	fprintf(out, " %u%c\n", seconds / units[i].seconds, units[i].letter);
}

static void print_duration_schema(const struct field *f, FILE *out)
{
	const struct duration_rule *rule = f->rule;
	fprintf(out,
		"\"description\":\"a duration %s, written like 10s, 5m or 1h\"," SCHEMA_TEXT(
			"^" PATTERN_DECIMAL "[hms]$"),
		rule->limits);
}

const struct kind kind_duration = {
	.read = read_duration,
	.print = print_duration,
	.print_schema = print_duration_schema,
};

/* --- milliseconds -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t ms;
} ms_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};

static bool parse_milliseconds(const char *text, uint32_t *out)
{
	size_t digits = strspn(text, "0123456789");
	uint32_t n;
	if (!value_decimal(text, digits, &n))
		return false;
	for (size_t i = 0; i < sizeof(ms_units) / sizeof(ms_units[0]); i++) {
		if (strcmp(text + digits, ms_units[i].name))
			continue;
		*out = n * ms_units[i].ms;
		return n <= UINT32_MAX / ms_units[i].ms;
	}
	return false;
}

static void read_milliseconds(struct document *d, const struct place *at, const struct field *f,
			      void *base)
{
	const struct milliseconds_rule *rule = f->rule;
	const char *text = value_text(d, at, f, rule->expects);
	uint32_t ms;
	if (!text)
		return;
	if (!parse_milliseconds(text, &ms) || ms < rule->first || ms > rule->last)
		value_unexpected(d, at, text, rule->expects);
	else
		memcpy((char *)base + f->offset, &ms, sizeof(ms));
}

static void print_milliseconds(const struct field *f, const void *base, unsigned int indent,
			       FILE *out)
{
	uint32_t ms;
	memcpy(&ms, (const char *)base + f->offset, sizeof(ms));
	if (ms % 1000)
		fprintf(out, " %ums\n", ms);
	else
		fprintf(out, " %us\n", ms / 1000);
}

static void print_milliseconds_schema(const struct field *f, FILE *out)
{
	const struct milliseconds_rule *rule = f->rule;
	fprintf(out, "\"description\":\"%s\"," SCHEMA_TEXT("^" PATTERN_DECIMAL "(ms|s|m)$"),
		rule->expects);
}

const struct kind kind_milliseconds = {
	.read = read_milliseconds,
	.print = print_milliseconds,
	.print_schema = print_milliseconds_schema,
};

/* --- text ---------------------------------------------------------------------------------- */

/* Whether any YAML reader takes the bare text for text. */
static bool is_plain(const char *text)
{
	static const char *const words[] = {"y",     "n",  "yes", "no",   "true",
					    "false", "on", "off", "null", NULL};
	if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/", text[0]))
		return false;
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "/._-")])
		return false;
	for (int i = 0; words[i]; i++)
		if (!strcasecmp(text, words[i]))
			return false;
	return true;
}

/* The rules of text let printable ASCII through only, so these escapes are all it takes. */
void value_print_text(const char *text, FILE *out)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	fputc('"', out);
}

/* --- lists of numbers ---------------------------------------------------------------------- */

size_t value_item_count(const struct node *list)
{
	return list->length;
}

struct place value_item(const struct place *list, size_t index)
{
	return (struct place){.up = list, .index = index, .node = list->node->items[index]};
}

static int compare_u16(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static void read_number_items(struct document *d, const struct place *at, const struct field *f,
			      struct config_numbers *out)
{
	const struct numbers_rule *rule = f->rule;
	bool taken[1024] = {false};
	char expects[EXPECTS_TEXT];
	snprintf(expects, sizeof(expects), "a whole number from 0 to %u", rule->last);
	for (size_t i = 0; i < value_item_count(at->node); i++) {
		struct place here = value_item(at, i);
		const char *text = value_text(d, &here, f, expects);
		uint32_t n;
		if (!text)
			continue;
		if (!value_decimal(text, strlen(text), &n) || n > rule->last) {
			value_unexpected(d, &here, text, expects);
		} else if (taken[n]) {
			document_fault(d, &here, "%u for the second time; list each number once",
				       n);
		} else {
			taken[n] = true;
			out->values[out->count++] = n;
		}
	}
	qsort(out->values, out->count, sizeof(*out->values), compare_u16);
}

static void read_numbers(struct document *d, const struct place *at, const struct field *f,
			 void *base)
{
	struct config_numbers *numbers = (void *)((char *)base + f->offset);
	const struct numbers_rule *rule = f->rule;
	char expects[EXPECTS_TEXT];
	snprintf(expects, sizeof(expects), "%s or a list of numbers like [0, 1]", rule->all);
	if (at->node && at->node->type == NODE_LIST && value_item_count(at->node)) {
		numbers->values = calloc(rule->last + 1, sizeof(*numbers->values));
		if (numbers->values)
			read_number_items(d, at, f, numbers);
		else
			document_no_memory(d);
		return;
	}
	if (at->node && at->node->type == NODE_LIST) {
		document_fault(d, at, "found an empty list; expected %s", expects);
		return;
	}
	const char *text = value_text(d, at, f, expects);
	if (text && strcmp(text, rule->all))
		value_unexpected(d, at, text, expects);
}

static void print_numbers(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_numbers *numbers = (const void *)((const char *)base + f->offset);
	const struct numbers_rule *rule = f->rule;
	if (numbers->count == 0) {
		fprintf(out, " %s\n", rule->all);
		return;
	}
	for (unsigned int i = 0; i < numbers->count; i++)
		fprintf(out, "%s%u", i ? ", " : " [", numbers->values[i]);
	fputs("]\n", out);
}

static void print_numbers_schema(const struct field *f, FILE *out)
{
	const struct numbers_rule *rule = f->rule;
	fprintf(out,
		"\"anyOf\":[{\"const\":\"%s\"},{\"type\":\"array\",\"minItems\":1,"
		"\"uniqueItems\":true,"
		"\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":%u}}]",
		rule->all, rule->last);
}

const struct kind kind_numbers = {
	.read = read_numbers,
	.print = print_numbers,
	.print_schema = print_numbers_schema,
};
