/* SPDX-License-Identifier: BSD-2-Clause */
/* A snapshot's Maglev tables: shared by reference count, which the control thread alone touches. */
#ifndef WEIR_LB_SNAPSHOT_MAGLEV_H
#define WEIR_LB_SNAPSHOT_MAGLEV_H

struct maglev_share;
struct service;
struct snapshot;
struct snapshot_input;

/*
 * Gives a service the table of `old`, the service before (or NULL), where members and weights are
 * the same, else one that is made; and the table before the last change for as long as
 * connections are remembered. -ENOMEM.
 */
int snapshot_take_maglev(struct service *service, const struct service *old,
			 const struct snapshot *previous, struct snapshot *s,
			 const struct snapshot_input *in);

void snapshot_drop_maglev(struct maglev_share *m); /* NULL too */

#endif
