#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is left to the daemon: under traffic it is not root, and has the capabilities of docs/security.md
# and no others, a seccomp filter and no_new_privs; packets are in no core dump; what it has given up
# can't be done from where it is; its socket is for root and the group, of which others may only look where
# the mode lets them; and no secret is in its log (one-arm).
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
echo 0123456789abcdef-secret >"$dir/token"
chown 0:$weir_user "$dir/token"
chmod 640 "$dir/token"
cat >"$dir/check" <<-'END'
	#!/bin/sh
	echo "user $(id -u)$(sed -n 's/^CapEff:\t/ capabilities /p; s/^NoNewPrivs:\t/ no_new_privs /p' /proc/self/status | tr -d '\n')"
END
chmod +x "$dir/check"
{
	web_services
	load_service
	cat <<-END
		  - name: checked
		    address: $vip4
		    protocol: tcp
		    ports: 99
		    health: {type: command, command: [$dir/check], interval: 1s, rise: 1}
		    backends: [{name: b1, address: 10.0.0.11}]
	END
} | weir_config eth0
sed -i "s|^api: .*|api: {socket: $socket, mode: \"0666\", http: \"127.0.0.1:9290\", token_file: $dir/token}|" "$dir/weir.yaml"
weir_start
weir_wait_reachable
start client "$udp_load" send $vip4 5000 600 64
load_pid=$started

status() { sed -n "s/^$1:\t//p" "/proc/${2:-$weir_pid}/status" | xargs; } # FIELD [PROCESS]
capabilities() { capsh --decode="$(status "$1" "${2:-$weir_pid}")" | sed 's/.*=//' | tr , '\n' | sort | xargs; }
documented() { # HEADING: the capabilities of a table in docs/security.md
	sed -n "/^### $1/,/^##/s/^| \`CAP_\([A-Z_]*\)\`.*/cap_\1/p" "$net_root/docs/security.md" | tr 'A-Z' 'a-z' | sort | xargs
}

say "the daemon, under traffic"
requests 30 $vip4 >"$dir/answers" || fail "requests"
expect_spread "$dir/answers" b1=10 b2=10 b3=10
expect "traffic" is_running "$load_pid"
grep -E '^(Name|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' "/proc/$weir_pid/status" | sed 's/^/  /'
expect_equal "user" "$weir_user $weir_user $weir_user $weir_user" "$(status Uid)"
expect_equal "group" "$weir_user $weir_user $weir_user $weir_user" "$(status Gid)"
expect_equal "other groups" "" "$(status Groups)"
expect_equal "effective capabilities" "$(documented "The daemon's")" "$(capabilities CapEff)"
expect_equal "permitted capabilities" "$(documented "The daemon's")" "$(capabilities CapPrm)"
for set in CapInh CapBnd CapAmb; do
	expect_equal "$set" 0000000000000000 "$(status $set)"
done
expect_equal "no_new_privs" 1 "$(status NoNewPrivs)"
for thread in "/proc/$weir_pid/task"/*; do
	expect_equal "Seccomp of ${thread##*/}" 2 "$(status Seccomp "$weir_pid/task/${thread##*/}")"
	expect_equal "user of ${thread##*/}" "$(status Uid)" "$(status Uid "$weir_pid/task/${thread##*/}")"
	expect_equal "capabilities of ${thread##*/}" "$(status CapEff)" "$(status CapEff "$weir_pid/task/${thread##*/}")"
done

say "its helper, and what that runs"
helper=$(xargs <"/proc/$weir_pid/task/$weir_pid/children")
expect_equal "name" weir-helper "$(status Name "$helper")"
expect_equal "capabilities" "$(documented "The helper's")" "$(capabilities CapEff "$helper")"
expect_equal "no_new_privs" 1 "$(status NoNewPrivs "$helper")"
checked() { weir_show backends | jq -r '.backends[] | select(.service == "checked").health.last'; }
must_come 10 "a command" eval '[[ $(checked) == *"exit status 0"* ]]'
expect_equal "who a command is" \
	"exit status 0: user $weir_user capabilities 0000000000000000 no_new_privs 1" "$(checked)"

say "core dumps"
# What is mapped to be written: KiB, hidden or dumped, and of what (nothing: memory).
mappings=$(awk '/^[0-9a-f]+-[0-9a-f]+ / {writable = $2 ~ /^rw/; name = $6} /^Size:/ {size = $2}
	/^VmFlags:/ && writable {print size, / dd( |$)/ ? "hidden" : "dumped", name}' "/proc/$weir_pid/smaps")
sort -rn <<<"$mappings" | sed -n '1,12s|^|  |p'
frames=$(sed -n 's/^worker .*frames=\([0-9]*\) .*/\1/p' "$dir/weir.log" | sed -n 1p)
expect_equal "packet memory, of $frames frames each" 2 "$(grep "^$((frames * 2)) hidden" <<<"$mappings" | grep -vc bpf-map)"
expect "the flow table" grep -q "^[0-9]* hidden anon_inode:bpf-map" <<<"$mappings"
expect_equal "maps that are dumped" "" "$(grep 'dumped anon_inode:bpf-map' <<<"$mappings" || true)"
if (ulimit -c unlimited && kill -0 "$weir_pid") && [ "$(cat /proc/sys/fs/suid_dumpable)" = 0 ]; then
	expect_equal "the owner of /proc/$weir_pid/mem, as of who leaves no core" 0 "$(stat -c %u "/proc/$weir_pid/mem")"
fi

say "what it has given up"
"$build/tests/lib/forbidden" $weir_user </dev/null >"$dir/tried" 2>"$dir/denied" || fail "$(<"$dir/denied")"
sed 's/^/  /' "$dir/tried"
needs='AF_XDP|AF_PACKET|AF_NETLINK|AF_INET|own_map|new_thread|/proc/net/dev'
expect_equal "what it needs and can't have" "" "$(grep -E "$needs" "$dir/tried" | grep -v ': done$' || true)"
expect_equal "what is forbidden and was done" "" "$(grep -vE "$needs" "$dir/tried" | grep ': done$' || true)"
[ "$(grep -vcE "$needs" "$dir/tried")" -ge 30 ] || fail "little was tried"
for call in execve ptrace mount clone setuid mmap socket ioctl; do
	expect_match "the log" "^error: a system call was denied call=$call " "$(<"$dir/denied")"
done
mv "$dir/denied" "$dir/denied.txt" # it is not the daemon's

say "who may ask what"
expect_equal "the socket" "0 $weir_user 666" "$(stat -c '%u %g %a' "$socket")"
as() { setpriv --reuid 61185 --regid 61185 "$@"; }
expect "a stranger may look" as --clear-groups "$weir" show status -s "$socket" >/dev/null
for command in "reload -s $socket" "set backend web4/b1 state=drain -s $socket" "capture --socket $socket -c 1 -w /dev/null"; do
	# shellcheck disable=SC2086 # words
	if as --clear-groups "$weir" $command >"$dir/refused" 2>&1; then fail "a stranger may: $command"; fi
	expect_match "$command" "is for root and for the group $weir_user" "$(<"$dir/refused")"
done
expect "one of the group may change" as --groups $weir_user "$weir" reload -s "$socket" >/dev/null
sed -i "s/mode: .0666., //" "$dir/weir.yaml"
weir_stop
weir_start
expect_equal "the socket by default" "0 $weir_user 660" "$(stat -c '%u %g %a' "$socket")"
if as --clear-groups "$weir" show status -s "$socket" >"$dir/refused" 2>&1; then fail "a stranger may connect"; fi
expect "one of the group may look" as --groups $weir_user "$weir" show status -s "$socket" >/dev/null

say "secrets"
on weir curl -sf -m 5 -X POST -H "Authorization: Bearer $(<"$dir/token")" http://127.0.0.1:9290/v1/reload >"$dir/answer" ||
	fail "no reload by token"
on weir curl -s -m 5 -X POST -H "Authorization: Bearer wrong-$(<"$dir/token")" http://127.0.0.1:9290/v1/reload >>"$dir/answer"
on weir curl -sf -m 5 http://127.0.0.1:9290/v1/config >>"$dir/answer"
expect_equal "secrets in what it says" "" "$(grep -h secret "$dir/weir.log" "$dir/weir.out" "$dir/answer" || true)"
net_stop "$load_pid"
weir_stop
expect_equal "processes that are left" "" "$(ps -o pid= -p "$helper" || true)"
expect "no socket is left" test ! -e "$socket"
