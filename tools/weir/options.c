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

int options_client(int argc, char **argv, const char *usage, bool json, struct client_options *out)
{
	static const struct option with_json[] = {
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	static const struct option without_json[] = {
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;
	*out = (struct client_options){.socket = DEFAULT_SOCKET};
	while ((c = getopt_long(argc, argv, "s:h", json ? with_json : without_json, NULL)) != -1) {
		switch (c) {
		case 's':
			out->socket = optarg;
			break;
		case 'j':
			out->json = true;
			break;
		case 'h':
			return options_help(usage);
		default:
			return options_fault(argv[0], NULL);
		}
	}
	return -1;
}
