/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_PEERS_COMMAND_H
#define WEIR_BENCH_PEERS_COMMAND_H

/* `weir-bench peers` */
int command_peers(int argc, char **argv);

#endif
