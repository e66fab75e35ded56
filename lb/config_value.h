/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of single values (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_VALUE_H
#define WEIR_LB_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/config_field.h"
#include "lb/document.h"

/* A whole number in a uint32_t. */
struct number_rule {
	uint32_t first, last;
	bool power_of_two;
};
extern const struct kind kind_number;

/* Whole seconds in a uint32_t, written 10s, 5m or 1h. */
struct duration_rule {
	uint32_t first, last;
	const char *limits; /* the same in words */
};
extern const struct kind kind_duration;

/* Milliseconds in a uint32_t, written 500ms, 10s or 5m. */
struct milliseconds_rule {
	uint32_t first, last;
	const char *expects; /* after "expected " */
};
extern const struct kind kind_milliseconds;

/* A struct config_numbers: a word for all of them, or a list. */
struct numbers_rule {
	const char *all;
	uint16_t last; /* at most 1023 */
};
extern const struct kind kind_numbers;

/* --- for kinds in files of their own --------------------------------------------------------- */

/*
 * The text at a place, or the field's default where the place has no node; NULL where it is no
 * text, with a fault that names what was expected.
 */
const char *value_text(struct document *d, const struct place *at, const struct field *f,
		       const char *expects);

/* The same, but NULL where it is no text, without a fault: what is expected costs time to say. */
const char *value_any_text(const struct place *at, const struct field *f);

/* The fault of a value that is not what was expected, whether it is text or not. */
void value_refuse(struct document *d, const struct place *at, const struct field *f,
		  const char *expects);

/* Text as YAML: bare where any reader takes it for text, else in quotes. */
void value_print_text(const char *text, FILE *out);

/* The fault "found 'VALUE'; expected EXPECTS". */
void value_unexpected(struct document *d, const struct place *at, const char *value,
		      const char *expects);

/* Reads digits without sign, separators or leading zeros (those are octal to YAML 1.1). */
bool value_decimal(const char *text, size_t length, uint32_t *out);

/* A list of the document, by its place, and its items. */
size_t value_item_count(const struct node *list);
struct place value_item(const struct place *list, size_t index);

#endif
