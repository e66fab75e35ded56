// SPDX-License-Identifier: BSD-2-Clause
/* Reads the arguments of a capture's request and tries records on them. Control thread. */
#include "tools/weir/capture_filter.h"

#include <errno.h>
#include <nss.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "lb/reason.h"
#include "tools/weir/argument.h"

#define NS_PER_S       1000000000ull
#define DURATION_MAX_S (366u * 86400)
#define FILTER_SEES    256u /* bytes of a packet: as many as headers that filters speak of have */

static int parse_reason(const char *word, uint64_t *reasons, struct err *err)
{
	char known[sizeof(err->text)] = "";
	size_t length = 0;
	int reason = reason_find(word);
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

static int parse_expression(const char *expression, struct bpf_program **out, struct err *err)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, CAPTURE_SNAPLEN_MAX);
	struct bpf_program *program = calloc(1, sizeof(*program));
	int failure = 0;
	look_up_in_files();
	if (!dead || !program)
		failure = err_set(err, ENOMEM, "out of memory");
	else if (pcap_compile(dead, program, expression, 1, PCAP_NETMASK_UNKNOWN))
		failure = err_set(err, EINVAL, "filter \"%.200s\": %s%s", expression,
				  pcap_geterr(dead), name_hint(pcap_geterr(dead)));
	if (dead)
		pcap_close(dead);
	if (failure)
		free(program);
	else
		*out = program;
	return failure;
}

static int parse_argument(void *context, const char *key, const char *value, struct err *err)
{
	struct capture_filter *f = context;
	uint64_t n = 0;
	int failure = 0;
	if (!strcmp(key, "reason"))
		return parse_reason(value, &f->reasons, err);
	if (!strcmp(key, "count"))
		return argument_number(key, value, UINT64_MAX, &f->count, err);
	if (!strcmp(key, "filter") && f->program)
		return err_set(err, EINVAL, "filter is given twice");
	if (!strcmp(key, "filter"))
		return parse_expression(value, &f->program, err);
	if (!strcmp(key, "snaplen")) {
		failure = argument_number(key, value, CAPTURE_SNAPLEN_MAX, &n, err);
		f->snaplen = n;
	} else if (!strcmp(key, "duration")) {
		failure = argument_number(key, value, DURATION_MAX_S, &n, err);
		f->duration_ns = n * NS_PER_S;
	} else {
		failure = err_set(err, EINVAL,
				  "unknown argument \"%.64s\"; known are: reason filter snaplen "
				  "count duration",
				  key);
	}
	return failure;
}

int capture_filter_init(struct capture_filter *f, struct MHD_Connection *connection,
			struct err *err)
{
	struct capture_filter read = {.snaplen = CAPTURE_SNAPLEN_MAX};
	int failure = arguments_read(connection, parse_argument, &read, err);
	if (failure) {
		capture_filter_fini(&read);
		return failure;
	}
	if (!read.reasons)
		read.reasons = ~(1ull << REASON_NONE);
	*f = read;
	return 0;
}

void capture_filter_fini(struct capture_filter *f)
{
	if (f->program)
		pcap_freecode(f->program);
	free(f->program);
	f->program = NULL;
}

uint32_t capture_filter_snaplen(const struct capture_filter *f)
{
	return f->program && f->snaplen < FILTER_SEES ? FILTER_SEES : f->snaplen;
}

bool capture_filter_wants(const struct capture_filter *f, const struct tap_record *r,
			  const void *bytes)
{
	struct pcap_pkthdr head = {.caplen = r->captured, .len = r->length};
	if (r->reason >= ABI_REASON_SLOTS || !(f->reasons >> r->reason & 1))
		return false;
	return !f->program || pcap_offline_filter(f->program, &head, bytes);
}
