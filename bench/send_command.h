/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_SEND_COMMAND_H
#define WEIR_BENCH_SEND_COMMAND_H

/* `weir-bench send` */
int command_send(int argc, char **argv);

#endif
