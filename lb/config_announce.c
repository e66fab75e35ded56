// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/config_announce.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/document.h"

#define PATH_TEXT 64

/* The kernel keeps its own addresses in RT_TABLE_LOCAL: what is there is delivered, not announced.
 */
#define TABLE "none, or the number of a routing table from 1 to 4294967295, but not 255 (local)"

static void read_table(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	const char *text = value_text(d, at, f, TABLE);
	uint32_t table = RT_TABLE_UNSPEC;
	if (!text)
		return;
	if (strcmp(text, "none") && (!value_decimal(text, strlen(text), &table) ||
				     table == RT_TABLE_UNSPEC || table == RT_TABLE_LOCAL))
		value_unexpected(d, at, text, TABLE);
	*(uint32_t *)((char *)base + f->offset) = table;
}

static void print_table(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	uint32_t table = *(const uint32_t *)((const char *)base + f->offset);
	if (table)
		fprintf(out, " %u\n", table);
	else
		fputs(" none\n", out);
}

const struct kind kind_route_table = {
	.read = read_table,
	.print = print_table,
	.schema = SCHEMA_WORDS(TABLE) "," SCHEMA_EITHER(SCHEMA_WORD("none"),
							SCHEMA_WHOLE(1, 4294967295)),
};

static void check_service(const struct config *c, unsigned int index, struct document *d)
{
	const struct config_service *s = &c->services[index];
	char path[PATH_TEXT];
	if (!c->announcing.table) {
		snprintf(path, sizeof(path), "services[%u].announce", index);
		document_fault_path(d, path,
				    "route needs the kernel's table that routes of VIPs go to; add "
				    "announce: {table: 77}");
	}
	snprintf(path, sizeof(path), "services[%u].announce_min_up", index);
	if (s->backend_count && s->announce_min_up > s->backend_count)
		document_fault_path(d, path,
				    "%u, but the service has %u backends, so it would never be "
				    "announced; expected at most %u",
				    s->announce_min_up, s->backend_count, s->backend_count);
}

void config_check_announce(const struct config *c, struct document *d)
{
	for (unsigned int i = 0; i < c->service_count; i++)
		if (c->services[i].announce == ANNOUNCE_ROUTE)
			check_service(c, i, d);
}

const char *config_announce_word(unsigned int announce)
{
	static const char *const words[] = {
		[ANNOUNCE_NONE] = "none",
		[ANNOUNCE_NEIGHBOR] = "neighbor",
		[ANNOUNCE_ROUTE] = "route",
	};
	return words[announce];
}
