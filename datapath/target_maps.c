// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "datapath/target_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lb/err.h"
#include "lb/target_table.h"

static bool is_prefix(const struct target_entry *e)
{
	return e->used && e->key.prefix && !e->key.protocol && !e->key.port;
}

static int put_prefix(int fd, const struct target_key *value)
{
	struct prefix_key key = {.length = value->prefix, .address = value->address};
	return bpf_map_update_elem(fd, &key, value, BPF_ANY) ? -errno : 0;
}

static int fill(struct target_maps *m, const struct target_table *t)
{
	int r = 0;
	for (uint32_t i = 0; i <= t->mask && !r; i++) {
		const struct target_entry *e = &t->entries[i];
		if (e->used && bpf_map_update_elem(m->targets, &e->key, &e->value, BPF_ANY))
			r = -errno;
		else if (is_prefix(e))
			r = put_prefix(m->prefixes, &e->key);
	}
	return r;
}

static void close_maps(struct target_maps *m)
{
	if (m->targets >= 0)
		close(m->targets);
	if (m->prefixes >= 0)
		close(m->prefixes);
	*m = (struct target_maps){-1, -1};
}

int target_maps_open(struct target_maps *m, const struct target_table *t, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	uint32_t room = t->count ? t->count : 1;
	struct target_maps made = {-1, -1};
	made.targets = bpf_map_create(BPF_MAP_TYPE_HASH, "weir_targets", sizeof(struct target_key),
				      sizeof(struct target), room, &opts);
	if (t->length_count && made.targets >= 0)
		made.prefixes = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "weir_prefixes",
					       sizeof(struct prefix_key), sizeof(struct target_key),
					       room, &opts);
	int r = 0;
	if (made.targets < 0 || (t->length_count && made.prefixes < 0))
		r = -errno;
	r = r ? r : fill(&made, t);
	if (r) {
		close_maps(&made);
		return err_set(err, -r, "can't make the table of services in the kernel: %s",
			       strerror(-r));
	}
	*m = made;
	return 0;
}

int target_maps_put(struct target_maps *m, int all_targets, int all_prefixes, uint32_t slot,
		    struct err *err)
{
	int r = 0;
	if (bpf_map_update_elem(all_targets, &slot, &m->targets, BPF_ANY))
		r = -errno;
	else if (m->prefixes >= 0 &&
		 bpf_map_update_elem(all_prefixes, &slot, &m->prefixes, BPF_ANY))
		r = -errno;
	else if (m->prefixes < 0 && bpf_map_delete_elem(all_prefixes, &slot) && errno != ENOENT)
		r = -errno;
	close_maps(m);
	return r ? err_set(err, -r, "can't put the table of services in force: %s", strerror(-r))
		 : 0;
}
