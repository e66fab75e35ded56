// SPDX-License-Identifier: BSD-2-Clause
/* The ring of capture records: against a plain queue, around its end, full, and by two threads. */
#include "datapath/tap.h"

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

static struct tap_ring *new_ring(uint32_t size)
{
	struct tap_ring *r = tap_ring_new(size);
	lost = 0;
	assert_non_null(r);
	return r;
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

static void test_empty(void **state)
{
	struct tap_ring *r = new_ring(SIZE);
	assert_int_equal(tap_ring_drain(r, read_record, NULL, UINT64_MAX), 0);
	assert_int_equal(tap_ring_drain(NULL, read_record, NULL, UINT64_MAX), 0);
	free(r);
}

static void test_one_at_a_time(void **state)
{
	struct reader reader = {0};
	struct tap_ring *r = new_ring(SIZE);
	for (uint32_t n = 0; n < 20000; n++) {
		push(r, n);
		assert_int_equal(tap_ring_drain(r, read_record, &reader, UINT64_MAX), 1);
		assert_int_equal(reader.next, n + 1);
	}
	assert_int_equal(lost, 0);
	free(r);
}

static void test_what_finds_no_room_is_lost(void **state)
{
	enum { COUNT = 100 };
	struct reader reader = {0};
	struct tap_ring *r = new_ring(SIZE);
	for (uint32_t n = 0; n < COUNT; n++)
		push(r, n);
	assert_int_not_equal(lost, 0);
	unsigned int drained = tap_ring_drain(r, read_record, &reader, UINT64_MAX);
	assert_int_equal(drained + lost, COUNT);
	/* It has as much as it can hold: no further record of the largest size fits. */
	assert_in_range(drained, SIZE / (HEAD + BYTES_MAX + 8), SIZE / HEAD);
	push(r, COUNT);
	assert_int_equal(tap_ring_drain(r, read_record, &reader, UINT64_MAX), 1);
	free(r);
}

static void test_record_of_more_than_a_packet(void **state)
{
	static const uint8_t bytes[CAPTURE_BYTES_MAX + 8];
	struct tap_record record = {.captured = CAPTURE_BYTES_MAX + 1};
	struct tap_ring *r = new_ring(SIZE);
	push_record(r, &record, bytes);
	assert_int_equal(lost, 1);
	assert_int_equal(tap_ring_drain(r, read_record, NULL, UINT64_MAX), 0);
	record.captured = CAPTURE_BYTES_MAX;
	push_record(r, &record, bytes);
	assert_int_equal(lost, 1);
	assert_int_equal(tap_ring_drain(r, NULL, NULL, UINT64_MAX), 1);
	free(r);
}

/* A record of so many bytes of the ring. */
static void push_bytes(struct tap_ring *r, uint32_t size)
{
	static const uint8_t bytes[CAPTURE_BYTES_MAX];
	struct tap_record record = {.captured = size - HEAD};
	push_record(r, &record, bytes);
}

/* The longest record, begun in front of the ring's end at any distance, and those behind it. */
static void test_ends_of_the_ring(void **state)
{
	for (uint32_t left = 8; left <= TAP_RECORD_MAX; left += 8) {
		struct reader reader = {.next = 1};
		struct tap_ring *r = new_ring(SIZE);
		push_bytes(r, SIZE / 2 - TAP_RECORD_MAX / 2);
		push_bytes(r, SIZE / 2 - TAP_RECORD_MAX / 2);
		assert_int_equal(tap_ring_drain(r, NULL, NULL, UINT64_MAX), 2);
		if (left < TAP_RECORD_MAX - HEAD)
			push_bytes(r, TAP_RECORD_MAX - left);
		push_bytes(r, TAP_RECORD_MAX);
		assert_in_range(tap_ring_drain(r, NULL, NULL, UINT64_MAX), 1, 2);
		for (uint32_t n = 1; n < 6; n++)
			push(r, n);
		assert_int_equal(tap_ring_drain(r, read_record, &reader, UINT64_MAX), 5);
		assert_int_equal(lost, 0);
		free(r);
	}
}

/* To its last byte, and no further. */
static void test_full(void **state)
{
	struct tap_ring *r = new_ring(SIZE);
	push_bytes(r, TAP_RECORD_MAX);
	push_bytes(r, SIZE - TAP_RECORD_MAX - HEAD);
	push_bytes(r, HEAD);
	assert_int_equal(lost, 0);
	push_bytes(r, HEAD);
	assert_int_equal(lost, 1);
	assert_int_equal(tap_ring_drain(r, NULL, NULL, UINT64_MAX), 3);
	push_bytes(r, HEAD);
	assert_int_equal(lost, 1);
	free(r);
}

static void test_random_turns(void **state)
{
	struct reader reader = {0};
	uint64_t random = 0x746170;
	uint32_t n = 0;
	struct tap_ring *r = new_ring(SIZE);
	for (int turn = 0; turn < 20000; turn++) {
		for (uint64_t i = fixture_random(&random) % 16; i > 0; i--)
			push(r, n++);
		tap_ring_drain(r, read_record, &reader, UINT64_MAX);
	}
	assert_int_equal(reader.seen + lost, n);
	assert_int_not_equal(lost, 0);
	free(r);
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
	struct tap_ring *r = new_ring(1u << 16);
	assert_int_equal(pthread_create(&producer, NULL, produce, r), 0);
	while (reader.seen + __atomic_load_n(&lost, __ATOMIC_RELAXED) < THREAD_RECORDS)
		tap_ring_drain(r, read_record, &reader, UINT64_MAX);
	pthread_join(producer, NULL);
	tap_ring_drain(r, read_record, &reader, UINT64_MAX);
	assert_int_equal(reader.seen + lost, THREAD_RECORDS);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_what_finds_no_room_is_lost),
		cmocka_unit_test(test_record_of_more_than_a_packet),
		cmocka_unit_test(test_ends_of_the_ring),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_random_turns),
		cmocka_unit_test(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
