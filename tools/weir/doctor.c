// SPDX-License-Identifier: BSD-2-Clause
/* `weir doctor`: looks at this host and its NICs, says what is wrong, and mends what is safe to
 * mend. */
#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/diagnosis.h"
#include "tools/weir/file.h"
#include "tools/weir/finding.h"
#include "tools/weir/options.h"
#include "tools/weir/survey.h"

#define MEND_WORDS 16

static const char usage[] =
	"Usage: weir doctor [-c FILE] [-s SOCKET] [--json | --fix [--yes]] [INTERFACE...]\n"
	"\n"
	"Says what this host and its NICs can do, what is set wrong, and the command that mends "
	"it.\n"
	"Looks at the interfaces named, else at those of the daemon that runs or of the "
	"configuration,\n"
	"else at all that are up.\n"
	"\n"
	"  -c, --config FILE    what is to run here: its interfaces, VIPs and ways to backends "
	"too\n"
	"  -s, --socket SOCKET  where the daemon listens (" DEFAULT_SOCKET ", if one runs)\n"
	"      --json           the findings as JSON\n"
	"      --fix            asks, and runs the commands that only mend; those that interrupt\n"
	"                       traffic or are a matter of taste are only printed\n"
	"      --yes            with --fix: does not ask\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 nothing is bad, 1 something is, 2 wrong usage or configuration.\n";

enum { OPTION_JSON = 256, OPTION_FIX, OPTION_YES };

struct doctor {
	struct survey survey;
	const char *config;
	bool json, fix, yes;
};

/* Returns -1 to go on, or the status to exit with at once. */
static int take_options(struct doctor *d, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, OPTION_JSON},
		{"fix", no_argument, NULL, OPTION_FIX},
		{"yes", no_argument, NULL, OPTION_YES},
		{0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			d->config = optarg;
			break;
		case 's':
			d->survey.socket = optarg;
			d->survey.must_answer = true;
			break;
		case OPTION_JSON:
			d->json = true;
			break;
		case OPTION_FIX:
			d->fix = true;
			break;
		case OPTION_YES:
			d->yes = true;
			break;
		case 'h':
			return options_help(usage);
		default:
			return options_fault(argv[0], NULL);
		}
	}
	if (d->json && d->fix)
		return options_fault(argv[0], "--json and --fix do not go together");
	if (d->yes && !d->fix)
		return options_fault(argv[0], "--yes is for --fix");
	d->survey.names = argv + optind;
	d->survey.name_count = argc - optind;
	return -1;
}

static int load(const char *path, struct config **config, struct err *err)
{
	char *text;
	size_t length;
	int r = file_read(path, &text, &length, err);
	if (r)
		return r;
	r = config_parse(path, text, length, config, err);
	free(text);
	return r;
}

/* --- mending -------------------------------------------------------------------------------- */

static bool may_run(const struct doctor *d, const struct finding *f)
{
	char answer[16];
	printf("%s: %s\n  run '%s'?%s", f->about, f->text, f->mend, d->yes ? "\n" : " [y/N] ");
	fflush(stdout);
	if (d->yes)
		return true;
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Without a shell: an interface may have any name. */
static int run_words(char *command)
{
	extern char **environ;
	char *words[MEND_WORDS + 1] = {0}, *rest = NULL;
	int count = 0, status;
	pid_t child;
	for (char *word = strtok_r(command, " ", &rest); word && count < MEND_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	fflush(stdout);
	if (posix_spawnp(&child, words[0], NULL, NULL, words, environ) ||
	    waitpid(child, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

/* Returns how many commands were run and failed. */
static unsigned int mend(const struct doctor *d, const struct findings *f)
{
	unsigned int failed = 0;
	for (unsigned int i = 0; i < f->count; i++) {
		char command[sizeof(f->list[i].mend)];
		if (f->list[i].level == FINDING_OK || !f->list[i].mend[0] ||
		    !f->list[i].mend_is_safe || !may_run(d, &f->list[i]))
			continue;
		snprintf(command, sizeof(command), "%s", f->list[i].mend);
		if (run_words(command)) {
			printf("  it failed\n");
			failed++;
		}
	}
	return failed;
}

/* --- looking -------------------------------------------------------------------------------- */

static int examine(const struct doctor *d, struct findings *out, struct err *err)
{
	struct facts facts;
	int r = survey_take(&d->survey, &facts, err);
	if (!r)
		diagnose(&facts, out);
	survey_free(&facts);
	if (!r && out->incomplete)
		return err_set(err, ENOMEM, "out of memory");
	return r;
}

static void print(const struct doctor *d, const struct findings *f)
{
	if (!d->json) {
		findings_print(f, stdout);
		return;
	}
	json_t *document = findings_json(f);
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

/* What is true after mending is looked at anew. */
static int examine_and_mend(const struct doctor *d, bool *bad, struct err *err)
{
	struct findings findings = {0};
	int r = examine(d, &findings, err);
	if (!r) {
		print(d, &findings);
		*bad = findings_count(&findings, FINDING_BAD);
	}
	if (!r && d->fix) {
		unsigned int failed = mend(d, &findings);
		findings_free(&findings);
		r = examine(d, &findings, err);
		if (!r)
			*bad = failed || findings_count(&findings, FINDING_BAD);
		if (!r)
			printf("afterwards: %u ok, %u warn, %u bad\n",
			       findings_count(&findings, FINDING_OK),
			       findings_count(&findings, FINDING_WARN),
			       findings_count(&findings, FINDING_BAD));
	}
	findings_free(&findings);
	return r;
}

int command_doctor(int argc, char **argv)
{
	struct doctor d = {.survey = {.socket = DEFAULT_SOCKET}};
	struct config *config = NULL;
	struct err err = {0};
	bool bad = false;
	int status = take_options(&d, argc, argv);
	if (status >= 0)
		return status;
	if (d.config && load(d.config, &config, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_USAGE;
	}
	d.survey.config = config;
	int r = examine_and_mend(&d, &bad, &err);
	config_free(config);
	if (r) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return r == -EINVAL || r == -E2BIG ? EXIT_USAGE : EXIT_FAILED;
	}
	return bad ? EXIT_FAILED : EXIT_DONE;
}
