/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU time that the control thread of a daemon has used. */
#ifndef WEIR_BENCH_DAEMON_CPU_H
#define WEIR_BENCH_DAEMON_CPU_H

struct err;

struct daemon_cpu {
	int fd; /* of what the kernel tells of the thread; -1: closed */
};

/* Of the daemon that listens on that socket. daemon_cpu_close() in any case. */
int daemon_cpu_open(struct daemon_cpu *d, const char *socket, struct err *err);
void daemon_cpu_close(struct daemon_cpu *d);

/* In milliseconds, since it began; exact once the thread waits. */
int daemon_cpu_read(const struct daemon_cpu *d, double *ms, struct err *err);

#endif
