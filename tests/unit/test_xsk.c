// SPDX-License-Identifier: BSD-2-Clause
/* What is said of a socket's rings by who looks at them while others move them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/if_xdp.h>
#include <pthread.h>

#include "datapath/worker.h"
#include "datapath/xsk.h"

#define ENTRIES 64u
#define LOOKS   2000000

/* The producer and the consumer of a ring, in one: its frames are gone as soon as they are there.
 */
struct mover {
	uint32_t producer, consumer;
	bool stop;
};

static void *move(void *context)
{
	struct mover *m = context;
	for (uint32_t n = 1; !__atomic_load_n(&m->stop, __ATOMIC_RELAXED); n++) {
		__atomic_store_n(&m->producer, n, __ATOMIC_RELEASE);
		__atomic_store_n(&m->consumer, n, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* None is never more than the ring has moved on meanwhile: far from 2^32. */
static void test_rings_that_move(void **state)
{
	struct mover m = {};
	struct xsk x = {};
	pthread_t thread;
	uint32_t most = 0;
	x.tx.producer = &m.producer;
	x.tx.consumer = &m.consumer;
	assert_int_equal(pthread_create(&thread, NULL, move, &m), 0);
	for (int i = 0; i < LOOKS && most < 1u << 31; i++) {
		uint32_t unsent = xsk_unsent(&x), packets = xsk_unsent_packets(&x);
		most = unsent > most ? unsent : most;
		most = packets > most ? packets : most;
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_in_range(most, 0, (1u << 31) - 1);
}

/* Of chains the ends count, from the consumer on. */
static void test_chains(void **state)
{
	struct xdp_desc ring[ENTRIES] = {};
	uint32_t producer = ENTRIES + 3, consumer = ENTRIES - 2;
	struct xsk x = {.multi_buffer = true};
	x.tx.producer = &producer;
	x.tx.consumer = &consumer;
	x.tx.ring = ring;
	x.tx.mask = ENTRIES - 1;
	assert_int_equal(xsk_unsent_packets(&x), 5);
	ring[ENTRIES - 1].options = ring[0].options = XDP_PKT_CONTD;
	assert_int_equal(xsk_unsent_packets(&x), 3);
	assert_int_equal(xsk_unsent(&x), 5);
}

/* A frame that goes from one place to another while they are counted is in both, and none less. */
static void test_frames_on_their_way(void **state)
{
	struct worker_frames f;
	uint32_t produced = 10, consumed = 4, none = 0;
	struct xsk x = {};
	struct worker w = {.sockets = &x, .socket_count = 1};
	x.fill = &x.own_fill;
	x.fill->producer = &produced;
	x.fill->consumer = &consumed;
	x.tx.producer = x.tx.consumer = &none;
	w.pool.capacity = 8;
	w.pool.count = 2;
	worker_frames(&w, &f);
	assert_int_equal(f.in_fill, 6);
	assert_int_equal(f.elsewhere, 0);
	w.pool.count = 3;
	worker_frames(&w, &f);
	assert_int_equal(f.free, 3);
	assert_int_equal(f.elsewhere, 0);
	w.pool.count = 1;
	worker_frames(&w, &f);
	assert_int_equal(f.elsewhere, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings_that_move),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_frames_on_their_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
