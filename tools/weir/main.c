// SPDX-License-Identifier: BSD-2-Clause
/* `weir COMMAND ...`: finds the command and runs it. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lb/similar.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"
#include "tools/weir/words.h"

static const struct command {
	const char *name, *synopsis;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"run", "-c FILE: the daemon, in the foreground", command_run},
	{"check", "-c FILE [--print]: is a configuration right?", command_check},
	{"schema", "the configuration's JSON schema, for editors", command_schema},
	{"show", "SUBJECT [--json]: what is", command_show},
	{"top", "[--once]: live view in a terminal", command_top},
	{"set", "backend SERVICE/BACKEND [state=STATE] [weight=N]: until the next reload",
	 command_set},
	{"reload", "read the configuration again, all or nothing", command_reload},
	{"capture", "[--drops] [-w FILE] [FILTER]: packets, with their drop reasons",
	 command_capture},
	{"explain", "--from ADDRESS --to ADDRESS:PORT --protocol P: what would happen, and why",
	 command_explain},
	{"backend", "up|down|show: makes this host a backend", command_backend},
	{"doctor", "[INTERFACE...]: what this host can do, what is set wrong, what mends it",
	 command_doctor},
	{"replay", "-c FILE --pcap IN [-w OUT]: the datapath over a capture, offline",
	 command_replay},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fputs("Usage: weir COMMAND [OPTION...]\n"
	      "\n"
	      "An L4 load balancer over XDP and AF_XDP.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].synopsis);
	fputs("\n"
	      "'weir COMMAND --help' tells more; 'weir --version' prints the version.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage or configuration.\n",
	      out);
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* For completion: `weir commands [COMMAND [BEFORE [SOCKET]]]`. */
static int list_words(int argc, char **argv)
{
	if (argc > 2)
		return words_print(argv[2], argc > 3 && *argv[3] ? argv[3] : NULL,
				   argc > 4 ? argv[4] : DEFAULT_SOCKET);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		puts(commands[i].name);
	return EXIT_DONE;
}

static int unknown_command(const char *name)
{
	struct similar s = similar_to(name);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		similar_offer(&s, commands[i].name);
	if (s.meant)
		return options_fault("weir", "there is no command '%s'; did you mean %s?", name,
				     s.meant);
	return options_fault("weir", "there is no command '%s'", name);
}

static int run_command(int argc, char **argv)
{
	char name[32];
	const struct command *command;
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("weir " WEIR_VERSION);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "commands"))
		return list_words(argc, argv);
	command = command_find(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	snprintf(name, sizeof(name), "weir %s", command->name);
	argv[1] = name;
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status = run_command(argc, argv);
	/* What was not printed was not done: a full disk is a failure. */
	if ((fflush(stdout) || ferror(stdout)) && status == EXIT_DONE) {
		perror("weir: standard output");
		status = EXIT_FAILED;
	}
	return status;
}
