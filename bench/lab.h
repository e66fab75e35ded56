/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands that measure in network namespaces of their own need of the host. */
#ifndef WEIR_BENCH_LAB_H
#define WEIR_BENCH_LAB_H

#include <limits.h>

struct err;

/* Root, and the BPF file system, which is mounted where it is missing: Weir pins its maps there. */
int lab_need(struct err *err);

/* The program to measure: *weir, or where that is NULL `weir` next to this one, put into `path`. */
int lab_find_weir(const char **weir, char path[PATH_MAX], struct err *err);

/* The first CPU for the generator, which this thread then runs on, the last one for the worker. */
int lab_choose_cpus(int *generator, int *worker, struct err *err);

/* Removes a folder of ours with the files in it; NULL: there is none. */
void lab_remove_folder(const char *folder);

#endif
