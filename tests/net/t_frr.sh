#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# configs/frr-weir.conf, as it is: FRR tells a router, by BGP, of VIPs of both families while their services have a
# backend, and of nothing else; the router sends what is for them to Weir, and requests are answered.
#
#     client 10.1.0.1 --- router (BIRD) .254 ---+--- weir (Weir, FRR) .1    10.0.9.0/24
#            fd01::1                            +--- b1 .11                 fd09::/64
. "$(dirname "$0")/../lib/net.sh"

frr=/usr/lib/frr
[ -x $frr/bgpd ] || skip "FRR is not where Debian puts it"

net_switch core
net_namespace client router weir b1
net_link client eth0 router eth0
net_address client eth0 10.1.0.1/24 fd01::1/64
net_address router eth0 10.1.0.254/24 fd01::fe/64
on client ip route add default via 10.1.0.254
on client ip -6 route add default via fd01::fe
net_plug router eth1 core
net_address router eth1 10.0.9.254/24 fd09::fe/64
net_set router ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
net_plug weir eth0 core
net_address weir eth0 10.0.9.1/24 fd09::1/64
net_plug b1 eth0 core
net_address b1 eth0 10.0.9.11/24 fd09::11/64
net_vip b1 $vip4 $vip6
on b1 ip route add default via 10.0.9.254
on b1 ip -6 route add default via fd09::fe
nginx_start b1

# --- the router ---------------------------------------------------------------------------------

cat >"$dir/router.conf" <<-END
	log stderr all;
	router id 10.0.9.254;
	protocol device { scan time 10; }
	protocol kernel { ipv4 { import none; export all; }; }
	protocol kernel { ipv6 { import none; export all; }; }
	template bgp weirs {
		local as 65000;
		hold time 3;
		keepalive time 1;
		connect delay time 1;
		connect retry time 1;
		error wait time 1, 2;
	}
	protocol bgp weir4 from weirs { neighbor 10.0.9.1 as 65001; ipv4 { import all; export none; }; }
	protocol bgp weir6 from weirs { neighbor fd09::1 as 65001; ipv6 { import all; export none; }; }
END
start router bird -f -c "$dir/router.conf" -s "$dir/router.ctl" 2>"$dir/router.error.log"

# What the router has heard, of either family: `203.0.113.10/32 2001:db8::10/128`
heard() {
	birdc -s "$dir/router.ctl" show route 2>/dev/null | awk '$1 ~ /[.:].*\// {print $1}' | sort | xargs
}
has_heard() { [ "$(heard)" = "$1" ]; }

# --- FRR ----------------------------------------------------------------------------------------

# Each host has one, whose sockets are at fixed places.
frr_inside='mount -t tmpfs tmpfs /run && install -d -o frr -g frr /run/frr && mount -t tmpfs tmpfs /etc/frr &&
	touch /etc/frr/vtysh.conf && "$0/zebra" -d -A 127.0.0.1 && "$0/bgpd" -d -A 127.0.0.1 &&
	vtysh -f "$1" && echo configured >"$2" && exec sleep infinity'
start weir unshare --mount --pid --fork --kill-child sh -c "$frr_inside" $frr \
	"$net_root/configs/frr-weir.conf" "$dir/frr" >"$dir/frr.error.log" 2>&1

# --- Weir ---------------------------------------------------------------------------------------

configure() { # STATE-OF-B1-FOR-IPV6
	{
		cat <<-END
			on_daemon_loss: drop
			announce: {table: 254, damping: 0s}
			services:
			  - name: web4
			    address: $vip4
			    protocol: tcp
			    ports: 80
			    announce: route
			    backends: [{name: b1, address: 10.0.9.11}]
			  - name: web6
			    address: "$vip6"
			    protocol: tcp
			    ports: 80
			    announce: route
			    backends: [{name: b1, address: "fd09::11", state: $1}]
		END
	} | weir_config eth0
}

configure up
weir_start
weir_wait_reachable
must_come 20 "FRR's configuration" [ -s "$dir/frr" ]
must_come 30 "both VIPs at the router" has_heard "2001:db8::10/128 203.0.113.10/32"
for vip in $vip4 $vip6; do
	expect_equal "answers from $vip" 20 "$(requests 20 $vip | wc -l)"
done
say "both families: $(heard)"

configure down
weir_reload >/dev/null
must_come 20 "the IPv6 VIP withdrawn" has_heard "203.0.113.10/32"
configure up
weir_reload >/dev/null
must_come 20 "it is back" has_heard "2001:db8::10/128 203.0.113.10/32"
weir_stop
must_come 20 "nothing left at the router" has_heard ""
say "withdrawn and told again, and withdrawn at the end"
