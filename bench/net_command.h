/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_NET_COMMAND_H
#define WEIR_BENCH_NET_COMMAND_H

/* `weir-bench net` */
int command_net(int argc, char **argv);

#endif
