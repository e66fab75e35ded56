/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that a command takes, for completion in shells: from the tables that the commands
 * themselves go by, and of a daemon's names from the daemon.
 */
#ifndef WEIR_TOOLS_WORDS_H
#define WEIR_TOOLS_WORDS_H

/*
 * Prints one word a line: what may stand behind `before` in a command, an option or a key with its
 * "=", or (NULL) where an operand may. Nothing where any word will do, or no daemon answers on
 * `socket`. Returns the exit status.
 */
int words_print(const char *command, const char *before, const char *socket);

#endif
