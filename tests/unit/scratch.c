// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <getopt.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEMPLATE  "/tmp/weir-test-XXXXXX"
#define ARGUMENTS 16

static char folder[] = TEMPLATE;

void scratch_open(void)
{
	strcpy(folder, TEMPLATE);
	assert_non_null(mkdtemp(folder));
}

void scratch_close(void)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlink(scratch_path(entry->d_name));
	closedir(dir);
	assert_int_equal(rmdir(folder), 0);
}

const char *scratch_path(const char *name)
{
	static char text[8][sizeof(folder) + NAME_MAX + 1];
	static unsigned int next;
	char *t = text[next++ % 8];
	snprintf(t, sizeof(text[0]), "%s/%s", folder, name);
	return t;
}

void scratch_write(const char *name, const void *bytes, size_t length)
{
	FILE *f = fopen(scratch_path(name), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, length, f), length);
	fclose(f);
}

const char *scratch_read(const char *name)
{
	static char text[1 << 20];
	FILE *f = fopen(scratch_path(name), "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static int redirect(int fd, const char *name)
{
	int kept = dup(fd);
	FILE *f = fopen(scratch_path(name), "w");
	assert_non_null(f);
	dup2(fileno(f), fd);
	fclose(f);
	return kept;
}

static void restore(int fd, int kept)
{
	dup2(kept, fd);
	close(kept);
}

static int run_redirected(int (*command)(int argc, char **argv), int argc, char **argv)
{
	fflush(stdout);
	fflush(stderr);
	int out = redirect(STDOUT_FILENO, "stdout"), err = redirect(STDERR_FILENO, "stderr");
	optind = 0; /* getopt begins anew */
	int status = command(argc, argv);
	fflush(stdout);
	fflush(stderr);
	restore(STDOUT_FILENO, out);
	restore(STDERR_FILENO, err);
	return status;
}

int scratch_run(int (*command)(int argc, char **argv), ...)
{
	char *argv[ARGUMENTS + 1] = {strdup("weir command")};
	int argc = 1;
	va_list ap;
	va_start(ap, command);
	for (const char *a; (a = va_arg(ap, const char *)); argc++) {
		assert_true(argc < ARGUMENTS);
		argv[argc] = strdup(a);
	}
	va_end(ap);
	int status = run_redirected(command, argc, argv);
	while (argc > 0)
		free(argv[--argc]);
	return status;
}

void scratch_expect_stderr(const char *words)
{
	const char *text = scratch_read("stderr");
	if (!strstr(text, words))
		fail_msg("stderr: '%s'; expected '%s'", text, words);
}
