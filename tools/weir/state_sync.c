// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread; reads only. */
#include "tools/weir/state_sync.h"

#include "lb/config.h"
#include "tools/weir/daemon.h"
#include "tools/weir/syncer.h"

/* json_pack() takes its integers through an ellipsis: they must have exactly its type. */
static json_int_t figure(uint64_t value)
{
	return (json_int_t)value;
}

static json_t *nodes_json(const struct syncer_status *s)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < s->count; i++) {
		const struct sync_node_status *n = &s->nodes[i];
		json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:b, s:b}", "node",
						      figure(n->member.node), "pid",
						      figure(n->member.pid), "name", n->name,
						      "self", n->self, "differs", n->differs));
	}
	return list;
}

static json_t *told_json(const struct syncer_status *s)
{
	const struct sync_counters *c = &s->counters;
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "flows", figure(c->told), "ends",
			 figure(c->ends), "brief", figure(c->brief), "lost", figure(s->lost),
			 "unsent", figure(c->unsent));
}

static json_t *heard_json(const struct sync_counters *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "flows",
			 figure(c->heard), "learned", figure(c->learned), "refreshed",
			 figure(c->refreshed), "replaced", figure(c->replaced), "kept",
			 figure(c->kept), "late", figure(c->late), "no_room", figure(c->no_room),
			 "unknown_backend", figure(c->unknown_backend), "malformed",
			 figure(c->malformed), "other_version", figure(c->other_version));
}

json_t *state_sync(const struct daemon *d)
{
	struct syncer_status s;
	if (!d->syncer)
		return json_null();
	syncer_status(d->syncer, &s);
	return json_pack("{s:s, s:b, s:s?, s:o, s:o, s:o, s:I, s:I}", "group",
			 d->config->sync.group, "joined", s.joined, "fault",
			 s.joined ? NULL : s.fault, "nodes", nodes_json(&s), "told", told_json(&s),
			 "heard", heard_json(&s.counters), "differences",
			 figure(s.counters.differences), "ways", figure(s.counters.ways));
}
