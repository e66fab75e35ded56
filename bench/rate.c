// SPDX-License-Identifier: BSD-2-Clause
#include "bench/rate.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lb/err.h"

static double prefix_of(const char **text)
{
	switch (tolower((unsigned char)**text)) {
	case 'k':
		++*text;
		return 1e3;
	case 'm':
		++*text;
		return 1e6;
	case 'g':
		++*text;
		return 1e9;
	default:
		return 1;
	}
}

bool rate_read(const struct setting *s, const char *text)
{
	struct rate *r = s->out;
	char *stop;
	*r = (struct rate){RATE_MAX};
	if (!strcasecmp(text, "max"))
		return true;
	double value = strtod(text, &stop);
	const char *unit = stop;
	if (stop == text || !isfinite(value) || value <= 0)
		return false;
	if (!strcmp(unit, "%")) {
		*r = (struct rate){RATE_LINE, value / 100};
		return value <= 100;
	}
	value *= prefix_of(&unit);
	*r = (struct rate){RATE_PPS, value};
	if (!strcasecmp(unit, "bit") || !strcasecmp(unit, "bps") || !strcasecmp(unit, "bit/s"))
		r->unit = RATE_BITS;
	else if (*unit && strcasecmp(unit, "pps"))
		return false;
	return value >= 1;
}

double rate_bps(double pps, double length)
{
	return pps * 8 * (length + RATE_OVERHEAD);
}

int rate_in_pps(const struct rate *r, double length, uint64_t line_bps, double *pps,
		struct err *err)
{
	double bits = 8 * (length + RATE_OVERHEAD), most = line_bps / bits;
	if (r->unit == RATE_LINE && !line_bps)
		return err_set(
			err, EINVAL,
			"the interface does not say how fast its line is, so there is no %% of "
			"it: give a rate in packets or bits a second");
	*pps = r->unit == RATE_MAX    ? 0
	       : r->unit == RATE_PPS  ? r->value
	       : r->unit == RATE_BITS ? r->value / bits
				      : most * r->value;
	if (line_bps && *pps > most * (1 + 1e-9))
		return err_set(
			err, ERANGE,
			"%.4g packets a second of %.0f bytes are beyond the line's rate: %.4g "
			"is the most at %.4g Gbit/s",
			*pps, length, most, line_bps / 1e9);
	return 0;
}
