/* SPDX-License-Identifier: BSD-2-Clause */
/* `weir-bench reload`: what a large configuration costs the control thread, step by step. */
#ifndef WEIR_BENCH_RELOAD_H
#define WEIR_BENCH_RELOAD_H

int command_reload_bench(int argc, char **argv);

#endif
