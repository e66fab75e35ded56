// SPDX-License-Identifier: BSD-2-Clause
/* `weir-bench api`: scrapes of /metrics and calls at a rate, against a daemon that runs. */
#include "bench/api_command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/api_load.h"
#include "bench/setting.h"
#include "lb/err.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"

#define SCRAPES 9

static const char usage[] =
	"Usage: weir-bench api [-s SOCKET] [--rate CALLS] [--seconds SECONDS] [--connections N]\n"
	"\n"
	"Against a daemon that runs: how long a scrape of /metrics takes, whether the API stands "
	"so\n"
	"many calls of /v1/status a second, and whether a packet was dropped meanwhile that a "
	"worker\n"
	"or its ring should have taken.\n"
	"\n"
	"  -s, --socket SOCKET    where it listens (" DEFAULT_SOCKET ")\n"
	"      --rate CALLS       a second; 10000 by default\n"
	"      --seconds SECONDS  10 by default\n"
	"      --connections N    16 by default\n"
	"  -h, --help             this text\n";

static int count_bytes(void *bytes, const void *data, size_t length)
{
	*(size_t *)bytes += length;
	return 0;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int measure_scrapes(const char *socket, struct err *err)
{
	double took_ms[SCRAPES];
	size_t bytes = 0;
	for (int i = 0; i < SCRAPES; i++) {
		struct timespec a, b;
		bytes = 0;
		clock_gettime(CLOCK_MONOTONIC, &a);
		int rc = client_stream(socket, "/metrics", count_bytes, &bytes, err);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (rc)
			return rc;
		took_ms[i] = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6;
	}
	qsort(took_ms, SCRAPES, sizeof(took_ms[0]), compare_doubles);
	printf("scrape of /metrics: %.1f ms (median of %d; %.1f to %.1f), %.1f MB\n",
	       took_ms[SCRAPES / 2], SCRAPES, took_ms[0], took_ms[SCRAPES - 1], bytes / 1e6);
	return 0;
}

/* What workers dropped, and what was lost in front of them because they were too slow. */
static int read_drops(const char *socket, long long *out, struct err *err)
{
	json_t *document, *row;
	size_t i;
	int rc = client_get(socket, "/v1/drops", &document, err);
	*out = 0;
	if (rc)
		return rc;
	json_array_foreach(json_object_get(document, "reasons"), i, row) *out +=
		json_integer_value(json_object_get(row, "worker")) +
		json_integer_value(json_object_get(row, "kernel"));
	json_decref(document);
	return 0;
}

static int measure_load(const struct api_load *load, struct err *err)
{
	struct api_load_result r;
	long long before, after;
	int rc = read_drops(load->socket, &before, err);
	rc = rc ? rc : api_load_run(load, &r, err);
	rc = rc ? rc : read_drops(load->socket, &after, err);
	if (rc)
		return rc;
	printf("calls of %s: %.0f a second of %llu wanted, over %.1f s; %llu failed; median %.0f "
	       "us, "
	       "at most %.0f us\n",
	       load->path, r.calls / r.seconds, (unsigned long long)load->rate, r.seconds,
	       (unsigned long long)r.failed, r.median_us, r.most_us);
	printf("drops of workers meanwhile: %lld\n", after - before);
	return 0;
}

int command_api(int argc, char **argv)
{
	struct api_load load = {.socket = DEFAULT_SOCKET,
				.path = "/v1/status",
				.connections = 16,
				.seconds = 10,
				.rate = 10000};
	const struct setting settings[] = {
		{"socket", setting_text, &load.socket, .letter = 's'},
		{"rate", setting_whole, &load.rate, .min = 1, .max = 10000000},
		{"seconds", setting_whole, &load.seconds, .min = 1, .max = 3600},
		{"connections", setting_whole, &load.connections, .min = 1,
		 .max = API_LOAD_CONNECTIONS},
	};
	struct err err = {0};
	int status = settings_read(argc, argv, usage, settings,
				   sizeof(settings) / sizeof(settings[0]), NULL);
	if (status >= 0)
		return status;
	int rc = measure_scrapes(load.socket, &err);
	rc = rc ? rc : measure_load(&load, &err);
	if (!rc)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
