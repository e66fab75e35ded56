// SPDX-License-Identifier: BSD-2-Clause
/* The tables of all keys, and what is made of them. A text is read in three steps: into a YAML tree
 * (lb/document.c), by the tables into the struct (lb/config_field.c), then the values are compared
 * with each other (lb/config_check.c). Pure; any thread. */
#include "lb/config.h"

#include <errno.h>
#include <limits.h>
#include <linux/in.h>
#include <linux/un.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config_announce.h"
#include "lb/config_api.h"
#include "lb/config_check.h"
#include "lb/config_choice.h"
#include "lb/config_endpoint.h"
#include "lb/config_health.h"
#include "lb/config_mss.h"
#include "lb/config_nat.h"
#include "lb/config_quic.h"
#include "lb/config_text.h"
#include "lb/config_value.h"
#include "lb/document.h"
#include "lb/err.h"
#include "lb/flow_table.h"
#include "lb/quic.h"

/* --- what text may be ---------------------------------------------------------------------- */

static const struct text_rule instance_rule = {
	.expects = "1 to 32 of the characters a-z, 0-9 and -",
	.max = 32,
	.only = "abcdefghijklmnopqrstuvwxyz" TEXT_DIGITS "-",
};
/* What the kernel takes, without what is not ASCII. */
static const struct text_rule interface_rule = {
	.expects = "an interface name of 1 to 15 characters without '/', ':' and spaces",
	.max = IFNAMSIZ - 1,
	.but = " /:",
	.no_dots = true,
};
static const struct text_rule socket_rule = {
	.expects = "an absolute path of at most 107 printable ASCII characters",
	.max = UNIX_PATH_MAX - 1,
	.first = '/',
};
static const struct text_rule group_rule = {
	.expects = "the name of a group of this host, or none",
	.max = 63,
	.only = TEXT_LETTERS TEXT_DIGITS "._-",
};
static const struct text_rule user_rule = {
	.expects = "auto, or a user of this host by name, by number or as user:group",
	.max = 95,
	.only = TEXT_LETTERS TEXT_DIGITS "._-:",
};
static const struct text_rule sync_group_rule = {
	.expects = "the name of a group, 1 to 63 of the characters A-Z, a-z, 0-9, '.', '_' and "
		   "'-', or none",
	.max = 63,
	.only = TEXT_LETTERS TEXT_DIGITS "._-",
};
static const struct text_rule token_file_rule = {
	.expects = "an absolute path of printable ASCII, or none",
	.max = PATH_MAX - 1,
	.first = '/',
	.none = true,
};

/* --- what words there are ------------------------------------------------------------------ */

static const struct choice modes[] = {
	{"auto", MODE_AUTO}, {"zerocopy", MODE_ZEROCOPY},
	{"copy", MODE_COPY}, {"generic", MODE_GENERIC},
	{NULL, 0},
};
static const struct choice attaches[] = {
	{"link", ATTACH_LINK},
	{"dispatcher", ATTACH_DISPATCHER},
	{NULL, 0},
};
static const struct choice polls[] = {
	{"adaptive", POLL_ADAPTIVE},
	{"busy", POLL_BUSY},
	{"interrupt", POLL_INTERRUPT},
	{NULL, 0},
};
static const struct choice hugepages[] = {
	{"auto", HUGEPAGES_AUTO},
	{"on", HUGEPAGES_ON},
	{"off", HUGEPAGES_OFF},
	{"1GiB", HUGEPAGES_GIGANTIC},
	{NULL, 0},
};
static const struct choice fast_paths[] = {
	{"auto", FAST_PATH_AUTO},
	{"on", FAST_PATH_ON},
	{"off", FAST_PATH_OFF},
	{NULL, 0},
};
static const struct choice daemon_losses[] = {
	{"pass", DAEMON_LOSS_PASS},
	{"drop", DAEMON_LOSS_DROP},
	{NULL, 0},
};
static const struct choice truths[] = {
	{"true", true},
	{"false", false},
	{NULL, 0},
};
static const struct choice icmp_others[] = {
	{"pass", ICMP_OTHER_PASS},
	{"drop", ICMP_OTHER_DROP},
	{NULL, 0},
};
static const struct choice protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{NULL, 0},
};
static const struct choice announces[] = {
	{"neighbor", ANNOUNCE_NEIGHBOR},
	{"route", ANNOUNCE_ROUTE},
	{"none", ANNOUNCE_NONE},
	{NULL, 0},
};
static const struct choice snat_announces[] = {
	{"neighbor", ANNOUNCE_NEIGHBOR},
	{"none", ANNOUNCE_NONE},
	{NULL, 0},
};
static const struct choice states[] = {
	{"up", STATE_UP},
	{"drain", STATE_DRAIN},
	{"down", STATE_DOWN},
	{NULL, 0},
};
static const struct choice forwards[] = {
	{"dsr", FORWARD_DSR},
	{"nat", FORWARD_NAT},
	{"ipip", FORWARD_IPIP},
	{"gue", FORWARD_GUE},
	{NULL, 0},
};
static const struct choice schedulers[] = {
	{"maglev", SCHEDULER_MAGLEV},
	{"least-connections", SCHEDULER_LEAST_CONNECTIONS},
	{NULL, 0},
};
static const struct choice no_backends[] = {
	{"drop", NO_BACKEND_DROP},
	{"pass", NO_BACKEND_PASS},
	{"reset", NO_BACKEND_RESET},
	{NULL, 0},
};
static const struct choice syn_protections[] = {
	{"none", SYN_PROTECTION_NONE}, {"cookies", SYN_PROTECTION_COOKIES}, {NULL, 0}};
static const struct choice affinities[] = {
	{"flow", AFFINITY_FLOW},
	{"source", AFFINITY_SOURCE},
	{"quic", AFFINITY_QUIC},
	{NULL, 0},
};

static const struct choice trackings[] = {
	{"flow", TRACKING_FLOW},
	{"none", TRACKING_NONE},
	{NULL, 0},
};

/* --- the keys ------------------------------------------------------------------------------ */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAPPING(fields)               \
	{                             \
		fields, COUNT(fields) \
	}

#define INTERFACE(member) FIELD_MEMBER(struct config_interface, member)
static const struct field interface_fields[] = {
	{"name", &kind_text, INTERFACE(name), &interface_rule, NULL},
	{"mode", &kind_choice, INTERFACE(mode), modes, "auto"},
	{"attach", &kind_choice, INTERFACE(attach), attaches, "link"},
	{"priority", &kind_number, INTERFACE(priority),
	 &(const struct number_rule){0, 65535, false}, "50"},
	{"queues", &kind_numbers, INTERFACE(queues),
	 &(const struct numbers_rule){"all", ABI_MAX_QUEUES - 1}, "all"},
};

#define BACKEND(member) FIELD_MEMBER(struct config_backend, member)
static const struct field backend_fields[] = {
	{"name", &kind_text, BACKEND(name), &config_name_rule, NULL},
	{"address", &kind_address, BACKEND(address), NULL, NULL},
	{"port", &kind_word_or_number, BACKEND(port), &endpoint_backend_port_rule, "same"},
	{"weight", &kind_number, BACKEND(weight), &(const struct number_rule){0, 65535, false},
	 "100"},
	{"state", &kind_choice, BACKEND(state), states, "up"},
	{"backup", &kind_choice, BACKEND(backup), truths, "false"},
	{"server_id", &kind_server_id, BACKEND(server_id), NULL, "none"},
};
static const struct list backend_list = {
	.item = MAPPING(backend_fields),
	.item_size = sizeof(struct config_backend),
	.count_offset = offsetof(struct config_service, backend_count),
	.max = CONFIG_MAX_BACKENDS,
};

#define SERVICE(member) FIELD_MEMBER(struct config_service, member)
static const struct field quic_fields[] = {
	{"config_id", &kind_number, SERVICE(quic.config_id),
	 &(const struct number_rule){0, QUIC_CONFIG_IDS - 1, false}, "0"},
	{"server_id_length", &kind_number, SERVICE(quic.server_id_length),
	 &(const struct number_rule){1, QUIC_ID_MAX, false}, "2"},
};
static const struct mapping quic = MAPPING(quic_fields);

static const struct milliseconds_rule slow_start = {
	0, 3600000, "a duration up to 60m, written like 30s or 5m, or 0s"};
static const struct field service_fields[] = {
	{"name", &kind_text, SERVICE(name), &config_name_rule, NULL},
	{"address", &kind_vip, SERVICE(address), NULL, NULL},
	{"protocol", &kind_choice, SERVICE(protocol), protocols, NULL},
	{"ports", &kind_ports, SERVICE(port_ranges),
	 &(const struct ports_rule){offsetof(struct config_service, port_range_count)}, NULL},
	{"forward", &kind_choice, SERVICE(forward), forwards, "dsr"},
	{"scheduler", &kind_choice, SERVICE(scheduler), schedulers, "maglev"},
	{"affinity", &kind_choice, SERVICE(affinity), affinities, "flow"},
	{"quic", &kind_mapping, FIELD_NOWHERE, &quic, ""},
	{"tracking", &kind_choice, SERVICE(tracking), trackings, "flow"},
	{"verify_checksums", &kind_choice, SERVICE(verify_checksums), truths, "false"},
	{"announce", &kind_choice, SERVICE(announce), announces, "none"},
	{"announce_min_up", &kind_number, SERVICE(announce_min_up),
	 &(const struct number_rule){1, 65535, false}, "1"},
	{"mss_clamp", &kind_word_or_number, SERVICE(mss_clamp), &config_mss_clamp_rule, "none"},
	{"syn_protection", &kind_choice, SERVICE(syn_protection), syn_protections, "none"},
	{"half_open_limit", &kind_number, SERVICE(half_open_limit),
	 &(const struct number_rule){1, 1000000, false}, "4096"},
	{"slow_start", &kind_milliseconds, SERVICE(slow_start_ms), &slow_start, "0s"},
	{"min_up", &kind_number, SERVICE(min_up), &(const struct number_rule){1, 65535, false},
	 "1"},
	{"no_backend", &kind_choice, SERVICE(no_backend), no_backends, "drop"},
	{"health", &kind_mapping, FIELD_NOWHERE, &config_health, ""},
	{"backends", &kind_list, SERVICE(backends), &backend_list, NULL},
};

#define CONFIG(member) FIELD_MEMBER(struct config, member)
static const struct list interface_list = {
	.item = MAPPING(interface_fields),
	.item_size = sizeof(struct config_interface),
	.count_offset = offsetof(struct config, interface_count),
	.min = 1,
	.max = ABI_MAX_PORTS,
};
static const struct list service_list = {
	.item = MAPPING(service_fields),
	.item_size = sizeof(struct config_service),
	.count_offset = offsetof(struct config, service_count),
	.max = ABI_MAX_SERVICES,
};

static const struct field worker_fields[] = {
	{"cpus", &kind_numbers, CONFIG(cpus), &(const struct numbers_rule){"auto", 1023}, "auto"},
	{"poll", &kind_choice, CONFIG(poll), polls, "adaptive"},
	{"pin_interrupts", &kind_choice, CONFIG(pin_interrupts), truths, "false"},
};
static const struct mapping workers = MAPPING(worker_fields);

static const struct field memory_fields[] = {
	{"hugepages", &kind_choice, CONFIG(hugepages), hugepages, "auto"},
	{"frames_per_queue", &kind_number, CONFIG(frames_per_queue),
	 &(const struct number_rule){1024, 262144, true}, "8192"},
};
static const struct mapping memory = MAPPING(memory_fields);

static const struct duration_rule timeout = {1, FLOW_TIMEOUT_MAX_S, FLOW_TIMEOUT_WORDS};
static const struct field timeout_fields[] = {
	{"tcp_handshake", &kind_duration, CONFIG(timeouts.tcp_handshake), &timeout, "10s"},
	{"tcp_established", &kind_duration, CONFIG(timeouts.tcp_established), &timeout, "1h"},
	{"tcp_closing", &kind_duration, CONFIG(timeouts.tcp_closing), &timeout, "30s"},
	{"udp", &kind_duration, CONFIG(timeouts.udp), &timeout, "60s"},
};
static const struct mapping timeouts = MAPPING(timeout_fields);

static const struct field flow_table_fields[] = {
	{"entries", &kind_number, CONFIG(flow_entries),
	 &(const struct number_rule){1024, 268435456, false}, "1048576"},
	{"fast_path", &kind_choice, CONFIG(fast_path), fast_paths, "auto"},
	{"insert_limit", &kind_number, CONFIG(flow_insert_limit),
	 &(const struct number_rule){1, 100000000, false}, "500000"},
	{"timeouts", &kind_mapping, FIELD_NOWHERE, &timeouts, ""},
};
static const struct mapping flow_table = MAPPING(flow_table_fields);

static const struct field icmp_fields[] = {
	{"echo", &kind_choice, CONFIG(icmp.echo), truths, "true"},
	{"echo_limit", &kind_number, CONFIG(icmp.echo_limit),
	 &(const struct number_rule){1, 100000000, false}, "1000"},
	{"too_big_limit", &kind_number, CONFIG(icmp.too_big_limit),
	 &(const struct number_rule){1, 100000000, false}, "1000"},
	{"other", &kind_choice, CONFIG(icmp.other), icmp_others, "pass"},
};
static const struct mapping icmp = MAPPING(icmp_fields);

static const struct field nat_fields[] = {
	{"addresses", &kind_snat_addresses, CONFIG(nat.own), NULL, "none"},
	{"peers", &kind_snat_addresses, CONFIG(nat.peers), NULL, "none"},
	{"ports", &kind_snat_ports, CONFIG(nat.ports), NULL, "1024-65535"},
	{"announce", &kind_choice, CONFIG(nat.announce), snat_announces, "neighbor"},
};
static const struct mapping nat = MAPPING(nat_fields);

static const struct milliseconds_rule damping = {
	0, 600000, "a duration up to 10m, written like 500ms, 5s or 1m, or 0s"};
static const struct field announce_fields[] = {
	{"table", &kind_word_or_number, CONFIG(announcing.table), &config_table_rule, "none"},
	{"damping", &kind_milliseconds, CONFIG(announcing.damping_ms), &damping, "5s"},
};
static const struct mapping announcing = MAPPING(announce_fields);

static const struct field blackbox_fields[] = {
	{"packets", &kind_number, CONFIG(blackbox.packets),
	 &(const struct number_rule){0, 1000000, false}, "0"},
	{"seconds", &kind_number, CONFIG(blackbox.seconds),
	 &(const struct number_rule){1, 86400, false}, "30"},
};
static const struct mapping blackbox = MAPPING(blackbox_fields);

static const struct field ipip_fields[] = {
	{"source", &kind_ipip_source, CONFIG(ipip), NULL, "none"},
};
static const struct mapping ipip = MAPPING(ipip_fields);

static const struct field sync_fields[] = {
	{"group", &kind_text_or_none, CONFIG(sync.group), &sync_group_rule, "none"},
	{"rate", &kind_number, CONFIG(sync.rate), &(const struct number_rule){100, 1000000, false},
	 "20000"},
};
static const struct mapping sync_keys = MAPPING(sync_fields);

static const struct field api_fields[] = {
	{"socket", &kind_text, CONFIG(api.socket), &socket_rule, "/run/weir/weir.sock"},
	{"mode", &kind_permissions, CONFIG(api.mode), NULL, "0660"},
	{"group", &kind_text_or_none, CONFIG(api.group), &group_rule, "none"},
	{"http", &kind_listen, CONFIG(api.http), NULL, "none"},
	{"token_file", &kind_text_or_none, CONFIG(api.token_file), &token_file_rule, "none"},
};
static const struct mapping api = MAPPING(api_fields);

static const struct milliseconds_rule drain = {
	0, 3600000, "a duration up to 60m, written like 30s or 5m, or 0s"};
static const struct field root_fields[] = {
	{"instance", &kind_text, CONFIG(instance), &instance_rule, "weir"},
	{"user", &kind_text, CONFIG(user), &user_rule, "auto"},
	{"interfaces", &kind_list, CONFIG(interfaces), &interface_list, NULL},
	{"workers", &kind_mapping, FIELD_NOWHERE, &workers, ""},
	{"memory", &kind_mapping, FIELD_NOWHERE, &memory, ""},
	{"flow_table", &kind_mapping, FIELD_NOWHERE, &flow_table, ""},
	{"on_daemon_loss", &kind_choice, CONFIG(on_daemon_loss), daemon_losses, "pass"},
	{"drain", &kind_milliseconds, CONFIG(drain_ms), &drain, "0s"},
	{"captures", &kind_choice, CONFIG(captures), truths, "true"},
	{"blackbox", &kind_mapping, FIELD_NOWHERE, &blackbox, ""},
	{"icmp", &kind_mapping, FIELD_NOWHERE, &icmp, ""},
	{"nat", &kind_mapping, FIELD_NOWHERE, &nat, ""},
	{"ipip", &kind_mapping, FIELD_NOWHERE, &ipip, ""},
	{"announce", &kind_mapping, FIELD_NOWHERE, &announcing, ""},
	{"sources", &kind_sources, CONFIG(policy), NULL, ""},
	{"policy", &kind_mapping, FIELD_NOWHERE, &config_policy_mapping, ""},
	{"sync", &kind_mapping, FIELD_NOWHERE, &sync_keys, ""},
	{"services", &kind_list, CONFIG(services), &service_list, NULL},
	{"api", &kind_mapping, FIELD_NOWHERE, &api, ""},
};
static const struct mapping root = MAPPING(root_fields);

_Static_assert(COUNT(service_fields) <= FIELD_MAX && COUNT(root_fields) <= FIELD_MAX, "FIELD_MAX");

const struct mapping *config_keys(void)
{
	return &root;
}

/* --- the configuration --------------------------------------------------------------------- */

static int parse_document(struct document *d, struct config **out)
{
	struct place at = {.node = d->root};
	struct config *c = calloc(1, sizeof(*c));
	if (!c) {
		document_no_memory(d);
		return d->code;
	}
	c->file = strdup(d->file);
	if (!c->file)
		document_no_memory(d);
	mapping_read(d, &at, &root, c);
	if (!d->code)
		config_check(c, d);
	if (!d->code)
		*out = c;
	else
		config_free(c);
	return d->code;
}

int config_parse_all(const char *file, const char *text, size_t length, struct config **out,
		     config_fault_fn *fn, void *context, struct err *err)
{
	struct document d;
	if (length > CONFIG_MAX_BYTES)
		return err_set(err, EINVAL, "%s:1: %zu bytes long; expected at most %u", file,
			       length, CONFIG_MAX_BYTES);
	int rc = document_open(&d, file, text, length, err);
	d.on_fault = fn;
	d.context = context;
	if (!rc)
		rc = parse_document(&d, out);
	document_close(&d);
	return rc;
}

int config_parse(const char *file, const char *text, size_t length, struct config **out,
		 struct err *err)
{
	return config_parse_all(file, text, length, out, NULL, NULL, err);
}

void config_print(const struct config *c, FILE *out)
{
	mapping_print(&root, c, 0, false, out);
}

static void service_fini(struct config_service *s)
{
	for (unsigned int i = 0; i < s->backend_count; i++)
		free(s->backends[i].name);
	free(s->backends);
	free(s->port_ranges);
	config_health_fini(&s->health);
	free(s->name);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < c->interface_count; i++) {
		free(c->interfaces[i].name);
		free(c->interfaces[i].queues.values);
	}
	for (unsigned int i = 0; i < c->service_count; i++)
		service_fini(&c->services[i]);
	config_policy_fini(&c->policy);
	free(c->interfaces);
	free(c->services);
	free(c->nat.own.addresses);
	free(c->nat.peers.addresses);
	free(c->cpus.values);
	free(c->instance);
	free(c->user);
	free(c->sync.group);
	free(c->api.socket);
	free(c->api.group);
	free(c->api.token_file);
	free(c->file);
	free(c);
}

const char *config_state_word(enum config_state state)
{
	return states[state].word;
}

const char *config_forward_word(enum forward forward)
{
	static const char *const words[] = {
		[FORWARD_DSR] = "dsr",
		[FORWARD_NAT] = "nat",
		[FORWARD_IPIP] = "ipip",
		[FORWARD_GUE] = "gue",
	};
	return words[forward];
}

const struct config_service *config_find_service(const struct config *c, const char *name)
{
	for (unsigned int i = 0; i < c->service_count; i++)
		if (!strcmp(c->services[i].name, name))
			return &c->services[i];
	return NULL;
}

const struct config_backend *config_find_backend(const struct config_service *s, const char *name)
{
	for (unsigned int i = 0; i < s->backend_count; i++)
		if (!strcmp(s->backends[i].name, name))
			return &s->backends[i];
	return NULL;
}
