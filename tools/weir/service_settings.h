/* SPDX-License-Identifier: BSD-2-Clause */
/* What the API says of how a service was configured. */
#ifndef WEIR_TOOLS_SERVICE_SETTINGS_H
#define WEIR_TOOLS_SERVICE_SETTINGS_H

#include <jansson.h>

struct config_service;

/* An object with the service's keys and values; NULL without memory. */
json_t *service_settings(const struct config_service *s);

#endif
