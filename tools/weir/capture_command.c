// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir capture`: asks the daemon for a stream of packets and writes it down. The taps filter; what
 * the two say to each other is in tools/weir/capture.h.
 */
#include "tools/weir/command.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/capture_output.h"
#include "tools/weir/capture_wanted.h"
#include "tools/weir/client.h"
#include "tools/weir/options.h"

static const char usage[] =
	"Usage: weir capture [OPTION]... [FILTER]\n"
	"Shows packets, those that Weir drops each with the reason, or writes them to a file.\n"
	"\n"
	"What is captured; any of these together, --drops where none is named:\n"
	"      --drops           dropped packets\n"
	"      --reason REASON   only those dropped for this reason; may be repeated\n"
	"                        ('weir show drops' lists them)\n"
	"      --rule NAME       only those dropped by this rule of the policy\n"
	"      --services NAME   packets of a service, each as it came and as it was sent, with "
	"one\n"
	"                        packet id; may be repeated\n"
	"      --interface NAME  what comes in by an interface (--rx), what Weir sends by it "
	"(--tx),\n"
	"                        or both; may be repeated, each with its own --rx or --tx behind "
	"it\n"
	"      --kernel          what this host's kernel drops of what Weir passed to it, with "
	"the\n"
	"                        kernel's own reason\n"
	"      --blackbox        what was dropped lately, before anybody looked, as the setting\n"
	"                        'blackbox' has it kept; --reason, --rule and FILTER choose\n"
	"\n"
	"  -w FILE               write packets to FILE, - for standard output\n"
	"      --format FORMAT   of FILE: pcapng (default; with reason, service, backend and "
	"queue\n"
	"                        of each packet) or pcap\n"
	"  -c COUNT              end after COUNT packets\n"
	"  -s BYTES              keep at most BYTES of each packet in FILE (default: all)\n"
	"      --sample N        only one packet in N\n"
	"      --rate N          at most N packets a second, so that a capture slows nothing "
	"down;\n"
	"                        what is beyond is counted as lost\n"
	"      --duration SECONDS  end after SECONDS\n"
	"  -C MB                 begin another FILE when it would get longer than MB million "
	"bytes\n"
	"  -G SECONDS            begin another FILE after SECONDS; its name is for strftime(3)\n"
	"  -W FILES              with -C write over the oldest of so many FILES, with -G alone "
	"end\n"
	"                        after them\n"
	"      --socket PATH     the daemon's socket (default " DEFAULT_SOCKET "); not -s here,\n"
	"                        which is the snapshot length as in tcpdump\n"
	"      --help            this text\n"
	"\n"
	"FILTER is an expression of pcap-filter(7), such as 'tcp port 443 and net 192.0.2.0/24'.\n"
	"Hosts are given by address: the daemon knows the names in /etc/hosts, and asks no DNS.\n"
	"Ctrl-C ends the capture, and so does the end of the daemon.\n"
	"\n"
	"  weir capture --reason no-backend\n"
	"  weir capture -w drops.pcapng -c 1000 'host 203.0.113.10'\n"
	"  weir capture -w - | tshark -r - -T fields -e frame.comment\n";

#define FINISH_S \
	30 /* for what is queued, once the end was asked for; a second signal ends at once */

struct capture_command {
	const char *socket;
	const char *path; /* of -w, or NULL */
	enum capture_format format;
	bool format_given;
	struct capture_rotation rotation;
	const char *count, *duration, *snaplen; /* as given, or NULL */
	const char *interface;                  /* the last that was named, until it is settled */
	bool blackbox;
	bool rx, tx; /* of it */
	FILE *query; /* what the daemon is asked */
	char *query_text;
	size_t query_size;
	struct capture_output *output;
	struct err err;
	bool began;     /* the daemon sends: there is something to sum up */
	bool cut_short; /* the daemon ended, in good order: nothing of the capture is missing */
	bool progress;  /* a line on stderr that is written over each second */
	time_t start_s, progress_s;
	time_t finish_s; /* when the daemon was asked to end the stream, 0: it was not */
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int signal_number)
{
	stop_asked = 1;
}

/* A second signal ends the program at once, should writing have got stuck. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESETHAND};
	stop_asked = 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static time_t monotonic_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* --- the question --------------------------------------------------------------------------- */

/* The rest of the command line is one expression, as with tcpdump. */
static int query_add_filter(struct capture_command *c, char **words)
{
	char *text = NULL;
	size_t size;
	FILE *joined = open_memstream(&text, &size);
	if (!joined)
		return -ENOMEM;
	for (char **word = words; *word; word++)
		fprintf(joined, "%s%s", word == words ? "" : " ", *word);
	fclose(joined);
	if (size)
		client_query_add(c->query, "filter", text);
	free(text);
	return 0;
}

/* --- options -------------------------------------------------------------------------------- */

enum {
	OPTION_DROPS = 256,
	OPTION_REASON,
	OPTION_RULE,
	OPTION_SERVICES,
	OPTION_INTERFACE,
	OPTION_RX,
	OPTION_TX,
	OPTION_KERNEL,
	OPTION_BLACKBOX,
	OPTION_SAMPLE,
	OPTION_RATE,
	OPTION_FORMAT,
	OPTION_DURATION,
	OPTION_SOCKET
};

static const struct option options[] = {
	{"drops", no_argument, NULL, OPTION_DROPS},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"rule", required_argument, NULL, OPTION_RULE},
	{"services", required_argument, NULL, OPTION_SERVICES},
	{"interface", required_argument, NULL, OPTION_INTERFACE},
	{"rx", no_argument, NULL, OPTION_RX},
	{"tx", no_argument, NULL, OPTION_TX},
	{"blackbox", no_argument, NULL, OPTION_BLACKBOX},
	{"kernel", no_argument, NULL, OPTION_KERNEL},
	{"sample", required_argument, NULL, OPTION_SAMPLE},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int take_format(const char *word, enum capture_format *out)
{
	if (strcmp(word, "pcapng") && strcmp(word, "pcap"))
		return -EINVAL;
	*out = strcmp(word, "pcap") ? CAPTURE_PCAPNG : CAPTURE_PCAP;
	return 0;
}

/* The interface that was named last: both ways, if neither was said. */
static void settle_interface(struct capture_command *c)
{
	if (!c->interface)
		return;
	if (c->rx || !c->tx)
		client_query_add(c->query, "rx", c->interface);
	if (c->tx || !c->rx)
		client_query_add(c->query, "tx", c->interface);
	c->interface = NULL;
	c->rx = c->tx = false;
}

/* Options that say what is captured. False: it is none. */
static bool take_source(struct capture_command *c, int option)
{
	switch (option) {
	case OPTION_DROPS:
		client_query_add(c->query, "drops", "1");
		return true;
	case OPTION_REASON:
		client_query_add(c->query, "reason", optarg);
		return true;
	case OPTION_RULE:
		client_query_add(c->query, "rule", optarg);
		return true;
	case OPTION_SERVICES:
		client_query_add(c->query, "service", optarg);
		return true;
	case OPTION_INTERFACE:
		settle_interface(c);
		c->interface = optarg;
		return true;
	case OPTION_RX:
		c->rx = true;
		return true;
	case OPTION_BLACKBOX:
		c->blackbox = true;
		client_query_add(c->query, "blackbox", "1");
		return true;
	case OPTION_KERNEL:
		client_query_add(c->query, "kernel", "1");
		return true;
	case OPTION_TX:
		c->tx = true;
		return true;
	default:
		return false;
	}
}

/* A number from 1 to `most`; -EINVAL. */
static int take_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;
	*out = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || *out < 1 || *out > most ? -EINVAL : 0;
}

static int take_rotation(struct capture_command *c, int option, const char *command)
{
	uint64_t n;
	if (take_number(optarg, 1000000, &n))
		return options_fault(command, "-%c %s: expected a number from 1 to 1000000", option,
				     optarg);
	if (option == 'C')
		c->rotation.bytes = n * 1000000;
	else if (option == 'G')
		c->rotation.seconds = n;
	else
		c->rotation.files = n;
	return -1;
}

/* Other commands have -s SOCKET. */
static int take_snaplen(struct capture_command *c, const char *command)
{
	uint64_t n;
	c->snaplen = optarg;
	if (strcmp(optarg, "0") && take_number(optarg, CAPTURE_SNAPLEN_MAX, &n))
		return options_fault(command,
				     "-s %s: expected a number of bytes from 0 (all) to %u; the "
				     "daemon's socket is named by --socket",
				     optarg, CAPTURE_SNAPLEN_MAX);
	return -1;
}

/* Returns -1 to go on, or the status to exit with at once. */
static int take_option(struct capture_command *c, int option, const char *command, const char *word)
{
	if (take_source(c, option))
		return -1;
	switch (option) {
	case OPTION_SAMPLE:
		client_query_add(c->query, "sample", optarg);
		break;
	case OPTION_RATE:
		client_query_add(c->query, "rate", optarg);
		break;
	case OPTION_FORMAT:
		if (take_format(optarg, &c->format))
			return options_fault(command, "--format %s: pcapng or pcap", optarg);
		c->format_given = true;
		break;
	case OPTION_DURATION:
		c->duration = optarg;
		break;
	case OPTION_SOCKET:
		c->socket = optarg;
		break;
	case 'w':
		c->path = optarg;
		break;
	case 'c':
		c->count = optarg;
		break;
	case 's':
		return take_snaplen(c, command);
	case 'C':
	case 'G':
	case 'W':
		return take_rotation(c, option, command);
	case 'h':
		return options_help(usage);
	default:
		return options_unknown(command, usage, word);
	}
	return -1;
}

/* What options say only together. -1 to go on, or the status to exit with. */
static int settle_options(struct capture_command *c, const char *command)
{
	bool to_stdout = c->path && !strcmp(c->path, "-");
	if (!c->interface && (c->rx || c->tx))
		return options_fault(command, "--rx and --tx are of an --interface NAME");
	settle_interface(c);
	if (!c->path && c->format_given)
		return options_fault(command, "--format is of a file: add -w FILE");
	if ((c->rotation.bytes || c->rotation.seconds) && (!c->path || to_stdout))
		return options_fault(command, "-C and -G are of files: add -w FILE");
	if (c->rotation.files && !c->rotation.bytes && !c->rotation.seconds)
		return options_fault(command, "-W says how many files: add -C MB or -G SECONDS");
	if (to_stdout && isatty(STDOUT_FILENO))
		return options_fault(command, "packets are no text for a terminal: send -w - "
					      "into a file or a program");
	if (c->count)
		client_query_add(c->query, "count", c->count);
	if (c->duration)
		client_query_add(c->query, "duration", c->duration);
	/* Text is made of whole packets. 0 means all, as with tcpdump. */
	if (c->path && c->snaplen && strcmp(c->snaplen, "0"))
		client_query_add(c->query, "snaplen", c->snaplen);
	c->progress = c->path && isatty(STDERR_FILENO);
	if (!c->path)
		c->format = CAPTURE_TEXT;
	if (to_stdout)
		c->path = NULL;
	return -1;
}

static int parse_options(struct capture_command *c, int argc, char **argv)
{
	int option, status = -1;
	while (status < 0 &&
	       (option = getopt_long(argc, argv, "w:c:s:C:G:W:", options, NULL)) != -1)
		status = take_option(c, option, argv[0], argv[optind - 1]);
	return status < 0 ? settle_options(c, argv[0]) : status;
}

/* --- the capture ---------------------------------------------------------------------------- */

static void show_progress(struct capture_command *c)
{
	struct capture_totals t;
	time_t now_s = monotonic_s();
	if (!c->progress || now_s == c->progress_s)
		return;
	c->progress_s = now_s;
	capture_output_totals(c->output, &t);
	fprintf(stderr, "\r%llu packets, %llu bytes, %llu lost ", (unsigned long long)t.packets,
		(unsigned long long)t.bytes, (unsigned long long)t.lost);
}

static int on_bytes(void *context, const void *bytes, size_t length)
{
	struct capture_command *c = context;
	if (length) {
		c->began = true;
		int failure = capture_output_feed(c->output, bytes, length, &c->err);
		if (failure)
			return failure;
	}
	show_progress(c);
	if (!stop_asked)
		return CLIENT_GO_ON;
	/* The daemon has the last packets and knows what was lost: it ends the stream. */
	if (!c->finish_s) {
		c->finish_s = monotonic_s();
		return CLIENT_FINISH;
	}
	return monotonic_s() - c->finish_s > FINISH_S ? CLIENT_END : CLIENT_GO_ON;
}

/* Whether what was asked for has come: the count, or the time. */
static bool is_complete(const struct capture_command *c)
{
	struct capture_totals t;
	capture_output_totals(c->output, &t);
	if (c->count && t.packets == strtoull(c->count, NULL, 10))
		return true;
	return c->duration && monotonic_s() - c->start_s >= (time_t)strtoull(c->duration, NULL, 10);
}

/* From the first byte to the file's end; leaves the words of a failure in c->err. */
static int capture_stream(struct capture_command *c, const char *path)
{
	c->start_s = c->progress_s = monotonic_s();
	int failure = client_stream(c->socket, path, on_bytes, c, &c->err);
	int end_failure = capture_output_end(c->output, failure ? NULL : &c->err);
	if (failure || end_failure)
		return failure ? failure : end_failure;
	const char *gone = capture_output_gone(c->output);
	if (gone)
		return err_set(&c->err, ENODEV,
			       "interface %s is gone, and the capture ended with it", gone);
	c->cut_short = !c->blackbox && !stop_asked && !is_complete(c);
	return 0;
}

static void show_totals(const struct capture_command *c)
{
	struct capture_totals t;
	capture_output_totals(c->output, &t);
	fprintf(stderr, "%s%llu packets captured, %llu lost\n", c->progress ? "\r\033[K" : "",
		(unsigned long long)t.packets, (unsigned long long)t.lost);
}

static int capture_run(struct capture_command *c, const char *command)
{
	char *path = NULL;
	int failure;
	fflush(c->query);
	c->output = capture_output_new(c->format, c->path);
	if (c->output)
		capture_output_rotate(c->output, &c->rotation);
	if (!c->output || asprintf(&path, "/v1/capture%s", c->query_text) < 0)
		failure = err_set(&c->err, ENOMEM, "out of memory");
	else
		failure = capture_stream(c, path);
	if (failure == -ENODATA)
		failure = 0;
	free(path);
	if (c->began)
		show_totals(c);
	capture_output_free(c->output);
	if (c->cut_short)
		fprintf(stderr, "%s: the daemon was stopped, and the capture with it\n", command);
	if (!failure)
		return EXIT_DONE;
	fprintf(stderr, "%s: %s\n", command, c->err.text);
	return !c->began && (failure == -EINVAL || failure == -ENAMETOOLONG) ? EXIT_USAGE
									     : EXIT_FAILED;
}

int command_capture(int argc, char **argv)
{
	struct capture_command c = {.socket = DEFAULT_SOCKET};
	c.query = open_memstream(&c.query_text, &c.query_size);
	int status = c.query ? parse_options(&c, argc, argv) : EXIT_FAILED;
	if (status < 0 && query_add_filter(&c, argv + optind))
		status = EXIT_FAILED;
	if (status < 0) {
		catch_signals();
		status = capture_run(&c, argv[0]);
	}
	if (c.query)
		fclose(c.query);
	free(c.query_text);
	return status;
}
