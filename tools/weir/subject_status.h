/* SPDX-License-Identifier: BSD-2-Clause */
/* `weir show status`: the daemon as a whole, a line each. */
#ifndef WEIR_TOOLS_SUBJECT_STATUS_H
#define WEIR_TOOLS_SUBJECT_STATUS_H

#include <jansson.h>

void subject_status_print(json_t *document);

#endif
