// SPDX-License-Identifier: BSD-2-Clause
/* Weir as it is installed, told what to do by its configuration and asked by `weir show`. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/dut.h"
#include "bench/frames.h"
#include "bench/netns.h"
#include "bpf/reflect.skel.h"
#include "lb/err.h"

#define READY_SECONDS 20

/* Timeouts are longer than any measurement, so that no flow is forgotten in one. */
static const char head[] = "instance: weir-bench-%d-%s\n"
			   "interfaces: [{name: " WIRE_FAR_NAME ", mode: copy, queues: [0]}]\n"
			   "workers: {cpus: [%d]}\n"
			   "flow_table:\n"
			   "  entries: %" PRIu32 "\n"
			   "  fast_path: %s\n"
			   "  insert_limit: 1000000\n"
			   "  timeouts: {udp: 1h, tcp_established: 1h}\n"
			   "api: {socket: %s}\n"
			   "%s"
			   "services:\n"
			   "  - name: bench\n"
			   "    address: " FRAMES_VIP_IPV4 "\n"
			   "    protocol: %s\n"
			   "    ports: %d\n"
			   "    forward: %s\n"
			   "    announce: none\n"
			   "    backends:\n";

/* Connections to backends of `nat` come from there; the sink takes it for one of the clients'. */
static const char snat[] = "nat: {addresses: [10.9.0.200]}\n";

static int write_config(const struct dut *d, const struct dut_weir *setup, struct err *err)
{
	FILE *f = fopen(d->config, "we");
	if (!f)
		return err_set(err, errno, "can't write %s: %m", d->config);
	fprintf(f, head, getpid(), d->wire.near_name, setup->cpu, setup->entries,
		setup->fast_path ? "on" : "off", d->socket,
		setup->forward && !strcmp(setup->forward, "nat") ? snat : "",
		setup->protocol == IPPROTO_TCP ? "tcp" : "udp", FRAMES_VIP_PORT,
		setup->forward ? setup->forward : "dsr");
	for (uint32_t i = 0; i < WIRE_BACKENDS; i++)
		fprintf(f, "      - {name: b%u, address: 10.9.0.%u, state: %s}\n", i + 1,
			WIRE_FIRST_BACKEND + i,
			i + setup->draining < WIRE_BACKENDS ? "up" : "drain");
	fputs(setup->more ? setup->more : "", f);
	return fclose(f) ? err_set(err, errno, "can't write %s: %m", d->config) : 0;
}

int dut_start_weir(struct dut *d, const char *weir, const char *folder,
		   const struct dut_weir *setup, struct err *err)
{
	char log[128];
	char *argv[] = {(char *)weir, "run", "-c", d->config, NULL};
	d->weir = weir;
	snprintf(d->config, sizeof(d->config), "%s/%s.yaml", folder, d->wire.near_name);
	snprintf(d->socket, sizeof(d->socket), "%s/%s.sock", folder, d->wire.near_name);
	snprintf(log, sizeof(log), "%s/%s.log", folder, d->wire.near_name);
	int r = write_config(d, setup, err);
	if (!r)
		r = child_start(&d->child, d->wire.far, setup->cpu, log, argv, err);
	if (!r)
		r = child_await(&d->child, "ready", READY_SECONDS, err);
	return r ? err_prefix(err, -r, "weir run") : 0;
}

int dut_reload_weir(struct dut *d, const struct dut_weir *setup, struct err *err)
{
	int r = write_config(d, setup, err);
	return r ? r
		 : netns_run(d->wire.far, err, "%s reload -s %s >/dev/null", d->weir, d->socket);
}

/* What `weir show NOUN --json` prints; NULL, with words, if it can't be had. */
static json_t *show(const struct dut *d, const char *noun, struct err *err)
{
	char command[512];
	snprintf(command, sizeof(command), "%s show %s --json -s %s", d->weir, noun, d->socket);
	FILE *f = popen(command, "re");
	json_t *root = f ? json_loadf(f, 0, NULL) : NULL;
	if (f)
		pclose(f);
	if (!root)
		err_set(err, EIO, "no answer from: %s", command);
	return root;
}

int dut_read_weir(const struct dut *d, struct dut_status *out, struct err *err)
{
	json_int_t established = 0, udp = 0, inserts = 0, untracked = 0, evictions = 0, steered = 0;
	json_t *status = show(d, "status", err);
	json_t *interfaces = status ? show(d, "interfaces", err) : NULL;
	int wrong = !interfaces ||
		    json_unpack(status, "{s:{s:{s:I, s:I}, s:I, s:I, s:I}}", "flow_table",
				"entries", "established", &established, "udp", &udp, "inserts",
				&inserts, "untracked", &untracked, "evictions", &evictions) ||
		    json_unpack(interfaces, "{s:[{s:{s:I}}]}", "interfaces", "counters", "steered",
				&steered);
	json_decref(status);
	json_decref(interfaces);
	if (wrong)
		return err_set(err, EPROTO, "weir show: not the answer that was expected");
	*out = (struct dut_status){
		.established = established,
		.udp = udp,
		.inserts = inserts,
		.untracked = untracked,
		.evictions = evictions,
		.steered = steered,
	};
	return 0;
}

int dut_read_captures(const struct dut *d, uint64_t *out, struct err *err)
{
	json_t *status = show(d, "status", err);
	*out = json_integer_value(json_object_get(status, "captures"));
	int r = status ? 0 : -EPROTO;
	json_decref(status);
	return r;
}

int dut_read_dropped(const struct dut *d, uint64_t *out, struct err *err)
{
	if (d->reflect) {
		*out = __atomic_load_n(&d->reflect->bss->refused, __ATOMIC_RELAXED);
		return 0;
	}
	json_t *drops = show(d, "drops", err), *row;
	size_t i;
	*out = 0;
	json_array_foreach(json_object_get(drops, "reasons"), i, row) *out +=
		json_integer_value(json_object_get(row, "total"));
	int r = drops ? 0 : -EPROTO;
	json_decref(drops);
	return r;
}
