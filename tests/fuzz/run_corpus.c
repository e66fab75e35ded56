// SPDX-License-Identifier: BSD-2-Clause
/*
 * The main() of a fuzz target where there is no libFuzzer: calls it once for each file of the
 * folders, and for the files, that it is given. The file at work is named when it ends badly.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define FILE_MAX (1u << 20)

static char at_work[4096];
static unsigned int count;

static void name_file(void)
{
	static const char words[] = "run_corpus: ended by this file: ";
	if (!*at_work)
		return;
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	(void)!write(STDERR_FILENO, at_work, strlen(at_work));
	(void)!write(STDERR_FILENO, "\n", 1);
}

static void on_signal(int number)
{
	name_file();
	signal(number, SIG_DFL);
	raise(number);
}

static bool fault(const char *path)
{
	fprintf(stderr, "run_corpus: %s: %s\n", path, strerror(errno));
	return false;
}

/* In memory that ends where the file ends, so that sanitizers see what is read behind it. */
static bool run_file(const char *path)
{
	static uint8_t buffer[FILE_MAX];
	FILE *in = fopen(path, "re");
	if (!in)
		return fault(path);
	size_t length = fread(buffer, 1, sizeof(buffer), in);
	fclose(in);
	uint8_t *bytes = malloc(length);
	if (!bytes && length)
		return fault(path);
	memcpy(bytes, buffer, length);
	snprintf(at_work, sizeof(at_work), "%s", path);
	LLVMFuzzerTestOneInput(bytes, length);
	*at_work = 0;
	free(bytes);
	count++;
	return true;
}

static bool run_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char file[4096];
	bool good = true;
	if (!folder)
		return fault(path);
	while (good && (entry = readdir(folder))) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (*entry->d_name != '.')
			good = run_file(file);
	}
	closedir(folder);
	return good;
}

static bool run_path(const char *path)
{
	struct stat s;
	if (stat(path, &s))
		return fault(path);
	return S_ISDIR(s.st_mode) ? run_folder(path) : run_file(path);
}

int main(int argc, char **argv)
{
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	atexit(name_file);
	for (int i = 1; i < argc; i++)
		if (!run_path(argv[i]))
			return 1;
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
