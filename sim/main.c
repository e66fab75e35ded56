// SPDX-License-Identifier: BSD-2-Clause
/* `weir-sim`: reads the command line, studies one size after the other, and prints. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/setting.h"
#include "lb/err.h"
#include "sim/estate.h"
#include "sim/report.h"
#include "sim/study.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define EACH_SERVICE   500u /* backends, when nothing else is asked for */
#define FLOWS          500000u
#define FLOWS_QUICK    30000u
#define BALANCERS_MOST 1000u
#define FLOWS_MOST     50000000u

static const char usage[] =
	"Usage: weir-sim [OPTION...]\n"
	"\n"
	"What becomes of connections when balancers and backends come, fail and go: Weir's own "
	"code\n"
	"decides for each of many balancers behind a router with ECMP. Prints the connections "
	"that\n"
	"each event breaks with Maglev alone, with the table before beside the new one, and with\n"
	"flows told to all balancers; how evenly load is shared; and what tables cost. Without a\n"
	"size it studies 4 x 40, 64 x 10,000 and 256 x 100,000 (balancers x backends).\n"
	"\n"
	"  --quick           fewer flows, scenarios and routers: less than a minute\n"
	"  --balancers N     one size: how many balancers (4)\n"
	"  --backends N      ... how many backends in all (40)\n"
	"  --services N      ... that they are shared out over (one for each 500 backends)\n"
	"  --flows N         connections that live at a time (500000; quick: 30000)\n"
	"  --router KIND     modulo, threshold, resilient or all (all; quick: modulo and "
	"resilient)\n"
	"  --scenario WORDS  only those with that in their names; --list names them\n"
	"  --skew SECONDS    within that time a change reaches all balancers (1)\n"
	"  --batch SECONDS   how often sync tells of new flows (0.05)\n"
	"  --observe SECONDS how long it is looked on after the last event (600)\n"
	"  --seed N          of all that is random (1)\n"
	"  --json            JSON instead of tables\n"
	"  --progress        say on stderr what is being done (it does on a terminal)\n"
	"  --list            name the scenarios and their events\n"
	"  --version         print the version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage.\n";

struct options {
	struct study_size size; /* 0: not given */
	struct study_settings study;
	const char *router;
	uint32_t seed;
	bool json, list, version;
};

/* --- the command line ----------------------------------------------------------------------------
 */

static bool read_router(const struct setting *s, const char *text)
{
	bool *routers = s->out;
	for (int i = 0; i < ECMP_KINDS; i++)
		routers[i] = !strcmp(text, ecmp_word(i)) || !strcmp(text, "all");
	return routers[0] || routers[1] || routers[2];
}

static int read_options(int argc, char **argv, struct options *o)
{
	const struct setting settings[] = {
		{"quick", setting_flag, .out = &o->study.quick},
		{"balancers", setting_whole, &o->size.balancers, .min = 2, .max = BALANCERS_MOST},
		{"backends", setting_whole, &o->size.backends, .min = 2, .max = ESTATE_BACKENDS},
		{"services", setting_whole, &o->size.services, .min = 1, .max = ESTATE_SERVICES},
		{"flows", setting_whole, &o->size.flows, .min = 1000, .max = FLOWS_MOST},
		{"router", read_router, o->study.routers,
		 .wanted = "modulo, threshold, resilient or all"},
		{"scenario", setting_text, .out = &o->study.word},
		{"skew", setting_real, &o->study.skew_s, .min = 0, .max = 3600},
		{"batch", setting_real, &o->study.batch_s, .min = 0, .max = 3600},
		{"observe", setting_real, &o->study.observe_s, .min = 1, .max = 3000},
		{"seed", setting_whole, &o->seed, .min = 0, .max = UINT32_MAX},
		{"json", setting_flag, .out = &o->json},
		{"progress", setting_flag, .out = &o->study.progress},
		{"list", setting_flag, .out = &o->list},
		{"version", setting_flag, .out = &o->version},
	};
	*o = (struct options){
		.seed = 1,
		.study = {.skew_s = 1, .batch_s = 0.05, .observe_s = 600},
	};
	return settings_read(argc, argv, usage, settings, sizeof(settings) / sizeof(settings[0]),
			     NULL);
}

static void add_size(struct study_settings *s, const struct study_size *given, uint32_t balancers,
		     uint32_t backends)
{
	struct study_size *size = &s->sizes[s->size_count++];
	*size = (struct study_size){balancers, backends, given->services, given->flows};
	if (!size->services)
		size->services = (backends + EACH_SERVICE - 1) / EACH_SERVICE;
	if (!size->flows)
		size->flows = s->quick ? FLOWS_QUICK : FLOWS;
}

static void complete(struct options *o)
{
	struct study_settings *s = &o->study;
	const struct study_size *given = &o->size;
	s->seed = o->seed;
	s->progress = s->progress || isatty(STDERR_FILENO);
	if (!s->routers[0] && !s->routers[1] && !s->routers[2])
		for (int i = 0; i < ECMP_KINDS; i++)
			s->routers[i] = !s->quick || i != ECMP_THRESHOLD;
	if (given->balancers || given->backends || given->services) {
		add_size(s, given, given->balancers ? given->balancers : 4,
			 given->backends ? given->backends : 40);
		return;
	}
	add_size(s, given, 4, 40);
	add_size(s, given, 64, 10000);
	add_size(s, given, 256, 100000);
}

/* --- the study
 * ------------------------------------------------------------------------------------ */

static void list_scenarios(void)
{
	for (unsigned int i = 0; i < scenario_count; i++) {
		printf("%s:", scenarios[i].name);
		for (unsigned int j = 0; j < scenarios[i].count; j++)
			printf("%s %s at %g s", j ? "," : "",
			       event_word(scenarios[i].events[j].kind),
			       scenarios[i].events[j].at_s);
		putchar('\n');
	}
}

static int print_json(const struct study_settings *s, const struct study_result *results,
		      struct err *err)
{
	json_t *json = report_json(s, results, s->size_count);
	int r = json ? json_dumpf(json, stdout, JSON_INDENT(2)) : -1;
	json_decref(json);
	putchar('\n');
	return r ? err_set(err, ENOMEM, "can't print JSON") : 0;
}

static int run(const struct options *o, struct err *err)
{
	const struct study_settings *s = &o->study;
	struct study_result results[STUDY_SIZES] = {};
	int r = 0;
	if (!o->json)
		report_head(s, stdout);
	for (unsigned int i = 0; i < s->size_count && !r; i++) {
		r = study_size(s, &s->sizes[i], &results[i], err);
		if (!r && !o->json && report_size(&results[i], stdout))
			r = err_set(err, ENOMEM, "can't print the table");
		fflush(stdout);
	}
	if (!r && o->json)
		r = print_json(s, results, err);
	for (unsigned int i = 0; i < s->size_count; i++)
		study_result_fini(&results[i]);
	return r;
}

static int command_sim(int argc, char **argv)
{
	struct options o;
	struct err err = {};
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	if (o.version || o.list) {
		if (o.version)
			puts("weir-sim " WEIR_VERSION);
		else
			list_scenarios();
		return EXIT_DONE;
	}
	complete(&o);
	if (study_check(&o.study, &err))
		return options_fault("weir-sim", "%s", err.text);
	if (!run(&o, &err))
		return EXIT_DONE;
	fprintf(stderr, "weir-sim: %s\n", err.text);
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	char name[] = "weir-sim";
	argv[0] = name;
	int status = command_sim(argc, argv);
	/* What was not printed was not done: a full disk is a failure. */
	if ((fflush(stdout) || ferror(stdout)) && status == EXIT_DONE) {
		perror("weir-sim: standard output");
		status = EXIT_FAILED;
	}
	return status;
}
