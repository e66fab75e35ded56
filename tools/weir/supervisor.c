// SPDX-License-Identifier: BSD-2-Clause
/* See the header. A library for a datagram would be one more to load. */
#include "tools/weir/supervisor.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "datapath/engine.h"
#include "tools/weir/log.h"

void supervisor_tell(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!path || !*path || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (*path == '@')
		address.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
		log_warn("systemd can't be told", "error=\"%s\"", strerror(errno));
	close(fd);
}

void watchdog_init(struct watchdog *w)
{
	const char *pid = getenv("WATCHDOG_PID"), *limit = getenv("WATCHDOG_USEC");
	*w = (struct watchdog){0};
	if (limit && (!pid || strtol(pid, NULL, 10) == getpid()))
		w->period_ns = strtoull(limit, NULL, 10) * 1000 / 4;
}

/* Workers turn ten times a second at least, even when nothing comes (datapath/worker.c). */
static bool has_turned(const struct watchdog *w, const struct engine *e, uint32_t index,
		       uint64_t *turns)
{
	struct engine_worker worker;
	engine_worker(e, index, &worker);
	*turns = worker.counters.turns;
	return worker.cpu < 0 || *turns != w->turns[index];
}

void watchdog_tick(struct watchdog *w, const struct engine *e, uint64_t now_ns)
{
	uint64_t turns[ABI_MAX_QUEUES];
	uint32_t count = engine_worker_count(e);
	if (!w->period_ns || now_ns - w->fed_ns < w->period_ns)
		return;
	w->fed_ns = now_ns;
	for (uint32_t i = 0; i < count; i++) {
		if (has_turned(w, e, i, &turns[i]))
			continue;
		log_warn("a worker stands still; the watchdog is not fed", "worker=%u", i);
		return;
	}
	memcpy(w->turns, turns, count * sizeof(turns[0]));
	supervisor_tell("WATCHDOG=1");
}
