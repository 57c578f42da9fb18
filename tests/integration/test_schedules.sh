#!/bin/bash
# Schedules in the running daemon, by a clock that libfaketime sets: each switch within a second, over
# both changes of daylight-saving time, after jumps both ways, with pauses, reloads and waiting
# questions; and the caps of a view. No switch reads a list.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

faketime=$(find /usr/lib -path '*/faketime/libfaketimeMT.so.1' | head -n 1)
[ -n "$faketime" ] || fail "there is no libfaketime: tools/packages test installs it"
kid=127.0.1.9 desk=127.0.2.9

cat >"$work/records" <<'RECORDS'
www.cloud.test 300 A 192.0.2.66
ok.cloud.test 300 A 192.0.2.12
x-delay4000.cloud.test 300 A 192.0.2.67
mirror.cloud.test 300 A 192.0.2.68
shop.cloud.test 300 A 192.0.2.69
plain.test 300 A 192.0.2.10
RECORDS

make_keys list-a list-b list-c
write_list cloud 11 <<'RULES'
block suffix cloud.test
pass exact ok.cloud.test
RULES
# Two rules with words of their own.
sed -i '/^end$/i block exact mirror.cloud.test category=package-mirror scope=cloud confidence=high evidence="the tests say so"\nblock exact shop.cloud.test category=shop scope=consumer confidence=low evidence="the tests say so"' "$work/lists/cloud.list"
sign_list "$work/lists/cloud.list"

start_fake "$upstream_port" --log "$work/asked" --records "$work/records"
option[server.workers]=1
option[lists.use]='{cloud: enforce}'
option[policy.block-ttl]=1s
option[schedules.night]='{zone: Europe/Berlin, hours: ["02:30-03:00"]}'
option[schedules.friday]='{zone: Pacific/Apia, days: [fri]}'
option[views.kids]='{clients: [127.0.1.0/24], use: {cloud: log}, when: [{schedule: night, lists: {cloud: {mode: enforce, action: nxdomain}}}, {schedule: friday, mode: log}]}'
option[views.desks]='{clients: [127.0.2.0/24], categories: {package-mirror: log, shopp: "off"}, scopes: {consumer: "off"}, confidence: {log: low, apply: medium}}'
write_config

say "cordon check shows schedules and caps, and says what is wrong with them"
"$cordon" check "$work/cordond.yaml" >"$work/check" 2>&1 || fail "check: $(cat "$work/check")"
says -E '^  view desks: clients 127.0.2.0/24; mode enforce, default allow; lists cloud; at most: category package-mirror log, category shopp off, scope consumer off, confidence below medium log$' "$work/check" || fail "$(cat "$work/check")"
says -E '^  view kids: .*; now by schedule: (night|friday|none)$' "$work/check" || fail "$(cat "$work/check")"
says -E '^  schedule night: (holds until|does not hold, next from) [A-Z][a-z]{2} 20[0-9-]{8} (02:30|03:00) \(Europe/Berlin\)$' "$work/check" || fail "$(cat "$work/check")"
says -F 'warning: views.desks.categories: no rule of the lists in use has the category shopp; there are object-storage, package-mirror, shop' "$work/check" ||
  says -E 'views.desks.categories: no rule of the lists in use has the category shopp; there are .*package-mirror' "$work/check" || fail "$(cat "$work/check")"
"$cordon" check --print "$work/cordond.yaml" >"$work/printed.yaml" 2>/dev/null
"$cordon" check --print "$work/printed.yaml" 2>/dev/null | cmp - "$work/printed.yaml" || fail "what is printed does not read back the same"
sed 's,Europe/Berlin,Europe/Berlim,' "$work/cordond.yaml" >"$work/nowhere.yaml"
if "$cordon" check "$work/nowhere.yaml" >"$work/check" 2>&1; then fail "a zone that is not there is taken"; fi
says -E 'schedules.night.zone: there is no time zone Europe/Berlim \(/usr/share/zoneinfo/Europe/Berlim: .*\): correct the name .* or install the package tzdata' "$work/check" || fail "$(cat "$work/check")"
sed -E 's/^( *friday: ).*/\1{zone: Pacific\/Apia, days: [fri], dates: [2030-01-01, 2020-01-03]}/' "$work/cordond.yaml" >"$work/never.yaml"
"$cordon" check "$work/never.yaml" >"$work/check" 2>&1 || fail "$(cat "$work/check")"
says -E '^warning: schedules.friday: does not hold in the next 400 days: are days, dates and except meant so' "$work/check" || fail "$(cat "$work/check")"

clock=$work/faketime
set_clock() { # "2026-03-28 01:29:57", UTC
  local offset=$(($(date -u -d "$1" +%s) - $(date +%s)))
  case $offset in -*) ;; *) offset=+$offset ;; esac
  echo "$offset" >"$clock.new"
  mv "$clock.new" "$clock"
}
set_clock "2026-03-28 01:20:00"
# A sanitizer wants to come first.
sanitizer=$(ldd "$cordond" | sed -n 's/.*=> \(.*lib[at]san[^ ]*\) .*/\1/p' | head -n 1)
LD_PRELOAD="${sanitizer:+$sanitizer }$faketime" FAKETIME_TIMESTAMP_FILE="$clock" FAKETIME_NO_CACHE=1 \
  FAKETIME_DONT_FAKE_MONOTONIC=1 "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 30 cordond_is_up || fail "cordond does not answer"

is_blocked() { ask www.cloud.test A --source "$kid"; [[ $answer == *"rcode NXDOMAIN"* ]]; }
is_open() { ask www.cloud.test A --source "$kid"; [[ $answer == *"A 192.0.2.66"* ]]; }
schedule_is() { status_is "[v['schedule'] for v in s['views'] if v['name'] == 'kids'] == [$1]"; }
generation() { status 's["generation"]'; }
events_of() { # SCHEDULE as JSON: how often it began
  grep '"event":"schedule"' "$work/events.jsonl" | grep -c "\"view\":\"kids\",\"schedule\":$1," || true
}

say "a switch comes with its minute, within a second, and decides about questions that wait"
is_open || fail "blocked before its time: $answer"
schedule_is None || fail "$(status 's["views"]')"
status_is "[(x['holds'], x['changes']) for x in s['schedules'] if x['name'] == 'night'] == [(False, '2026-03-28T01:30:00Z')]" || fail "$(status 's["schedules"]')"
written() { [ "$(events_of "$1")" = "$2" ]; }
nights=0
switches() { # exit status 1: it came later than within a second, as on a machine that stands still
  set_clock "2026-03-28 01:29:57"
  python3 "$here/ask.py" 127.0.0.1 "$port" x-delay4000.cloud.test A --source "$kid" --timeout 20 >"$work/waited" &
  waited=$!
  wait_until 60 is_blocked || fail "not blocked in its time: $answer"
  wait "$waited"
  says NXDOMAIN "$work/waited" || fail "a question that waited over the switch: $(cat "$work/waited")"
  schedule_is "'night'" || fail "$(status 's["views"]')"
  nights=$((nights + 1))
  wait_until 60 written '"night"' "$nights" || fail "$(grep schedule "$work/events.jsonl")"
  if grep '"event":"schedule"' "$work/events.jsonl" | says '"time":"2026-03-28T01:30:00\.[0-9]*Z","view":"kids","schedule":"night","before":null,"mode":"enforce","action":"sinkhole","default":"allow"'; then
    return
  fi
  set_clock "2026-03-28 01:20:00" # once more
  wait_until 60 is_open || fail "not open again: $answer"
  wait_until 60 written null "$nights" || fail "$(grep schedule "$work/events.jsonl")"
  return 1
}
once_in 3 switches || fail "not within a second: $(grep '"event":"schedule"' "$work/events.jsonl")"
ask www.cloud.test; expect 'answer www.cloud.test\. 1 A 0\.0\.0\.0' # the default view is as it was
ask ok.cloud.test A --source "$kid"; expect 'answer .* A 192\.0\.2\.12'
"$cordon" lists --socket "$work/control.sock" | says -E '^  night +holds until 2026-03-28T02:00:00Z \(Europe/Berlin\)$' || fail "$("$cordon" lists --socket "$work/control.sock")"
{ "$cordon" status --socket "$work/control.sock" || true; } | says 'now by schedule: night' || fail "status does not say it"

say "a pause lets through what the schedule blocks, and its end does not"
"$cordon" pause cloud --for 10m --reason "a test" --socket "$work/control.sock" >/dev/null
is_open || fail "a pause does not let through: $answer"
"$cordon" pause end cloud --socket "$work/control.sock" >/dev/null
is_blocked || fail "after the pause: $answer"
reload || fail "$(cat "$work/reload")"
is_blocked || fail "after a reload: $answer"

say "explain says what holds at another time, and which cap keeps a rule from counting"
explain() { "$cordon" explain "$@" -c "$work/cordond.yaml" 2>&1; }
explain www.cloud.test --client "$kid" --at 2026-03-28T01:29:59Z | says 'let through, with an event' || fail "$(explain www.cloud.test --client "$kid" --at 2026-03-28T01:29:59Z)"
explain www.cloud.test --client "$kid" --at 2026-03-28T01:30:00Z | says 'blocked, nxdomain' || fail "$(explain www.cloud.test --client "$kid" --at 2026-03-28T01:30:00Z)"
explain mirror.cloud.test --client "$desk" | says 'the view only records its category' || fail "$(explain mirror.cloud.test --client "$desk")"
explain shop.cloud.test --client "$desk" | says -E 'does not count.* its scope' || fail "$(explain shop.cloud.test --client "$desk")"

say "it ends with its minute"
set_clock "2026-03-28 01:59:58"
wait_until 60 is_open || fail "still blocked: $answer"
wait_until 60 written null "$nights" || fail "$(grep schedule "$work/events.jsonl")"

say "an hour that does not exist does not come"
set_clock "2026-03-29 00:59:57" # 01:59:57 there; 01:00:00 is 03:00:00
over() { status_is "[x['changes'] for x in s['schedules'] if x['name'] == 'night'] == ['2026-03-30T00:30:00Z']"; }
wait_until 60 over || fail "$(status 's["schedules"]')"
sleep_until_over=$(events_of '"night"')
set_clock "2026-03-29 01:00:10"
is_open || fail "blocked in an hour that is not: $answer"
[ "$(events_of '"night"')" = "$sleep_until_over" ] || fail "a switch in an hour that is not"

say "an hour that is repeated comes twice"
set_clock "2026-10-25 00:29:58"
wait_until 60 is_blocked || fail "02:30 for the first time: $answer"
set_clock "2026-10-25 00:59:58"
wait_until 60 is_open || fail "02:00 for the second time: $answer"
set_clock "2026-10-25 01:29:58"
wait_until 60 is_blocked || fail "02:30 for the second time: $answer"
set_clock "2026-10-25 01:59:58"
wait_until 60 is_open || fail "03:00: $answer"

say "a clock that is set is followed both ways"
set_clock "2026-03-28 01:45:00"
wait_until 60 is_blocked || fail "back: $answer"
set_clock "2031-07-01 12:00:00"
wait_until 60 is_open || fail "forward: $answer"
set_clock "2026-03-26 12:00:00" # Friday in Samoa
in_samoa() { schedule_is "'friday'"; }
wait_until 60 in_samoa || fail "$(status 's["views"]')"

say "categories, scopes and confidence lower what rules do, in their view alone"
ask_table <<TABLE
mirror.cloud.test | answer mirror.cloud.test\. 1 A 0\.0\.0\.0
shop.cloud.test | answer shop.cloud.test\. 1 A 0\.0\.0\.0
# recorded instead of blocked, whatever the shorter rule says; with off that one says its word
mirror.cloud.test A --source $desk | answer mirror.cloud.test\. [0-9]+ A 192\.0\.2\.68
shop.cloud.test A --source $desk | answer shop.cloud.test\. 1 A 0\.0\.0\.0
www.cloud.test A --source $desk | answer www.cloud.test\. 1 A 0\.0\.0\.0
ok.cloud.test A --source $desk | answer ok.cloud.test\. [0-9]+ A 192\.0\.2\.12
TABLE
option[views.desks]='{clients: [127.0.2.0/24], categories: {package-mirror: log, object-storage: "off"}, confidence: {log: low, apply: medium}}'
write_config
reload || fail "$(cat "$work/reload")"
ask_table <<TABLE
mirror.cloud.test A --source $desk | answer mirror.cloud.test\. [0-9]+ A 192\.0\.2\.68
shop.cloud.test A --source $desk | answer shop.cloud.test\. [0-9]+ A 192\.0\.2\.69
www.cloud.test A --source $desk | answer www.cloud.test\. [0-9]+ A 192\.0\.2\.66
www.cloud.test | answer www.cloud.test\. 1 A 0\.0\.0\.0
TABLE
status_is "[v['categories'] for v in s['views'] if v['name'] == 'desks'] == [{'package-mirror': 'log', 'object-storage': 'off'}]" || fail "$(status 's["views"]')"

say "a reload brings a schedule with another zone after rights were given up"
option[schedules.night]='{zone: America/New_York, hours: ["00:00-24:00"]}'
write_config
reload || fail "$(cat "$work/reload")"
wait_until 60 is_blocked || fail "a new zone: $answer"
sed -i 's,America/New_York,America/Nowhere,' "$work/cordond.yaml"
if reload; then fail "a zone that is not there is taken by a reload"; fi
says 'there is no time zone America/Nowhere' "$work/reload" || fail "$(cat "$work/reload")"
is_blocked || fail "after a refused reload: $answer"

stop_cordond
python3 "$here/check_events.py" "$schema" "$work/events.jsonl" --rows <<ROWS || fail "see above"
mirror.cloud.test A event=decision view=desks action=log mode=enforce applied=false list=cloud
shop.cloud.test A event=decision view=desks mode=log applied=false
! www.cloud.test A view=desks mode=log
www.cloud.test A event=decision view=kids action=nxdomain mode=enforce applied=true
www.cloud.test A event=decision view=kids mode=log applied=false paused=true
www.cloud.test A event=decision view=kids mode=log applied=false paused=false
x-delay4000.cloud.test A event=decision view=kids applied=true
ROWS
