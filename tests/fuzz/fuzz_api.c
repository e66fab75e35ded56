// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any arguments of the API's requests: "key=value&key=value" behind one letter, f for /v1/flows,
 * anything else for /v1/capture. The HTTP library's part, taking the line apart, is done here.
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "tests/fuzz/fuzz.h"
#include "tools/weir/capture_wanted.h"
#include "tools/weir/daemon.h"
#include "tools/weir/state_flows.h"

#define ARGUMENTS_MAX 16
#define PART          4096

static char *arguments; /* ended by a NUL; is cut to pieces */

/* libmicrohttpd's, of a connection that is not there. */
int MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
			      MHD_KeyValueIterator iterator, void *context)
{
	char *at = arguments, *pair;
	int count = 0;
	while (count < ARGUMENTS_MAX && (pair = strsep(&at, "&"))) {
		char *value = strchr(pair, '=');
		if (value)
			*value++ = 0;
		count++;
		if (iterator(context, kind, pair, value) == MHD_NO)
			break;
	}
	return count;
}

/* One bucket, with one flow in it that lives for hours. */
static struct flow_table flow_table;

const struct flow_table *engine_flow_table(const struct engine *e)
{
	return &flow_table;
}

static void expect_words(int failure, const struct err *err)
{
	FUZZ_EXPECT(failure == -EINVAL || failure == -ENOENT || failure == -ENOMEM);
	FUZZ_EXPECT(*err->text && memchr(err->text, 0, sizeof(err->text)));
}

static struct config *some_config(void)
{
	static const char yaml[] =
		"interfaces: [{name: eth0}]\n"
		"services:\n"
		"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
		"     backends: [{name: b1, address: 10.0.0.11}, {name: b2, address: 10.0.0.12}]}\n"
		"  - {name: dns, address: 203.0.113.10, protocol: udp, ports: 53, backends: []}\n";
	struct config *config = NULL;
	struct err err;
	FUZZ_EXPECT(!config_parse("yaml", yaml, sizeof(yaml) - 1, &config, &err));
	return config;
}

static void open_flow_table(void)
{
	static const struct flow_seed seed = {};
	static const uint32_t timeouts_s[FLOW_STATES] = {0, 14400, 14400, 14400, 14400};
	static _Alignas(64) struct flow_bucket buckets[1];
	static const struct flow_key key = {.protocol = 6};
	flow_table_init(&flow_table, buckets, 1, &seed, timeouts_s);
	struct timespec now;
	/* state_flows.c looks at the clock too. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	flow_table_insert(&flow_table, 1 << 20, 0, FLOW_ESTABLISHED, now.tv_sec * 1000000000ull,
			  &key);
}

static const struct daemon *some_daemon(void)
{
	static struct daemon daemon;
	if (daemon.config)
		return &daemon;
	daemon.config = some_config();
	daemon.services = registry_new(ABI_MAX_SERVICES);
	daemon.backends = registry_new(ABI_MAX_BACKENDS);
	daemon.rules = registry_new(ABI_MAX_RULES);
	registry_assign(daemon.services, "web");
	registry_assign(daemon.rules, "no-web");
	open_flow_table();
	return &daemon;
}

static void try_capture(void)
{
	static const uint8_t bytes[64] = {[12] = 0x08, [14] = 0x45};
	const struct tap_record record = {
		.length = 64, .captured = 64, .rule = ABI_NO_RULE, .reason = REASON_TRUNCATED};
	struct capture_wanted w = {};
	char words[CAPTURE_WORDS];
	struct err err = {};
	int failure = capture_wanted_init(&w, NULL, some_daemon(), &err);
	if (failure) {
		expect_words(failure, &err);
		FUZZ_EXPECT(!w.program && !w.expression);
		return;
	}
	const struct capture_slot *s = &w.slot;
	FUZZ_EXPECT(s->reasons || s->services_wanted || s->rx_ports || s->tx_ports || s->kernel);
	FUZZ_EXPECT(w.snaplen >= 1 && w.snaplen <= CAPTURE_SNAPLEN_MAX);
	FUZZ_EXPECT(s->snaplen >= w.snaplen && s->filter_length <= CAPTURE_FILTER_MAX);
	FUZZ_EXPECT(*capture_wanted_words(&w, words));
	capture_wanted_passes(&w, &record, bytes);
	capture_wanted_fini(&w);
}

static void try_flows(void)
{
	struct state_flows *flows = NULL;
	struct err err = {};
	char part[PART];
	int failure = state_flows_new(&flows, some_daemon(), NULL, &err);
	if (failure) {
		expect_words(failure, &err);
		return;
	}
	ssize_t n = state_flows_read(flows, 0, part, sizeof(part));
	FUZZ_EXPECT(n > 0 && n <= PART);
	state_flows_free(flows);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (!length)
		return 0;
	/* A request's line is text: nothing comes behind a NUL. */
	arguments = strndup((const char *)bytes + 1, length - 1);
	FUZZ_EXPECT(arguments);
	if (*bytes == 'f')
		try_flows();
	else
		try_capture();
	free(arguments);
	return 0;
}
