// SPDX-License-Identifier: BSD-2-Clause
/* `weir top`: what passes through the balancer, live; or once, for programs and reports. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"
#include "tools/weir/top_screen.h"
#include "tools/weir/top_view.h"

static const char usage[] =
	"Usage: weir top [--view VIEW] [--sort COLUMN [--reverse]] [--filter WORD]\n"
	"                [--interval SECONDS] [--once] [-s SOCKET]\n"
	"\n"
	"Services, backends, interfaces, workers and drops, with their rates, live. '?' in there\n"
	"tells of its keys.\n"
	"\n"
	"      --view VIEW         services (the default), backends, interfaces, workers or drops\n"
	"      --sort COLUMN       by the column of that title; needs --view where that has it\n"
	"      --reverse           the other way round\n"
	"      --filter WORD       only rows with that in them\n"
	"      --interval SECONDS  between two looks: 0.1 to 3600; 2 by default\n"
	"      --once              print all views (or the one of --view) and end\n"
	"  -s, --socket SOCKET     where the daemon listens (" DEFAULT_SOCKET ")\n"
	"  -h, --help              this text\n";

enum {
	OPTION_VIEW = 256,
	OPTION_SORT,
	OPTION_REVERSE,
	OPTION_FILTER,
	OPTION_INTERVAL,
	OPTION_ONCE
};

struct top {
	const char *socket, *view, *sort, *filter;
	double interval_s;
	bool once, reversed;
	struct top_choice choice;
};

static int take_options(struct top *t, int argc, char **argv)
{
	static const struct option options[] = {
		{"view", required_argument, NULL, OPTION_VIEW},
		{"sort", required_argument, NULL, OPTION_SORT},
		{"reverse", no_argument, NULL, OPTION_REVERSE},
		{"filter", required_argument, NULL, OPTION_FILTER},
		{"interval", required_argument, NULL, OPTION_INTERVAL},
		{"once", no_argument, NULL, OPTION_ONCE},
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	char *end;
	int option;
	while ((option = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
		if (option == OPTION_VIEW)
			t->view = optarg;
		else if (option == OPTION_SORT)
			t->sort = optarg;
		else if (option == OPTION_REVERSE)
			t->reversed = true;
		else if (option == OPTION_FILTER)
			t->filter = optarg;
		else if (option == OPTION_ONCE)
			t->once = true;
		else if (option == 's')
			t->socket = optarg;
		else if (option == 'h')
			return options_help(usage);
		else if (option != OPTION_INTERVAL)
			return options_unknown(argv[0], usage, argv[optind - 1]);
		else if ((t->interval_s = strtod(optarg, &end)),
			 *end || !(t->interval_s >= .1) || t->interval_s > 3600)
			return options_fault(argv[0], "--interval takes seconds from 0.1 to 3600");
	}
	return -1;
}

static int parse_command_line(struct top *t, int argc, char **argv)
{
	int status = take_options(t, argc, argv);
	if (status >= 0)
		return status;
	if (optind < argc)
		return options_fault(argv[0], "unexpected operand '%s'", argv[optind]);
	int view = top_view_find(t->view ? t->view : "services");
	if (view < 0)
		return options_fault(argv[0], "there is no view '%s'", t->view);
	t->choice = top_choice_of(view);
	int column = t->sort ? top_column_find(view, t->sort) : (int)t->choice.column;
	if (column < 0)
		return options_fault(argv[0], "%s have no column '%s'", top_view_name(view),
				     t->sort);
	t->choice.column = column;
	t->choice.reversed = t->reversed;
	snprintf(t->choice.filter, sizeof(t->choice.filter), "%s", t->filter ? t->filter : "");
	return -1;
}

static void print_row(const struct top_table *t, const char *(*text)(const void *, unsigned int),
		      const void *from)
{
	for (unsigned int c = 0; c < t->columns; c++) {
		bool last = c + 1 == t->columns;
		if (last && !t->figures[c])
			printf("%s\n", text(from, c));
		else
			printf(t->figures[c] ? "%*s%s" : "%-*s%s", t->widths[c], text(from, c),
			       last ? "\n" : "  ");
	}
}

static const char *title_text(const void *table, unsigned int column)
{
	return ((const struct top_table *)table)->titles[column];
}

static const char *cell_text(const void *row, unsigned int column)
{
	return ((const struct top_row *)row)->cells[column].text;
}

static void print_view(const struct top_choice *c, const struct top_sample *now,
		       const struct top_sample *before)
{
	struct top_table t;
	if (!top_table_make(&t, c, now, before))
		return;
	printf("\n%s\n", top_view_name(c->view));
	print_row(&t, title_text, &t);
	for (size_t i = 0; i < t.count; i++)
		print_row(&t, cell_text, &t.rows[i]);
	top_table_free(&t);
}

static int print_once(const struct top *t, struct err *err)
{
	struct top_sample before, now;
	char first[256], second[256];
	int rc = top_sample_take(&before, t->socket, err);
	if (rc)
		return rc;
	usleep(t->interval_s * 1e6);
	rc = top_sample_take(&now, t->socket, err);
	if (!rc) {
		top_head(&now, &before, first, second, sizeof(first));
		printf("%s\n%s\n", first, second);
	}
	for (int i = 0; !rc && i < TOP_VIEWS; i++) {
		struct top_choice c = top_choice_of(i);
		strcpy(c.filter, t->choice.filter);
		if (i == (int)t->choice.view)
			c = t->choice;
		else if (t->view)
			continue;
		print_view(&c, &now, &before);
	}
	top_sample_free(&now);
	top_sample_free(&before);
	return rc;
}

int command_top(int argc, char **argv)
{
	struct top t = {.socket = DEFAULT_SOCKET, .interval_s = 2};
	struct err err = {0};
	int status = parse_command_line(&t, argc, argv);
	if (status >= 0)
		return status;
	int rc = t.once ? print_once(&t, &err)
			: top_screen_run(t.socket, t.interval_s * 1000, &t.choice, &err);
	if (!rc)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
