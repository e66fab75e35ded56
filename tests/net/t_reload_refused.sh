#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A reload that is refused changes nothing: not for a fault in the file, nor for a change that needs a
# restart beside ones that do not, nor for a token file that is gone. What a reload would change is
# told beforehand, and afterwards the same (one-arm).
. "$(dirname "$0")/../lib/net.sh"

net_one_arm
nginx_start_backends
web_services 100 100 100 | weir_config eth0
weir_start
weir_wait_reachable
cp "$dir/weir.yaml" "$dir/good.yaml"

# Everything but counters and clocks.
state() {
	on weir curl -s --unix-socket "$socket" http://weir/v1/config
	weir_show status | jq -c '[.generation, .instance, .services, .interfaces, .config]'
	weir_show services | jq -c '.services[] | [.name, .id, .address, .ports, .backends]'
	weir_show backends | jq -c '.backends[] | [.service, .name, .id, .address, .weight, .state, .mac, .set]'
	weir_show nexthops | jq -c '.nexthops[]'
	weir_show interfaces | jq -c '.interfaces[] | [.name, .mode, .fast_path, .queues]'
}

"$weir" set backend web4/b3 weight=7 -s "$socket" >/dev/null # is lost by a reload that is taken
before=$(state)

refused() { # WHAT PATTERN
	local said status=0
	said=$("$weir" reload -s "$socket" 2>&1) || status=$?
	expect "a refusal of $1" [ $status -ne 0 ]
	expect_match "the words about $1" "$2" "$said"
	expect_equal "the state after $1" "$before" "$(state)"
	cp --remove-destination "$dir/good.yaml" "$dir/weir.yaml"
	say "$1: $said"
}

sed -i 's/weight: 100/weight: heavy/' "$dir/weir.yaml"
refused "a fault" 'weir.yaml:[0-9]+: services\[0\].backends\[0\].weight: found .heavy.'
sed -i 's/entries: 65536/entries: 131072/; s/b2, address: "10.0.0.12", weight: 100/b2, address: "10.0.0.12", weight: 5/' \
	"$dir/weir.yaml"
expect_match "what --diff says of a restart" 'flow_table.entries: 65536 -> 131072  \(needs a restart\)' \
	"$("$weir" check -c "$dir/weir.yaml" --diff -s "$socket")"
refused "a change that needs a restart" 'flow_table.entries can.t change while the daemon runs'
sed -i "s|^api: .*|api: {socket: $socket, token_file: $dir/nowhere}|" "$dir/weir.yaml"
refused "a token file that is gone" 'api.token_file: .*/nowhere'
mkfifo "$dir/token"
sed -i "s|^api: .*|api: {socket: $socket, token_file: $dir/token}|" "$dir/weir.yaml"
refused "a token file that is a pipe" 'api.token_file: .*/token: is no regular file'
rm "$dir/weir.yaml"
mkfifo "$dir/weir.yaml"
refused "a pipe in the place of the file" '/weir.yaml: is no regular file'
echo "  - {name: more, address: 203.0.113.77, protocol: tcp, ports: 80, backends: []}" >>"$dir/weir.yaml"
sed -i "s|eth0}|eth0}\\n  - {name: nothing0}|" "$dir/weir.yaml"
refused "an interface more" 'there is no interface nothing0'
sed -i 's/eth0}/eth0, attach: dispatcher}/' "$dir/weir.yaml"
refused "another way to attach that takes privileges" 'the daemon began without attach: dispatcher'

say "what is taken"
sed -i 's/b2, address: "10.0.0.12", weight: 100/b2, address: "10.0.0.12", weight: 5/' "$dir/weir.yaml"
echo "  - {name: more, address: 203.0.113.77, protocol: tcp, ports: 80, backends: []}" >>"$dir/weir.yaml"
wanted='~ services[web4].backends[b2].weight: 100 -> 5
+ services[more]'
expect_equal "--diff against the daemon" "$wanted" \
	"$("$weir" check -c "$dir/weir.yaml" --diff -s "$socket" | sort -r)"
expect_equal "--diff against a file" "$wanted" \
	"$("$weir" check -c "$dir/weir.yaml" --diff "$dir/good.yaml" | sort -r)"
expect_equal "what the reload says" "$wanted" "$(weir_reload | head -n 2 | sort -r)"
expect_equal "the log" 2 "$(grep -c '^configuration change=' "$dir/weir.log")"
expect_equal "afterwards" "nothing differs" "$("$weir" check -c "$dir/weir.yaml" --diff -s "$socket")"
expect_match "nothing is left of what was set by hand" '"b3",[0-9]+,"10.0.0.13",100,"up"' "$(state)"
