// SPDX-License-Identifier: BSD-2-Clause
/*
 * Probes by a command of the user's: exit status 0 is good, and the first line that it prints says
 * more. The helper runs it (tools/weir/helper.h), in a process group of its own, which is killed
 * when it takes too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "tools/weir/helper.h"
#include "tools/weir/probe_kind.h"

#define LINE_MAX_BYTES 120u
#define ENTRY_TEXT     160

struct probe_command {
	struct probe probe;
	uint32_t run; /* of the helper; 0: it has ended */
	int output;
	ev_io printed;
	size_t length;
	char line[LINE_MAX_BYTES];
};

/* Keeps the begin of what it prints, and reads the rest so that it does not wait for us. */
static bool read_output(struct probe_command *p)
{
	char bytes[4096];
	ssize_t n = read(p->output, bytes, sizeof(bytes));
	if (n <= 0)
		return false;
	size_t room = sizeof(p->line) - 1 - p->length;
	size_t take = (size_t)n < room ? (size_t)n : room;
	memcpy(p->line + p->length, bytes, take);
	p->length += take;
	return true;
}

static void on_printed(struct ev_loop *loop, ev_io *io, int events)
{
	if (!read_output(io->data))
		ev_io_stop(loop, io);
}

static void on_end(void *context, const struct helper_end *end)
{
	struct probe_command *p = context;
	const char *program = p->probe.order.health->command[0];
	p->run = 0;
	while (read_output(p))
		;
	p->line[strcspn(p->line, "\n")] = 0;
	const char *colon = p->line[0] ? ": " : "";
	if (end->how == HELPER_NOT_RUN)
		probe_end(&p->probe, false, "%.80s can't be run: %s", program,
			  probe_error(end->code));
	else if (end->how == HELPER_KILLED)
		probe_end(&p->probe, false, "ended by signal %d%s%s", end->code, colon, p->line);
	else
		probe_end(&p->probe, end->code == 0, "exit status %d%s%s", end->code, colon,
			  p->line);
}

/* --- its begin and end ----------------------------------------------------------------------- */

static int64_t run(struct probe_command *p, int out)
{
	const struct probe_order *o = &p->probe.order;
	char service[ENTRY_TEXT], backend[ENTRY_TEXT], address[ENTRY_TEXT], vip[ENTRY_TEXT];
	char port[ENTRY_TEXT], text[ADDR_TEXT];
	char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       service,
			       backend,
			       address,
			       vip,
			       port,
			       NULL};
	snprintf(service, sizeof(service), "WEIR_SERVICE=%s", o->service);
	snprintf(backend, sizeof(backend), "WEIR_BACKEND=%s", o->backend);
	snprintf(address, sizeof(address), "WEIR_ADDRESS=%s", addr_format(&o->address, text));
	snprintf(vip, sizeof(vip), "WEIR_VIP=%s", addr_format(&o->vip, text));
	snprintf(port, sizeof(port), "WEIR_PORT=%u", o->port);
	return helper_run(p->probe.probes->helper, o->health->command, environment, out, on_end, p);
}

static int start(struct probe *probe, char words[PROBE_TEXT])
{
	struct probe_command *p = (void *)probe;
	const char *program = probe->order.health->command[0];
	int ends[2];
	if (pipe2(ends, O_CLOEXEC)) {
		snprintf(words, PROBE_TEXT, "no pipe: %s", probe_error(errno));
		return -errno;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	int64_t r = run(p, ends[1]);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		snprintf(words, PROBE_TEXT, "%.80s can't be run: %s", program, probe_error(-r));
		return r;
	}
	p->run = r;
	p->output = ends[0];
	ev_io_init(&p->printed, on_printed, p->output, EV_READ);
	p->printed.data = p;
	ev_io_start(probe->probes->loop, &p->printed);
	return 0;
}

static void stop(struct probe *probe)
{
	struct probe_command *p = (void *)probe;
	ev_io_stop(probe->probes->loop, &p->printed);
	if (p->run)
		helper_kill(probe->probes->helper, p->run);
	close(p->output);
}

const struct probe_kind probe_command_kind = {sizeof(struct probe_command), start, stop};
