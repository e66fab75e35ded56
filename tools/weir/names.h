/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that somebody wrote, and those there are; what was misspelt gets a suggestion. */
#ifndef WEIR_TOOLS_NAMES_H
#define WEIR_TOOLS_NAMES_H

struct config;
struct config_service;
struct err;

/* The service of that name, or NULL with the words. */
const struct config_service *names_service(const struct config *c, const char *name,
					   struct err *err);

/* Whether there is such a backend in that service, or ("") in any: 0, or -ENOENT. */
int names_check_backend(const struct config *c, const char *service, const char *backend,
			struct err *err);

#endif
