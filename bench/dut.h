/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices under test, each at the far end of a wire of its own, where it sends every packet
 * back: Weir itself (`weir run`), a program that only rewrites the link addresses and XDP_TX-es,
 * one that looks up the flow too, one that drops, and DPDK's testpmd.
 */
#ifndef WEIR_BENCH_DUT_H
#define WEIR_BENCH_DUT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/child.h"
#include "bench/wire.h"

struct err;
struct reflect_bpf;

struct dut {
	struct wire wire;
	struct child child;
	struct reflect_bpf *reflect;
	int link;
	const char *weir, *folder; /* its binary, and where its files are */
	char config[128], socket[128];
};

struct dut_weir {
	const char *forward; /* the method; NULL: dsr */
	uint8_t protocol;
	bool fast_path;
	uint32_t entries;  /* of the flow table */
	uint32_t draining; /* of the 16 backends, from the last one down */
	const char *more;  /* lines of configuration; NULL: none */
	int cpu;           /* of the worker, and of everything else of it */
};

/* What `weir show` says. */
struct dut_status {
	uint64_t established, udp; /* entries, at the last sweep: some seconds old */
	uint64_t inserts, untracked, evictions;
	uint64_t steered; /* packets that went to a worker */
};

/* Makes the wire, with `name` at the near end. */
int dut_open(struct dut *d, int near, const char *name, struct err *err);
void dut_close(struct dut *d);

int dut_start_reflect(struct dut *d, struct err *err);
/* That, and a look into a table with as many lines as Weir's has for so many entries. */
int dut_start_look_up(struct dut *d, uint32_t entries, struct err *err);
int dut_start_refuse(struct dut *d, struct err *err); /* drops everything */

/* `weir` is the binary; files of it (configuration, log, socket) go to `folder`. */
int dut_start_weir(struct dut *d, const char *weir, const char *folder,
		   const struct dut_weir *setup, struct err *err);
int dut_reload_weir(struct dut *d, const struct dut_weir *setup, struct err *err);
int dut_read_weir(const struct dut *d, struct dut_status *out, struct err *err);

/* What it has dropped, Weir for any reason. */
int dut_read_dropped(const struct dut *d, uint64_t *out, struct err *err);

/* How many captures it runs. */
int dut_read_captures(const struct dut *d, uint64_t *out, struct err *err);

/* -ENOENT: there is no testpmd here. */
int dut_start_testpmd(struct dut *d, const char *folder, int cpu, struct err *err);

/* Ends what was started; something else can be started then. */
void dut_stop(struct dut *d);

#endif
