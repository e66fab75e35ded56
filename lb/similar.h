/* SPDX-License-Identifier: BSD-2-Clause */
/* "did you mean ...?": of several words the one that was probably meant. Pure; any thread. */
#ifndef WEIR_LB_SIMILAR_H
#define WEIR_LB_SIMILAR_H

#define SIMILAR_MAX 63 /* longer words resemble none */

struct similar {
	const char *word;  /* as it was written */
	const char *meant; /* the best one so far, or NULL */
	unsigned int distance;
};

/* `word` and what is offered must live as long. */
struct similar similar_to(const char *word);

/* Offers one that may have been meant: it begins so, or few letters are between the two. */
void similar_offer(struct similar *s, const char *candidate);

/* What makes `b` of `a`: letters put in, left out, replaced, or two that change places. */
unsigned int similar_distance(const char *a, const char *b);

#endif
