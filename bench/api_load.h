/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of the API at a given rate, over connections that stay open. */
#ifndef WEIR_BENCH_API_LOAD_H
#define WEIR_BENCH_API_LOAD_H

#include <stdint.h>

struct err;

#define API_LOAD_CONNECTIONS 256u

struct api_load {
	const char *socket, *path; /* what is asked for */
	uint32_t connections, seconds;
	uint32_t rate; /* calls a second */
};

struct api_load_result {
	uint64_t calls, failed; /* failed: answered with another status than 200 */
	double seconds;
	double median_us, most_us; /* from asking to the whole answer */
};

/* A connection to a unix socket, or -errno. */
int api_load_connect(const char *path);

/* -errno when a connection fails. */
int api_load_run(const struct api_load *load, struct api_load_result *out, struct err *err);

#endif
