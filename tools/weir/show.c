// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir show SUBJECT`: asks the daemon and prints what it says, as a table for people or as the
 * JSON it is.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"
#include "tools/weir/subject.h"

#define WATCH_S     2
#define TABLE_FLOWS "1000" /* more is not for people to read */

static const char usage[] =
	"Usage: weir show SUBJECT [--json | --names] [--watch[=SECONDS]] [-s SOCKET]\n"
	"       weir show backends [--service NAME]\n"
	"       weir show flows [--service NAME] [--backend NAME] [--limit COUNT]\n"
	"\n"
	"Subjects:\n"
	"  status      the daemon and its flow table\n"
	"  services    what is balanced, with what came for it\n"
	"  backends    who gets it, whether they can be reached, and their share of new flows\n"
	"  nexthops    the addresses of backends, and the way to each\n"
	"  flows       the flow table: who is connected to which backend\n"
	"  workers     the threads that do it\n"
	"  interfaces  the network interfaces, their mode and counters\n"
	"  drops       what was dropped, where and why, and whether every packet is accounted for\n"
	"  policy      the rules in their order, and what each has decided about\n"
	"\n"
	"  -s, --socket SOCKET    where the daemon listens (" DEFAULT_SOCKET ")\n"
	"      --json             the API's document instead of a table\n"
	"      --names            only the names of services, backends or interfaces, one a line\n"
	"      --watch[=SECONDS]  again and again, every 2 seconds, until Ctrl-C\n"
	"      --service NAME     only flows or backends of that service\n"
	"      --backend NAME     only flows to that backend: NAME in any service, or "
	"SERVICE/NAME\n"
	"      --limit COUNT      at most so many flows (default: 1000; with --json all)\n"
	"  -h, --help             this text\n";

enum {
	OPTION_JSON = 256,
	OPTION_NAMES,
	OPTION_WATCH,
	OPTION_SERVICE,
	OPTION_BACKEND,
	OPTION_LIMIT
};

struct show {
	const char *name;
	const struct subject *subject;
	bool flows; /* is the subject */
	const char *socket;
	bool json, names;
	double watch_s;                        /* 0: once */
	const char *service, *backend, *limit; /* as given, or NULL */
};

/* Seconds from 0.1 to 3600; 0 for all else. */
static double parse_seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);
	return *end || !(s >= .1 && s <= 3600) ? 0 : s;
}

/* -1 to go on, or the status to exit with at once. */
static int take_option(struct show *s, int option, char **argv)
{
	switch (option) {
	case 's':
		s->socket = optarg;
		break;
	case OPTION_JSON:
		s->json = true;
		break;
	case OPTION_NAMES:
		s->names = true;
		break;
	case OPTION_WATCH:
		s->watch_s = optarg ? parse_seconds(optarg) : WATCH_S;
		if (!s->watch_s)
			return options_fault(argv[0], "--watch takes seconds from 0.1 to 3600");
		break;
	case OPTION_SERVICE:
		s->service = optarg;
		break;
	case OPTION_BACKEND:
		s->backend = optarg;
		break;
	case OPTION_LIMIT:
		s->limit = optarg;
		break;
	case 'h':
		return options_help(usage);
	default:
		return options_unknown(argv[0], usage, argv[optind - 1]);
	}
	return -1;
}

static int take_options(struct show *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, OPTION_JSON},
		{"names", no_argument, NULL, OPTION_NAMES},
		{"watch", optional_argument, NULL, OPTION_WATCH},
		{"service", required_argument, NULL, OPTION_SERVICE},
		{"backend", required_argument, NULL, OPTION_BACKEND},
		{"limit", required_argument, NULL, OPTION_LIMIT},
		{0},
	};
	int option, status = -1;
	while (status < 0 && (option = getopt_long(argc, argv, "s:h", options, NULL)) != -1)
		status = take_option(s, option, argv);
	return status;
}

static int unknown_subject(const char *command, const char *name)
{
	const char *meant = subject_similar(name);
	if (meant)
		return options_fault(command, "there is no subject '%s'; did you mean %s?", name,
				     meant);
	return options_fault(command, "there is no subject '%s'", name);
}

static int parse_command_line(struct show *s, int argc, char **argv)
{
	int status = take_options(s, argc, argv);
	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return options_fault(argv[0], "one subject is needed");
	s->name = argv[optind];
	s->subject = subject_find(s->name);
	s->flows = !strcmp(s->name, "flows");
	if (!s->subject)
		return unknown_subject(argv[0], s->name);
	if (!s->flows && (s->backend || s->limit))
		return options_fault(argv[0], "--backend and --limit are of 'weir show flows'");
	if (!s->flows && s->service && strcmp(s->name, "backends"))
		return options_fault(argv[0], "--service is of 'weir show flows' and 'weir show "
					      "backends'");
	if (s->flows && !s->json && !s->limit)
		s->limit = TABLE_FLOWS;
	return -1;
}

/* What to ask the daemon for; NULL without memory. */
static char *make_path(const struct show *s)
{
	char *query = NULL, *path = NULL;
	size_t size;
	FILE *out = open_memstream(&query, &size);
	if (!out)
		return NULL;
	if (s->service)
		client_query_add(out, "service", s->service);
	if (s->backend)
		client_query_add(out, "backend", s->backend);
	if (s->limit)
		client_query_add(out, "limit", s->limit);
	if (fclose(out) || asprintf(&path, "/v1/%s%s", s->name, query) < 0)
		path = NULL;
	free(query);
	return path;
}

static int write_on(void *unused, const void *bytes, size_t length)
{
	return fwrite(bytes, 1, length, stdout) == length ? 0 : -EIO;
}

static int show(const struct show *s, const char *path, struct err *err)
{
	json_t *document;
	int rc;
	/* All flows may be more than is good to have in memory: as they come, one a line. */
	if (s->flows && s->json)
		return client_stream(s->socket, path, write_on, NULL, err);
	rc = client_get(s->socket, path, &document, err);
	if (rc)
		return rc;
	if (s->json) {
		json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (s->names) {
		subject_print_names(s->subject, document);
	} else {
		subject_print(s->subject, document);
	}
	json_decref(document);
	return 0;
}

/* Until something fails: a terminal is cleared before each, a file gets them one behind the other.
 */
static int watch(const struct show *s, const char *path, struct err *err)
{
	bool terminal = isatty(STDOUT_FILENO);
	for (;;) {
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		int rc = show(s, path, err);
		if (rc || fflush(stdout) || ferror(stdout))
			return rc;
		usleep(s->watch_s * 1e6);
	}
}

int command_show(int argc, char **argv)
{
	struct show s = {.socket = DEFAULT_SOCKET};
	struct err err = {0};
	int status = parse_command_line(&s, argc, argv);
	if (status >= 0)
		return status;
	char *path = make_path(&s);
	int rc = !path       ? err_set(&err, ENOMEM, "out of memory")
		 : s.watch_s ? watch(&s, path, &err)
			     : show(&s, path, &err);
	free(path);
	if (!rc)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
