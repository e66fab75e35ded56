// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Everything that lasts is pinned; nothing is kept in this process. */
#include "datapath/port_ranges.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bpf/packet.h" /* types that the skeleton names */
#include "bpf/port_range.skel.h"
#include "datapath/pins.h"
#include "lb/err.h"

#define PIN_LINK    "ports-link"
#define PIN_SOCKETS "ports-sockets"

static int fill(struct port_range_bpf *program, const struct port_range *ranges, uint32_t count,
		const struct addr *vips, uint32_t vip_count)
{
	const uint8_t there = 1;
	for (uint32_t i = 0; i < count; i++)
		if (bpf_map_update_elem(bpf_map__fd(program->maps.ranges), &i, &ranges[i], BPF_ANY))
			return -errno;
	for (uint32_t i = 0; i < vip_count; i++)
		if (bpf_map_update_elem(bpf_map__fd(program->maps.vips), &vips[i], &there, BPF_ANY))
			return -errno;
	return 0;
}

/* A descriptor of the new link, or -errno. */
static int attach(const struct port_range_bpf *program)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return -errno;
	int link = bpf_link_create(bpf_program__fd(program->progs.port_range), here, BPF_SK_LOOKUP,
				   NULL);
	close(here);
	return link;
}

int port_ranges_attach(const struct pins *pins, const struct port_range *ranges, uint32_t count,
		       const struct addr *vips, uint32_t vip_count, struct err *err)
{
	int there = pins_get(pins, PIN_LINK);
	if (there >= 0) {
		close(there);
		return 0;
	}
	struct port_range_bpf *program = port_range_bpf__open_and_load();
	if (!program)
		return err_set(err, errno, "the kernel refused the program for port ranges: %m");
	int r = fill(program, ranges, count, vips, vip_count);
	if (r)
		err_set(err, -r, "can't write the port ranges: %s", strerror(-r));
	else
		r = pins_put(pins, PIN_SOCKETS, bpf_map__fd(program->maps.sockets), err);
	int link = r ? -1 : attach(program);
	if (!r && link < 0)
		r = err_set(err, -link, "can't attach the program for port ranges: %s",
			    strerror(-link));
	if (!r)
		r = pins_put(pins, PIN_LINK, link, err);
	if (link >= 0)
		close(link); /* the pin keeps it */
	port_range_bpf__destroy(program);
	return r;
}

int port_ranges_set_socket(const struct pins *pins, uint32_t range, bool v6, int socket,
			   struct err *err)
{
	int map = pins_get(pins, PIN_SOCKETS);
	uint32_t slot = PORT_RANGE_SLOT(range, v6);
	uint64_t value = socket;
	if (map < 0)
		return err_set(err, -map, "there is no program for port ranges");
	int r = bpf_map_update_elem(map, &slot, &value, BPF_ANY) ? -errno : 0;
	close(map);
	return r ? err_set(err, -r, "the kernel refused the socket for a port range: %s",
			   strerror(-r))
		 : 0;
}

bool port_ranges_has_socket(const struct pins *pins, uint32_t range, bool v6)
{
	int map = pins_get(pins, PIN_SOCKETS);
	uint32_t slot = PORT_RANGE_SLOT(range, v6);
	uint64_t cookie;
	bool there = map >= 0 && !bpf_map_lookup_elem(map, &slot, &cookie);
	if (map >= 0)
		close(map);
	return there;
}
