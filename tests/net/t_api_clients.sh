#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What clients can do to the API, against a daemon as it runs: requests that are none, bodies without end, a
# thousand connections that say nothing, and one that says a byte a second. Each is answered or closed, others
# are served meanwhile, and the log says it once.
. "$(dirname "$0")/../lib/net.sh"

http=127.0.0.1:9290

net_namespace weir client
net_link weir eth0 client eth0
weir_config eth0 <<<'services: []'
sed -i "s|^api: .*|api: {socket: $socket, http: \"$http\"}|" "$dir/weir.yaml"
weir_start

cat >"$dir/slow.py" <<'END'
# Says a byte a second, until it is closed; prints how many seconds that took.
import socket, time
s = socket.create_connection(("127.0.0.1", 9290))
begin = time.monotonic()
s.settimeout(1)
request = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 1000
for i in range(len(request)):
    try:
        s.send(request[i : i + 1])
        if not s.recv(1):
            break
    except TimeoutError:
        continue
    except OSError:
        break
print(round(time.monotonic() - begin))
END

cat >"$dir/talk.py" <<'END'
# Sends what comes from stdin and prints the first line of the answer.
import socket, sys
s = socket.create_connection(("127.0.0.1", 9290))
s.settimeout(float(sys.argv[1]))
try:
    s.sendall(sys.stdin.buffer.read())
    try:
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # closed by the daemon already: its answer may be there still
    print(s.recv(4096).decode("latin-1").split("\r\n")[0] or "closed")
except ConnectionError:
    print("closed")
except TimeoutError:
    print("it waits for more")
END
talk() { on weir python3 "$dir/talk.py" "${1:-20}"; } # [SECONDS that it waits for an answer]
is_served() { on weir curl -sf -m 20 -o /dev/null "http://$http/v1/status"; }

say "what is no request"
expect_match "no method" '^HTTP/1.. 400|^closed' "$(printf 'nonsense\r\n\r\n' | talk)"
# Without the end of a line it may still become a request: for 30 s, see below.
expect_match "no HTTP" '^HTTP/1.. (400|505)|^closed|waits' "$(printf '\026\003\001\002\000' | talk 3)"
expect_match "another version" 'HTTP/1.. 505' "$(printf 'GET / HTTP/9.9\r\n\r\n' | talk)"
expect_match "a header without end" 'HTTP/1.. 431|closed' \
	"$({ printf 'GET /v1/status HTTP/1.1\r\nX: '; head -c 400000 /dev/zero | tr '\0' x; } | talk)"
expect "others are served" is_served

say "bodies without end"
expect_match "one that is announced" 'HTTP/1.. 413' \
	"$(printf 'POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n' | talk)"
expect_match "one that is not" 'HTTP/1.. 413|closed' "$({
	printf 'POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n'
	head -c 1048576 /dev/zero
	printf '\r\n0\r\n\r\n'
} | talk)"
expect "others are served" is_served

say "a thousand that say nothing"
cat >"$dir/idle.py" <<'END'
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
all = [socket.create_connection(("127.0.0.1", 9290)) for _ in range(1000)]
print("connected", flush=True)
time.sleep(600)
END
start weir python3 "$dir/idle.py" >"$dir/idle.out"
idle=$started
must_come 60 "a thousand connections" grep -q connected "$dir/idle.out"
kept() { on weir ss -Htn state established "sport = :9290" | wc -l; }
are_few() { [ "$(kept)" -le 300 ]; }
must_come 30 "most of them closed" are_few
expect "others are served" is_served
net_stop "$idle"
expect_equal "lines of the log about them" 1 "$(grep -c 'more API connections' "$dir/weir.log")"

say "the one that is slow"
start weir python3 "$dir/slow.py" >"$dir/slow.out"
slow=$started
expect "others are served" is_served
must_come 60 "its end" eval "! is_running $slow"
say "closed after $(<"$dir/slow.out") s"
expect "that took as long as anybody may" [ "$(<"$dir/slow.out")" -ge 25 ]
expect "the daemon runs" is_served
weir_stop
