/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_API_COMMAND_H
#define WEIR_BENCH_API_COMMAND_H

/* `weir-bench api`: what a running daemon's API stands, and what it costs. */
int command_api(int argc, char **argv);

#endif
