/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about this kernel's BPF that only it can answer. They change nothing. */
#ifndef WEIR_DATAPATH_PROBE_H
#define WEIR_DATAPATH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether BPF trampolines (fentry) load, which libxdp's dispatcher is built on. -EPERM: not ours to
 * ask. */
int probe_trampolines(bool *out);

struct probe_xdp {
	uint32_t program; /* id; 0: none is attached */
	bool generic;
	char name[17];
};

/* The XDP program on an interface. -errno. */
int probe_xdp(int ifindex, struct probe_xdp *out);

#endif
