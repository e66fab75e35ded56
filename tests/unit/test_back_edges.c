// SPDX-License-Identifier: BSD-2-Clause
/*
 * Linux 6.1 follows a program's instructions depth first before it verifies anything, and refuses
 * one that falls through, without a jump, into an instruction on the way it came ("back-edge from
 * insn"). Newer kernels don't mind, and clang lays out a loop now and then so that its end falls
 * into its head. So it is looked for here, where any kernel will do.
 */
#include <gelf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/capture.h" /* types that the skeleton names */
#include "bpf/flow.h"
#include "bpf/weir.skel.h"

enum { NEW, ON_THE_WAY, DONE };

struct walk {
	const struct bpf_insn *code;
	size_t count;
	char *state;
	long fault; /* where it falls through to its own way, or -1 */
};

static void visit(struct walk *w, size_t at);

static void follow(struct walk *w, size_t from, size_t to, bool by_jump)
{
	assert_true(to < w->count);
	if (w->state[to] == NEW)
		visit(w, to);
	else if (w->state[to] == ON_THE_WAY && !by_jump && w->fault < 0)
		w->fault = from;
}

static void visit(struct walk *w, size_t at)
{
	const struct bpf_insn *insn = &w->code[at];
	int class = BPF_CLASS(insn->code), operation = BPF_OP(insn->code);
	bool jumps = (class == BPF_JMP || class == BPF_JMP32) && operation != BPF_CALL;
	w->state[at] = ON_THE_WAY;
	if (jumps && operation == BPF_JA) {
		follow(w, at, at + 1 + insn->off, true);
	} else if (!jumps || operation != BPF_EXIT) {
		follow(w, at, at + 1, jumps);
		if (jumps)
			follow(w, at, at + 1 + insn->off, true);
	}
	w->state[at] = DONE;
}

/* Where the function that begins at `code` falls through to its own way, or -1. */
static long back_edge(const struct bpf_insn *code, size_t count)
{
	struct walk w = {.code = code, .count = count, .fault = -1};
	w.state = calloc(count, 1);
	assert_non_null(w.state);
	visit(&w, 0);
	free(w.state);
	return w.fault;
}

#define MOV                                         \
	{                                           \
		.code = BPF_ALU64 | BPF_MOV | BPF_K \
	}
#define JEQ(by)                                                \
	{                                                      \
		.code = BPF_JMP | BPF_JEQ | BPF_K, .off = (by) \
	}
#define JUMP(by)                                      \
	{                                             \
		.code = BPF_JMP | BPF_JA, .off = (by) \
	}
#define EXIT                               \
	{                                  \
		.code = BPF_JMP | BPF_EXIT \
	}

static void test_knows_what_6_1_refuses(void **state)
{
	const struct bpf_insn jumps_back[] = {MOV, JEQ(2), MOV, JUMP(-3), EXIT};
	/* The same loop, entered by a jump past its end: 1 -> 3 -> 4 -> 2 -> 3. */
	const struct bpf_insn falls_back[] = {MOV, JUMP(1), MOV, JEQ(1), JUMP(-3), EXIT};
	const struct bpf_insn no_loop[] = {MOV, JEQ(1), MOV, EXIT};
	assert_int_equal(back_edge(jumps_back, 5), -1);
	assert_int_equal(back_edge(falls_back, 6), 2);
	assert_int_equal(back_edge(no_loop, 4), -1);
}

static unsigned int check_section(Elf *elf, Elf_Data *symbols, size_t symbol_count, size_t index,
				  size_t names)
{
	Elf_Data *code = elf_getdata(elf_getscn(elf, index), NULL);
	unsigned int functions = 0;
	for (size_t i = 0; i < symbol_count; i++) {
		GElf_Sym s;
		gelf_getsym(symbols, i, &s);
		if (s.st_shndx != index || GELF_ST_TYPE(s.st_info) != STT_FUNC)
			continue;
		long at = back_edge((const void *)((char *)code->d_buf + s.st_value),
				    s.st_size / sizeof(struct bpf_insn));
		if (at >= 0)
			fail_msg("%s: instruction %ld falls into the loop it belongs to, which "
				 "Linux "
				 "6.1 refuses",
				 elf_strptr(elf, names, s.st_name), at);
		functions++;
	}
	return functions;
}

static void test_xdp_program(void **state)
{
	size_t size;
	const void *bytes = weir_bpf__elf_bytes(&size);
	char *copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory(copy, size);
	assert_non_null(elf);
	Elf_Data *symbols = NULL;
	size_t count = 0, names = 0;
	unsigned int functions = 0;
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		GElf_Shdr h;
		gelf_getshdr(s, &h);
		if (h.sh_type == SHT_SYMTAB) {
			symbols = elf_getdata(s, NULL);
			count = h.sh_size / h.sh_entsize;
			names = h.sh_link;
		}
	}
	assert_non_null(symbols);
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		GElf_Shdr h;
		gelf_getshdr(s, &h);
		if (h.sh_flags & SHF_EXECINSTR)
			functions += check_section(elf, symbols, count, elf_ndxscn(s), names);
	}
	assert_true(functions > 1);
	elf_end(elf);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knows_what_6_1_refuses),
		cmocka_unit_test(test_xdp_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
