// SPDX-License-Identifier: BSD-2-Clause
#include "bench/net_command.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/net.h"
#include "bench/net_report.h"
#include "bench/number.h"
#include "bpf/traffic.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define BPFFS       "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11

struct files {
	const char *json, *markdown;
};

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
	"  --weir FILE        the program to measure (weir, next to this one)\n"
	"  --json FILE        write the result as JSON too, with each trial\n"
	"  --markdown FILE    write the result as Markdown too\n";

/* --- the command line ------------------------------------------------------------------------- */

static bool read_flows(const char *text, struct net_options *o)
{
	o->flow_counts = 0;
	while (o->flow_counts < NET_ROWS_MAX &&
	       number_read(&text, 1, TRAFFIC_MAX_FLOWS, &o->flows[o->flow_counts++])) {
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

static bool read_parts(const char *text, uint32_t *out)
{
	static const char *const names[] = {"fast",  "methods", "workers",
					    "flood", "filter",  "capture"};
	*out = 0;
	while (*text) {
		size_t length = strcspn(text, ","), i = 0;
		while (i < sizeof(names) / sizeof(names[0]) &&
		       (strlen(names[i]) != length || strncmp(names[i], text, length)))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		*out |= 1u << i;
		text += length + (text[length] == ',');
	}
	return *out;
}

static int take_number(const char *name, const char *text, uint32_t min, uint32_t max,
		       uint32_t *out)
{
	if (number_read(&text, min, max, out) && !*text)
		return -1;
	return options_fault("weir-bench net", "--%s: a number from %u to %u", name, min, max);
}

static int take_option(int option, const char *value, struct net_options *o, struct files *files)
{
	switch (option) {
	case 'f':
		if (read_flows(value, o))
			return -1;
		return options_fault("weir-bench net",
				     "--flows %s: up to %u counts of 1 to %u, like 1000,100000",
				     value, NET_ROWS_MAX, TRAFFIC_MAX_FLOWS);
	case 't':
		return take_number("trials", value, 1, NET_TRIALS_MAX, &o->trials);
	case 's':
		return take_number("seconds", value, 1, 60, &o->seconds);
	case 'S':
		return take_number("flood", value, 0, 600, &o->flood_seconds);
	case 'F':
		return take_number("flood-flows", value, 1, TRAFFIC_MAX_FLOWS, &o->flood_flows);
	case 'q':
		o->trials = 3;
		o->flood_seconds = 5;
		return -1;
	case 'o':
		if (read_parts(value, &o->parts))
			return -1;
		return options_fault("weir-bench net",
				     "--only %s: of fast, methods, workers, flood, filter, "
				     "capture",
				     value);
	case 'w':
		o->weir = value;
		return -1;
	case 'j':
		files->json = value;
		return -1;
	case 'm':
		files->markdown = value;
		return -1;
	case 'h':
		return options_help(usage);
	default:
		return options_fault("weir-bench net", NULL);
	}
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct net_options *o, struct files *files)
{
	static const struct option options[] = {
		{"flows", required_argument, NULL, 'f'},
		{"trials", required_argument, NULL, 't'},
		{"seconds", required_argument, NULL, 's'},
		{"flood", required_argument, NULL, 'S'},
		{"flood-flows", required_argument, NULL, 'F'},
		{"quick", no_argument, NULL, 'q'},
		{"only", required_argument, NULL, 'o'},
		{"weir", required_argument, NULL, 'w'},
		{"json", required_argument, NULL, 'j'},
		{"markdown", required_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option, status = -1;
	*o = (struct net_options){
		.flows = {1000, 100000, 1000000},
		.flow_counts = 3,
		.trials = 5,
		.seconds = 1,
		.parts = NET_ALL,
		.flood_seconds = 30,
		.flood_flows = 1000000,
	};
	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = take_option(option, optarg, o, files);
	if (status < 0 && optind < argc)
		return options_fault(argv[0], "there is no operand '%s'", argv[optind]);
	return status;
}

/* --- what it needs ---------------------------------------------------------------------------- */

static int find_weir(struct net_options *o, char path[PATH_MAX], struct err *err)
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof("weir"));
	if (!o->weir && length > 0) {
		path[length] = 0;
		strcpy(strrchr(path, '/') + 1, "weir");
		o->weir = path;
	}
	if (!o->weir || access(o->weir, X_OK))
		return err_set(err, ENOENT,
			       "no program to measure at %s: build it, or name it by "
			       "--weir",
			       o->weir ? o->weir : "?");
	return 0;
}

/* The first CPU for the generator, the last one for the worker. */
static int choose_cpus(struct net_options *o, struct err *err)
{
	cpu_set_t set;
	o->generator_cpu = -1;
	if (sched_getaffinity(0, sizeof(set), &set))
		return err_set(err, errno, "which CPUs? %m");
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (o->generator_cpu < 0)
			o->generator_cpu = i;
		o->worker_cpu = i;
	}
	if (o->generator_cpu == o->worker_cpu)
		return err_set(err, ENODEV, "this takes two CPUs, and there is one");
	int r = host_pin(o->generator_cpu);
	return r < 0 ? err_set(err, -r, "can't run on CPU %d", o->generator_cpu) : 0;
}

/* Weir pins its maps there. */
static int need_bpffs(struct err *err)
{
	struct statfs fs;
	if (!statfs(BPFFS, &fs) && (uint32_t)fs.f_type == BPFFS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, NULL))
		return err_set(err, errno, "can't mount the BPF file system on %s: %m", BPFFS);
	return 0;
}

static int prepare(struct net_result *result, char path[PATH_MAX], char folder[], struct err *err)
{
	struct net_options *o = &result->options;
	if (geteuid())
		return err_set(err, EPERM, "this makes network namespaces: run it as root");
	int r = find_weir(o, path, err);
	if (!r)
		r = need_bpffs(err);
	if (!r)
		r = choose_cpus(o, err);
	if (r)
		return r;
	if (!mkdtemp(folder))
		return err_set(err, errno, "can't make %s: %m", folder);
	o->folder = folder;
	child_go_first();
	host_read(&result->host);
	return 0;
}

static void remove_folder(const struct net_options *o)
{
	static const char *const names[] = {"weir.yaml",   "weir.log",  "weir.sock",
					    "testpmd.log", "list.txt",  "bare.yaml",
					    "bare.log",    "bare.sock", "capture.log"};
	char path[PATH_MAX];
	for (size_t i = 0; o->folder && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", o->folder, names[i]);
		unlink(path);
	}
	if (o->folder)
		rmdir(o->folder);
}

/* --- the command ------------------------------------------------------------------------------ */

/* Opened before it measures, so that a wrong path costs no minutes. */
static int open_file(const char *path, FILE **out, struct err *err)
{
	*out = path ? fopen(path, "we") : NULL;
	return path && !*out ? err_set(err, errno, "can't write %s: %m", path) : 0;
}

/* Closes `out`, which may be NULL. */
static int write_file(const char *path, FILE *out, const struct net_result *result,
		      int (*write)(const struct net_result *, FILE *), struct err *err)
{
	if (!out)
		return 0;
	int r = write(result, out);
	if (fclose(out) && !r)
		r = -errno;
	return r ? err_set(err, -r, "can't write %s: %s", path, strerror(-r)) : 0;
}

static int report(const struct net_result *result, const struct files *files, FILE *json,
		  FILE *markdown, struct err *err)
{
	int r = net_print(result, stdout);
	if (r)
		err_set(err, -r, "can't print the result: %s", strerror(-r));
	int s = write_file(files->json, json, result, net_write_json, err);
	int t = write_file(files->markdown, markdown, result, net_write_markdown, err);
	return r ? r : s ? s : t;
}

static int run(struct net_result *result, const struct files *files, struct err *err)
{
	char path[PATH_MAX], folder[] = "/tmp/weir-bench.XXXXXX";
	FILE *json = NULL, *markdown = NULL;
	int r = open_file(files->json, &json, err);
	if (!r)
		r = open_file(files->markdown, &markdown, err);
	if (!r)
		r = prepare(result, path, folder, err);
	if (!r)
		r = net_measure(result, err);
	if (!r)
		r = report(result, files, json, markdown, err);
	remove_folder(&result->options);
	return r;
}

int command_net(int argc, char **argv)
{
	static struct net_result result;
	struct files files = {};
	struct err err = {};
	int status = read_options(argc, argv, &result.options, &files);
	if (status >= 0)
		return status;
	if (!run(&result, &files, &err))
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return EXIT_FAILED;
}
