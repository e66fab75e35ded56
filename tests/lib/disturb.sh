# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What may happen to Weir's links, for tests of the two-arm network. Source it after net.sh.

# The routes to the client go with the interface.
front_routes() {
	on weir ip route replace 203.0.113.1/32 dev eth0
	on weir ip -6 route replace 2001:db8::1/128 dev eth0
}

# Addresses of IPv6 stay while an interface is down.
disturb_prepare() {
	net_set weir ipv6.conf.all.keep_addr_on_down=1 ipv6.conf.eth0.keep_addr_on_down=1 \
		ipv6.conf.eth1.keep_addr_on_down=1
}

flap() { # INTERFACE
	on weir ip link set "$1" down
	sleep 0.1
	on weir ip link set "$1" up
	front_routes
}
