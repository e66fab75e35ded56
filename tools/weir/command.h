/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: `weir COMMAND ...`. Each command is one function of its own file, called with
 * argv[0] = "weir COMMAND". It returns the exit status.
 */
#ifndef WEIR_TOOLS_COMMAND_H
#define WEIR_TOOLS_COMMAND_H

#define EXIT_DONE   0
#define EXIT_FAILED 1 /* the system or the daemon said no */
#define EXIT_USAGE  2 /* wrong usage or configuration */

#define DEFAULT_SOCKET "/run/weir/weir.sock"

int command_backend(int argc, char **argv); /* backend_command.c */
int command_run(int argc, char **argv);     /* run.c */
int command_check(int argc, char **argv);   /* check.c */
int command_schema(int argc, char **argv);  /* schema.c */
int command_set(int argc, char **argv);     /* set.c */
int command_show(int argc, char **argv);    /* show.c */
int command_top(int argc, char **argv);     /* top.c */
int command_reload(int argc, char **argv);  /* reload.c */
int command_explain(int argc, char **argv); /* explain_command.c */
int command_capture(int argc, char **argv); /* capture_command.c */
int command_replay(int argc, char **argv);  /* replay.c */
int command_doctor(int argc, char **argv);  /* doctor.c */

#endif
