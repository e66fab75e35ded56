/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration's JSON schema (draft 7), from the tables of its keys (lb/config_field.h). It
 * speaks of a file as YAML 1.2 reads it, written as config_print() writes it: numbers and truths
 * bare. Whatever passes lb/config_check.c passes the schema; what a schema cannot say (values that
 * have to fit each other, names that have to be there) the schema lets through.
 */
#ifndef WEIR_LB_CONFIG_SCHEMA_H
#define WEIR_LB_CONFIG_SCHEMA_H

#include <stdio.h>

struct field;
struct mapping;

/* The whole schema, as JSON in one line. */
void config_schema(FILE *out);

/* --- for kinds: members of an object, without its braces ------------------------------------- */

#define SCHEMA_WORDS(expects)     "\"description\":\"" expects "\""
#define SCHEMA_TEXT(pattern)      "\"type\":\"string\",\"pattern\":\"" pattern "\""
#define SCHEMA_WHOLE(first, last) "\"type\":\"integer\",\"minimum\":" #first ",\"maximum\":" #last
#define SCHEMA_WORD(word)         "\"const\":\"" word "\""
#define SCHEMA_EITHER(a, b)       "\"anyOf\":[{" a "},{" b "}]"
#define SCHEMA_LIST(item, least, most) \
	"\"type\":\"array\",\"minItems\":" #least ",\"maxItems\":" #most ",\"items\":{" item "}"

/* What values look like, for SCHEMA_TEXT. Without backslashes, which JSON would have doubled. */
#define PATTERN_DECIMAL "(0|[1-9][0-9]{0,9})"
#define PATTERN_IPV4    "[0-9]{1,3}([.][0-9]{1,3}){3}"
#define PATTERN_IPV6    "[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]+"
#define PATTERN_ADDRESS "(" PATTERN_IPV4 "|" PATTERN_IPV6 ")"

void schema_quote(const char *text, FILE *out); /* as a JSON string */
void schema_mapping(const struct mapping *m, FILE *out);
void schema_or_none(const struct mapping *m, FILE *out); /* or the word `none` */

#endif
