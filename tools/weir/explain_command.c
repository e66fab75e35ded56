// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir explain`: asks the daemon, or with -c a balancer on no network, what would become of a
 * packet. Offline the packets of a capture go through that balancer one after the other, so that
 * each is explained with what those before it have left.
 */
#include <errno.h>
#include <getopt.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/explain_question.h"
#include "tools/weir/explain_report.h"
#include "tools/weir/file.h"
#include "tools/weir/offline.h"
#include "tools/weir/options.h"

#include "lb/config.h"

static const char usage[] =
	"Usage: weir explain --from ADDRESS[:PORT] --to ADDRESS:PORT --protocol tcp|udp|icmp\n"
	"       weir explain --pcap FILE\n"
	"       weir explain --to ADDRESS:PORT --protocol tcp|udp --sample N [--backend NAME]\n"
	"\n"
	"Says step by step what Weir would do with a packet, and why. Nothing is sent or changed.\n"
	"\n"
	"      --from ADDRESS[:PORT]  who sends it; of IPv6 with a port: [ADDRESS]:PORT\n"
	"      --to ADDRESS:PORT      to whom; a ping needs no port\n"
	"      --protocol PROTOCOL    tcp, udp or icmp (a ping)\n"
	"      --flags LETTERS        of TCP, of S A F R P U (default: S, a new connection)\n"
	"      --interface NAME       by which it comes in (default: the first one)\n"
	"      --pcap FILE            the packets of a capture, - for standard input\n"
	"      --sample N             of N clients made up by chance: whom would each backend "
	"get?\n"
	"      --backend NAME         ... only this one, or SERVICE/NAME\n"
	"      --json                 a document for each packet, one a line\n"
	"  -c, --config FILE          by this configuration, without a daemon: all backends can "
	"be\n"
	"                             reached, and no flow is known but those of the capture\n"
	"  -s, --socket SOCKET        where the daemon listens (" DEFAULT_SOCKET ")\n"
	"  -h, --help                 this text\n"
	"\n"
	"  weir explain --from 192.0.2.1 --to 203.0.113.10:443 --protocol tcp\n"
	"  weir capture --drops -c 5 -w - | weir explain --pcap -\n";

struct explain_command {
	const char *socket, *config, *pcap;
	bool json;
	struct explain_question question;
	struct offline offline; /* with -c */
	struct err err;
};

/* --- options --------------------------------------------------------------------------------- */

enum { OPTION_JSON = 256, OPTION_PCAP, OPTION_ASKED };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"socket", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"pcap", required_argument, NULL, OPTION_PCAP},
	{"from", required_argument, NULL, OPTION_ASKED},
	{"to", required_argument, NULL, OPTION_ASKED},
	{"protocol", required_argument, NULL, OPTION_ASKED},
	{"flags", required_argument, NULL, OPTION_ASKED},
	{"interface", required_argument, NULL, OPTION_ASKED},
	{"sample", required_argument, NULL, OPTION_ASKED},
	{"backend", required_argument, NULL, OPTION_ASKED},
	{0},
};

/* Returns -1 to go on, or the status to exit with at once. */
static int take_option(struct explain_command *c, int option, int index, const char *command)
{
	switch (option) {
	case OPTION_ASKED:
		if (explain_question_set(&c->question, options[index].name, optarg, &c->err))
			return options_fault(command, "--%s", c->err.text);
		break;
	case OPTION_JSON:
		c->json = true;
		break;
	case OPTION_PCAP:
		c->pcap = optarg;
		break;
	case 'c':
		c->config = optarg;
		break;
	case 's':
		c->socket = optarg;
		break;
	case 'h':
		return options_help(usage);
	default:
		return options_fault(command, NULL);
	}
	return -1;
}

static int parse_options(struct explain_command *c, int argc, char **argv)
{
	int option, index = 0, status = -1;
	while (status < 0 && (option = getopt_long(argc, argv, "c:s:h", options, &index)) != -1)
		status = take_option(c, option, index, argv[0]);
	if (status >= 0)
		return status;
	if (optind < argc)
		return options_fault(argv[0], "'%s' is one argument too many", argv[optind]);
	if (c->pcap && (*c->question.from || *c->question.to || c->question.sample))
		return options_fault(argv[0], "--pcap FILE has packets of its own: leave out "
					      "--from, --to and --sample");
	return -1;
}

/* --- asking ---------------------------------------------------------------------------------- */

static int ask_offline(struct explain_command *c, uint64_t time_ns, json_t **out)
{
	const struct explain_view view = {
		.config = c->offline.config,
		.snapshot = c->offline.snapshot,
		.flows = &c->offline.flows,
		.services = c->offline.services,
		.backends = c->offline.backends,
		.rules = c->offline.rules,
		.meters = {c->offline.policing.meters, c->offline.policing.meter_mask,
			   c->offline.policing.half_open},
	};
	return explain_question_answer(&c->question, &view, offline_time(&c->offline, time_ns), out,
				       &c->err);
}

static void add_frame(FILE *query, const struct explain_question *q)
{
	char text[2 * EXPLAIN_FRAME + 1];
	for (uint32_t i = 0; i < q->length; i++)
		snprintf(text + 2 * i, 3, "%02x", q->frame[i]);
	client_query_add(query, "frame", text);
}

static void add_word(FILE *query, const char *key, const char *word)
{
	if (*word)
		client_query_add(query, key, word);
}

static int ask_daemon(struct explain_command *c, json_t **out)
{
	const struct explain_question *q = &c->question;
	char *query = NULL, *path = NULL;
	size_t size;
	FILE *f = open_memstream(&query, &size);
	if (!f)
		return err_set(&c->err, ENOMEM, "out of memory");
	if (q->length)
		add_frame(f, q);
	add_word(f, "from", q->from);
	add_word(f, "to", q->to);
	add_word(f, "protocol", q->protocol);
	add_word(f, "flags", q->flags);
	add_word(f, "interface", q->interface);
	add_word(f, "backend", q->backend);
	if (q->sample) {
		char text[24];
		snprintf(text, sizeof(text), "%llu", (unsigned long long)q->sample);
		client_query_add(f, "sample", text);
	}
	int r = fclose(f) || asprintf(&path, "/v1/explain%s", query) < 0
			? err_set(&c->err, ENOMEM, "out of memory")
			: client_get(c->socket, path, out, &c->err);
	free(query);
	free(path);
	return r;
}

static int ask(struct explain_command *c, uint64_t time_ns)
{
	json_t *answer = NULL;
	int r = c->config ? ask_offline(c, time_ns, &answer) : ask_daemon(c, &answer);
	if (r)
		return r;
	if (c->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		explain_print(answer);
	}
	json_decref(answer);
	return 0;
}

/* --- captures -------------------------------------------------------------------------------- */

/* Offline the packet then does what was said. */
static void carry_out(struct explain_command *c, uint64_t time_ns)
{
	static uint8_t room[LB_HEADROOM + EXPLAIN_FRAME + LB_TAILROOM];
	struct lb_packet p = {.data = room + LB_HEADROOM, .length = c->question.length};
	memcpy(p.data, c->question.frame, p.length);
	offline_process(&c->offline, &p, 1, time_ns);
}

static int explain_capture(struct explain_command *c, pcap_t *in)
{
	struct pcap_pkthdr *head;
	const u_char *bytes;
	int got, r = 0;
	for (unsigned long n = 1; !r && (got = pcap_next_ex(in, &head, &bytes)) == 1; n++) {
		uint64_t time_ns = head->ts.tv_sec * 1000000000ull + head->ts.tv_usec;
		if (!c->json)
			printf("%spacket %lu\n", n > 1 ? "\n" : "", n);
		if (head->caplen > EXPLAIN_FRAME) {
			fprintf(stderr, "packet %lu is longer than %u bytes: left out\n", n,
				EXPLAIN_FRAME);
			continue;
		}
		c->question.length = head->caplen;
		memcpy(c->question.frame, bytes, head->caplen);
		r = ask(c, time_ns);
		if (!r && c->config)
			carry_out(c, time_ns);
	}
	if (!r && got == PCAP_ERROR)
		r = err_set(&c->err, EIO, "%s: %s", c->pcap, pcap_geterr(in));
	return r;
}

static int open_and_explain(struct explain_command *c)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *in =
		pcap_open_offline_with_tstamp_precision(c->pcap, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!in)
		return err_set(&c->err, EIO, "%s", text);
	int r = pcap_datalink(in) == DLT_EN10MB
			? explain_capture(c, in)
			: err_set(&c->err, EIO, "%s: not of Ethernet", c->pcap);
	pcap_close(in);
	return r;
}

/* --- the command ----------------------------------------------------------------------------- */

static int open_offline(struct explain_command *c)
{
	char *text;
	size_t length;
	struct config *config;
	int r = file_read(c->config, &text, &length, &c->err);
	if (r)
		return r;
	r = config_parse(c->config, text, length, &config, &c->err);
	free(text);
	return r ? r : offline_open(&c->offline, config, &c->err);
}

int command_explain(int argc, char **argv)
{
	static struct explain_command c;
	c = (struct explain_command){.socket = DEFAULT_SOCKET};
	int status = parse_options(&c, argc, argv);
	if (status >= 0)
		return status;
	int r = c.config ? open_offline(&c) : 0;
	if (!r)
		r = c.pcap ? open_and_explain(&c) : ask(&c, 0);
	if (c.config && c.offline.config)
		offline_close(&c.offline);
	if (!r)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", argv[0], c.err.text);
	return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
