// SPDX-License-Identifier: BSD-2-Clause
/* What the keys of a rule say together, and whether the names in it are there. Pure; any thread. */
#include <linux/in.h>
#include <stdarg.h>
#include <string.h>

#include "bpf/policy.h"
#include "lb/config.h"
#include "lb/config_endpoint.h"
#include "lb/config_policy.h"
#include "lb/document.h"
#include "lb/prefix.h"

#define PATH_TEXT 64
#define WORDS     300
#define BIG_FRAME 1514u /* one of an Ethernet with the usual MTU */
#define BURST_S   3600u /* a bucket of more than that much of its rate limits nothing */

struct rule_check {
	const struct config *config;
	const struct config_rule *rule;
	unsigned int index;
	struct document *document;
};

__attribute__((format(printf, 3, 4))) static void fault(const struct rule_check *k, const char *key,
							const char *format, ...)
{
	char path[PATH_TEXT], words[WORDS];
	va_list ap;
	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "policy.rules[%u].%s", k->index, key);
	document_fault_path(k->document, path, "%s", words);
}

/* --- names ----------------------------------------------------------------------------------- */

static int64_t find_service(const struct config *c, const char *name)
{
	for (unsigned int i = 0; i < c->service_count; i++)
		if (!strcmp(c->services[i].name, name))
			return i;
	return -1;
}

bool config_to_parse(const struct config *c, const char *word, struct config_to *out)
{
	*out = (struct config_to){.service = -1};
	out->any = !strcmp(word, TO_ANY);
	out->vips = !strcmp(word, TO_VIPS);
	if (out->any || out->vips)
		return true;
	out->service = find_service(c, word);
	if (out->service >= 0)
		return true;
	if (prefix_parse(word, &out->address, &out->length))
		return false;
	for (unsigned int i = 0; i < c->service_count; i++)
		if (config_to_has(out, &c->services[i]))
			return true;
	return false;
}

bool config_to_has(const struct config_to *to, const struct config_service *s)
{
	uint32_t own = s->prefix ? s->prefix : PREFIX_FULL;
	struct addr first = prefix_mask(&s->address, to->length);
	struct addr wanted = prefix_mask(&to->address, to->length);
	return own >= to->length && !memcmp(&first, &wanted, sizeof(first));
}

static void check_names(const struct rule_check *k)
{
	const struct config_rule *r = k->rule;
	char quoted[DOCUMENT_QUOTE];
	struct config_to to;
	if (!strcmp(r->name, POLICY_DEFAULT_RULE))
		fault(k, "name", "'default' is what policy.default counts as; expected another");
	for (unsigned int i = 0; i < r->from.count; i++)
		if (config_find_source(&k->config->policy, r->from.words[i]) < 0)
			fault(k, "from", "there is no group %s in sources; expected one, or any",
			      document_quote(r->from.words[i], quoted));
	for (unsigned int i = 0; i < r->to.count; i++)
		if (!config_to_parse(k->config, r->to.words[i], &to))
			fault(k, "to",
			      "%s is no service, and no service has such an address; expected a "
			      "service, a VIP, vips, or any (what is for the kernel too)",
			      document_quote(r->to.words[i], quoted));
		else if ((to.any || to.vips) && r->to.count > 1)
			fault(k, "to", "%s holds the others of the list; name it alone",
			      r->to.words[i]);
}

/* --- ports and match ------------------------------------------------------------------------- */

static void check_ports(const struct rule_check *k)
{
	const struct config_rule *r = k->rule;
	char these[PORTS_TEXT], those[PORTS_TEXT];
	if (r->port_ranges[0].first && r->protocol != IPPROTO_TCP && r->protocol != IPPROTO_UDP &&
	    r->protocol != PROTOCOL_ANY)
		fault(k, "ports",
		      "its protocol has no ports; expected any, or protocol: tcp or udp");
	for (unsigned int i = 1; i < r->port_range_count; i++)
		if (r->port_ranges[i].first <= r->port_ranges[i - 1].last)
			fault(k, "ports", "%s and %s overlap; list each port once",
			      ports_format(&r->port_ranges[i - 1], these),
			      ports_format(&r->port_ranges[i], those));
}

/* --- actions --------------------------------------------------------------------------------- */

static void check_limit(const struct rule_check *k)
{
	const struct config_limit *l = &k->rule->limit;
	if (k->rule->action == POLICY_LIMIT && !l->given)
		fault(k, "limit",
		      "missing; a rule needs an action, or a limit like {per: source, rate: "
		      "100/s}");
	if (!l->given)
		return;
	if (k->rule->action != POLICY_LIMIT)
		fault(k, "limit", "is for action: limit; leave one of them out");
	if (l->burst && l->burst / BURST_S > l->rate)
		fault(k, "limit.burst", "more than an hour's worth of the rate; make it smaller");
	if (l->bytes && (l->burst ? l->burst : l->rate) < BIG_FRAME)
		fault(k, "limit.burst",
		      "not one full frame (1514 bytes) would fit; make it larger");
	if (l->challenge && !(k->rule->match.flags & POLICY_SYN))
		fault(k, "limit.beyond",
		      "only who opens a connection can be challenged; add match: tcp-syn");
	if (l->per != POLICY_PER_SOURCE && (l->prefix4 != 32 || l->prefix6 != 128))
		fault(k, "limit", "prefix lengths are for per: source");
}

static void check_redirect(const struct rule_check *k)
{
	const struct config_redirect *r = &k->rule->redirect;
	bool given = r->interface || r->has_next_hop;
	if (k->rule->action == POLICY_REDIRECT && !given)
		fault(k, "redirect",
		      "missing; action: redirect needs {next_hop: ADDRESS} or {interface: NAME}");
	if (k->rule->action != POLICY_REDIRECT && given)
		fault(k, "redirect", "is for action: redirect; leave it out, or set that");
	if (r->interface && r->has_next_hop)
		fault(k, "redirect", "a next hop and an interface; name one of them");
	for (unsigned int i = 0; r->interface && i < k->config->interface_count; i++)
		if (!strcmp(k->config->interfaces[i].name, r->interface))
			return;
	if (r->interface)
		fault(k, "redirect.interface", "is none of those in interfaces; add it there");
}

static void check_dry_run(const struct rule_check *k)
{
	if (k->rule->dry_run && k->rule->action != POLICY_DROP && k->rule->action != POLICY_LIMIT)
		fault(k, "dry_run", "is for action: drop and limits; this rule drops nothing");
}

void config_check_policy(const struct config *c, struct document *d)
{
	for (unsigned int i = 0; i < c->policy.rule_count; i++) {
		struct rule_check k = {c, &c->policy.rules[i], i, d};
		check_names(&k);
		check_ports(&k);
		check_limit(&k);
		check_redirect(&k);
		check_dry_run(&k);
	}
}
