/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a failure. The caller owns the struct; a function that fails fills it and returns
 * -errno. One line, no newline, no full stop; it names what was wrong and what would be right.
 */
#ifndef WEIR_LB_ERR_H
#define WEIR_LB_ERR_H

#define ERR_FIELD 128

struct err {
	char text[512];
	char field[ERR_FIELD]; /* of a configuration or a request, "services[0].ports"; "": none */
	unsigned int line;     /* of a configuration; 0: none */
};

/* Writes the words, names no field and no line, and returns -code. `err` may be NULL. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *format,
						  ...);

/* Adds which field, and which line of a file (0: none), is at fault. */
void err_place(struct err *err, const char *field, unsigned int line);

/* Puts words in front of those that are there ("context: text") and returns -code. */
__attribute__((format(printf, 3, 4))) int err_prefix(struct err *err, int code, const char *format,
						     ...);

#endif
