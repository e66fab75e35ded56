// SPDX-License-Identifier: BSD-2-Clause
#include "bench/peers_net.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/netns.h"
#include "lb/err.h"

#define READY_SECONDS 10

/*
 * A veth hands frames of XDP on when GRO was turned on at its other end while that was up;
 * checksums are filled in by software, as AF_XDP sees packets before hardware would do it.
 */
#define PREPARE "ethtool -K %s tx off gro off >/dev/null && ethtool -K %s gro on >/dev/null"

static int make_namespaces(struct peers_net *n, struct err *err)
{
	int here = netns_here(err);
	if (here < 0)
		return here;
	n->client = netns_new(err);
	n->balancer = n->client < 0 ? -1 : netns_new(err);
	n->swich = n->balancer < 0 ? -1 : netns_new(err);
	int r = n->swich < 0 ? n->swich : 0;
	for (int i = 0; i < PEERS_SERVERS && !r; i++) {
		n->servers[i] = netns_new(err);
		r = n->servers[i] < 0 ? n->servers[i] : 0;
	}
	int back = netns_enter(here, err);
	close(here);
	return r ? r : back;
}

static int plug(int from, const char *name, int to, const char *port, struct err *err)
{
	int r = netns_run(
		from, err,
		"ip link set lo up; ip link add %s numtxqueues 2 numrxqueues 2 type veth peer "
		"name %s netns /proc/%d/fd/%d numtxqueues 2 numrxqueues 2 && ip link set %s up",
		name, port, getpid(), to, name);
	r = r ? r
	      : netns_run(to, err, "ip link set lo up; ip link set %s up && " PREPARE, port, port,
			  port);
	return r ? r : netns_run(from, err, PREPARE, name, name);
}

/*
 * The servers' answers come from the VIP. Where that is the balancer's own address, as IPVS wants
 * it, its kernel would refuse to forward them, unless told that it has such neighbours
 * (accept_local).
 */
static int connect_balancer(struct peers_net *n, struct err *err)
{
	int r = plug(n->client, "eth0", n->balancer, "eth0", err);
	r = r ? r : netns_run(n->swich, err, "ip link add br0 type bridge && ip link set br0 up");
	r = r ? r : plug(n->balancer, "eth1", n->swich, "balancer", err);
	r = r ? r : netns_run(n->swich, err, "ip link set balancer master br0");
	r = r ? r
	      : netns_run(
			n->client, err,
			"ip address add 10.8.1.1/24 dev eth0 && ip route add default via 10.8.1.2");
	return r ? r
		 : netns_run(n->balancer, err,
			     "ip address add 10.8.1.2/24 dev eth0 && "
			     "ip address add 10.8.2.2/24 dev eth1 && "
			     "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 "
			     "net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.rp_filter=0 "
			     "net.ipv4.conf.eth1.accept_local=1");
}

static int connect_server(struct peers_net *n, int i, struct err *err)
{
	char port[16];
	snprintf(port, sizeof(port), "b%d", i + 1);
	int r = plug(n->servers[i], "eth0", n->swich, port, err);
	r = r ? r : netns_run(n->swich, err, "ip link set %s master br0", port);
	return r ? r
		 : netns_run(n->servers[i], err,
			     "ip address add 10.8.2.1%d/24 dev eth0 && "
			     "ip route add default via 10.8.2.2 && "
			     "sysctl -qw net.ipv4.conf.all.rp_filter=0 "
			     "net.ipv4.conf.eth0.rp_filter=0",
			     i + 1);
}

/* --- web servers ------------------------------------------------------------------------------ */

static const char nginx_config[] =
	"daemon off;\nmaster_process off;\npid %1$s/b%2$d.pid;\nerror_log stderr notice;\n"
	"events { worker_connections 4000; }\n"
	"http {\n access_log off;\n keepalive_requests 100000000;\n"
	" client_body_temp_path %1$s;\n proxy_temp_path %1$s;\n fastcgi_temp_path %1$s;\n"
	" uwsgi_temp_path %1$s;\n scgi_temp_path %1$s;\n default_type text/plain;\n"
	" server { listen 80 backlog=4000; location / { return 200 \"b%2$d\\n\"; } }\n}\n";

static int start_server(struct peers_net *n, int i, struct err *err)
{
	char config[160], log[160];
	char *argv[] = {"nginx", "-c", config, NULL};
	snprintf(config, sizeof(config), "%s/b%d.nginx", n->folder, i + 1);
	snprintf(log, sizeof(log), "%s/b%d.log", n->folder, i + 1);
	FILE *f = fopen(config, "we");
	if (!f)
		return err_set(err, errno, "can't write %s: %m", config);
	fprintf(f, nginx_config, n->folder, i + 1);
	if (fclose(f))
		return err_set(err, errno, "can't write %s: %m", config);
	int r = child_start(&n->web[i], n->servers[i], -1, log, argv, err);
	return r ? r : child_await(&n->web[i], "nginx/", READY_SECONDS, err);
}

int peers_net_open(struct peers_net *n, const char *folder, struct err *err)
{
	*n = (struct peers_net){.client = -1,
				.balancer = -1,
				.swich = -1,
				.servers = {-1, -1, -1},
				.folder = folder};
	int r = make_namespaces(n, err);
	r = r ? r : connect_balancer(n, err);
	for (int i = 0; i < PEERS_SERVERS && !r; i++) {
		r = connect_server(n, i, err);
		r = r ? r : start_server(n, i, err);
	}
	return r;
}

static void close_namespace(int *ns)
{
	if (*ns >= 0)
		close(*ns);
	*ns = -1;
}

void peers_net_close(struct peers_net *n)
{
	for (int i = 0; i < PEERS_SERVERS; i++) {
		child_stop(&n->web[i], 2);
		close_namespace(&n->servers[i]);
	}
	close_namespace(&n->swich);
	close_namespace(&n->balancer);
	close_namespace(&n->client);
}
