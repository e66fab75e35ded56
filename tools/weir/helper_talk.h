/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon and its helper say to each other: for helper*.c alone. */
#ifndef WEIR_TOOLS_HELPER_TALK_H
#define WEIR_TOOLS_HELPER_TALK_H

#include <net/if.h>
#include <stdint.h>

#include "tools/weir/helper.h"

#define HELPER_TEXT 32768u /* bytes of a command with its environment */

enum helper_order { HELPER_RUN, HELPER_KILL };

/* With HELPER_RUN a descriptor comes along: where the output goes. */
struct helper_request {
	uint32_t order, run;
	uint32_t arguments, variables; /* so many texts, each ended by a NUL */
	char text[HELPER_TEXT];
};
#define HELPER_REQUEST(length) (offsetof(struct helper_request, text) + (length))

struct helper_answer {
	uint32_t run;
	struct helper_end end;
};

struct helper_setting {
	char interface[IF_NAMESIZE], setting[32];
	int64_t value;
	uint32_t number;
};

struct helper_result {
	uint32_t number; /* the setting's */
	int32_t result;  /* 0 or -errno */
};

/* The other end's two sockets. Returns when the daemon has closed them. */
void helper_serve(int commands, int settings, const struct helper_input *in);

#define HELPER_PLACE_SOCKET "api.socket" /* in the place of a setting */

#endif
