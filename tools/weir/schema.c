// SPDX-License-Identifier: BSD-2-Clause
/* `weir schema`: the JSON schema of the configuration, for editors. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/config_schema.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

static const char usage[] =
	"Usage: weir schema\n"
	"\n"
	"Prints the JSON schema of the configuration, made from the keys that this program reads.\n"
	"An editor that knows YAML completes and checks by it; a file's first line may name it:\n"
	"  # yaml-language-server: $schema=/usr/share/weir/weir.schema.json\n"
	"What needs other values, or this host, to judge, `weir check` says.\n"
	"\n"
	"  -h, --help  this text\n";

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* The tables print it in one line; read again it is known to be JSON. */
static json_t *schema_json(void)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	json_t *schema = NULL;
	if (!out)
		return NULL;
	config_schema(out);
	if (!fclose(out))
		schema = json_loads(text, 0, NULL);
	free(text);
	return schema;
}

int command_schema(int argc, char **argv)
{
	int option = getopt_long(argc, argv, "h", options, NULL);
	if (option == 'h')
		return options_help(usage);
	if (option != -1)
		return options_unknown(argv[0], usage, argv[optind - 1]);
	if (optind < argc)
		return options_fault(argv[0], "unexpected operand '%s'", argv[optind]);
	json_t *schema = schema_json();
	if (!schema) {
		fprintf(stderr, "%s: not enough memory\n", argv[0]);
		return EXIT_FAILED;
	}
	json_dumpf(schema, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(schema);
	return EXIT_DONE;
}
