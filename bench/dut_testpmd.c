// SPDX-License-Identifier: BSD-2-Clause
/* DPDK's testpmd (Debian: packages dpdk-dev and librte-net-af-xdp23), swapping link addresses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/dut.h"
#include "lb/err.h"

#define READY_SECONDS 30
#define MEMORY        "512" /* MiB */

static int find_testpmd(char *path, size_t size)
{
	static const char *const places[] = {"/usr/bin/dpdk-testpmd",
					     "/usr/local/bin/dpdk-testpmd"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK))
			continue;
		snprintf(path, size, "%s", places[i]);
		return 0;
	}
	return -ENOENT;
}

/*
 * One forwarding core, on `cpu`; the other one reads commands, and there are none. Without a
 * terminal it forwards until its input ends.
 */
int dut_start_testpmd(struct dut *d, const char *folder, int cpu, struct err *err)
{
	char path[128], log[128], cores[32];
	char *argv[] = {
		"stdbuf", /* else its lines come when it ends */
		"-oL",
		path,
		"--lcores",
		cores,
		"--no-shconf",
		"--no-huge",
		"-m",
		MEMORY,
		"--no-pci",
		"--vdev",
		// NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one word
		"net_af_xdp0,iface=" WIRE_FAR_NAME ",start_queue=0,queue_count=1",
		"--",
		"--forward-mode=macswap",
		"--auto-start",
		"--nb-cores=1",
		"--no-mlockall",
		"--disable-link-check",
		"--total-num-mbufs=16384",
		NULL,
	};
	if (find_testpmd(path, sizeof(path)))
		return err_set(
			err, ENOENT,
			"no dpdk-testpmd here: apt-get install dpdk-dev librte-net-af-xdp23");
	snprintf(cores, sizeof(cores), "0@%d,1@%d", cpu, cpu);
	snprintf(log, sizeof(log), "%s/testpmd.log", folder);
	int r = child_start(&d->child, d->wire.far, -1, log, argv, err);
	if (!r)
		r = child_await(&d->child, "Press enter to exit", READY_SECONDS, err);
	return r ? err_prefix(err, -r, "testpmd") : 0;
}
