// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A dispatcher for libxdp in the place of the one that it brings (datapath/dispatcher.h), by
 * version 2 of its protocol (lib/libxdp/protocol.org of xdp-tools): up to ten programs, called in
 * turn until one says something else than its chain_call_actions have. libxdp puts the programs
 * into the places below.
 *
 * Each place may change the packet. Linux 6.13, and stable kernels since then, let only a program
 * that does not stand in a place that does not, and so does libxdp before 1.5.5 with its own.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define VERSION 2
#define PLACES  10
#define EMPTY   31 /* what an empty place says: go on */

/* As libxdp fills it in. */
static const volatile struct {
	__u8 magic, dispatcher_version, num_progs_enabled, is_xdp_frags;
	__u32 chain_call_actions[PLACES]; /* one bit for each XDP action */
	__u32 run_prios[PLACES];
	__u32 program_flags[PLACES];
} conf = {};

/* The volatile keeps the compiler from knowing what it returns. */
#define PLACE(n)                                                     \
	__attribute__((noinline)) int prog##n(struct xdp_md *packet) \
	{                                                            \
		volatile int empty = EMPTY;                          \
		if (!packet)                                         \
			return XDP_ABORTED;                          \
		bpf_xdp_adjust_tail(packet, 0);                      \
		return empty;                                        \
	}
PLACE(0)
PLACE(1)
PLACE(2)
PLACE(3)
PLACE(4)
PLACE(5)
PLACE(6)
PLACE(7)
PLACE(8)
PLACE(9)

/* The verifier knows the configuration, and leaves out what is not used. */
#define CALL(n)                                                 \
	do {                                                    \
		if (conf.num_progs_enabled < (n) + 1)           \
			return XDP_PASS;                        \
		int said = prog##n(packet);                     \
		if (!(1u << said & conf.chain_call_actions[n])) \
			return said;                            \
	} while (0)

SEC("xdp")
int xdp_dispatcher(struct xdp_md *packet)
{
	CALL(0);
	CALL(1);
	CALL(2);
	CALL(3);
	CALL(4);
	CALL(5);
	CALL(6);
	CALL(7);
	CALL(8);
	CALL(9);
	return XDP_PASS;
}

/* By which libxdp finds out what the kernel can do. */
SEC("xdp")
int xdp_pass(struct xdp_md *packet)
{
	return XDP_PASS;
}

__uint(dispatcher_version, VERSION) SEC("xdp_metadata");
char LICENSE[] SEC("license") = "Dual BSD/GPL";
