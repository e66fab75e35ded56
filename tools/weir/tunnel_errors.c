// SPDX-License-Identifier: BSD-2-Clause
/* Two raw sockets, filtered by type in the kernel. A flood of errors costs a bounded number a turn.
 */
#include "tools/weir/tunnel_errors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/packet.h"
#include "bpf/tunnel.h"
#include "lb/err.h"

#define READ_MAX   64 /* in one turn of the loop */
#define IPV4_FIXED 20u
#define IPV6_FIXED 40u

struct tunnel_errors {
	struct ev_loop *loop;
	tunnel_error_fn *fn;
	void *context;
	ev_io sockets[2]; /* IPv4, IPv6 */
};

/* --- reading --------------------------------------------------------------------------------- */

static uint32_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static bool is_tunnel(uint8_t protocol, const uint8_t *behind, size_t left)
{
	if (protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6)
		return true;
	return protocol == IPPROTO_UDP && left >= 4 && get16(behind + 2) == TUNNEL_GUE_PORT;
}

static bool read_quoted_ipv4(const uint8_t *ip, size_t left, struct tunnel_error *e)
{
	__be32 from, to;
	if (left < IPV4_FIXED || ip[0] != 0x45 ||
	    !is_tunnel(ip[9], ip + IPV4_FIXED, left - IPV4_FIXED))
		return false;
	memcpy(&from, ip + 12, 4);
	memcpy(&to, ip + 16, 4);
	addr_set_v4(&e->from, from);
	addr_set_v4(&e->to, to);
	return true;
}

static bool read_quoted_ipv6(const uint8_t *ip, size_t left, struct tunnel_error *e)
{
	if (left < IPV6_FIXED || ip[0] >> 4 != 6 ||
	    !is_tunnel(ip[6], ip + IPV6_FIXED, left - IPV6_FIXED))
		return false;
	memcpy(&e->from, ip + 8, 16);
	memcpy(&e->to, ip + 24, 16);
	return true;
}

bool tunnel_error_read(const uint8_t *bytes, size_t length, bool v6, struct tunnel_error *out)
{
	size_t header = v6 || !length ? 0 : (bytes[0] & 15) * 4u;
	if (length < header + 8 || (!v6 && header < IPV4_FIXED))
		return false;
	const uint8_t *icmp = bytes + header, *quoted = icmp + 8;
	size_t left = length - header - 8;
	*out = (struct tunnel_error){.type = icmp[0], .code = icmp[1]};
	if (v6 && icmp[0] == ICMPV6_PKT_TOOBIG)
		out->mtu = get16(icmp + 4) << 16 | get16(icmp + 6);
	else if (!v6 && icmp[0] == ICMP_DEST_UNREACH && icmp[1] == ICMP_FRAG_NEEDED)
		out->mtu = get16(icmp + 6);
	return v6 ? read_quoted_ipv6(quoted, left, out) : read_quoted_ipv4(quoted, left, out);
}

const char *tunnel_error_words(const struct tunnel_error *e)
{
	bool v6 = !addr_is_mapped(&e->to);
	if (e->mtu)
		return "too big";
	if (v6 ? e->type == ICMPV6_TIME_EXCEED : e->type == ICMP_TIME_EXCEEDED)
		return "time exceeded: its route goes round";
	if (v6 ? e->type == ICMPV6_PARAMPROB && e->code == ICMPV6_UNK_NEXTHDR
	       : e->type == ICMP_DEST_UNREACH && e->code == ICMP_PROT_UNREACH)
		return "protocol unreachable: is 'weir backend up' done there?";
	if (v6 ? e->type == ICMPV6_DEST_UNREACH && e->code == ICMPV6_PORT_UNREACH
	       : e->type == ICMP_DEST_UNREACH && e->code == ICMP_PORT_UNREACH)
		return "port unreachable: is 'weir backend up' done there?";
	return "unreachable";
}

/* --- sockets --------------------------------------------------------------------------------- */

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct tunnel_errors *t = watcher->data;
	uint8_t bytes[576];
	struct tunnel_error e;
	for (int i = 0; i < READ_MAX; i++) {
		ssize_t n = recv(watcher->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0)
			return;
		if (tunnel_error_read(bytes, n, watcher == &t->sockets[1], &e))
			t->fn(t->context, &e);
	}
}

static int open_ipv4(void)
{
	struct icmp_filter filter = {.data = ~(1u << ICMP_DEST_UNREACH | 1u << ICMP_TIME_EXCEEDED)};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd >= 0)
		setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter));
	return fd;
}

static int open_ipv6(void)
{
	struct icmp6_filter filter;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	memset(&filter, 0xff, sizeof(filter)); /* a bit that is set blocks */
	for (int type = ICMPV6_DEST_UNREACH; type <= ICMPV6_PARAMPROB; type++)
		filter.data[type / 32] &= ~(1u << type % 32);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, &filter, sizeof(filter));
	return fd;
}

int tunnel_errors_open(struct tunnel_errors **out, struct ev_loop *loop, tunnel_error_fn *fn,
		       void *context, struct err *err)
{
	struct tunnel_errors *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, ENOMEM, "not enough memory");
	*t = (struct tunnel_errors){.loop = loop, .fn = fn, .context = context};
	ev_io_init(&t->sockets[0], on_readable, open_ipv4(), EV_READ);
	ev_io_init(&t->sockets[1], on_readable, open_ipv6(), EV_READ);
	for (int i = 0; i < 2; i++) {
		t->sockets[i].data = t;
		/* A host without IPv6 has no such errors. */
		if (t->sockets[i].fd >= 0)
			ev_io_start(loop, &t->sockets[i]);
	}
	if (t->sockets[0].fd < 0 && t->sockets[1].fd < 0) {
		int code = errno;
		free(t);
		return err_set(err, code, "no raw socket for ICMP: %s", strerror(code));
	}
	*out = t;
	return 0;
}

void tunnel_errors_close(struct tunnel_errors *t)
{
	if (!t)
		return;
	for (int i = 0; i < 2; i++) {
		ev_io_stop(t->loop, &t->sockets[i]);
		if (t->sockets[i].fd >= 0)
			close(t->sockets[i].fd);
	}
	free(t);
}
