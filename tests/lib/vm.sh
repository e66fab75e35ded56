# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # variables are for those who source this
#
# Networks over the NICs of a virtual machine of `make test-vm` (tests/vm/run.sh), for tests/vm/t_*.sh.
# It goes by tests/lib/net.sh, with NICs in the place of veths on both sides of Weir:
#
#     client eth0 ~~~~~~ eth0 weir eth1 ~~~~~~ switch ---- b1 b2 b3
#            client      front    back  servers
#
# The wires ~~~ are bridges of the host that runs the machine. `front` is one of the three NICs of that
# wire: virtio-net, e1000e or igb.
# shellcheck source=../lib/net.sh
. "$(dirname "$0")/../lib/net.sh"

[ -n "${WEIR_VM:-}" ] || skip "for the virtual machines of 'make test-vm'"

declare -A vm_nics=(
	[client]=52:54:00:c0:de:01
	[front]=52:54:00:c0:de:02
	[back]=52:54:00:c0:de:03
	[servers]=52:54:00:c0:de:04
	[front-e1000e]=52:54:00:c0:de:05
	[front-igb]=52:54:00:c0:de:06
)

vm_release=$(uname -r)
vm_queues=4 # of virtio-net

# vm_kernel_is_at_least MAJOR MINOR
vm_kernel_is_at_least() {
	local major minor
	IFS=. read -r major minor _ <<<"$vm_release"
	[ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }
}

# How often the kernel has complained since it was started.
vm_complaints() { busybox dmesg | grep -cE 'WARNING: |BUG: |Oops: ' || true; }
vm_complained=$(vm_complaints)
# That it has not during this test.
vm_expect_no_complaint() { expect_equal "complaints of the kernel" "$vm_complained" "$(vm_complaints)"; }

# Its name now, in the namespace of the machine. A NIC comes back there when a test's namespace is gone,
# which the kernel does a little later.
vm_nic_name() { # NIC
	local nic
	for nic in /sys/class/net/*/address; do
		[ "$(cat "$nic")" != "${vm_nics[$1]}" ] || basename "${nic%/address}"
	done | grep .
}

# vm_plug NIC NAMESPACE INTERFACE
vm_plug() {
	must_come 10 "the NIC $1" vm_nic_name "$1"
	ip link set dev "$(vm_nic_name "$1")" down
	ip link set dev "$(vm_nic_name "$1")" xdp off 2>&1 || true # of a test that failed
	ip link set dev "$(vm_nic_name "$1")" netns "$net_prefix-$2" name "$3"
	# A driver takes no more queues than there are CPUs, unless told to.
	case $1 in
	client | front | back | servers) on "$2" ethtool -L "$3" combined $vm_queues ;;
	esac
	on "$2" ip link set "$3" up
}

# vm_two_arm FRONT: Weir between NICs, on both sides.
vm_two_arm() {
	net_switch switch
	net_namespace client weir
	vm_plug client client eth0
	vm_plug "$1" weir eth0
	vm_plug back weir eth1
	vm_plug servers switch servers
	on switch ip link set servers master br0
	net_two_arm_addresses
	must_come 20 "links" eval "on weir ip -j link show up | jq -e \
		'[.[] | select(.link_type == \"ether\" and .operstate != \"UP\")] == []'"
}

# How many queues the driver says there are; with XDP on, virtio_net adds one for each CPU.
vm_queues_of() { on weir ethtool -l "$1" | awk '/^Combined:/ {count = $2} END {print count}'; }

# The mode that weir's interfaces run in, as the daemon says: `copy copy`.
vm_modes() { weir_show interfaces | jq -r '[.interfaces[].mode] | join(" ")'; }

# vm_deliver FLOWS PACKETS [COMMAND...]: sends it datagrams, and all of them arrive. The command is waited
# for before they are counted.
vm_deliver() {
	local n flows=$1 packets=$2 pids=() seen
	shift 2
	seen=$(datagrams_so_far)
	for n in 1 2 3; do
		start b$n "$udp_load" sink 5000 >"$dir/sink.b$n"
		pids+=("$started")
		must_come 5 "the sink of b$n" eval "on b$n ss -Hlun | grep -q ':5000 '"
	done
	expect "the load" on client "$udp_load" send $vip4 5000 300 "$flows" "$packets"
	if [ $# -gt 0 ] && ! wait_for 5 "$@"; then
		weir_show drops | jq -c .ledger
		weir_show workers | jq -c '.workers[]'
		fail "not within 5 s: $*"
	fi
	must_come 10 "$packets datagrams at the backends" eval "[ \$(datagrams_so_far) -ge $((seen + packets)) ]"
	net_stop "${pids[@]}"
	cat "$dir"/sink.b?
	expect_equal "datagrams" "$packets" "$(jq -s 'map(.packets) | add' "$dir"/sink.b?)"
	expect_equal "flows, each at one backend" "$flows" "$(jq -s 'map(.flows) | add' "$dir"/sink.b?)"
	expect_equal "backends without a flow" 0 \
		"$(jq -s 'map(select(.flows == 0)) | length' "$dir"/sink.b?)"
}

# What the backends' kernels have given to UDP sockets.
datagrams_so_far() {
	local n
	for n in 1 2 3; do
		on b$n cat /proc/net/snmp
	done | awk '$1 == "Udp:" && $2 ~ /^[0-9]/ {sum += $2} END {print sum}'
}

nothing_is_held() { weir_show drops | jq -e '.ledger.held == 0'; }

# vm_load FLOWS PACKETS: the same, through Weir.
vm_load() { vm_deliver "$1" "$2" nothing_is_held; }
