/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_LATENCY_COMMAND_H
#define WEIR_BENCH_LATENCY_COMMAND_H

/* `weir-bench latency` */
int command_latency(int argc, char **argv);

#endif
