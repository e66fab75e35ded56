/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz target: one function that takes any bytes, and must neither crash nor see an expectation
 * of its own broken. `make fuzz` links it with libFuzzer, which thinks up the bytes; `make test`
 * with run_corpus.c, which takes them from files. State that outlives a call must not change what
 * the next one does.
 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define FUZZ_EXPECT(condition)                                                                    \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: expected: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

#endif
