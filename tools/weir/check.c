// SPDX-License-Identifier: BSD-2-Clause
/* `weir check`: says whether a configuration is valid, and what is wrong with it if not. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/changes.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/control_network.h"
#include "tools/weir/file.h"
#include "tools/weir/options.h"
#include "tools/weir/policy_load.h"
#include "tools/weir/snat_host.h"

static const char usage[] =
	"usage: weir check -c FILE [--print | --diff [RUNNING | -s SOCKET]]\n"
	"\n"
	"Checks a configuration. Exit status 0: it is valid; 2: it is not, and why is on stderr.\n"
	"\n"
	"  -c, --config FILE    the configuration; - is standard input\n"
	"  -p, --print          print it in its canonical form, with every key and its value\n"
	"  -d, --diff           print what a reload would change: against the file RUNNING, or "
	"what\n"
	"                       the daemon has in force\n"
	"  -s, --socket SOCKET  where the daemon listens (" DEFAULT_SOCKET ")\n"
	"  -h, --help           this text\n";

struct check {
	const char *path, *running, *socket;
	bool print, diff;
};

#define FAULTS_MAX 100u /* that are printed */

/* What is wrong with a file, by line. */
struct faults {
	struct {
		unsigned int line;
		char *words;
	} list[FAULTS_MAX];
	unsigned int count;
};

static void keep_fault(void *faults, unsigned int line, const char *words)
{
	struct faults *f = faults;
	unsigned int i = f->count;
	if (i == FAULTS_MAX)
		return;
	/* Found in about their order: what was on a line before stays before. */
	for (; i && f->list[i - 1].line > line; i--)
		f->list[i] = f->list[i - 1];
	f->list[i].line = line;
	f->list[i].words = strdup(words);
	f->count++;
}

/* Prints what is wrong, all of it that can be told at once. */
static int load(const char *path, struct config **config, struct err *err)
{
	struct faults faults = {0};
	char *text;
	size_t length;
	int rc = file_read(path, &text, &length, err);
	if (!rc) {
		rc = config_parse_all(path, text, length, config, keep_fault, &faults, err);
		free(text);
	}
	if (rc && !faults.count)
		fprintf(stderr, "%s\n", err->text);
	for (unsigned int i = 0; i < faults.count; i++) {
		fprintf(stderr, "%s\n", faults.list[i].words ? faults.list[i].words : err->text);
		free(faults.list[i].words);
	}
	return rc;
}

static int append(void *text, const void *bytes, size_t length)
{
	return fwrite(bytes, 1, length, text) == length ? 0 : -ENOMEM;
}

/* What the daemon has in force. */
static int fetch(const char *socket, struct config **config, struct err *err)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return err_set(err, ENOMEM, "not enough memory");
	int rc = client_stream(socket, "/v1/config", append, out, err);
	if (fclose(out) && !rc)
		rc = err_set(err, ENOMEM, "not enough memory");
	rc = rc ? rc : config_parse(socket, text, length, config, err);
	free(text);
	return rc;
}

static int print_diff(const struct check *c, const struct config *config)
{
	struct config *running;
	struct err err;
	int rc = c->running ? load(c->running, &running, &err) : fetch(c->socket, &running, &err);
	if (rc) {
		if (!c->running)
			fprintf(stderr, "weir check: %s\n", err.text);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	json_t *changes = changes_json(running, config);
	if (changes)
		changes_print(changes, stdout);
	if (changes && !json_integer_value(json_object_get(changes, "total")))
		puts("nothing differs");
	config_free(running);
	json_decref(changes);
	return changes ? EXIT_DONE : EXIT_FAILED;
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

static int check(const struct check *c)
{
	struct config *config = NULL;
	struct err err;
	int status = EXIT_DONE;
	if (load(c->path, &config, &err))
		return EXIT_USAGE;
	if (snat_host_check(config, &err) || check_policy(config, &err)) {
		fprintf(stderr, "%s\n", err.text);
		config_free(config);
		return EXIT_USAGE;
	}
	if (c->print)
		config_print(config, stdout);
	else if (c->diff)
		status = print_diff(c, config);
	else
		print_summary(c->path, config);
	config_free(config);
	if (fflush(stdout) || ferror(stdout)) {
		perror("weir check: standard output");
		return EXIT_FAILED;
	}
	return status;
}

static int take_options(struct check *c, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"print", no_argument, NULL, 'p'},
		{"diff", no_argument, NULL, 'd'},         {"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "c:pds:h", options, NULL)) != -1) {
		if (option == 'c')
			c->path = optarg;
		else if (option == 'p')
			c->print = true;
		else if (option == 'd')
			c->diff = true;
		else if (option == 's')
			c->socket = optarg;
		else if (option == 'h')
			return options_help(usage);
		else
			return options_unknown(argv[0], usage, argv[optind - 1]);
	}
	return -1;
}

int command_check(int argc, char **argv)
{
	struct check c = {.socket = DEFAULT_SOCKET};
	int status = take_options(&c, argc, argv);
	if (status >= 0)
		return status;
	if (c.diff && optind < argc)
		c.running = argv[optind++];
	if (optind < argc)
		return options_fault(argv[0], "unexpected operand '%s'", argv[optind]);
	if (!c.path)
		return options_fault(argv[0], "name the configuration by -c FILE");
	return check(&c);
}
