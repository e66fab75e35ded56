// SPDX-License-Identifier: BSD-2-Clause
/* `weir reload`: asks the daemon to read its configuration again. All or nothing. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/changes.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

static const char usage[] =
	"Usage: weir reload [-s SOCKET]\n"
	"\n"
	"Makes the daemon read its configuration file again. A faulty one changes nothing:\n"
	"the fault is printed and the exit status is 2. What has changed is printed: + added,\n"
	"- removed, ~ changed ('weir check -c FILE --diff' tells beforehand).\n"
	"\n"
	"  -s, --socket SOCKET  where the daemon listens (" DEFAULT_SOCKET ")\n"
	"  -h, --help           this text\n";

static void print_in_force(json_t *answer)
{
	json_int_t generation = 0, services = 0, backends = 0, interfaces = 0;
	const char *config = "?";
	json_unpack(answer, "{s:I, s:s, s:I, s:I, s:I}", "generation", &generation, "config",
		    &config, "services", &services, "backends", &backends, "interfaces",
		    &interfaces);
	changes_print(json_object_get(answer, "changes"), stdout);
	if (!json_integer_value(json_object_get(json_object_get(answer, "changes"), "total")))
		puts("nothing differs");
	printf("%s is in force: generation %lld, services %lld, backends %lld, interfaces %lld\n",
	       config, (long long)generation, (long long)services, (long long)backends,
	       (long long)interfaces);
}

int command_reload(int argc, char **argv)
{
	const char *socket;
	struct err err = {0};
	json_t *answer;
	int rc = options_client(argc, argv, usage, &socket);
	if (rc >= 0)
		return rc;
	if (optind < argc)
		return options_fault(argv[0], "unexpected operand '%s'", argv[optind]);
	rc = client_post(socket, "/v1/reload", &answer, &err);
	if (rc) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	print_in_force(answer);
	json_decref(answer);
	return EXIT_DONE;
}
