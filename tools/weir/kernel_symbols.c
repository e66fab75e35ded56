// SPDX-License-Identifier: BSD-2-Clause
/* Packets are dropped in few places, so few are kept. */
#include "tools/weir/kernel_symbols.h"

#include <stdio.h>
#include <string.h>

#define KEPT 64

struct kept {
	uint64_t address;
	char text[KERNEL_SYMBOL];
};

static struct kept kept[KEPT];
static FILE *symbols;

void kernel_symbols_open(void)
{
	if (!symbols)
		symbols = fopen("/proc/kallsyms", "re");
}

/* The symbol with the highest address that is not above. */
static void look_up(uint64_t address, char text[KERNEL_SYMBOL])
{
	unsigned long long at, best = 0;
	char name[64], best_name[64] = "";
	kernel_symbols_open();
	if (symbols)
		rewind(symbols);
	while (symbols && fscanf(symbols, "%llx %*c %63s%*[^\n]", &at, name) == 2)
		if (at <= address && at > best) {
			best = at;
			memcpy(best_name, name, sizeof(name));
		}
	if (best)
		snprintf(text, KERNEL_SYMBOL, "%s+%#llx", best_name,
			 (unsigned long long)address - best);
	else
		snprintf(text, KERNEL_SYMBOL, "%#llx", (unsigned long long)address);
}

const char *kernel_symbol(uint64_t address, char text[KERNEL_SYMBOL])
{
	struct kept *k = &kept[address / 4 % KEPT];
	if (k->address != address || !*k->text) {
		k->address = address;
		look_up(address, k->text);
	}
	return memcpy(text, k->text, KERNEL_SYMBOL);
}
