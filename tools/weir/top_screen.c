// SPDX-License-Identifier: BSD-2-Clause
/*
 * One thread: it waits for a key until the next sample is due. A daemon that does not answer leaves
 * the last figures on the screen, with the fault in the last line.
 */
#include "tools/weir/top_screen.h"

#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lb/err.h"

#define HEAD_LINES  4 /* two of figures, one of views, one of titles */
#define HINT_LINES  1
#define ESCAPE      27
#define ESCAPE_WAIT "25" /* ms that a key's rest may take; over ssh it comes at once */

struct screen {
	const char *socket;
	unsigned int interval_ms;
	struct top_choice choices[TOP_VIEWS]; /* each view keeps its own */
	enum top_view_id view;
	struct top_sample now, before;
	size_t scroll; /* rows above the first one shown */
	bool paused, typing, help, done;
	struct err fault; /* of the last sample; "": none */
};

static struct top_choice *choice(struct screen *s)
{
	return &s->choices[s->view];
}

/* --- drawing ------------------------------------------------------------------------------- */

/* Writes at a line, cut at the right edge, and blank behind. */
static void put_line(int line, int attributes, const char *text)
{
	attrset(attributes);
	move(line, 0);
	clrtoeol();
	if (attributes & A_REVERSE)
		hline(' ', COLS);
	mvaddnstr(line, 0, text, COLS);
	attrset(A_NORMAL);
}

static void draw_views(const struct screen *s)
{
	move(2, 0);
	clrtoeol();
	for (int i = 0; i < TOP_VIEWS; i++) {
		attrset(i == (int)s->view ? A_BOLD | A_UNDERLINE : A_DIM);
		printw("%d %s", i + 1, top_view_name(i));
		attrset(A_NORMAL);
		addstr("  ");
	}
}

/* The last column is as wide as there is room. */
static void add_cell(const struct top_table *t, unsigned int column, const char *text)
{
	bool last = column + 1 == t->columns;
	if (getcurx(stdscr) >= COLS - 1)
		return;
	int room = COLS - getcurx(stdscr);
	char cell[TOP_CELL * 2];
	int width = last && !t->figures[column] ? 0 : t->widths[column];
	snprintf(cell, sizeof(cell), t->figures[column] ? "%*s" : "%-*s", width, text);
	addnstr(cell, room);
	if (!last && getcurx(stdscr) < COLS - 2)
		addstr("  ");
}

static void draw_titles(struct screen *s, const struct top_table *t)
{
	attrset(A_REVERSE);
	mvhline(3, 0, ' ', COLS);
	move(3, 0);
	for (unsigned int c = 0; c < t->columns; c++) {
		attrset(A_REVERSE | (c == choice(s)->column ? A_BOLD | A_UNDERLINE : 0));
		add_cell(t, c, t->titles[c]);
		attrset(A_REVERSE);
	}
	attrset(A_NORMAL);
}

static void draw_rows(struct screen *s, const struct top_table *t)
{
	int room = LINES - HEAD_LINES - HINT_LINES;
	size_t most = t->count > (size_t)room ? t->count - room : 0;
	s->scroll = s->scroll < most ? s->scroll : most;
	for (int i = 0; i < room; i++) {
		move(HEAD_LINES + i, 0);
		clrtoeol();
		if (s->scroll + i >= t->count)
			continue;
		for (unsigned int c = 0; c < t->columns; c++)
			add_cell(t, c, t->rows[s->scroll + i].cells[c].text);
	}
	if (!t->count)
		mvaddnstr(HEAD_LINES, 0, t->hidden ? "nothing has that in it" : "nothing", COLS);
}

static void draw_hint(struct screen *s, const struct top_table *t)
{
	char text[256];
	if (s->typing)
		snprintf(text, sizeof(text), "filter: %s_", choice(s)->filter);
	else if (*s->fault.text)
		snprintf(text, sizeof(text), "%.200s", s->fault.text);
	else
		snprintf(text, sizeof(text),
			 "%s%s%s%s%zu rows  q quit  s sort  r reverse  / filter  p pause  ? help",
			 s->paused ? "PAUSED  " : "", *choice(s)->filter ? "filter " : "",
			 choice(s)->filter, *choice(s)->filter ? "  " : "", t->count);
	put_line(LINES - 1, *s->fault.text || s->paused ? A_BOLD : A_DIM, text);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"1 to 5, Tab       services, backends, interfaces, workers, drops",
		"s, Right, Left    sort by the next column, or the one before",
		"r                 the other way round",
		"/                 only rows with a word in them; Enter ends it, Escape forgets it",
		"p, Space          pause, and go on",
		"Up, Down, PgUp, PgDn, Home, End",
		"q                 quit",
		"",
		"Rates are those since the last sample. FAST is the share of the fast path,",
		"BUSY the share of a worker's turns that had packets.",
	};
	for (int i = HEAD_LINES - 1; i < LINES; i++)
		put_line(i, A_NORMAL, "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put_line(HEAD_LINES + i, A_NORMAL, lines[i]);
	put_line(LINES - 1, A_DIM, "any key");
}

static void draw(struct screen *s)
{
	struct top_table t;
	char first[256], second[256];
	top_head(&s->now, &s->before, first, second, sizeof(first));
	put_line(0, A_BOLD, first);
	put_line(1, A_NORMAL, second);
	draw_views(s);
	if (s->help) {
		draw_help();
	} else if (top_table_make(&t, choice(s), &s->now, &s->before)) {
		draw_titles(s, &t);
		draw_rows(s, &t);
		draw_hint(s, &t);
		top_table_free(&t);
	}
	refresh();
}

/* --- keys ---------------------------------------------------------------------------------- */

static void type_filter(struct screen *s, int key)
{
	char *filter = choice(s)->filter;
	size_t length = strlen(filter);
	if (key == '\n' || key == KEY_ENTER) {
		s->typing = false;
	} else if (key == ESCAPE) {
		s->typing = false;
		filter[0] = 0;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length) {
		filter[length - 1] = 0;
	} else if (key >= ' ' && key <= '~' && length + 1 < sizeof(choice(s)->filter)) {
		filter[length] = key;
		filter[length + 1] = 0;
	}
	s->scroll = 0;
}

static void sort_by_next(struct screen *s, int step)
{
	unsigned int columns = 0;
	struct top_table t;
	if (top_table_make(&t, choice(s), &s->now, &s->before))
		columns = t.columns;
	top_table_free(&t);
	if (columns)
		choice(s)->column = (choice(s)->column + columns + step) % columns;
}

static void show_view(struct screen *s, int view)
{
	s->view = (view + TOP_VIEWS) % TOP_VIEWS;
	s->scroll = 0;
}

static void scroll_by(struct screen *s, int rows)
{
	s->scroll = rows < 0 && s->scroll < (size_t)-rows ? 0 : s->scroll + rows;
}

static void take_motion(struct screen *s, int key)
{
	int page = LINES - HEAD_LINES - HINT_LINES;
	if (key == KEY_DOWN)
		scroll_by(s, 1);
	else if (key == KEY_UP)
		scroll_by(s, -1);
	else if (key == KEY_NPAGE)
		scroll_by(s, page);
	else if (key == KEY_PPAGE)
		scroll_by(s, -page);
	else if (key == KEY_HOME)
		s->scroll = 0;
	else if (key == KEY_END)
		s->scroll = SIZE_MAX / 2;
}

static void take_key(struct screen *s, int key)
{
	if (s->help)
		s->help = false;
	else if (s->typing)
		type_filter(s, key);
	else if (key >= '1' && key < '1' + TOP_VIEWS)
		show_view(s, key - '1');
	else if (key == '\t')
		show_view(s, s->view + 1);
	else if (key == 's' || key == KEY_RIGHT)
		sort_by_next(s, 1);
	else if (key == KEY_LEFT)
		sort_by_next(s, -1);
	else if (key == 'r')
		choice(s)->reversed = !choice(s)->reversed;
	else if (key == 'p' || key == ' ')
		s->paused = !s->paused;
	else if (key == '/')
		s->typing = true;
	else if (key == ESCAPE)
		choice(s)->filter[0] = 0;
	else if (key == '?' || key == 'h')
		s->help = true;
	else if (key == 'q' || key == 'Q')
		s->done = true;
	else
		take_motion(s, key);
}

/* --- the loop ------------------------------------------------------------------------------ */

static void take_sample(struct screen *s)
{
	struct top_sample next;
	s->fault.text[0] = 0;
	if (top_sample_take(&next, s->socket, &s->fault))
		return;
	s->fault.text[0] = 0;
	top_sample_free(&s->before);
	s->before = s->now;
	s->now = next;
}

static long long clock_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void loop(struct screen *s)
{
	long long due_ms = clock_now_ms() + 300; /* the first rates come soon */
	while (!s->done) {
		long long left_ms = due_ms - clock_now_ms();
		draw(s);
		timeout(left_ms > 0 ? left_ms : 0);
		int key = getch();
		if (key != ERR)
			take_key(s, key);
		if (clock_now_ms() < due_ms)
			continue;
		if (!s->paused)
			take_sample(s);
		due_ms = clock_now_ms() + s->interval_ms;
	}
}

int top_screen_run(const char *socket, unsigned int interval_ms, const struct top_choice *c,
		   struct err *err)
{
	struct screen s = {.socket = socket, .interval_ms = interval_ms, .view = c->view};
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, ENOTTY, "this needs a terminal; --once prints instead");
	for (int i = 0; i < TOP_VIEWS; i++)
		s.choices[i] = top_choice_of(i);
	s.choices[c->view] = *c;
	int rc = top_sample_take(&s.now, socket, err);
	if (rc)
		return rc;
	setlocale(LC_CTYPE, "");
	setenv("ESCDELAY", ESCAPE_WAIT, 0);
	if (!newterm(NULL, stdout, stdin)) {
		top_sample_free(&s.now);
		return err_set(err, ENOTTY,
			       "the terminal '%s' is not known here; set TERM, or use --once",
			       getenv("TERM") ? getenv("TERM") : "");
	}
	cbreak();
	noecho();
	keypad(stdscr, true);
	curs_set(0);
	loop(&s);
	endwin();
	top_sample_free(&s.now);
	top_sample_free(&s.before);
	return 0;
}
