/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of a bench command, as a table: what each is called, how its value is read and where
 * that goes. A command has one table, and its help is a text of its own.
 */
#ifndef WEIR_BENCH_SETTING_H
#define WEIR_BENCH_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct setting;

/* Reads a value into s->out. False: it is none, or not within the bounds. */
typedef bool setting_fn(const struct setting *s, const char *text);

struct setting {
	const char *name; /* without its dashes */
	setting_fn *read; /* setting_flag: it takes no value */
	void *out;
	double min, max;    /* of numbers */
	const char *wanted; /* what would be right; NULL: the bounds say it */
	char letter;        /* "-s"; 0: it has none */
};

#define SETTING_COUNTS 16u

/* "1000,100000": whole numbers within the bounds. */
struct setting_counts {
	uint32_t values[SETTING_COUNTS];
	unsigned int count;
};

setting_fn setting_flag;   /* bool: set to true */
setting_fn setting_text;   /* const char *: the text itself */
setting_fn setting_whole;  /* uint32_t, decimal */
setting_fn setting_real;   /* double */
setting_fn setting_counts; /* struct setting_counts */

/* "fast,flood": a bit for each of the names, by their order. False: there is none, or another. */
bool setting_words(const char *text, const char *const *names, unsigned int count, uint32_t *out);

/* A whole number from `min` to `max`; `text` then stands behind it. */
bool setting_take_whole(const char **text, uint32_t min, uint32_t max, uint32_t *out);

/*
 * Reads a command line; argv[0] is "weir-bench COMMAND". Operands are left at *operand, and refused
 * where that is NULL. Returns -1 to go on, or the status to exit with at once: the words are
 * printed.
 */
int settings_read(int argc, char **argv, const char *usage, const struct setting *settings,
		  size_t count, int *operand);

/*
 * Says on stderr what failed, where something did, and returns what to exit with: -EINVAL, -ERANGE
 * and -EMSGSIZE are wrong usage, as they come of what the command line says.
 */
int settings_exit(const char *command, int code, const struct err *err);

/* The same of a command that measures what it has set up itself: no failure there is the user's. */
int settings_exit_failed(const char *command, int code, const struct err *err);

#endif
