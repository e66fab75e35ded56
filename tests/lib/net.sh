# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # variables are for those who source this
#
# Networks of namespaces for tests and the demo. Source it, then build a topology:
#
#   net_one_arm       client, weir and the backends b1 b2 b3 on one switch:
#
#                       client .1      weir .2      b1 .11  b2 .12  b3 .13
#                          |             |            |       |       |
#                     -----+-------------+------------+-------+-------+-----  10.0.0.0/24
#                                      switch                                 fd00::/64
#
#   net_two_arm       the client on one side of weir, the backends on the other; their answers go
#                     to the client by way of weir's kernel, which forwards what is not for a VIP:
#
#                     client 10.0.1.1 --- eth0 weir eth1 ---- switch ---- b1 b2 b3 10.0.0.11-13
#
#   net_routed        the same, but the backends are in a network of their own, behind a router,
#                     and have no VIPs yet:
#
#                     client --- eth0 weir eth1 --- eth0 router eth1 ---- switch ---- b1 b2 b3
#
# All VIPs lie in 203.0.113.0/24 and 2001:db8::/64, which are on-link for the client.
#
# long file: what network tests share is one thing.
#
# Namespaces and processes have names and ids of this test alone; all of them are gone when the
# script ends, however it ends.
set -euo pipefail

[ "$(id -u)" = 0 ] || { echo "net.sh: namespaces need root" >&2; exit 1; }

# What a daemon leaves for the next one lies on the BPF file system.
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || exit 1

net_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "${1:-$net_root/build}")
weir=$build/weir
udp_load=$build/tests/lib/udp_load
net_prefix=weir-$$
dir=$(mktemp -d /tmp/$net_prefix.XXXXXX)
socket=$dir/weir.sock
net_queues=2 # of each interface
weir_user=61184 # whom daemons run as: nobody that a host has (with a group of the same number)
chown 0:$weir_user "$dir"
chmod 775 "$dir"
net_namespaces=()
net_pids=()
weir_pid=
PATH=$PATH:/usr/sbin:/sbin

# --- results ------------------------------------------------------------------------------------

say() { echo "- $*"; }

fail() {
	echo "FAILED: $*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# expect WHAT COMMAND...: the command succeeds.
expect() {
	local what=$1
	shift
	"$@" || fail "$what ($*)"
}

# expect_equal WHAT WANTED GOT
expect_equal() {
	[ "$2" = "$3" ] || fail "$1: wanted \`$2\`, got \`$3\`"
}

# expect_match WHAT PATTERN TEXT (extended, case does not matter)
expect_match() {
	grep -qiE -- "$2" <<<"$3" || fail "$1: wanted /$2/, got \`$3\`"
}

# How much longer everything may take, on a machine that is slow: an emulated one, say.
net_patience=${WEIR_PATIENCE:-1}

# wait_for SECONDS COMMAND...: until the command succeeds, or fails after the time.
wait_for() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * net_patience * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ ${EPOCHREALTIME/./} -lt $deadline ] || return 1
		sleep 0.05
	done
}

# must_come SECONDS WHAT COMMAND...: wait_for or the test fails.
must_come() {
	local seconds=$1 what=$2
	shift 2
	wait_for "$seconds" "$@" || fail "not within $seconds s: $what"
}

# kernel_is_at_least MAJOR MINOR
kernel_is_at_least() {
	local major minor
	IFS=. read -r major minor _ <<<"$(uname -r)"
	[ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "${minor%%[!0-9]*}" -ge "$2" ]; }
}

# --- ending -------------------------------------------------------------------------------------

is_running() { kill -0 "$1" 2>/dev/null; }

net_stop() { # PID...: TERM, and KILL after five seconds
	local pid
	for pid; do
		kill "$pid" 2>/dev/null || true
	done
	for pid; do
		wait_for 5 eval "! kill -0 $pid" || kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

# The log of a failed test ends with what the daemon said.
net_show_logs() {
	local log
	for log in "$dir"/weir.log "$dir"/*.error.log "$dir"/requests.log; do
		[ ! -s "$log" ] || { echo "--- ${log##*/}"; tail -n 30 "$log"; }
	done
}

# What `weir backend up` keeps outside of a namespace, where no `down` has followed.
net_forget_backend() { # NAME
	local number
	number=$(stat -Lc %i "/run/netns/$1")
	rm -rf "/sys/fs/bpf/weir/backend@$number" "/run/weir/backend-$number.json"
}

# What the daemon was not let do, it should not have wanted (tools/weir/sandbox.c).
net_check_denied() {
	! grep -h "a system call was denied" "$dir"/*.log 2>/dev/null
}

net_cleanup() {
	local status=$? name
	trap '' INT TERM
	set +e
	[ $status -ne 0 ] || net_check_denied || status=1
	[ $status -eq 0 ] || [ $status -eq 77 ] || net_show_logs
	net_stop "${net_pids[@]}"
	for name in "${net_namespaces[@]}"; do
		net_forget_backend "$name"
		ip netns delete "$name"
	done
	rm -rf "$dir" "/sys/fs/bpf/$net_prefix-pass" "/sys/fs/bpf/weir/$net_prefix" "/sys/fs/bpf/weir/$net_prefix"-* # what a killed daemon left
	exit $status
}
trap net_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- namespaces and links -----------------------------------------------------------------------

# on NAMESPACE COMMAND...: `ip netns exec` would hide the BPF file system, this does not.
on() {
	local name=$net_prefix-$1
	shift
	nsenter --net="/run/netns/$name" -- "$@"
}

# link_address NAMESPACE INTERFACE (/sys is the host's, also in a namespace)
link_address() { on "$1" ip -j link show "$2" | jq -r '.[0].address'; }

# start NAMESPACE COMMAND...: in the background, ended with the test. Its id is in $started.
start() {
	local name=$net_prefix-$1
	shift
	nsenter --net="/run/netns/$name" -- "$@" </dev/null &
	started=$!
	net_pids+=("$started")
}

# net_set NAMESPACE KEY=VALUE...: sysctls, without their `net.`
net_set() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	on "$name" sh -c 'for s; do
		key=${s%%=*}
		echo "${s#*=}" >"/proc/sys/net/$(echo "$key" | tr . /)"
	done' sh "$@"
}

# Addresses are usable at once (no duplicate address detection), and no path is too odd.
net_namespace() {
	local name
	for name; do
		ip netns add "$net_prefix-$name"
		net_namespaces+=("$net_prefix-$name")
		on "$name" ip link set lo up
		net_set "$name" ipv6.conf.all.disable_ipv6=0 ipv6.conf.default.disable_ipv6=0 \
			ipv6.conf.all.accept_dad=0 ipv6.conf.default.accept_dad=0 \
			ipv6.conf.default.router_solicitations=0 ipv6.conf.default.accept_ra=0 \
			ipv4.conf.all.rp_filter=0 ipv4.conf.default.rp_filter=0 \
			ipv4.conf.all.send_redirects=0 ipv4.conf.default.send_redirects=0
	done
}

# net_link NAMESPACE INTERFACE NAMESPACE INTERFACE: a pair of veths.
#
# Checksums are filled in by software, because AF_XDP sees packets before hardware would fill them
# in.
net_link() {
	local queues="numtxqueues $net_queues numrxqueues $net_queues"
	# shellcheck disable=SC2086 # words
	on "$1" ip link add name "$2" $queues type veth \
		peer name "$4" netns "$net_prefix-$3" $queues
	[ "$1" != weir ] || net_take_xdp "$3" "$4"
	[ "$3" != weir ] || net_take_xdp "$1" "$2"
	local end
	for end in "$1 $2" "$3 $4"; do
		# shellcheck disable=SC2086
		set -- $end
		on "$1" ethtool -K "$2" tx off gro on >/dev/null
		on "$1" ip link set "$2" up
	done
}

# net_take_xdp NAMESPACE INTERFACE: makes it take at once what an XDP program at the cable's other
# end sends by XDP_TX. A veth does so only with a native XDP program of its own: without NAPI such
# packets are lost, and with GRO alone they wait until something else wakes it up
# (veth_xdp_flush() in Linux 6.18).
net_take_xdp() {
	local pin=/sys/fs/bpf/$net_prefix-pass
	[ -e "$pin" ] || bpftool prog load "$build/tests/lib/pass.bpf.o" "$pin"
	on "$1" bpftool net attach xdpdrv pinned "$pin" dev "$2"
}

net_switch() { # NAMESPACE: a bridge br0 in it
	net_namespace "$1"
	on "$1" ip link add br0 type bridge stp_state 0 mcast_snooping 0
	on "$1" ip link set br0 up
}

# net_plug NAMESPACE INTERFACE SWITCH [PORT]
net_plug() {
	local port=${4:-$1}
	net_link "$1" "$2" "$3" "$port"
	on "$3" ip link set "$port" master br0
}

net_address() { # NAMESPACE INTERFACE ADDRESS/LENGTH...
	local name=$1 interface=$2 address
	shift 2
	for address; do
		case $address in
		*:*) on "$name" ip address add "$address" dev "$interface" nodad ;;
		*) on "$name" ip address add "$address" dev "$interface" ;;
		esac
	done
}

# A DSR backend has the VIP, and does not tell anybody by ARP. (For IPv6 the kernel answers only
# for addresses of the interface that was asked.)
net_vip() { # NAMESPACE VIP...
	local name=$1 vip
	shift
	net_set "$name" ipv4.conf.all.arp_ignore=1 ipv4.conf.all.arp_announce=2
	for vip; do
		case $vip in
		*:*) net_address "$name" lo "$vip/128" ;;
		*) net_address "$name" lo "$vip/32" ;;
		esac
	done
}

vip4=203.0.113.10
vip6=2001:db8::10

net_hosts() { # of the switch, at 10.0.0.11, .12, .13: backends-to-be
	local n
	for n in 1 2 3; do
		net_namespace b$n
		net_plug b$n eth0 switch
		net_address b$n eth0 10.0.0.1$n/24 fd00::1$n/64
	done
}

net_backends() { # those, with the VIPs, by hand
	local n
	net_hosts
	for n in 1 2 3; do
		net_vip b$n $vip4 $vip6
	done
}

net_one_arm() {
	net_switch switch
	net_namespace client weir
	net_plug client eth0 switch
	net_address client eth0 10.0.0.1/24 fd00::1/64 203.0.113.1/24 2001:db8::1/64
	net_plug weir eth0 switch
	net_address weir eth0 10.0.0.2/24 fd00::2/64
	net_backends
	local n
	for n in 1 2 3; do # the way back
		on b$n ip route add 203.0.113.1/32 dev eth0 src 10.0.0.1$n
		on b$n ip -6 route add 2001:db8::1/128 dev eth0 src fd00::1$n
	done
}

net_two_arm() { # [net_hosts]
	net_switch switch
	net_namespace client weir
	net_link client eth0 weir eth0
	net_plug weir eth1 switch
	net_two_arm_addresses "$@"
}

# shellcheck disable=SC2120 # whoever sources this may pass some
net_two_arm_addresses() { # [net_hosts]
	net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
	net_address weir eth0 10.0.1.2/24 fd01::2/64
	net_address weir eth1 10.0.0.2/24 fd00::2/64
	net_set weir ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
	on weir ip route add 203.0.113.1/32 dev eth0
	on weir ip -6 route add 2001:db8::1/128 dev eth0
	"${1:-net_backends}"
	net_default_routes 10.0.0.2 fd00::2
}

net_default_routes() { # IPV4 IPV6: of the backends
	local n
	for n in 1 2 3; do
		on b$n ip route add default via "$1"
		on b$n ip -6 route add default via "$2"
	done
}

net_routed() {
	net_switch switch
	net_namespace client weir router
	net_link client eth0 weir eth0
	net_address client eth0 10.0.1.1/24 fd01::1/64 203.0.113.1/24 2001:db8::1/64
	net_address weir eth0 10.0.1.2/24 fd01::2/64
	net_link weir eth1 router eth0
	net_address weir eth1 10.0.2.2/24 fd02::2/64
	net_address router eth0 10.0.2.3/24 fd02::3/64
	net_plug router eth1 switch
	net_address router eth1 10.0.0.3/24 fd00::3/64
	net_set weir ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
	net_set router ipv4.ip_forward=1 ipv6.conf.all.forwarding=1
	on weir ip route add 203.0.113.1/32 dev eth0
	on weir ip -6 route add 2001:db8::1/128 dev eth0
	on weir ip route add 10.0.0.0/24 via 10.0.2.3
	on weir ip -6 route add fd00::/64 via fd02::3
	on router ip route add default via 10.0.2.2
	on router ip -6 route add default via fd02::2
	net_hosts
	net_default_routes 10.0.0.3 fd00::3
}

# --- servers and clients ------------------------------------------------------------------------

# nginx_start NAMESPACE [PORT]: answers its namespace's name to every request; /files/ is
# $dir/files, slowly enough (1 MB/s) that a download lasts, /slow/ at 64 kB/s, so that many at a time
# last; /fast/ is the same as fast as can be, and to /upload files are put. /health is 503 while there
# is $dir/NAMESPACE.sick. Requests are in $dir/NAMESPACE.access.log.
nginx_start() {
	local name=$1 port=${2:-80}
	mkdir -p "$dir/files" "$dir/$name.tmp"
	cat >"$dir/$name.nginx" <<-END
		daemon off;
		master_process off;
		pid $dir/$name.pid;
		error_log $dir/$name.error.log warn;
		events { worker_connections 1000; }
		http {
			access_log $dir/$name.access.log;
			client_body_temp_path $dir/$name.tmp;
			proxy_temp_path $dir/$name.tmp;
			fastcgi_temp_path $dir/$name.tmp;
			uwsgi_temp_path $dir/$name.tmp;
			scgi_temp_path $dir/$name.tmp;
			default_type text/plain;
			server {
				listen $port backlog=1000;
				listen [::]:$port backlog=1000;
				add_header X-Backend $name always;
				client_max_body_size 200m;
				location / { return 200 "$name\n"; }
				location = /health { if (-f $dir/$name.sick) { return 503; } return 200; }
				location /files/ { root $dir; limit_rate 1m; }
				location /slow/ { alias $dir/files/; limit_rate 64k; }
				location /fast/ { alias $dir/files/; }
				location /upload { dav_methods PUT; root $dir/$name.tmp; }
			}
		}
	END
	start "$name" nginx -e "$dir/$name.error.log" -c "$dir/$name.nginx"
	printf -v "nginx_pid_$name" %s "$started"
	must_come 5 "nginx of $name" on "$name" curl -sf -m 1 -o /dev/null "http://127.0.0.1:$port/"
	: >"$dir/$name.access.log"
}

nginx_start_backends() {
	local n
	for n in 1 2 3; do
		nginx_start b$n
	done
}

# url ADDRESS [PORT]
url() {
	case $1 in
	*:*) echo "http://[$1]:${2:-80}" ;;
	*) echo "http://$1:${2:-80}" ;;
	esac
}

# requests COUNT ADDRESS [PORT]: each over a connection of its own. Prints the answers, one a line.
requests() {
	on client curl --no-progress-meter -f -m $((20 * net_patience)) --parallel --parallel-max 20 -H 'Connection: close' \
		"$(url "$2" "${3:-80}")/?[1-$1]" 2>>"$dir/requests.log"
}

# count_answers FILE: `b1=50 b2=100 b3=150`
count_answers() {
	sort "$1" | uniq -c | awk '{printf "%s%s=%s", (NR > 1 ? " " : ""), $2, $1}'
}

# expect_spread FILE NAME=WEIGHT...: the answers are shared out as the weights say. The bound is
# five standard deviations: chance alone fails one of two million.
expect_spread() {
	local file=$1
	shift
	awk -v weights="$*" '
	{ got[$1]++ }
	END {
		n = split(weights, pair, " ")
		for (i = 1; i <= n; i++) {
			split(pair[i], part, "=")
			weight[part[1]] = part[2]
			sum += part[2]
		}
		for (name in got)
			if (!(name in weight)) {
				print "answered by a stranger: " name
				exit 1
			}
		for (name in weight) {
			share = weight[name] / sum
			wanted = NR * share
			bound = 5 * sqrt(NR * share * (1 - share))
			if (got[name] < wanted - bound || got[name] > wanted + bound) {
				printf "%s answered %d of %d, wanted %.0f +- %.0f\n",
					name, got[name], NR, wanted, bound
				exit 1
			}
		}
	}' "$file" || fail "spread: $(count_answers "$file")"
}

# --- Weir ---------------------------------------------------------------------------------------

# weir_config INTERFACE... : the configuration's head; its `services:` come from stdin.
weir_fast_path=auto
weir_config() {
	local interface
	{
		echo "instance: $net_prefix"
		echo "user: \"$weir_user\""
		echo "interfaces:"
		for interface; do
			echo "  - {name: $interface}"
		done
		echo "flow_table: {entries: 65536, fast_path: $weir_fast_path}"
		echo "api: {socket: $socket}"
		cat
	} >"$dir/weir.yaml"
}

# web_services [WEIGHT WEIGHT WEIGHT]: `web4` and `web6`, port 80 of the VIPs, on the backends.
web_services() {
	local weights=("${1:-100}" "${2:-100}" "${3:-100}") family n
	echo "services:"
	for family in 4 6; do
		cat <<-END
			  - name: web$family
			    address: "$([ $family = 4 ] && echo $vip4 || echo $vip6)"
			    protocol: tcp
			    ports: 80
			    forward: dsr
			    announce: neighbor
			    backends:
		END
		for n in 1 2 3; do
			echo "      - {name: b$n, address: \"$([ $family = 4 ] && echo 10.0.0.1$n ||
				echo fd00::1$n)\", weight: ${weights[$n - 1]}}"
		done
	done
}

# UDP to port 5000 of the VIP, for tests/lib/udp_load.c.
load_service() {
	cat <<-END
		  - name: load
		    address: $vip4
		    protocol: udp
		    ports: 5000
		    announce: neighbor
		    backends:
		      - {name: b1, address: 10.0.0.11}
		      - {name: b2, address: 10.0.0.12}
		      - {name: b3, address: 10.0.0.13}
	END
}

# checked_services COUNT: `many0` and on, of the three backends, each checked 20 times a second.
checked_services() {
	local s n
	for ((s = 0; s < $1; s++)); do
		echo "  - {name: many$s, address: 203.0.113.$((100 + s)), protocol: tcp, ports: 80,"
		echo "     health: {type: tcp, interval: 50ms, timeout: 50ms, fast_interval: 50ms, fall: 10}, backends: ["
		for n in 1 2 3; do echo "       {name: b$n, address: 10.0.0.1$n},"; done
		echo "     ]}"
	done
}

# weir_launch: starts the daemon and does not wait.
weir_launch() {
	start weir "$weir" run -c "$dir/weir.yaml" >"$dir/weir.out" 2>>"$dir/weir.log"
	weir_pid=$started
}

weir_is_ready() { grep -qx ready "$dir/weir.out"; }
weir_is_ready_or_gone() { weir_is_ready || ! is_running "$weir_pid"; }

weir_start() {
	weir_launch
	must_come 60 "the daemon's \`ready\`" weir_is_ready_or_gone # the kernel's verifier takes its time
	weir_is_ready || fail "the daemon ended: $(tail -n 1 "$dir/weir.log")"
}

weir_stop() {
	kill "$weir_pid"
	must_come 10 "the daemon's end" eval "! kill -0 $weir_pid"
	wait "$weir_pid" || fail "the daemon's exit status is $?"
}

weir_reload() { "$weir" reload -s "$socket"; }
weir_show() { "$weir" show "$1" --json -s "$socket"; } # WHAT

weir_drops() { # REASON: how many so far
	weir_show drops | jq --arg reason "$1" '.reasons[] | select(.reason == $reason).total'
}

captures_are() { [ "$(weir_show status | jq .captures)" = "$1" ]; } # HOW-MANY

# What COMMAND prints of counters, left in $drops once they stand.
drops_settle() { # COMMAND
	local before=
	drops=$("$1")
	while [ "$before" != "$drops" ]; do
		sleep 0.2
		before=$drops
		drops=$("$1")
	done
}

ledger_is_balanced() { weir_show drops | jq -e .balanced >/dev/null; }
backends_are_reachable() { weir_show backends | jq -e 'all(.backends[]; .reachable)' >/dev/null; }

weir_wait_reachable() {
	must_come 10 "all backends reachable" backends_are_reachable
}

# What the daemon keeps in the kernel while it runs: `prog 12`, `link 3`, `map 5`, one a line.
weir_kernel_objects() {
	sed -nE 's/^(prog|link|map)_id:\s*([0-9]+)$/\1 \2/p' "/proc/$weir_pid"/fdinfo/* | sort -u
}

# bpf_is_there KIND ID
bpf_is_there() { bpftool "$1" show id "$2" >/dev/null 2>&1; }
