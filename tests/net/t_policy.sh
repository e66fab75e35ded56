#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The policy with real clients (one-arm): a blocked source gets nowhere and is counted and captured
# under its rule, a dry run only says so and is captured, a list in a file counts from the moment it is
# changed, a change ends what is established too, a bad list leaves the old one in force, a redirect has
# a source's packets take another way, and a rule that would cut the host off is warned of by name.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
net_address client eth0 203.0.113.66/24 203.0.113.77/24
for n in 1 2 3; do # the way back
	on b$n ip route add 203.0.113.66/32 dev eth0 src 10.0.0.1$n
	on b$n ip route add 203.0.113.77/32 dev eth0 src 10.0.0.1$n
done
nginx_start_backends
echo "# nobody yet" >"$dir/blocked.txt"
config() { # [RULE]: a rule more, in front
	cat <<-END
		sources: {blocked: {file: blocked.txt}, routed: {prefixes: [203.0.113.77]}, switch: {prefixes: [10.0.0.0/24]}}
		policy:
		  rules:
		    ${1:+- $1}
		    - {name: detour, from: routed, to: any, action: redirect, redirect: {next_hop: 10.0.0.12}}
		    - {name: seen, from: blocked, action: count}
		    - {name: no-blocked, from: blocked, action: drop}
		    - {name: no-syn, match: tcp-syn, to: web6, action: drop, dry_run: true}
	END
	web_services
}
config | weir_config eth0
weir_start
weir_wait_reachable

# from ADDRESS SECONDS: one request of that client.
from() { on client curl -sf -m "$2" --interface "$1" -o /dev/null "$(url $vip4)/"; }
quietly() { "$@" >/dev/null; }
rule() { # NAME KEY
	weir_show policy | jq --arg name "$1" ".rules[] | select(.name == \$name).$2"
}
is_blocked() { ! from 203.0.113.66 1; }
# Of one answer: what the client's kernel still has to say comes at any time.
is_counted_by_both() {
	weir_show policy | jq -e '[.rules[] | select(.name == ("seen", "no-blocked")).packets] |
		length == 2 and .[0] == .[1]'
}

expect "nobody is blocked" from 203.0.113.66 5

say "a list that has changed counts at once"
echo 203.0.113.66 >"$dir/blocked.txt"
must_come 10 "the list's client is blocked" is_blocked
expect "others are not" from 203.0.113.1 5
expect "counted under the rule" [ "$(rule no-blocked packets)" -gt 0 ]
must_come 10 "the rule that counts goes on" quietly is_counted_by_both
expect "dropped for that reason" [ "$(weir_drops policy-denied)" -gt 0 ]

say "a capture names the rule"
start weir "$weir" capture --drops --socket "$socket" -w "$dir/drops.pcapng" -c 1 2>"$dir/capture.log"
capture=$started
must_come 5 "a capture" eval "! from 203.0.113.66 1 && ! kill -0 $capture"
expect_match "its comment" "rule=no-blocked" "$(strings "$dir/drops.pcapng")"

say "a bad list leaves the old one in force"
printf '203.0.113.66\n203.0.113.300\n' >"$dir/blocked.txt"
must_come 10 "the fault in the log" grep -q "blocked.txt:2: found '203.0.113.300'" "$dir/weir.log"
expect "still blocked" is_blocked

say "a dry run lets pass, counts, and is captured"
start weir "$weir" capture --rule no-syn --socket "$socket" -w "$dir/dry.pcapng" -c 1 2>"$dir/capture.log"
capture=$started
must_come 10 "a capture" eval 'weir_show status | jq -e ".captures == 1"'
expect "IPv6" on client curl -sf -m 5 -o /dev/null "$(url $vip6)/"
expect "refused in name only" [ "$(rule no-syn refused)" -gt 0 ]

must_come 10 "the end of the capture" eval "! kill -0 $capture"
expect_match "its comment" "reason=policy-denied rule=no-syn" "$(strings "$dir/dry.pcapng")"

say "a redirect goes to its next hop, whatever the service would say"
must_come 10 "the next hop's way" eval '[ "$(rule detour packets)" -gt 0 ] || from 203.0.113.77 1'
answers=$(for n in {1..12}; do
	on client curl -sf -m 10 --interface 203.0.113.77 "$(url $vip4)/"
done | sort | uniq -c | awk '{print $2 "=" $1}' | paste -sd' ')
expect_equal "who answers a source that is redirected" "b2=12" "$answers"

say "a change ends established connections too"
echo "# nobody" >"$dir/blocked.txt"
must_come 10 "unblocked" from 203.0.113.66 1
dd if=/dev/zero of="$dir/files/long" bs=1M count=60 status=none
start client curl -s -m 60 --interface 203.0.113.66 -o "$dir/got" "$(url $vip4)/files/long"
download=$started
must_come 10 "a download" [ -s "$dir/got" ]
echo 203.0.113.66 >"$dir/blocked.txt"
must_come 10 "its client is blocked" is_blocked
before=$(rule no-blocked packets)
must_come 10 "its packets are dropped" eval "[ \"\$(rule no-blocked packets)\" -gt $before ]"
net_stop "$download"

say "a rule that would cut the host off is warned of by name"
on weir ip route add default via 10.0.0.11
start weir python3 -c 'import socket
with socket.create_server(("", 22)) as ssh:
    peer = ssh.accept()
    peer[0].recv(1)'
must_come 20 "a server at port 22" eval "on weir ss -Hltn 'sport = :22' | grep -q ."
start client python3 -c 'import socket
socket.create_connection(("10.0.0.2", 22), 20, ("10.0.0.1", 0)).recv(1)'
must_come 20 "who is connected by ssh" eval "on weir ss -Htn state established 'sport = :22' | grep -q 10.0.0.1"
config "{name: no-switch, from: switch, to: any, protocol: tcp, action: count}" | weir_config eth0
expect "a rule that cuts nobody off" quietly weir_reload
expect "is not warned of" eval "! grep -q 'cuts this host off' $dir/weir.log"
config "{name: no-switch, from: switch, to: any, protocol: tcp, dry_run: true, action: drop}" | weir_config eth0
expect "nor a dry run" quietly weir_reload
expect "is not warned of" eval "! grep -q 'cuts this host off' $dir/weir.log"
config "{name: no-switch, from: switch, to: any, protocol: tcp, action: drop}" | weir_config eth0
expect "a rule that does" quietly weir_reload
expect_match "the gateway" "rule 'no-switch' cuts this host off from 10.0.0.11, the gateway of the default route" "$(<"$dir/weir.log")"
expect_match "the ssh peer" "rule 'no-switch' cuts this host off from 10.0.0.1, who is connected by ssh" "$(<"$dir/weir.log")"

must_come 5 "a balanced ledger" ledger_is_balanced
