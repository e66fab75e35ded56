/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071), and what becomes of it when some of what it covers changes (RFC
 * 1624). Sums are of words in network byte order as they lie in memory, so they are the same on
 * machines of either order.
 */
#ifndef WEIR_BPF_CHECKSUM_H
#define WEIR_BPF_CHECKSUM_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* The sum of RFC 1071 over `length` bytes, not folded: 16-bit words, an odd last byte is padded. */
static __always_inline __u64 checksum_add(const void *bytes, __u32 length)
{
	const __u8 *at = bytes;
	__u64 sum = 0;
	__u32 i = 0;
	for (; i + 4 <= length; i += 4) {
		__u32 word;
		__builtin_memcpy(&word, at + i, 4);
		sum += word;
	}
	for (; i + 2 <= length; i += 2) {
		__u16 word;
		__builtin_memcpy(&word, at + i, 2);
		sum += word;
	}
	if (i < length) {
		const __u8 pair[2] = {at[i], 0};
		__u16 word;
		__builtin_memcpy(&word, pair, 2);
		sum += word;
	}
	return sum;
}

/* Carries come round until there is none: the sum of two words of 16 bits may need a second go. */
static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The checksum after one 16-bit word of what it covers has changed (RFC 1624, equation 3). */
static __always_inline __u16 checksum_adjust(__u16 checksum, __u16 from, __u16 to)
{
	return ~checksum_fold((__u64)(__u16)~checksum + (__u16)~from + to);
}

#endif
