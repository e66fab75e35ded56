// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/quic.h"

#include <stdlib.h>

#include "bpf/abi.h"

#define LONG_HEADER     0x80u
#define LONG_ID_LENGTH  5u /* behind the first byte and four of the version */
#define CONFIG_ID_SHIFT 5

struct quic_servers *quic_servers_new(uint32_t config_id, uint32_t id_length, uint32_t count)
{
	struct quic_servers *q = calloc(1, sizeof(*q) + count * sizeof(q->servers[0]));
	if (!q)
		return NULL;
	q->config_id = config_id;
	q->id_length = id_length;
	q->count = count;
	return q;
}

static int compare_servers(const void *a, const void *b)
{
	const struct quic_server *sa = a, *sb = b;
	return (sa->id > sb->id) - (sa->id < sb->id);
}

void quic_servers_sort(struct quic_servers *q)
{
	qsort(q->servers, q->count, sizeof(q->servers[0]), compare_servers);
}

/*
 * The destination connection id. A short header does not say how long it is: there all that follows
 * is given back.
 */
static const uint8_t *connection_id(const uint8_t *payload, size_t length, size_t *id_length)
{
	if (length == 0)
		return NULL;
	if (!(payload[0] & LONG_HEADER)) {
		*id_length = length - 1;
		return payload + 1;
	}
	if (length <= LONG_ID_LENGTH || payload[LONG_ID_LENGTH] > length - LONG_ID_LENGTH - 1)
		return NULL;
	*id_length = payload[LONG_ID_LENGTH];
	return payload + LONG_ID_LENGTH + 1;
}

bool quic_server_id(const uint8_t *payload, size_t length, uint32_t config_id, uint32_t id_length,
		    uint64_t *id)
{
	size_t have;
	const uint8_t *from = connection_id(payload, length, &have);
	if (!from || have < 1 + id_length + QUIC_NONCE_MIN ||
	    from[0] >> CONFIG_ID_SHIFT != (int)config_id)
		return false;
	*id = 0;
	for (uint32_t i = 1; i <= id_length; i++)
		*id = *id << 8 | from[i];
	return true;
}

uint32_t quic_backend(const struct quic_servers *q, const uint8_t *payload, size_t length)
{
	struct quic_server wanted = {};
	if (!quic_server_id(payload, length, q->config_id, q->id_length, &wanted.id))
		return ABI_NO_BACKEND;
	const struct quic_server *found =
		bsearch(&wanted, q->servers, q->count, sizeof(q->servers[0]), compare_servers);
	return found ? found->backend : ABI_NO_BACKEND;
}
