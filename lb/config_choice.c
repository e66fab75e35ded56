// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Pure; any thread. */
#include "lb/config_choice.h"

#include <stdio.h>
#include <string.h>

#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/document.h"

#define EXPECTS_TEXT 96

/* --- words --------------------------------------------------------------------------------- */

static void list_choices(const struct choice *c, char text[EXPECTS_TEXT])
{
	size_t used = 0;
	for (; c->word; c++)
		if (used < EXPECTS_TEXT)
			used += snprintf(text + used, EXPECTS_TEXT - used, "%s%s",
					 used ? " or " : "", c->word);
}

static uint16_t *u16_member(const struct field *f, const void *base)
{
	return (uint16_t *)((char *)base + f->offset);
}

static unsigned int get_choice(const struct field *f, const void *base)
{
	if (f->size == 0)
		return 0;
	if (f->size == 2)
		return *u16_member(f, base);
	return f->size == 1 ? *((const uint8_t *)base + f->offset)
			    : *(uint32_t *)((char *)base + f->offset);
}

static void set_choice(const struct field *f, void *base, unsigned int value)
{
	if (f->size == 1)
		*((uint8_t *)base + f->offset) = value;
	else if (f->size == 2)
		*u16_member(f, base) = value;
	else if (f->size)
		*(uint32_t *)((char *)base + f->offset) = value;
}

/* Its word is NULL: it is none of them. */
static const struct choice *find_choice(const struct choice *c, const char *text)
{
	while (c->word && (!text || strcmp(c->word, text)))
		c++;
	return c;
}

static void read_choice(struct document *d, const struct place *at, const struct field *f,
			void *base)
{
	const char *text = value_any_text(at, f);
	const struct choice *c = find_choice(f->rule, text);
	char expects[EXPECTS_TEXT];
	if (c->word) {
		set_choice(f, base, c->value);
		return;
	}
	list_choices(f->rule, expects);
	value_refuse(d, at, f, expects);
}

static void print_choice(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct choice *c = f->rule;
	while (c->value != get_choice(f, base))
		c++;
	fprintf(out, " %s\n", c->word);
}

/* YAML's truths are no text to those that read it. */
static bool is_truth(const char *word)
{
	return !strcmp(word, "true") || !strcmp(word, "false");
}

static void print_words_schema(const struct choice *c, FILE *out)
{
	const char *before = "\"enum\":[";
	for (; c->word; c++) {
		const char *quote = is_truth(c->word) ? "" : "\"";
		fprintf(out, "%s%s%s%s", before, quote, c->word, quote);
		before = ",";
	}
	fputc(']', out);
}

static void print_choice_schema(const struct field *f, FILE *out)
{
	print_words_schema(f->rule, out);
}

const struct kind kind_choice = {
	.read = read_choice,
	.print = print_choice,
	.print_schema = print_choice_schema,
};

/* --- words or numbers ---------------------------------------------------------------------- */

static void read_word_or_number(struct document *d, const struct place *at, const struct field *f,
				void *base)
{
	const struct word_or_number_rule *rule = f->rule;
	const char *text = value_text(d, at, f, rule->expects);
	const struct choice *c = find_choice(rule->words, text);
	uint32_t n;
	if (!text)
		return;
	if (c->word)
		set_choice(f, base, c->value);
	else if (value_decimal(text, strlen(text), &n) && n >= rule->first && n <= rule->last &&
		 (!rule->except || n != rule->except))
		set_choice(f, base, n);
	else
		value_unexpected(d, at, text, rule->expects);
}

static void print_word_or_number(const struct field *f, const void *base, unsigned int indent,
				 FILE *out)
{
	const struct choice *c = ((const struct word_or_number_rule *)f->rule)->words;
	while (c->word && c->value != get_choice(f, base))
		c++;
	if (c->word)
		fprintf(out, " %s\n", c->word);
	else
		fprintf(out, " %u\n", get_choice(f, base));
}

static void print_word_or_number_schema(const struct field *f, FILE *out)
{
	const struct word_or_number_rule *rule = f->rule;
	fprintf(out, SCHEMA_WORDS("%s") ",\"anyOf\":[{", rule->expects);
	print_words_schema(rule->words, out);
	fprintf(out, "},{\"type\":\"integer\",\"minimum\":%u,\"maximum\":%u}]", rule->first,
		rule->last);
}

const struct kind kind_word_or_number = {
	.read = read_word_or_number,
	.print = print_word_or_number,
	.print_schema = print_word_or_number_schema,
};
