/* SPDX-License-Identifier: BSD-2-Clause */
/* What a figure was measured on. */
#ifndef WEIR_BENCH_HOST_H
#define WEIR_BENCH_HOST_H

struct host {
	char cpu[128];    /* model, and that it is virtual where it is */
	char kernel[160]; /* release and machine */
	char compiler[1024];
	double load; /* processes that ran, mean of the last minute */
	int pinned;  /* CPU that this thread runs on */
};

void host_read(struct host *h);

/* Keeps this thread on a CPU; with -1 on the last one it may use. Returns the CPU, or -errno. */
int host_pin(int cpu);

#endif
