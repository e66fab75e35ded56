// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/reason.h"

#include <string.h>

static const struct {
	const char *word, *text;
} reasons[REASON_COUNT] = {
#define REASON_ROW(id, word, text) {word, text},
	ABI_REASONS(REASON_ROW)
#undef REASON_ROW
};

const char *reason_word(enum reason r)
{
	return r < REASON_COUNT ? reasons[r].word : "unknown";
}

const char *reason_text(enum reason r)
{
	return r < REASON_COUNT ? reasons[r].text : "a reason this version does not know";
}

int reason_find(const char *word)
{
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
		if (!strcmp(reasons[r].word, word))
			return r;
	return -1;
}
