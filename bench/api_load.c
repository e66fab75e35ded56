// SPDX-License-Identifier: BSD-2-Clause
/*
 * One thread and poll(): a connection asks when it is its turn by the rate and it has had its
 * answer. What comes too late is asked as soon as a connection is free, so that a slow daemon shows
 * in the calls that were made.
 */
#include "bench/api_load.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lb/err.h"

#define ANSWER_MAX 65536u
#define LATE_NS    10000000000ull /* that an answer may come after the last request */

struct connection {
	int fd;
	uint64_t asked_ns; /* 0: has its answer */
	size_t length;
	char answer[ANSWER_MAX + 1];
};

struct run {
	const struct api_load *load;
	struct connection *connections;
	struct pollfd fds[API_LOAD_CONNECTIONS];
	char request[256];
	size_t request_length;
	uint32_t *took_us; /* of each call */
	uint64_t room;
	struct api_load_result result;
};

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int api_load_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(address.sun_path) || fd < 0)
		return fd < 0 ? -errno : -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	int code = errno;
	close(fd);
	return -code;
}

static int ask(struct run *r, struct connection *c, uint64_t now_ns)
{
	c->asked_ns = now_ns;
	c->length = 0;
	ssize_t n = write(c->fd, r->request, r->request_length);
	return n == (ssize_t)r->request_length ? 0 : -EPIPE;
}

/* Bytes of the whole answer, or 0 while its head is not there. */
static size_t answer_length(const struct connection *c)
{
	const char *body = strstr(c->answer, "\r\n\r\n");
	const char *length = strcasestr(c->answer, "\r\nContent-Length: ");
	if (!body || !length || length > body)
		return 0;
	return body + 4 - c->answer + strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
}

static void take_call(struct run *r, struct connection *c)
{
	if (r->result.calls < r->room)
		r->took_us[r->result.calls++] = (clock_now_ns() - c->asked_ns) / 1000;
	r->result.failed += strncmp(c->answer, "HTTP/1.1 200 ", 13) != 0;
	c->asked_ns = 0;
}

static int hear(struct run *r, struct connection *c)
{
	ssize_t n = read(c->fd, c->answer + c->length, ANSWER_MAX - c->length);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	c->length += n;
	c->answer[c->length] = 0;
	size_t whole = answer_length(c);
	if (whole && c->length >= whole)
		take_call(r, c);
	return 0;
}

/* Asks on connections that are free for as many calls as are due. */
static int ask_what_is_due(struct run *r, uint64_t start_ns, uint64_t *asked)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t due = (now_ns - start_ns) * r->load->rate / 1000000000u;
	if (due > r->room)
		due = r->room;
	for (unsigned int i = 0; i < r->load->connections && *asked < due; i++) {
		struct connection *c = &r->connections[i];
		if (c->asked_ns)
			continue;
		int rc = ask(r, c, now_ns);
		if (rc)
			return rc;
		++*asked;
	}
	return 0;
}

static int hear_what_comes(struct run *r)
{
	int rc = 0;
	poll(r->fds, r->load->connections, 1);
	for (unsigned int i = 0; !rc && i < r->load->connections; i++)
		if (r->fds[i].revents)
			rc = hear(r, &r->connections[i]);
	return rc;
}

/* What was asked in that time is what counts, once it is all answered. */
static int loop(struct run *r)
{
	uint64_t start_ns = clock_now_ns(), asked = 0;
	uint64_t end_ns = start_ns + r->load->seconds * 1000000000ull;
	int rc = 0;
	while (!rc && clock_now_ns() < end_ns) {
		rc = ask_what_is_due(r, start_ns, &asked);
		rc = rc ? rc : hear_what_comes(r);
	}
	r->result.seconds = (clock_now_ns() - start_ns) / 1e9;
	end_ns += LATE_NS;
	while (!rc && r->result.calls < asked && clock_now_ns() < end_ns)
		rc = hear_what_comes(r);
	return rc;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static int open_all(struct run *r, struct err *err)
{
	for (unsigned int i = 0; i < r->load->connections; i++) {
		int fd = api_load_connect(r->load->socket);
		r->connections[i].fd = fd;
		if (fd < 0)
			return err_set(err, -fd, "%s: %s", r->load->socket, strerror(-fd));
		r->fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return 0;
}

int api_load_run(const struct api_load *load, struct api_load_result *out, struct err *err)
{
	struct run r = {.load = load, .room = (uint64_t)load->rate * load->seconds + 1};
	r.connections = calloc(load->connections, sizeof(*r.connections));
	r.took_us = calloc(r.room, sizeof(*r.took_us));
	if (!r.connections || !r.took_us) {
		free(r.connections);
		free(r.took_us);
		return err_set(err, ENOMEM, "not enough memory");
	}
	r.request_length = snprintf(r.request, sizeof(r.request),
				    "GET %.128s HTTP/1.1\r\nHost: weir\r\n\r\n", load->path);
	int rc = open_all(&r, err);
	if (!rc && (rc = loop(&r)))
		err_set(err, -rc, "a connection of %s: %s", load->socket, strerror(-rc));
	for (unsigned int i = 0; i < load->connections; i++)
		if (r.connections[i].fd > 0)
			close(r.connections[i].fd);
	qsort(r.took_us, r.result.calls, sizeof(*r.took_us), compare_u32);
	if (r.result.calls) {
		r.result.median_us = r.took_us[r.result.calls / 2];
		r.result.most_us = r.took_us[r.result.calls - 1];
	}
	*out = r.result;
	free(r.connections);
	free(r.took_us);
	return rc;
}
