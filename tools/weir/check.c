// SPDX-License-Identifier: BSD-2-Clause
/* `weir check`: says whether a configuration is valid, and what is wrong with it if not. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/command.h"
#include "tools/weir/control_network.h"
#include "tools/weir/file.h"
#include "tools/weir/policy_load.h"

static const char usage[] =
	"usage: weir check -c FILE [--print]\n"
	"\n"
	"Checks a configuration. Exit status 0: it is valid; 2: it is not, and why is on stderr.\n"
	"\n"
	"  -c, --config FILE  the configuration; - is standard input\n"
	"  -p, --print        print it in its canonical form, with every key and its value\n"
	"  -h, --help         this text\n";

static int usage_fault(const char *words)
{
	fprintf(stderr, "weir check: %s\n%s", words, usage);
	return EXIT_USAGE;
}

static int load(const char *path, struct config **config, struct err *err)
{
	char *text;
	size_t length;
	int rc = file_read(path, &text, &length, err);
	if (rc)
		return rc;
	rc = config_parse(path, text, length, config, err);
	free(text);
	return rc;
}

static void print_summary(const char *path, const struct config *config)
{
	unsigned int backends = 0;
	for (unsigned int i = 0; i < config->service_count; i++)
		backends += config->services[i].backend_count;
	printf("%s: configuration is valid: %u services, %u backends, %u interfaces\n", path,
	       config->service_count, backends, config->interface_count);
}

static void say(void *context, bool bad, const char *words)
{
	fprintf(stderr, "%s\n", words);
}

/* The lists of sources, and what the rules come to. */
static int check_policy(const struct config *config, struct err *err)
{
	const struct policy_listener listener = {.say = say};
	struct registry *rules = registry_new(POLICY_NO_RULE);
	struct registry *services = registry_new(ABI_MAX_SERVICES);
	struct registry *backends = registry_new(ABI_MAX_BACKENDS);
	struct policy_tables *policy = NULL;
	int r = -ENOMEM;
	if (rules && services && backends)
		r = snapshot_assign_ids(config, services, backends, err);
	else
		err_set(err, ENOMEM, "not enough memory");
	r = r ? r : policy_assign_ids(config, rules, err);
	r = r ? r : policy_load(config, rules, backends, &listener, &policy, err);
	if (!r) {
		policy_tell_idle(config, policy, &listener);
		control_network_tell(policy, rules, &listener);
	}
	policy_free(policy);
	registry_free(backends);
	registry_free(services);
	registry_free(rules);
	return r;
}

static int check(const char *path, bool print)
{
	struct config *config = NULL;
	struct err err;
	if (load(path, &config, &err) || check_policy(config, &err)) {
		fprintf(stderr, "%s\n", err.text);
		config_free(config);
		return EXIT_USAGE;
	}
	if (print)
		config_print(config, stdout);
	else
		print_summary(path, config);
	config_free(config);
	if (fflush(stdout) || ferror(stdout)) {
		perror("weir check: standard output");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"print", no_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	bool print = false;
	int option;
	while ((option = getopt_long(argc, argv, "c:ph", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'p':
			print = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage_fault("too many arguments");
	if (!path)
		return usage_fault("-c FILE is missing");
	return check(path, print);
}
