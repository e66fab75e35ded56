// SPDX-License-Identifier: BSD-2-Clause
/* Control thread, or a command's. */
#include "tools/weir/policy_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/sources.h"
#include "tools/weir/file.h"

#define FILE_MAX_BYTES (1u << 30)
#define WORDS          (POLICY_PATH + SOURCE_FAULT)

const char *policy_source_path(const struct config *c, const struct config_source *s,
			       char path[POLICY_PATH])
{
	const char *slash = strrchr(c->file, '/');
	int folder = slash && s->file[0] != '/' ? slash + 1 - c->file : 0;
	snprintf(path, POLICY_PATH, "%.*s%s", folder, c->file, s->file);
	return path;
}

static void say(const struct policy_listener *l, bool bad, const char *words)
{
	if (l && l->say)
		l->say(l->context, bad, words);
}

/* --- one file -------------------------------------------------------------------------------- */

struct reader {
	const struct policy_listener *listener;
	const char *path;
	size_t length;
};

static void say_progress(void *context, uint64_t lines, size_t bytes)
{
	const struct reader *r = context;
	char words[WORDS];
	snprintf(words, sizeof(words), "%s: %llu lines read, %zu %% of it", r->path,
		 (unsigned long long)lines, bytes * 100 / r->length);
	say(r->listener, false, words);
}

static int bad_lines(const struct reader *r, const struct source_faults *f, struct err *err)
{
	char words[WORDS];
	uint64_t named = f->count < SOURCE_FAULTS ? f->count : SOURCE_FAULTS;
	for (uint64_t i = 0; i < named; i++) {
		snprintf(words, sizeof(words), "%s:%s", r->path, f->text[i]);
		say(r->listener, true, words);
	}
	if (f->count > named) {
		snprintf(words, sizeof(words), "%s: and %llu more lines like these", r->path,
			 (unsigned long long)(f->count - named));
		say(r->listener, true, words);
	}
	return err_set(err, EINVAL, "%.200s: %llu bad lines; the first: %.200s", r->path,
		       (unsigned long long)f->count, f->text[0]);
}

static int read_source(const struct config *c, unsigned int index,
		       const struct policy_listener *listener, struct source_list *list,
		       struct err *err)
{
	char path[POLICY_PATH], *text;
	struct reader reader = {.listener = listener, .path = path};
	struct source_faults faults = {.count = 0};
	policy_source_path(c, &c->policy.sources[index], path);
	const struct file_limits limits = {.bytes = FILE_MAX_BYTES,
					   .stop = listener ? listener->stop : NULL};
	int r = file_read_limited(path, &limits, &text, &reader.length, err);
	if (r)
		return err_prefix(err, -r, "sources.%s.file", c->policy.sources[index].name);
	const struct source_reading reading = {
		.identity = index + 1,
		.progress = say_progress,
		.context = &reader,
		.faults = &faults,
	};
	r = source_list_read(list, text, reader.length, &reading);
	free(text);
	if (r == -EINVAL)
		return bad_lines(&reader, &faults, err);
	if (r == -E2BIG)
		return err_set(err, EINVAL, "%.200s: more than %u prefixes in all sources", path,
			       SOURCES_MAX_PREFIXES);
	return r ? err_set(err, -r, "%.200s: not enough memory", path) : 0;
}

/* --- all of them ----------------------------------------------------------------------------- */

static int read_sources(const struct config *c, const struct policy_listener *listener,
			struct source_list *list, struct err *err)
{
	if (policy_inline_sources(c, list))
		return err_set(err, ENOMEM, "not enough memory for the sources");
	for (unsigned int i = 0; i < c->policy.source_count; i++) {
		int r = c->policy.sources[i].file ? read_source(c, i, listener, list, err) : 0;
		if (r)
			return r;
	}
	return 0;
}

int policy_load(const struct config *c, const struct registry *rules,
		const struct registry *backends, const struct policy_listener *listener,
		struct policy_tables **out, struct err *err)
{
	struct source_list list = {};
	const struct policy_input in = {
		.config = c, .rules = rules, .backends = backends, .sources = &list};
	struct policy_tables *made = NULL;
	int r = read_sources(c, listener, &list, err);
	if (!r && policy_is_wanted(c))
		r = policy_compile(&in, &made, err);
	source_list_fini(&list);
	if (!r)
		*out = made;
	return r;
}

unsigned int policy_tell_idle(const struct config *c, const struct policy_tables *p,
			      const struct policy_listener *listener)
{
	unsigned int count = 0;
	char words[WORDS];
	for (uint32_t i = 0; p && i < p->rule_count; i++) {
		if (!p->idle[i])
			continue;
		snprintf(words, sizeof(words), "policy.rules[%u]: '%s' can never match: %s", i,
			 c->policy.rules[i].name,
			 p->idle[i] == POLICY_IDLE_SHADOWED
				 ? "rules before it decide about all of its packets"
				 : "no packet is all that it asks for");
		say(listener, false, words);
		count++;
	}
	return count;
}
