// SPDX-License-Identifier: BSD-2-Clause
/* `weir set backend`: asks the daemon for a state or weight of a backend, until the next reload. */
#include <errno.h>
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

static const char usage[] =
	"Usage: weir set backend SERVICE/BACKEND [state=STATE] [weight=N] [-s SOCKET]\n"
	"\n"
	"Changes a backend until the next reload, without any flow of the others moving.\n"
	"\n"
	"  state=up      takes new flows while its health checks find it well\n"
	"  state=drain   keeps its flows, and gets no new ones\n"
	"  state=down    loses its flows, and gets no new ones\n"
	"  state=alive   takes new flows, whatever its health checks say\n"
	"  weight=N      0 to 65535; 0: gets no new flows\n"
	"\n"
	"  -s, --socket SOCKET  where the daemon listens (" DEFAULT_SOCKET ")\n"
	"  -h, --help           this text\n";

/* Adds "key=value" to the request; what values are right is the daemon's to say. */
static int add_setting(json_t *body, const char *command, const char *setting)
{
	const char *value = strchr(setting, '=');
	char *end;
	if (!value || value == setting || !value[1])
		return options_fault(command, "expected state=STATE or weight=N, found '%s'",
				     setting);
	size_t key = value++ - setting;
	if (json_object_getn(body, setting, key))
		return options_fault(command, "%.*s is given twice", (int)key, setting);
	long long number = strtoll(value, &end, 10);
	json_object_setn_new(body, setting, key,
			     key == 6 && !strncmp(setting, "weight", 6) && !*end
				     ? json_integer(number)
				     : json_string(value));
	return -1;
}

static void print_in_force(json_t *answer)
{
	const char *service = "?", *name = "?", *state = "?", *set = NULL;
	json_int_t weight = 0;
	json_unpack(answer, "{s:s, s:s, s:s, s:I, s:s?}", "service", &service, "name", &name,
		    "state", &state, "weight", &weight, "set", &set);
	printf("%s/%s is %s, weight %lld%s\n", service, name, state, (long long)weight,
	       set && !strcmp(set, "up") && strcmp(state, "up") ? ": its health check says so"
								: "");
}

/* Names come from the configuration, which has no characters that a path would escape. */
static int set_backend(const char *socket, const char *command, const char *name, json_t *body)
{
	char path[512];
	struct err err = {0};
	json_t *answer;
	char *text = json_dumps(body, JSON_COMPACT);
	snprintf(path, sizeof(path), "/v1/backends/%s", name);
	int rc = text ? client_patch(socket, path, text, &answer, &err)
		      : err_set(&err, ENOMEM, "out of memory");
	free(text);
	if (rc) {
		fprintf(stderr, "%s: %s\n", command, err.text);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	print_in_force(answer);
	json_decref(answer);
	return EXIT_DONE;
}

static bool is_backend_name(const char *text)
{
	const char *slash = strchr(text, '/');
	return slash && slash != text && slash[1] && !strchr(slash + 1, '/') &&
	       !strpbrk(text, "?#% ");
}

int command_set(int argc, char **argv)
{
	const char *socket;
	int rc = options_client(argc, argv, usage, &socket);
	if (rc >= 0)
		return rc;
	if (argc - optind < 3 || strcmp(argv[optind], "backend"))
		return options_fault(argv[0], "expected backend SERVICE/BACKEND and what to set");
	const char *name = argv[optind + 1];
	if (!is_backend_name(name))
		return options_fault(argv[0], "expected SERVICE/BACKEND, found '%s'", name);
	json_t *body = json_object();
	for (int i = optind + 2; i < argc && rc < 0; i++)
		rc = add_setting(body, argv[0], argv[i]);
	if (rc < 0)
		rc = set_backend(socket, argv[0], name, body);
	json_decref(body);
	return rc;
}
