// SPDX-License-Identifier: BSD-2-Clause
/* Another's XDP program in libxdp's dispatcher (tests/vm/t_dispatcher.sh): counts packets and
 * passes them, before Weir. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counted SEC(".maps");

struct {
	__uint(priority, 10);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(count);

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 slot = 0;
	__u64 *n = bpf_map_lookup_elem(&counted, &slot);
	if (n)
		__sync_fetch_and_add(n, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
