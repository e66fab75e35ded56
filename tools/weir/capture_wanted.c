// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. */
#include "tools/weir/capture_wanted.h"

#include <errno.h>
#include <nss.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tools/weir/argument.h"
#include "tools/weir/daemon.h"

#define NS_PER_S       1000000000ull
#define DURATION_MAX_S (366u * 86400)
#define EXPRESSION_MAX 400 /* bytes */
#define CARET_AT_MOST  60  /* columns before it */

static int parse_reason(const char *word, __u64 *reasons, struct err *err)
{
	char known[sizeof(err->text)] = "";
	size_t length = 0;
	int reason = reason_find(word);
	if (reason == REASON_DAEMON_LOST)
		return err_set(err, EINVAL,
			       "daemon-lost can't be captured: it is counted when the next daemon "
			       "starts, and no packet is left then");
	if (reason >= 0) {
		*reasons |= 1ull << reason;
		return 0;
	}
	for (int r = REASON_NONE + 1; r < REASON_COUNT && length < sizeof(known); r++)
		length += snprintf(known + length, sizeof(known) - length, " %s", reason_word(r));
	return err_set(err, EINVAL, "unknown reason \"%.64s\"; known are:%s", word, known);
}

/*
 * Has names looked up in this host's files alone, /etc/hosts and /etc/services, from now on and in
 * the whole process: waiting for a DNS server would hold up the control thread, and with it health,
 * next hops and the flow table's sweep. Nothing else in the daemon looks up names.
 */
static void look_up_in_files(void)
{
	static const char *const databases[] = {"hosts", "networks", "protocols", "services",
						"ethers"};
	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		__nss_configure_lookup(databases[i], "files");
}

/* What to add to libpcap's words. */
static const char *name_hint(const char *fault)
{
	if (!strstr(fault, "unknown host"))
		return "";
	return " (names are looked up in /etc/hosts alone: give its address)";
}

/* libpcap's own words, which quote no place: it is the first word that libpcap can't go on from. */
static int compile(const char *expression, struct bpf_program *program, struct err *err)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, CAPTURE_SNAPLEN_MAX);
	int failure = 0;
	look_up_in_files();
	if (!dead)
		return err_set(err, ENOMEM, "out of memory");
	if (pcap_compile(dead, program, expression, 1, PCAP_NETMASK_UNKNOWN))
		failure = err_set(err, EINVAL, "%s%s", pcap_geterr(dead),
				  name_hint(pcap_geterr(dead)));
	pcap_close(dead);
	return failure;
}

static bool compiles(const char *text)
{
	struct bpf_program program;
	struct err unused;
	if (compile(text, &program, &unused))
		return false;
	pcap_freecode(&program);
	return true;
}

static bool is_boundary(const char *expression, size_t at)
{
	return !expression[at] || strchr(" ()", expression[at]) ||
	       strchr(" ()!", expression[at - 1]);
}

/*
 * How many bytes of the expression libpcap understands: the longest beginning that compiles by
 * itself or with a piece of an expression behind it. What is wrong begins there.
 */
static size_t understood_length(const char *expression)
{
	static const char *const tails[] = {"",     " 1",  " 1.2.3.4", " host 1.2.3.4",
					    " tcp", " 0)", " tcp)"};
	char text[EXPRESSION_MAX + 32];
	for (size_t length = strlen(expression); length > 0; length--) {
		if (!is_boundary(expression, length))
			continue;
		for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
			snprintf(text, sizeof(text), "%.*s%s", (int)length, expression, tails[i]);
			if (compiles(text))
				return length;
		}
	}
	return 0;
}

/* The expression, or what of it is around the fault, and under that a caret. */
static int explain_fault(const char *expression, struct err *err)
{
	char words[200];
	size_t at = understood_length(expression);
	snprintf(words, sizeof(words), "%.199s", err->text);
	while (expression[at] == ' ')
		at++;
	size_t from = at > CARET_AT_MOST ? at - CARET_AT_MOST : 0;
	return err_set(err, EINVAL, "filter: %s\n  %.100s\n  %*s^", words, expression + from,
		       (int)(at - from), "");
}

/* A filter that the taps have room for runs there; a longer one over what they take. */
static void place_filter(struct capture_wanted *w, struct bpf_program *program)
{
	_Static_assert(sizeof(struct filter_instruction) == sizeof(struct bpf_insn), "the same");
	if (program->bf_len > CAPTURE_FILTER_MAX) {
		w->program = program;
		return;
	}
	w->slot.filter_length = program->bf_len;
	memcpy(w->slot.filter, program->bf_insns, program->bf_len * sizeof(struct bpf_insn));
	pcap_freecode(program);
	free(program);
}

static int parse_expression(struct capture_wanted *w, const char *expression, struct err *err)
{
	struct bpf_program *program = calloc(1, sizeof(*program));
	if (w->expression) {
		free(program);
		return err_set(err, EINVAL, "filter is given twice");
	}
	if (strlen(expression) > EXPRESSION_MAX) {
		free(program);
		return err_set(err, EINVAL, "filter is longer than %d bytes", EXPRESSION_MAX);
	}
	w->expression = strdup(expression);
	if (!program || !w->expression) {
		free(program);
		return err_set(err, ENOMEM, "out of memory");
	}
	int failure = compile(expression, program, err);
	if (!failure) {
		place_filter(w, program);
		return 0;
	}
	free(program);
	return failure == -EINVAL ? explain_fault(expression, err) : failure;
}

/* --- names ---------------------------------------------------------------------------------- */

static int parse_service(struct capture_wanted *w, const struct daemon *d, const char *name,
			 struct err *err)
{
	int64_t id = registry_find(d->services, name);
	if (id < 0)
		return err_set(err, EINVAL,
			       "there is no service \"%.64s\": 'weir show services' lists them",
			       name);
	w->slot.services[id / 64] |= 1ull << (id % 64);
	w->slot.services_wanted = 1;
	return 0;
}

static int parse_rule(struct capture_wanted *w, const struct daemon *d, const char *name,
		      struct err *err)
{
	int64_t id = registry_find(d->rules, name);
	if (id < 0)
		return err_set(err, EINVAL, "there is no rule \"%.64s\" in the policy", name);
	if (w->slot.rule != ABI_NO_RULE)
		return err_set(err, EINVAL, "rule is given twice");
	w->slot.rule = (uint32_t)id;
	return 0;
}

static int parse_interface(const struct daemon *d, const char *name, uint16_t *ports,
			   struct err *err)
{
	char known[256] = "";
	size_t length = 0;
	for (unsigned int i = 0; i < d->config->interface_count; i++) {
		const char *is = d->config->interfaces[i].name;
		if (!strcmp(is, name)) {
			*ports |= 1u << config_port(d->config, i);
			return 0;
		}
		length += snprintf(known + length, sizeof(known) - length, " %s", is);
	}
	return err_set(err, EINVAL, "\"%.64s\" is no interface of Weir; its are:%s", name, known);
}

/* --- arguments ------------------------------------------------------------------------------ */

struct reading {
	struct capture_wanted *wanted;
	const struct daemon *daemon;
	bool drops; /* are named */
};

static int parse_source(struct reading *r, const char *key, const char *value, struct err *err)
{
	struct capture_slot *slot = &r->wanted->slot;
	if (!strcmp(key, "drops")) {
		r->drops = true;
		return 0;
	}
	if (!strcmp(key, "reason"))
		return parse_reason(value, &slot->reasons, err);
	if (!strcmp(key, "rule"))
		return parse_rule(r->wanted, r->daemon, value, err);
	if (!strcmp(key, "service"))
		return parse_service(r->wanted, r->daemon, value, err);
	if (!strcmp(key, "rx"))
		return parse_interface(r->daemon, value, &slot->rx_ports, err);
	if (!strcmp(key, "tx"))
		return parse_interface(r->daemon, value, &slot->tx_ports, err);
	if (!strcmp(key, "blackbox")) {
		r->wanted->blackbox = true;
		return 0;
	}
	if (!strcmp(key, "kernel")) {
		slot->kernel = 1;
		return 0;
	}
	return err_set(err, EINVAL,
		       "unknown argument \"%.64s\"; known are: drops reason rule service rx tx "
		       "kernel blackbox filter sample rate snaplen count duration",
		       key);
}

static int parse_argument(void *context, const char *key, const char *value, struct err *err)
{
	struct reading *r = context;
	struct capture_wanted *w = r->wanted;
	uint64_t n = 0;
	int failure = 0;
	if (!strcmp(key, "count"))
		return argument_number(key, value, UINT64_MAX, &w->count, err);
	if (!strcmp(key, "filter"))
		return parse_expression(w, value, err);
	if (!strcmp(key, "snaplen")) {
		failure = argument_number(key, value, CAPTURE_SNAPLEN_MAX, &n, err);
		w->snaplen = n;
	} else if (!strcmp(key, "duration")) {
		failure = argument_number(key, value, DURATION_MAX_S, &n, err);
		w->duration_ns = n * NS_PER_S;
	} else if (!strcmp(key, "sample")) {
		failure = argument_number(key, value, UINT32_MAX, &n, err);
		w->slot.sample = n;
	} else if (!strcmp(key, "rate")) {
		failure = argument_number(key, value, UINT32_MAX, &n, err);
		w->rate = n;
	} else {
		failure = parse_source(r, key, value, err);
	}
	return failure;
}

/* What arguments say only together. */
static void settle(struct reading *r)
{
	struct capture_wanted *w = r->wanted;
	struct capture_slot *slot = &w->slot;
	bool others = slot->services_wanted || slot->rx_ports || slot->tx_ports || slot->kernel;
	bool drops = r->drops || slot->rule != ABI_NO_RULE || !others;
	if (!slot->reasons && drops)
		slot->reasons = ~(1ull << REASON_NONE);
	slot->snaplen = w->program ? CAPTURE_SNAPLEN_MAX : w->snaplen;
	slot->limited = w->rate != 0;
}

int capture_wanted_init(struct capture_wanted *w, struct MHD_Connection *connection,
			const struct daemon *d, struct err *err)
{
	struct capture_wanted wanted = {
		.snaplen = CAPTURE_SNAPLEN_MAX,
		.slot = {.rule = ABI_NO_RULE},
	};
	struct reading r = {.wanted = &wanted, .daemon = d};
	int failure = arguments_read(connection, parse_argument, &r, err);
	if (failure) {
		capture_wanted_fini(&wanted);
		return failure;
	}
	settle(&r);
	*w = wanted;
	return 0;
}

void capture_wanted_fini(struct capture_wanted *w)
{
	if (w->program)
		pcap_freecode(w->program);
	free(w->program);
	free(w->expression);
	w->program = NULL;
	w->expression = NULL;
}

bool capture_wanted_passes(const struct capture_wanted *w, const struct tap_record *r,
			   const void *bytes)
{
	struct pcap_pkthdr head = {.caplen = r->captured, .len = r->length};
	return !w->program || pcap_offline_filter(w->program, &head, bytes);
}

bool capture_wanted_names(const struct capture_wanted *w, const struct tap_record *r,
			  const void *bytes)
{
	const struct capture_slot *s = &w->slot;
	return capture_names(s, r) &&
	       (!s->filter_length ||
		bpf_filter((const struct bpf_insn *)s->filter, bytes, r->length, r->captured));
}

const char *capture_wanted_words(const struct capture_wanted *w, char words[CAPTURE_WORDS])
{
	const struct capture_slot *s = &w->slot;
	int length =
		snprintf(words, CAPTURE_WORDS, "%s%s%s%s%s", s->reasons ? " drops" : "",
			 s->services_wanted ? " services" : "", s->rx_ports ? " interface-rx" : "",
			 s->tx_ports ? " interface-tx" : "", s->kernel ? " kernel-drops" : "");
	memmove(words, words + 1, length--);
	if (!w->expression)
		return words;
	if (w->program)
		snprintf(words + length, CAPTURE_WORDS - length,
			 "; the filter runs in the daemon: it is longer than the %u instructions "
			 "that taps have room for",
			 CAPTURE_FILTER_MAX);
	else
		snprintf(words + length, CAPTURE_WORDS - length,
			 "; the filter runs at the taps, in the XDP program and the workers: %u "
			 "instructions",
			 s->filter_length);
	return words;
}
