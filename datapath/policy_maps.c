// SPDX-License-Identifier: BSD-2-Clause
/* The maps are filled as plain memory: a million updates would take the kernel seconds. */
#include "datapath/policy_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/meter.h"
#include "bpf/policy.h"
#include "datapath/pins.h"
#include "lb/err.h"
#include "lb/policy.h"

#define PAGE 4096ul

uint32_t policy_bits(uint32_t flags)
{
	return TABLES_POLICED | (flags & POLICY_ANYWHERE ? TABLES_ANYWHERE : 0) |
	       (flags & POLICY_EARLY ? TABLES_EARLY : 0) |
	       (flags & POLICY_COOKIES ? TABLES_COOKIES : 0);
}

/* --- making ---------------------------------------------------------------------------------- */

static int make_array(const char *name, uint32_t value_size, uint32_t entries, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | flags);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), value_size, entries,
				&opts);
	return fd < 0 ? -errno : fd;
}

static int fill(int fd, const void *from, size_t size)
{
	size_t mapped = (size + PAGE - 1) & ~(PAGE - 1);
	void *to = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (to == MAP_FAILED)
		return -errno;
	memcpy(to, from, size);
	munmap(to, mapped);
	return 0;
}

/* An array that holds `entries` values of `from`; its descriptor, or -errno. */
static int make_filled(const char *name, const void *from, uint32_t value_size, uint32_t entries,
		       uint32_t flags)
{
	int fd = make_array(name, value_size, entries, flags);
	int r = fd < 0 ? fd : fill(fd, from, (size_t)value_size * entries);
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

void policy_maps_close(struct policy_maps *m)
{
	int *fds[] = {&m->policy,        &m->decisions,      &m->source_slots,
		      &m->source_ranges, &m->refused_blocks, &m->refused_lines};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	m->flags = 0;
}

/* Below 0: one of those that every policy has is not there, and why. */
static int least_of(const struct policy_maps *m)
{
	int least = m->policy;
	least = m->decisions < least ? m->decisions : least;
	least = m->source_slots < least ? m->source_slots : least;
	return m->source_ranges < least ? m->source_ranges : least;
}

int policy_maps_open(struct policy_maps *m, const struct policy_tables *p, struct err *err)
{
	struct policy_maps made = POLICY_MAPS_NONE;
	*m = made;
	if (!p)
		return 0;
	made.flags = p->head->flags;
	made.policy = make_filled("weir_policy", p->head, sizeof(*p->head), 1, 0);
	made.decisions = make_filled("weir_decisions", p->decisions, sizeof(uint64_t),
				     p->decision_words, BPF_F_INNER_MAP);
	made.source_slots = make_filled("weir_slots", p->sources.slots, sizeof(struct source_slot),
					p->sources.slot_count, BPF_F_INNER_MAP);
	made.source_ranges =
		make_filled("weir_ranges", p->sources.ranges, sizeof(struct source_range),
			    p->sources.range_count, BPF_F_INNER_MAP);
	int least = least_of(&made);
	if (least >= 0 && p->refused.blocks) {
		made.refused_blocks = make_filled("weir_refused", p->refused.blocks,
						  sizeof(struct refused_block), REFUSED_BLOCKS, 0);
		made.refused_lines =
			make_filled("weir_lines", p->refused.lines, sizeof(struct refused_line),
				    p->refused.line_count, BPF_F_INNER_MAP);
		least = made.refused_blocks < made.refused_lines ? made.refused_blocks
								 : made.refused_lines;
	}
	if (least < 0) {
		policy_maps_close(&made);
		return err_set(err, -least, "can't make the policy's tables in the kernel: %s",
			       strerror(-least));
	}
	*m = made;
	return 0;
}

/* --- putting --------------------------------------------------------------------------------- */

static int put(int all, uint32_t slot, int map)
{
	if (map >= 0)
		return bpf_map_update_elem(all, &slot, &map, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(all, &slot) && errno != ENOENT ? -errno : 0;
}

int policy_maps_put(const struct policy_maps *m, const struct policy_slots *to, uint32_t slot,
		    struct err *err)
{
	int r = put(to->refused_lines, slot, m->refused_lines);
	r = r ? r : put(to->refused_blocks, slot, m->refused_blocks);
	r = r ? r : put(to->source_ranges, slot, m->source_ranges);
	r = r ? r : put(to->source_slots, slot, m->source_slots);
	r = r ? r : put(to->decisions, slot, m->decisions);
	r = r ? r : put(to->policy, slot, m->policy);
	return r ? err_set(err, -r, "can't put the policy's tables in force: %s", strerror(-r)) : 0;
}

/* --- meters ---------------------------------------------------------------------------------- */

#define METERS_PIN "meter_buckets"

void policy_meters_inherit(struct policy_meters *m, const struct pins *pins)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int fd = m->entries ? -1 : pins_get(pins, METERS_PIN);
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) &&
	    info.value_size == sizeof(struct meter_bucket))
		*m = (struct policy_meters){.map = fd, .entries = info.max_entries};
	else
		close(fd);
}

int policy_meters_make(uint32_t entries, struct err *err)
{
	int fd = make_array("weir_meters", sizeof(struct meter_bucket), entries, BPF_F_INNER_MAP);
	return fd >= 0 ? fd
		       : err_set(err, -fd,
				 "the kernel has no %lu MiB for limits; make "
				 "policy.tracked_sources smaller: %s",
				 (entries * sizeof(struct meter_bucket) >> 20) + 1, strerror(-fd));
}

/* One of another size takes the place of what there is. */
static int take_meters(struct policy_meters *m, const struct pins *pins, int map, uint32_t entries,
		       struct err *err)
{
	if (m->entries)
		close(m->map);
	*m = (struct policy_meters){.map = map, .entries = entries};
	pins_drop(pins, METERS_PIN);
	return pins_put(pins, METERS_PIN, map, err);
}

int policy_meters_put(struct policy_meters *m, const struct pins *pins, int all_meters, int map,
		      uint32_t entries, struct err *err)
{
	int r = map < 0 ? 0 : take_meters(m, pins, map, entries, err);
	if (r || m->put)
		return r;
	r = put(all_meters, 0, m->map);
	m->put = !r;
	return r ? err_set(err, -r, "can't put limits in force: %s", strerror(-r)) : 0;
}

const struct meter_bucket *policy_meters_open(const struct policy_meters *m, uint64_t *mask)
{
	void *at = MAP_FAILED;
	if (m->entries)
		at = mmap(NULL, m->entries * sizeof(struct meter_bucket), PROT_READ, MAP_SHARED,
			  m->map, 0);
	*mask = m->entries - 1ul;
	return at == MAP_FAILED ? NULL : at;
}

void policy_meters_close(const struct meter_bucket *meters, uint64_t mask)
{
	if (meters)
		munmap((void *)meters, (mask + 1) * sizeof(*meters));
}
