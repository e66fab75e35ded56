/* SPDX-License-Identifier: BSD-2-Clause */
/* What `weir show` shows: documents of the API, printed for people. */
#ifndef WEIR_TOOLS_SUBJECT_H
#define WEIR_TOOLS_SUBJECT_H

#include <jansson.h>

struct subject;

/* The subject of that name, which is /v1/NAME of the API; or NULL. */
const struct subject *subject_find(const char *name);

/* The subject whose name is like that one's, for suggestions; or NULL. */
const char *subject_similar(const char *name);

/* By index; NULL behind the last one. */
const char *subject_name(size_t index);

/* Prints the document on stdout. */
void subject_print(const struct subject *s, json_t *document);

/* Only the names that are in it, one a line: those of services, "service/backend", interfaces. */
void subject_print_names(const struct subject *s, json_t *document);

#endif
