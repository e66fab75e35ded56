/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that the bench measures: in a network namespace, on one CPU, its output in a file. It
 * is ended when the bench ends, however that comes.
 */
#ifndef WEIR_BENCH_CHILD_H
#define WEIR_BENCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct child {
	pid_t pid; /* 0: none */
	int input; /* its standard input, kept open: some end where that ends */
	char log[128];
};

/* Lets this thread, and what it starts, run before the machine's other work. */
void child_go_first(void);

/* Runs argv[0], which goes first. `cpu` -1: on any. */
int child_start(struct child *c, int ns, int cpu, const char *log, char *const argv[],
		struct err *err);

/* SIGTERM, and after `seconds` SIGKILL. Nothing where there is no child. */
void child_stop(struct child *c, unsigned int seconds);

/* False: it has ended; its pid is then 0. */
bool child_is_running(struct child *c);

/* Whether a line of its output holds `text`. */
bool child_said(const struct child *c, const char *text);

/* Waits until it has said so. -ECHILD, with the last line of its output, if it ends before. */
int child_await(struct child *c, const char *text, unsigned int seconds, struct err *err);

#endif
