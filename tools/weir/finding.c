// SPDX-License-Identifier: BSD-2-Clause
/* Grows a list of findings, and prints it. */
#include "tools/weir/finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct finding lost; /* what there was no memory for is written here */

struct finding *finding_add(struct findings *f, enum finding_level level, const char *about,
			    const char *check, const char *format, ...)
{
	struct finding *list = realloc(f->list, (f->count + 1) * sizeof(*list));
	struct finding *new = &lost;
	va_list ap;
	if (list) {
		f->list = list;
		new = &list[f->count++];
	} else {
		f->incomplete = true;
	}
	memset(new, 0, sizeof(*new));
	new->level = level;
	snprintf(new->about, sizeof(new->about), "%s", about);
	snprintf(new->check, sizeof(new->check), "%s", check);
	va_start(ap, format);
	vsnprintf(new->text, sizeof(new->text), format, ap);
	va_end(ap);
	return new;
}

void finding_mend(struct finding *f, bool safe, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(f->mend, sizeof(f->mend), format, ap);
	va_end(ap);
	f->mend_is_safe = safe;
}

void findings_free(struct findings *f)
{
	free(f->list);
	*f = (struct findings){0};
}

unsigned int findings_count(const struct findings *f, enum finding_level level)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < f->count; i++)
		count += f->list[i].level == level;
	return count;
}

const char *finding_level_word(enum finding_level level)
{
	static const char *const words[] = {"ok", "warn", "bad"};
	return words[level];
}

void findings_print(const struct findings *f, FILE *out)
{
	for (unsigned int i = 0; i < f->count; i++) {
		const struct finding *one = &f->list[i];
		fprintf(out, "%-4s  %-12s %-16s %s\n", finding_level_word(one->level), one->about,
			one->check, one->text);
		if (one->mend[0])
			fprintf(out, "%36s-> %s\n", "", one->mend);
	}
	fprintf(out, "%u ok, %u warn, %u bad\n", findings_count(f, FINDING_OK),
		findings_count(f, FINDING_WARN), findings_count(f, FINDING_BAD));
}

json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();
	for (unsigned int i = 0; i < f->count; i++) {
		const struct finding *one = &f->list[i];
		json_t *row =
			json_pack("{s:s, s:s, s:s, s:s}", "level", finding_level_word(one->level),
				  "about", one->about, "check", one->check, "text", one->text);
		if (one->mend[0])
			json_object_update_new(row, json_pack("{s:s, s:b}", "mend", one->mend,
							      "safe", one->mend_is_safe));
		json_array_append_new(list, row);
	}
	return json_pack("{s:o, s:i, s:i, s:i}", "findings", list, "ok",
			 findings_count(f, FINDING_OK), "warn", findings_count(f, FINDING_WARN),
			 "bad", findings_count(f, FINDING_BAD));
}
