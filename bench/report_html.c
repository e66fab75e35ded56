// SPDX-License-Identifier: BSD-2-Clause
/* Reports as one page: style, tables and plots are in it, and it asks nobody for anything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/grid.h"
#include "bench/plot.h"
#include "bench/report_write.h"

static const char head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>weir-bench</title>\n<style>\n"
	":root { color-scheme: light; }\n"
	"body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;"
	" max-width: 72rem; margin: 0 auto; padding: 1rem; }\n"
	"h1, h2, h3 { line-height: 1.2; }\n"
	"section { border-top: 1px solid #ccc; margin-top: 2rem; }\n"
	".wide { overflow-x: auto; }\n"
	"table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
	"th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: left;"
	" white-space: nowrap; }\n"
	"th.r, td.r { text-align: right; }\n"
	"thead th { border-bottom: 2px solid #888; }\n"
	"tbody th { font-weight: normal; }\n"
	"figure { margin: 1rem 0; }\nsvg { max-width: 100%; height: auto; }\n"
	"details { margin: .5rem 0; }\n"
	"</style>\n</head>\n<body>\n<h1>weir-bench</h1>\n";

static void escape(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
}

static void write_element(const char *tag, const char *text, FILE *out)
{
	fprintf(out, "<%s>", tag);
	escape(text, out);
	fprintf(out, "</%s>\n", tag);
}

static void write_list(json_t *lines, FILE *out)
{
	json_t *line;
	size_t i;
	if (!json_array_size(lines))
		return;
	fputs("<ul>\n", out);
	json_array_foreach(lines, i, line) write_element("li", json_string_value(line), out);
	fputs("</ul>\n", out);
}

static void write_cell(const char *tag, const char *scope, bool right, const char *text, FILE *out)
{
	fprintf(out, "<%s%s%s>", tag, scope, right ? " class=\"r\"" : "");
	escape(text, out);
	fprintf(out, "</%s>", tag);
}

static void write_grid(const struct grid *g, FILE *out)
{
	fputs("<div class=\"wide\"><table>\n<thead><tr>", out);
	for (unsigned int i = 0; i < g->columns; i++)
		write_cell("th", " scope=\"col\"", g->right[i], g->titles[i], out);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (unsigned int row = 0; row < g->rows; row++) {
		fputs("<tr>", out);
		for (unsigned int i = 0; i < g->columns; i++)
			write_cell(i ? "td" : "th", i ? "" : " scope=\"row\"", g->right[i],
				   grid_cell(g, row, i), out);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static int write_table(json_t *table, FILE *out)
{
	struct grid g;
	const char *title = grid_string(table, "title");
	int r = grid_open(&g, table);
	if (r)
		return r;
	if (*title)
		write_element("h3", title, out);
	write_grid(&g, out);
	grid_close(&g);
	write_list(json_object_get(table, "notes"), out);
	return 0;
}

static void write_plot(json_t *plot, FILE *out)
{
	fputs("<figure role=\"img\" aria-label=\"", out);
	escape(grid_string(plot, "title"), out);
	fputs("\">\n", out);
	int r = plot_write_svg(plot, out);
	if (r == -ENOENT)
		fputs("<p>No plot: gnuplot is not here (apt-get install gnuplot-nox).</p>\n", out);
	else if (r)
		fputs("<p>No plot: gnuplot failed.</p>\n", out);
	fputs("</figure>\n", out);
}

/* All that is known of the machine, as it stands in the document. */
static void write_machine(json_t *machine, FILE *out)
{
	char *text = json_dumps(machine, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	fputs("<p>", out);
	escape(grid_string(machine, "cpu"), out);
	fputs("; ", out);
	escape(grid_string(machine, "kernel"), out);
	fputs("</p>\n<details><summary>the machine</summary><pre>", out);
	escape(text ? text : "", out);
	fputs("</pre></details>\n", out);
	free(text);
}

static int write_report(json_t *report, FILE *out)
{
	json_t *each;
	size_t i;
	fprintf(out, "<section id=\"");
	escape(grid_string(report, "benchmark"), out);
	fputs("\">\n", out);
	write_element("h2", grid_string(report, "benchmark"), out);
	fputs("<p>weir ", out);
	escape(grid_string(report, "version"), out);
	fputs(", ", out);
	escape(grid_string(report, "time"), out);
	fputs("</p>\n", out);
	write_machine(json_object_get(report, "machine"), out);
	write_list(json_object_get(report, "facts"), out);
	json_array_foreach(json_object_get(report, "plots"), i, each) write_plot(each, out);
	json_array_foreach(json_object_get(report, "tables"), i, each)
	{
		int r = write_table(each, out);
		if (r)
			return r;
	}
	fputs("</section>\n", out);
	return 0;
}

int reports_write_html(json_t *const *reports, size_t count, FILE *out)
{
	fputs(head, out);
	for (size_t i = 0; i < count; i++) {
		int r = write_report(reports[i], out);
		if (r)
			return r;
	}
	fputs("</body>\n</html>\n", out);
	return ferror(out) ? -EIO : 0;
}

int report_write_html(json_t *report, FILE *out)
{
	return reports_write_html(&report, 1, out);
}
