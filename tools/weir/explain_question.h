/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is asked of an explanation, and the answer. The questions of the API and of the command line
 * are the same, as keys and values:
 *
 *   from, to, protocol, flags     a packet by its tuple (tools/weir/explain_tuple.h)
 *   frame=HEX                     or by its bytes
 *   interface=NAME                by which it came in (default: the first)
 *   sample=N                      instead of one client N clients made up by chance: whom would
 * each backend get? `from` is not needed backend=NAME                  ... only this one
 */
#ifndef WEIR_TOOLS_EXPLAIN_QUESTION_H
#define WEIR_TOOLS_EXPLAIN_QUESTION_H

#include <jansson.h>
#include <stdint.h>

#include "lb/explain.h"

#define EXPLAIN_SAMPLE_MAX 100000u
#define EXPLAIN_WORD       80u

struct err;
struct explain_view;

struct explain_question {
	char from[EXPLAIN_WORD], to[EXPLAIN_WORD], protocol[EXPLAIN_WORD], flags[EXPLAIN_WORD];
	char interface[EXPLAIN_WORD], backend[EXPLAIN_WORD];
	uint64_t sample;
	uint8_t frame[EXPLAIN_FRAME];
	uint32_t length; /* of frame; 0: not given */
};

/* Takes one key; a zeroed question is an empty one. -EINVAL says what is wrong. */
int explain_question_set(struct explain_question *q, const char *key, const char *value,
			 struct err *err);

/* The document: explain_report()'s, or of a sample. -EINVAL, -ENOMEM. */
int explain_question_answer(const struct explain_question *q, const struct explain_view *v,
			    uint64_t now_ns, json_t **out, struct err *err);

/* Prints either document. */
void explain_print(json_t *answer);

#endif
