// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any text as a configuration. One that is taken is printed, taken again, and printed the same;
 * one that is not has words that name the file, on one line.
 */
#include <errno.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "tests/fuzz/fuzz.h"

static char *print(const struct config *c, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	FUZZ_EXPECT(out);
	config_print(c, out);
	fclose(out);
	return text;
}

static void expect_words(int failure, const struct err *err)
{
	FUZZ_EXPECT(failure == -EINVAL || failure == -ENOMEM);
	FUZZ_EXPECT(!strncmp(err->text, "fuzz:", 5));
	FUZZ_EXPECT(strlen(err->text) < sizeof(err->text) && !strchr(err->text, '\n'));
}

static void expect_same_again(const struct config *first)
{
	struct config *second;
	struct err err = {};
	size_t length, length_again;
	char *text = print(first, &length);
	if (config_parse("again", text, length, &second, &err)) {
		fprintf(stderr, "%s\n%s", err.text, text);
		abort();
	}
	char *again = print(second, &length_again);
	if (length != length_again || memcmp(text, again, length)) {
		fprintf(stderr, "printed:\n%s\nprinted again:\n%s\n", text, again);
		abort();
	}
	config_free(second);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct config *config = NULL;
	struct err err = {};
	int failure = config_parse("fuzz", (const char *)bytes, length, &config, &err);
	if (failure) {
		expect_words(failure, &err);
		return 0;
	}
	expect_same_again(config);
	config_free(config);
	return 0;
}
