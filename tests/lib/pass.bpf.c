// SPDX-License-Identifier: BSD-2-Clause
/* The XDP program of a cable's other end (net_take_xdp() in tests/lib/net.sh): passes everything.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
