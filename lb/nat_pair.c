// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/nat_pair.h"

#include "lb/translate.h"

void nat_pair_make(struct nat_pair *out, const struct flow_key *client, const struct addr *backend,
		   __be16 backend_port, const struct addr *snat, __be16 snat_port,
		   const struct flow_seed *seed)
{
	*out = (struct nat_pair){
		.client = {.key = *client,
			   .hash = flow_hash(client, seed),
			   .translation = {.source = *snat,
					   .source_port = snat_port,
					   .destination = *backend,
					   .destination_port = backend_port,
					   .egress = NAT_NO_EGRESS}},
		.answers = {.key = {.source = *backend,
				    .source_port = backend_port,
				    .destination = *snat,
				    .destination_port = snat_port,
				    .protocol = client->protocol},
			    .translation = {.source = client->destination,
					    .source_port = client->destination_port,
					    .destination = client->source,
					    .destination_port = client->source_port,
					    .egress = NAT_NO_EGRESS}},
	};
	out->answers.hash = flow_hash(&out->answers.key, seed);
	out->client.translation.peer = out->answers.hash;
	out->answers.translation.peer = out->client.hash;
	translation_prepare(&out->client.translation, client);
	translation_prepare(&out->answers.translation, &out->answers.key);
}
