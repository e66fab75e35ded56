/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of values that are words (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_CHOICE_H
#define WEIR_LB_CONFIG_CHOICE_H

#include <stdint.h>

#include "lb/config_field.h"

/*
 * One word of several, as a number of one, two or four bytes, or FIELD_NOWHERE where the only word
 * has the value 0. The rule is an array of these, which ends with a NULL word.
 */
struct choice {
	const char *word;
	unsigned int value;
};
extern const struct kind kind_choice;

/* The same, or a whole number. */
struct word_or_number_rule {
	const char *expects;        /* after "expected " */
	const struct choice *words; /* whose values are none of the numbers */
	uint32_t first, last;
	uint32_t except; /* a number in between that is none, or 0 */
};
extern const struct kind kind_word_or_number;

#endif
