/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `weir-bench peers`: Weir's methods of forwarding beside what people use instead, in one network
 * and one run: requests a second and their latency by wrk, packets a second of UDP.
 */
#ifndef WEIR_BENCH_PEERS_H
#define WEIR_BENCH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/peers_net.h"

struct err;

#define PEERS_TRIALS_MAX 20u
#define PEERS_WAYS_MAX   16u
#define PEERS_FLOWS      1000u /* of UDP */

struct peers_options {
	uint32_t trials, seconds;
	const char *weir; /* the program */
	const char *only; /* words of names, with commas; NULL: all ways */
};

/* What balances. */
enum peers_kind { PEERS_DIRECT, PEERS_WEIR, PEERS_NFT, PEERS_HAPROXY, PEERS_IPVS };

struct peers_way {
	const char *name;
	enum peers_kind kind;
	const char *forward; /* of Weir and IPVS */
	bool fast_path;
};

extern const struct peers_way peers_ways[];
extern const unsigned int peers_way_count;

/* Sets a way up in the network, and takes it down again. -ENOENT: what it needs is not here. */
struct peers_running {
	const struct peers_way *way;
	struct child child;
	char config[160], socket[160];
	bool backends;
};
int peers_start(struct peers_running *r, const struct peers_way *way, struct peers_net *n,
		const char *weir, struct err *err);
void peers_stop(struct peers_running *r, struct peers_net *n, const char *weir);

/* What wrk says of one run. */
struct peers_wrk {
	double requests, p50_us, p99_us;
	uint64_t errors;
};

/* `close`: a connection for each request. -ENOENT: there is no wrk. */
int peers_wrk(struct peers_net *n, const struct peers_way *way, bool close, unsigned int seconds,
	      struct peers_wrk *out, struct err *err);

/* Trials of one way. */
struct peers_measured {
	bool wanted;
	char missing[256]; /* why there is nothing; "": there is */
	unsigned int count;
	double keep[PEERS_TRIALS_MAX], keep_p50[PEERS_TRIALS_MAX], keep_p99[PEERS_TRIALS_MAX];
	double each[PEERS_TRIALS_MAX], each_p50[PEERS_TRIALS_MAX], each_p99[PEERS_TRIALS_MAX];
	double udp[PEERS_TRIALS_MAX]; /* all 0: it has none */
	uint64_t errors;
};

#endif
