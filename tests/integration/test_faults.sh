#!/bin/bash
# What goes wrong around cordond: upstreams that are dead, a disk that is full or read-only, a clock
# that jumps, a stop for a while, kill -9, too little memory. Each time answers go on as far as they
# can, the log says what to do, and all is well again by itself. (File descriptors: test_descriptors.)
# `tests/run --faults` does the same for longer: CORDON_FAULTS=long.
# shellcheck source-path=SCRIPTDIR
if [ "$(id -u)" -eq 0 ] && [ -z "${CORDON_FAULTS_INSIDE:-}" ] && unshare -m true 2>/dev/null; then
  # File systems of its own, which end with it.
  CORDON_FAULTS_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

stop_s=3 kills=6
if [ "${CORDON_FAULTS:-short}" = long ]; then stop_s=60 kills=100; fi

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
write_config

log_says() { grep -qE -- "$1" "$work/cordond.log"; }
answers_free() { [[ $(python3 "$here/ask.py" "$host" "$port" "$1" A --timeout 3) == *"rcode NOERROR"* ]]; }
blocks() { [ "$(dig "@$host" -p "$port" +short +time=3 +tries=4 blocked.test)" = 0.0.0.0 ]; }

say "upstream dead at the start: what is blocked is answered, and the rest once it is back"
stop "$fake_pid"
start_cordond
log_says 'No upstream can be reached|does not answer' || wait_until 30 log_says 'No upstream can be reached' || fail "the first screen does not say it"
ask dead1.free.test A
expect 'rcode SERVFAIL'
blocks || fail "a blocked name is not answered"
start_fake "$upstream_port"
wait_until 90 answers_free back1.free.test || fail "it does not recover"
say "upstream dead later"
stop "$fake_pid"
for i in 1 2 3 4 5 6; do ask "dead2-$i.free.test" A; done
expect 'rcode SERVFAIL'
wait_until 30 log_says 'warning: upstream 127\.0\.0\.1@[0-9]+ is down' || fail "the log does not say that it is down"
blocks || fail "a blocked name is not answered"
start_fake "$upstream_port"
wait_until 90 answers_free back2.free.test || fail "it does not recover"
wait_until 90 log_says 'upstream 127\.0\.0\.1@[0-9]+ is up again' || fail "the log does not say that it is up"
stop_cordond

if [ -n "${CORDON_FAULTS_INSIDE:-}" ] && mkdir "$work/small" && mount -t tmpfs -o size=256k none "$work/small" 2>/dev/null; then
  option[state.directory]="$work/small/state"
  option[events.to]="$work/small/events.jsonl"
  option[control.socket]="$work/small/control.sock"
  write_config
  with_control() { "$cordon" status --json --socket "$work/small/control.sock" >"$work/status.json" 2>"$work/status.err" || [ $? -eq 1 ]; }
  load_blocked() { # NUMBER
    for ((i = 0; i < $1; i++)); do echo "n$i.blocked.test A"; done >"$work/questions"
    dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -q 100 >"$work/dnsperf" 2>&1
    grep -qE 'Queries lost: +0 ' "$work/dnsperf" || fail "lost: $(cat "$work/dnsperf")"
  }

  say "the disk of state and events fills up: answers go on, and events once there is room"
  : >"$work/cordond.log"
  start_cordond
  load_blocked 1000
  wait_until 60 log_says 'events: cannot write to .*No space.*Make room there' || fail "the log does not say it"
  blocks || fail "a blocked name is not answered"
  new_list one 2 <<<'block suffix blocked.test'
  "$cordon" reload --socket "$work/small/control.sock" >"$work/reload" 2>&1 || fail "no reload on a full disk: $(cat "$work/reload")"
  grep -q 'the compiled lists are not kept (No space' "$work/reload" || fail "the reload does not say it: $(cat "$work/reload")"
  mount -o remount,size=8m "$work/small"
  wait_until 60 log_says 'takes lines again' || fail "events do not go on"
  load_blocked 10
  all_written() { with_control && python3 -c 'import json, sys; e = json.load(open(sys.argv[1]))["events"]; sys.exit(e["written"] + e["lost_ring"] + e["lost_output"] < 1010)' "$work/status.json"; }
  wait_until 60 all_written || fail "events are missing: $(cat "$work/status.json")"
  python3 "$here/check_events.py" "$schema" "$work/small/events.jsonl" </dev/null || fail "events are broken"
  kill -9 "$cordond_pid"
  wait "$cordond_pid" 2>/dev/null || true

  say "state, events and control socket read-only from the start: it answers, says so, and gets them back"
  : >"$work/cordond.log"
  mount -o remount,ro "$work/small"
  "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
  cordond_pid=$!
  pids+=("$cordond_pid")
  wait_until 30 answers "$host" "$port" || fail "it does not answer"
  blocks || fail "a blocked name is not answered"
  answers_free ro.free.test || fail "a free name is not answered"
  log_says 'the control socket .* cannot be opened: Read-only.*make it writable' || fail "nothing about the control socket"
  wait_until 60 log_says 'events: cannot write to .*Read-only.*make it writable' || fail "nothing about events"
  mount -o remount,rw "$work/small"
  wait_until 60 with_control || fail "there is no control socket: $(cat "$work/status.err")"
  wait_until 60 log_says 'takes lines again' || fail "events do not go on"
  stop "$cordond_pid"
  no_sanitizer_reports || fail "a sanitizer's report"
  umount "$work/small"
  option[state.directory]="$work/state"
  option[events.to]="$work/events.jsonl"
  option[control.socket]="$work/control.sock"
  write_config
else
  say "a full and a read-only disk are left out: no file system can be mounted here"
fi

faketime=$(find /usr/lib -path '*/faketime/libfaketimeMT.so.1' | head -n 1)
[ -n "$faketime" ] || fail "there is no libfaketime: tools/packages test installs it"
say "the clock jumps: nothing that is kept, blocked or timed changes"
# A sanitizer wants to come first.
sanitizer=$(ldd "$cordond" | sed -n 's/.*=> \(.*lib[at]san[^ ]*\) .*/\1/p' | head -n 1)
mkdir -p "$work/state"
echo "+0" >"$work/state/faketime"
: >"$work/cordond.log"
LD_PRELOAD="${sanitizer:+$sanitizer }$faketime" FAKETIME_TIMESTAMP_FILE="$work/state/faketime" FAKETIME_NO_CACHE=1 \
  FAKETIME_DONT_FAKE_MONOTONIC=1 "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 30 cordond_is_up || fail "cordond does not answer"
ask kept.free.test A
fetches=$(status 's["questions"]["fetches"]')
for jump in +20y -30y +0; do
  said=$(grep -c 'the clock of this machine was set' "$work/cordond.log" || true)
  echo "$jump" >"$work/state/faketime"
  said_more() { [ "$(grep -c 'the clock of this machine was set' "$work/cordond.log")" -gt "$said" ]; }
  wait_until 60 said_more || fail "jump by $jump: not said"
  blocks || fail "jump by $jump: a blocked name is not answered"
  ask kept.free.test A
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.1'
  answers_free "new$jump.free.test" || fail "jump by $jump: a free name is not answered"
done
ask x-silent.free.test A
expect 'rcode SERVFAIL'
grep -E 'clock of this machine was set forward by 6[0-9]{8} s .*timedatectl' "$work/cordond.log" >/dev/null || fail "forward is not said"
grep -E 'clock of this machine was set back' "$work/cordond.log" >/dev/null || fail "back is not said"
log_says 'list one has expired: it stays in force' || fail "expiry is not said"
log_says 'clock says .*, but list one was made at .*: set the clock' || fail "the wrong clock is not said"
log_says 'list one is in date' || fail "the end of it is not said"
# 1 for the name that was kept all the time would be more.
status_is "s['questions']['cache_hits'] >= 3" || fail "what was kept is gone: $(status 's["questions"]')"
status_is "s['questions']['fetches'] - $fetches <= 6" || fail "asked again: $(status 's["questions"]')"
ask blocked.test A
event_is_dated() { tail -n 1 "$work/events.jsonl" | says "\"time\":\"$(date -u +%Y)"; }
wait_until 60 event_is_dated || fail "events are not dated by the clock: $(tail -n 1 "$work/events.jsonl")"
stop_cordond

say "stopped for $stop_s s under load: it goes on, and nothing is down or asked in a storm"
: >"$work/cordond.log"
start_cordond
for i in $(seq 1 100); do echo "warm$i.free.test A"; echo "www.blocked.test A"; echo "x-ttl1.x-delay20.n$i.free.test A"; done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -l 600 -Q 200 -q 100000 -t $((stop_s + 15)) >"$work/dnsperf" 2>&1 &
load=$!
pids+=("$load")
sleep 1
fetches=$(status 's["questions"]["fetches"]')
kill -STOP "$cordond_pid"
sleep "$stop_s"
kill -CONT "$cordond_pid"
wait_until 60 answers_free "after.free.test" || fail "it does not go on"
wait_until 60 cordond_is_up || fail "it does not go on"
if [ "$stop_s" -ge 20 ]; then
  wait_until 15 log_says 'this process stood still for about [0-9]+ s' || fail "not said"
fi
sleep 2
kill -INT "$load"
wait "$load" || true
grep -E 'Queries (sent|lost)|Latency' "$work/dnsperf"
# 250 questions wait in the kernel at least; with the rate of this load none is lost in a short stop.
if [ "$stop_s" -le 3 ]; then grep -qE 'Queries lost: +0 ' "$work/dnsperf" || fail "lost: $(cat "$work/dnsperf")"; fi
status_is "all(u['health'] in ('up', 'untried') for u in s['upstreams'])" || fail "an upstream is down: $(status 's["upstreams"]')"
status_is "s['questions']['fetches'] - $fetches < 3 * 200 * ($stop_s + 15)" || fail "a storm: $(status 's["questions"]')"
stop_cordond

say "kill -9, $kills times under load: each time it starts again, and nothing is broken"
: >"$work/cordond.log"
start_cordond
dnsperf -s "$host" -p "$port" -d "$work/questions" -l 600 -Q 300 -q 500 -t 2 >"$work/dnsperf" 2>&1 &
load=$!
pids+=("$load")
for ((turn = 1; turn <= kills; turn++)); do
  python3 -c 'import random, time; time.sleep(random.random() * 0.5)'
  if [ $((turn % 3)) -eq 0 ]; then
    # In the middle of taking new lists.
    new_list one $((turn + 10)) <<<'block suffix blocked.test'
    "$cordon" reload --socket "$work/control.sock" >/dev/null 2>&1 &
    reloading=$!
    sleep 0.02
    kill -9 "$cordond_pid"
    wait "$reloading" || true
  else
    kill -9 "$cordond_pid"
  fi
  wait "$cordond_pid" 2>/dev/null || true
  start_cordond
  blocks || fail "turn $turn: a blocked name is not answered"
done
kill -INT "$load"
wait "$load" || true
answers_free "afterwards.free.test" || fail "a free name is not answered"
status_is "s['pid'] == $cordond_pid" || fail "the control socket is another's"
# A list whose signatures have not all been written is refused, rightly: a slow machine may see that. And a port may be
# another test's for a moment (lib.sh).
grep -E 'error:|not used \(|replaced' "$work/cordond.log" | grep -vE 'signed|signature|error: port .* is in use' >"$work/broken" || true
[ ! -s "$work/broken" ] || fail "something was broken: $(cat "$work/broken")"
stop_cordond
# A line that was cut ends with a newline all the same: such lines are told apart, not mixed with the next.
python3 - "$work/events.jsonl" "$kills" <<'PYTHON' || fail "events are broken"
import json, sys
bad = whole = 0
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    try:
        json.loads(line)
        whole += 1
    except ValueError:
        bad += 1
print("   %d events, %d cut by a kill" % (whole, bad))
sys.exit(bad > int(sys.argv[2]) or whole < 10)
PYTHON

# own_group: a folder of the memory controller that can be written; version 1 or 2.
own_group() {
  local path folder
  path=$(sed -n 's/^[0-9]*:\([^:]*,\)\?memory\(,[^:]*\)\?:\(.*\)/\3/p' /proc/self/cgroup)
  if [ -n "$path" ]; then folder=/sys/fs/cgroup/memory$path; else folder=/sys/fs/cgroup; fi
  for folder in "$folder" "${folder%%/memory/*}/memory" /sys/fs/cgroup; do
    if [ -e "$folder/cgroup.procs" ] && mkdir "$folder/cordon-test-$$" 2>/dev/null; then
      group=$folder/cordon-test-$$
      if [ -e "$group/memory.limit_in_bytes" ]; then limit_file=memory.limit_in_bytes used_file=memory.usage_in_bytes; return 0; fi
      if [ -e "$group/memory.max" ]; then limit_file=memory.max used_file=memory.current; return 0; fi
      rmdir "$group"
    fi
  done
  return 1
}
group='' limit_file='' used_file=''
# The group can be removed when the processes in it have ended: after stop_all.
leave_group() {
  if [ -n "$group" ]; then
    { for _ in $(seq 100); do rmdir "$group" 2>/dev/null && break; sleep 0.2; done; } >/dev/null 2>&1 &
  fi
}
trap 'code=$?; set +e; leave_group; (exit "$code"); stop_all' EXIT
if [ "$(id -u)" -eq 0 ] && own_group; then
  say "memory becomes short: the cache gives way and nobody dies; it grows again when there is some"
  in_group() { # COMMAND...: in the background only
    # shellcheck disable=SC2016 # expanded inside
    exec sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@"
  }
  start_in_group() {
    in_group "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
    cordond_pid=$!
    pids+=("$cordond_pid")
    wait_until 30 cordond_is_up || fail "cordond does not answer: $(tail "$work/cordond.log")"
  }
  option[cache.size]=1GiB
  write_config
  start_in_group
  own=$(cat "$group/$used_file")
  stop_cordond
  limit=$(((own * 2 / 1048576 + 128) * 1048576))
  echo "$limit" >"$group/$limit_file"
  : >"$work/cordond.log"
  start_in_group
  log_says 'cache.size is 1024 MiB, which is more than half of the limit of its control group.*Set cache.size lower' || fail "the cache does not fit, and nobody says it"
  status_is "s['memory']['limit'] == $limit and s['cache']['size'] <= $limit / 2 and s['cache']['limit'] == s['cache']['size']" ||
    fail "status: $(status 's["memory"], s["cache"]')"
  mkfifo "$work/hunger.in"
  in_group python3 -c '
import sys
held = []
for line in sys.stdin:
    held.append(bytearray(b"x" * (4 << 20)))
' <"$work/hunger.in" >"$work/eater.log" 2>&1 &
  eater=$!
  pids+=("$eater")
  exec 7>"$work/hunger.in"
  for ((i = 0; i < limit / (4 << 20); i++)); do
    if log_says 'memory is short'; then break; fi
    echo more >&7
    # Slower, the nearer: at nine tenths the cache has a second or two.
    sleep 0.1
    [ "$(($(cat "$group/$used_file") * 100 / limit))" -lt 88 ] || sleep 1
  done
  wait_until 30 log_says 'memory is short: .*The cache gives way, from .*MemoryMax=' || fail "nobody says that memory is short"
  status_is "s['cache']['limit'] < s['cache']['size']" || fail "the cache did not give way: $(status 's["cache"]')"
  "$cordon" status --socket "$work/control.sock" >"$work/shown" || true
  grep -q 'memory is short: the cache may hold' "$work/shown" || fail "cordon status does not say it"
  is_running "$cordond_pid" || fail "cordond died"
  answers_free short.free.test || fail "no answer"
  blocks || fail "a blocked name is not answered"
  exec 7>&-
  wait "$eater" || fail "the eater: $(cat "$work/eater.log")"
  wait_until 60 log_says 'memory is there again' || fail "it does not recover"
  status_is "s['cache']['limit'] == s['cache']['size']" || fail "not whole: $(status 's["cache"]')"
  stop_cordond
else
  say "short memory is left out: no control group can be made here"
fi
