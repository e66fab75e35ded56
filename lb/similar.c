// SPDX-License-Identifier: BSD-2-Clause
#include "lb/similar.h"

#include <string.h>

static unsigned int min2(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Optimal string alignment. Three rows: this one, the one above, and the one above that. */
unsigned int similar_distance(const char *a, const char *b)
{
	unsigned int rows[3][SIMILAR_MAX + 1];
	size_t columns = strlen(b), i;
	if (strlen(a) > SIMILAR_MAX || columns > SIMILAR_MAX)
		return SIMILAR_MAX + 1;
	for (size_t j = 0; j <= columns; j++)
		rows[0][j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			row[j] = min2(min2(above[j], row[j - 1]) + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min2(row[j], before[j - 2] + 1);
		}
	}
	return rows[(i + 2) % 3][columns];
}

struct similar similar_to(const char *word)
{
	return (struct similar){.word = word, .distance = (strlen(word) + 1) / 3 + 1};
}

void similar_offer(struct similar *s, const char *candidate)
{
	size_t length = strlen(s->word);
	if (length < 2 || length > SIMILAR_MAX)
		return;
	unsigned int distance =
		strncmp(candidate, s->word, length) ? similar_distance(s->word, candidate) : 0;
	if (distance >= s->distance)
		return;
	s->meant = candidate;
	s->distance = distance;
}
