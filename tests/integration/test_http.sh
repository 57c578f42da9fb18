#!/bin/bash
# /metrics, /healthz and /readyz over a port of the loopback and over a unix socket. The page of
# metrics is checked by check_metrics.py, and by promtool where that is there
# (CORDON_PROMTOOL=required: it must be).
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || fail "there is no curl: tools/packages test installs it"

http_port=$(free_port)
url="http://127.0.0.1:$http_port"
get() { curl -sS -m 20 "$@"; } # the page
code() { curl -s -m 20 -o /dev/null -w '%{http_code}' "$@"; }
code_is() { [ "$(code "$2")" = "$1" ]; }
is_ok() { [ "$(get "$@" 2>/dev/null)" = ok ]; }
value() { awk -v name="$1" '$1 == name { print $2 }' "$work/metrics"; }

make_keys list-a list-b list-c
new_list first 1 <<'LIST'
block suffix blocked.test
LIST
cat >"$work/zones/example.test.zone" <<'ZONE'
$ORIGIN example.test.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 192.0.2.1
www 60 IN A 192.0.2.2
ZONE
option[lists.use]="{first: enforce}"
option[http.listen]="127.0.0.1@$http_port"
option[audit.sinks]="{kept: {to: \"file:$work/sent.json\"}}"
# The same server in two places is one upstream, not two lines of one name.
option[upstreams.zones]="{corp.test: [127.0.0.1@$upstream_port]}"
write_config

say "without an upstream that answers it lives, and is not ready"
start_cordond
[ "$(get "$url/healthz")" = ok ] || fail "healthz"
[ "$(code "$url/readyz")" = 503 ] || fail "readyz without an upstream"
get "$url/readyz" >"$work/page"
grep -qx 'upstreams: 0 of 1 answer: .*' "$work/page" || fail "readyz says: $(cat "$work/page")"
grep -qx 'lists: 1 verified, generation 1' "$work/page" || fail "readyz says: $(cat "$work/page")"

say "with one it is, without a question of any client"
start_nsd "$upstream_port" example.test
wait_until 60 code_is 200 "$url/readyz" || fail "readyz: $(get "$url/readyz")"
get "$url/readyz" | says -x 'upstreams: 1 of 1 answer' || fail "readyz: $(get "$url/readyz")"

say "the page is what Prometheus reads, and has the numbers of status"
get "$url/metrics" >"$work/metrics.old"
ask blocked.test A
ask www.example.test A
expect 'rcode NOERROR' 'answer www\.example\.test\. .*192\.0\.2\.2'
ask www.example.test A
ask none.example.test A
same_numbers() {
  get "$url/metrics" >"$work/metrics"
  [ "$(status '[s["questions"]["taken"], s["questions"]["blocked"], s["questions"]["cache_hits"],
    s["questions"]["answered"]["NXDOMAIN"], s["net"]["udp_received"], s["upstreams"][0]["answers"],
    s["events"]["written"], s["lists"][0]["serial"], s["cache"]["entries"], s["generation"],
    s["upstreams"][0]["late"], s["second_questions"]["hedges"], s["second_questions"]["hedges_denied"]]')" = \
    "[$(value cordon_questions_total), $(value 'cordon_policy_decisions_total{mode="enforce"}'), $(
    value 'cordon_cache_lookups_total{result="hit"}'), $(
    value 'cordon_answers_total{rcode="NXDOMAIN"}'), $(value cordon_udp_received_total), $(
    value "cordon_upstream_answers_total{upstream=\"127.0.0.1@$upstream_port\"}"), $(
    value cordon_events_written_total), $(value 'cordon_list_serial{list="first"}'), $(
    value cordon_cache_entries), $(value cordon_policy_generation), $(
    value "cordon_upstream_late_total{upstream=\"127.0.0.1@$upstream_port\"}"), $(
    value 'cordon_second_questions_total{reason="late"}'), $(value cordon_second_questions_denied_total)]" ]
}
wait_until 60 same_numbers || fail "status and metrics differ: $(diff "$work/metrics.old" "$work/metrics")"
[ "$(value 'cordon_policy_decisions_total{mode="enforce"}')" = 1 ] || fail "blocked"
[ "$(value "cordon_upstream_up{upstream=\"127.0.0.1@$upstream_port\"}")" = 1 ] || fail "upstream up"
[ "$(value 'cordon_answer_seconds_count{path="hit"}')" = 1 ] || fail "latency of hits"
[ "$(value 'cordon_worker_up{worker="1"}')" = 1 ] || fail "worker up"
python3 "$here/check_metrics.py" "$work/metrics" "$work/metrics.old" || fail "the format"
if command -v promtool >/dev/null; then
  promtool check metrics <"$work/metrics" >"$work/promtool" 2>&1 || fail "promtool: $(cat "$work/promtool")"
  [ ! -s "$work/promtool" ] || fail "promtool: $(cat "$work/promtool")"
  promtool check rules "$CORDON_ROOT/deploy/prometheus/cordon.rules.yaml" >"$work/promtool" 2>&1 ||
    fail "promtool: $(cat "$work/promtool")"
  (cd "$CORDON_ROOT/deploy/prometheus" && promtool test rules cordon.rules.test.yaml) >"$work/promtool" 2>&1 ||
    fail "promtool: $(cat "$work/promtool")"
elif [ "${CORDON_PROMTOOL:-}" = required ]; then
  fail "there is no promtool: tools/packages monitor installs it"
else
  say "(there is no promtool here, so only check_metrics.py has looked: tests/run --monitor has both)"
fi
if grep -E 'example\.test|blocked\.test' "$work/metrics"; then fail "the page holds a name that was asked"; fi
# Every metric that an alert is about exists.
grep -o 'cordon_[a-z_]*' "$CORDON_ROOT/deploy/prometheus/cordon.rules.yaml" | sort -u | while read -r name; do
  grep -q "^# TYPE $name " "$work/metrics" || fail "the alert rules name $name, which there is not"
done

say "whatever is asked, by whomever, the page has the same lines"
series() { sed -n 's/^\(cordon_[^ ]*\) .*/\1/p' "$1" | sort; }
settled() { get "$url/metrics" >"$work/metrics" && [ "$(value 'cordon_upstream_rtt_seconds{upstream="127.0.0.1@'"$upstream_port"'"}')" ]; }
wait_until 60 settled || fail "the upstream has no round-trip time"
series "$work/metrics" >"$work/series.before"
for n in $(seq 40); do
  printf 'n%s.example.test A --source 127.0.0.%s\nx%s.blocked.test TXT --source 127.0.1.%s\nn%s.example.test TYPE%s --tcp\n' \
    "$n" "$n" "$n" "$n" "$n" "$((n + 1000))"
done >"$work/many"
printf 'refused.example.test A --source 127.0.0.1 --opcode 4\nlocalhost A\nx.corp.test A\nx.home.arpa A\n' >>"$work/many"
ask_table <"$work/many"
get "$url/metrics" >"$work/metrics"
[ "$(value cordon_questions_total)" -ge 120 ] || fail "the questions were not counted"
series "$work/metrics" | diff "$work/series.before" - >"$work/diff" || fail "lines that a question has made: $(cat "$work/diff")"
python3 "$here/check_metrics.py" "$work/metrics" || fail "the format"

say "what is no question of ours is refused"
[ "$(code "$url/")" = 404 ] || fail "404"
[ "$(code -X POST "$url/metrics")" = 405 ] || fail "405"
[ "$(code -d body "$url/metrics")" = 405 ] || fail "a body"
[ "$(code -H 'Host: evil.example' "$url/metrics")" = 403 ] || fail "a page of the web may ask"
[ "$(code -H "X: $(head -c 20000 /dev/zero | tr '\0' x)" "$url/metrics")" = 431 ] || fail "a huge head"
[ "$(code "$url/metrics?name=value")" = 200 ] || fail "a query is no reason to refuse"

say "clients that are slow, many or mad hold up nobody"
python3 - "$http_port" <<'PYTHON' &
import os, socket, sys, time
socks = []
for n in range(200):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(("127.0.0.1", int(sys.argv[1])))
    socks.append(sock)
end = time.time() + 6
while time.time() < end:
    for n, sock in enumerate(socks):
        try:
            sock.send([b"G", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", os.urandom(100), b"\r\n"][n % 4])
        except OSError:
            pass
    time.sleep(0.2)
PYTHON
slow=$!
pids+=("$slow")
for ((turn = 0; turn < 8; turn++)); do
  ask www.example.test A
  [ "$(milliseconds | cut -d. -f1)" -lt 3000 ] || fail "a question took $(milliseconds) ms"
  wait_until 60 status_is 's["workers_reported"] == 2' || fail "the control socket is held up"
done
wait "$slow"
wait_until 60 code_is 200 "$url/healthz" || fail "healthz after that"

say "a worker that stands still makes it unhealthy, until it goes on"
held=
for task in /proc/"$cordond_pid"/task/*; do
  thread=${task##*/}
  # The main one; and those that wait otherwise than a loop does.
  if [ "$thread" = "$cordond_pid" ] || grep -qsE 'futex|nanosleep|schedule' "$task/wchan" ||
    ! wait_until 3 grep -qsE '^(ep_|do_epoll)' "$task/wchan"; then continue; fi
  rm -f "$work/go" "$work/hold.out"
  mkfifo "$work/go"
  python3 "$here/hold_thread.py" "$thread" <"$work/go" >"$work/hold.out" &
  holder=$!
  pids+=("$holder")
  exec 9>"$work/go"
  has_begun() { [ -s "$work/hold.out" ] || ! is_running "$holder"; }
  wait_until 60 has_begun || fail "the thread is not held"
  if ! wait_until 10 grep -qs held "$work/hold.out"; then
    say "(not here: $(cat "$work/hold.out"))"
    held=none
  elif wait_until 10 code_is 503 "$url/healthz"; then # else it was no worker
    held=$(get "$url/healthz")
    get "$url/metrics" >"$work/metrics"
    [ "$(code "$url/readyz")" = 200 ] || fail "one worker of two is ready enough: $(get "$url/readyz")"
  fi
  echo go >&9
  exec 9>&-
  wait "$holder" || true
  [ -z "$held" ] || break
done
if [ "$held" != none ]; then
  [[ $held =~ ^worker\ ([01])\ has\ not\ turned\ its\ loop\ for\ 2000\ ms$ ]] || fail "healthz says: '$held'"
  [ "$(value "cordon_worker_up{worker=\"${BASH_REMATCH[1]}\"}")" = 0 ] || fail "cordon_worker_up"
  [ "$(value "cordon_worker_up{worker=\"$((1 - BASH_REMATCH[1]))\"}")" = 1 ] || fail "cordon_worker_up of the other"
  wait_until 60 code_is 200 "$url/healthz" || fail "healthz after that: $(get "$url/healthz")"
fi

say "an upstream that stops answering makes it not ready, until it is back"
stop "$nsd_pid"
wait_until 120 code_is 503 "$url/readyz" || fail "readyz: $(get "$url/readyz")"
[ "$(code "$url/healthz")" = 200 ] || fail "it lives all the same"
start_nsd "$upstream_port" example.test
wait_until 120 code_is 200 "$url/readyz" || fail "readyz: $(get "$url/readyz")"
stop_cordond

say "a port that somebody has is no reason to serve no questions"
python3 - "$http_port" "$work/held" <<'PYTHON' &
import socket, sys, time
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(sys.argv[1])))
sock.listen()
open(sys.argv[2], "w").close()
time.sleep(600)
PYTHON
holder=$!
pids+=("$holder")
wait_until 60 test -e "$work/held" || fail "the holder does not start"
start_cordond
ask www.example.test A
expect 'rcode NOERROR'
wait_until 60 status_is 's["http"]["state"] == "failed"' || fail "status: $(status 's["http"]')"
wait_until 60 grep -q "http.listen: 127.0.0.1@$http_port: python3 (process $holder) holds this port" "$work/cordond.log" ||
  fail "the log does not say who holds it"
stop_cordond
kill "$holder"

say "a unix socket, for its group alone, made and removed by the user that it runs as"
option[http.listen]="$work/run/http"
if [ "$(id -u)" -eq 0 ]; then
  chmod 711 "$work"
  chmod -R a+rX "$work/lists" "$work/keys"
  option[server.user]=nobody
  option[state.directory]="$work/users/state"
  option[events.to]="$work/users/events.jsonl"
  option[control.socket]="$work/users/control.sock"
  option[http.listen]="$work/users/run/http"
  mkdir "$work/users"
  chown nobody "$work/users"
fi
write_config
chmod a+r "$work/cordond.yaml"
start_cordond
path=${option[http.listen]}
[ "$(stat -c %a "$path")" = 660 ] || fail "mode $(stat -c %a "$path")"
[ "$(get --unix-socket "$path" http://any.name/healthz)" = ok ] || fail "healthz over $path"
get --unix-socket "$path" http://localhost/metrics >"$work/metrics"
python3 "$here/check_metrics.py" "$work/metrics" || fail "the format"
stop_cordond
[ ! -e "$path" ] || fail "the socket file is left"

say "a successor answers there too, when its predecessor has ended"
start_cordond
first=$cordond_pid
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
has_ended() { ! is_running "$first"; }
wait_until 60 has_ended || fail "the predecessor goes on"
wait_until 60 is_ok --unix-socket "$path" http://any.name/healthz || fail "healthz over $path"
stop_cordond
unset 'option[server.user]'
option[http.listen]="127.0.0.1@$http_port"
option[audit.sinks]="{kept: {to: \"file:$work/sent.json\"}}"
write_config
start_cordond
first=$cordond_pid
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 60 has_ended || fail "the predecessor goes on"
wait_until 60 is_ok "$url/healthz" || fail "healthz"
stop_cordond

say "anything but the loopback needs a word"
option[http.listen]="0.0.0.0@$http_port"
write_config
if "$cordond" -c "$work/cordond.yaml" --check >"$work/check" 2>&1; then fail "it was taken"; fi
grep -q 'cordond.yaml:[0-9]*:[0-9]*: http.listen: 0.0.0.0@.* write http.reach: network' "$work/check" ||
  fail "check says: $(cat "$work/check")"
option[http.reach]=network
write_config
"$cordond" -c "$work/cordond.yaml" --check >"$work/check" 2>&1 || fail "check says: $(cat "$work/check")"
