// SPDX-License-Identifier: BSD-2-Clause
/* Reads command lines; before any thread is started. */
#include "tools/weir/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lb/similar.h"

#include "tools/weir/command.h"

int options_help(const char *usage)
{
	fputs(usage, stdout);
	return EXIT_DONE;
}

int options_fault(const char *command, const char *format, ...)
{
	va_list ap;
	if (format) {
		fprintf(stderr, "%s: ", command);
		va_start(ap, format);
		vfprintf(stderr, format, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try '%s --help'.\n", command);
	return EXIT_USAGE;
}

/* The long options a help lists, one after the other; NULL behind the last one. */
static char *next_option(const char **usage, char option[64])
{
	const char *at = strstr(*usage, "--");
	if (!at)
		return NULL;
	size_t length = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
	snprintf(option, 64, "%.*s", (int)length, at);
	*usage = at + length;
	return option;
}

int options_unknown(const char *command, const char *usage, const char *word)
{
	char option[64], meant[64] = "";
	struct similar s = similar_to(word);
	while (next_option(&usage, option)) {
		s.meant = NULL;
		similar_offer(&s, option);
		if (s.meant)
			strcpy(meant, option);
	}
	if (*meant && strcmp(meant, word))
		fprintf(stderr, "Did you mean %s?\n", meant);
	return options_fault(command, NULL);
}

int options_client(int argc, char **argv, const char *usage, const char **socket)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;
	*socket = DEFAULT_SOCKET;
	while ((c = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
		if (c == 'h')
			return options_help(usage);
		if (c != 's')
			return options_unknown(argv[0], usage, argv[optind - 1]);
		*socket = optarg;
	}
	return -1;
}
