// SPDX-License-Identifier: BSD-2-Clause
/* `weir-bench COMMAND ...`: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "bench/api_command.h"
#include "bench/engines_command.h"
#include "bench/latency_command.h"
#include "bench/micro.h"
#include "bench/ndr_command.h"
#include "bench/net_command.h"
#include "bench/peers_command.h"
#include "bench/receive_command.h"
#include "bench/reload.h"
#include "bench/report_command.h"
#include "bench/send_command.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

static const struct command {
	const char *name, *synopsis;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"send", "--from INTERFACE --destination ADDRESS [OPTION...]: packets at a rate",
	 command_send},
	{"receive", "[OPTION...] INTERFACE...: counts them: loss, order, latency", command_receive},
	{"latency", "--from INTERFACE --to INTERFACE,... [OPTION...]: how long packets take",
	 command_latency},
	{"ndr", "--from INTERFACE --to INTERFACE,... [OPTION...]: the rate without loss",
	 command_ndr},
	{"micro", "[--json FILE] [--markdown FILE]: lb_process() alone, without a network",
	 command_micro},
	{"api", "[-s SOCKET]: the control API of a daemon that runs", command_api},
	{"reload", "[OPTION...]: what a large configuration costs the control thread",
	 command_reload_bench},
	{"engines",
	 "[OPTION...]: the harness itself: its senders beside the plainest ones, and pacing",
	 command_engines},
	{"peers", "[OPTION...]: Weir beside nftables, HAProxy and IPVS, over real connections",
	 command_peers},
	{"report", "[OPTION...] FILE...: of reports in JSON one page, or text, Markdown, CSV",
	 command_report},
	{"compare", "[OPTION...] BEFORE AFTER: two reports, with confidence intervals",
	 command_compare},
	{"net", "[OPTION...]: Weir over virtual Ethernet, beside XDP_TX and testpmd", command_net},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fputs("Usage: weir-bench COMMAND [OPTION...]\n"
	      "\n"
	      "Measures networks, balancers and Weir itself; docs/benchmarking.md has recipes.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].synopsis);
	fputs("\n"
	      "'weir-bench COMMAND --help' tells more; 'weir-bench --version' prints the version.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
	      out);
}

static int run_command(int argc, char **argv)
{
	char name[32];
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("weir-bench " WEIR_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(name, sizeof(name), "weir-bench %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	return options_fault("weir-bench", "there is no command '%s'", argv[1]);
}

int main(int argc, char **argv)
{
	int status = run_command(argc, argv);
	/* What was not printed was not done: a full disk is a failure. */
	if ((fflush(stdout) || ferror(stdout)) && status == EXIT_DONE) {
		perror("weir-bench: standard output");
		status = EXIT_FAILED;
	}
	return status;
}
