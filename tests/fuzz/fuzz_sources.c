// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any text as a list of prefixes. Faults name a line that is there, ten of them at most; what is
 * taken makes a table that says of each prefix' first address, and of addresses around it, what the
 * list itself says: the group of the longest prefix that holds it. The first byte has the groups'
 * border: lines before it are of one group, those behind of another.
 */
#include <errno.h>
#include <string.h>

#include "bpf/packet.h"
#include "bpf/policy.h"
#include "lb/policing.h"
#include "lb/policy.h"
#include "lb/prefix.h"
#include "lb/sources.h"
#include "tests/fuzz/fuzz.h"

#define LOOKED_UP 64 /* prefixes */

static uint64_t lines_of(const char *text, size_t length)
{
	uint64_t lines = 1;
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

static void expect_faults(const struct source_faults *f, uint64_t lines)
{
	for (uint64_t i = 0; i < f->count && i < SOURCE_FAULTS; i++) {
		unsigned long long line;
		FUZZ_EXPECT(sscanf(f->text[i], "%llu:", &line) == 1);
		FUZZ_EXPECT(line >= 1 && line <= lines);
		FUZZ_EXPECT(strlen(f->text[i]) < SOURCE_FAULT && !strchr(f->text[i], '\n'));
	}
}

static bool holds(const struct source_prefix *p, const struct addr *a)
{
	struct addr first = prefix_mask(a, p->length);
	/* IPv4 is none of IPv6's, even where that is ::/0. */
	return addr_is_mapped(&p->address) == addr_is_mapped(a) &&
	       !memcmp(&first, &p->address, sizeof(first));
}

static uint32_t naive_identity(const struct source_list *l, const struct addr *a)
{
	const struct source_prefix *best = NULL;
	for (size_t i = 0; i < l->count; i++)
		if (holds(&l->prefixes[i], a) && (!best || l->prefixes[i].length > best->length))
			best = &l->prefixes[i];
	return best ? best->identity : 0;
}

static void expect_identities(const struct policy_tables *t, const struct source_list *l)
{
	for (size_t i = 0; i < l->count && i < LOOKED_UP; i++) {
		const struct source_prefix *p = &l->prefixes[i];
		for (int bit = -1; bit < 128; bit += 9) {
			struct addr a = p->address;
			if (bit >= 0)
				a.word[bit / 32] ^= bpf_htonl(1u << (31 - bit % 32));
			FUZZ_EXPECT(policing_identity(t, &a) == naive_identity(l, &a));
		}
	}
}

/* True: it was taken. */
static bool read_into(struct source_list *l, uint16_t identity, const char *text, size_t length)
{
	struct source_faults faults = {.count = 0};
	const struct source_reading reading = {.identity = identity, .faults = &faults};
	int r = source_list_read(l, text, length, &reading);
	FUZZ_EXPECT(r == 0 || r == -EINVAL || r == -ENOMEM);
	FUZZ_EXPECT((r == -EINVAL) == (faults.count > 0));
	expect_faults(&faults, lines_of(text, length));
	return !r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct policy head;
	struct policy_tables t = {.head = &head};
	struct source_list list = {};
	struct source_clash clash;
	if (length < 1)
		return 0;
	const char *text = (const char *)bytes + 1;
	size_t size = length - 1, border = size * bytes[0] / 256;
	while (border < size && text[border] != '\n')
		border++;
	if (read_into(&list, 1, text, border) &&
	    read_into(&list, 2, text + border, size - border)) {
		memset(head.families, 0, sizeof(head.families));
		int r = source_table_init(&t.sources, head.families, &list, &clash);
		FUZZ_EXPECT(r == 0 || r == -EEXIST || r == -ENOMEM);
		if (r == -EEXIST)
			FUZZ_EXPECT(clash.a.identity != clash.b.identity &&
				    clash.a.length == clash.b.length &&
				    !memcmp(&clash.a.address, &clash.b.address,
					    sizeof(clash.a.address)));
		if (!r) {
			expect_identities(&t, &list);
			source_table_fini(&t.sources);
		}
	}
	source_list_fini(&list);
	return 0;
}
