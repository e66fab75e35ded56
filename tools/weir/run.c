// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir run`: sets everything up, says `ready`, and serves until SIGTERM or SIGINT. Whatever stops
 * it on the way up leaves the host as it was.
 */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "datapath/engine.h"
#include "datapath/handover.h"
#include "datapath/instance.h"
#include "datapath/memory.h"
#include "datapath/pins.h"
#include "datapath/sysfs.h"
#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/prefix.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/announcer.h"
#include "tools/weir/api.h"
#include "tools/weir/capture.h"
#include "tools/weir/command.h"
#include "tools/weir/daemon.h"
#include "tools/weir/daemon_checks.h"
#include "tools/weir/daemon_links.h"
#include "tools/weir/helper.h"
#include "tools/weir/kernel_symbols.h"
#include "tools/weir/daemon_routes.h"
#include "tools/weir/log.h"
#include "tools/weir/losses.h"
#include "tools/weir/metrics.h"
#include "tools/weir/next_hops.h"
#include "tools/weir/options.h"
#include "tools/weir/privileges.h"
#include "tools/weir/sandbox.h"
#include "tools/weir/sharing.h"
#include "tools/weir/routes.h"
#include "tools/weir/source_watch.h"
#include "tools/weir/supervisor.h"
#include "tools/weir/syncer.h"
#include "tools/weir/takeover.h"
#include "tools/weir/takeover_server.h"
#include "tools/weir/tunnel_errors.h"

#define TICK_S 0.1

static const char usage[] =
	"usage: weir run -c FILE [--takeover]\n"
	"\n"
	"Runs the balancer in the foreground. Ready is: a line `ready` on standard output, and\n"
	"READY=1 to systemd. The log goes to standard error.\n"
	"\n"
	"  -c, --config FILE   the configuration ('weir check -c FILE' checks it)\n"
	"      --takeover      take over from the daemon that runs, without a packet lost; it "
	"ends\n"
	"  -h, --help          this help\n"
	"\n"
	"SIGHUP reads the configuration again. SIGTERM and SIGINT wait for the flows there are "
	"(drain "
	"in\n"
	"the configuration; a second one does not), detach, give back what was changed on the "
	"host,\n"
	"and end. SIGQUIT ends too, but leaves the kernel's part in force: "
	"established\n"
	"flows go on, and the next start takes them over.\n";

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* --- events ---------------------------------------------------------------------------------- */

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct daemon *d = timer->data;
	uint64_t now_ns = clock_now_ns();
	const struct snapshot *s = engine_snapshot(d->engine);
	struct err err;
	if (d->handed_to)
		return;
	engine_tick(d->engine, now_ns);
	if (s && now_ns >= s->stale_ns && daemon_publish(d, &err))
		log_error("what has ended is still in force", "error=\"%s\"", err.text);
	snat_host_tick(&d->snat_watch, d->config, now_ns);
	syncer_log(d->syncer);
	history_tick(&d->history, d->engine, now_ns);
	watchdog_tick(&d->watchdog, d->engine, now_ns);
	if (d->drain.active && drain_is_over(d, now_ns))
		ev_break(loop, EVBREAK_ALL);
}

static void on_stop(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct daemon *d = watcher->data;
	d->leave = watcher->signum == SIGQUIT;
	if (d->drain.active)
		log_info("the drain is cut short", "event=drain-end because=signal");
	if (d->leave || d->drain.active || !d->config->drain_ms)
		ev_break(loop, EVBREAK_ALL);
	else
		drain_begin(d, clock_now_ns());
}

static void on_reloaded(void *context, int result, json_t *changes, const struct err *err)
{
	supervisor_tell("READY=1");
}

static void on_reload(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct daemon *d = watcher->data;
	d->reload.signalled = d->reload.under_way;
	if (d->reload.under_way)
		return;
	supervisor_tell("RELOADING=1");
	daemon_reload(d, on_reloaded, d);
}

static void on_next_hops(void *context)
{
	struct err err;
	struct daemon *d = context;
	if (d->config && daemon_publish(d, &err))
		log_error("changed next hops are not in force", "error=\"%s\"", err.text);
}

static void on_sources(void *context)
{
	daemon_renew_policy(context);
}

/* systemd goes on with whoever has taken over. */
static void tell_end(const struct daemon *d)
{
	char state[32] = "STOPPING=1";
	if (d->handed_to)
		snprintf(state, sizeof(state), "MAINPID=%d", d->handed_to);
	supervisor_tell(state);
}

static void serve(struct daemon *d)
{
	static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
	enum { STOPS = sizeof(stops) / sizeof(stops[0]) };
	ev_signal stop[STOPS], reload;
	ev_timer tick;
	for (int i = 0; i < STOPS; i++) {
		ev_signal_init(&stop[i], on_stop, stops[i]);
		stop[i].data = d;
		ev_signal_start(d->loop, &stop[i]);
	}
	ev_signal_init(&reload, on_reload, SIGHUP);
	ev_timer_init(&tick, on_tick, TICK_S, TICK_S);
	reload.data = tick.data = d;
	ev_signal_start(d->loop, &reload);
	ev_timer_start(d->loop, &tick);
	watchdog_init(&d->watchdog);
	puts("ready");
	fflush(stdout);
	supervisor_tell("READY=1");
	ev_run(d->loop, 0);
	tell_end(d);
	ev_timer_stop(d->loop, &tick);
	for (int i = 0; i < STOPS; i++)
		ev_signal_stop(d->loop, &stop[i]);
	ev_signal_stop(d->loop, &reload);
}

/* --- privileges ------------------------------------------------------------------------------- */

/* Packet memory is locked; before kernel 5.11 BPF maps were too. Refused is no reason to stop. */
static void raise_memlock(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		log_debug("the limit of locked memory stays", "error=\"%s\"", strerror(errno));
}

/* Health checks that run have up to three descriptors each, and idle API connections one. */
static void raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_debug("the limit of open files stays", "error=\"%s\"", strerror(errno));
}

static int write_by_helper(void *context, const char *interface, const char *setting, int64_t value)
{
	return helper_set(context, interface, setting, value);
}

/* What can be had by who starts us, and not by the daemon's user. */
static int prepare(struct daemon *d, const struct config *config, const struct privileges *user,
		   bool take_over, struct err *err)
{
	raise_memlock();
	raise_files();
	sysfs_open();
	memory_prepare();
	const struct helper_input in = {config->instance, config->api.socket, user};
	int r = helper_open(&d->helper, &in, err);
	if (r)
		return r;
	kernel_symbols_open();
	sysfs_hook(write_by_helper, d->helper);
	r = api_sockets_bind(&d->sockets, &config->api, user, take_over, err);
	return r ? r : pins_prepare(config->instance, user->uid, err);
}

/* A reload would fail then, and nobody would know before. */
static void warn_of_unreadable(const struct daemon *d, const struct privileges *user)
{
	if (strcmp(d->config_path, "-") && access(d->config_path, R_OK))
		log_warn("the configuration can't be read again: no reload will work",
			 "file=%s user=%u error=\"%s\"", d->config_path, user->uid,
			 strerror(errno));
}

/*
 * All that comes behind it, the whole set-up and each reload, has these privileges: nothing works
 * at the start that would not work later.
 */
static int give_up_privileges(struct daemon *d, const struct config *config, bool take_over,
			      struct err *err)
{
	struct privileges user;
	int r = privileges_find(&user, config->user, err);
	r = r ? r : sharing_begin(config, &d->kept, err);
	r = r ? r : prepare(d, config, &user, take_over, err);
	r = r ? r : privileges_drop(&user, d->kept, err);
	r = r ? r : sandbox_enter(err);
	if (r)
		return r;
	warn_of_unreadable(d, &user);
	if (!user.uid)
		log_warn("the daemon stays root: this host has no user " PRIVILEGES_USER
			 ", and 'user' names no other");
	return 0;
}

/* --- up and down ------------------------------------------------------------------------------ */

static void log_what_came_out(const struct daemon *d)
{
	const char *replaced;
	if (d->takeover)
		log_info("took over from the daemon that ran", "event=taken-over paused_us=%lu",
			 handover_pause_ns(takeover_handover(d->takeover)) / 1000);
	else if (engine_inherited(d->engine, &replaced))
		log_info("took over the flows of the daemon before", "instance=%s",
			 d->config->instance);
	else if (replaced)
		log_warn("what an earlier daemon left could not be taken over, and was replaced",
			 "instance=%s because=\"%s\"", d->config->instance, replaced);
	if (engine_watch_fault(d->engine))
		log_warn("losses behind the XDP program are not seen", "because=\"%s\"",
			 engine_watch_fault(d->engine));
	daemon_links_log(d);
}

/* Whether an error is about a packet that this daemon may have sent: anybody can make some up. */
static bool is_from_us(const struct daemon *d, const struct tunnel_error *e)
{
	const struct config_ipip *ipip = &d->config->ipip;
	return next_hops_has_way(d->next_hops, &e->to, &e->from) ||
	       (ipip->prefix && prefix_holds(&ipip->source, ipip->prefix, &e->from));
}

static void on_tunnel_error(void *context, const struct tunnel_error *e)
{
	struct daemon *d = context;
	char to[ADDR_TEXT];
	if (!d->config || !is_from_us(d, e))
		return;
	addr_format(&e->to, to);
	if (!e->mtu)
		log_warn("a tunnel packet came back", "to=%s error=\"%s\"", to,
			 tunnel_error_words(e));
	else if (next_hops_narrow(d->next_hops, &e->to, e->mtu))
		log_info("the way to a backend is narrower", "to=%s mtu=%u", to, e->mtu);
}

static int open_next_hops(struct daemon *d, struct err *err)
{
	int ifindexes[ABI_MAX_PORTS];
	struct announcer_port ports[ABI_MAX_PORTS];
	uint32_t count = engine_port_count(d->engine);
	for (uint32_t i = 0; i < count; i++) {
		const struct port *p = engine_port(d->engine, i);
		ifindexes[i] = p->ifindex;
		ports[i].ifindex = p->ifindex;
		memcpy(ports[i].mac, p->mac, sizeof(ports[i].mac));
	}
	syncer_set_ports(d->syncer, ifindexes, count);
	int r = next_hops_open(&d->next_hops, d->loop, ifindexes, count, on_next_hops, d, err);
	return r ? r : announcer_open(&d->announcer, d->loop, ports, count, err);
}

/* With a takeover everything up to daemon_apply() leaves what runs as it is. */
static int open_engine(struct daemon *d, const struct config *config,
		       const struct instance_names *names, struct err *err)
{
	return d->takeover ? engine_adopt(&d->engine, config, names, takeover_handover(d->takeover),
					  takeover_take, d->takeover, err)
			   : engine_open(&d->engine, config, names, err);
}

static int set_up(struct daemon *d, struct config *config, struct err *err)
{
	d->loop = ev_default_loop(EVFLAG_AUTO);
	d->services = registry_new(ABI_MAX_SERVICES);
	d->backends = registry_new(ABI_MAX_BACKENDS);
	d->controls = calloc(ABI_MAX_BACKENDS, sizeof(*d->controls));
	d->rules = registry_new(POLICY_NO_RULE);
	if (!d->loop || !d->services || !d->backends || !d->rules || !d->controls)
		return err_set(err, ENOMEM, "not enough memory");
	d->source_watch = source_watch_new(d->loop, on_sources, d);
	if (!d->source_watch)
		return err_set(err, ENOMEM, "not enough memory");
	const struct instance_names names = {d->services, d->backends, d->rules};
	int r = open_engine(d, config, &names, err);
	if (!r)
		engine_number_ports(d->engine, config);
	if (!r && config->sync.group)
		r = syncer_open(&d->syncer, d->engine, config, err);
	r = r ? r : open_next_hops(d, err);
	r = r ? r : tunnel_errors_open(&d->tunnel_errors, d->loop, on_tunnel_error, d, err);
	r = r ? r : daemon_checks_open(d, err);
	r = r ? r
	      : daemon_routes_open(d, config, d->takeover ? takeover_table_lock(d->takeover) : -1,
				   err);
	r = r ? r : daemon_start(d, config, err);
	if (r)
		return r;
	if (d->takeover) {
		takeover_await_end(d->takeover);
		r = api_sockets_place(&d->sockets, &config->api, d->helper, err);
		if (r)
			return r;
	}
	d->captures = captures_new(d);
	d->losses = losses_new(d);
	if (!d->captures || !d->losses)
		return err_set(err, ENOMEM, "not enough memory");
	r = daemon_links_open(d, err);
	r = r ? r : api_open(&d->api, d, err);
	return r ? r : takeover_server_open(&d->takeover_server, d, err);
}

static void tear_down(struct daemon *d)
{
	takeover_server_close(d->takeover_server);
	daemon_cancel_reload(d);
	routes_close(d->routes, d->leave);
	daemon_links_close(d);
	captures_free(d->captures);
	api_close(d->api);
	metrics_free(d->scraped);
	losses_free(d->losses);
	daemon_checks_close(d);
	announcer_close(d->announcer);
	source_watch_free(d->source_watch);
	tunnel_errors_close(d->tunnel_errors);
	next_hops_close(d->next_hops, d->leave);
	syncer_close(d->syncer);
	if (d->leave)
		engine_leave(d->engine);
	else
		engine_close(d->engine);
	helper_close(d->helper);
	api_sockets_close(&d->sockets);
	free(d->controls);
	policy_free(d->policy);
	registry_free(d->rules);
	registry_free(d->backends);
	registry_free(d->services);
	config_free(d->config);
	if (d->loop)
		ev_loop_destroy(d->loop);
}

/*
 * What is another daemon's now, or still is, must not be given back: all that is left is to end,
 * and the kernel takes what nobody else has.
 */
static _Noreturn void end_here(int status)
{
	fflush(NULL);
	_exit(status);
}

/* Gives up what the other one can't have, and its clients an end. */
static _Noreturn void end_handed_over(struct daemon *d)
{
	captures_free(d->captures);
	api_close(d->api);
	daemon_checks_close(d);
	helper_close(d->helper);
	api_sockets_close(&d->sockets);
	end_here(EXIT_DONE);
}

static int begin_takeover(struct daemon *d, const struct config *config)
{
	struct err err;
	int r = takeover_begin(&d->takeover, config, &err);
	if (r)
		log_error("can't take over, and nothing has changed", "error=\"%s\"", err.text);
	return r;
}

static _Noreturn void fail_takeover(struct daemon *d, const struct err *err)
{
	log_error("can't take over", "error=\"%s\"", err->text);
	takeover_give_up(d->takeover, err->text);
	end_here(EXIT_FAILED);
}

static int run(const char *path, bool take_over)
{
	struct daemon d = {.config_path = path, .start_ns = clock_now_ns()};
	struct config *config;
	struct err err;
	int r = daemon_read_config(path, false, &config, &err);
	if (r) {
		fprintf(stderr, "weir run: %s\n", err.text);
		return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	log_hook();
	r = give_up_privileges(&d, config, take_over, &err);
	if (!r && take_over && begin_takeover(&d, config)) {
		helper_close(d.helper);
		api_sockets_close(&d.sockets);
		config_free(config);
		return EXIT_FAILED;
	}
	r = r ? r : set_up(&d, config, &err);
	if (r && d.takeover)
		fail_takeover(&d, &err);
	if (r) {
		log_error(err.text);
		if (d.config != config)
			config_free(config);
	} else {
		log_what_came_out(&d);
		takeover_free(d.takeover);
		d.takeover = NULL;
		serve(&d);
	}
	if (d.handed_to)
		end_handed_over(&d);
	tear_down(&d);
	if (!r)
		log_info("stopped");
	return r ? EXIT_FAILED : EXIT_DONE;
}

int command_run(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"takeover", no_argument, NULL, 't'},
						{"help", no_argument, NULL, 'h'},
						{}};
	const char *path = NULL;
	bool take_over = false;
	for (int o; (o = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (o == 'h')
			return options_help(usage);
		if (o != 'c' && o != 't')
			return options_unknown(argv[0], usage, argv[optind - 1]);
		if (o == 'c')
			path = optarg;
		else
			take_over = true;
	}
	if (optind < argc)
		return options_fault(argv[0], "unexpected argument '%s'", argv[optind]);
	if (!path)
		return options_fault(argv[0], "name the configuration by -c FILE");
	return run(path, take_over);
}
