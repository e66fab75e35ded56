#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The status page in a headless Chromium (one-arm): it shows services, backends and drops, tells of a
# wrong token, changes a backend's state and shows it, and says it when the daemon is gone. Keeps
# pictures of it in BUILD/tests/page-*.png.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/../lib/browser.sh"

http=127.0.0.1:9290
token=0123456789abcdef0123

browser_need
net_one_arm
nginx_start_backends
echo $token >"$dir/token"
{
	web_services 100 200 50
	echo "  - {name: dns, address: 203.0.113.53, protocol: udp, ports: 53, announce: neighbor,"
	echo "     backends: [{name: ns1, address: 10.0.0.99}]}"
} | weir_config eth0
sed -i "s|^api: .*|api: {socket: $socket, http: \"$http\", token_file: $dir/token}|" "$dir/weir.yaml"
weir_start
must_come 10 "reachable backends" \
	eval "weir_show backends | jq -e '[.backends[] | select(.reachable)] | length == 6'"
( while requests 50 $vip4 >/dev/null; do sleep 0.1; done ) &
net_pids+=($!)
on client bash -c 'echo query >/dev/udp/203.0.113.53/53' # a drop: its next hop is silent

browser_start weir
browser_look 1280 light
browser_go "http://$http/"

# is JAVASCRIPT: whether that is true in the page.
is() { [ "$(browser_run "return Boolean($1)")" = true ]; }
row() { # SERVICE BACKEND: the row's text
	echo "[...document.querySelectorAll('#b-$1 tbody tr')].find(r => r.querySelector('th').textContent === '$2').innerText"
}
must_come 15 "live" is "document.getElementById('live').textContent === 'live'"
must_come 5 "three services" is "document.querySelectorAll('.service').length === 3"
must_come 5 "web4's backends" is "document.querySelectorAll('#b-web4 tbody tr').length === 3"
must_come 5 "a backend that can't be reached, with the reason" \
	is "/unreachable[^]*does not answer ARP/.test($(row dns ns1))"
must_come 10 "rates" is "/[1-9][0-9.]*( [kM])? ?pps/.test($(row web4 b2))"
must_come 10 "drops by reason" is "document.getElementById('drops').innerText.includes('no-next-hop')"
must_come 10 "plots" is "document.querySelector('.plot .line-a').getAttribute('d').length > 40"

say "accessible"
expect "every table has headers of its columns and rows" is "[...document.querySelectorAll('table')].every(t =>
	t.querySelector('thead th[scope=col]') && [...t.tBodies[0].rows].every(r => r.querySelector('th[scope=row]')))"
expect "landmarks" is "document.querySelector('header') && document.querySelector('main') && document.querySelector('footer')"
expect "names of the plots" is "[...document.querySelectorAll('svg[role=img]')].every(s => s.getAttribute('aria-label'))"
expect "names of all buttons" is "[...document.querySelectorAll('button')].every(b => b.getAttribute('aria-label') || b.textContent.trim())"
expect "no address but its own" is "!/(src|href)=[\"']?(https?:)?\/\//.test(document.documentElement.outerHTML)"

say "a change with the wrong token"
change='button[aria-label="Change web4/b2"]'
browser_click "$change"
expect "the dialog" is "document.getElementById('dialog').open"
browser_click 'input[value=drain]'
browser_type '#token' wrong-token-wrong-token
browser_click '#do'
must_come 5 "what is wrong" is "document.getElementById('fault').textContent.includes('not the token')"
expect_equal "web4/b2 all the same" up \
	"$(weir_show backends | jq -r '.backends[] | select(.service == "web4" and .name == "b2").state')"

say "with the right one"
browser_run "document.getElementById('token').value = ''" >/dev/null
browser_type '#token' $token
browser_click '#do'
must_come 5 "the dialog's end" is "!document.getElementById('dialog').open"
must_come 5 "web4/b2 drains" eval \
	"weir_show backends | jq -e '.backends[] | select(.service == \"web4\" and .name == \"b2\").state == \"drain\"'"
must_come 5 "the page shows it" is "/draining/.test($(row web4 b2))"
expect "and says it" is "document.getElementById('said').textContent === 'web4/b2 is set to drain'"

say "pictures"
mkdir -p "$build/tests"
for width in 1280 390; do
	for scheme in light dark; do
		browser_look $width $scheme
		expect "no sideways scrolling at $width" is \
			"document.documentElement.scrollWidth <= document.documentElement.clientWidth"
		browser_shot "$build/tests/page-$width-$scheme.png"
		expect "a picture" [ -s "$build/tests/page-$width-$scheme.png" ]
	done
done
must_come 5 "still live" is "document.getElementById('live').textContent === 'live'"

say "without the daemon"
weir_stop
must_come 10 "that it is gone" is "document.getElementById('live').textContent === 'no answer from the daemon'"
browser_stop
