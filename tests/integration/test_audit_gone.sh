#!/bin/bash
# The newest file of the audit log, or its folder, that somebody takes away while cordond writes to it: answers go on, it is
# said, recording goes on by itself, what is lost is counted and stands as a gap, and verification says what is missing.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
write_config
log="$work/state/audit"
sent=0
blocked() { # COUNT
  local i
  for ((i = 0; i < $1; i++)); do ask "n$((sent + i)).blocked.test"; expect 'rcode NOERROR'; done
  sent=$((sent + $1))
}
state_is() { status_is "s['audit']['state'] == '$1'"; }
safe() { status_is "s['audit']['state'] == 'recording' and s['audit']['decisions']['safe'] == $1"; }
verify() { "$cordon" audit verify -c "$work/cordond.yaml" --json >"$work/verdict" 2>&1; }
gaps() { python3 "$here/audit_read.py" "$1" changes | python3 -c 'import json, sys
print(sum(e["count"] for e in map(json.loads, sys.stdin) if e["what"] == "gap" and e["cause"] == "gone" and e["stream"] == 1))'; }

start_cordond
blocked 5
wait_until 60 safe 5 || fail "$(status 's["audit"]')"
wait_until 60 [ -s "$log/head" ]

say "a file that is gone for a moment: it is said, and nothing is lost"
mv "$log/0000000001.cordon" "$work/away"
blocked 5
wait_until 60 state_is failing || fail "$(status 's["audit"]')"
status_is 's["audit"]["error"] == "what was written there was removed, replaced or cut"' || fail "$(status 's["audit"]')"
mv "$work/away" "$log/0000000001.cordon"
wait_until 60 safe 10 || fail "it does not go on: $(status 's["audit"]')"
verify || fail "$(cat "$work/verdict")"

say "a folder that was moved: it is said, and written to where it is"
mv "$log" "$log.away"
blocked 5
moved() { state_is failing && status_is 's["audit"]["error"] == "the folder was moved, or another is in its place"'; }
wait_until 60 moved || fail "$(status 's["audit"]')"
{ "$cordon" status -c "$work/cordond.yaml" || true; } | says 'the folder was moved' || fail "nothing to look at"
cp -r "$log.away" "$log" # a copy, as somebody may put one back
sum() { sha256sum "$log"/*.cordon; }
before=$(sum)
! "$cordon" audit forget -c "$work/cordond.yaml" --before 0001s --reason test >"$work/out" 2>&1 || fail "forgotten: $(cat "$work/out")"
says 'the folder was moved' <"$work/out" || fail "it does not say why: $(cat "$work/out")"
[ "$(sum)" = "$before" ] || fail "events were removed from another log"
rm -r "$log"
mv "$log.away" "$log"
wait_until 60 safe 15 || fail "$(status 's["audit"]')"
verify || fail "$(cat "$work/verdict")"

say "a file that stays away: another log is begun, with what is lost on the record"
rm "$log/0000000001.cordon"
blocked 5
wait_until 90 status_is 's["audit"]["state"] == "recording" and s["audit"]["another_left"]' || fail "$(status 's["audit"]')"
wait_until 60 status_is 's["audit"]["decisions"]["lost"] > 0' || fail "$(status 's["audit"]')"
lost=$(status 's["audit"]["decisions"]["lost"]')
blocked 5
wait_until 60 status_is "s['audit']['decisions']['safe'] + $lost == 10" || fail "$(status 's["audit"]')"
stop_cordond
[ "$(gaps "$log/log-2")" = "$lost" ] || fail "$lost are lost, and the gap says $(gaps "$log/log-2")"
! verify || fail "what was taken away is not missed: $(cat "$work/verdict")"

say "the whole folder: a new one is begun in its place, and says why"
start_cordond
rm -r "$log"
blocked 5
wait_until 90 [ -s "$log/0000000001.cordon" ] || fail "no other is begun: $(status 's["audit"]')"
blocked 5
wait_until 60 state_is recording || fail "$(status 's["audit"]')"
stop_cordond
python3 "$here/audit_read.py" "$log" changes | says '"what": "log-begun"' || fail "it does not say why it was begun"
verify || fail "$(cat "$work/verdict")"
