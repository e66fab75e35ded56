// SPDX-License-Identifier: BSD-2-Clause
#include "bench/setting.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define SETTINGS_MAX 48u
#define FIRST_VALUE  256 /* of getopt_long(); below are letters */

bool setting_take_whole(const char **text, uint32_t min, uint32_t max, uint32_t *out)
{
	char *stop;
	errno = 0;
	unsigned long n = strtoul(*text, &stop, 10);
	if (**text < '0' || **text > '9' || errno || n < min || n > max)
		return false;
	*text = stop;
	*out = n;
	return true;
}

bool setting_words(const char *text, const char *const *names, unsigned int count, uint32_t *out)
{
	for (*out = 0; *text;) {
		size_t length = strcspn(text, ",");
		unsigned int i = 0;
		while (i < count && (strlen(names[i]) != length || strncmp(names[i], text, length)))
			i++;
		if (i == count)
			return false;
		*out |= 1u << i;
		text += length + (text[length] == ',');
	}
	return *out;
}

bool setting_flag(const struct setting *s, const char *text)
{
	*(bool *)s->out = true;
	return true;
}

bool setting_text(const struct setting *s, const char *text)
{
	*(const char **)s->out = text;
	return true;
}

bool setting_whole(const struct setting *s, const char *text)
{
	return setting_take_whole(&text, s->min, s->max, s->out) && !*text;
}

bool setting_real(const struct setting *s, const char *text)
{
	char *stop;
	double value = strtod(text, &stop);
	if (stop == text || *stop || !isfinite(value) || value < s->min || value > s->max)
		return false;
	*(double *)s->out = value;
	return true;
}

bool setting_counts(const struct setting *s, const char *text)
{
	struct setting_counts *counts = s->out;
	counts->count = 0;
	while (counts->count < SETTING_COUNTS &&
	       setting_take_whole(&text, s->min, s->max, &counts->values[counts->count++])) {
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

static int refuse(const char *command, const struct setting *s, const char *text)
{
	if (s->wanted)
		return options_fault(command, "--%s %s: expected %s", s->name, text, s->wanted);
	if (s->read == setting_counts)
		return options_fault(command,
				     "--%s %s: expected up to %u numbers from %.0f to %.0f, like "
				     "1000,100000",
				     s->name, text, SETTING_COUNTS, s->min, s->max);
	return options_fault(command, "--%s %s: expected a %s from %.15g to %.15g", s->name, text,
			     s->read == setting_whole ? "whole number" : "number", s->min, s->max);
}

/* For getopt_long(). `letters` has room for two bytes of each and "h". */
static void make_options(const struct setting *settings, size_t count, struct option *out,
			 char *letters)
{
	*letters++ = 'h';
	for (size_t i = 0; i < count; i++) {
		bool flag = settings[i].read == setting_flag;
		out[i] = (struct option){settings[i].name, flag ? no_argument : required_argument,
					 NULL, FIRST_VALUE + i};
		if (!settings[i].letter)
			continue;
		*letters++ = settings[i].letter;
		if (!flag)
			*letters++ = ':';
	}
	*letters = '\0';
	out[count] = (struct option){"help", no_argument, NULL, 'h'};
	out[count + 1] = (struct option){0};
}

/* The setting that getopt_long() returned; NULL: an unknown option. */
static const struct setting *find(const struct setting *settings, size_t count, int option)
{
	for (size_t i = 0; i < count; i++)
		if (option == FIRST_VALUE + (int)i || option == settings[i].letter)
			return &settings[i];
	return NULL;
}

int settings_read(int argc, char **argv, const char *usage, const struct setting *settings,
		  size_t count, int *operand)
{
	struct option options[SETTINGS_MAX + 2];
	char letters[2 * SETTINGS_MAX + 2];
	int o;
	if (count > SETTINGS_MAX)
		abort();
	make_options(settings, count, options, letters);
	optind = 0;
	while ((o = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (o == 'h')
			return options_help(usage);
		const struct setting *s = find(settings, count, o);
		if (!s)
			return options_unknown(argv[0], usage, argv[optind - 1]);
		if (!s->read(s, optarg ? optarg : ""))
			return refuse(argv[0], s, optarg);
	}
	if (operand)
		*operand = optind;
	else if (optind < argc)
		return options_fault(argv[0], "there is no operand '%s'", argv[optind]);
	return -1;
}

int settings_exit(const char *command, int code, const struct err *err)
{
	bool usage = code == -EINVAL || code == -ERANGE || code == -EMSGSIZE;
	if (!code)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", command, err->text);
	return usage ? EXIT_USAGE : EXIT_FAILED;
}

int settings_exit_failed(const char *command, int code, const struct err *err)
{
	return settings_exit(command, code ? -EIO : 0, err);
}
