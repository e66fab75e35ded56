#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs tests in virtual machines with Debian's own kernels and NICs of several queues, emulated by QEMU in
# software: some of the unit and namespace tests (tests/vm/image.sh says which), and tests/vm/t_*.sh.
# Nothing of it touches the host but namespaces of its own, in which QEMU and the NICs' wires are.
#
#     wire front:  client (virtio-net), front (virtio-net), front-e1000e, front-igb
#     wire back:   back (virtio-net), servers (virtio-net)
#
# What a machine says is printed as it comes; its console and the tests' logs stay in
# BUILD/vm/logs/KERNEL. The last line is `N passed, N failed, N skipped`.
#
# usage: run.sh BUILD 6.1|6.12|newest|all [WORD]    only tests with WORD in their names
#        WEIR_VM_CACHE=FOLDER    keeps what is downloaded there, not in BUILD/vm
#        WEIR_PEERS_TRIALS=N WEIR_PEERS_SECONDS=N    of t_peers
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

build=$1
kernels=${2:-all}
word=${3:-}
[ "$kernels" != all ] || kernels='6.1 6.12 newest'
work=$build/vm
cache=${WEIR_VM_CACHE:-$work}
limit=7200 # seconds a machine may run: only one that hangs takes so long
space=weir-vm-$$
passed=0 failed=0 skipped=0

mkdir -p "$work"
[ "$(id -u)" = 0 ] || { echo "test-vm: namespaces need root" >&2 && exit 1; }

cleanup() {
	[ ! -e "$work/emulator.pid" ] || kill "$(cat "$work/emulator.pid")" 2>/dev/null
	rm -f "$work/emulator.pid"
	ip netns delete $space 2>/dev/null
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- the machine --------------------------------------------------------------------------------

inside() { nsenter --net=/run/netns/$space -- "$@"; }

make_wires() {
	local wire
	ip netns add $space
	for wire in front back; do
		inside ip link add $wire type bridge stp_state 0 mcast_snooping 0
		inside sh -c "echo 1 >/proc/sys/net/ipv6/conf/$wire/disable_ipv6"
		inside ip link set $wire up
	done
}

# nic NUMBER WIRE QUEUES DEVICE: adds to `nics`, and its cable to the wire.
nic() {
	local tap=nic$1 many=
	[ "$3" = 1 ] || many=multi_queue
	inside ip tuntap add dev "$tap" mode tap vnet_hdr $many
	inside sh -c "echo 1 >/proc/sys/net/ipv6/conf/$tap/disable_ipv6"
	inside ip link set "$tap" master "$2" up
	nics+=(-netdev "tap,id=$tap,ifname=$tap,script=no,downscript=no,queues=$3")
	nics+=(-device "$4,netdev=$tap,mac=52:54:00:c0:de:0$1")
}

# What virtio_net wants for XDP, and for zero copy, is in its options. Tests use four queues; the others are
# those that each CPU sends by from XDP. Without room for them Linux up to 7.3 at least follows a
# NULL pointer at the first XDP_TX, if there are more queues than CPUs.
make_nics() {
	local virtio=virtio-net-pci,mq=on,vectors=18,iommu_platform=on,disable-legacy=on
	virtio+=,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off
	nics=()
	nic 1 front 8 "$virtio"
	nic 2 front 8 "$virtio"
	nic 3 back 8 "$virtio"
	nic 4 back 8 "$virtio"
	nic 5 front 1 e1000e
	nic 6 front 1 igb
}

# Ticks come in any case (nohz, highres off): on a busy host one that the kernel had asked for at a certain time
# got lost, and the CPU it was for did nothing any more.
# Nor does the kernel find out by itself how fast the host's time stamp counter is: on a busy host it was wrong by
# a factor of 25, and with it all its clocks.
run_machine() { # KERNEL: what the tests say, on standard output
	local kernel=$1 logs=$work/logs/$1 image=$work/$1.cpio
	local share=$cache/tools/usr/share options='mitigations=off no_timer_check tsc=reliable nohz=off highres=off'
	options+=$(env | sed -nE 's/^(WEIR_PEERS_[A-Z]+=[0-9]+)$/ \1/p' | tr -d '\n') # the first process's environment
	options+=$(awk '/^cpu MHz/ {printf " tsc_early_khz=%d", $4 * 1000; exit}' /proc/cpuinfo)
	QEMU_MODULE_DIR=$(echo "$cache"/tools/usr/lib/*/qemu) \
		LD_LIBRARY_PATH=$(echo "$cache"/tools/usr/lib/*-linux-gnu*) \
		nsenter --net=/run/netns/$space -- timeout -k 10 $limit \
		"$cache/tools/usr/bin/qemu-system-x86_64" -L "$share/qemu" -L "$share/seabios" \
		-machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 -nodefaults -no-user-config \
		-display none -no-reboot -kernel "$cache/$kernel/vmlinuz" -initrd "$image" \
		-append "console=ttyS0 panic=-1 $options weir.limit=2400 weir.tests=$word" \
		-serial "file:$logs/console.log" -serial stdio \
		-fsdev "local,id=logs,path=$logs,security_model=none" \
		-device virtio-9p-pci,fsdev=logs,mount_tag=logs "${nics[@]}" </dev/null 2>"$logs/qemu.log" &
	echo $! >"$work/emulator.pid"
	wait $!
	rm -f "$work/emulator.pid"
}

# --- results ------------------------------------------------------------------------------------

skip_kernel() { # KERNEL REASON
	printf 'skip  %-28s %s\n' "Linux $1" "$2"
	skipped=$((skipped + 1))
}

fetch() { # WHAT: prints the reason where it is not to be had
	tests/vm/fetch.sh "$cache" "$1"
}

run_kernel() { # KERNEL
	local kernel=$1 logs=$work/logs/$1 reason status good bad left
	rm -rf "$logs"
	mkdir -p "$logs"
	reason=$(fetch tools && fetch "$kernel")
	status=$?
	[ $status -ne 77 ] || { skip_kernel "$kernel" "$(tail -n 1 <<<"$reason")" && return; }
	if [ $status -ne 0 ] || ! tests/vm/image.sh "$build" "$cache/tools" "$cache/$kernel/" \
		"$work/$kernel.cpio"; then
		printf 'FAIL  %-28s %s\n' "Linux $kernel" "no image: $reason"
		failed=$((failed + 1))
		return
	fi
	run_machine "$kernel" | stdbuf -oL tr -d '\r' | tee "$logs/tests.log" |
		grep --line-buffered -vE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'
	if read -r good bad left < <(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' \
		"$logs/tests.log" | tr -d 'a-z,'); then
		passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
	else
		printf 'FAIL  %-28s %s\n' "Linux $kernel" "the machine ended before its tests: $logs"
		tail -n 20 "$logs/console.log" "$logs/qemu.log" | sed 's/^/    | /'
		failed=$((failed + 1))
	fi
	rm -f "$work/$kernel.cpio"
}

make_wires
make_nics
for kernel in $kernels; do
	run_kernel "$kernel"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
