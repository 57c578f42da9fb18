#!/bin/bash
# Where events are sent beside the audit log: JSON lines, dnstap, syslog and OCSF, over files, unix sockets, UDP, TCP and TLS,
# read by other people's programs. A reader that is dead or slow costs no answer and a bounded queue.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$here/certificates.sh"
for program in fstrm_capture dnstap-ldns dnstap-read protoc rsyslogd; do
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages test installs it"
done

make_keys list-a list-b list-c
new_list one 1 <<'RULES'
block suffix blocked.test
block suffix gone.test action=nxdomain
block suffix told.test action=refused
RULES
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s
option[audit.origin]=resolver.test/audit
{ read -r tcp_port; read -r tls_port; read -r udp_port; read -r tap_port; } < <(free_ports 4)
make_ca ca
make_certificate server siem.test ca 30

ask_all() { # COUNT RATE: so many blocked names, so many a second: over UDP a log server loses what comes faster
  local i
  for ((i = 0; i < $1; i++)); do echo "n$i.blocked.test A"; done >"$work/questions"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -Q "$2" -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$1 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
}
of() { # NAME EXPRESSION: of a sink, x, in the status document
  status "[$2 for x in s['sinks'] if x['name'] == '$1'][0]"
}
of_is() { [ "$(of "$1" "bool($2)")" = True ]; }
has_lines() { [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; } # FILE COUNT
python() { python3 "$here/sinks.py" "$@"; }

say "JSON, OCSF, dnstap and syslog at once: into files, unix sockets, UDP, TCP and TLS"
cat >"$work/rsyslog.conf" <<CONF
global(workDirectory="$work" maxMessageSize="16k" processInternalMessages="on"
  defaultNetstreamDriverCAFile="$work/ca.pem" defaultNetstreamDriverCertFile="$work/server.pem"
  defaultNetstreamDriverKeyFile="$work/server.key")
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
template(name="all" type="string" string="%inputname% %pri% %hostname% %app-name% %msgid% %structured-data% #%msg%\n")
input(type="imudp" address="127.0.0.1" port="$udp_port" name="udp" ruleset="keep" rcvbufSize="8m")
input(type="imtcp" address="127.0.0.1" port="$tcp_port" name="tcp" ruleset="keep")
input(type="imtcp" address="127.0.0.1" port="$tls_port" name="tls" ruleset="keep"
  streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imuxsock" socket="$work/syslog.sock" useSpecialParser="off" parseHostname="on" ruleset="keep")
ruleset(name="keep") { action(type="omfile" file="$work/syslog.txt" template="all") }
CONF
start rsyslog rsyslogd -n -C -f "$work/rsyslog.conf" -i "$work/rsyslog.pid"
start tap fstrm_capture -t protobuf:dnstap.Dnstap -u "$work/tap.sock" -w "$work/tap.fstrm"
tap=$started
option[audit.sinks]="{lines: {to: \"file:$work/lines.json\"}, ocsf: {format: ocsf, to: \"file:$work/ocsf.json\", streams: [decisions, queries]},
    tap: {format: dnstap, to: \"unix:$work/tap.sock\"}, tape: {format: dnstap, to: \"file:$work/tape.fstrm\", streams: [decisions, queries]},
    udp: {format: syslog, to: \"udp://127.0.0.1@$udp_port\"}, tcp: {format: syslog, to: \"tcp://127.0.0.1@$tcp_port\"},
    tls: {format: syslog, to: \"tls://127.0.0.1@$tls_port#siem.test\", ca: $work/ca.pem, facility: local3},
    local: {format: syslog, to: \"unix:$work/syslog.sock\"}}"
wait_until 60 test -S "$work/syslog.sock" || fail "rsyslog does not start: $(cat "$work/rsyslog.log")"
wait_until 60 test -S "$work/tap.sock" || fail "fstrm_capture does not start"
write_config
start_cordond
ask_all 200 200
ask www.gone.test
expect 'rcode NXDOMAIN'
ask www.told.test
ask plain.test
for name in lines tap tape udp tcp tls local ocsf; do
  wait_until 60 of_is "$name" "x['state'] == 'sending' and x['sent'] >= 202 and x['queued_octets'] == 0" ||
    fail "$name: $(of "$name" x)"
  of_is "$name" "sum(x['lost'].values()) == 0" || fail "$name lost: $(of "$name" x)"
done
"$cordon" status --socket "$work/control.sock" | says 'tls: syslog to tls://127.0.0.1@.*#siem.test: sending' ||
  fail "status does not show the sink"
stop_cordond
stop "$tap"

say "what others read is what was decided"
python lines "$work/lines.json" 202 || fail "JSON lines"
python ocsf "$work/ocsf.json" 202 || fail "OCSF"
for file in tap tape; do
  [ "$file" = tap ] && count=200 || count=400 # as decisions, and as questions
  dnstap-read "$work/$file.fstrm" >"$work/$file.read" || fail "dnstap-read $file"
  [ "$(grep -cE ' CQ 127.0.0.1:[0-9]+ -> .* UDP .* n[0-9]+.blocked.test/IN/A$' "$work/$file.read")" = "$count" ] ||
    fail "dnstap-read: $(head -n 3 "$work/$file.read")"
  dnstap-ldns -q -r "$work/$file.fstrm" >"$work/$file.ldns" || fail "dnstap-ldns $file"
  [ "$(grep -cE 'CQ .*"n[0-9]+.blocked.test." IN A' "$work/$file.ldns")" = "$count" ] ||
    fail "dnstap-ldns: $(head -n 3 "$work/$file.ldns")"
done
python frames "$work/tape.fstrm" "$work/tape" || fail "the frames of a file"
python frames "$work/tap.fstrm" "$work/frames" || fail "the frames of fstrm_capture"
# The two that have a rule of their own, wherever among the others, and ten others.
grep -laE 'gone|told' "$work"/frames/* >"$work/some"
grep -LaE 'gone|told' "$work"/frames/* | tail -n 10 >>"$work/some"
while read -r file; do
  protoc -I "$here" --decode=dnstap.Dnstap dnstap.proto <"$file" >"$file.txt" || fail "protoc cannot read $file"
done <"$work/some"
python policy "$work/frames" 12 || fail "the policy of dnstap"
wait_until 60 has_lines "$work/syslog.txt" 808 || fail "rsyslog: $(cut -d ' ' -f 1 "$work/syslog.txt" | sort | uniq -c)"
python syslog "$work/syslog.txt" 202 udp tcp tls imuxsock || fail "syslog"

say "over TCP: dnstap and JSON, and over TLS only to the right server"
start tap2 fstrm_capture -t protobuf:dnstap.Dnstap -a 127.0.0.1 -p "$tap_port" -w "$work/tap2.fstrm"
tap=$started
{ read -r json_port; read -r wrong_port; } < <(free_ports 2)
make_certificate wrong other.test ca 30
start reader python3 "$here/sinks.py" reader "$json_port" "$work/reader.json"
start wrong python3 "$here/sinks.py" reader "$wrong_port" "$work/wrong.json" "$work/wrong.pem" "$work/wrong.key"
option[audit.sinks]="{tap: {format: dnstap, to: \"tcp://127.0.0.1@$tap_port\"}, lines: {to: \"tcp://127.0.0.1@$json_port\", streams: [decisions, queries]},
    wrong: {to: \"tls://127.0.0.1@$wrong_port#siem.test\", ca: $work/ca.pem}, nobody: {to: \"unix:$work/nobody.sock\", queue: 128KiB}}"
option[audit.client]=prefix
write_config
start_cordond
ask_all 2000 20000
wait_until 60 of_is lines "x['sent'] >= 2000" || fail "$(of lines x)"
wait_until 60 of_is tap "x['sent'] == 2000" || fail "$(of tap x)"
wait_until 60 of_is wrong "x['sent'] == 0 and 'other.test' in x['error']" || fail "the wrong server: $(of wrong x)"
wait_until 60 of_is nobody "x['sent'] == 0 and x['lost']['decisions'] > 0 and x['queued_octets'] <= 131072" ||
  fail "a sink that nobody serves: $(of nobody x)"
{ "$cordon" status --socket "$work/control.sock" || true; } | says 'sink nobody has lost' || fail "status says nothing"
stop_cordond
stop "$tap"
[ ! -s "$work/wrong.json" ] || fail "something was sent to the wrong server"
[ "$(dnstap-read "$work/tap2.fstrm" | grep -c blocked.test/IN/A)" = 2000 ] || fail "dnstap over TCP"
! dnstap-read "$work/tap2.fstrm" | says 127.0.0.1 || fail "audit.client is prefix, and dnstap has the address"
wait_until 60 has_lines "$work/reader.json" 2000 || fail "$(wc -l <"$work/reader.json") lines"
python lines "$work/reader.json" 2000 || fail "JSON over TCP"
! says '"client":"127.0.0.1"' <"$work/reader.json" || fail "audit.client is prefix, and a line has the address"
python3 "$here/audit_read.py" "$work/state/audit" changes | says '"subject": "nobody".*"what": "sink-lost"' ||
  fail "the audit log does not say that a sink has lost events"
