/* SPDX-License-Identifier: BSD-2-Clause */
/* What `weir doctor` has to say: a list of findings, each with the command that mends it. */
#ifndef WEIR_TOOLS_FINDING_H
#define WEIR_TOOLS_FINDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_BAD, FINDING_LEVELS };

struct finding {
	enum finding_level level;
	char about[64];    /* "host", an interface, "service/backend" */
	char check[24];    /* "rx-queues" */
	char text[400];    /* one sentence */
	char mend[200];    /* the command; words are parted by spaces, no shell needed. "": none */
	bool mend_is_safe; /* changes nothing that anybody else could want otherwise */
};

struct findings {
	struct finding *list;
	unsigned int count;
	bool incomplete; /* memory was missing */
};

/* Adds one; the pointer is good until the next, and never NULL. */
__attribute__((format(printf, 5, 6))) struct finding *finding_add(struct findings *f,
								  enum finding_level level,
								  const char *about,
								  const char *check,
								  const char *format, ...);

/* The command that mends the finding. */
__attribute__((format(printf, 3, 4))) void finding_mend(struct finding *f, bool safe,
							const char *format, ...);

void findings_free(struct findings *f);

unsigned int findings_count(const struct findings *f, enum finding_level level);
const char *finding_level_word(enum finding_level level);

/* For people, and for programs. */
void findings_print(const struct findings *f, FILE *out);
json_t *findings_json(const struct findings *f);

#endif
