/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands' options have in common. argv[0] is "weir COMMAND", so getopt's own messages
 * name the command.
 */
#ifndef WEIR_TOOLS_OPTIONS_H
#define WEIR_TOOLS_OPTIONS_H

/* Prints a command's help on stdout; returns EXIT_DONE. */
int options_help(const char *usage);

/* The same after getopt has said what is wrong with the option `word`: what was meant, maybe. */
int options_unknown(const char *command, const char *usage, const char *word);

/*
 * Says on stderr what is wrong with the command line and where to find its help; returns
 * EXIT_USAGE. With a NULL format it has been said already.
 */
__attribute__((format(printf, 2, 3))) int options_fault(const char *command, const char *format,
							...);

/*
 * Reads -s SOCKET (DEFAULT_SOCKET) and --help, of commands that have no other options; optind is
 * the first operand after it. Returns -1 to go on, or the status to exit with at once.
 */
int options_client(int argc, char **argv, const char *usage, const char **socket);

#endif
