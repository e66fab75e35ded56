// SPDX-License-Identifier: BSD-2-Clause
#include "sim/report.h"

#include <errno.h>

#include "sim/distribution.h"
#include "tools/weir/table.h"

/* --- for people ---------------------------------------------------------------------------------
 */

void report_head(const struct study_settings *s, FILE *out)
{
	fprintf(out,
		"weir-sim " WEIR_VERSION ", seed %llu\n"
		"sizes: %s (%s); mean %.0f bytes\n"
		"durations: %s (%s); mean %.0f s\n"
		"a change reaches all balancers within %g s; sync tells of flows every %g s; "
		"looked "
		"on for %g s\n",
		(unsigned long long)s->seed, distribution_sizes.name, distribution_sizes.source,
		distribution_mean(&distribution_sizes), distribution_durations.name,
		distribution_durations.source, distribution_mean(&distribution_durations),
		s->skew_s, s->batch_s, s->observe_s);
}

static void print_cost(const struct study_result *r, FILE *out)
{
	const struct study_cost *c = &r->cost;
	char a[TABLE_FIGURE], b[TABLE_FIGURE];
	fprintf(out,
		"\n%u balancers, %u backends, %u services, %u flows\n"
		"share of new flows, fullest and emptiest backend: %.3f and %.3f of the mean; with "
		"1 %% failed %.3f and %.3f\n"
		"flow table of a balancer: %s; with the flows of all: %s; not remembered: %u "
		"flows\n",
		r->size.balancers, r->size.backends, r->size.services, r->size.flows, c->even.most,
		c->even.least, c->torn.most, c->torn.least, table_format_bytes(c->flow_bytes, a),
		table_format_bytes(c->sync_bytes, b), c->untracked);
	for (int i = 0; i < ECMP_KINDS; i++)
		if (c->balancers[i])
			fprintf(out, "fullest balancer by %s router: %.3f of the mean\n",
				ecmp_word(i), c->balancers[i]);
	fprintf(out, "built: %u Maglev tables, a snapshot of %s, in %.1f ms\n\n", c->tables,
		table_format_bytes(c->snapshot_bytes, a), c->build_ms);
}

static void add_share(struct table *t, uint64_t count, uint64_t of)
{
	char text[TABLE_FIGURE];
	table_format(t, "%s (%.4f%%)", table_format_count(count, text),
		     of ? 100.0 * count / of : 0.0);
}

static void add_rows(struct table *t, const struct study_run *run)
{
	for (unsigned int i = 0; i < run->scenario->count; i++) {
		const struct outcome *first = &run->results[0].events[i];
		table_text(t, i ? "" : run->scenario->name);
		table_text(t, event_word(run->scenario->events[i].kind));
		table_text(t, ecmp_word(run->router));
		table_count(t, first->live);
		add_share(t, first->moved, first->live);
		for (int p = 0; p < PERSISTENCES; p++)
			add_share(t, run->results[p].events[i].broken,
				  run->results[p].events[i].live);
		table_count(t, run->results[PERSISTENCE_SYNC].events[i].orphans);
	}
}

int report_size(const struct study_result *r, FILE *out)
{
	static const struct table_column columns[] = {
		{"SCENARIO", TABLE_LEFT},      {"EVENT", TABLE_LEFT},
		{"ROUTER", TABLE_LEFT},        {"FLOWS", TABLE_RIGHT},
		{"MOVED", TABLE_RIGHT},        {"BROKEN: MAGLEV", TABLE_RIGHT},
		{"TWO TABLES", TABLE_RIGHT},   {"SYNC", TABLE_RIGHT},
		{"BACKEND GONE", TABLE_RIGHT},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	if (!t)
		return -ENOMEM;
	print_cost(r, out);
	for (unsigned int i = 0; i < r->run_count; i++)
		add_rows(t, &r->runs[i]);
	int status = table_print(t, out);
	table_free(t);
	return status;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static json_t *json_of_imbalance(const struct imbalance *i)
{
	return json_pack("{s:f,s:f}", "most", i->most, "least", i->least);
}

static json_t *json_of_event(const struct event *e, const struct outcome *o, uint32_t backends)
{
	return json_pack("{s:s,s:f,s:I,s:I,s:I,s:I,s:I}", "event", event_word(e->kind), "at_s",
			 e->at_s, "backends", (json_int_t)event_backends(e, backends), "live",
			 (json_int_t)o->live, "moved", (json_int_t)o->moved, "broken",
			 (json_int_t)o->broken, "orphans", (json_int_t)o->orphans);
}

static json_t *json_of_run(const struct study_run *run, enum persistence p, uint32_t backends)
{
	const struct result *r = &run->results[p];
	json_t *events = json_array();
	for (unsigned int i = 0; i < run->scenario->count; i++)
		json_array_append_new(
			events, json_of_event(&run->scenario->events[i], &r->events[i], backends));
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "scenario",
			 run->scenario->name, "router", ecmp_word(run->router), "persistence",
			 persistence_word(p), "packets", (json_int_t)r->packets, "flows",
			 (json_int_t)r->flows, "kept", (json_int_t)r->fates[FATE_KEPT], "broken",
			 (json_int_t)r->fates[FATE_BROKEN], "orphans",
			 (json_int_t)r->fates[FATE_ORPHAN], "refused",
			 (json_int_t)r->fates[FATE_REFUSED], "events", events);
}

static json_t *json_of_size(const struct study_result *r)
{
	const struct study_cost *c = &r->cost;
	json_t *runs = json_array(), *fullest = json_object();
	for (int i = 0; i < ECMP_KINDS; i++)
		if (c->balancers[i])
			json_object_set_new(fullest, ecmp_word(i), json_real(c->balancers[i]));
	for (unsigned int i = 0; i < r->run_count; i++)
		for (int p = 0; p < PERSISTENCES; p++)
			json_array_append_new(runs, json_of_run(&r->runs[i], p, r->size.backends));
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "untracked",
			 (json_int_t)c->untracked, "balancers", (json_int_t)r->size.balancers,
			 "backends", (json_int_t)r->size.backends, "services",
			 (json_int_t)r->size.services, "flows", (json_int_t)r->size.flows, "tables",
			 (json_int_t)c->tables, "build_ms", c->build_ms, "snapshot_bytes",
			 (json_int_t)c->snapshot_bytes, "flow_table_bytes",
			 (json_int_t)c->flow_bytes, "sync_table_bytes", (json_int_t)c->sync_bytes,
			 "backend_imbalance", json_of_imbalance(&c->even),
			 "backend_imbalance_1_percent_failed", json_of_imbalance(&c->torn),
			 "fullest_balancer", fullest, "runs", runs);
}

static json_t *json_of_distribution(const struct distribution *d)
{
	return json_pack("{s:s,s:s,s:f}", "name", d->name, "source", d->source, "mean",
			 distribution_mean(d));
}

json_t *report_json(const struct study_settings *s, const struct study_result *results,
		    unsigned int count)
{
	json_t *sizes = json_array();
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(sizes, json_of_size(&results[i]));
	return json_pack("{s:s,s:I,s:f,s:f,s:f,s:o,s:o,s:o}", "version", WEIR_VERSION, "seed",
			 (json_int_t)s->seed, "skew_s", s->skew_s, "batch_s", s->batch_s,
			 "observe_s", s->observe_s, "flow_bytes",
			 json_of_distribution(&distribution_sizes), "flow_seconds",
			 json_of_distribution(&distribution_durations), "sizes", sizes);
}
