/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network namespaces without names, as file descriptors: gone when nobody is in them any more and
 * the descriptor is closed, however the bench ends.
 */
#ifndef WEIR_BENCH_NETNS_H
#define WEIR_BENCH_NETNS_H

struct err;

/* A new one, which this thread is left in; a descriptor of it or -errno. */
int netns_new(struct err *err);

int netns_here(struct err *err); /* a descriptor of the one this thread is in, or -errno */
int netns_enter(int ns, struct err *err);

/* Runs a shell command in it. What the command prints goes to stderr; a failure names it. */
__attribute__((format(printf, 3, 4))) int netns_run(int ns, struct err *err, const char *format,
						    ...);

#endif
