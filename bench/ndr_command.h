/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_NDR_COMMAND_H
#define WEIR_BENCH_NDR_COMMAND_H

/* `weir-bench ndr` */
int command_ndr(int argc, char **argv);

#endif
