#!/bin/bash
# The event stream: rotation, a full disk, a pipe that nobody reads. Answers go on whatever
# happens to it, and what is lost is counted to the last one.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s

load() { # QUESTIONS: blocked ones, each by its own name
  local i
  for ((i = 0; i < $1; i++)); do echo "n$i.blocked.test A"; done >"$work/questions"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 8 -q 200 -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$1 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
}

written() { status 's["events"]["written"]'; }
at_rest() { # every event is written or lost
  status_is 's["events"]["written"] + s["events"]["lost_ring"] + s["events"]["lost_output"] >= s["questions"]["blocked"]'
}

say "a file is rotated by size, nothing is lost on the way"
option[events.rotate]=1MiB
option[events.keep]=3
write_config
start_cordond
load 6000
wait_until 60 at_rest || fail "events: $(status 's["events"]')"
[ -e "$work/events.jsonl.3" ] || fail "rotated files: $(ls "$work")"
[ ! -e "$work/events.jsonl.4" ] || fail "more files than events.keep"
python3 - "$work/events.jsonl" <<'PYTHON' || fail "see above"
import json, os, sys
last = None
total = 0
for suffix in (".3", ".2", ".1", ""):
    path = sys.argv[1] + suffix
    if os.path.getsize(path) > (1 << 20) + 65536:
        sys.exit("%s has %d octets" % (path, os.path.getsize(path)))
    for line in open(path):
        event = json.loads(line)
        if last is not None and event["seq"] != last + 1:
            sys.exit("%s: after %d comes %d" % (path, last, event["seq"]))
        last = event["seq"]
        total += 1
print("   %d events in four files, one after another" % total)
PYTHON
python3 "$here/check_events.py" "$schema" "$work/events.jsonl.1" || fail "see above"
mode=$(stat -c %a "$work/events.jsonl")
[ "$mode" = 640 ] || fail "the file may be read by others: $mode"

say "what is there is appended to after a new start"
lines=$(wc -l <"$work/events.jsonl")
stop_cordond
start_cordond
ask again.blocked.test
again_is_written() { grep -q '"again.blocked.test"' "$work/events.jsonl"; }
wait_until 30 again_is_written || fail "not written"
[ "$(wc -l <"$work/events.jsonl")" -gt "$lines" ] || fail "the file was begun anew"
stop_cordond

say "rotate: never: a file of the standard size grows on, where one beside it is turned"
# Holes up to the size at which files are turned that nobody has said anything of.
standard=$((64 << 20))
for file in events.jsonl never.json turned.json; do truncate -s "$standard" "$work/$file"; done
rm -f "$work"/events.jsonl.*
option[events.rotate]=never
option[audit.sinks]="{never: {to: \"file:$work/never.json\", rotate: never}, turned: {to: \"file:$work/turned.json\"}}"
write_config
start_cordond
load 100
all_have_100() {
  status_is 's["events"]["written"] >= 100 and all(sink["sent"] >= 100 for sink in s["sinks"])'
}
wait_until 60 all_have_100 || fail "not written: $(status 's["events"], s["sinks"]')"
stop_cordond
for file in events.jsonl never.json; do
  [ ! -e "$work/$file.1" ] || fail "$file was turned"
  [ "$(stat -c %s "$work/$file")" -gt $((standard + 10000)) ] || fail "$file has $(stat -c %s "$work/$file") octets"
done
# The hole, which was no whole line, and its end.
[ "$(stat -c %s "$work/turned.json.1")" = $((standard + 1)) ] || fail "the file beside them was not turned: $(ls "$work")"
rm -f "$work"/events.jsonl* "$work"/never.json* "$work"/turned.json*
unset "option[audit.sinks]" "option[events.rotate]"

say "a full disk: answers go on; events wait as long as there is room, then each lost one is counted"
option[events.to]=/dev/full
option[server.workers]=1
write_config
start_cordond
before=$(status 's["audit"]["decisions"]["safe"]') # of the runs so far
load 3000
disk_is_full() { status_is 's["events"]["stalled"] and "space" in s["events"]["last_error"].lower() and s["events"]["written"] == 0'; }
wait_until 30 disk_is_full || fail "events: $(status 's["events"]')"
grep -q 'cannot write to /dev/full' "$work/cordond.log" || fail "the log does not say it"
load 32000
# As many lines as 8 MiB hold wait; those behind them are lost.
many_are_lost() { status_is 's["events"]["lost_ring"] + s["events"]["lost_output"] > 1000 and s["events"]["written"] == 0'; }
wait_until 30 many_are_lost || fail "events: $(status 's["events"]')"
code=0
"$cordon" status --socket "$work/control.sock" >"$work/status" 2>&1 || code=$?
[ "$code" = 1 ] || fail "cordon status ends with $code though events are lost"
grep -qi 'lost' "$work/status" || fail "cordon status does not name it: $(cat "$work/status")"
# The rest of the daemon does not suffer.
reload || fail "reload: $(cat "$work/reload")"
ask free.test A
expect 'answer .* A 192\.0\.2\.1'
status 's["events"]'
lost_so_far() { status 's["events"]["lost_ring"] + s["events"]["lost_output"]'; }
# By the writer, which a slow machine holds up: what it has recorded, it has written or lost as a line.
all_are_taken() { status_is "s['audit']['decisions']['safe'] - $before == s['questions']['blocked'] == 35000"; }
wait_until 60 all_are_taken || fail "not all are recorded: $(status 's["audit"]["decisions"]')"
lost=$(lost_so_far)
stop_cordond
given_up=$(sed -n 's/.*events: \([0-9]*\) were given up at the end.*/\1/p' "$work/cordond.log" | tail -n 1)
[ $((lost + ${given_up:-0})) = 35000 ] || fail "$lost lost and ${given_up:-0} given up at the end are not 35000"

say "a pipe on standard output whose reader has stopped: answers go on, then the loss is told"
option[events.to]=stdout
write_config
mkfifo "$work/pipe"
python3 -c 'import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
target = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
while octets := os.read(source, 65536):
    os.write(target, octets)' "$work/pipe" "$work/piped" &
reader=$!
pids+=("$reader")
"$cordond" -c "$work/cordond.yaml" >"$work/pipe" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 60 cordond_is_up || fail "cordond does not answer"
ask first.blocked.test
stand_still "$reader"
load 32000
is_stalled() { status_is 's["events"]["stalled"]'; }
wait_until 30 is_stalled || fail "not stalled: $(status 's["events"]')"
wait_until 30 status_is 's["events"]["lost_ring"] + s["events"]["lost_output"] > 1000' || fail "nothing was lost: $(status 's["events"]')"
code=0
"$cordon" status --socket "$work/control.sock" >"$work/status" 2>&1 || code=$?
[ "$code" = 1 ] || fail "cordon status ends with $code though the events are stalled"
grep -q 'the event output stdout accepts nothing: its reader does not read' "$work/status" ||
  fail "cordon status does not say why: $(cat "$work/status")"
ask free2.test A
expect 'answer .* A 192\.0\.2\.1'
kill -CONT "$reader"
wait_until 60 at_rest || fail "events: $(status 's["events"]')"
flowing() { status_is 'not s["events"]["stalled"]'; }
wait_until 60 flowing || fail "still stalled: $(status 's["events"]')"
ask last.blocked.test
last_is_there() { grep -q '"last.blocked.test"' "$work/piped"; }
wait_until 60 last_is_there || fail "events do not flow again"
stop_cordond
wait "$reader" || fail "the reader failed"
python3 - "$work/piped" <<'PYTHON' || fail "see above"
import json, sys
decisions = lost = 0
previous = None
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "lost":
        lost += event["count"]
    else:
        decisions += 1
    if previous is not None and event["seq"] <= previous:
        sys.exit("sequence: %d after %d" % (event["seq"], previous))
    previous = event["seq"]
print("   %d events came, %d are told to be lost" % (decisions, lost))
if decisions + lost != 32002 or lost < 1000:
    sys.exit("%d decisions and %d lost are not 32002" % (decisions, lost))
PYTHON
grep -q '"event":"lost"' "$work/piped" || fail "no line tells of the loss"
{ head -n 500 "$work/piped"; grep '"event":"lost"' "$work/piped"; tail -n 500 "$work/piped"; } >"$work/sample"
python3 "$here/check_events.py" "$schema" "$work/sample" || fail "see above"

say "a pipe that breaks: answers go on"
(sleep 2) <"$work/pipe" &
reader=$!
pids+=("$reader")
"$cordond" -c "$work/cordond.yaml" >"$work/pipe" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 60 cordond_is_up || fail "cordond does not answer"
wait "$reader" || true
load 500
wait_until 60 at_rest || fail "events: $(status 's["events"]')"
is_broken() { status_is 's["events"]["lost_output"] + s["events"]["lost_ring"] > 0 and s["events"]["last_error"]'; }
wait_until 60 is_broken || fail "events: $(status 's["events"]')"
stop_cordond

say "none: the audit log alone has what was decided"
option[events.to]=none
write_config
start_cordond
load 500
recorded() { status_is 's["audit"]["decisions"]["safe"] >= 500'; }
wait_until 60 recorded || fail "$(status 's["audit"]')"
status_is 's["events"] == {"to": "none", "written": 0, "lost_ring": 0, "lost_output": 0, "stalled": False, "last_error": None}' ||
  fail "$(status 's["events"]')"
"$cordon" status --socket "$work/control.sock" >"$work/status" || fail "$(cat "$work/status")"
says 'events *no lines, by events.to' <"$work/cordond.log" || fail "the first screen does not say it"
[ ! -e none ] || fail "a file was made"
stop_cordond
option[audit.publish]=events
write_config
code=0
"$cordon" check "$work/cordond.yaml" >"$work/out" 2>&1 || code=$?
[ "$code" = 1 ] || fail "checkpoints go nowhere, and nobody says so: $code"
says 'audit.publish: events.to is none' <"$work/out" || fail "$(cat "$work/out")"
