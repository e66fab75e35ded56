// SPDX-License-Identifier: BSD-2-Clause
/* Which queue an interrupt is for, by the names that drivers give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/interrupts.h"

static void test_names(void **state)
{
	static const struct {
		const char *name;
		int queue;
	} rows[] = {
		{"virtio2-input.3", 3},
		{"virtio2-output.11", 11},
		{"virtio2-config", 2}, /* of no queue: it may go anywhere */
		{"eth0-TxRx-3", 3},
		{"i40e-enp1s0f0-TxRx-63", 63},
		{"ice-enp1s0-TxRx-0", 0},
		{"eth0-Tx-Rx-7", 7},
		{"mlx5_comp12@pci:0000:03:00.0", 12},
		{"gve-ntfy-blk3@pci:0000:00:04.0", 3},
		{"eth0", 0},
		{"aerdrv", -1},
		{"@pci:0000:03:00.0", -1},
		{"", -1},
		{"queue-65535", 65535},
		{"queue-65536", -1},
		{"queue-99999999999999999999999", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(interrupts_queue_named(rows[i].name), rows[i].queue);
}

/* A device that is not there, an interrupt that nobody has. */
static void test_nothing(void **state)
{
	uint32_t irqs[4];
	char list[INTERRUPTS_LIST];
	assert_int_equal(interrupts_list("ffff:ff:1f.7", irqs, 4), 0);
	assert_int_equal(interrupts_queue(4000000000u), -1);
	assert_true(interrupts_read(4000000000u, list) < 0);
	assert_true(interrupts_write(4000000000u, "0") < 0);
	assert_false(interrupts_is_at(4000000000u, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
