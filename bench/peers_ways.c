// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/netns.h"
#include "bench/peers.h"
#include "lb/err.h"

#define READY_SECONDS 300 /* an emulated machine takes a minute */

const struct peers_way peers_ways[] = {
	{.name = "no balancer", .kind = PEERS_DIRECT},
	{"Weir dsr, fast path", PEERS_WEIR, "dsr", true},
	{"Weir dsr, workers", PEERS_WEIR, "dsr", false},
	{"Weir nat, fast path", PEERS_WEIR, "nat", true},
	{"Weir nat, workers", PEERS_WEIR, "nat", false},
	{"Weir ipip, fast path", PEERS_WEIR, "ipip", true},
	{"Weir ipip, workers", PEERS_WEIR, "ipip", false},
	{"Weir gue, fast path", PEERS_WEIR, "gue", true},
	{"Weir gue, workers", PEERS_WEIR, "gue", false},
	{.name = "nftables DNAT", .kind = PEERS_NFT},
	{.name = "HAProxy, TCP mode", .kind = PEERS_HAPROXY},
	{"IPVS dr", PEERS_IPVS, "dsr", false},
	{"IPVS nat", PEERS_IPVS, "nat", false},
};
const unsigned int peers_way_count = sizeof(peers_ways) / sizeof(peers_ways[0]);

static bool is_here(const char *command)
{
	char line[128];
	snprintf(line, sizeof(line), "PATH=$PATH:/usr/sbin command -v %s >/dev/null", command);
	return !system(line);
}

/* --- Weir ------------------------------------------------------------------------------------- */

static const char weir_head[] =
	"instance: weir-peers-%d\n"
	"interfaces: [{name: eth0, mode: copy}, {name: eth1, mode: copy}]\n"
	"flow_table: {entries: 262144, fast_path: %s, insert_limit: 1000000}\n"
	"nat: {addresses: [10.8.2.100]}\n"
	"api: {socket: %s}\n"
	"services:\n";

static void write_service(FILE *f, const char *name, const char *protocol, int port,
			  const char *forward)
{
	fprintf(f,
		"  - name: %s\n    address: " PEERS_VIP "\n    protocol: %s\n    ports: %d\n"
		"    forward: %s\n    announce: none\n    backends:\n",
		name, protocol, port, forward);
	for (int i = 1; i <= PEERS_SERVERS; i++)
		fprintf(f, "      - {name: b%d, address: 10.8.2.1%d}\n", i, i);
}

static int write_weir(struct peers_running *r, struct err *err)
{
	FILE *f = fopen(r->config, "we");
	if (!f)
		return err_set(err, errno, "can't write %s: %m", r->config);
	fprintf(f, weir_head, getpid(), r->way->fast_path ? "on" : "off", r->socket);
	write_service(f, "web", "tcp", 80, r->way->forward);
	write_service(f, "load", "udp", 5000, r->way->forward);
	return fclose(f) ? err_set(err, errno, "can't write %s: %m", r->config) : 0;
}

static bool needs_backends(const struct peers_way *w)
{
	return w->forward && strcmp(w->forward, "nat");
}

static const char *tunnel_option(const struct peers_way *w)
{
	return !strcmp(w->forward, "ipip")  ? "--tunnel ipip --from 10.8.2.2"
	       : !strcmp(w->forward, "gue") ? "--tunnel gue --from 10.8.2.2"
					    : "";
}

static int backends_up(struct peers_running *r, struct peers_net *n, const char *weir,
		       struct err *err)
{
	int code = 0;
	for (int i = 0; i < PEERS_SERVERS && !code; i++)
		code = netns_run(n->servers[i], err, "%s backend up --vip " PEERS_VIP " %s >&2",
				 weir, tunnel_option(r->way));
	r->backends = true;
	return code;
}

/* It has asked for its next hops when it is ready, and hears of them soon. */
static int await_backends(const struct peers_running *r, struct peers_net *n, const char *weir,
			  struct err *err)
{
	for (int i = 0; i < 2000; i++) {
		if (!netns_run(n->balancer, NULL,
			       "%s show backends --json -s %s 2>/dev/null | grep -q "
			       "'\"reachable\": false' "
			       "&& exit 1; exit 0",
			       weir, r->socket))
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return err_set(err, ETIMEDOUT, "weir does not reach its backends");
}

static int start_weir(struct peers_running *r, struct peers_net *n, const char *weir,
		      struct err *err)
{
	char log[160];
	char *argv[] = {(char *)weir, "run", "-c", r->config, NULL};
	snprintf(r->config, sizeof(r->config), "%s/weir.yaml", n->folder);
	snprintf(r->socket, sizeof(r->socket), "%s/weir.sock", n->folder);
	snprintf(log, sizeof(log), "%s/weir.log", n->folder);
	int code = needs_backends(r->way) ? backends_up(r, n, weir, err) : 0;
	code = code ? code : write_weir(r, err);
	code = code ? code : child_start(&r->child, n->balancer, -1, log, argv, err);
	code = code ? code : child_await(&r->child, "ready", READY_SECONDS, err);
	return code ? code : await_backends(r, n, weir, err);
}

/* --- the others ------------------------------------------------------------------------------- */

static int start_nft(struct peers_running *r, struct peers_net *n, struct err *err)
{
	if (!is_here("nft"))
		return err_set(err, ENOENT, "no nft here: apt-get install nftables");
	return netns_run(
		n->balancer, err,
		"PATH=$PATH:/usr/sbin; nft add table ip peers && "
		"nft add chain ip peers in '{ type nat hook prerouting priority -100 ; }' && "
		"nft add rule ip peers in ip daddr " PEERS_VIP " dnat to numgen random mod 3 "
		"map '{ 0 : 10.8.2.11, 1 : 10.8.2.12, 2 : 10.8.2.13 }'");
}

static const char haproxy_config[] =
	"global\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client "
	"60s\n"
	"  timeout server 60s\nlisten web\n  bind " PEERS_VIP ":80\n  balance roundrobin\n"
	"  server b1 10.8.2.11:80\n  server b2 10.8.2.12:80\n  server b3 10.8.2.13:80\n";

/* By Maglev's table and of addresses and ports, as Weir. The kernel's part is a module, which only
 * the first namespace can load. */
static int start_ipvs(struct peers_running *r, struct peers_net *n, const char *weir,
		      struct err *err)
{
	const char *how = strcmp(r->way->forward, "nat") ? "-g" : "-m";
	if (!is_here("ipvsadm"))
		return err_set(err, ENOENT, "no ipvsadm here: apt-get install ipvsadm");
	if (system("PATH=$PATH:/usr/sbin modprobe -q ip_vs_mh"))
		return err_set(err, ENOENT,
			       "this kernel has no IPVS (ip_vs_mh): 'make test-vm "
			       "WORD=t_peers' measures it in a virtual machine");
	int code = needs_backends(r->way) ? backends_up(r, n, weir, err) : 0;
	code = code ? code : netns_run(n->balancer, err, "ip address add " PEERS_VIP "/32 dev lo");
	for (int port = 0; port < 2 && !code; port++) {
		const char *service = port ? "-u " PEERS_VIP ":5000" : "-t " PEERS_VIP ":80";
		code = netns_run(n->balancer, err,
				 "PATH=$PATH:/usr/sbin; ipvsadm -A %s -s mh -b mh-port", service);
		for (int i = 1; i <= PEERS_SERVERS && !code; i++)
			code = netns_run(n->balancer, err,
					 "PATH=$PATH:/usr/sbin; ipvsadm -a %s -r 10.8.2.1%d %s",
					 service, i, how);
	}
	return code;
}

static int start_haproxy(struct peers_running *r, struct peers_net *n, struct err *err)
{
	char log[160];
	char *argv[] = {"haproxy", "-V", "-db", "-f", r->config, NULL};
	if (!is_here("haproxy"))
		return err_set(err, ENOENT, "no haproxy here: apt-get install haproxy");
	snprintf(r->config, sizeof(r->config), "%s/haproxy.cfg", n->folder);
	snprintf(log, sizeof(log), "%s/haproxy.log", n->folder);
	FILE *f = fopen(r->config, "we");
	if (!f)
		return err_set(err, errno, "can't write %s: %m", r->config);
	fputs(haproxy_config, f);
	if (fclose(f))
		return err_set(err, errno, "can't write %s: %m", r->config);
	int code = netns_run(n->balancer, err, "ip address add " PEERS_VIP "/32 dev lo");
	code = code ? code : child_start(&r->child, n->balancer, -1, log, argv, err);
	for (int i = 0; i < 2000 && !code; i++) {
		if (!netns_run(n->balancer, NULL, "ss -Htln 'sport = 80' | grep -q 203"))
			return 0;
		if (!child_is_running(&r->child))
			return err_set(err, ECHILD, "haproxy ended");
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	return code ? code : err_set(err, ETIMEDOUT, "haproxy does not listen");
}

/* --- either ----------------------------------------------------------------------------------- */

int peers_start(struct peers_running *r, const struct peers_way *way, struct peers_net *n,
		const char *weir, struct err *err)
{
	*r = (struct peers_running){.way = way};
	int code = 0;
	if (way->kind == PEERS_WEIR)
		code = start_weir(r, n, weir, err);
	else if (way->kind == PEERS_NFT)
		code = start_nft(r, n, err);
	else if (way->kind == PEERS_HAPROXY)
		code = start_haproxy(r, n, err);
	else if (way->kind == PEERS_IPVS)
		code = start_ipvs(r, n, weir, err);
	return code ? err_prefix(err, -code, "%s", way->name) : 0;
}

void peers_stop(struct peers_running *r, struct peers_net *n, const char *weir)
{
	child_stop(&r->child, 10);
	for (int i = 0; i < PEERS_SERVERS && r->backends; i++)
		netns_run(n->servers[i], NULL, "%s backend down >&2", weir);
	if (r->way->kind == PEERS_NFT)
		netns_run(n->balancer, NULL, "PATH=$PATH:/usr/sbin nft delete table ip peers");
	if (r->way->kind == PEERS_IPVS)
		netns_run(n->balancer, NULL, "PATH=$PATH:/usr/sbin ipvsadm -C");
	if (r->way->kind == PEERS_HAPROXY || r->way->kind == PEERS_IPVS)
		netns_run(n->balancer, NULL, "ip address delete " PEERS_VIP "/32 dev lo");
}

/* --- wrk -------------------------------------------------------------------------------------- */

/* "1.23ms", "456.00us" or "2.00s". */
static double read_us(const char *text)
{
	char *unit;
	double value = strtod(text, &unit);
	return !strncmp(unit, "us", 2)   ? value
	       : !strncmp(unit, "ms", 2) ? value * 1e3
					 : value * 1e6;
}

static void read_line(const char *line, struct peers_wrk *out)
{
	char value[32];
	unsigned long long c, r, w, t;
	if (sscanf(line, " 50%% %31s", value) == 1)
		out->p50_us = read_us(value);
	else if (sscanf(line, " 99%% %31s", value) == 1)
		out->p99_us = read_us(value);
	else if (sscanf(line, " Socket errors: connect %llu, read %llu, write %llu, timeout %llu",
			&c, &r, &w, &t) == 4)
		out->errors += c + r + w + t;
	else if (sscanf(line, " Non-2xx or 3xx responses: %llu", &c) == 1)
		out->errors += c;
	else
		sscanf(line, "Requests/sec: %lf", &out->requests);
}

int peers_wrk(struct peers_net *n, const struct peers_way *way, bool close, unsigned int seconds,
	      struct peers_wrk *out, struct err *err)
{
	char path[160], line[256];
	*out = (struct peers_wrk){};
	if (!is_here("wrk"))
		return err_set(err, ENOENT, "no wrk here: apt-get install wrk");
	snprintf(path, sizeof(path), "%s/wrk.out", n->folder);
	int r = netns_run(n->client, err, "wrk -t1 -c32 -d%us --latency %s http://%s:80/ >%s 2>&1",
			  seconds, close ? "-H 'Connection: close'" : "",
			  way->kind == PEERS_DIRECT ? "10.8.2.11" : PEERS_VIP, path);
	FILE *f = r ? NULL : fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		read_line(line, out);
	if (f)
		fclose(f);
	if (!r && out->requests <= 0)
		r = err_set(err, EIO, "%s: no request was answered", way->name);
	return r;
}
