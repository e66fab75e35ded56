/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's side of a takeover (tools/weir/takeover.h): it waits for one that wants to take
 * over, of root or of its own user, one at a time. While it has offered, d->handing_over is true:
 * neither configuration nor interfaces may change. When the other has taken all, d->handed_to is
 * its process and the loop is broken. Control thread.
 */
#ifndef WEIR_TOOLS_TAKEOVER_SERVER_H
#define WEIR_TOOLS_TAKEOVER_SERVER_H

struct daemon;
struct err;
struct takeover_server;

int takeover_server_open(struct takeover_server **out, struct daemon *d, struct err *err);
void takeover_server_close(struct takeover_server *s); /* NULL too */

#endif
