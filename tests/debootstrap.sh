#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a newcomer does: a Debian 12 with nothing on it (debootstrap), a clone of this repository there, and in it
# what README.md says to type, as root. The root has mounts and processes of its own, so that nothing of the host
# is seen, mounted or left behind; kernel, CPUs and the way to Debian's mirror are the host's. Takes half an hour.
#
# usage: debootstrap.sh FOLDER [COMMAND]...   FOLDER/root: the system, made anew; COMMANDs: `make test`, say, or `bash`
#        WEIR_SUITE=bookworm; WEIR_KEEP=1: in the root that an earlier run has left
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

[ "$(id -u)" = 0 ] || { echo "debootstrap.sh: needs root" >&2; exit 1; }
folder=$(mkdir -p "$1" && realpath "$1")
root=$folder/root
shift
commands=("$@")
[ $# -gt 0 ] || commands=(
	'apt install git make'
	'make demo'
	'make test'
	'make deb'
	'apt install ./build/weir_*.deb ethtool'
	'weir doctor lo || [ $? = 1 ]' # lo is fit for nothing, and it says why
	'man weir | tail -n 20'
	'. /usr/share/bash-completion/completions/weir && complete -p weir'
)

# Runs in namespaces of its own, whose end takes all that is mounted here along.
mount_all() {
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount -t tmpfs -o mode=755 tmpfs "$root/dev"
	mkdir "$root"/dev/{pts,shm,net}
	local node
	for node in null zero full random urandom tty fuse net/tun; do
		[ ! -e /dev/$node ] || cp -a /dev/$node "$root/dev/$node"
	done
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s pts/ptmx "$root/dev/ptmx"
	for node in 0:stdin 1:stdout 2:stderr; do
		ln -s "fd/${node%:*}" "$root/dev/${node#*:}"
	done
	mount -t devpts -o newinstance,ptmxmode=666,gid=5 devpts "$root/dev/pts"
	mount -t tmpfs tmpfs "$root/dev/shm"
	mount -t tmpfs tmpfs "$root/run"
}

# Type one, see what comes.
walk() {
	local command
	cd /root/weir
	for command in "${commands[@]}"; do
		printf '\n%s\n' "# $command"
		bash -c "$command" || { echo "debootstrap: \`$command\` has failed with $?" && exit 1; }
	done
}

if [ "${WEIR_INSIDE:-}" = 1 ]; then
	mount_all
	cd "$root"
	mkdir -p mnt
	pivot_root . mnt
	umount -l /mnt
	unset WEIR_INSIDE
	export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
	walk
	exit
fi

make_root() {
	rm -rf --one-file-system "$root"
	debootstrap --variant=minbase "${WEIR_SUITE:-bookworm}" "$root" >"$folder/debootstrap.log" ||
		{ tail -n 20 "$folder/debootstrap.log" >&2 && exit 1; }
	git clone -q --no-hardlinks . "$root/root/weir"
	echo 'APT::Get::Assume-Yes "true";' >"$root/etc/apt/apt.conf.d/yes" # nobody is there to type it
}

[ -n "${WEIR_KEEP:-}" ] || make_root
WEIR_INSIDE=1 exec unshare --mount --propagation private --pid --fork --kill-child --uts --ipc \
	"$(realpath "$0")" "$folder" "${commands[@]}"
