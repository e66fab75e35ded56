// SPDX-License-Identifier: BSD-2-Clause
/* Walks the tables. Pure; any thread. */
#include "lb/config_schema.h"

#include <stdint.h>
#include <string.h>

#include "lb/config_field.h"
#include "lb/config_value.h"

void schema_quote(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	fputc('"', out);
}

/* As YAML 1.2 reads the text of a default. */
static void print_default(const char *text, FILE *out)
{
	uint32_t number;
	bool bare = value_decimal(text, strlen(text), &number) || !strcmp(text, "true") ||
		    !strcmp(text, "false");
	fputs(",\"default\":", out);
	if (bare)
		fputs(text, out);
	else
		schema_quote(text, out);
}

static void print_field(const struct field *f, FILE *out)
{
	schema_quote(f->key, out);
	fputs(":{", out);
	if (f->kind->schema)
		fputs(f->kind->schema, out);
	else
		f->kind->print_schema(f, out);
	if (f->fallback && *f->fallback)
		print_default(f->fallback, out);
	fputc('}', out);
}

void schema_mapping(const struct mapping *m, FILE *out)
{
	bool any = false;
	fputs("\"type\":\"object\",\"additionalProperties\":false,\"properties\":{", out);
	for (unsigned int i = 0; i < m->count; i++) {
		fputs(i ? "," : "", out);
		print_field(&m->fields[i], out);
	}
	fputs("},\"required\":[", out);
	for (unsigned int i = 0; i < m->count; i++) {
		if (m->fields[i].fallback)
			continue;
		fputs(any ? "," : "", out);
		schema_quote(m->fields[i].key, out);
		any = true;
	}
	fputc(']', out);
}

void schema_or_none(const struct mapping *m, FILE *out)
{
	fputs("\"anyOf\":[{" SCHEMA_WORD("none") "},{", out);
	schema_mapping(m, out);
	fputs("}]", out);
}

void config_schema(FILE *out)
{
	fputs("{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
	      "\"title\":\"The configuration of Weir " WEIR_VERSION "\",",
	      out);
	schema_mapping(config_keys(), out);
	fputs("}\n", out);
}
