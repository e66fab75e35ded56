// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bounded UDP load for tests and the demo, over plain sockets.
 *
 *   udp_load send ADDRESS PORT SECONDS FLOWS [PACKETS [RATE]]
 *                          18 bytes each, from FLOWS source ports
 *   udp_load sink PORT     until SIGTERM
 *   udp_load echo PORT     sends back what comes, until SIGTERM
 *
 * Without PACKETS it sends as fast as it can; with it so slowly that no queue on the way is full,
 * or RATE a second, and WEIR_PATIENCE (of tests/lib/net.sh) times more slowly.
 *
 * Both print one line of JSON at their end: packets, seconds, and for the sink the number of
 * different senders' ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST         32u
#define PAYLOAD       18u /* makes the smallest Ethernet frame of IPv4 */
#define MAX_FLOWS     1024u
#define SINK_SLEEP_NS 2000000
#define PACE_NS       2000000 /* between bursts */
#define PATIENCE_MAX  100

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = 1;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_ns(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static int fail(const char *what)
{
	fprintf(stderr, "udp_load: %s: %s\n", what, strerror(errno));
	return 1;
}

static int connect_udp(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One call that the kernel cuts into `count` datagrams (udp(7), UDP_SEGMENT). */
static int send_segments(int fd, unsigned int count)
{
	static char payload[BURST * PAYLOAD];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct iovec iov = {.iov_base = payload, .iov_len = count * PAYLOAD};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *segment = CMSG_FIRSTHDR(&message);
	uint16_t size = PAYLOAD;

	segment->cmsg_level = SOL_UDP;
	segment->cmsg_type = UDP_SEGMENT;
	segment->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(segment), &size, sizeof(size));
	ssize_t sent = sendmsg(fd, &message, 0);
	return sent < 0 ? -1 : (int)(sent / PAYLOAD);
}

static int send_datagrams(int fd, unsigned int count)
{
	static char payload[PAYLOAD];
	struct iovec iov = {.iov_base = payload, .iov_len = sizeof(payload)};
	struct mmsghdr messages[BURST];

	for (unsigned int i = 0; i < count; i++)
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
	return sendmmsg(fd, messages, count, 0);
}

/* One burst. An ICMP error of before (nobody listens) is not the sender's concern. */
static unsigned int send_burst(int fd, unsigned int count)
{
	static bool segments = true;
	int sent = segments ? send_segments(fd, count) : send_datagrams(fd, count);
	/* Before Linux 6.11 only for interfaces that fill in checksums. */
	if (sent < 0 && segments && errno == EIO)
		segments = false;
	return sent < 0 ? 0 : (unsigned int)sent;
}

static long pace_ns(void)
{
	const char *text = getenv("WEIR_PATIENCE");
	long patience = text ? strtol(text, NULL, 10) : 1;

	if (patience < 1)
		patience = 1;
	return PACE_NS * (patience > PATIENCE_MAX ? PATIENCE_MAX : patience);
}

static int run_send(const struct addrinfo *to, double seconds, unsigned int flows, uint64_t limit,
		    unsigned int burst)
{
	static int fds[MAX_FLOWS];
	uint64_t packets = 0;

	for (unsigned int i = 0; i < flows; i++)
		if ((fds[i] = connect_udp(to)) < 0)
			return fail("connect");
	double start = seconds_now(), now = start;
	for (unsigned int turn = 0; !stopped && packets < limit && now < start + seconds; turn++) {
		uint64_t left = limit - packets;

		packets += send_burst(fds[turn % flows], left < burst ? (unsigned int)left : burst);
		if (limit != UINT64_MAX)
			sleep_ns(pace_ns());
		now = seconds_now();
	}
	printf("{\"packets\": %llu, \"seconds\": %.3f}\n", (unsigned long long)packets,
	       now - start);
	return 0;
}

static int open_sink(uint16_t port)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
	int size = 8 << 20;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Takes what is there, without waiting; the senders' ports go to ports[]. */
static int receive_burst(int fd, uint16_t *ports)
{
	static char buffers[BURST][2048];
	struct sockaddr_in6 from[BURST];
	struct iovec iov[BURST];
	struct mmsghdr messages[BURST];

	for (unsigned int i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
		};
	}
	int count = recvmmsg(fd, messages, BURST, MSG_DONTWAIT, NULL);

	for (int i = 0; i < count; i++)
		ports[i] = ntohs(from[i].sin6_port);
	return count;
}

static int run_sink(uint16_t port)
{
	static uint8_t seen[65536];
	uint16_t ports[BURST];
	uint64_t packets = 0;
	unsigned int flows = 0;
	int fd = open_sink(port);

	if (fd < 0)
		return fail("sink");
	double start = seconds_now();
	for (int count = 0; !stopped || count > 0;) {
		count = receive_burst(fd, ports);

		for (int i = 0; i < count; i++) {
			flows += !seen[ports[i]];
			seen[ports[i]] = 1;
			packets++;
		}
		/* Woken for each packet, sinks would take the CPU from what is to be measured. */
		if (count <= 0)
			sleep_ns(SINK_SLEEP_NS);
	}
	printf("{\"packets\": %llu, \"seconds\": %.3f, \"flows\": %u}\n",
	       (unsigned long long)packets, seconds_now() - start, flows);
	return 0;
}

static int run_echo(uint16_t port)
{
	char bytes[2048];
	struct sockaddr_in6 from;
	int fd = open_sink(port);

	if (fd < 0)
		return fail("echo");
	while (!stopped) {
		socklen_t length = sizeof(from);
		ssize_t n =
			recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length);

		if (n >= 0)
			sendto(fd, bytes, n, 0, (struct sockaddr *)&from, length);
	}
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: udp_load send ADDRESS PORT SECONDS FLOWS [PACKETS [RATE]]\n"
			"       udp_load sink PORT\n"
			"       udp_load echo PORT\n");
	return 2;
}

static int command_send(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *to;
	double seconds = strtod(argv[4], NULL);
	unsigned long flows = strtoul(argv[5], NULL, 10);
	unsigned long long limit = argc > 6 ? strtoull(argv[6], NULL, 10) : UINT64_MAX;

	unsigned long rate = argc > 7 ? strtoul(argv[7], NULL, 10) : 0;
	unsigned long burst = rate ? rate * PACE_NS / 1000000000 : BURST;

	if (seconds <= 0 || flows < 1 || flows > MAX_FLOWS || burst > BURST)
		return usage();
	if (getaddrinfo(argv[2], argv[3], &hints, &to))
		return usage();
	int status =
		run_send(to, seconds, (unsigned int)flows, limit, burst ? (unsigned int)burst : 1);
	freeaddrinfo(to);
	return status;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (argc >= 6 && argc <= 8 && !strcmp(argv[1], "send"))
		return command_send(argc, argv);
	if (argc == 3 && !strcmp(argv[1], "sink"))
		return run_sink((uint16_t)strtoul(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "echo"))
		return run_echo((uint16_t)strtoul(argv[2], NULL, 10));
	return usage();
}
