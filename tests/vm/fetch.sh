#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Gets what the virtual machines are made of from Debian: kernels, QEMU, and programs that only tests
# there need. All of it is downloaded and unpacked below one folder, with an apt configuration, package
# lists and a cache of its own there: nothing is installed, and the host's own apt stays as it is. Only
# the mirror, proxies and credentials are the host's.
#
# usage: fetch.sh FOLDER tools              into FOLDER/tools
#        fetch.sh FOLDER 6.1|6.12|newest    into FOLDER/kernel-RELEASE; FOLDER/KERNEL is a link to it
#
# What is there already is not asked for again for a day. Exit status 77: the mirror can't be reached, and
# nothing fit is there; the last line says so.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

folder=$(mkdir -p "$1" && realpath "$1")
wanted=$2
apt=$folder/apt
log=$folder/fetch.log

# Unpacked, not installed: QEMU (10, for igb), and peers.
tools='qemu-system-x86 busybox-static ipvsadm xdp-tools'

# The host's addresses of Debian, or the usual one.
mirror_of() { # SUITE-PATTERN DEFAULT
	local uri
	uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 'Created-By: Packages' |
		awk -v suite="$1" '$3 == "Debian" && $2 ~ suite {print $1; exit}')
	echo "${uri:-$2}"
}

write_configuration() {
	local mirror security suite key=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$apt"/lists/partial "$apt"/cache/archives/partial
	[ ! -e $key ] || key="[signed-by=$key] "
	[ "$key" != /usr/share/keyrings/debian-archive-keyring.gpg ] || key=
	mirror=$(mirror_of '^[a-z]+$' http://deb.debian.org/debian/)
	security=$(mirror_of '-security$' "${mirror%/debian/}/debian-security/")
	for suite in bookworm bookworm-updates bookworm-backports trixie-backports; do
		echo "deb $key$mirror $suite main"
	done >"$apt/sources.list"
	echo "deb $key$security bookworm-security main" >>"$apt/sources.list"
	{
		# Without the host's hooks, which would clean its own cache.
		apt-config dump | grep -E '^Acquire::(http|https|ftp|[a-z]*proxy|Check)' || true
		echo "Dir::Etc::main \"/dev/null\"; Dir::Etc::parts \"/dev/null\";"
		echo "Dir::Etc::sourcelist \"$apt/sources.list\"; Dir::Etc::sourceparts \"/dev/null\";"
		echo "Dir::Etc::preferences \"/dev/null\"; Dir::Etc::preferencesparts \"/dev/null\";"
		echo "Dir::State \"$apt\"; Dir::State::lists \"$apt/lists\"; Dir::State::status \"$apt/status\";"
		echo "Dir::Cache \"$apt/cache\"; Acquire::Languages \"none\"; APT::Sandbox::User \"root\";"
		echo "Dir::State::extended_states \"$apt/extended_states\"; APT::Architecture \"amd64\";"
	} >"$apt/apt.conf"
	# What the host has need not be downloaded.
	cp /var/lib/dpkg/status "$apt/status"
}

unreachable() {
	echo "Debian's mirror can't be reached: $(grep -m 1 -E '^(E|Err|W):' "$log" || tail -n 1 "$log")"
	exit 77
}

is_fresh() { [ -e "$1" ] && [ -z "$(find "$1" -mmin +1440 -prune)" ]; } # FILE: of the last day

update_lists() {
	is_fresh "$apt/updated" && return
	write_configuration
	# A list that fails is only a warning to apt.
	APT_CONFIG=$apt/apt.conf apt-get update -q -o APT::Update::Error-Mode=any >"$log" 2>&1 || return 1
	touch "$apt/updated"
}

# newest_package PATTERN: the one of the highest version, by its name.
newest_package() {
	APT_CONFIG=$apt/apt.conf apt-cache pkgnames linux- | grep -E "^$1\$" | sort -V | tail -n 1
}

download_and_unpack() { # INTO PACKAGE...
	local into=$1 package
	shift
	rm -rf "$into.new" "$apt"/cache/archives/*.deb
	mkdir -p "$into.new"
	APT_CONFIG=$apt/apt.conf apt-get install -y -q -d --no-install-recommends "$@" >>"$log" 2>&1 || return 1
	for package in "$apt"/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$into.new"
	done
	rm -rf "$into" "$apt"/cache/archives/*.deb
	mv "$into.new" "$into"
}

fetch_tools() {
	! is_fresh "$folder/tools/complete" || return 0
	if ! update_lists || ! download_and_unpack "$folder/tools" qemu-system-x86/bookworm-backports \
		${tools#qemu-system-x86 }; then
		[ -e "$folder/tools/complete" ] || unreachable
	fi
	touch "$folder/tools/complete"
}

# The same places for all: vmlinuz, lib/modules/RELEASE.
unpack_kernel() { # RELEASE
	local into=$folder/kernel-$1 package
	mkdir -p "$into/lib/modules"
	for package in "$apt"/download/*.deb; do
		dpkg-deb -x "$package" "$into/package"
	done

	mv "$into"/package/lib/modules/"$1" "$into/lib/modules/" 2>/dev/null ||
		mv "$into"/package/usr/lib/modules/"$1" "$into/lib/modules/"
	mv "$into/package/boot/vmlinuz-$1" "$into/vmlinuz" 2>/dev/null ||
		mv "$into/lib/modules/$1/vmlinuz" "$into/vmlinuz"
	depmod -b "$into" "$1"
	rm -rf "$into/package" "$apt/download"
	touch "$into/complete"
}

# The kernel alone: its package's dependencies are about booting a host with it.
fetch_kernel() {
	local image packages release
	update_lists || { [ -e "$folder/$wanted/complete" ] && return || unreachable; }
	case $wanted in
	6.1) image=$(newest_package 'linux-image-6\.1\.0-[0-9]+-amd64') ;;
	6.12) image=$(newest_package 'linux-image-6\.12\.[0-9.]+\+deb12[0-9.]*-amd64') ;;
	newest) image=$(newest_package 'linux-binary-[0-9.]+\+deb13-amd64') ;;
	*) echo "no such kernel: $wanted" >&2 && exit 2 ;;
	esac
	release=${image#linux-*-}
	packages=$image
	[ "$wanted" != newest ] || packages+=" linux-modules-$release"
	if [ ! -e "$folder/kernel-$release/complete" ]; then
		rm -rf "$folder/kernel-$release" "$apt/download"
		mkdir -p "$apt/download"
		# shellcheck disable=SC2086 # words
		(cd "$apt/download" && APT_CONFIG=$apt/apt.conf apt-get download -q $packages) >>"$log" 2>&1 ||
			unreachable
		unpack_kernel "$release"
	fi
	ln -sfn "kernel-$release" "$folder/$wanted"
}

case $wanted in
tools) fetch_tools ;;
*) fetch_kernel ;;
esac
