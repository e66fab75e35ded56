// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/xdp_run.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/program.h"
#include "lb/err.h"
#include "lb/snapshot.h"
#include "tests/unit/packet_build.h"
#include "tools/weir/offline.h"

static int put_targets(struct xdp_run *x, const struct offline *o, struct err *err)
{
	int fd = program_prepare_targets(x->program, o->snapshot->targets, err);
	return fd < 0 ? fd : program_commit_targets(x->program, fd, err);
}

const char *xdp_run_open(struct xdp_run *x, const struct offline *o)
{
	static struct err err;
	memset(x, 0, sizeof(*x));
	x->socket = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->socket < 0)
		return errno == EPERM ? "not permitted to open AF_XDP sockets"
				      : "this kernel has no AF_XDP";
	int r = program_open(&x->program, 2, &err);
	if (!r) {
		r = program_set_socket(x->program, 0, 0, x->socket, &err);
		if (!r)
			r = put_targets(x, o, &err);
		if (r)
			fail_msg("%s", err.text);
		return NULL;
	}
	close(x->socket);
	if (r != -EPERM)
		fail_msg("%s", err.text);
	return err.text;
}

void xdp_run_close(struct xdp_run *x)
{
	if (!x->program)
		return;
	program_close(x->program);
	close(x->socket);
	memset(x, 0, sizeof(*x));
}

static void read_counters(const struct xdp_run *x, uint32_t port, struct port_counters *out)
{
	assert_int_equal(program_counters(x->program, port, out), 0);
}

/* The one reason that was counted since the last look. */
static enum reason counted_reason(struct xdp_run *x, uint32_t port)
{
	enum reason found = REASON_NONE;
	struct port_counters now;
	read_counters(x, port, &now);
	for (int r = 0; r < ABI_REASON_SLOTS; r++) {
		uint64_t new = now.dropped[r] - x->dropped[port][r];
		if (new != 0) {
			assert_int_equal(new, 1);
			assert_int_equal(found, REASON_NONE);
			found = r;
		}
		x->dropped[port][r] = now.dropped[r];
	}
	assert_int_not_equal(found, REASON_NONE);
	return found;
}

static enum xdp_outcome outcome_of(uint32_t action)
{
	switch (action) {
	case XDP_PASS:
		return OUTCOME_PASSED;
	case XDP_DROP:
		return OUTCOME_DROPPED;
	case XDP_REDIRECT:
		return OUTCOME_STEERED;
	default:
		return OUTCOME_OTHER;
	}
}

struct xdp_verdict xdp_run_packet(struct xdp_run *x, uint32_t port, const void *bytes,
				  uint32_t length)
{
	uint8_t out[FRAME_ROOM];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = length,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);
	struct xdp_verdict verdict = {.reason = REASON_NONE};
	if (bpf_prog_test_run_opts(program_fd(x->program, port), &run))
		fail_msg("BPF_PROG_RUN: %s", strerror(errno));
	assert_int_equal(run.data_size_out, length);
	assert_memory_equal(out, bytes, length);
	verdict.outcome = outcome_of(run.retval);
	if (verdict.outcome == OUTCOME_DROPPED)
		verdict.reason = counted_reason(x, port);
	return verdict;
}

void xdp_run_expect_ledger(const struct xdp_run *x, uint32_t port)
{
	struct port_counters c;
	read_counters(x, port, &c);
	uint64_t sum = c.passed + c.steered + c.transmitted;
	for (int r = 0; r < ABI_REASON_SLOTS; r++)
		sum += c.dropped[r];
	assert_int_equal(c.rx_packets, sum);
	assert_int_equal(c.dropped[REASON_NONE], 0);
}
