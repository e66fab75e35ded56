#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The policy with real clients (one-arm): a blocked source gets nowhere and is counted and captured
# under its rule, a dry run only says so, a list in a file counts from the moment it is changed, a
# change ends what is established too, and a bad list leaves the old one in force.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
net_address client eth0 203.0.113.66/24
for n in 1 2 3; do # the way back
	on b$n ip route add 203.0.113.66/32 dev eth0 src 10.0.0.1$n
done
nginx_start_backends
echo "# nobody yet" >"$dir/blocked.txt"
{
	cat <<-END
		sources: {blocked: {file: blocked.txt}}
		policy:
		  rules:
		    - {name: seen, from: blocked, action: count}
		    - {name: no-blocked, from: blocked, action: drop}
		    - {name: no-syn, match: tcp-syn, to: web6, action: drop, dry_run: true}
	END
	web_services
} | weir_config eth0
weir_start
weir_wait_reachable

# from ADDRESS SECONDS: one request of that client.
from() { on client curl -sf -m "$2" --interface "$1" -o /dev/null "$(url $vip4)/"; }
rule() { # NAME KEY
	weir_show policy | jq --arg name "$1" ".rules[] | select(.name == \$name).$2"
}
is_blocked() { ! from 203.0.113.66 1; }

expect "nobody is blocked" from 203.0.113.66 5

say "a list that has changed counts at once"
echo 203.0.113.66 >"$dir/blocked.txt"
must_come 10 "the list's client is blocked" is_blocked
expect "others are not" from 203.0.113.1 5
expect "counted under the rule" [ "$(rule no-blocked packets)" -gt 0 ]
expect_equal "the rule that counts goes on" "$(rule no-blocked packets)" "$(rule seen packets)"
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

say "a dry run lets pass, and counts"
expect "IPv6" on client curl -sf -m 5 -o /dev/null "$(url $vip6)/"
expect "refused in name only" [ "$(rule no-syn refused)" -gt 0 ]

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

must_come 5 "a balanced ledger" ledger_is_balanced
