// SPDX-License-Identifier: BSD-2-Clause
/* The key `sources`: groups of prefixes by name. Pure; any thread. */
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_field.h"
#include "lb/config_policy.h"
#include "lb/config_schema.h"
#include "lb/config_text.h"
#include "lb/config_value.h"
#include "lb/sources.h"

static const char group_expects[] =
	"{prefixes: [...]} or {file: PATH}, which holds a prefix a line";

/* --- reading --------------------------------------------------------------------------------- */

static void read_prefix(struct document *d, const struct place *at, struct config_source *s)
{
	static const char expects[] = "an IPv4 or IPv6 address or prefix";
	static const struct field none = {.fallback = NULL};
	char right[PREFIX_TEXT];
	const char *text = value_text(d, at, &none, expects);
	struct addr base;
	uint32_t length;
	if (!text)
		return;
	if (prefix_parse(text, &base, &length)) {
		value_unexpected(d, at, text, expects);
		return;
	}
	struct addr first = prefix_mask(&base, length);
	if (memcmp(&first, &base, sizeof(base)))
		document_fault(d, at, "%s has bits behind its length; expected %s", text,
			       source_format(&first, length, right));
	s->prefixes[s->prefix_count++] = (struct config_prefix){first, length};
}

static void read_prefixes(struct document *d, const struct place *at, const struct field *f,
			  void *base)
{
	struct config_source *s = base;
	if (!at->node)
		return;
	bool is_list = at->node->type == NODE_LIST;
	size_t count = is_list ? value_item_count(at->node) : 1;
	s->prefixes = calloc(count + 1, sizeof(*s->prefixes));
	if (!s->prefixes) {
		document_no_memory(d);
		return;
	}
	if (!is_list)
		read_prefix(d, at, s);
	for (size_t i = 0; is_list && i < count; i++) {
		struct place here = value_item(at, i);
		read_prefix(d, &here, s);
	}
}

static void print_prefixes(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_source *s = base;
	char text[PREFIX_TEXT];
	for (unsigned int i = 0; i < s->prefix_count; i++) {
		source_format(&s->prefixes[i].address, s->prefixes[i].length, text);
		fprintf(out, "%s\"%s\"", i ? ", " : " [", text);
	}
	fputs(s->prefix_count ? "]\n" : " []\n", out);
}

#define SCHEMA_PREFIX SCHEMA_TEXT("^" PATTERN_ADDRESS "(/[0-9]{1,3})?$")

static const struct kind kind_prefixes = {
	.read = read_prefixes,
	.print = print_prefixes,
	.schema = SCHEMA_EITHER(SCHEMA_PREFIX, "\"type\":\"array\",\"items\":{" SCHEMA_PREFIX "}"),
};

static const struct text_rule path_rule = {
	.expects = "a path of printable ASCII characters",
	.max = 4095,
};
static const struct field prefixes_field = {"prefixes", &kind_prefixes,
					    FIELD_MEMBER(struct config_source, prefixes), NULL, ""};
static const struct field file_field = {"file", &kind_text,
					FIELD_MEMBER(struct config_source, file), &path_rule, NULL};

static void read_source(struct document *d, const struct place *at, struct config_source *s)
{
	char text[DOCUMENT_QUOTE];
	bool is_one = at->node->type == NODE_MAPPING && at->node->length == 2;
	const struct node *key = is_one ? at->node->items[0] : NULL;
	const struct field *f = NULL;
	if (key && key->type == NODE_TEXT && !strcmp(key->text, prefixes_field.key))
		f = &prefixes_field;
	if (key && key->type == NODE_TEXT && !strcmp(key->text, file_field.key))
		f = &file_field;
	if (!f) {
		document_fault(d, at, "found %s; expected %s",
			       at->node->type == NODE_MAPPING ? "other keys"
							      : document_found(at->node, text),
			       group_expects);
		return;
	}
	struct place here = {.up = at, .key = f->key, .node = at->node->items[1]};
	f->kind->read(d, &here, f, s);
}

static void read_pair(struct document *d, const struct place *at, const struct node *key,
		      const struct node *value, struct config_policy *p)
{
	struct config_source *s = &p->sources[p->source_count];
	const char *name = key->type == NODE_TEXT ? key->text : "";
	if (!text_fits(&config_name_rule, name) || strlen(name) != key->length) {
		document_fault_on(d, at, key, "a group's name; expected %s",
				  config_name_rule.expects);
		return;
	}
	struct place here = {.up = at, .key = name, .node = value};
	if (config_find_source(p, name) >= 0 || !strcmp(name, "any")) {
		document_fault_on(d, &here, key, "%s; give this group another name",
				  strcmp(name, "any") ? "given twice" : "is what stands for all");
		return;
	}
	s->name = strdup(name);
	if (!s->name) {
		document_no_memory(d);
		return;
	}
	p->source_count++;
	read_source(d, &here, s);
}

static void read_sources(struct document *d, const struct place *at, const struct field *f,
			 void *base)
{
	struct config_policy *p = (void *)((char *)base + f->offset);
	char text[DOCUMENT_QUOTE];
	if (!at->node)
		return;
	if (at->node->type != NODE_MAPPING) {
		document_fault(d, at, "found %s; expected groups by name, like {office: %s}",
			       document_found(at->node, text), "{prefixes: [192.0.2.0/24]}");
		return;
	}
	struct node *const *items = at->node->items;
	size_t count = at->node->length / 2;
	if (count > CONFIG_MAX_SOURCES) {
		document_fault(d, at, "%zu groups; expected at most %u", count, CONFIG_MAX_SOURCES);
		return;
	}
	p->sources = calloc(count + 1, sizeof(*p->sources));
	if (!p->sources) {
		document_no_memory(d);
		return;
	}
	for (size_t i = 0; i < count; i++)
		read_pair(d, at, items[2 * i], items[2 * i + 1], p);
}

/* --- printing -------------------------------------------------------------------------------- */

static void print_sources(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_policy *p = (const void *)((const char *)base + f->offset);
	fputs(p->source_count ? "\n" : " {}\n", out);
	for (unsigned int i = 0; i < p->source_count; i++) {
		const struct config_source *s = &p->sources[i];
		const struct field *what = s->file ? &file_field : &prefixes_field;
		fprintf(out, "%*s", (int)indent + 2, "");
		value_print_text(s->name, out);
		fprintf(out, ":\n%*s%s:", (int)indent + 4, "", what->key);
		what->kind->print(what, s, indent + 4, out);
	}
}

/* Of each group one key, by a name that is not `any`. */
static void print_sources_schema(const struct field *f, FILE *out)
{
	fprintf(out, "\"type\":\"object\",\"maxProperties\":%u,\"propertyNames\":{\"allOf\":[{",
		CONFIG_MAX_SOURCES);
	text_print_schema(&config_name_rule, out);
	fputs("},{\"not\":{\"const\":\"any\"}}]},\"additionalProperties\":{\"anyOf\":[{", out);
	schema_mapping(&(const struct mapping){&prefixes_field, 1}, out);
	fputs(",\"minProperties\":1},{", out);
	schema_mapping(&(const struct mapping){&file_field, 1}, out);
	fputs("}]}", out);
}

const struct kind kind_sources = {
	.read = read_sources,
	.print = print_sources,
	.print_schema = print_sources_schema,
};

int64_t config_find_source(const struct config_policy *p, const char *name)
{
	for (unsigned int i = 0; i < p->source_count; i++)
		if (!strcmp(p->sources[i].name, name))
			return i;
	return -1;
}
