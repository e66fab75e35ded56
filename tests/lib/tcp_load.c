// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP connections that are all in use, to see which of them break.
 *
 *   tcp_load serve PORT                    sends back what comes, until SIGTERM
 *   tcp_load hold ADDRESS PORT COUNT [SECONDS]
 *                                          COUNT connections, until SIGTERM; each sends a message,
 *                                          waits for it to come back, and sends the next one, no
 *                                          sooner than SECONDS (0.1) after the one before
 *
 * `hold` prints a line of JSON when all are open, and for each SIGUSR1 one more, once each
 * connection that is not broken has had an answer to a message that it sent after the signal: the
 * line's number, connections, and those that were broken so far: reset, closed, or without an
 * answer for so long that nothing would come any more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      256
#define PERIOD_S    0.1 /* from one message of a connection to the next, unless told */
#define GIVE_UP_S   60. /* without an answer: TCP would have sent it seven times by then */
#define TURN_MS     10
#define ECHO_BUFFER 4096

static volatile sig_atomic_t stopped, asked;
static double period_s = PERIOD_S;

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		asked++;
	else
		stopped = 1;
}

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what)
{
	fprintf(stderr, "tcp_load: %s: %s\n", what, strerror(errno));
	return 1;
}

static void watch(int epoll, int fd, uint32_t events, uint32_t index)
{
	struct epoll_event e = {.events = events, .data.u32 = index};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		exit(fail("epoll_ctl"));
}

/* --- serve ------------------------------------------------------------------------------------ */

static int listen_on(int port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4096))
		return -1;
	return fd;
}

/* Messages are short, so what does not fit into the socket at once is a fault of this test. */
static void echo(int fd)
{
	char bytes[ECHO_BUFFER];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || send(fd, bytes, n, MSG_NOSIGNAL) != n)
		close(fd);
}

static int serve(int port)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_on(port);
	if (listener < 0)
		return fail("listen");
	watch(epoll, listener, EPOLLIN, listener);
	while (!stopped) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.u32;
			if (fd != listener) {
				echo(fd);
				continue;
			}
			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
			if (fd >= 0)
				watch(epoll, fd, EPOLLIN, fd);
		}
	}
	return 0;
}

/* --- hold ------------------------------------------------------------------------------------- */

struct connection {
	int fd;
	bool open, broken, waiting;
	uint64_t number; /* of its last message */
	size_t got;      /* bytes of the answer so far */
	uint64_t answer;
	double sent_at, answered_from; /* when what was answered last was sent */
};

static void give_up(struct connection *c)
{
	close(c->fd);
	c->broken = true;
}

static int connect_to(const char *address, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *to;
	if (getaddrinfo(address, port, &hints, &to))
		return -1;
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) && errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(to);
	return fd;
}

static void say_more(struct connection *c, double now)
{
	if (c->broken || !c->open)
		return;
	if (c->waiting) {
		if (now - c->sent_at > GIVE_UP_S)
			give_up(c);
		return;
	}
	if (now - c->sent_at < period_s)
		return;
	c->number++;
	c->got = 0;
	c->waiting = true;
	c->sent_at = now;
	if (send(c->fd, &c->number, sizeof(c->number), MSG_NOSIGNAL) != sizeof(c->number))
		give_up(c);
}

static void hear(struct connection *c)
{
	ssize_t n = recv(c->fd, (char *)&c->answer + c->got, sizeof(c->answer) - c->got, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		give_up(c);
		return;
	}
	c->got += n;
	if (c->got < sizeof(c->answer))
		return;
	if (!c->waiting || c->answer != c->number) {
		give_up(c); /* it is not what was said */
		return;
	}
	c->waiting = false;
	c->answered_from = c->sent_at;
}

static void look_at(struct connection *c, uint32_t events)
{
	if (c->broken)
		return;
	if (events & (EPOLLERR | EPOLLHUP))
		give_up(c);
	else if (events & EPOLLOUT)
		c->open = true;
	if (!c->broken && events & EPOLLIN)
		hear(c);
}

/* Prints when all that are not broken have had an answer to what they sent since. */
static bool report(const struct connection *all, uint32_t count, int number, double since)
{
	uint32_t broken = 0;
	for (uint32_t i = 0; i < count; i++) {
		broken += all[i].broken;
		if (!all[i].broken && (!all[i].open || all[i].answered_from < since))
			return false;
	}
	printf("{\"line\": %d, \"connections\": %u, \"broken\": %u}\n", number, count, broken);
	fflush(stdout);
	return true;
}

static int hold(const char *address, const char *port, uint32_t count)
{
	struct connection *all = calloc(count, sizeof(*all));
	int epoll = epoll_create1(EPOLL_CLOEXEC), said = 0, heard = 0;
	double since = seconds_now(), began = since;
	for (uint32_t i = 0; all && i < count; i++) {
		all[i].fd = connect_to(address, port);
		if (all[i].fd < 0)
			return fail("connect");
		watch(epoll, all[i].fd, EPOLLIN | EPOLLOUT | EPOLLET, i);
		/* Spread, or all would send at the same moment for ever. */
		all[i].sent_at = began - period_s + period_s * i / count;
	}
	while (!stopped) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, TURN_MS);
		for (int i = 0; i < n; i++)
			look_at(&all[events[i].data.u32], events[i].events);
		for (uint32_t i = 0; i < count; i++)
			say_more(&all[i], seconds_now());
		if (heard != asked)
			since = seconds_now();
		heard = asked;
		if (said <= heard && report(all, count, said, since))
			said = heard + 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct rlimit files;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 6)
		period_s = strtod(argv[5], NULL);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "hold") && atoi(argv[4]) > 0 &&
	    period_s > 0)
		return hold(argv[2], argv[3], atoi(argv[4]));
	fprintf(stderr, "usage: tcp_load serve PORT | hold ADDRESS PORT COUNT [SECONDS]\n");
	return 2;
}
