// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/config_mss.h"

#include <netinet/in.h>
#include <stdio.h>

#include "lb/config.h"
#include "lb/config_choice.h"
#include "lb/document.h"

#define PATH_TEXT 64

const struct word_or_number_rule config_mss_clamp_rule = {
	.expects = "none, path, or bytes from 536 to 65495",
	.words = (const struct choice[]){{"none", MSS_CLAMP_NONE},
					 {"path", MSS_CLAMP_PATH},
					 {NULL, 0}},
	.first = 536,  /* RFC 9293, 3.7.1: what hosts send that were told nothing */
	.last = 65495, /* of the longest IPv4 packet */
};

void config_check_mss_clamp(const struct config_service *s, unsigned int index, struct document *d)
{
	char path[PATH_TEXT];
	snprintf(path, sizeof(path), "services[%u].mss_clamp", index);
	if (s->mss_clamp == MSS_CLAMP_NONE)
		return;
	if (s->protocol != IPPROTO_TCP)
		document_fault_path(d, path,
				    "is for tcp: no other protocol tells the size of its segments; "
				    "expected none");
	else if (s->forward == FORWARD_DSR)
		document_fault_path(
			d, path,
			"is for nat, ipip and gue: dsr leaves all but link addresses as "
			"it is; expected none");
}
