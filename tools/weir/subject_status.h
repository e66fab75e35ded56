/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEIR_TOOLS_SUBJECT_STATUS_H
#define WEIR_TOOLS_SUBJECT_STATUS_H

#include <jansson.h>

/* Prints what GET /v1/status answers, for people. */
void subject_status_print(json_t *document);

#endif
