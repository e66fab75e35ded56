// SPDX-License-Identifier: BSD-2-Clause
#include "bench/net_command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bench/child.h"
#include "bench/lab.h"
#include "bench/net.h"
#include "bench/net_report.h"
#include "bench/report.h"
#include "bench/setting.h"
#include "bpf/traffic.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

static const char usage[] =
	"Usage: weir-bench net [OPTION...]\n"
	"\n"
	"Weir over virtual Ethernet in namespaces of its own, as root: the fast path beside a "
	"plain\n"
	"XDP_TX program, the workers beside DPDK's testpmd, and a SYN flood beside established\n"
	"connections. Needs two CPUs. Where there is no testpmd it says so and goes on:\n"
	"'apt-get install dpdk-dev librte-net-af-xdp23' installs it.\n"
	"\n"
	"  --flows N[,N...]   flows of the fast path (1000,100000,1000000)\n"
	"  --trials N         how often each figure is taken (5)\n"
	"  --seconds N        how long each trial is (1)\n"
	"  --flood N          seconds of the flood (30); 0: none\n"
	"  --flood-flows N    connections beside the flood (1000000)\n"
	"  --quick            3 trials, 5 s of flood\n"
	"  --only PART[,...]  some of fast, methods, workers, flood, filter, capture\n"
	"  --weir FILE        the program to measure (weir, next to this one)\n" REPORT_USAGE;

static const char *const parts[] = {"fast", "methods", "workers", "flood", "filter", "capture"};

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct net_options *o, struct report_files *files)
{
	bool quick = false;
	const char *only = NULL;
	const struct setting settings[] = {
		{"flows", setting_counts, &o->flows, .min = 1, .max = TRAFFIC_MAX_FLOWS},
		{"trials", setting_whole, &o->trials, .min = 1, .max = NET_TRIALS_MAX},
		{"seconds", setting_whole, &o->seconds, .min = 1, .max = 60},
		{"flood", setting_whole, &o->flood_seconds, .min = 0, .max = 600},
		{"flood-flows", setting_whole, &o->flood_flows, .min = 1, .max = TRAFFIC_MAX_FLOWS},
		{"quick", setting_flag, .out = &quick},
		{"only", setting_text, .out = &only},
		{"weir", setting_text, .out = &o->weir},
		REPORT_SETTINGS(files),
	};
	*o = (struct net_options){
		.flows = {{1000, 100000, 1000000}, 3}, .seconds = 1, .flood_flows = 1000000};
	o->trials = o->flood_seconds = UINT32_MAX;
	int status = settings_read(argc, argv, usage, settings,
				   sizeof(settings) / sizeof(settings[0]), NULL);
	if (o->trials == UINT32_MAX)
		o->trials = quick ? 3 : 5;
	if (o->flood_seconds == UINT32_MAX)
		o->flood_seconds = quick ? 5 : 30;
	o->parts = NET_ALL;
	if (status < 0 && only &&
	    !setting_words(only, parts, sizeof(parts) / sizeof(parts[0]), &o->parts))
		return options_fault(argv[0],
				     "--only %s: some of fast, methods, workers, flood, "
				     "filter, capture",
				     only);
	return status;
}

static int prepare(struct net_options *o, char path[PATH_MAX], char folder[], struct err *err)
{
	int r = lab_need(err);
	if (!r)
		r = lab_find_weir(&o->weir, path, err);
	if (!r)
		r = lab_choose_cpus(&o->generator_cpu, &o->worker_cpu, err);
	if (r)
		return r;
	if (!mkdtemp(folder))
		return err_set(err, errno, "can't make %s: %m", folder);
	o->folder = folder;
	child_go_first();
	return 0;
}

static int run(struct net_result *result, const struct report_files *files, struct err *err)
{
	char path[PATH_MAX], folder[] = "/tmp/weir-bench.XXXXXX";
	json_t *report = report_new("net");
	int r = report_check_files(files, err);
	if (!r)
		r = prepare(&result->options, path, folder, err);
	if (!r)
		r = net_measure(result, err);
	if (!r) {
		net_report(result, report);
		r = report_save(report, files, err);
	}
	lab_remove_folder(result->options.folder);
	json_decref(report);
	return r;
}

int command_net(int argc, char **argv)
{
	static struct net_result result;
	struct report_files files = {};
	struct err err = {};
	int status = read_options(argc, argv, &result.options, &files);
	if (status >= 0)
		return status;
	return settings_exit_failed(argv[0], run(&result, &files, &err), &err);
}
