// SPDX-License-Identifier: BSD-2-Clause
/* Reads and prints text. Pure; any thread. */
#include "lb/config_text.h"

#include <stdlib.h>
#include <string.h>

#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/document.h"

const struct text_rule config_name_rule = {
	.expects = "a name of 1 to 63 of the characters A-Z, a-z, 0-9, '.', '_' and '-'",
	.max = 63,
	.only = TEXT_LETTERS TEXT_DIGITS "._-",
};

static bool may_have(const struct text_rule *rule, char c)
{
	if (c < ' ' || c > '~')
		return false;
	return (!rule->only || strchr(rule->only, c)) && !(rule->but && strchr(rule->but, c));
}

bool text_fits(const struct text_rule *rule, const char *text)
{
	size_t length = strlen(text);
	if (rule->none && !strcmp(text, "none"))
		return true;
	if (!length || length > rule->max || (rule->first && text[0] != rule->first))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!may_have(rule, text[i]))
			return false;
	return !rule->no_dots || (strcmp(text, ".") && strcmp(text, ".."));
}

/* --- schema -------------------------------------------------------------------------------- */

static void print_class_character(char c, FILE *out)
{
	if (strchr("\\]^-[", c))
		fputs("\\\\", out); /* one for the pattern, one for JSON */
	if (c == '"')
		fputc('\\', out);
	fputc(c, out);
}

/* The characters of a rule, as ranges. */
static void print_class(const struct text_rule *rule, FILE *out)
{
	fputc('[', out);
	for (int first = ' '; first <= '~'; first++) {
		int last = first;
		if (!may_have(rule, first))
			continue;
		while (may_have(rule, last + 1))
			last++;
		print_class_character(first, out);
		if (last > first) {
			fputc('-', out);
			print_class_character(last, out);
		}
		first = last;
	}
	fputc(']', out);
}

void text_print_schema(const struct text_rule *rule, FILE *out)
{
	size_t rest = rule->max - (rule->first ? 1 : 0);
	fputs("\"description\":", out);
	schema_quote(rule->expects, out);
	fputs(",\"type\":\"string\",\"pattern\":\"^(", out);
	if (rule->first)
		fputc(rule->first, out);
	print_class(rule, out);
	fprintf(out, "{%d,%zu}%s)$\"", rule->first ? 0 : 1, rest, rule->none ? "|none" : "");
	if (rule->no_dots)
		fputs(",\"not\":{\"enum\":[\".\",\"..\"]}", out);
}

static void print_text_schema(const struct field *f, FILE *out)
{
	text_print_schema(f->rule, out);
}

/* --- kinds --------------------------------------------------------------------------------- */

static char **text_member(const struct field *f, const void *base)
{
	return (char **)((char *)base + f->offset);
}

static void read_text(struct document *d, const struct place *at, const struct field *f, void *base)
{
	const struct text_rule *rule = f->rule;
	const char *text = value_text(d, at, f, rule->expects);
	if (!text)
		return;
	if (!text_fits(rule, text)) {
		value_unexpected(d, at, text, rule->expects);
		return;
	}
	char *copy = strdup(text);
	if (!copy)
		document_no_memory(d);
	*text_member(f, base) = copy;
}

static void print_text(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	fputc(' ', out);
	value_print_text(*text_member(f, base), out);
	fputc('\n', out);
}

const struct kind kind_text = {
	.read = read_text,
	.print = print_text,
	.print_schema = print_text_schema,
};

static void read_text_or_none(struct document *d, const struct place *at, const struct field *f,
			      void *base)
{
	char **text = text_member(f, base);
	read_text(d, at, f, base);
	if (!*text || strcmp(*text, "none"))
		return;
	free(*text);
	*text = NULL;
}

static void print_text_or_none(const struct field *f, const void *base, unsigned int indent,
			       FILE *out)
{
	if (*text_member(f, base))
		print_text(f, base, indent, out);
	else
		fputs(" none\n", out);
}

const struct kind kind_text_or_none = {
	.read = read_text_or_none,
	.print = print_text_or_none,
	.print_schema = print_text_schema,
};
