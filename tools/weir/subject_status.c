// SPDX-License-Identifier: BSD-2-Clause
/* `weir show status`, a line a thing. */
#include "tools/weir/subject_status.h"

#include <stdint.h>
#include <stdio.h>

#include "tools/weir/json_path.h"
#include "tools/weir/table.h"

static void print_line(const char *name, const char *value)
{
	printf("%-16s %s\n", name, value);
}

static void print_count(const char *name, json_t *document, const char *path)
{
	char text[TABLE_FIGURE];
	print_line(name, table_format_count(json_figure(document, path), text));
}

static void print_uptime(json_t *document)
{
	long long s = json_figure(document, "uptime_s");
	printf("%-16s %lldd %02lld:%02lld:%02lld\n", "uptime", s / 86400, s / 3600 % 24,
	       s / 60 % 60, s % 60);
}

static void print_flow_table(json_t *document)
{
	static const char *const states[] = {"handshake", "established", "closing", "udp"};
	json_t *entries = json_at(document, "flow_table.entries");
	char text[TABLE_FIGURE];
	uint64_t sum = 0;
	for (int i = 0; i < 4; i++)
		sum += json_figure(entries, states[i]);
	printf("%-16s %s of ", "flows", table_format_count(sum, text));
	printf("%s (", table_format_count(json_figure(document, "flow_table.capacity"), text));
	for (int i = 0; i < 4; i++)
		printf("%s%s %s", i ? ", " : "", states[i],
		       table_format_count(json_figure(entries, states[i]), text));
	printf(")\n");
	print_count("  inserted", document, "flow_table.inserts");
	print_count("  evicted", document, "flow_table.evictions");
	print_count("  untracked", document, "flow_table.untracked");
	print_count("  guarded", document, "flow_table.guarded");
}

static void print_fragments(json_t *document)
{
	static const char *const keys[] = {
		"followed", "waited", "timed_out", "refused", "forgotten", "tiny", "overlap",
	};
	json_t *fragments = json_at(document, "fragments");
	char text[TABLE_FIGURE], name[16];
	printf("%-16s %s, ", "fragments",
	       table_format_count(json_figure(fragments, "first"), text));
	printf("%s waiting now\n", table_format_count(json_figure(fragments, "held"), text));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(name, sizeof(name), "  %s", keys[i]);
		print_count(name, fragments, keys[i]);
	}
}

static void print_sent(json_t *document)
{
	char text[TABLE_FIGURE];
	printf("%-16s fast path %s, ", "packets sent",
	       table_format_count(json_figure(document, "packets.fast"), text));
	printf("workers %s\n", table_format_count(json_figure(document, "packets.worker"), text));
}

static void print_takeover(json_t *document)
{
	const char *replaced = json_string_value(json_at(document, "takeover.replaced"));
	if (json_is_true(json_at(document, "takeover.flows")))
		print_line("flows at start", "taken over from the daemon before");
	else if (replaced)
		printf("%-16s replaced: %s\n", "flows at start", replaced);
	else
		print_line("flows at start", "none");
}

static void print_routes(json_t *document)
{
	json_t *routes = json_at(document, "routes");
	if (json_is_object(routes))
		printf("%-16s %lld of %lld announced in table %lld\n", "routes",
		       json_figure(routes, "announced"), json_figure(routes, "total"),
		       json_figure(routes, "table"));
}

static void print_drain(json_t *document)
{
	json_t *drain = json_at(document, "drain");
	if (json_is_object(drain))
		printf("%-16s ends in %.0f s at most, nothing has come for %.0f s\n", "draining",
		       json_number_value(json_object_get(drain, "left_s")),
		       json_number_value(json_object_get(drain, "quiet_s")));
}

static void print_text(const char *name, json_t *document, const char *path)
{
	const char *text = json_string_value(json_at(document, path));
	print_line(name, text ? text : "-");
}

/* Its name, and what corosync calls it: several may have one name. */
static void print_node(json_t *node)
{
	const char *name = json_string_value(json_at(node, "name"));
	char text[128];
	snprintf(text, sizeof(text), "%s (node %lld)%s%s", name && *name ? name : "?",
		 json_figure(node, "node"), json_is_true(json_at(node, "self")) ? ", this one" : "",
		 json_is_true(json_at(node, "differs"))
			 ? ": OTHER services or backends than this one has"
			 : "");
	print_line("  node", text);
}

static void print_sync(json_t *document)
{
	json_t *sync = json_at(document, "sync"), *node;
	const char *fault = json_string_value(json_at(sync, "fault"));
	char text[TABLE_FIGURE];
	size_t i;
	if (!json_is_object(sync))
		return;
	printf("%-16s group %s, ", "sync", json_string_value(json_at(sync, "group")));
	if (fault)
		printf("NOT JOINED: %s\n", fault);
	else
		printf("%zu nodes\n", json_array_size(json_at(sync, "nodes")));
	json_array_foreach(json_at(sync, "nodes"), i, node) print_node(node);
	printf("%-16s %s flows, ", "  told",
	       table_format_count(json_figure(sync, "told.flows"), text));
	printf("%s ends\n", table_format_count(json_figure(sync, "told.ends"), text));
	printf("%-16s %s flows, ", "  heard",
	       table_format_count(json_figure(sync, "heard.flows"), text));
	printf("%s learned\n", table_format_count(json_figure(sync, "heard.learned"), text));
}

void subject_status_print(json_t *document)
{
	print_text("version", document, "version");
	print_text("instance", document, "instance");
	print_text("configuration", document, "config");
	printf("%-16s %lld\n", "generation", json_figure(document, "generation"));
	printf("%-16s %lld\n", "pid", json_figure(document, "pid"));
	print_uptime(document);
	print_count("services", document, "services");
	print_count("interfaces", document, "interfaces");
	print_count("captures", document, "captures");
	print_flow_table(document);
	print_fragments(document);
	print_sent(document);
	print_takeover(document);
	print_text("on daemon loss", document, "on_daemon_loss");
	print_routes(document);
	print_drain(document);
	print_sync(document);
}
