// SPDX-License-Identifier: BSD-2-Clause
/* What is shared with other nodes, in figures. */
#include "tools/weir/daemon.h"
#include "tools/weir/metric_rows.h"
#include "tools/weir/syncer.h"

bool metric_sync_row(struct metric_place *at, struct metric_row *r)
{
	struct syncer_status s;
	const struct sync_counters *c = &s.counters;
	if (at->outer++ || !at->daemon->syncer)
		return false;
	syncer_status(at->daemon->syncer, &s);
	r->figure[SYNC_JOINED] = s.joined;
	r->figure[SYNC_MEMBERS] = s.count;
	for (uint32_t i = 0; i < s.count; i++)
		r->figure[SYNC_DIFFERENT] += s.nodes[i].differs;
	r->figure[SYNC_TOLD] = c->told;
	r->figure[SYNC_ENDS] = c->ends;
	r->figure[SYNC_BRIEF] = c->brief;
	r->figure[SYNC_LOST] = s.lost;
	r->figure[SYNC_UNSENT] = c->unsent;
	r->figure[SYNC_HEARD] = c->heard;
	r->figure[SYNC_LEARNED] = c->learned;
	r->figure[SYNC_REFRESHED] = c->refreshed;
	r->figure[SYNC_REPLACED] = c->replaced;
	r->figure[SYNC_KEPT] = c->kept;
	r->figure[SYNC_LATE] = c->late;
	r->figure[SYNC_NO_ROOM] = c->no_room;
	r->figure[SYNC_UNKNOWN_BACKEND] = c->unknown_backend;
	r->figure[SYNC_MALFORMED] = c->malformed;
	r->figure[SYNC_OTHER_VERSION] = c->other_version;
	r->figure[SYNC_DIFFERENCES] = c->differences;
	r->figure[SYNC_WAYS] = c->ways;
	return true;
}
