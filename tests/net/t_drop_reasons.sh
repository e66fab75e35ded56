#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every reason to drop a packet that there is: a packet that causes it, captured alone by --reason,
# with a comment that names it, and as often as the counter says. The reasons are those of the daemon
# itself: one for which nothing here causes it fails the test.
#
#   client ---- eth0 weir eth1 ---- backend         both interfaces with 8 queues, one worker
. "$(dirname "$0")/../lib/net.sh"

net_queues=8
dark=203.0.113.20 ghost=203.0.113.21 gone=203.0.113.22 denied=203.0.113.23 limited=203.0.113.24 checked=203.0.113.25
translated=203.0.113.26 other_family=203.0.113.27 snat=10.0.0.200
send_frames=$build/tests/lib/send_frames

net_namespace client weir backend
net_link client eth0 weir eth0
net_link weir eth1 backend eth0
on weir ip link set eth1 mtu 1400
net_address client eth0 10.0.1.1/24 203.0.113.1/24 2001:db8::1/64
net_address weir eth0 10.0.1.2/24
net_address weir eth1 10.0.0.2/24 fd00::2/64
net_address backend eth0 10.0.0.11/24 fd00::11/64
backend_mac=$(link_address backend eth0)
weir_mac=$(link_address weir eth0)
on weir ip neighbour replace 10.0.0.11 lladdr "$backend_mac" dev eth1 nud permanent
on weir ip neighbour replace fd00::11 lladdr "$backend_mac" dev eth1 nud permanent

service() { # NAME ADDRESS PROTOCOL BACKENDS
	echo "  - {name: $1, address: \"$2\", protocol: $3, ports: any, announce: neighbor, backends: $4}"
}

# config [SERVICE-LINE...]: the services of all tests, and more.
policy=
config() {
	cat <<-END >"$dir/weir.yaml"
		instance: $net_prefix
		interfaces: [{name: eth0, queues: ${queues:-all}}, {name: eth1}]
		workers: {cpus: [0]}
		memory: {frames_per_queue: 1024}
		flow_table: {entries: 65536, fast_path: off, insert_limit: 100}
		on_daemon_loss: drop
		icmp: {echo_limit: 1, too_big_limit: 1, other: drop}
		api: {socket: $socket}
		nat: {addresses: [$snat, "fd00::200"], ports: 5000-5003}
		$policy
		services:
		$(service v4 $vip4 udp '[{name: b1, address: 10.0.0.11}]')
		$(service t4 $vip4 tcp '[{name: b1, address: 10.0.0.11}]')
		$(service v6 $vip6 udp '[{name: b1, address: "fd00::11"}]')
		$(service t6 $vip6 tcp '[{name: b1, address: "fd00::11"}]')
		$(service denied $denied udp '[{name: b1, address: 10.0.0.11}]')
		$(service limited $limited udp '[{name: b1, address: 10.0.0.11}]')
		$(service checked $checked udp '[{name: b1, address: 10.0.0.11}], verify_checksums: true')
		$(service translated $translated udp '[{name: b1, address: 10.0.0.11}], forward: nat')
		$(service other-family $other_family udp '[{name: b1, address: "fd00::11"}], forward: nat')
		$(service dark $dark udp '[{name: b1, address: 10.0.0.11, state: down}]')
		$(service ghost $ghost udp '[{name: b1, address: 10.0.0.99}]')
		$(printf '%s\n' "$@")
	END
}

# What `weir check` refuses is not there yet, and neither is what it drops.
config
has_policy=no
cat >"$dir/policy.yaml" <<END
policy: {rules: [{name: no, to: denied, action: drop}, {name: less, to: limited, limit: {per: source, rate: 1/s, burst: 1}},
	{name: prove, to: t4, match: tcp-syn, limit: {per: service, rate: 1/s, burst: 1, beyond: challenge}}]}
END
if cat "$dir/weir.yaml" "$dir/policy.yaml" | "$weir" check -c - >/dev/null 2>&1; then
	has_policy=yes
	policy=$(<"$dir/policy.yaml")
fi

# --- frames, in hexadecimal ----------------------------------------------------------------------

hex() { printf '%0*x' "$1" "$2"; } # DIGITS NUMBER
address4() { printf '%02x%02x%02x%02x' ${1//./ }; }
ethernet() { echo "${weir_mac//:/}020000000001$1$2"; } # TYPE REST
vip6_hex=20010db8000000000000000000000010
client6_hex=20010db8000000000000000000000001

# ip4 PROTOCOL PAYLOAD [FLAGS-AND-OFFSET [TOTAL-LENGTH [ID]]]
ip4() {
	ethernet 0800 "4500$(hex 4 "${4:-$((20 + ${#2} / 2))}")${5:-1234}${3:-0000}${ttl:-40}$(hex 2 "$1")0000$(
		address4 203.0.113.1)$(address4 ${to:-$vip4})$2"
}
ip6() { ethernet 86dd "60000000$(hex 4 $((${#2} / 2)))$(hex 2 "$1")40$client6_hex$vip6_hex$2"; } # NEXT PAYLOAD
zeroes() { printf '%0*d' $((2 * $1)) 0; } # BYTES
udp() { echo "9c400035$(hex 4 $((8 + $1)))0000$(zeroes "$1")"; } # PAYLOAD-BYTES
frames() { on client "$send_frames" eth0 "$@"; }

# --- what causes each reason: cause_REASON, with _ for - -----------------------------------------

cause_truncated() { frames "$(ip4 17 9c40)"; }
cause_malformed_ipv4() { frames "$(ip4 17 "$(udp 4)" 0000 9)"; }
cause_malformed_ipv6() { frames "$(ethernet 86dd "60000000ffff1140$client6_hex$vip6_hex$(udp 4)")"; }
cause_malformed_tcp() { frames "$(ip4 6 "9c4000500000000100000000100200000000000000000000")"; }
cause_malformed_udp() { frames "$(ip4 17 9c4000350003000000000000)"; }
cause_bad_checksum() { frames "$(to=$checked ip4 17 "$(udp 4)")"; }
cause_too_big() { # more of them than there are answers
	local big
	big=$(ip4 17 "$(udp 1420)")
	frames "$big" "$big" "$big" "$big" "$big"
}
cause_header_chain() { frames "$(ip6 60 "$(for _ in {1..20}; do echo -n 3c00000000000000; done)")"; }
cause_fragment_unmatched() { frames "$(ip4 17 "$(zeroes 16)" 0010)"; }
cause_fragment_tiny() { frames "$(ip4 6 "$(zeroes 8)" 2000)"; }
cause_fragment_overlap() {
	frames "$(ip4 17 "$(udp 24)" 2000 52 7777)" "$(ip4 17 "$(zeroes 16)" 0002 36 7777)"
}
cause_malformed_neighbor() { # an ARP request from a group's address
	frames "ffffffffffff0200000000010806000108000604000101000000000100000000000000000000$(address4 $vip4)"
}
cause_malformed_icmp() { frames "$(ip4 1 "0800ffff00010001$(zeroes 8)")"; }
cause_icmp_refused() { frames "$(ip4 1 "0d00000000010001$(zeroes 12)")"; } # a timestamp request
cause_echo_limited() { on client ping -q -c 5 -i 0.01 -W 1 $vip4 >/dev/null || true; }
cause_no_backend() { on client "$udp_load" send $dark 9 1 1 3 >/dev/null; }
cause_no_next_hop() { on client "$udp_load" send $ghost 9 1 1 3 >/dev/null; }
cause_nat_unknown() { frames "$(to=$snat ip4 17 "$(udp 4)")"; }
cause_nat_exhausted() { on client "$udp_load" send $translated 9 1 16 16 >/dev/null; }
cause_nat_untracked() { on client "$udp_load" send $translated 9 1 400 400 >/dev/null; }
cause_hop_limit() { frames "$(to=$translated ttl=01 ip4 17 "$(udp 4)")"; }
cause_untranslatable() { frames "$(to=$other_family ip4 17 "$(udp 24)" 2000)"; }
cause_policy_denied() { on client "$udp_load" send $denied 9 1 1 3 >/dev/null; }
cause_syn_proof() { # at once: the first one may connect, the next one is asked who it is
	on client bash -c "for port in 81 82 83; do
		timeout 1 bash -c \"exec 3<>/dev/tcp/$vip4/\$port\" 2>/dev/null &
	done
	wait"
}
cause_rate_limited() { on client "$udp_load" send $limited 9 1 1 100 >/dev/null; }

# While the daemon stands still, nobody takes packets out of its rings.
stopped() { # COMMAND...
	kill -STOP "$weir_pid"
	"$@"
	kill -CONT "$weir_pid"
}

cause_rx_no_frame() { stopped on client "$udp_load" send $vip4 9 5 64 10000 >/dev/null; }

# Rings that are full of packets while there are frames for more: stopped in the middle of a flood.
cause_rx_full() {
	start client "$udp_load" send $vip4 9 30 64 >/dev/null
	local flood=$started
	for _ in {1..100}; do
		stopped sleep 0.02
		sleep 0.05
		[ "$(weir_drops rx-full)" = 0 ] || break
	done
	net_stop "$flood"
}

# More in eight receive rings than one transmit ring holds.
cause_tx_full() { stopped on client "$udp_load" send $vip4 9 5 64 4000 >/dev/null; }

# The other end of the cable is not there, and nobody has noticed yet: once it is known, there is no next hop.
cause_tx_failed() {
	must_come 20 "the backend reachable" backend_is_reachable
	on backend ip link set eth0 down
	on client "$udp_load" send $vip4 9 1 4 200 >/dev/null
	on backend ip link set eth0 up
}

# A service that is removed while its packets come, at a rate that leaves the daemon time to reload.
cause_not_served() {
	start client "$udp_load" send $gone 9 30 64 400000 >/dev/null
	local flood=$started
	for _ in {1..50}; do
		config "$(service gone $gone udp '[{name: b1, address: 10.0.0.11}]')"
		weir_reload >/dev/null
		sleep 0.05
		config
		weir_reload >/dev/null
		[ "$(weir_drops not-served)" = 0 ] || break
	done
	net_stop "$flood"
}

# Queues without a socket, which are all but the first.
cause_no_daemon() { on client "$udp_load" send $vip4 9 1 64 256 >/dev/null; }

# --- the test ------------------------------------------------------------------------------------

all_drops() { weir_show drops | jq -r '.reasons[] | "\(.reason) \(.total)"'; }

drops_of() { awk -v reason="$2" '$1 == reason {print $2}' <<<"$1"; } # DROPS REASON

check_reason() { # REASON: against the counters before and now
	local reason=$1 file=$dir/$1.pcapng dropped lost written
	dropped=$(($(drops_of "$drops" "$reason") - $(drops_of "$before" "$reason")))
	tshark -r "$file" -T fields -e frame.comment >"$dir/comments" 2>"$dir/tshark.err"
	written=$(wc -l <"$dir/comments")
	expect_equal "$reason: comments that do not name it" 0 "$(grep -vc "^reason=$reason " "$dir/comments" || true)"
	expect_equal "tshark about $reason" "" "$(grep -v 'Running as user' "$dir/tshark.err" || true)"
	lost=$(sed -nE 's/.* ([0-9]+) lost$/\1/p' "$dir/$reason.log")
	expect_equal "$reason: captured and lost, and the counter" $dropped $((written + lost))
	say "$reason: $written packets, $lost lost"
}

has_dropped() { [ "$(weir_drops "$1")" -gt "$(drops_of "$before" "$1")" ]; } # REASON

# On a busy machine a cause may come too late, or something else before it: then it comes again.
cause() { # REASON
	for _ in {1..10}; do
		"cause_${1//-/_}"
		! wait_for 2 has_dropped "$1" || return 0
	done
	fail "$1: nothing was dropped for it, but for $(comm -13 <(sort <<<"$before") <(all_drops | sort) | paste -s -d ,)"
}

# try_reasons REASON...: each is captured alone, all at the same time.
try_reasons() {
	local reason before pids=() pid
	drops_settle all_drops
	before=$drops
	for reason; do
		[ "$(type -t "cause_${reason//-/_}")" = function ] || fail "nothing here causes $reason"
		start weir "$weir" capture --reason "$reason" -w "$dir/$reason.pcapng" -s 128 --socket "$socket" \
			2>"$dir/$reason.log"
		pids+=("$started")
	done
	must_come 20 "$# captures" captures_are $#
	for reason; do
		cause "$reason"
	done
	drops_settle all_drops
	kill -INT "${pids[@]}"
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "a capture ended with $?: $(tail -qn 1 "$dir"/*.log)"
	done
	must_come 20 "the end of the captures" captures_are 0
	for reason; do
		check_reason "$reason"
	done
}

# What happens after a packet is gone can't be captured, and is refused with a word why.
try_accounting_only() { # REASON
	"$weir" capture --reason "$1" -c 1 --socket "$socket" 2>"$dir/err" && fail "--reason $1 was taken"
	expect_match "why $1 can't be captured" "no packet is left" "$(cat "$dir/err")"
	say "$1: refused, as there is no packet any more"
}

config
weir_start
backend_is_reachable() { weir_show backends | jq -e '.backends[] | select(.service == "v4").reachable'; }
must_come 20 "the backend reachable" backend_is_reachable

# Those that need the daemon, a cable or a service to be in some state come one after the other.
together=()
for reason in $(weir_show drops | jq -r '.reasons[].reason'); do
	case $reason in
	daemon-lost) try_accounting_only "$reason" ;;
	no-daemon) ;; # below: it needs other queues
	policy-denied | rate-limited | syn-proof)
		if [ $has_policy = yes ]; then
			together+=("$reason")
		else
			say "$reason: this version has no policy to drop by"
		fi
		;;
	rx-full | rx-no-frame | tx-full | tx-failed | not-served | nat-untracked) try_reasons "$reason" ;;
	*) together+=("$reason") ;;
	esac
done
try_reasons "${together[@]:0:15}"
[ ${#together[@]} -le 15 ] || try_reasons "${together[@]:15}"
capinfos "$dir"/*.pcapng >/dev/null 2>"$dir/capinfos.err" || fail "capinfos: $(<"$dir/capinfos.err")"
must_come 10 "the balance" ledger_is_balanced
weir_stop
queues='[0]'
config
weir_start
must_come 20 "the backend reachable" backend_is_reachable
try_reasons no-daemon
