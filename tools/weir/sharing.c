// SPDX-License-Identifier: BSD-2-Clause
/*
 * libxdp finds programs by their numbers, which takes CAP_SYS_ADMIN, and pins what it makes in a
 * folder of root's (CAP_DAC_OVERRIDE): they are kept where it is wanted, and there alone.
 */
#include "tools/weir/sharing.h"

#include <errno.h>

#include "lb/config.h"
#include "lb/err.h"

static bool shares(const struct config *c)
{
	bool any = false;
	for (unsigned int i = 0; i < c->interface_count; i++)
		any |= c->interfaces[i].attach == ATTACH_DISPATCHER;
	return any;
}

int sharing_begin(const struct config *config, enum privileges_for *keep, struct err *err)
{
	bool share = shares(config);
	*keep = share ? PRIVILEGES_DISPATCHER : PRIVILEGES_DAEMON;
	int r = share ? privileges_check(PRIVILEGES_DISPATCHER, err) : 0;
	return r ? err_prefix(err, -r,
			      "attach: dispatcher takes more capabilities than Weir otherwise "
			      "does (docs/security.md)")
		 : 0;
}

int sharing_check(enum privileges_for kept, const struct config *config, struct err *err)
{
	if (kept == PRIVILEGES_DISPATCHER || !shares(config))
		return 0;
	return err_set(err, EINVAL,
		       "the daemon began without attach: dispatcher, and has given up the "
		       "privileges that it takes: restart it; nothing was changed");
}
