// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/changes.h"

#include <stdbool.h>
#include <string.h>

#include "lb/config_diff.h"
#include "tools/weir/log.h"

/* What is settled when the daemon starts, and what lies below it. */
static const char *const fixed[] = {
	"instance",       "user",      "flow_table.entries", "flow_table.timeouts",
	"on_daemon_loss", "captures",  "blackbox",           "api.socket",
	"api.mode",       "api.group", "api.http",           "announce.table",
	"sync",
};

static bool needs_restart(const char *path)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		size_t length = strlen(fixed[i]);
		if (!strncmp(path, fixed[i], length) && strchr(".[", path[length]))
			return true;
	}
	return false;
}

struct collection {
	json_t *list;
	uint64_t total;
	char restart[CONFIG_DIFF_PATH]; /* the first one's path; "": none */
};

static void collect(void *context, const struct config_change *c)
{
	static const char *const words[] = {
		[CONFIG_ADDED] = "added",
		[CONFIG_REMOVED] = "removed",
		[CONFIG_CHANGED] = "changed",
	};
	struct collection *all = context;
	bool restart = needs_restart(c->path);
	if (restart && !*all->restart)
		strcpy(all->restart, c->path);
	if (all->total++ < CHANGES_MAX)
		json_array_append_new(all->list,
				      json_pack("{s:s, s:s, s:s?, s:s?, s:b}", "change",
						words[c->kind], "path", c->path, "before",
						c->before, "after", c->after, "restart", restart));
}

json_t *changes_json(const struct config *before, const struct config *after)
{
	struct collection all = {.list = json_array()};
	if (!all.list || config_diff(before, after, collect, &all)) {
		json_decref(all.list);
		return NULL;
	}
	json_t *changes = json_pack("{s:I, s:o}", "total", (json_int_t)all.total, "list", all.list);
	if (changes && *all.restart)
		json_object_set_new(changes, "restart", json_string(all.restart));
	return changes;
}

const char *changes_restart(const json_t *changes)
{
	return json_string_value(json_object_get(changes, "restart"));
}

static const char *text_of(const json_t *change, const char *key)
{
	const char *text = json_string_value(json_object_get(change, key));
	return text ? text : "";
}

void changes_print(const json_t *changes, FILE *out)
{
	json_t *list = json_object_get(changes, "list"), *c;
	long long total = json_integer_value(json_object_get(changes, "total"));
	size_t i;
	json_array_foreach(list, i, c)
	{
		const char *kind = text_of(c, "change");
		fprintf(out, "%c %s",
			!strcmp(kind, "added") ? '+'
			: *kind == 'r'         ? '-'
					       : '~',
			text_of(c, "path"));
		if (*kind == 'c')
			fprintf(out, ": %s -> %s", text_of(c, "before"), text_of(c, "after"));
		fputs(json_is_true(json_object_get(c, "restart")) ? "  (needs a restart)\n" : "\n",
		      out);
	}
	if (total > (long long)json_array_size(list))
		fprintf(out, "and %lld changes more\n", total - (long long)json_array_size(list));
}

void changes_log(const json_t *changes)
{
	json_t *c;
	size_t i;
	json_array_foreach(json_object_get(changes, "list"), i, c)
		log_info("configuration", "change=%s path=%s before=\"%s\" after=\"%s\"",
			 text_of(c, "change"), text_of(c, "path"), text_of(c, "before"),
			 text_of(c, "after"));
}
