#!/bin/bash
# Asking the audit log: `cordon audit search`, `top` and `why` against what a real cordond has recorded.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test
block suffix other.example'
new_list two 7 <<<'block suffix two.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce, two: log}'
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.queries]=on
option[audit.origin]=resolver.test/audit
option[server.workers]=1 # ids are in the order in which one worker answered: two are read one after the other
log="$work/state/audit"

search() { "$cordon" audit search --log "$log" "$@"; }
ids() { { search --json --quiet "$@" || true; } | sed 's/.*"id":"\([^"]*\)","time".*/\1/' | paste -sd ' '; }
safe() { status_is "s['audit']['$1']['safe'] >= $2"; }
is() { [ "$1" = "$2" ] || fail "$3: '$1', not '$2'"; }
code() { # EXPECTED COMMAND...
  local wanted=$1 got=0
  shift
  "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$wanted" ] || fail "'$*' gave $got, not $wanted: $(cat "$work/err")"
}

say "what was asked and decided is found"
write_config
start_cordond
before=$(date -u +%Y-%m-%dT%H:%M:%SZ)
for name in a.blocked.test b.blocked.test x.two.test free.test; do ask "$name" A; done
ask a.blocked.test AAAA
wait_until 10 safe decisions 4 || fail "$(status 's["audit"]')"
wait_until 10 safe queries 5 || fail "$(status 's["audit"]')"
reload
"$cordon" pause one --for 10m --reason 'an invoice' -c "$work/cordond.yaml" >/dev/null
ask paused.blocked.test A
wait_until 10 safe decisions 5 || fail "$(status 's["audit"]')"
wait_until 10 safe changes 6 || fail "$(status 's["audit"]')"
is "$(ids)" "d0 d1 d2 d3 d4" "decisions"
is "$(ids --name a.blocked.test --type aaaa)" "d3" "a type"
is "$(ids --provider two --mode log)" "d2" "a provider"
is "$(ids --class designated --list one --action sinkhole)" "d0 d1 d3 d4" "class, list and action"
is "$(ids --authority 'OF THE tests')" "d0 d1 d2 d3 d4" "an authority"
is "$(ids --rule blocked.test --trigger qname --view default)" "d0 d1 d3 d4" "a rule by its name"
all_are_past() { [ "$(ids --client 127.0.0.0/8 --since "$before" --until 0001s)" = "d0 d1 d2 d3 d4" ]; }
wait_until 30 all_are_past || fail "a network, since and until: $(ids --client 127.0.0.0/8 --since "$before" --until 0001s)"
is "$(ids --since 1h --stream queries --name free.test)" "$(ids --stream queries --suffix free.test)" "questions"
is "$(ids --what pause-begun)" "$(ids --stream all --user "$(id -un)")" "a change, by its kind and by who made it"
is "$(ids --what list-in-force --list two | wc -w)" 1 "a list that came into force"
search --stream all --json >"$work/events"
python3 "$here/check_events.py" "$CORDON_ROOT/docs/audit-events.schema.json" "$work/events" || fail "see above"

say "pages follow on; a table, CSV and JSON show the same"
code 0 search --limit 2; says 'there is more: --after d1' <"$work/err" || fail "$(cat "$work/err")"
is "$(ids --limit 2 --after d1)" "d2 d3" "the second page"
is "$(ids --newest --after d2)" "d1 d0" "backwards"
code 1 search --after d4
code 1 search --name other.test --json; [ ! -s "$work/out" ] || fail "nothing found is not nothing: $(cat "$work/out")"
says 'nothing was found; .*audit\.block-time' <"$work/err" || fail "nothing is said of nothing: $(cat "$work/err")"
code 1 search --name other.test --quiet; [ ! -s "$work/err" ] || fail "advice although quiet: $(cat "$work/err")"
code 0 search --name a.blocked.test; [ ! -s "$work/err" ] || fail "something else is said: $(cat "$work/err")"
code 1 search --after d17; says 'there is no event d17' <"$work/err" || fail "$(cat "$work/err")"
is "$(search | awk 'NR > 1 { print $3 }' | tr '\n' ' ')" "d0 d1 d2 d3 d4 " "the table"
is "$(search --csv | python3 -c 'import csv, sys; print(*[row["id"] + row["status_class"] for row in csv.DictReader(sys.stdin)])')" \
  "d0designated d1designated d2designated d3designated d4designated" "CSV"
is "$(search --what pause-begun --csv | python3 -c 'import csv, sys; print([row["reason"] for row in csv.DictReader(sys.stdin)])')" \
  "['an invoice']" "CSV of changes"

say "top counts, by the legal status of then"
top() { "$cordon" audit top --log "$log" "$@" | tr -s ' '; }
is "$(top providers names --count 1 | paste -sd ';')" 'providers; 4 designated one;names; 2 a.blocked.test; 5 events' "top"
is "$("$cordon" audit top --log "$log" providers rules --list two --json)" \
  '{"events":1,"damaged":0,"top":{"providers":[{"key":"two","status_class":"designated","count":1,"error":0}],"rules":[{"key":"block suffix two.test","list":"two","status_class":"designated","count":1,"error":0}]}}' "JSON of top"
code 2 "$cordon" audit top --log "$log" cats
code 2 "$cordon" audit top --log "$log" names names
code 2 "$cordon" audit top --log "$log" --count 0
code 1 "$cordon" audit top --log "$log" --provider three

say "why says what held then, with the rule in the text of then"
new_list one 2 <<<'block suffix blocked.test'
reload
why() { "$cordon" audit why -c "$work/cordond.yaml" "$@"; }
why d1 >"$work/why"
for words in 'asked b.blocked.test A, by 127.0.0.1' 'of list one, serial 1' 'line [0-9]* of its text:' 'designated: the provider' \
  'list then one serial 1 in force since' 'configuration [0-9a-f]\{64\}' 'cordon audit prove d1'; do
  tr -s ' ' <"$work/why" | says "$words" || fail "no '$words' in $(cat "$work/why")"
done
! says paused <"$work/why" || fail "it was paused later: $(cat "$work/why")"
why d4 | says "paused .*one until .*, by $(id -un): an invoice" || fail "$(why d4)"
why --json d1 | python3 -c 'import json, sys; v = json.load(sys.stdin)
assert v["rule_text"]["line"] > 1 and v["list_in_force"]["serial"] == 1 and v["pause_of_list"] is None and v["event"]["id"] == "d1", v'
rm -r "$work/state/lists/one"
why d1 | says 'its text is not kept any more' || fail "$(why d1)"
code 1 why d17; says 'there is no event d17' <"$work/err" || fail "$(cat "$work/err")"
code 1 why 2-d0
code 2 why D1
code 2 why
code 2 why d1 d2

say "what is followed comes as it is written, and ends with its reader"
"$cordon" audit search -c "$work/cordond.yaml" --follow --json --after d4 >"$work/followed" &
follower=$!
pids+=("$follower")
ask later.blocked.test A
followed() { [ -s "$work/followed" ]; }
wait_until 10 followed || fail "nothing came"
says '"id":"d5".*"name":"later.blocked.test"' <"$work/followed" || fail "$(cat "$work/followed")"
kill -TERM "$follower"
got=0
wait "$follower" || got=$?
[ "$got" -eq 143 ] || fail "TERM gave $got"
{ got=0; search --follow --json || got=$?; echo $got >"$work/code"; } | head -n 1 >/dev/null
grep -qE "^(0|141)$" "$work/code" || fail "a reader who left: $(cat "$work/code")"

say "what is no filter, no log and no event is refused"
code 2 search --since yesterday
code 2 search --json --csv
code 2 search --newest --follow
code 2 search --limit 0
code 2 search --after 17
code 2 search word
code 1 search --log "$work/nothing"
code 1 search --provider three

stop_cordond

say "a copy beside the log counts once, and is named"
cp -r "$log" "$work/twice"
cp -r "$log" "$work/twice/log-2"
for order in '' --newest; do
  code 0 "$cordon" audit search --log "$work/twice" --stream all --json $order
  says "$work/twice/log-2: this is a copy of the log in $work/twice, which counts" <"$work/err" || fail "$(cat "$work/err")"
  cp "$work/out" "$work/twice.out"
  code 0 "$cordon" audit search --log "$log" --stream all --json $order
  cmp -s "$work/out" "$work/twice.out" || fail "a copy changes what is found: $(diff "$work/out" "$work/twice.out" | head -n 5)"
done
"$cordon" audit report blocks --log "$log" --format csv >"$work/once" 2>"$work/err" || fail "$(cat "$work/err")"
"$cordon" audit report blocks --log "$work/twice" --format csv >"$work/out" 2>"$work/err" || fail "$(cat "$work/err")"
cmp -s "$work/once" "$work/out" || fail "a copy changes the report: $(diff "$work/once" "$work/out")"
says 'this is a copy' <"$work/err" || fail "a report does not name the copy"
got=0
"$cordon" audit verify --key "$("$cordon" audit key -c "$work/cordond.yaml")" "$work/twice" >"$work/out" 2>&1 || got=$?
[ "$got" = 1 ] || fail "a copy verifies: $(cat "$work/out")"

say "damage is counted and passed over"
cp -r "$log" "$work/copy"
python3 - "$work/copy/0000000001.cordon" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    octets = bytearray(file.read())
    at = [i for i in range(len(octets)) if octets[i:i + 4] == b"CRDK" and octets[i + 4] == 1 and octets[i + 18] == 1]
    octets[at[0] + 4] = 99 # the frame of the first block of decisions
    file.seek(0)
    file.write(octets)
PYTHON
code 1 "$cordon" audit search --log "$work/copy" --json
says 'damaged or missing, and passed over' <"$work/err" || fail "$(cat "$work/err")"
says '"id":"d5"' <"$work/out" || fail "what is behind the damage is not found: $(cat "$work/out")"
! says '"id":"d0"' <"$work/out" || fail "what was damaged is there"

say "damage in a column that only what is shown needs is told as well"
rm -r "$work/copy"
cp -r "$log" "$work/copy"
python3 "$here/audit_tamper.py" "$work/copy" column 10 # latency_us of the largest block of decisions
code 1 "$cordon" audit search --log "$work/copy" --json
says 'what was found in damaged parts of the log was passed over: cordon audit verify' <"$work/err" || fail "$(cat "$work/err")"
says '"id":"d' <"$work/out" || fail "no other block is found"
code 1 "$cordon" audit search --log "$work/copy" --suffix blocked.test --quiet
says 'passed over: cordon audit verify' <"$work/err" || fail "quiet, and with a filter: $(cat "$work/err")"
code 1 "$cordon" audit index --to "$work/damaged.db" "$work/copy"
says 'passed over: cordon audit verify' <"$work/err" || fail "an index: $(cat "$work/err")"
python3 "$here/audit_tamper.py" "$work/copy" column 8
code 1 "$cordon" audit top types --log "$work/copy"
says 'passed over: cordon audit verify' <"$work/err" || fail "top: $(cat "$work/err")"
