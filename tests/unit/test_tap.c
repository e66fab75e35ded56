// SPDX-License-Identifier: BSD-2-Clause
/* The ring of capture records: against a plain queue, around its end, full, and by two threads. */
#include "datapath/tap.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"

#define SIZE      4096u
#define BYTES_MAX 600u
#define HEAD      ((uint32_t)sizeof(struct tap_record))

/* Record number n has a length and bytes that follow from n, so that anyone can check it. */
static uint32_t length_of(uint32_t n)
{
	return n * 2654435761u % (BYTES_MAX + 1);
}

static uint64_t lost; /* records that found no room since open_ring() */

static void open_ring(struct tap_ring *r, size_t size)
{
	lost = 0;
	assert_int_equal(tap_ring_init(r, size), 0);
}

static void push_record(struct tap_ring *r, const struct tap_record *record, const void *bytes)
{
	if (!tap_ring_push(r, record, bytes))
		__atomic_store_n(&lost, lost + 1, __ATOMIC_RELAXED);
}

static void push(struct tap_ring *r, uint32_t n)
{
	uint8_t bytes[BYTES_MAX];
	struct tap_record record = {.time_ns = n, .length = n + 1, .captured = length_of(n)};
	memset(bytes, n, record.captured);
	push_record(r, &record, bytes);
}

/* Expects records in the order of their numbers; gaps are what was lost. */
struct reader {
	uint32_t next, seen;
};

static void read_record(void *context, const struct tap_record *record, const void *bytes)
{
	struct reader *reader = context;
	const uint8_t *b = bytes;
	uint32_t n = record->time_ns;
	assert_true(n >= reader->next);
	assert_int_equal(record->length, n + 1);
	assert_int_equal(record->captured, length_of(n));
	for (uint32_t i = 0; i < record->captured; i++)
		assert_int_equal(b[i], (uint8_t)n);
	reader->next = n + 1;
	reader->seen++;
}

static void test_sizes(void **state)
{
	struct tap_ring r;
	assert_int_equal(tap_ring_init(&r, 5000), -EINVAL);
	assert_int_equal(tap_ring_init(&r, 2048), -EINVAL);
	open_ring(&r, SIZE);
	assert_int_equal(tap_ring_drain(&r, read_record, NULL, UINT64_MAX), 0);
	tap_ring_fini(&r);
}

static void test_one_at_a_time(void **state)
{
	struct reader reader = {0};
	struct tap_ring r;
	open_ring(&r, SIZE);
	for (uint32_t n = 0; n < 20000; n++) {
		push(&r, n);
		assert_int_equal(tap_ring_drain(&r, read_record, &reader, UINT64_MAX), 1);
		assert_int_equal(reader.next, n + 1);
	}
	assert_int_equal(lost, 0);
	tap_ring_fini(&r);
}

static void test_what_finds_no_room_is_lost(void **state)
{
	enum { COUNT = 100 };
	struct reader reader = {0};
	struct tap_ring r;
	open_ring(&r, SIZE);
	for (uint32_t n = 0; n < COUNT; n++)
		push(&r, n);
	assert_int_not_equal(lost, 0);
	unsigned int drained = tap_ring_drain(&r, read_record, &reader, UINT64_MAX);
	assert_int_equal(drained + lost, COUNT);
	/* It has as much as it can hold: no further record of the largest size fits. */
	assert_in_range(drained, SIZE / (HEAD + BYTES_MAX + 8), SIZE / HEAD);
	push(&r, COUNT);
	assert_int_equal(tap_ring_drain(&r, read_record, &reader, UINT64_MAX), 1);
	tap_ring_fini(&r);
}

static void test_record_larger_than_the_ring(void **state)
{
	static const uint8_t bytes[2 * SIZE];
	struct tap_record record = {.captured = sizeof(bytes)};
	struct tap_ring r;
	open_ring(&r, SIZE);
	push_record(&r, &record, bytes);
	assert_int_equal(lost, 1);
	assert_int_equal(tap_ring_drain(&r, read_record, NULL, UINT64_MAX), 0);
	tap_ring_fini(&r);
}

/* To the last byte of the ring, and with less than a record's head left at its end. */
static void test_ends_of_the_ring(void **state)
{
	for (uint32_t left = 0; left <= 64; left += 8) {
		static const uint8_t bytes[SIZE];
		struct reader reader = {0};
		struct tap_record filler = {.captured = SIZE - sizeof(struct tap_record) - left};
		struct tap_ring r;
		open_ring(&r, SIZE);
		push_record(&r, &filler, bytes);
		assert_int_equal(tap_ring_drain(&r, NULL, NULL, UINT64_MAX), 1);
		for (uint32_t n = 0; n < 5; n++)
			push(&r, n);
		assert_int_equal(tap_ring_drain(&r, read_record, &reader, UINT64_MAX), 5);
		assert_int_equal(lost, 0);
		tap_ring_fini(&r);
	}
}

static void test_random_turns(void **state)
{
	struct reader reader = {0};
	uint64_t random = 0x746170;
	uint32_t n = 0;
	struct tap_ring r;
	open_ring(&r, SIZE);
	for (int turn = 0; turn < 20000; turn++) {
		for (uint64_t i = fixture_random(&random) % 16; i > 0; i--)
			push(&r, n++);
		tap_ring_drain(&r, read_record, &reader, UINT64_MAX);
	}
	assert_int_equal(reader.seen + lost, n);
	assert_int_not_equal(lost, 0);
	tap_ring_fini(&r);
}

#define THREAD_RECORDS 200000u

static void *produce(void *ring)
{
	for (uint32_t n = 0; n < THREAD_RECORDS; n++)
		push(ring, n);
	return NULL;
}

static void test_two_threads(void **state)
{
	struct reader reader = {0};
	pthread_t producer;
	struct tap_ring r;
	open_ring(&r, 1u << 16);
	assert_int_equal(pthread_create(&producer, NULL, produce, &r), 0);
	while (reader.seen + __atomic_load_n(&lost, __ATOMIC_RELAXED) < THREAD_RECORDS)
		tap_ring_drain(&r, read_record, &reader, UINT64_MAX);
	pthread_join(producer, NULL);
	tap_ring_drain(&r, read_record, &reader, UINT64_MAX);
	assert_int_equal(reader.seen + lost, THREAD_RECORDS);
	tap_ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_what_finds_no_room_is_lost),
		cmocka_unit_test(test_record_larger_than_the_ring),
		cmocka_unit_test(test_ends_of_the_ring),
		cmocka_unit_test(test_random_turns),
		cmocka_unit_test(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
