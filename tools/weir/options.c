// SPDX-License-Identifier: BSD-2-Clause
/* Reads command lines; before any thread is started. */
#include "tools/weir/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

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
			return options_fault(argv[0], NULL);
		*socket = optarg;
	}
	return -1;
}
