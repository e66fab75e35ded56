/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of text (lb/config_field.h): what it may consist of is data, so that a schema can say it.
 */
#ifndef WEIR_LB_CONFIG_TEXT_H
#define WEIR_LB_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lb/config_field.h"

#define TEXT_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TEXT_DIGITS  "0123456789"

/* Printable ASCII of 1 to `max` characters. */
struct text_rule {
	const char *expects; /* after "expected " */
	size_t max;
	const char *only; /* the characters it consists of; NULL: all */
	const char *but;  /* those that it does not have, or NULL */
	char first;       /* what it begins with, or 0 */
	bool none;        /* or it is the word `none` */
	bool no_dots;     /* but not "." and ".." */
};

bool text_fits(const struct text_rule *rule, const char *text);

extern const struct text_rule config_name_rule; /* of services, backends, rules, groups */

extern const struct kind kind_text; /* on the heap; rule: struct text_rule */

/* The same, with NULL for the word `none`. */
extern const struct kind kind_text_or_none;

/* The JSON schema of what fits a rule: members of an object (lb/config_schema.h). */
void text_print_schema(const struct text_rule *rule, FILE *out);

#endif
