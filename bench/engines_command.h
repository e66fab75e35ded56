/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_ENGINES_COMMAND_H
#define WEIR_BENCH_ENGINES_COMMAND_H

/* `weir-bench engines` */
int command_engines(int argc, char **argv);

#endif
