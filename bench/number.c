// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "bench/number.h"

#include <errno.h>
#include <stdlib.h>

bool number_read(const char **text, uint32_t min, uint32_t max, uint32_t *out)
{
	char *stop;
	errno = 0;
	unsigned long n = strtoul(*text, &stop, 10);
	if (**text < '0' || **text > '9' || errno || n < min || n > max)
		return false;
	*text = stop;
	*out = n;
	return true;
}
