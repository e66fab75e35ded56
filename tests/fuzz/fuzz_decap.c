// SPDX-License-Identifier: BSD-2-Clause
/*
 * The readers of what comes out of tunnels or back from them: bpf/decap.h with any frame, and the
 * control thread's reader of ICMP errors. The first byte says which.
 */
#include <stdlib.h>
#include <string.h>

#include "bpf/decap.h"
#include "tests/fuzz/fuzz.h"
#include "tools/weir/tunnel_errors.h"

static void try_decap(const uint8_t *bytes, size_t length, enum forward kind)
{
	struct decap d = {0};
	if (decap_parse(bytes, bytes + length, kind, &d) != DECAP_FOUND)
		return;
	/* The packet inside is in the frame, behind the outer header. */
	const uint8_t *inner = bytes + d.inner_offset;
	FUZZ_EXPECT(d.l3_offset >= 14 && d.inner_offset >= d.l3_offset + 20);
	FUZZ_EXPECT(d.inner_offset <= 127); /* what decap.bpf.c masks it with */
	FUZZ_EXPECT(inner + (d.inner_v6 ? 40 : 20) <= bytes + length);
	FUZZ_EXPECT(inner[0] >> 4 == (d.inner_v6 ? 6 : 4));
	uint32_t size = d.inner_v6 ? 40u + inner[4] * 256 + inner[5] : inner[2] * 256u + inner[3];
	FUZZ_EXPECT(size <= length - d.inner_offset);
}

static void try_error(const uint8_t *bytes, size_t length, bool v6)
{
	struct tunnel_error e;
	if (!tunnel_error_read(bytes, length, v6, &e))
		return;
	FUZZ_EXPECT(addr_is_mapped(&e.to) || v6);
	FUZZ_EXPECT(*tunnel_error_words(&e));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (!length)
		return 0;
	/* Exactly as long: the address sanitizer sees what is read behind it. */
	uint8_t *copy = malloc(length);
	FUZZ_EXPECT(copy);
	memcpy(copy, bytes + 1, length - 1);
	copy = realloc(copy, length - 1 ? length - 1 : 1);
	switch (bytes[0] % 4) {
	case 0:
		try_decap(copy, length - 1, FORWARD_IPIP);
		break;
	case 1:
		try_decap(copy, length - 1, FORWARD_GUE);
		break;
	default:
		try_error(copy, length - 1, bytes[0] % 4 == 2);
		break;
	}
	free(copy);
	return 0;
}
