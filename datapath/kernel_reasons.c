// SPDX-License-Identifier: BSD-2-Clause
/* Keeps the kernel's BTF, in which the names lie. */
#include "datapath/kernel_reasons.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "SKB_DROP_REASON_"

struct kernel_reasons {
	struct btf *btf;
	const struct btf_type *type;
};

struct kernel_reasons *kernel_reasons_new(void)
{
	struct kernel_reasons *k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->btf = btf__load_vmlinux_btf();
	int id = k->btf ? btf__find_by_name_kind(k->btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;
	if (id > 0) {
		k->type = btf__type_by_id(k->btf, id);
		return k;
	}
	kernel_reasons_free(k);
	return NULL;
}

void kernel_reasons_free(struct kernel_reasons *k)
{
	if (!k)
		return;
	btf__free(k->btf);
	free(k);
}

const char *kernel_reasons_name(const struct kernel_reasons *k, uint32_t reason)
{
	if (!k)
		return NULL;
	const struct btf_enum *e = btf_enum(k->type);
	for (uint32_t i = 0; i < btf_vlen(k->type); i++) {
		if ((uint32_t)e[i].val != reason)
			continue;
		const char *name = btf__name_by_offset(k->btf, e[i].name_off);
		return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
	}
	return NULL;
}
