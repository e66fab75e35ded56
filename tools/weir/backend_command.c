// SPDX-License-Identifier: BSD-2-Clause
/* `weir backend up|down|show`: the command line of tools/weir/backend.h. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lb/err.h"
#include "tools/weir/backend.h"
#include "tools/weir/backend_journal.h"
#include "tools/weir/command.h"
#include "tools/weir/log.h"
#include "tools/weir/options.h"
#include "tools/weir/rtnetlink.h"

static const char usage[] =
	"Usage: weir backend up --vip ADDRESS[,...] [--tunnel ipip|gue --from PREFIX[,...]]\n"
	"                       [--interface NAME] [--ports PROTOCOL:FIRST-LAST=PORT]...\n"
	"       weir backend down\n"
	"       weir backend show [--json]\n"
	"\n"
	"Makes this host a backend of Weir. `up` puts the VIPs on its loopback interface and "
	"keeps\n"
	"it from answering ARP for them. What it changed `down` gives back, also after a crash.\n"
	"`up` with the same options puts back what is missing, and takes servers' sockets anew.\n"
	"\n"
	"      --vip ADDRESS       VIPs of services that it serves\n"
	"      --tunnel KIND       the services' `forward`: packets come in a tunnel, and the\n"
	"                          outer headers are taken off by an XDP program\n"
	"      --from PREFIX       the balancers' addresses: tunnel packets to a VIP from\n"
	"                          elsewhere are dropped; or any\n"
	"      --interface NAME    where they come in; without it the way to the first of --from\n"
	"      --ports RANGE=PORT  every port of a range goes to the server that listens at PORT:\n"
	"                          tcp:8000-8999=9000\n"
	"      --json              the state as a document\n"
	"  -h, --help              this text\n";

enum { OPTION_VIP = 256, OPTION_TUNNEL, OPTION_FROM, OPTION_INTERFACE, OPTION_PORTS, OPTION_JSON };

struct words {
	struct backend_options options;
	bool json;
};

static void note(const char *text)
{
	fprintf(stderr, "weir backend: %s\n", text);
}

static int fail(const struct err *err, int code)
{
	fprintf(stderr, "weir backend: %s\n", err->text);
	return code == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

/* --- reading the words ----------------------------------------------------------------------- */

static int read_tunnel(struct backend_options *o, const char *text, struct err *err)
{
	if (strcmp(text, "ipip") && strcmp(text, "gue"))
		return err_set(err, EINVAL, "--tunnel: found '%s'; expected ipip or gue", text);
	o->tunnel = strcmp(text, "gue") ? FORWARD_IPIP : FORWARD_GUE;
	return 0;
}

static int read_interface(struct backend_options *o, const char *text, struct err *err)
{
	if (!*text || strlen(text) >= sizeof(o->interface))
		return err_set(err, EINVAL, "--interface: '%s' is no interface's name", text);
	strcpy(o->interface, text);
	return 0;
}

static int read_word(struct words *w, int option, char *text, struct err *err)
{
	switch (option) {
	case OPTION_VIP:
		return backend_parse_vips(&w->options, text, err);
	case OPTION_TUNNEL:
		return read_tunnel(&w->options, text, err);
	case OPTION_FROM:
		return backend_parse_balancers(&w->options, text, err);
	case OPTION_INTERFACE:
		return read_interface(&w->options, text, err);
	case OPTION_PORTS:
		return backend_parse_ports(&w->options, text, err);
	default:
		w->json = true;
		return 0;
	}
}

/* The interface that the way to the balancers leads by. */
static int find_interface(struct backend_options *o, struct err *err)
{
	struct rtnetlink r;
	struct kernel_route route = {0};
	if (!o->balancers[0].length)
		return err_set(err, EINVAL, "--from any says no interface: name it by --interface");
	int rc = rtnetlink_open(&r, 0, err);
	if (rc)
		return rc;
	rc = rtnetlink_get_route(&r, &o->balancers[0].address, &route);
	rtnetlink_close(&r);
	if (rc || !if_indextoname(route.ifindex, o->interface))
		return err_set(err, EINVAL,
			       "there is no way to the balancers: name the interface by "
			       "--interface");
	return 0;
}

/* What the words mean together. */
static int complete(struct backend_options *o, struct err *err)
{
	if (!o->vip_count)
		return err_set(err, EINVAL, "up needs --vip: the addresses that it serves");
	if (o->tunnel == FORWARD_DSR && o->balancer_count)
		return err_set(err, EINVAL, "--from is for --tunnel");
	if (o->tunnel == FORWARD_DSR)
		return 0;
	if (!o->balancer_count)
		return err_set(err, EINVAL,
			       "--tunnel needs --from: whose packets are to be let out of it; or "
			       "--from any");
	return o->interface[0] ? 0 : find_interface(o, err);
}

/* --- what it does ---------------------------------------------------------------------------- */

static const char *yes(const json_t *object, const char *key, const char *no)
{
	return json_is_true(json_object_get(object, key)) ? "" : no;
}

static void print_tunnel(const json_t *t)
{
	static const char *const counters[] = {"decapsulated", "refused", "malformed", "congested"};
	const json_t *from;
	size_t i;
	printf("tunnel %s on %s%s%s, from", json_string_value(json_object_get(t, "kind")),
	       json_string_value(json_object_get(t, "interface")),
	       strcmp(json_string_value(json_object_get(t, "mode")), "native") ? " (generic XDP)"
									       : "",
	       yes(t, "attached", ": NOT ATTACHED"));
	json_array_foreach(json_object_get(t, "from"), i, from)
		printf(" %s", json_string_value(from));
	putchar('\n');
	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		printf("  %-12s %" JSON_INTEGER_FORMAT "\n", counters[i],
		       json_integer_value(json_object_get(t, counters[i])));
}

static void print_ports(const json_t *p)
{
	bool v4 = json_is_true(json_object_get(p, "socket4"));
	bool v6 = json_is_true(json_object_get(p, "socket6"));
	printf("ports  %s%s\n", json_string_value(json_object_get(p, "range")),
	       v4 && v6 ? ""
	       : v4     ? " (IPv4 alone)"
	       : v6     ? " (IPv6 alone)"
			: ": NO SERVER; start it, then 'weir backend up' again");
}

static void print_state(const json_t *state)
{
	const json_t *item;
	size_t i;
	if (!json_is_true(json_object_get(state, "up"))) {
		puts("not a backend: nothing is up");
		return;
	}
	json_array_foreach(json_object_get(state, "vips"), i, item)
		printf("vip    %s%s\n", json_string_value(json_object_get(item, "address")),
		       yes(item, "there", ": GONE FROM lo"));
	if (json_is_object(json_object_get(state, "tunnel")))
		print_tunnel(json_object_get(state, "tunnel"));
	json_array_foreach(json_object_get(state, "ports"), i, item) print_ports(item);
}

static int show(const struct backend_journal *j, bool json)
{
	json_t *state = backend_state(j);
	if (json)
		json_dumpf(state, stdout, JSON_INDENT(2));
	if (json)
		putchar('\n');
	else
		print_state(state);
	json_decref(state);
	return EXIT_DONE;
}

static int run(const char *verb, struct words *w)
{
	struct backend_journal journal;
	struct err err = {0};
	int r = !strcmp(verb, "up") ? complete(&w->options, &err) : 0;
	log_hook();
	r = r ? r : backend_journal_open(&journal, &err);
	if (r)
		return fail(&err, r);
	if (!strcmp(verb, "show"))
		r = show(&journal, w->json);
	else if (!strcmp(verb, "up"))
		r = backend_up(&journal, &w->options, note, &err);
	else
		r = backend_down(&journal, note, &err);
	backend_journal_close(&journal);
	return r < 0 ? fail(&err, -EIO) : r;
}

int command_backend(int argc, char **argv)
{
	static const struct option options[] = {
		{"vip", required_argument, NULL, OPTION_VIP},
		{"tunnel", required_argument, NULL, OPTION_TUNNEL},
		{"from", required_argument, NULL, OPTION_FROM},
		{"interface", required_argument, NULL, OPTION_INTERFACE},
		{"ports", required_argument, NULL, OPTION_PORTS},
		{"json", no_argument, NULL, OPTION_JSON},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	struct words words = {0};
	struct err err;
	for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (o == 'h')
			return options_help(usage);
		if (o < OPTION_VIP)
			return options_fault(argv[0], NULL);
		if (read_word(&words, o, optarg, &err))
			return options_fault(argv[0], "%s", err.text);
	}
	const char *verb = optind < argc ? argv[optind] : "";
	if (strcmp(verb, "up") && strcmp(verb, "down") && strcmp(verb, "show"))
		return options_fault(argv[0], "expected up, down or show%s%s",
				     *verb ? "; found " : "", verb);
	if (optind + 1 < argc)
		return options_fault(argv[0], "unexpected operand '%s'", argv[optind + 1]);
	if (words.options.vip_count && strcmp(verb, "up"))
		return options_fault(argv[0], "%s takes none of up's options", verb);
	return run(verb, &words);
}
