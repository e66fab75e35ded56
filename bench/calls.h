/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts the calls that have no place in a worker's loop: of allocators and of locks. weir-bench
 * is linked with `--wrap` for each function in calls.c (the Makefile's bench_wrapped names them
 * too), so that every call from Weir's own objects goes through a wrapper that counts it.
 */
#ifndef WEIR_BENCH_CALLS_H
#define WEIR_BENCH_CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct calls {
	uint64_t allocations; /* malloc, calloc, realloc, free, ..., mmap, munmap */
	uint64_t locks;       /* mutexes, read-write locks, spin locks, semaphores, conditions */
};

/* Of this thread, since it started. */
struct calls calls_now(void);

/* Makes a call of each sort. False when they were not counted: then no count means anything. */
bool calls_are_counted(void);

#endif
