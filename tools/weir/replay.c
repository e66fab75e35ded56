// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir replay`: the datapath's own code over a capture, offline. The clock is the capture's.
 *
 * Packets of one time go through in a burst, so what comes out is what single packets would give.
 */
#include <errno.h>
#include <getopt.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/held.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tools/weir/command.h"
#include "tools/weir/file.h"
#include "tools/weir/offline.h"
#include "tools/weir/options.h"
#include "tools/weir/replay_output.h"
#include "tools/weir/table.h"

#define NS_PER_S 1000000000ull

static const char usage[] =
	"Usage: weir replay -c FILE --pcap IN [-w OUT] [--verdicts JSONL] [--health "
	"NAME=STATE,...]\n"
	"\n"
	"Runs the packets of a capture through the balancer, without a network or privileges.\n"
	"The same input gives the same output, always.\n"
	"\n"
	"  -c, --config FILE     the configuration; - is standard input\n"
	"      --pcap IN         the capture, pcap or pcapng, of Ethernet; - is standard input\n"
	"  -w, --write OUT       write what would be sent to a pcap (nanoseconds); - is standard\n"
	"                        output\n"
	"      --verdicts JSONL  write a line of JSON for each packet, - is standard output:\n"
	"                        frame, verdict (transmit, drop, pass), reason, rule, service,\n"
	"                        backend, egress; null where there is none.\n"
	"                        Without it, a summary is printed\n"
	"      --health LIST     states of backends, NAME=up, drain or down, with commas between;\n"
	"                        NAME is SERVICE/BACKEND, or BACKEND for all of that name\n"
	"  -h, --help            this text\n"
	"\n"
	"The clock is that of the capture. All packets come in by the first interface of the\n"
	"configuration and leave by it. Link addresses are made up:\n"
	"  interface number n, from 0    02:00:00:00:00:NN\n"
	"  backend with IPv4 a.b.c.d     02:04:AA:BB:CC:DD, the address in hexadecimal\n"
	"  backend with an IPv6 address  02:06 and the last four bytes of the address\n"
	"A packet that the capture holds in part (see the snapshot length in pcap(3)) is judged "
	"as\n"
	"the short frame that is left of it, mostly as malformed; how many were is said at the "
	"end.\n"
	"\n"
	"Exit status: 0 done, 1 a file can't be read or written, 2 wrong usage or configuration.\n";

struct arguments {
	const char *config, *pcap, *out, *verdicts;
	char **health; /* lists of NAME=STATE */
	unsigned int health_count;
};

/* A packet between the capture and its verdict. */
struct slot {
	struct pcap_pkthdr header;
	uint8_t *bytes;
	size_t room;
};

struct replay {
	const struct arguments *arguments;
	struct offline offline;
	pcap_t *in;
	struct replay_output output;
	struct slot slots[LB_BURST];
	struct lb_packet packets[LB_BURST];
	unsigned int count; /* in the burst */
	uint64_t burst_ns;  /* time of its packets */
	uint64_t frames;    /* read before the burst */
	uint64_t cut;       /* those the capture holds in part */
};

/* --- configuration -------------------------------------------------------------------------- */

static bool state_parse(const char *word, enum config_state *out)
{
	static const char *const words[] = {
		[STATE_UP] = "up",
		[STATE_DRAIN] = "drain",
		[STATE_DOWN] = "down",
	};
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(word, words[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* Whether a backend goes by `name`: its own, or with its service's in front. */
static bool is_named(const struct config_service *s, const struct config_backend *b,
		     const char *name)
{
	const char *slash = strchr(name, '/');
	if (!slash)
		return !strcmp(b->name, name);
	return strlen(s->name) == (size_t)(slash - name) && !strncmp(s->name, name, slash - name) &&
	       !strcmp(b->name, slash + 1);
}

static int unknown_backend(const struct config *c, const char *name, struct err *err)
{
	char known[sizeof(err->text)] = "";
	size_t used = 0;
	for (unsigned int i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		for (unsigned int j = 0; j < s->backend_count && used < sizeof(known); j++)
			used += snprintf(known + used, sizeof(known) - used, "%s%s/%s",
					 used ? ", " : "", s->name, s->backends[j].name);
	}
	return err_set(err, EINVAL, "--health: there is no backend '%s'; there %s %.400s", name,
		       used ? "are" : "are none", known);
}

static int set_state(struct config *c, const char *name, enum config_state state, struct err *err)
{
	bool found = false;
	for (unsigned int i = 0; i < c->service_count; i++) {
		struct config_service *s = &c->services[i];
		for (unsigned int j = 0; j < s->backend_count; j++) {
			if (!is_named(s, &s->backends[j], name))
				continue;
			s->backends[j].state = state;
			found = true;
		}
	}
	return found ? 0 : unknown_backend(c, name, err);
}

/* Cuts the list up. */
static int set_states(struct config *c, char *list, struct err *err)
{
	char *item;
	while ((item = strsep(&list, ","))) {
		enum config_state state;
		char *equals = strchr(item, '=');
		if (!equals || !state_parse(equals + 1, &state))
			return err_set(err, EINVAL,
				       "--health: found '%s'; expected NAME=up, NAME=drain or "
				       "NAME=down, with commas between",
				       item);
		*equals = '\0';
		int r = set_state(c, item, state, err);
		if (r)
			return r;
	}
	return 0;
}

static int load_config(const struct arguments *a, struct config **out, struct err *err)
{
	struct config *config;
	char *text;
	size_t length;
	int r = file_read(a->config, &text, &length, err);
	if (r)
		return r;
	r = config_parse(a->config, text, length, &config, err);
	free(text);
	if (r)
		return r;
	for (unsigned int i = 0; i < a->health_count && !r; i++)
		r = set_states(config, a->health[i], err);
	if (r)
		config_free(config);
	else
		*out = config;
	return r;
}

/* --- files ---------------------------------------------------------------------------------- */

static int open_capture(struct replay *r, struct err *err)
{
	char text[PCAP_ERRBUF_SIZE];
	const char *path = r->arguments->pcap;
	r->in = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!r->in)
		return err_set(err, EIO, "%s%s%.200s", strstr(text, path) ? "" : path,
			       strstr(text, path) ? "" : ": ", text);
	int type = pcap_datalink(r->in);
	const char *name = pcap_datalink_val_to_name(type);
	if (type != DLT_EN10MB)
		return err_set(err, EINVAL,
			       "%s: link type %s (%d); only Ethernet (EN10MB) can be replayed: "
			       "capture on one interface, not on 'any'",
			       path, name ? name : "unknown", type);
	return 0;
}

static void replay_close(struct replay *r)
{
	replay_output_close(&r->output, NULL);
	if (r->in)
		pcap_close(r->in);
	for (unsigned int i = 0; i < LB_BURST; i++)
		free(r->slots[i].bytes);
	offline_close(&r->offline);
}

/* --- packets -------------------------------------------------------------------------------- */

/* Writes what is held no longer at that time. */
static int release(struct replay *r, uint64_t now_ns, struct err *err)
{
	struct lb_packet p;
	int code = 0;
	while (!code && offline_release(&r->offline, &p, 1, now_ns))
		code = replay_output_write(&r->output, &r->offline, &p, NULL, err);
	return code;
}

static int finish_burst(struct replay *r, struct err *err)
{
	int code = release(r, r->burst_ns, err);
	if (code)
		return code;
	offline_process(&r->offline, r->packets, r->count, r->burst_ns);
	for (unsigned int i = 0; i < r->count && !code; i++)
		code = replay_output_write(&r->output, &r->offline, &r->packets[i],
					   &r->slots[i].header, err);
	r->frames += r->count;
	r->count = 0;
	return code ? code : release(r, r->burst_ns, err);
}

static uint64_t time_ns(const struct pcap_pkthdr *header)
{
	/* With this precision libpcap has nanoseconds where the name says microseconds. */
	int64_t seconds = header->ts.tv_sec, rest = header->ts.tv_usec;
	/* A pcap's seconds are unsigned, and go on after 2038; libpcap reads them signed. */
	if (seconds < 0)
		seconds = (uint32_t)seconds;
	return seconds * NS_PER_S + (rest > 0 ? rest : 0);
}

/* Copies the packet: libpcap's bytes are its own, and what becomes of it may need more room. */
static int add_packet(struct replay *r, const struct pcap_pkthdr *header, const u_char *bytes,
		      struct err *err)
{
	struct slot *slot = &r->slots[r->count];
	size_t room = LB_HEADROOM + header->caplen + LB_TAILROOM;
	if (room > slot->room) {
		uint8_t *more = realloc(slot->bytes, room);
		if (!more)
			return err_set(err, ENOMEM, "not enough memory for a packet of %zu bytes",
				       room);
		slot->bytes = more;
		slot->room = room;
	}
	memcpy(slot->bytes + LB_HEADROOM, bytes, header->caplen);
	slot->header = *header;
	r->packets[r->count] = (struct lb_packet){
		.data = slot->bytes + LB_HEADROOM,
		.length = header->caplen,
		.cookie = r->frames + r->count + 1,
	};
	if (!r->count)
		r->burst_ns = time_ns(header);
	r->count++;
	r->cut += header->caplen < header->len;
	return 0;
}

static bool fits_burst(const struct replay *r, const struct pcap_pkthdr *header)
{
	return r->count < LB_BURST && (!r->count || time_ns(header) == r->burst_ns);
}

static int replay_packets(struct replay *r, struct err *err)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int got, code = 0;
	while (!code && (got = pcap_next_ex(r->in, &header, &bytes)) == 1) {
		if (!fits_burst(r, header))
			code = finish_burst(r, err);
		if (!code)
			code = add_packet(r, header, bytes, err);
	}
	if (code)
		return code;
	code = finish_burst(r, err);
	code = code ? code : release(r, r->burst_ns + HELD_NS, err);
	if (!code && got == PCAP_ERROR)
		return err_set(err, EIO, "%s: can't be read after frame %llu: %.300s",
			       r->arguments->pcap, (unsigned long long)r->frames,
			       pcap_geterr(r->in));
	return code;
}

/* --- summary -------------------------------------------------------------------------------- */

static void print_table(struct table *t, FILE *out)
{
	if (!t || table_print(t, out))
		fputs("weir replay: the summary can't be printed\n", stderr);
	table_free(t);
}

static void add_row(struct table *t, const char *name, uint64_t packets, const char *meaning)
{
	if (!t)
		return;
	table_text(t, name);
	table_count(t, packets);
	table_text(t, meaning);
}

static void print_verdicts(const struct replay *r, FILE *out)
{
	static const struct table_column columns[] = {
		{"verdict", TABLE_LEFT}, {"packets", TABLE_RIGHT}, {"meaning", TABLE_LEFT}};
	const struct lb_counters *c = r->offline.lb.counters;
	struct table *t = table_new(columns, 3);
	add_row(t, "transmit", c->forwarded, "to a backend");
	add_row(t, "transmit", c->neighbor_replies, "an answer to ARP or a solicitation");
	add_row(t, "transmit", c->returned, "a backend's answer to a client, by nat");
	add_row(t, "transmit", c->echo_replies, "an answer to an echo request");
	add_row(t, "transmit", c->too_big_replies, "an answer to a packet that is too big");
	add_row(t, "transmit", c->refusals, "a refusal: no backend serves");
	if (c->redirected)
		add_row(t, "transmit", c->redirected, "redirected by a rule of the policy");
	if (c->challenges)
		add_row(t, "transmit", c->challenges, "SYN answered by a cookie");
	add_row(t, "pass", c->passed, "not for a service: the kernel's");
	for (unsigned int i = 0; i < REASON_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof(name), "drop %s", reason_word(i));
		if (c->dropped[i])
			add_row(t, name, c->dropped[i], reason_text(i));
	}
	add_row(t, "all", c->rx_packets, "");
	print_table(t, out);
}

static void print_backends(const struct replay *r, FILE *out)
{
	static const struct table_column columns[] = {{"backend", TABLE_LEFT},
						      {"packets", TABLE_RIGHT},
						      {"flows", TABLE_RIGHT},
						      {"share", TABLE_RIGHT}};
	const struct offline *o = &r->offline;
	uint64_t all = o->lb.counters->forwarded;
	struct table *t = table_new(columns, 4);
	for (uint32_t id = 0; t && id < registry_end(o->backends); id++) {
		const struct lb_traffic *traffic = &o->lb.counters->backends[id];
		table_text(t, registry_name(o->backends, id));
		table_count(t, traffic->packets);
		table_count(t, traffic->flows);
		table_percent(t, all ? (double)traffic->packets / all : 0);
	}
	print_table(t, out);
}

/* Says what does not add up, so that nobody has to trust the figures. */
static int check_ledger(const struct replay *r, struct err *err)
{
	const struct lb_counters *c = r->offline.lb.counters;
	uint64_t sum = c->forwarded + c->returned + c->neighbor_replies + c->echo_replies +
		       c->too_big_replies + c->refusals + c->redirected + c->challenges + c->passed;
	for (unsigned int i = 0; i < REASON_COUNT; i++)
		sum += c->dropped[i];
	if (r->frames == c->rx_packets && sum == r->frames)
		return 0;
	return err_set(err, EPROTO, "the ledger is wrong: %llu frames, %llu counted, %llu verdicts",
		       (unsigned long long)r->frames, (unsigned long long)c->rx_packets,
		       (unsigned long long)sum);
}

static void report(const struct replay *r)
{
	const struct arguments *a = r->arguments;
	if (r->cut)
		fprintf(stderr,
			"weir replay: %llu of %llu packets are in the capture in part only, and "
			"were judged as short frames\n",
			(unsigned long long)r->cut, (unsigned long long)r->frames);
	if (a->verdicts)
		return;
	FILE *out = a->out && !strcmp(a->out, "-") ? stderr : stdout;
	print_verdicts(r, out);
	fputc('\n', out);
	print_backends(r, out);
}

/* --- command -------------------------------------------------------------------------------- */

/* The exit status. */
static int replay_run(struct replay *r, struct err *err)
{
	struct config *config;
	if (load_config(r->arguments, &config, err))
		return EXIT_USAGE;
	if (offline_open(&r->offline, config, err) || open_capture(r, err) ||
	    replay_output_open(&r->output, r->in, r->arguments->out, r->arguments->verdicts, err))
		return EXIT_FAILED;
	int failed = replay_packets(r, err);
	/* What came before a fault in the capture is worth having. */
	if (replay_output_close(&r->output, failed ? NULL : err))
		failed = -EIO;
	if (!failed)
		failed = check_ledger(r, err);
	report(r);
	return failed ? EXIT_FAILED : EXIT_DONE;
}

static int check_arguments(const char *command, const struct arguments *a)
{
	if (!a->config)
		return options_fault(command, "-c FILE is missing");
	if (!a->pcap)
		return options_fault(command, "--pcap IN is missing");
	if (!strcmp(a->config, "-") && !strcmp(a->pcap, "-"))
		return options_fault(command, "-c and --pcap can't both be standard input");
	if (a->out && a->verdicts && !strcmp(a->out, a->verdicts))
		return options_fault(command, "-w and --verdicts need a file each");
	return -1;
}

/* Returns -1 to go on, or the status to exit with at once. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"pcap", required_argument, NULL, 'p'},
		{"write", required_argument, NULL, 'w'},
		{"verdicts", required_argument, NULL, 'v'},
		{"health", required_argument, NULL, 'H'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;
	while ((c = getopt_long(argc, argv, "c:w:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 'p':
			a->pcap = optarg;
			break;
		case 'w':
			a->out = optarg;
			break;
		case 'v':
			a->verdicts = optarg;
			break;
		case 'H':
			a->health[a->health_count++] = optarg;
			break;
		case 'h':
			return options_help(usage);
		default:
			return options_unknown(argv[0], usage, argv[optind - 1]);
		}
	}
	if (optind < argc)
		return options_fault(argv[0], "'%s' is one argument too many", argv[optind]);
	return check_arguments(argv[0], a);
}

int command_replay(int argc, char **argv)
{
	struct arguments arguments = {.health = calloc(argc, sizeof(char *))};
	/* Not on the stack: it is large. */
	static struct replay replay;
	struct err err = {.text = ""};
	int status = EXIT_FAILED;
	replay = (struct replay){.arguments = &arguments};
	if (arguments.health)
		status = read_arguments(argc, argv, &arguments);
	if (status < 0) {
		status = replay_run(&replay, &err);
		if (status != EXIT_DONE)
			fprintf(stderr, "weir replay: %s\n", err.text);
		replay_close(&replay);
	}
	free(arguments.health);
	return status;
}
