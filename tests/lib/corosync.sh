# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # variables of net.sh
#
# corosync in namespaces, a process for each, for tests of nodes that share flows. Source it after net.sh.

# corosync_configure NAMESPACE=ADDRESS...: a cluster of these, encrypted. Nodes are numbered from 1 on.
corosync_configure() {
	local node number=0
	head -c 128 /dev/urandom >"$dir/corosync.key"
	for node; do
		number=$((number + 1))
		printf '  node {\n    nodeid: %d\n    name: %s\n    ring0_addr: %s\n  }\n' $number "${node%%=*}" "${node#*=}"
	done >"$dir/corosync.nodes"
	for node; do
		corosync_write "${node%%=*}" >"$dir/corosync.${node%%=*}.conf"
		mkdir -p "$dir/corosync.${node%%=*}"
	done
}

corosync_write() { # NAMESPACE
	cat <<-END
		totem {
		  version: 2
		  cluster_name: weir
		  transport: knet
		  crypto_cipher: aes256
		  crypto_hash: sha256
		  keyfile: $dir/corosync.key
		  token: 2000
		}
		nodelist {
		$(cat "$dir/corosync.nodes")
		}
		quorum {
		}
		uidgid {
		  uid: $weir_user
		  gid: $weir_user
		}
		system {
		  sched_rr: no
		  allow_knet_handle_fallback: yes
		  state_dir: $dir/corosync.$1
		}
		logging {
		  to_logfile: yes
		  logfile: $dir/corosync.$1.log
		  to_syslog: no
		  to_stderr: no
		}
	END
}

# corosync_start NAMESPACE: its id is in $started. /run is its own, for its lock; its clients' sockets are
# those of the network namespace.
corosync_start() {
	start "$1" unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec corosync -f -c "$1"' sh \
		"$dir/corosync.$1.conf" 2>>"$dir/corosync.$1.error.log"
}
