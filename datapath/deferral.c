// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "datapath/deferral.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/sysfs.h"
#include "lb/err.h"

/*
 * As Documentation/networking/napi.rst and the kernel's own tests have it: a poller that does not
 * come for so long lets interrupts in again, after so many polls without a packet.
 */
#define PUT_OFF_POLLS      2
#define PUT_OFF_TIMEOUT_NS 200000

int deferral_set(struct deferral *d, const char *interface, struct err *err)
{
	struct deferral was = {};
	if (!strcmp(d->name, interface))
		return 0;
	int r = sysfs_read(interface, SYSFS_HARD_IRQS, &was.hard_irqs);
	r = r ? r : sysfs_read(interface, SYSFS_FLUSH_TIMEOUT, &was.flush_timeout_ns);
	if (!r) {
		deferral_restore(d);
		*d = was;
		/* From here on it is to be given back, whatever happens. */
		snprintf(d->name, sizeof(d->name), "%s", interface);
		r = sysfs_write(interface, SYSFS_FLUSH_TIMEOUT, PUT_OFF_TIMEOUT_NS);
		r = r ? r : sysfs_write(interface, SYSFS_HARD_IRQS, PUT_OFF_POLLS);
	}
	if (r)
		deferral_restore(d);
	return r ? err_set(err, -r, "the interrupts of %s can't be put off: %s", interface,
			   strerror(-r))
		 : 0;
}

void deferral_restore(struct deferral *d)
{
	if (!d->name[0])
		return;
	sysfs_write(d->name, SYSFS_HARD_IRQS, d->hard_irqs);
	sysfs_write(d->name, SYSFS_FLUSH_TIMEOUT, d->flush_timeout_ns);
	*d = (struct deferral){};
}
