// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/drain.h"

#include <stdio.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "tools/weir/daemon.h"
#include "tools/weir/log.h"
#include "tools/weir/routes.h"
#include "tools/weir/supervisor.h"

#define NS_PER_S     1000000000ull
#define US_TO_FINISH 10000000ull /* what systemd allows beyond the drain */

/* Packets sent for services so far, both ways. */
static uint64_t count_packets(const struct engine *e)
{
	struct port_counters port;
	uint64_t sum = 0;
	for (uint32_t i = 0; i < engine_port_count(e); i++)
		if (!engine_port_counters(e, i, &port))
			sum += port.transmitted;
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		const struct lb_counters *lb = engine_worker_counters(e, i);
		sum += __atomic_load_n(&lb->forwarded, __ATOMIC_RELAXED) +
		       __atomic_load_n(&lb->returned, __ATOMIC_RELAXED);
	}
	return sum;
}

void drain_begin(struct daemon *d, uint64_t now_ns)
{
	uint32_t ms = d->config->drain_ms;
	char state[64];
	d->drain = (struct drain){
		.active = true,
		.began_ns = now_ns,
		.until_ns = now_ns + ms * 1000000ull,
		.packets = count_packets(d->engine),
		.quiet_since_ns = now_ns,
	};
	log_info("draining: no longer announced; ends when nothing comes any more",
		 "event=drain-begin longest=%.1fs", ms / 1000.);
	routes_withdraw(d->routes);
	snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu",
		 ms * 1000ull + US_TO_FINISH);
	supervisor_tell(state);
}

bool drain_is_over(struct daemon *d, uint64_t now_ns)
{
	struct drain *drain = &d->drain;
	uint64_t packets = count_packets(d->engine);
	if (packets != drain->packets)
		drain->quiet_since_ns = now_ns;
	drain->packets = packets;
	bool quiet = now_ns - drain->quiet_since_ns >= DRAIN_QUIET_S * NS_PER_S;
	if (!quiet && now_ns < drain->until_ns)
		return false;
	log_info("drained", "event=drain-end because=%s after=%.1fs", quiet ? "quiet" : "time",
		 (double)(now_ns - drain->began_ns) / NS_PER_S);
	return true;
}

json_t *drain_json(const struct daemon *d, uint64_t now_ns)
{
	const struct drain *drain = &d->drain;
	double left = drain->until_ns > now_ns ? (double)(drain->until_ns - now_ns) / NS_PER_S : 0;
	if (!drain->active)
		return json_null();
	return json_pack("{s:f, s:f}", "left_s", left, "quiet_s",
			 (double)(now_ns - drain->quiet_since_ns) / NS_PER_S);
}
