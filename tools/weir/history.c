// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/history.h"

#include <stddef.h>

#include "datapath/engine.h"

#define NS_PER_S 1000000000ull

static uint64_t rate(uint64_t now, uint64_t before, uint64_t ns)
{
	/* Counters that were reset begin at 0 again. */
	return now < before ? 0 : (uint64_t)((double)(now - before) * NS_PER_S / ns + .5);
}

void history_add(struct history *h, const struct history_sample *now, uint64_t now_ns)
{
	uint64_t ns = now_ns - h->last_ns;
	if (h->last_ns && ns) {
		h->rates[h->next] = (struct history_sample){
			.received = rate(now->received, h->last.received, ns),
			.fast = rate(now->fast, h->last.fast, ns),
			.worker = rate(now->worker, h->last.worker, ns),
			.passed = rate(now->passed, h->last.passed, ns),
			.dropped = rate(now->dropped, h->last.dropped, ns),
		};
		h->next = (h->next + 1) % HISTORY_LENGTH;
		h->count += h->count < HISTORY_LENGTH;
	}
	h->last = *now;
	h->last_ns = now_ns;
}

void history_tick(struct history *h, const struct engine *e, uint64_t now_ns)
{
	struct engine_ledger l;
	struct history_sample now = {0};
	struct port_counters port;
	if (h->last_ns && now_ns - h->last_ns < HISTORY_INTERVAL_S * NS_PER_S)
		return;
	for (uint32_t i = 0; i < engine_port_count(e); i++)
		if (!engine_port_counters(e, i, &port))
			now.fast += port.transmitted;
	engine_ledger(e, &l);
	now.received = l.rx;
	now.worker = l.transmitted > now.fast ? l.transmitted - now.fast : 0;
	now.passed = l.passed;
	now.dropped = l.dropped;
	history_add(h, &now, now_ns);
}

static json_t *series(const struct history *h, size_t offset)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < h->count; i++) {
		uint32_t at = (h->next + HISTORY_LENGTH - h->count + i) % HISTORY_LENGTH;
		const char *sample = (const char *)&h->rates[at];
		json_array_append_new(list, json_integer(*(const uint64_t *)(sample + offset)));
	}
	return list;
}

json_t *history_json(const struct history *h)
{
#define SERIES(member) series(h, offsetof(struct history_sample, member))
	return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "interval_s",
			 (int)HISTORY_INTERVAL_S, "length", (int)HISTORY_LENGTH, "received",
			 SERIES(received), "fast", SERIES(fast), "worker", SERIES(worker), "passed",
			 SERIES(passed), "dropped", SERIES(dropped));
#undef SERIES
}
