# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # variables of net.sh
#
# Two Weirs behind a router, whose routes lead to one of them. Source it after net.sh.
#
#     client 10.1.0.1 --- .254 router .254 --+-------+-------+-----+-----+---  10.0.0.0/24
#                                            |       |       |     |     |
#                                         weir .2  other .3  b1 .11 b2 .12 b3 .13
#
# Backends' way back is the router.
net_two_weirs() {
	net_switch switch
	net_namespace client router weir other
	net_link client eth0 router eth0
	net_address client eth0 10.1.0.1/24
	net_address router eth0 10.1.0.254/24
	on client ip route add default via 10.1.0.254
	net_plug router eth1 switch
	net_address router eth1 10.0.0.254/24
	net_set router ipv4.ip_forward=1
	net_plug weir eth0 switch
	net_plug other eth0 switch
	net_take_xdp switch other
	net_address weir eth0 10.0.0.2/24
	net_address other eth0 10.0.0.3/24
	net_hosts
	local n
	for n in 1 2 3; do
		on b$n ip route add default via 10.0.0.254
	done
}
