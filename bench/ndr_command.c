// SPDX-License-Identifier: BSD-2-Clause
#include "bench/ndr_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/ndr.h"
#include "bench/stop.h"
#include "lb/err.h"

static const char usage[] =
	"Usage: weir-bench ndr --from INTERFACE --to INTERFACE,... --destination ADDRESS "
	"[OPTION...]\n"
	"\n"
	"The highest rate at which what is between --from and --to loses nothing, or at most so "
	"much.\n"
	"By default MLRsearch (draft-ietf-bmwg-mlrsearch), for several losses in one search; or "
	"the\n"
	"tests of RFC 2544: throughput, back-to-back frames, frame loss rate. All trials are "
	"listed.\n"
	"\n"
	"  --method mlrsearch|rfc2544  (mlrsearch)\n"
	"  --loss PERCENT,...   that is allowed (0,0.5)\n"
	"  --trial SECONDS      of each trial (1; RFC 2544 wants 60)\n"
	"  --sum SECONDS        of the trials that decide about a load (21)\n"
	"  --exceed RATIO       of them that may lose more (0.5)\n"
	"  --width PERCENT      of the interval that is found (0.5)\n"
	"  --min RATE           lowest load (1kpps); --max RATE: the highest (what the sender "
	"can)\n"
	"  --warm-up SECONDS    at the lowest load (2); --settle SECONDS: before each trial (0.5)\n"
	"  --frames BYTES,...   a search for each of these sizes, instead of one with "
	"--size\n" PATH_USAGE REPORT_USAGE;

static bool read_method(const struct setting *s, const char *text)
{
	bool rfc2544 = !strcmp(text, "rfc2544");
	*(enum ndr_method *)s->out = rfc2544 ? NDR_RFC2544 : NDR_MLRSEARCH;
	return rfc2544 || !strcmp(text, "mlrsearch");
}

static bool read_losses(const struct setting *s, const char *text)
{
	struct ndr_losses *l = s->out;
	for (l->count = 0; l->count < SEARCH_GOALS; text++) {
		char *stop;
		double percent = strtod(text, &stop);
		if (stop == text || percent < 0 || percent >= 100)
			return false;
		l->ratio[l->count++] = percent / 100;
		text = stop;
		if (*text != ',')
			return !*text;
	}
	return false;
}

static bool read_percent(const struct setting *s, const char *text)
{
	if (!setting_real(s, text))
		return false;
	*(double *)s->out /= 100;
	return true;
}

static int read_options(int argc, char **argv, struct ndr_options *o)
{
	const struct setting settings[] = {
		{"method", read_method, .out = &o->method, .wanted = "mlrsearch or rfc2544"},
		{"loss", read_losses, .out = &o->losses,
		 .wanted = "up to 4 percentages below 100, like 0,0.5"},
		{"trial", setting_real, .out = &o->trial_s, .min = 0.05, .max = 3600},
		{"sum", setting_real, .out = &o->duration_sum, .min = 0.05, .max = 86400},
		{"exceed", setting_real, .out = &o->exceed, .min = 0, .max = 0.99},
		{"width", read_percent, .out = &o->width, .min = 0.01, .max = 50},
		{"min", rate_read, .out = &o->min, .wanted = RATE_WANTED},
		{"max", rate_read, .out = &o->max, .wanted = RATE_WANTED},
		{"warm-up", setting_real, .out = &o->warm_up_s, .min = 0, .max = 600},
		{"settle", setting_real, .out = &o->settle_s, .min = 0, .max = 60},
		{"frames", setting_counts, .out = &o->frames, .min = STREAM_MIN, .max = STREAM_MAX},
		PATH_SETTINGS(&o->path),
		REPORT_SETTINGS(&o->files),
	};
	*o = (struct ndr_options){.losses = {{0, 0.005}, 2},
				  .trial_s = 1,
				  .duration_sum = 21,
				  .exceed = 0.5,
				  .width = 0.005,
				  .warm_up_s = 2,
				  .settle_s = 0.5};
	path_settings_init(&o->path);
	return settings_read(argc, argv, usage, settings, sizeof(settings) / sizeof(settings[0]),
			     NULL);
}

/* One search; the first says what all have in common. */
static int measure(struct ndr_options *o, uint32_t frame, bool first, json_t *report,
		   struct err *err)
{
	struct ndr n;
	int r = ndr_open(&n, o, frame, err);
	if (!r) {
		if (first)
			ndr_report_head(&n, report);
		r = o->method == NDR_MLRSEARCH ? ndr_mlrsearch(&n, report, err)
					       : ndr_rfc2544(&n, report, err);
		ndr_report_trials(&n, report);
	}
	ndr_close(&n);
	return r;
}

static int run(struct ndr_options *o, struct err *err)
{
	json_t *report = report_new("ndr");
	int r = report_check_files(&o->files, err);
	if (!o->frames.count)
		r = r ? r : measure(o, 0, true, report, err);
	for (unsigned int i = 0; i < o->frames.count && !r; i++)
		r = measure(o, o->frames.values[i], i == 0, report, err);
	if (isatty(2))
		fputc('\n', stderr);
	r = r ? r : report_save(report, &o->files, err);
	json_decref(report);
	return r;
}

int command_ndr(int argc, char **argv)
{
	struct ndr_options o;
	struct err err = {};
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	stop_watch();
	return settings_exit(argv[0], run(&o, &err), &err);
}
