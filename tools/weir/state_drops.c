// SPDX-License-Identifier: BSD-2-Clause
/* The ledger as a document: reads engine and losses, changes nothing but what losses were seen. */
#include <stdlib.h>
#include <time.h>

#include "datapath/engine.h"
#include "lb/reason.h"
#include "tools/weir/daemon.h"
#include "tools/weir/losses.h"
#include "tools/weir/state.h"

static json_int_t figure(uint64_t value)
{
	return (json_int_t)value;
}

static json_t *time_json(int64_t seconds)
{
	char text[32];
	time_t at = seconds;
	struct tm utc;
	if (!seconds || !gmtime_r(&at, &utc))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

/* Packets of which no length is known have no bytes either. */
static json_t *bytes_json(const struct engine_drops *drops, int r)
{
	return drops->kernel[r] || (r == REASON_TX_FAILED && drops->xdp[r] + drops->worker[r])
		       ? json_null()
		       : json_integer(figure(drops->bytes[r]));
}

static json_t *reason_json(const struct engine_drops *drops, int r, const struct loss *l)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:f, s:o}", "reason",
			 reason_word(r), "text", reason_text(r), "mend", losses_mend(r), "xdp",
			 figure(drops->xdp[r]), "kernel", figure(drops->kernel[r]), "worker",
			 figure(drops->worker[r]), "total",
			 figure(drops->xdp[r] + drops->kernel[r] + drops->worker[r]), "bytes",
			 bytes_json(drops, r), "rate", l ? l->rate : 0.0, "last",
			 time_json(l ? l->last_s : 0));
}

static json_t *place_json(const struct loss *l)
{
	return json_pack("{s:s, s:s, s:s?, s:I, s:f, s:o, s:s, s:s, s:b}", "place",
			 l->place == LOSS_IN_FRONT ? "in-front" : "behind", "name", l->name,
			 "interface", l->interface, "packets", figure(l->packets), "rate", l->rate,
			 "last", time_json(l->last_s), "text", l->text, "mend", l->mend,
			 "in_ledger", l->place == LOSS_BEHIND);
}

/* Fills both lists; losses of reasons come in the order of the reasons. */
static void add_places(const struct losses *l, const struct engine_drops *drops, json_t *reasons,
		       json_t *places)
{
	int r = REASON_NONE + 1;
	for (uint32_t i = 0; i < losses_count(l); i++) {
		const struct loss *at = losses_get(l, i);
		if (at->place == LOSS_REASON)
			json_array_append_new(reasons, reason_json(drops, r++, at));
		else
			json_array_append_new(places, place_json(at));
	}
}

json_t *state_drops(const struct daemon *d)
{
	struct engine_ledger l = {0};
	struct engine_drops drops = {0};
	json_t *reasons = json_array(), *places = json_array();
	losses_look(d->losses);
	engine_ledger(d->engine, &l);
	engine_drops(d->engine, &drops);
	add_places(d->losses, &drops, reasons, places);
	json_int_t difference = figure(l.rx - l.transmitted - l.passed - l.dropped) - l.held;
	return json_pack("{s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I}, s:b, s:I}", "reasons", reasons,
			 "places", places, "ledger", "rx", figure(l.rx), "transmitted",
			 figure(l.transmitted), "passed", figure(l.passed), "dropped",
			 figure(l.dropped), "held", (json_int_t)l.held, "balanced", difference == 0,
			 "difference", difference);
}
