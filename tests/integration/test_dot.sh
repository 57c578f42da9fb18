#!/bin/bash
# Upstreams over TLS: Unbound is the server, with certificates made here; a wiretap stands between.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/certificates.sh"

command -v unbound >/dev/null || fail "there is no unbound: tools/packages test installs it"

# --- certificates

make_ca ca
make_ca other-ca
make_certificate right dns.test ca 30
make_certificate foreign dns.test other-ca 30
make_certificate expired dns.test ca 0
make_self_signed self dns.test

# --- servers

answers_over_tls() { # PORT
  [[ $(kdig +short +tls +timeout=1 +retry=0 @127.0.0.1 -p "$1" up.tls.test TXT 2>/dev/null) == *up* ]]
}

start_unbound() { # PORT CERTIFICATE ADDRESS-OF-NAMES
  {
    echo "server:"
    echo "  interface: 127.0.0.1@$1"
    echo "  port: $unused_port"
    echo "  tls-port: $1"
    echo "  tls-service-key: \"$work/$2.key\""
    echo "  tls-service-pem: \"$work/$2.pem\""
    echo "  tls-session-ticket-keys: \"$work/tickets\""
    echo "  username: \"\""
    echo "  chroot: \"\""
    echo "  directory: \"$work\""
    echo "  pidfile: \"\""
    echo "  use-syslog: no"
    echo "  do-daemonize: no"
    echo "  module-config: \"iterator\""
    echo "  num-threads: 1"
    echo "  incoming-num-tcp: 100"
    echo "  local-zone: \".\" static" # what cordond asks for when it was down
    echo "  local-data: \". 60 NS ns.test.\""
    echo "  local-zone: \"test.\" redirect"
    echo "  local-data: \"test. 60 A $3\""
    echo "  local-zone: \"up.tls.test.\" static"
    echo "  local-data: \"up.tls.test. 60 TXT up\""
  } >"$work/unbound-$1.conf"
  start "unbound-$1" unbound -c "$work/unbound-$1.conf"
  wait_until 60 answers_over_tls "$1" || fail "Unbound does not answer over TLS on port $1"
  unbound_pid=$started
}

start_nsd_over_tls() { # PORT CERTIFICATE OPTION...: of its section server
  local at=$1 certificate=$2
  shift 2
  cat >"$work/zones/nsd.zone" <<'ZONE'
$ORIGIN test.
$TTL 60
@ SOA ns root 1 3600 600 86400 60
@ NS ns
* A 192.0.2.5
up.tls TXT up
ZONE
  cat >"$work/nsd-$at.conf" <<CONF
server:
  ip-address: 127.0.0.1@$at
  tls-port: $at
  tls-service-key: "$work/$certificate.key"
  tls-service-pem: "$work/$certificate.pem"
  username: ""
  chroot: ""
  database: ""
  pidfile: "$work/nsd-$at.pid"
  zonelistfile: "$work/nsd-$at.list"
  xfrdfile: "$work/nsd-$at.xfrd"
  xfrdir: "$work"
  zonesdir: "$work/zones"
  server-count: 1
$(printf '  %s\n' "$@")
remote-control:
  control-enable: no
zone:
  name: "test"
  zonefile: "nsd.zone"
CONF
  start "nsd-$at" nsd -d -c "$work/nsd-$at.conf"
  wait_until 60 answers_over_tls "$at" || fail "NSD does not answer over TLS on port $at: $(cat "$work/nsd-$at.log")"
}

{
  read -r tap_port
  read -r server_port
  read -r second_port
  read -r expired_port
  read -r foreign_port
  read -r self_port
  read -r old_port
  read -r closing_port
  read -r unused_port # Unbound's own, which nobody asks
  read -r nobody_port # nobody listens there
} < <(free_ports 10)
tap=127.0.0.71
head -c 80 /dev/urandom >"$work/tickets"
start_unbound "$server_port" right 192.0.2.1
server_pid=$unbound_pid
start_unbound "$second_port" right 192.0.2.2
second_pid=$unbound_pid
start_unbound "$expired_port" expired 192.0.2.3
start_unbound "$foreign_port" foreign 192.0.2.4
start_unbound "$self_port" self 192.0.2.6
start_nsd_over_tls "$closing_port" right 'tcp-query-count: 1'
start s_server openssl s_server -accept "127.0.0.1:$old_port" -cert "$work/right.pem" -key "$work/right.key" -quiet \
  -tls1_1 -cipher ALL:@SECLEVEL=0
start wiretap python3 "$here/wiretap.py" "$tap" "$tap_port" "$server_port" "$work/tap.json" secretword
wait_until 30 test -s "$work/tap.json" || fail "the wiretap does not start"

tapped() { # KEY
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/tap.json" "$1"
}

turn=0
ask_anew() { # a name that was never asked: neither an answer nor a failure is kept
  turn=$((turn + 1))
  ask "secretword$turn.test" A --timeout 8
}

servers() { # LIST
  option[upstreams.servers]="[$1]"
  write_config
  reload || fail "reload: $(cat "$work/reload")"
}

upstream() { status "[u for u in s['upstreams'] if u['address'] == '$1'][0]$2"; }

refused() { # WORDS: the server's certificate is not good, and it is known why
  ask_anew
  expect 'rcode SERVFAIL' 'ede 22 .*could not prove over TLS who it is.*'
  expect_not 'answer .*'
  status_is "any('$1' in (u['tls_error'] or '') for u in s['upstreams'])" ||
    fail "the status does not say '$1': $(status "[u['tls_error'] for u in s['upstreams']]")"
  grep -q "is not asked, and never in clear: .*$1" "$work/cordond.log" || fail "the log does not say '$1'"
}

make_keys list-a list-b list-c
new_list none 1 <<<'block suffix blocked.listed.test'
option[lists.use]='{none: enforce}'
option[local.special]=off
option[server.workers]=1
option[upstreams.choose]=ordered
option[upstreams.tls-ca]="$work/roots.pem"
option[upstreams.servers]="[\"tls://$tap@$tap_port#dns.test\"]"
cp "$work/ca.pem" "$work/roots.pem"
write_config
"$cordon" check --print "$work/cordond.yaml" >"$work/printed" || fail "check: $(cat "$work/printed")"
grep -q "\"tls://$tap@$tap_port#dns.test\"" "$work/printed" || fail "check does not print the server"

# --- what must be so

say "answers come over TLS, and nobody on the way sees what was asked"
start_cordond
for _ in 1 2 3 4 5; do
  ask_anew
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.1'
done
much_was_heard() { [ "$(tapped octets)" -gt 1000 ]; }
wait_until 30 much_was_heard || fail "nothing went over the wire"
for key in clear udp port53; do
  case $(tapped $key) in 0 | None) ;; *) fail "seen in clear: $key $(tapped $key)" ;; esac
done
[ "$(tapped port53)" != None ] || echo "   (port 53 of $tap was not watched: that needs root)"
[ "$(upstream "$tap@$tap_port" "['tls_handshakes']")" = 1 ] || fail "five questions took more than a handshake"
[ "$(upstream "$tap@$tap_port" "['health']")" = up ] || fail "the server is not up"

say "2,000 questions at once, none lost"
for i in $(seq 2000); do echo "many$i.test A"; done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -q 400 -b 2048 -t 30 >"$work/dnsperf" 2>&1
grep -Eq "Queries lost: +0 " "$work/dnsperf" || fail "lost: $(grep -E "lost|Response" "$work/dnsperf")"
grep -Eq 'Response codes: +NOERROR 2000 ' "$work/dnsperf" || fail "$(grep Response "$work/dnsperf")"
connections=$(upstream "$tap@$tap_port" "['tls_handshakes'] + u['tls_resumed']" 2>/dev/null ||
  status "s['upstreams'][0]['tls_handshakes'] + s['upstreams'][0]['tls_resumed']")
[ "$connections" -le 17 ] || fail "2,000 questions took $connections connections"
echo "   $connections connections, $(grep 'Queries per second' "$work/dnsperf" | tr -s ' ')"

say "after a restart of the server the session is gone on with"
before=$(upstream "$tap@$tap_port" "['tls_handshakes']")
stop "$server_pid"
ask_anew
expect 'rcode SERVFAIL'
start_unbound "$server_port" right 192.0.2.1
server_pid=$unbound_pid
served() { ask_anew && grep -q '^rcode NOERROR' <<<"$answer"; }
wait_until 60 served || fail "the server is not asked again"
[ "$(upstream "$tap@$tap_port" "['tls_handshakes']")" = "$before" ] || fail "a whole handshake after the restart"
[ "$(upstream "$tap@$tap_port" "['tls_resumed']")" -ge 1 ] || fail "no session was gone on with"

say "another name than the certificate's"
servers "\"tls://127.0.0.1@$server_port#evil.test\""
refused 'is for dns.test, not for evil.test'
"$cordon" status --socket "$work/control.sock" >"$work/shown" && fail "cordon status finds all well"
grep -q 'evil\.test: .*is for dns\.test' "$work/shown" || fail "cordon status: $(cat "$work/shown")"

say "a certificate whose time is over"
servers "\"tls://127.0.0.1@$expired_port#dns.test\""
refused 'has expired on 20'

say "another issuer, until a reload brings its certificate"
servers "\"tls://127.0.0.1@$foreign_port#dns.test\""
refused 'has an issuer that is not among the CA certificates here: "CN=other-ca"'
cat "$work/ca.pem" "$work/other-ca.pem" >"$work/roots.pem"
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 served || fail "the new CA certificate is not believed"
expect 'answer .* A 192\.0\.2\.4'
cp "$work/ca.pem" "$work/roots.pem"
reload || fail "reload: $(cat "$work/reload")"
refused 'has an issuer that is not among'
: >"$work/roots.pem"
reload && fail "a reload without any CA certificate succeeded"
grep -q 'roots.pem: there is no certificate in it' "$work/reload" || fail "reload: $(cat "$work/reload")"
cp "$work/ca.pem" "$work/roots.pem"

say "a certificate that it has signed itself, until it is believed here"
servers "\"tls://127.0.0.1@$self_port#dns.test\""
refused 'is signed by itself alone and not among the CA certificates here'
cat "$work/ca.pem" "$work/self.pem" >"$work/roots.pem"
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 served || fail "the certificate that is named is not believed"
expect 'answer .* A 192\.0\.2\.6'
cp "$work/ca.pem" "$work/roots.pem"

say "nobody listens: the reason shows from the first question on"
servers "\"tls://127.0.0.1@$nobody_port#dns.test\""
ask_anew
expect 'rcode SERVFAIL'
status_is "s['upstreams'][0]['last_failure'] == 'unreachable: Connection refused'" ||
  fail "no reason: $(status 's["upstreams"][0]')"
"$cordon" upstreams --socket "$work/control.sock" >"$work/shown"
grep -q 'the last question was in vain: unreachable: Connection refused' "$work/shown" || fail "$(cat "$work/shown")"
"$cordon" status --socket "$work/control.sock" >"$work/shown" && fail "cordon status finds all well"
grep -q 'has never answered (unreachable: Connection refused): it cannot be reached' "$work/shown" ||
  fail "cordon status: $(cat "$work/shown")"

say "a server that has only TLS 1.1"
openssl s_client -connect "127.0.0.1:$old_port" -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null >"$work/s_client" 2>&1 ||
  fail "openssl s_server does not speak TLS 1.1: $(cat "$work/s_client")"
servers "\"tls://127.0.0.1@$old_port#dns.test\""
refused 'alert protocol version'

say "a server that closes the connection after each answer: every question is answered"
option[upstreams.deadline]=15s # a handshake for each question takes its time on a busy machine
servers "\"tls://127.0.0.1@$closing_port#dns.test\""
for _ in $(seq 20); do
  ask_anew
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.5'
done
status_is "s['upstreams'][0]['tls_resumed'] > s['upstreams'][0]['tls_handshakes']" ||
  fail "sessions are not gone on with: $(status 's["upstreams"]')"
for i in $(seq 300); do echo "closing$i.test A"; done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -q 30 -t 30 >"$work/dnsperf" 2>&1
unset 'option[upstreams.deadline]'
grep -Eq 'Response codes: +NOERROR 300 ' "$work/dnsperf" || fail "$(grep -E 'lost|Response' "$work/dnsperf")"
status_is "s['upstreams'][0]['tls_failures'] == 0" || fail "failures: $(status 's["upstreams"]')"
echo "   $(status '"%(tls_handshakes)d whole handshakes, %(tls_resumed)d resumed" % s["upstreams"][0]')"

say "pins: the key, another key, the key and the name, the issuer's key"
servers "{address: 127.0.0.1@$foreign_port, pins: [$(pin_of foreign)]}"
ask_anew
expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.4'
servers "{address: 127.0.0.1@$foreign_port, pins: [$(pin_of right)]}"
refused 'its public key is none of those pinned: it has sha256/'
servers "{address: 127.0.0.1@$foreign_port, tls: dns.test, pins: [$(pin_of foreign)]}"
refused 'has an issuer that is not among'
servers "{address: 127.0.0.1@$server_port, tls: dns.test, pins: [$(pin_of other-ca), $(pin_of ca)]}"
ask_anew
expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.1'

say "a server that proves nothing, hangs or is gone: the next one is asked"
servers "\"tls://127.0.0.1@$foreign_port#dns.test\", \"tls://127.0.0.1@$second_port#dns.test\""
for _ in 1 2 3; do
  ask_anew
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.2'
done
servers "\"tls://$tap@$tap_port#dns.test\", \"tls://127.0.0.1@$second_port#dns.test\""
ask_anew
expect 'answer .* A 192\.0\.2\.1'
stand_still "$server_pid"
for i in $(seq 300); do echo "stopped$i.test A"; done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -q 20 -t 30 >"$work/dnsperf" 2>&1
grep -Eq 'Response codes: +NOERROR 300 ' "$work/dnsperf" || fail "while one hangs: $(grep -E 'lost|Response' "$work/dnsperf")"
wait_until 60 status_is "s['upstreams'][0]['health'] == 'down'" || fail "the server that hangs is not down"
kill -CONT "$server_pid"
up_again() { ask_anew && grep -q 'A 192\.0\.2\.1$' <<<"$answer"; }
wait_until 60 up_again || fail "the server that hung is not asked again"
stop "$server_pid"
ask_anew
expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.2'
stop "$second_pid"
ask_anew
expect 'rcode SERVFAIL' 'ede 22 .*'

say "in all of this nothing went in clear"
for key in clear udp port53; do
  case $(tapped $key) in 0 | None) ;; *) fail "seen in clear: $key $(tapped $key)" ;; esac
done
stop_cordond
