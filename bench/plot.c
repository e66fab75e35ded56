// SPDX-License-Identifier: BSD-2-Clause
/*
 * gnuplot reads a script with the data in it from a file of ours and writes SVG to a pipe. Text of
 * a report is put into the script quoted, so that none of it is a command.
 */
#include "bench/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/grid.h"

#define WIDTH  760
#define HEIGHT 400

/* In single quotes, where only a single quote means something, and "noenhanced" text at that. */
static void quote(const char *text, FILE *out)
{
	fputc('\'', out);
	for (; *text; text++)
		if ((unsigned char)*text >= ' ')
			fprintf(out, *text == '\'' ? "'%c" : "%c", *text);
	fputc('\'', out);
}

static void write_setting(const char *what, const char *text, FILE *out)
{
	fprintf(out, "set %s ", what);
	quote(text, out);
	fputc('\n', out);
}

static void write_data(json_t *curves, FILE *out)
{
	json_t *curve, *point;
	size_t i, j;
	json_array_foreach(curves, i, curve)
	{
		fprintf(out, "$curve%zu << END\n", i);
		json_array_foreach(json_object_get(curve, "points"), j, point)
			fprintf(out, "%.10g %.10g\n", json_number_value(json_array_get(point, 0)),
				json_number_value(json_array_get(point, 1)));
		fputs("END\n", out);
	}
}

static void write_script(json_t *plot, FILE *out)
{
	json_t *curves = json_object_get(plot, "curves"), *curve;
	size_t i;
	fprintf(out,
		"set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,13' rounded\n"
		"set grid lc rgb '#dddddd' lw 1\nset border 3\nset tics nomirror\n"
		"set key outside below horizontal\nset style data linespoints\n"
		"set format x '%%.4g'\nset format y '%%.4g'\n",
		WIDTH, HEIGHT);
	write_setting("title", grid_string(plot, "title"), out);
	write_setting("xlabel", grid_string(plot, "x"), out);
	write_setting("ylabel", grid_string(plot, "y"), out);
	if (json_is_true(json_object_get(plot, "points")))
		fputs("set style data points\n", out);
	if (json_is_true(json_object_get(plot, "log_x")))
		fputs("set logscale x 10\n", out);
	fputs(json_is_true(json_object_get(plot, "log_y")) ? "set logscale y 10\n"
							   : "set yrange [0:*]\n",
	      out);
	write_data(curves, out);
	fputs("plot ", out);
	json_array_foreach(curves, i, curve)
	{
		fprintf(out, "%s$curve%zu pt 7 ps 0.6 lw 2 title ", i ? ", " : "", i);
		quote(grid_string(curve, "name"), out);
	}
	fputc('\n', out);
}

/* From the <svg> on: what is before belongs to a file, not to a page. */
static int copy_svg(FILE *from, FILE *out)
{
	char line[8192];
	bool begun = false;
	while (fgets(line, sizeof(line), from)) {
		begun = begun || strstr(line, "<svg");
		if (begun)
			fputs(line, out);
	}
	return begun && !ferror(out) ? 0 : -EIO;
}

static int run_gnuplot(const char *script, FILE *out)
{
	char command[128];
	snprintf(command, sizeof(command), "gnuplot %s", script);
	FILE *svg = popen(command, "re");
	int r = svg ? copy_svg(svg, out) : -errno;
	if (svg && pclose(svg) && !r)
		r = -EIO;
	return r;
}

int plot_write_svg(json_t *plot, FILE *out)
{
	char path[] = "/tmp/weir-bench-plot.XXXXXX";
	if (system("command -v gnuplot >/dev/null"))
		return -ENOENT;
	int fd = mkostemp(path, O_CLOEXEC);
	FILE *script = fd < 0 ? NULL : fdopen(fd, "w");
	if (!script)
		return -errno;
	write_script(plot, script);
	int r = fclose(script) ? -errno : run_gnuplot(path, out);
	unlink(path);
	return r;
}
