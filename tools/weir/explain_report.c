// SPDX-License-Identifier: BSD-2-Clause
/*
 * Puts into words what lb/explain.h found out. Decides nothing: each step says what is in the trace
 * of the decision, in the order in which it was taken.
 */
#include "tools/weir/explain_report.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_policy.h"
#include "lb/explain.h"
#include "lb/policy.h"
#include "lb/prefix.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "lb/sources.h"
#include "lb/target_table.h"

static const struct target *target_find(const void *table, const struct target_key *key)
{
	return target_table_find(table, key);
}

static const struct target_key *prefix_find(const void *table, const struct addr *address,
					    uint32_t longest)
{
	return target_table_find_prefix(table, address, longest);
}

#include "bpf/match.h"

#define SAYS 512

struct report {
	const struct explain_view *view;
	const struct explanation *x;
	json_t *steps;
};

__attribute__((format(printf, 3, 4))) static void say(struct report *r, const char *step,
						      const char *format, ...)
{
	char text[SAYS];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	json_array_append_new(r->steps, json_pack("{s:s, s:s}", "step", step, "says", text));
}

/* --- names ----------------------------------------------------------------------------------- */

static const char *service_name(const struct report *r, uint32_t id)
{
	const char *name = NULL;
	if (id != ABI_NO_SERVICE)
		name = registry_name(r->view->services, id);
	return name ? name : "?";
}

/* Without its service's name. */
static const char *backend_name(const struct report *r, uint32_t id)
{
	const char *name = NULL;
	if (id != ABI_NO_BACKEND)
		name = registry_name(r->view->backends, id);
	const char *slash = name ? strchr(name, '/') : NULL;
	return slash ? slash + 1 : "?";
}

static const char *rule_name(const struct report *r, uint32_t id)
{
	return id == ABI_NO_RULE ? NULL : registry_name(r->view->rules, id);
}

static const char *port_name(const struct report *r, uint32_t index)
{
	const struct config *c = r->view->config;
	for (unsigned int i = 0; i < c->interface_count; i++)
		if (config_port(c, i) == index)
			return c->interfaces[i].name;
	return "?";
}

static const char *state_name(uint8_t state)
{
	return state == STATE_UP ? "up" : state == STATE_DRAIN ? "draining" : "down";
}

/* --- steps ----------------------------------------------------------------------------------- */

static void say_flags(char text[16], uint8_t flags)
{
	static const char letters[] = "FSRPAU";
	int n = snprintf(text, 16, ", flags ");
	for (int i = 0; letters[i] && n < 15; i++)
		if (flags >> i & 1)
			text[n++] = letters[i];
	text[n] = '\0';
}

static void say_parse(struct report *r)
{
	const struct packet *p = &r->x->trace.parsed;
	char from[ADDR_TEXT], to[ADDR_TEXT], flags[16] = "";
	const char *protocol = p->key.protocol == IPPROTO_TCP   ? "TCP"
			       : p->key.protocol == IPPROTO_UDP ? "UDP"
								: NULL;
	if (!p->has_addresses) {
		say(r, "parse", "ethertype %#06x: neither IP nor a question for a link address",
		    bpf_ntohs(p->ethertype));
		return;
	}
	addr_format(&p->key.source, from);
	addr_format(&p->key.destination, to);
	if (r->x->trace.fault)
		say(r, "parse", "from %s to %s, at fault: %s (%s)", from, to,
		    reason_text(r->x->trace.fault), reason_word(r->x->trace.fault));
	else if (p->neighbor_request)
		say(r, "parse", "%s asks for the link address of %s", from, to);
	else if (p->icmp == PACKET_ICMP_ERROR)
		say(r, "parse", "an ICMP error about the flow %s port %u to %s port %u", from,
		    bpf_ntohs(p->key.source_port), to, bpf_ntohs(p->key.destination_port));
	else if (!protocol)
		say(r, "parse", "protocol %u from %s to %s", p->key.protocol, from, to);
	else {
		if (p->key.protocol == IPPROTO_TCP)
			say_flags(flags, p->tcp_flags);
		say(r, "parse", "%s from %s port %u to %s port %u%s%s", protocol, from,
		    bpf_ntohs(p->key.source_port), to, bpf_ntohs(p->key.destination_port), flags,
		    p->fragment ? ", a fragment" : "");
	}
}

static void say_match(struct report *r)
{
	const struct explanation *x = r->x;
	if (x->trace.policing.by_source)
		return;
	switch (x->trace.match) {
	case MATCH_KERNEL:
		say(r, "match", "no service has this destination: the host's kernel's");
		break;
	case MATCH_DROP:
		say(r, "match", "for a VIP, and %s", reason_text(x->packet.reason));
		break;
	case MATCH_NEIGHBOR:
		say(r, "match", "a VIP that Weir answers for");
		break;
	case MATCH_ECHO:
		say(r, "match", "a ping for a VIP, which Weir answers");
		break;
	default:
		if (x->packet.service == ABI_NO_SERVICE)
			say(r, "match", "a fragment for a VIP");
		else
			say(r, "match", "service %s", service_name(r, x->packet.service));
	}
}

/* The prefix by which a source is in a group, where it stands in the configuration. */
static void say_identity(struct report *r)
{
	const struct config_policy *p = &r->view->config->policy;
	const struct addr *from = &r->x->trace.parsed.key.source;
	uint32_t identity = r->x->trace.policing.identity;
	char text[PREFIX_TEXT];
	int longest = -1;
	if (!identity) {
		say(r, "source", "of no group");
		return;
	}
	const struct config_source *s = &p->sources[identity - 1];
	for (unsigned int i = 0; i < s->prefix_count; i++)
		if (s->prefixes[i].length > longest &&
		    prefix_holds(&s->prefixes[i].address, s->prefixes[i].length, from)) {
			longest = s->prefixes[i].length;
			source_format(&s->prefixes[i].address, longest, text);
		}
	say(r, "source", "of group %s, by %s%s", s->name, longest < 0 ? "a prefix of " : "",
	    longest < 0 ? s->file : text);
}

static const char *const rule_says[] = {
	[POLICY_ALLOW] = "allows it",
	[POLICY_DROP] = "drops it",
	[POLICY_PASS] = "leaves it to the host's kernel",
	[POLICY_COUNT] = "counts it",
	[POLICY_LIMIT] = "is not at its limit",
	[POLICY_REDIRECT] = "sends it another way",
};

static void say_rules(struct report *r)
{
	const struct policing_trace *t = &r->x->trace.policing;
	const struct policy *policy = r->view->snapshot->policy->head;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct policy_rule *rule = &policy->rules[t->rules[i].rule];
		const char *name = rule_name(r, t->rules[i].rule);
		bool limited = rule->action == POLICY_LIMIT && t->rules[i].refused;
		const char *says = rule_says[rule->action];
		if (limited)
			says = rule->flags & POLICY_BEYOND_COOKIE
				       ? "is beyond its limit: answers by a cookie"
				       : "is beyond its limit: drops it";
		say(r, "policy", "rule %s %s%s", name ? name : "?", says,
		    rule->flags & POLICY_DRY_RUN && t->rules[i].refused ? ", if it were no dry run"
									: "");
	}
	if (!t->count)
		say(r, "policy", "no rule is for it");
}

static void say_policy(struct report *r)
{
	if (!r->x->trace.policing.asked)
		return;
	if (r->view->config->policy.source_count)
		say_identity(r);
	say_rules(r);
}

static const char *flow_state_name(uint8_t state)
{
	static const char *const names[FLOW_STATES] = {"free", "handshake", "established",
						       "closing", "udp"};
	return state < FLOW_STATES ? names[state] : "?";
}

static void say_flow(struct report *r)
{
	const struct lb_trace *t = &r->x->trace;
	if (t->named != ABI_NO_BACKEND)
		say(r, "flow", "its QUIC connection id names backend %s",
		    backend_name(r, t->named));
	else if (t->entry == LB_ENTRY_STANDS)
		say(r, "flow", "known, %s, with backend %s", flow_state_name(t->entry_state),
		    backend_name(r, t->entry_backend));
	else if (t->entry == LB_ENTRY_STALE)
		say(r, "flow", "an entry with backend %s, which does not hold any more",
		    backend_name(r, t->entry_backend));
	else
		say(r, "flow", "not known");
}

static void say_choice(struct report *r)
{
	const struct explanation *x = r->x;
	if (!x->slot.asked || x->slot.owner == ABI_NO_BACKEND)
		return;
	const struct backend *owner = &r->view->snapshot->backends[x->slot.owner];
	if (x->slot.owner == x->trace.chosen)
		say(r, "maglev", "slot %u is backend %s's", x->slot.slot,
		    backend_name(r, x->slot.owner));
	else
		say(r, "maglev", "slot %u is backend %s's, which is %s%s: goes to %s", x->slot.slot,
		    backend_name(r, x->slot.owner), state_name(owner->state),
		    owner->weight ? "" : ", of weight 0",
		    x->trace.chosen == ABI_NO_BACKEND ? "none" : backend_name(r, x->trace.chosen));
}

static void say_backend(struct report *r)
{
	const struct explanation *x = r->x;
	char address[ADDR_TEXT];
	if (x->packet.backend == ABI_NO_BACKEND) {
		if (x->packet.reason == REASON_NO_BACKEND)
			say(r, "backend", "none of %s can take it",
			    service_name(r, x->packet.service));
		return;
	}
	const struct backend *b = &r->view->snapshot->backends[x->packet.backend];
	say(r, "backend", "%s at %s, %s, weight %u", backend_name(r, x->packet.backend),
	    addr_format(&b->way.remote, address), state_name(b->state), b->weight);
	if (!b->reachable) {
		say(r, "next hop",
		    "not known: 'weir show nexthops' and 'weir show backends' "
		    "say why");
		return;
	}
	const uint8_t *mac = b->way.link.destination;
	say(r, "next hop", "%02x:%02x:%02x:%02x:%02x:%02x by %s", mac[0], mac[1], mac[2], mac[3],
	    mac[4], mac[5], port_name(r, b->way.egress));
}

static void say_remembered(struct report *r)
{
	switch (r->x->trace.remembered) {
	case LB_REMEMBERED:
		say(r, "remember", "the flow would get an entry, and keep its backend");
		break;
	case LB_NOT_REMEMBERED_FULL:
		say(r, "remember", "no entry: its bucket of the flow table is full");
		break;
	case LB_NOT_REMEMBERED_GUARD:
		say(r, "remember", "no entry: beyond flow_table.insert_limit");
		break;
	}
}

static void say_translation(struct report *r, const struct translation *x)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];
	bool v4 = addr_is_v4(&x->source);
	say(r, "rewrite", v4 ? "nat: from %s:%u to %s:%u" : "nat: from [%s]:%u to [%s]:%u",
	    addr_format(&x->source, from), ntohs(x->source_port), addr_format(&x->destination, to),
	    ntohs(x->destination_port));
}

static void say_rewrite(struct report *r)
{
	static const char *const methods[] = {
		[FORWARD_DSR] = "dsr: new link addresses, nothing else",
		[FORWARD_NAT] = "nat: new addresses and ports",
		[FORWARD_IPIP] = "ipip: an IP header in front",
		[FORWARD_GUE] = "gue: IP and UDP headers in front",
	};
	const struct explanation *x = r->x;
	if (x->packet.verdict != LB_TRANSMIT || x->packet.backend == ABI_NO_BACKEND)
		return;
	uint8_t forward = r->view->snapshot->backends[x->packet.backend].way.forward;
	if (x->trace.translated)
		say_translation(r, &x->trace.translation);
	else
		say(r, "rewrite", "%s", methods[forward <= FORWARD_GUE ? forward : 0]);
	if (x->trace.mss)
		say(r, "rewrite", "its maximum segment size becomes %u (mss_clamp)", x->trace.mss);
}

static void say_verdict(struct report *r)
{
	const struct lb_packet *p = &r->x->packet;
	switch (p->verdict) {
	case LB_TRANSMIT:
		say(r, "verdict", "would be sent by %s, %u bytes%s", port_name(r, p->egress),
		    p->length,
		    r->x->repeated ? "; by the XDP program itself, where the fast path is on" : "");
		break;
	case LB_DROP:
		say(r, "verdict", "would be dropped, %s: %s", reason_word(p->reason),
		    reason_text(p->reason));
		break;
	case LB_PASS:
		say(r, "verdict", "would go to the host's kernel");
		break;
	default:
		say(r, "verdict", "would wait for the first fragment of its datagram");
	}
}

/* --- the document ---------------------------------------------------------------------------- */

static json_t *hex_json(const uint8_t *bytes, uint32_t length)
{
	char text[2 * EXPLAIN_FRAME + 2 * LB_HEADROOM + 2 * LB_TAILROOM + 1];
	for (uint32_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[2 * length] = '\0';
	return json_string(text);
}

static json_t *name_json(bool there, const char *name)
{
	return there && name ? json_string(name) : json_null();
}

static json_t *document(struct report *r)
{
	static const char *const verdicts[] = {
		[LB_TRANSMIT] = "transmit",
		[LB_DROP] = "drop",
		[LB_PASS] = "pass",
		[LB_HOLD] = "hold",
	};
	const struct lb_packet *p = &r->x->packet;
	bool sent = p->verdict == LB_TRANSMIT;
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:O, s:o}", "would", verdicts[p->verdict],
		"reason", name_json(p->verdict == LB_DROP, reason_word(p->reason)), "service",
		name_json(p->service != ABI_NO_SERVICE, service_name(r, p->service)), "backend",
		name_json(p->backend != ABI_NO_BACKEND, backend_name(r, p->backend)), "rule",
		name_json(true, rule_name(r, p->rule)), "interface",
		name_json(sent, port_name(r, p->egress)), "fast_path", r->x->repeated, "steps",
		r->steps, "frame", sent ? hex_json(p->data, p->length) : json_null());
}

json_t *explain_report(const struct explain_view *v, const struct explanation *x)
{
	struct report r = {.view = v, .x = x, .steps = json_array()};
	bool balanced = x->trace.match == MATCH_SERVICE || x->trace.match == MATCH_FRAGMENT;
	say_parse(&r);
	say_match(&r);
	say_policy(&r);
	if (balanced && x->packet.service != ABI_NO_SERVICE) {
		say_flow(&r);
		say_choice(&r);
		say_backend(&r);
		say_remembered(&r);
		say_rewrite(&r);
	}
	say_verdict(&r);
	json_t *all = document(&r);
	json_decref(r.steps);
	return all;
}

void explain_report_print(json_t *report)
{
	size_t i;
	json_t *step;
	json_array_foreach(json_object_get(report, "steps"), i, step)
		printf("%-9s %s\n", json_string_value(json_object_get(step, "step")),
		       json_string_value(json_object_get(step, "says")));
}
