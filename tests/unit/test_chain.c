// SPDX-License-Identifier: BSD-2-Clause
/* Chains of frames, over rings that are plain memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "datapath/chain.h"
#include "datapath/frame_pool.h"
#include "datapath/xsk.h"

#define FRAMES 64u
#define SLOTS  64u
#define HOLDS  (FRAME_SIZE - 256u) /* bytes of a frame that the kernel fills */

struct fixture {
	uint8_t memory[FRAMES * FRAME_SIZE];
	struct xdp_desc rx_ring[SLOTS], tx_ring[SLOTS];
	uint32_t rx_producer, rx_consumer, tx_producer, tx_consumer;
	struct xsk socket;
	struct frame_pool pool;
	struct chains *chains;
	uint8_t packet[20000];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->socket.rx = (struct xsk_ring_cons){.mask = SLOTS - 1,
					      .size = SLOTS,
					      .producer = &f->rx_producer,
					      .consumer = &f->rx_consumer,
					      .ring = f->rx_ring};
	f->socket.tx = (struct xsk_ring_prod){.cached_cons = SLOTS,
					      .mask = SLOTS - 1,
					      .size = SLOTS,
					      .producer = &f->tx_producer,
					      .consumer = &f->tx_consumer,
					      .ring = f->tx_ring};
	assert_int_equal(frame_pool_init(&f->pool, FRAMES), 0);
	f->chains = chains_new();
	for (size_t i = 0; i < sizeof(f->packet); i++)
		f->packet[i] = i * 31 + (i >> 8);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	chains_free(f->chains);
	frame_pool_fini(&f->pool);
	free(f);
	return 0;
}

/* Puts the packet into frames, as the kernel does. */
static void arrive(struct fixture *f, uint32_t length)
{
	for (uint32_t at = 0; at < length; at += HOLDS) {
		uint32_t n = length - at < HOLDS ? length - at : HOLDS;
		uint64_t address = frame_pool_get(&f->pool) + 256;
		memcpy(f->memory + address, f->packet + at, n);
		f->rx_ring[f->rx_producer++ % SLOTS] = (struct xdp_desc){
			.addr = address, .len = n, .options = at + n < length ? XDP_PKT_CONTD : 0};
	}
}

/* What was staged as one packet, in order; its length. The frames go back to the pool. */
static uint32_t leave(struct fixture *f, uint8_t *out)
{
	uint32_t length = 0, more = 1, index = f->tx_consumer;
	f->tx_producer += f->socket.staged;
	f->socket.staged = f->socket.continued = 0;
	while (more) {
		assert_int_not_equal(index, f->tx_producer);
		const struct xdp_desc *d = &f->tx_ring[index++ % SLOTS];
		memcpy(out + length, f->memory + d->addr, d->len);
		length += d->len;
		more = d->options & XDP_PKT_CONTD;
		frame_pool_put(&f->pool, d->addr);
	}
	f->tx_consumer = index;
	return length;
}

static void test_whole(void **state)
{
	static const uint32_t lengths[] = {60, HOLDS, HOLDS + 1, 9014, 9022, 3 * HOLDS};
	static uint8_t out[20000];
	struct fixture *f = *state;
	struct lb_packet burst[LB_BURST];
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		arrive(f, lengths[i]);
		assert_int_equal(chains_receive(f->chains, &f->socket, f->memory, burst), 1);
		assert_int_equal(burst[0].length, lengths[i]);
		assert_memory_equal(burst[0].data, f->packet, lengths[i]);
		assert_true(chain_stage(&f->chains->of[0], &f->socket, f->memory, burst, &f->pool));
		assert_int_equal(leave(f, out), lengths[i]);
		assert_memory_equal(out, f->packet, lengths[i]);
		assert_int_equal(f->pool.count, FRAMES);
	}
}

/* Headers come in front, or go; the rest follows. */
static void test_moved_start(void **state)
{
	static uint8_t out[20000];
	struct fixture *f = *state;
	struct lb_packet burst[LB_BURST];
	for (int growth = -20; growth <= 48; growth += 4) {
		arrive(f, 9000);
		chains_receive(f->chains, &f->socket, f->memory, burst);
		burst[0].data -= growth;
		burst[0].length += growth;
		if (growth > 0)
			memset(burst[0].data, 0xee, growth);
		assert_true(chain_stage(&f->chains->of[0], &f->socket, f->memory, burst, &f->pool));
		assert_int_equal(leave(f, out), 9000 + growth);
		if (growth > 0) {
			for (int i = 0; i < growth; i++)
				assert_int_equal(out[i], 0xee);
			assert_memory_equal(out + growth, f->packet, 9000);
		} else {
			assert_memory_equal(out, f->packet - growth, 9000 + growth);
		}
		assert_int_equal(f->pool.count, FRAMES);
	}
}

/* An ICMP error quotes the beginning alone: other bytes, and frames that are not needed. */
static void test_cut(void **state)
{
	static uint8_t out[20000];
	struct fixture *f = *state;
	struct lb_packet burst[LB_BURST];
	for (uint32_t length = 500; length < 5000; length += 700) {
		arrive(f, 9000);
		chains_receive(f->chains, &f->socket, f->memory, burst);
		burst[0].data -= 28;
		burst[0].length = length;
		memset(burst[0].data, 0x77, length);
		assert_true(chain_stage(&f->chains->of[0], &f->socket, f->memory, burst, &f->pool));
		assert_int_equal(leave(f, out), length);
		for (uint32_t i = 0; i < length; i++)
			assert_int_equal(out[i], 0x77);
		assert_int_equal(f->pool.count, FRAMES);
	}
}

/* A packet of which a part is not there yet waits for it. */
static void test_part(void **state)
{
	struct fixture *f = *state;
	struct lb_packet burst[LB_BURST];
	arrive(f, 100);
	arrive(f, 9000);
	arrive(f, 9000);
	f->rx_producer -= 2;
	assert_int_equal(chains_receive(f->chains, &f->socket, f->memory, burst), 2);
	assert_int_equal(burst[1].length, 9000);
	assert_int_equal(chains_receive(f->chains, &f->socket, f->memory, burst), 0);
	f->rx_producer += 2;
	assert_int_equal(chains_receive(f->chains, &f->socket, f->memory, burst), 1);
	assert_memory_equal(burst[0].data, f->packet, 9000);
}

/* Without room in the ring nothing is lost: the frames are the caller's. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct lb_packet burst[LB_BURST];
	arrive(f, 9000);
	chains_receive(f->chains, &f->socket, f->memory, burst);
	f->socket.tx.cached_prod = SLOTS - 3;
	f->tx_producer = f->socket.tx.cached_prod;
	assert_false(chain_stage(&f->chains->of[0], &f->socket, f->memory, burst, &f->pool));
	assert_int_equal(f->socket.staged, 0);
	chain_put(&f->chains->of[0], &f->pool);
	assert_int_equal(f->pool.count, FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_part, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
