#!/bin/bash
# The audit log on a disk that is full or cannot be written: answers go on, what waits is written when it can be, and the
# log verifies. In a mount namespace of its own, for a small disk.
# shellcheck source-path=SCRIPTDIR
if [ -z "${CORDON_DISK_INSIDE:-}" ] && unshare -m true 2>/dev/null; then
  CORDON_DISK_INSIDE=1 exec unshare -m "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

mkdir "$work/disk"
if [ -z "${CORDON_DISK_INSIDE:-}" ] || ! mount -t tmpfs -o size=1m none "$work/disk" 2>/dev/null; then
  skip "no small disk can be mounted here"
fi
make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.queries]=on
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.publish]=events
option[audit.directory]="$work/disk/audit"

asked=0
blocked() { # COUNT
  local i
  for ((i = 0; i < $1; i++)); do echo "n$((asked + i)).blocked.test A"; done >"$work/questions"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$1 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
  asked=$((asked + $1))
}
state_is() { status_is "s['audit']['state'] == '$1'"; }

say "a folder that cannot be written at the start: answers go on, and what waited is there once it can"
mkdir "$work/disk/audit"
mount -o remount,ro "$work/disk"
write_config
start_cordond
wait_until 30 state_is waiting || fail "$(status 's["audit"]')"
blocked 100
{ "$cordon" status -c "$work/cordond.yaml" || true; } | says 'cannot be opened' || fail "nothing to look at"
mount -o remount,rw "$work/disk"
wait_until 30 status_is 's["audit"]["decisions"]["safe"] == 100' || fail "$(status 's["audit"]')"
status_is 's["audit"]["decisions"]["lost"] + s["audit"]["queries"]["lost"] + s["audit"]["changes"]["lost"] == 0' || fail "$(status 's["audit"]')"

say "a key that is damaged is named, and what waited is there once it is put back"
stop_cordond
secret=$(find "$work/disk" "$work/state" -name audit.key 2>/dev/null || true)
cp "$secret" "$work/secret"
echo nonsense >"$secret"
start_cordond
wait_until 30 state_is waiting || fail "$(status 's["audit"]')"
says "cannot be opened: its key $secret: " <"$work/cordond.log" || fail "the log of cordond does not name the key"
{ "$cordon" status -c "$work/cordond.yaml" || true; } | says 'cannot be opened without its key' || fail "the status does not name the key"
cat "$work/secret" >"$secret"
wait_until 30 state_is recording || fail "$(status 's["audit"]')"

say "a full disk: the same, and the end that was not whole is no part of the log"
dd if=/dev/zero of="$work/disk/ballast" bs=4k >/dev/null 2>&1 || true
blocked 3000
wait_until 30 state_is failing || fail "$(status 's["audit"]')"
blocked 200
rm "$work/disk/ballast"
wait_until 30 status_is 's["audit"]["state"] == "recording" and s["audit"]["decisions"]["safe"] == 3300' || fail "$(status 's["audit"]')"
stop_cordond
"$cordon" audit verify -c "$work/cordond.yaml" --json >"$work/verdict" || fail "$(cat "$work/verdict")"
python3 - "$work/verdict" <<'PYTHON' || fail "$(cat "$work/verdict")"
import json, sys
v = json.load(open(sys.argv[1]))
sys.exit(not (v["decisions"] == 3300 and v["queries"] >= 3300 and v["gaps"] == 0 and v["stopped"]))
PYTHON

say "checkpoints are told among the events, and a log that was made anew does not have them"
python3 "$here/check_events.py" "$schema" "$work/events.jsonl" || fail "see above"
python3 - "$work/events.jsonl" "$work/checkpoint" <<'PYTHON' || fail "no checkpoint among the events"
import json, sys
notes = [e["note"] for e in map(json.loads, open(sys.argv[1])) if e["event"] == "checkpoint"]
open(sys.argv[2], "w").write(notes[-1])
PYTHON
"$cordon" audit verify -c "$work/cordond.yaml" --checkpoint "$work/checkpoint" >"$work/verdict" || fail "$(cat "$work/verdict")"
rm -r "$work/disk/audit"
# Leaks are not looked for in this run and the next: that needs all threads, and one stands still.
ASAN_OPTIONS=detect_leaks=0:$ASAN_OPTIONS start_cordond
thread_of() { # NAME: id of cordond's thread
  local task
  for task in /proc/"$cordond_pid"/task/*; do
    if [ "$(cat "$task/comm")" = "$1" ]; then echo "${task##*/}"; fi
  done
}
hold() { # NAME: stops the thread until let_go. Exit status 1: this machine does not allow that
  rm -f "$work/go" "$work/hold.out"
  mkfifo "$work/go"
  python3 "$here/hold_thread.py" "$(thread_of "$1")" <"$work/go" >"$work/hold.out" 2>&1 &
  holder=$!
  pids=("$holder" "${pids[@]}") # what it holds cannot end before it
  exec 9>"$work/go"
  has_begun() { [ -s "$work/hold.out" ] || ! is_running "$holder"; }
  wait_until 30 has_begun || fail "neither held nor refused"
  ! grep -q Error "$work/hold.out" || fail "$1: $(cat "$work/hold.out")"
  grep -q held "$work/hold.out"
}
let_go() { echo go >&9; exec 9>&-; wait "$holder" || true; }

if hold audit-disk; then
  say "a disk that does not come back: answers and reloads go on, it is told, and the stop gives up on it"
  blocked 200
  before=$SECONDS
  reload || fail "$(cat "$work/reload")"
  [ $((SECONDS - before)) -lt 10 ] || fail "the reload waits for the disk"
  wait_until 30 state_is failing || fail "$(status 's["audit"]')"
  blocked 100
  grep -q 'has not ended a write for 5 s' "$work/cordond.log" || fail "not told"
  status_is 's["audit"]["error"] == "the disk does not answer"' || fail "$(status 's["audit"]')"
  kill -TERM "$cordond_pid"
  wait_until 60 grep -q 'was not written: the disk has not ended a write.* 300 decisions' "$work/cordond.log" || fail "the stop waits"
  let_go
  wait "$cordond_pid" || fail "cordond ended with status $?"

  say "when-full: refuse, and the writer stands still: SERVFAIL once its rings are full, and all is well when it goes on"
  option[audit.decisions-when-full]=refuse
  option[server.workers]=1
  write_config
  ASAN_OPTIONS=detect_leaks=0:$ASAN_OPTIONS start_cordond
  hold events || fail "$(cat "$work/hold.out")"
  # Long names, as many as no ring of 32 MiB holds.
  awk 'BEGIN { l = "a"; while (length(l) < 60) l = l "a"; for (i = 0; i < 200000; i++) print "r" i "." l "." l "." l ".blocked.test A" }' \
    >"$work/questions"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -t 30 >"$work/dnsperf" 2>&1
  refused=$(sed -n 's/.*SERVFAIL \([0-9]*\).*/\1/p' "$work/dnsperf")
  [ "${refused:-0}" -gt 0 ] || fail "nothing is refused: $(cat "$work/dnsperf")"
  ask refused.blocked.test
  expect 'rcode SERVFAIL'
  let_go
  goes_on() { ask again.blocked.test; [[ $answer == *"rcode NOERROR"* ]]; }
  wait_until 30 goes_on || fail "refused for ever: $answer"
  wait_until 150 status_is 's["audit"]["decisions"]["safe"] > 200000 - '"$refused" || fail "$(status 's["audit"]')"
  stop_cordond
  "$cordon" audit verify -c "$work/cordond.yaml" --json >"$work/verdict" || fail "$(cat "$work/verdict")"
  python3 "$here/audit_read.py" "$work/disk/audit" changes | says '"cause": "refused"' || fail "no gap"
  "$cordon" audit search --what gap -c "$work/cordond.yaml" | says -E 'refused +count [0-9]+, stream decisions' || fail "the gap does not say of what"
else
  say "(no thread can be held here: $(cat "$work/hold.out"))"
  exec 9>&-
  stop_cordond
fi
! "$cordon" audit verify -c "$work/cordond.yaml" --checkpoint "$work/checkpoint" >"$work/verdict" || fail "another log has it: $(cat "$work/verdict")"
umount "$work/disk" || true
