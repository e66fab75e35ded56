/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs a filter in classic BPF, as libpcap's compiler makes it of an expression of pcap-filter(7),
 * with the outcome that libpcap's own bpf_filter() has: McCanne, Jacobson, "The BSD Packet Filter",
 * USENIX 1993; reads beyond the packet and divisions by zero reject it.
 *
 * One instruction at a time: the XDP program may not loop as it likes. Who includes this has
 * defined how bytes of a packet are had:
 *
 *   static int filter_load(void *source, __u32 offset, void *to, __u32 size);   0: they are there
 */
#ifndef WEIR_BPF_FILTER_H
#define WEIR_BPF_FILTER_H

#include <linux/bpf_common.h>

#include "bpf/capture.h"

#define FILTER_TAX   0x00 /* of BPF_MISC; else TXA */
#define FILTER_RET_A 0x10

static __always_inline __u32 filter_alu(__u16 operation, __u32 a, __u32 b)
{
	switch (operation) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b < 32 ? a << (b & 31) : 0;
	case BPF_RSH:
		return b < 32 ? a >> (b & 31) : 0;
	default: /* BPF_NEG */
		return -a;
	}
}

static __always_inline int filter_jumps(__u16 condition, __u32 a, __u32 b)
{
	switch (condition) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return (a & b) != 0;
	}
}

/*
 * Big-endian bytes of the packet at `offset`, into *value; 0, or -1: they are not there. They are
 * read into the machine, because a BPF program's stack is small.
 */
static __always_inline int filter_read(struct filter_machine *m, void *source, __u16 size,
				       __u32 offset, __u32 *value)
{
	__u32 bytes = size == BPF_B ? 1 : size == BPF_H ? 2 : 4;
	if (offset > m->length || m->length - offset < bytes)
		return -1;
	switch (size) {
	case BPF_B:
		if (filter_load(source, offset, &m->word, 1))
			return -1;
		*value = *(const __u8 *)&m->word;
		return 0;
	case BPF_H:
		if (filter_load(source, offset, &m->word, 2))
			return -1;
		*value = __builtin_bswap16(*(const __u16 *)&m->word);
		return 0;
	default:
		if (filter_load(source, offset, &m->word, 4))
			return -1;
		*value = __builtin_bswap32(m->word);
		return 0;
	}
}

/* LD and LDX: 0, or -1 where the packet does not have what is to be read. */
static __always_inline int filter_take(struct filter_machine *m, const struct filter_instruction *i,
				       void *source)
{
	__u32 value = i->k, offset = i->k;
	switch (i->code & 0xe0) {
	case BPF_IMM:
		break;
	case BPF_LEN:
		value = m->length;
		break;
	case BPF_MEM:
		value = m->memory[i->k & 15];
		break;
	case BPF_MSH:
		if (filter_read(m, source, BPF_B, offset, &value))
			return -1;
		value = (value & 0xf) << 2;
		break;
	case BPF_IND:
		offset += m->x;
		if (offset < i->k) /* wrapped round */
			return -1;
		/* fall through */
	default: /* BPF_ABS */
		if (filter_read(m, source, i->code & 0x18, offset, &value))
			return -1;
	}
	if ((i->code & 7) == BPF_LD)
		m->a = value;
	else
		m->x = value;
	return 0;
}

/* Does the instruction at m->pc. 1: the filter is done, and m->result says what it let through. */
static __always_inline int filter_step(struct filter_machine *m, const struct filter_instruction *i,
				       void *source)
{
	__u16 code = i->code;
	__u32 operand = code & BPF_X ? m->x : i->k;
	m->pc++;
	switch (code & 7) {
	case BPF_LD:
	case BPF_LDX:
		return filter_take(m, i, source) < 0;
	case BPF_ST:
		m->memory[i->k & 15] = m->a;
		return 0;
	case BPF_STX:
		m->memory[i->k & 15] = m->x;
		return 0;
	case BPF_ALU:
		if (((code & 0xf0) == BPF_DIV || (code & 0xf0) == BPF_MOD) && !operand)
			return 1;
		m->a = filter_alu(code & 0xf0, m->a, operand);
		return 0;
	case BPF_JMP:
		if ((code & 0xf0) == BPF_JA)
			m->pc += i->k;
		else
			m->pc += filter_jumps(code & 0xf0, m->a, operand) ? i->jump_true
									  : i->jump_false;
		return 0;
	case BPF_RET:
		m->result = (code & 0x18) == FILTER_RET_A ? m->a : i->k;
		return 1;
	default: /* BPF_MISC */
		if ((code & 0xf8) == FILTER_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return 0;
	}
}

static __always_inline void filter_begin(struct filter_machine *m, __u32 length)
{
	*m = (struct filter_machine){.length = length};
}

#endif
