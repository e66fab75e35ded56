# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # dir and on are those of net.sh
#
# A headless Chromium in a namespace, driven over WebDriver (W3C) by curl. Source it after net.sh.

browser_port=9515
browser_session=

# browser_need: installs Chromium where it is missing. It is large, so it is no part of tests/lib/deps.sh:
# the one test that needs it fetches it, or skips.
browser_need() {
	command -v chromium >/dev/null && command -v chromedriver >/dev/null && return
	"$net_root/tests/lib/deps.sh" chromium c:chromium chromium-driver c:chromedriver ||
		skip "no Chromium: apt-get install chromium chromium-driver"
}

browser_call() { # METHOD PATH [JSON]: the answer's value
	on "$browser_namespace" curl -s -m 30 -X "$1" -H 'Content-Type: application/json' \
		"http://127.0.0.1:$browser_port$2" ${3:+-d "$3"} >"$dir/browser.answer" || return 1
	jq -e '.value | (type != "object" or .error == null)' "$dir/browser.answer" >/dev/null || {
		echo "browser: $1 $2: $(jq -r '.value.message // .' "$dir/browser.answer" | head -n 1)" >&2
		return 1
	}
	jq -c .value "$dir/browser.answer"
}

browser_start() { # NAMESPACE
	browser_namespace=$1
	start "$1" env HOME="$dir" chromedriver --port=$browser_port >"$dir/browser.log" 2>&1
	must_come 20 "chromedriver" browser_call GET /status
	browser_session=/session/$(browser_call POST /session "$(jq -n --arg data "$dir/browser" '
		{capabilities: {alwaysMatch: {browserName: "chrome", "goog:chromeOptions": {
			binary: "/usr/bin/chromium",
			args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
				"--no-first-run", "--disable-background-networking",
				"--disable-component-update", "--disable-sync", "--hide-scrollbars",
				"--user-data-dir=\($data)"]}}}}')" | jq -r .sessionId)
	[ "$browser_session" != /session/null ] || fail "no browser: $(tail -n 3 "$dir/browser.log")"
}

browser_stop() { browser_call DELETE "$browser_session" >/dev/null; }

browser_go() { # URL
	browser_call POST "$browser_session/url" "$(jq -n --arg url "$1" '{url: $url}')" >/dev/null
}

# browser_run JAVASCRIPT: its value as JSON.
browser_run() {
	browser_call POST "$browser_session/execute/sync" \
		"$(jq -n --arg script "$1" '{script: $script, args: []}')"
}

# browser_element SELECTOR: its path, for what follows.
browser_element() {
	echo "$browser_session/element/$(browser_call POST "$browser_session/element" \
		"$(jq -n --arg css "$1" '{using: "css selector", value: $css}')" | jq -r '.[]')"
}

# Clicks as a person does: what is hidden or covered can't be clicked.
browser_click() { # SELECTOR
	browser_call POST "$(browser_element "$1")/click" '{}' >/dev/null
}

browser_type() { # SELECTOR TEXT
	browser_call POST "$(browser_element "$1")/value" \
		"$(jq -n --arg text "$2" '{text: $text}')" >/dev/null
}

browser_cdp() { # COMMAND JSON: Chromium's own protocol
	browser_call POST "$browser_session/goog/cdp/execute" \
		"$(jq -n --arg cmd "$1" --argjson params "$2" '{cmd: $cmd, params: $params}')"
}

browser_look() { # WIDTH light|dark: what the page is shown on
	browser_cdp Emulation.setDeviceMetricsOverride \
		"{\"width\": $1, \"height\": 900, \"deviceScaleFactor\": 1, \"mobile\": false}" >/dev/null
	browser_cdp Emulation.setEmulatedMedia \
		"{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"$2\"}]}" >/dev/null
}

# The whole page, as long as it is.
browser_shot() { # FILE
	browser_cdp Page.captureScreenshot '{"format": "png", "captureBeyondViewport": true}' |
		jq -r .data | base64 -d >"$1"
}
