// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list ap;
	if (!err)
		return -code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	err_place(err, "", 0);
	return -code;
}

void err_place(struct err *err, const char *field, unsigned int line)
{
	if (!err)
		return;
	snprintf(err->field, sizeof(err->field), "%s", field);
	err->line = line;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	if (!err)
		return -code;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, format);
	int n = vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - n, ": %s", old);
	return -code;
}
