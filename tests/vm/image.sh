#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes the initramfs of a virtual machine: this build and its tests, the host's programs that they
# use with their libraries, and the kernel's modules, with all that they need. Not compressed: the emulated
# machine would take longer to unpack it than to copy it.
#
# usage: image.sh BUILD TOOLS KERNEL-FOLDER OUTPUT
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin

build=$1
tools=$2
kernel=$(realpath "$3")
output=$4

# Of the namespace tests those that are short, need nothing large (tshark, python) and are not about times.
net_tests='
t_doctor t_http_one_arm t_kill9 t_ledger t_links t_multi_queue t_reload_keeps_flows
t_takeover t_udp t_vlan
'
# What runs the XDP program by BPF_PROG_RUN: its verifier and its verdicts. (The others of that kind try the
# same a million times, for which an emulated CPU takes ten minutes.)
unit_tests='test_packets'

# Loaded at the start, and what is loaded when a test wants it.
start_modules='virtio_pci virtio_net e1000e igb 9p 9pnet_virtio'
modules="$start_modules"'
veth bridge macvlan 8021q bonding dummy tun sch_netem ipip ip6_tunnel sit fou fou6 pktgen ip_vs ip_vs_mh
nf_tables nft_chain_nat nft_nat nft_numgen
'
programs='
bash sh awk basename cat chmod chown cmp comm cp cut date dd diff dirname env expr find fold grep head hostname id
kill ln ls mkdir mkfifo mktemp mv nproc od paste printf readlink realpath rm rmdir sed seq shuf sleep sort
stat stdbuf sync tail tee test timeout touch tr true uname uniq wc xargs
bpftool bridge curl ethtool haproxy ip jq modprobe mount mountpoint nft nginx nsenter ping ps setsid ss
sysctl tc taskset tcpdump umount unshare wrk yes
'

root=$(mktemp -d "$(dirname "$output")/root.XXXXXX")
trap 'rm -rf "$root"' EXIT

take() { # FILE [AS]: with the libraries it needs
	local file=$1 as=${2:-$1} library
	[ ! -e "$root/$as" ] || return 0
	install -D "$file" "$root/$as"
	while read -r library; do
		take "$library"
	done < <(ldd "$file" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' || true)
}

take_programs() {
	local program path
	for program in $programs; do
		path=$(type -P "$program") || { echo "image: no $program here" >&2 && continue; }
		take "$path" "bin/$program"
	done
	for path in "$tools"/usr/sbin/xdp-loader "$tools"/sbin/ipvsadm; do
		take "$path" "bin/${path##*/}"
	done
	take "$(type -P busybox || echo "$tools/bin/busybox")" bin/busybox
	for path in {"$tools",}/usr/lib/*/bpf/*.o; do # what libxdp and its tools load
		[ ! -e "$path" ] || take "$path" "${path#"$tools"}"
	done
	take /usr/lib/*/libgcc_s.so.1 lib/libgcc_s.so.1 # pthread_exit() opens it
}

take_build() {
	local test here=$root/weir
	mkdir -p "$here/tests/net" "$here/tests/vm" "$here/tests/lib" "$here/build/tests/unit"
	take "$build/weir" weir/build/weir
	take "$build/weir-bench" weir/build/weir-bench
	for test in "$build"/tests/lib/*; do
		case $test in
		*.bpf.o) install -D "$test" "$here/build/tests/lib/${test##*/}" ;;
		*.d | *.o) ;;
		*) take "$test" "weir/build/tests/lib/${test##*/}" ;;
		esac
	done
	for test in $unit_tests; do
		take "$build/tests/unit/$test" "weir/build/tests/unit/$test"
	done
	for test in $net_tests; do
		cp "tests/net/$test.sh" "$here/tests/net/"
	done
	cp tests/run.sh "$here/tests/"
	cp tests/lib/*.sh "$here/tests/lib/"
	cp tests/vm/t_*.sh "$here/tests/vm/"
	cp -r configs "$here/"
}

# Debian's newer modules are compressed; here they need not be unpacked again and again.
take_modules() {
	local release module path to
	release=$(basename "$kernel"/lib/modules/*)
	while read -r path; do
		to=$root/lib/modules/${path#*/lib/modules/}
		install -D "$path" "$to"
		case $path in
		*.xz) xz -d "$to" ;;
		*.zst) zstd -q -d --rm "$to" ;;
		esac
	done < <(for module in $modules; do
		# What is not there is built in, or its test says what it misses.
		modprobe -d "$kernel" -S "$release" --show-depends "$module" 2>/dev/null || true
	done | awk '$1 == "insmod" {print $2}' | sort -u)
	depmod -b "$root" "$release" 2>/dev/null
}

chmod 755 "$root" # that of mktemp, which is the machine's /: its daemons are not root
mkdir -p "$root"/{bin,dev,etc,lib,proc,root,run,sys,tmp,usr/lib,usr/share,var/log,var/lib}
ln -s bin "$root/sbin"
ln -s ../bin "$root/usr/bin"
ln -s ../bin "$root/usr/sbin"
take_programs
take_build
take_modules
cp /etc/protocols "$root/etc/" 2>/dev/null || true
echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
echo "$start_modules" >"$root/etc/modules"
install tests/vm/init "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$output"
