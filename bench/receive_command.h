/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_RECEIVE_COMMAND_H
#define WEIR_BENCH_RECEIVE_COMMAND_H

/* `weir-bench receive` */
int command_receive(int argc, char **argv);

#endif
