/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_BENCH_REPORT_COMMAND_H
#define WEIR_BENCH_REPORT_COMMAND_H

int command_report(int argc, char **argv);  /* `weir-bench report` */
int command_compare(int argc, char **argv); /* `weir-bench compare` */

#endif
