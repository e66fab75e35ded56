// SPDX-License-Identifier: BSD-2-Clause
/* No state; any thread. */
#include "datapath/probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <unistd.h>

/* One that every kernel since 5.5 has, there for such tests. */
#define ANY_FUNCTION "bpf_fentry_test1"

int probe_trampolines(bool *out)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int id = libbpf_find_vmlinux_btf_id(ANY_FUNCTION, BPF_TRACE_FENTRY);
	*out = false;
	if (id <= 0)
		return 0;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", code, 2, &opts);
	if (fd >= 0) {
		/* Loaded is not enough: the trampoline is made when it is attached. */
		int link = bpf_raw_tracepoint_open(NULL, fd);
		*out = link >= 0;
		if (link >= 0)
			close(link);
		close(fd);
		return 0;
	}
	/* A kernel that has them forbidden says EPERM too, so whether we may is asked apart. */
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", code, 2, NULL);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int probe_xdp(int ifindex, struct probe_xdp *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	int r = bpf_xdp_query(ifindex, 0, &query);
	if (r)
		return r;
	*out = (struct probe_xdp){.program = query.prog_id,
				  .generic = query.attach_mode == XDP_ATTACHED_SKB};
	int fd = query.prog_id ? bpf_prog_get_fd_by_id(query.prog_id) : -1;
	if (fd < 0)
		return 0;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		snprintf(out->name, sizeof(out->name), "%s", info.name);
	close(fd);
	return 0;
}
