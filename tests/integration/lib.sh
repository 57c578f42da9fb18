#!/bin/bash
# What the tests of the whole programs share. Sourced first thing by every test_*.sh:
#
#   . "$(dirname "$0")/lib.sh"
#
# It makes $work (a temporary folder), and at the end stops every process that was started, by
# its id, and removes $work. CORDON_BUILD is the build folder, CORDON_ROOT the checkout.
# CORDON_KEEP=1 keeps $work.
#
#   say TEXT                    what is checked next
#   fail TEXT                   ends the test
#   skip TEXT                   ends it too: it cannot run here (exit status 77)
#   free_port, free_ports N     ports, a line each, free over UDP and TCP, IPv4 and IPv6
#   make_keys NAME...           key pairs without password: $work/keys/NAME.{pub,key}
#   write_list ID SERIAL [KEY VALUE...] <RULES   $work/lists/ID.list, unsigned
#   sign_list FILE [KEY...]     signs with the named keys (list-a list-b)
#   new_list ID SERIAL ...      both
#   option[server.listen]=...   what write_config writes; see defaults below
#   write_config                $work/cordond.yaml
#   start_cordond               starts it on $work/cordond.yaml and waits for an answer
#   stop_cordond                stops it; fails if it died, leaked or broke a rule
#   reload                      cordon reload; its output in $work/reload
#   status PYTHON               value of a Python expression in s, the status document
#   status_is PYTHON            it is true
#   events_are COUNT PYTHON     so many events are so: an expression in e
#   events_have <ROWS           within a minute these are there (rows of check_events.py); all are as the schema says
#   document_is FILE PYTHON     the same of a JSON document d
#   start_nsd PORT ZONE...      zones are files ZONE.zone in $work/zones
#   start_knot PORT ZONE...     the same, signed; reads $work/zones too
#   start_fake PORT OPTION...   tests/integration/fake_upstream.py on 127.0.0.1
#   all_is_noted PORT           what was sent to that one so far is in its log
#   of_clients FILE             the lines of its log that are about a client's question: no probe of cordond's own
#   ask NAME [TYPE [OPTION...]] asks cordond by ask.py; the facts are in $answer
#   milliseconds                what the last question took
#   expect REGEX..., expect_not REGEX...         each must (not) match a line of $answer
#   ask_table <ROWS             many questions with what must (not) be in their answers (ask.py)
#   wait_until SECONDS COMMAND...                until it succeeds
#   once_in COUNT COMMAND...                     it succeeds one time of so many: what must be fast, where the machine may
#                                                stand still meanwhile
#   COMMAND | says [OPTION...] PATTERN           as grep -q, but reads all: with pipefail a command whose
#                                                reader leaves early has failed
set -Eeuo pipefail

: "${CORDON_ROOT:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${CORDON_BUILD:=$CORDON_ROOT/build-tests}"
export CORDON_ROOT CORDON_BUILD
here="$CORDON_ROOT/tests/integration"
# shellcheck disable=SC2034 # for the tests
schema="$CORDON_ROOT/docs/events.schema.json"
cordond="$CORDON_BUILD/cordond"
cordon="$CORDON_BUILD/cordon"
# A fault found by a sanitizer ends the program, so that no test can miss it. Without a signal stack of its own: giving
# that back is taken for a fault in a thread that was cancelled, as a writer is that a slow machine holds up at the end.
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=99:use_sigaltstack=0:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:exitcode=99:${UBSAN_OPTIONS:-}"
export LC_ALL=C PYTHONPYCACHEPREFIX="$CORDON_BUILD/pycache"
unset PYTHONDONTWRITEBYTECODE
# Debian's programs, whatever else somebody has in front of them: a Python of one's own may take ten times as long to start.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"

test_name=$(basename "$0" .sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/cordon-$test_name.XXXXXX")
began=$SECONDS
pids=()
cordond_pid=
answer=
ask_server=

say() { printf -- '-- %s (%s s)\n' "$*" "$((SECONDS - began))"; }

says() { [ "$(grep -c "$@")" -gt 0 ]; } # grep -c counts to the end

fail() {
  trap - ERR
  printf 'FAILED %s: %s\n' "$test_name" "$*" >&2
  exit 1
}

skip() {
  trap - ERR
  printf 'skipped %s: %s\n' "$test_name" "$*"
  exit 77
}

on_error() { # LINE COMMAND
  printf 'FAILED %s: line %s: %s\n' "$test_name" "$1" "$2" >&2
}
trap 'on_error "$LINENO" "$BASH_COMMAND"' ERR

is_running() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# asking WORD...: what ask.py --serve replies, in $the_reply; 1 if it cannot. One process of it serves the whole test, for a
# Python that starts costs more than a question; a subshell, which may run beside others, has one of its own.
asking() {
  local commands
  printf -v commands '%s\x1f' "$@"
  if [ "$BASHPID" != "$$" ]; then
    the_reply=$(printf '%s\0' "$commands" | python3 "$here/ask.py" --serve | tr -d '\0')
  else
    if [ -z "$ask_server" ]; then
      mkfifo "$work/ask.in" "$work/ask.out"
      python3 "$here/ask.py" --serve <"$work/ask.in" >"$work/ask.out" &
      ask_server=$!
      exec 19>"$work/ask.in" 18<"$work/ask.out"
    fi
    printf '%s\0' "$commands" >&19
    IFS= read -r -d '' the_reply <&18 || fail "ask.py has ended"
  fi
  if [[ $the_reply != +* ]]; then
    printf '%s\n' "${the_reply#-}" >&2
    return 1
  fi
  the_reply=${the_reply#+}
}

# stop PID: TERM, patience, KILL. Its exit status is $stopped. A process that the test itself
# has stopped with STOP goes on first.
stop() {
  local turn
  kill -CONT "$1" 2>/dev/null || true
  kill -TERM "$1" 2>/dev/null || true
  for ((turn = 0; turn < 400; turn++)); do
    is_running "$1" || break
    sleep 0.025
  done
  if is_running "$1"; then kill -KILL "$1" 2>/dev/null || true; fi
  stopped=0
  wait "$1" 2>/dev/null || stopped=$?
}

stop_all() {
  local code=$? pid
  trap - EXIT ERR
  set +e
  if [ -n "$ask_server" ]; then
    exec 18<&- 19>&-
    kill "$ask_server"
    wait "$ask_server"
  fi 2>/dev/null
  for pid in "${pids[@]}"; do
    if is_running "$pid"; then stop "$pid"; fi
  done
  if [ "$code" -ne 0 ] && [ "$code" -ne 77 ]; then
    for file in "$work"/*.log; do
      if [ -s "$file" ]; then printf '== %s\n' "$(basename "$file")"; tail -n 25 "$file"; fi
    done >&2
  elif [ "$code" -eq 0 ]; then
    printf 'passed %s in %s s\n' "$test_name" "$((SECONDS - began))"
  fi
  if [ "${CORDON_KEEP:-0}" = 1 ]; then
    printf 'kept %s\n' "$work"
  else
    rm -rf "$work"
  fi
  exit "$code"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

for program in "$cordond" "$cordon"; do
  [ -x "$program" ] || fail "there is no $program: build first (CORDON_BUILD names the folder)"
done
for program in dig kdig dnsperf nsd knotd minisign python3; do
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages test installs it"
done
mkdir -p "$work/lists" "$work/zones" "$work/keys"

# Below the ports that the system hands out, so that no client's socket sits on it.
# A port is nobody else's as long as this test runs, also while nobody listens there: tests run side by side.
free_ports() {
  python3 - "$1" "$$" <<'PYTHON'
import fcntl, os, random, socket, sys, tempfile

folder = os.path.join(tempfile.gettempdir(), "cordon-test-ports.%d" % os.getuid())
os.makedirs(folder, 0o700, exist_ok=True)
lock = open(os.path.join(folder, "lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX)

def take(port):
    """False if a test that runs has it."""
    path = os.path.join(folder, str(port))
    try:
        with open(path) as file:
            if os.path.exists("/proc/" + file.read()):
                return False
    except OSError:
        pass
    with open(path, "w") as file:
        file.write(sys.argv[2])
    return True

def is_free(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as sock:
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                try:
                    sock.bind((address, port))
                except OSError as error:
                    if error.errno == 98: # taken; a machine without IPv6 says something else
                        return False
    return True

found = set()
for _ in range(10000):
    port = random.SystemRandom().randrange(10000, 30000)
    if port not in found and is_free(port) and take(port):
        found.add(port)
    if len(found) == int(sys.argv[1]):
        print("\n".join(map(str, found)))
        sys.exit(0)
sys.exit(1)
PYTHON
}

free_port() { free_ports 1; }

wait_until() { # SECONDS COMMAND...
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$until" ]; then return 1; fi
    start_again_if_in_use
    sleep 0.05
  done
}

# A thread that was not scheduled since the signal may answer one more question.
has_stopped() { [ "$(cat "/proc/$1"/task/*/stat | sed 's/.*) //' | grep -vc '^[Tt]')" = 0 ]; } # PID
stand_still() { # PID
  kill -STOP "$1"
  wait_until 20 has_stopped "$1" || fail "process $1 does not stand still"
}

once_in() { # COUNT COMMAND...
  local left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then return 1; fi
  done
}

# start NAME COMMAND...: in the background; $started is its id, its output $work/NAME.{out,log}. While it is waited for it
# may be started once more, and have another id then.
started=
start() {
  local name=$1
  start_words=("$@")
  shift
  "$@" >"$work/$name.out" 2>"$work/$name.log" </dev/null 18<&- 19>&- &
  started=$!
  pids+=("$started")
}

# A cordond of another test draws the ports that it asks from, and may have the one of a server for a moment.
start_again_if_in_use() {
  if [ -z "$started" ] || kill -0 "$started" 2>/dev/null; then return; fi
  if ! grep -qsiE "address (is )?(already )?in use" "$work/${start_words[0]}".{log,out}; then return; fi
  sleep 0.5
  start "${start_words[@]}"
}

# --- keys and lists

make_keys() {
  local name
  for name in "$@"; do
    "$cordon" key generate --no-password "$work/keys/$name" >/dev/null
  done
}

# write_list ID SERIAL [KEY VALUE...] <RULES. Header keys may be given anew: `parent`,
# `legal-requirement`, `created`, `expires`, `title`, `provider`.
write_list() {
  local id=$1 serial=$2 out="$work/lists/$1.list" key
  shift 2
  local -A head=([title]="Test list $id" [provider]="$id Provider of $id"
    [created]=2026-01-01T00:00:00Z [expires]=2036-01-01T00:00:00Z)
  while [ $# -gt 0 ]; do head[$1]=$2; shift 2; done
  {
    echo "cordon-list 1"
    echo "id $id"
    for key in title provider parent; do
      if [ -n "${head[$key]:-}" ]; then echo "$key ${head[$key]}"; fi
    done
    echo "serial $serial"
    for key in created expires legal-requirement; do
      if [ -n "${head[$key]:-}" ]; then echo "$key ${head[$key]}"; fi
    done
    echo "fact designated"
    echo "entity Entity of $id"
    echo "authority Authority of the tests"
    echo "instrument Instrument of the tests"
    echo "citation 1 TEST 2"
    echo "effective 2020-01-02"
    echo "published 2020-01-03"
    echo "state in-force"
    echo "checked 2026-01-01"
    echo "rules"
    # KIND MATCH WHAT [action=WORD]: the fields that every rule needs are put in.
    while read -r kind match what action; do
      case $kind in '' | '#'*) continue ;; esac
      echo "$kind $match $what category=object-storage scope=cloud confidence=high${action:+ $action} evidence=\"the tests say so\""
    done
    echo "end"
  } >"$out.new"
  mv "$out.new" "$out"
}

sign_list() { # FILE [KEY...]
  local file=$1 key
  shift
  rm -f "$file".*.minisig
  [ $# -gt 0 ] || set -- list-a list-b
  for key in "$@"; do
    "$cordon" list sign --key "$work/keys/$key.key" "$file" >/dev/null
  done
}

new_list() {
  write_list "$@"
  sign_list "$work/lists/$1.list"
}

# --- cordond

# shellcheck disable=SC2034 # addresses that the tests use
host=127.0.0.1
{ read -r port; read -r upstream_port; } < <(free_ports 2)
declare -A option=(
  [server.listen]="[127.0.0.1@$port, \"[::1]@$port\"]"
  [server.workers]=2
  [upstreams.servers]="[127.0.0.1@$upstream_port]"
  [lists.directory]="$work/lists"
  [trust.keys]="[$work/keys/list-a.pub, $work/keys/list-b.pub, $work/keys/list-c.pub]"
  [trust.threshold]=2
  [events.to]="$work/events.jsonl"
  [control.socket]="$work/control.sock"
  [state.directory]="$work/state"
)

write_config() {
  local file="$work/cordond.yaml" name section previous=
  for name in $(printf '%s\n' "${!option[@]}" | sort); do
    section=${name%%.*}
    if [ "$section" != "$previous" ]; then printf '%s:\n' "$section"; fi
    printf '  %s: %s\n' "${name#*.}" "${option[$name]}"
    previous=$section
  done >"$file.new"
  mv "$file.new" "$file"
}

answers() { # ADDRESS PORT: anything at all, without a question to any upstream
  asking ask "$1" "$2" version.bind TXT --class CH --timeout 0.5 && [[ $the_reply == rcode* ]]
}

# A cordond of another test draws the ports that it asks from, and may have one of ours for a moment: then once more.
cordond_is_up() {
  if ! is_running "$cordond_pid"; then
    if [ "$starts_left" -le 0 ] || ! tail -n 4 "$work/cordond.log" | says 'error: port .* is in use'; then
      fail "cordond ended at its start"
    fi
    sleep 1
    launch_cordond
  fi
  answers "$host" "$port"
}

starts_left=0
launch_cordond() {
  starts_left=$((starts_left - 1))
  "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null 18<&- 19>&- &
  cordond_pid=$!
  pids+=("$cordond_pid")
}

# Output and messages of every run are appended: a test looks at all of them at its end.
start_cordond() {
  starts_left=5
  launch_cordond
  wait_until 180 cordond_is_up || fail "cordond does not answer on $host port $port"
  starts_left=0
}

no_sanitizer_reports() {
  ! grep -hE 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|invariant' "$work"/cordond*.log >&2
}

stop_cordond() {
  is_running "$cordond_pid" || fail "cordond is gone"
  stop "$cordond_pid"
  no_sanitizer_reports || fail "cordond's log holds a report of a sanitizer"
  [ "$stopped" -eq 0 ] || fail "cordond ended with status $stopped"
}

reload() { "$cordon" reload --socket "$work/control.sock" >"$work/reload" 2>&1; }

value_in_status() { # EXPRESSION in s; in $the_reply
  local left
  # A worker that does not get to run for half a second is shown by its figures of before: then once more. One may be
  # held on purpose.
  for ((left = 10; left > 0; left--)); do
    # Exit status 1 only says that something needs attention.
    { "$cordon" status --json --socket "$work/control.sock" || true; } >"$work/status.json" 2>"$work/status.err"
    asking status "$work/status.json" "$1" || return 1
    if [[ $the_reply == whole* ]]; then break; fi
  done
  the_reply=${the_reply#* }
}

status() { value_in_status "$1" && printf '%s\n' "$the_reply"; } # EXPRESSION in s

status_is() { # EXPRESSION: true
  value_in_status "bool($1)" && [ "$the_reply" = True ]
}

events_are() { # COUNT EXPRESSION in e: so many of the events written so far are so; in $the_reply how many
  asking lines "$work/events.jsonl" "$2" && [ "$the_reply" = "$1" ]
}

events_have() { # <ROWS. Those of two workers are not written in the order of their times.
  local checked=(python3 "$here/check_events.py" "$schema" "$work/events.jsonl" --rows)
  cat >"$work/events.rows"
  # shellcheck disable=SC2317 # wait_until calls it
  events_are_there() { "${checked[@]}" <"$work/events.rows" >"$work/events.checked" 2>&1; }
  wait_until 60 events_are_there || fail "$(cat "$work/events.checked")"
  cat "$work/events.checked"
}

document_is() { # FILE EXPRESSION in d, the JSON document in FILE: true
  asking value "$1" "bool($2)" && [ "$the_reply" = True ]
}

# --- other servers

is_authoritative() { # PORT ZONE
  asking ask 127.0.0.1 "$1" "$2" SOA --timeout 0.5 && [[ $the_reply == *"answer "*" SOA "* ]]
}

start_nsd() { # PORT ZONE...
  local at=$1 zone
  shift
  {
    echo "server:"
    echo "  ip-address: 127.0.0.1@$at"
    echo "  username: \"\""
    echo "  chroot: \"\""
    echo "  database: \"\""
    echo "  pidfile: \"$work/nsd-$at.pid\""
    echo "  zonelistfile: \"$work/nsd-$at.list\""
    echo "  xfrdfile: \"$work/nsd-$at.xfrd\""
    echo "  xfrdir: \"$work\""
    echo "  zonesdir: \"$work/zones\""
    echo "  server-count: 1"
    echo "  rrl-ratelimit: 0" # it serves one client
    echo "remote-control:"
    echo "  control-enable: no"
    for zone in "$@"; do
      printf 'zone:\n  name: "%s"\n  zonefile: "%s.zone"\n' "$zone" "$zone"
    done
  } >"$work/nsd-$at.conf"
  start "nsd-$at" nsd -d -c "$work/nsd-$at.conf"
  for zone in "$@"; do
    wait_until 60 is_authoritative "$at" "$zone" || fail "NSD does not serve $zone"
  done
  # shellcheck disable=SC2034 # for the tests
  nsd_pid=$started
}

start_knot() { # PORT ZONE...
  local at=$1 zone
  shift
  mkdir -p "$work/knot-$at"
  {
    echo "server:"
    echo "    listen: [127.0.0.1@$at, ::1@$at]"
    echo "    rundir: $work/knot-$at"
    echo "    udp-workers: 1"
    echo "    tcp-workers: 1"
    echo "    background-workers: 1"
    echo "log:"
    echo "  - target: stderr"
    echo "    any: warning"
    echo "database:"
    echo "    storage: $work/knot-$at"
    echo "template:"
    echo "  - id: default"
    echo "    storage: $work/zones"
    echo "    file: \"%s.zone\""
    echo "    zonefile-sync: -1"
    echo "    dnssec-signing: on"
    echo "zone:"
    for zone in "$@"; do echo "  - domain: $zone"; done
  } >"$work/knot-$at.conf"
  start "knot-$at" knotd -c "$work/knot-$at.conf"
  for zone in "$@"; do
    wait_until 60 is_authoritative "$at" "$zone" || fail "Knot does not serve $zone"
  done
  # shellcheck disable=SC2034 # for the tests
  knot_pid=$started
}

start_fake() { # PORT OPTION...
  local at=$1
  shift
  start "fake-$at" python3 "$here/fake_upstream.py" --port "$at" "$@"
  wait_until 60 grep -qs ready "$work/fake-$at.out" || fail "the scripted upstream does not start"
  # shellcheck disable=SC2034 # for the tests
  fake_pid=$started
}

# It takes datagrams in their order: when it has answered this one, it has noted those before.
all_is_noted() { # PORT
  asking ask 127.0.0.1 "$1" noted.test A --timeout 30 || fail "noted.test: $the_reply"
  [[ $the_reply == rcode* ]] || fail "the scripted upstream does not answer"
}

# cordond asks for itself, too, when it likes: whether there is a loop, and of the root whether a server is there.
of_clients() { # FILE
  grep -aviE ' (\.|[^ ]*\.cordon-loop-check\.internal|noted\.test) ' "$1" || true
}

# --- questions

ask() { # NAME [TYPE [OPTION...]]
  asked="$*"
  asking ask "$host" "$port" "$@" || fail "asked $asked: $the_reply"
  answer=$the_reply
}

expect() {
  local pattern
  for pattern in "$@"; do
    grep -Eq -- "^$pattern\$" <<<"$answer" ||
      fail "asked $asked: no line '$pattern' in:"$'\n'"$answer"
  done
}

expect_not() {
  local pattern
  for pattern in "$@"; do
    if grep -Eq -- "^$pattern\$" <<<"$answer"; then
      fail "asked $asked: a line '$pattern' in:"$'\n'"$answer"
    fi
  done
}

# What the last question took, without the time that the asking program needed to start.
milliseconds() { sed -n 's/^milliseconds //p' <<<"$answer"; }

ask_table() { python3 "$here/ask.py" "$host" "$port" --table || fail "see above"; }
