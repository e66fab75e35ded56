// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/config_announce.h"

#include <linux/rtnetlink.h>

#include "lb/config.h"
#include "lb/config_choice.h"
#include "lb/document.h"

#define PATH_TEXT 64

/* The kernel keeps its own addresses in RT_TABLE_LOCAL: what is there is delivered, not announced.
 */
const struct word_or_number_rule config_table_rule = {
	.expects = "none, or the number of a routing table from 1 to 4294967295, but not 255 "
		   "(local)",
	.words = (const struct choice[]){{"none", RT_TABLE_UNSPEC}, {NULL, 0}},
	.first = 1,
	.last = UINT32_MAX,
	.except = RT_TABLE_LOCAL,
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
