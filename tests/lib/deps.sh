#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs what is missing to build and test Weir on Debian 12 or later. Says nothing where nothing
# is missing. Without apt-get or root it names the packages and the command, and fails.
#
# usage: deps.sh                            all that is needed
#        deps.sh build [PACKAGE WHAT]...    what building takes, and these
#        deps.sh PACKAGE WHAT...            these: `deps.sh tmux c:tmux`
set -euo pipefail

# One line a package: its name, then what must be there. `c:` is a command, `h:` a header, `p:`
# a module of Python, `d:` the package itself.
building='
gcc c:gcc
libc6-dev h:stdio.h
make c:make
pkg-config c:pkg-config
git c:git
clang c:clang
bpftool c:bpftool
linux-libc-dev h:linux/if_xdp.h
libbpf-dev h:bpf/libbpf.h
libxdp-dev h:xdp/xsk.h
libelf-dev h:libelf.h
zlib1g-dev h:zlib.h
libpcap-dev h:pcap/pcap.h
libnuma-dev h:numa.h
libmnl-dev h:libmnl/libmnl.h
liburcu-dev h:urcu-qsbr.h
libyaml-dev h:yaml.h
libev-dev h:ev.h
libmicrohttpd-dev h:microhttpd.h
libjansson-dev h:jansson.h
libcurl4-openssl-dev h:curl/curl.h
libxxhash-dev h:xxhash.h
libcpg-dev h:corosync/cpg.h
libncurses-dev h:ncurses.h
libcap-ng-dev h:cap-ng.h
libseccomp-dev h:seccomp.h
scdoc c:scdoc
jq c:jq
'
testing='
clang-format c:clang-format
libcmocka-dev h:cmocka.h
iproute2 c:ip
procps c:pgrep
ethtool c:ethtool
iputils-ping c:ping
curl c:curl
iperf3 c:iperf3
openssl c:openssl
nginx c:nginx
corosync c:corosync
haproxy c:haproxy
nftables c:nft
wrk c:wrk
bird2 c:bird
frr c:vtysh
tcpdump c:tcpdump
tshark c:tshark
prometheus c:promtool
tmux c:tmux
gnuplot-nox c:gnuplot
zsh c:zsh
python3-jsonschema p:jsonschema
python3-yaml p:yaml
strace c:strace
systemd c:systemd-analyze
libcap2-bin c:capsh
man-db c:man
groff-base c:groff
cpio c:cpio
kmod c:depmod
xz-utils c:xz
zstd c:zstd
'

case ${1:-} in
"") packages=$building$testing ;;
build) packages=$building$(printf '%s %s\n' "${@:2}") ;;
*) packages=$(printf '%s %s\n' "$@") ;;
esac

# Debian keeps some commands where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin

is_there() { # c:COMMAND | h:HEADER | p:MODULE | d:PACKAGE
	case $1 in
	d:*) dpkg-query -W -f '${db:Status-Status}' "${1#d:}" 2>/dev/null | grep -qx installed ;;
	c:*) command -v "${1#c:}" >/dev/null ;;
	p:*) python3 -c "import ${1#p:}" 2>/dev/null ;;
	h:*) compgen -G "/usr/include/${1#h:}" >/dev/null ||
		compgen -G "/usr/include/*-linux-gnu*/${1#h:}" >/dev/null ;;
	esac
}

find_missing() {
	local package what
	while read -r package what; do
		[ -z "$package" ] || is_there "$what" || missing+=("$package")
	done <<<"$packages"
}

policy=/usr/sbin/policy-rc.d

# Packages of servers (nginx) start them when installed. This tells dpkg not to, for a moment.
forbid_starting_services() {
	[ ! -e $policy ] || return 0
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

install_packages() {
	local options=(-y -q -o Dpkg::Use-Pty=0 --no-install-recommends)
	export DEBIAN_FRONTEND=noninteractive
	forbid_starting_services
	echo "deps: apt-get install $*"
	echo "deps: this may take minutes; what it says is in $log"
	if apt-get install "${options[@]}" "$@" >"$log" 2>&1; then
		return
	fi
	echo "deps: apt-get update, and once more"
	apt-get update -q >"$log" 2>&1 && apt-get install "${options[@]}" "$@" >>"$log" 2>&1
}

missing=()
find_missing
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "deps: missing: ${missing[*]}" >&2
	echo "deps: as root: apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

log=$(mktemp /tmp/weir-deps.XXXXXX)
if ! install_packages "${missing[@]}"; then
	tail -n 20 "$log" >&2
	echo "deps: apt-get failed; all of its output is in $log" >&2
	exit 1
fi
rm -f "$log"

installed=${missing[*]}
missing=()
find_missing
if [ ${#missing[@]} -gt 0 ]; then
	echo "deps: installed, but still not found: ${missing[*]}" >&2
	exit 1
fi
echo "deps: installed $installed"
