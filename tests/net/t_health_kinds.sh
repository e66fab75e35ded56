#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks by TCP, HTTPS, UDP and command (one-arm), each good and bad: a self-signed certificate is
# refused, but not with its own as CA or without verification; a UDP server that does not answer, or
# not as expected, is out; a command's exit status and words count, and one that hangs is killed.
. "$(dirname "$0")/../lib/net.sh"

net_one_arm

say "servers"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=www.example.org \
	-addext subjectAltName=DNS:www.example.org -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>"$dir/openssl.log"
nginx_start b1 80
cat >"$dir/tls.nginx" <<-END
	daemon off;
	master_process off;
	pid $dir/tls.pid;
	error_log $dir/tls.error.log warn;
	events {}
	http {
		access_log off;
		client_body_temp_path $dir/b1.tmp;
		proxy_temp_path $dir/b1.tmp;
		fastcgi_temp_path $dir/b1.tmp;
		uwsgi_temp_path $dir/b1.tmp;
		scgi_temp_path $dir/b1.tmp;
		server {
			listen 443 ssl;
			ssl_certificate $dir/cert.pem;
			ssl_certificate_key $dir/key.pem;
			location / { return 200 "all is fine\n"; }
		}
	}
END
start b1 nginx -e "$dir/tls.error.log" -c "$dir/tls.nginx"
tls_answers() { on b1 curl -skf -m 1 -o /dev/null https://127.0.0.1/; }
must_come 5 "the TLS server" tls_answers
start b1 "$udp_load" echo 53

cat >"$dir/check" <<-'END'
	#!/bin/sh
	case $1 in
	good) echo "$WEIR_SERVICE $WEIR_BACKEND $WEIR_ADDRESS $WEIR_VIP $WEIR_PORT"; exit 0 ;;
	bad) echo "disk is full"; exit 3 ;;
	slow) exec sleep 60 ;;
	esac
END
chmod +x "$dir/check"

service() { # NAME PORT HEALTH
	cat <<-END
		  - name: $1
		    address: $vip4
		    protocol: tcp
		    ports: $2
		    health: {$3, interval: 3s, timeout: 3s, rise: 1, fall: 1}
		    backends: [{name: b1, address: 10.0.0.11}]
	END
}
{
	echo services:
	service tcp-good 1001 'type: tcp, port: 80'
	service tcp-bad 1002 'type: tcp, port: 81'
	service https-unverified 1003 'type: https, port: 443, verify: false'
	service https-self-signed 1004 'type: https, port: 443, host: www.example.org'
	service https-ca 1005 "type: https, port: 443, host: www.example.org, ca: $dir/cert.pem, body: is fine"
	service https-other-name 1006 "type: https, port: 443, host: mail.example.org, ca: $dir/cert.pem"
	service http-body 1007 'type: http, port: 80, body: all is well'
	service udp-good 1008 'type: udp, port: 53, send: 0x00ff68656c6c6f, expect: hello'
	service udp-closed 1009 'type: udp, port: 54, send: hello'
	service udp-unexpected 1010 'type: udp, port: 53, send: hello, expect: nobody'
	service command-good 1011 "type: command, port: 99, command: [$dir/check, good]"
	service command-bad 1012 "type: command, command: [$dir/check, bad]"
	service command-slow 1013 "type: command, command: [$dir/check, slow]"
	service command-none 1014 "type: command, command: [$dir/nothing]"
} | weir_config eth0
weir_start
weir_wait_reachable

health() { weir_show backends | jq -r --arg s "$1" '.backends[] | select(.service == $s) | "\(.state): \(.health.last)"'; }
says() { grep -qE "^$2$" <<<"$(health "$1")"; }
check() { # SERVICE WORDS
	wait_for 40 says "$1" "$2" || fail "$1: wanted /$2/, got \`$(health "$1")\`"
	say "$1: $(health "$1")"
}
check tcp-good 'up: connected'
check tcp-bad 'down: connection refused'
check https-unverified 'up: HTTP 200'
check https-self-signed 'down: certificate: .*self-signed.*'
check https-ca 'up: HTTP 200'
check https-other-name 'down: certificate: .*(name|match).*'
check http-body "down: HTTP 200, but without 'all is well' in its body"
check udp-good 'up: answered as expected'
check udp-closed 'down: port unreachable'
check udp-unexpected 'down: an answer without what is expected'
check command-good "up: exit status 0: command-good b1 10.0.0.11 $vip4 99"
check command-bad 'down: exit status 3: disk is full'
check command-slow 'down: no answer in 3s'
check command-none 'down: .*/nothing can.t be run: no such file or directory'

say "a command that hangs is killed"
one_at_most() { [ "$(pgrep -cf "^sleep 60$")" -le 2 ]; }
expect "few sleepers" one_at_most
weir_stop
