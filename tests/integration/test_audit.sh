#!/bin/bash
# The audit log as the daemon writes it: what is in it, that it verifies by its files and a public key alone, and that
# neither a kill, a restart, a successor nor a faulty disk makes it lie.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.origin]=resolver.test/audit
log="$work/state/audit"

questions() { # COUNT: that are blocked, each by its own name
  local i
  for ((i = 0; i < $1; i++)); do echo "n$i.blocked.test A"; done >"$work/questions"
}
blocked() { # COUNT: asks them
  questions "$1"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$1 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
}
verify() { "$cordon" audit verify -c "$work/cordond.yaml" --json "$@" >"$work/verdict"; } # of the newest log: the last line
verdict() { # PYTHON: value of an expression in v
  tail -n 1 "$work/verdict" | python3 -c 'import json, sys; v = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}
holds() { verify || fail "$1: $(cat "$work/verdict")"; }
safe() { status_is 's["audit"]["decisions"]["safe"] >= '"$1"; } # so many decisions are on the disk

say "decisions and changes are recorded from the first start, and the key is printed"
write_config
start_cordond
key=$("$cordon" audit key -c "$work/cordond.yaml")
case $key in resolver.test/audit+*) ;; *) fail "the key: $key" ;; esac
grep -qF "$key" "$work/cordond.log" || fail "the key is not in the log"
[ "$(stat -c %a "$work/state/audit.key")" = 600 ] || fail "the secret key can be read"
blocked 200
wait_until 30 safe 200 || fail "not recorded: $(status 's["audit"]')"
wait_until 30 verify || fail "while it is written: $(cat "$work/verdict")" # its last frame may be under way
stop_cordond
verify --key "$key" "$log" || fail "$(cat "$work/verdict")"
[ "$(verdict 'v["decisions"], v["queries"], v["stopped"], v["gaps"]')" = '(200, 0, True, 0)' ] || fail "$(cat "$work/verdict")"
python3 "$here/audit_read.py" "$log" changes >"$work/changes"
for what in start configuration audit-key list-in-force stop; do
  says "\"what\": \"$what\"" <"$work/changes" || fail "no $what in $(cat "$work/changes")"
done
says '"list": "one".*"serial": 1.*"subject": "[0-9A-F]* [0-9A-F]*"' <"$work/changes" || fail "the list: $(cat "$work/changes")"
b2sum -l 256 <("$cordon" check --print "$work/cordond.yaml") | cut -d ' ' -f 1 >"$work/digest"
says -F "$(cat "$work/digest")" <"$work/changes" || fail "the configuration's digest"

say "another key, a flipped bit and a removed file are found"
! verify --key "${key%%+*}+00000000+AAAA" "$log" 2>/dev/null || fail "a key that is none"
cp -r "$log" "$work/copy"
python3 - "$work/copy/0000000001.cordon" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    octets = bytearray(file.read())
    octets[len(octets) // 2] ^= 4
    file.seek(0)
    file.write(octets)
PYTHON
! verify --key "$key" "$work/copy" || fail "a flipped bit: $(cat "$work/verdict")"
truncate -s -700 "$work/copy/0000000001.cordon"
! verify --key "$key" "$work/copy" || fail "a cut end: $(cat "$work/verdict")"

say "a reload tells of lists that came and of a configuration; a pause of who did it and why"
start_cordond
new_list one 2 <<<'block suffix blocked.test
block suffix more.test'
reload
"$cordon" pause one --for 10m --reason 'an invoice' -c "$work/cordond.yaml" >/dev/null
option[policy.block-ttl]=77s
write_config
reload
cp "$work/cordond.yaml" "$work/good.yaml"
echo 'nonsense: 1' >>"$work/cordond.yaml"
! "$cordon" reload --socket "$work/control.sock" >"$work/reload" 2>&1 || fail "a bad configuration is taken"
mv "$work/good.yaml" "$work/cordond.yaml"
stop_cordond
holds "after a reload"
python3 "$here/audit_read.py" "$log" changes >"$work/changes"
says '"serial": 2,.*"what": "list-in-force"' <"$work/changes" || fail "no serial 2"
says '"reason": "an invoice".*"user": .*"what": "pause-begun"' <"$work/changes" || fail "no pause"
[ "$(grep -c '"what": "configuration"' "$work/changes")" -ge 2 ] || fail "one configuration"
says '"by": "control".*nonsense.*"subject": "asked".*"what": "reload-refused"' <"$work/changes" || fail "who asked for what was refused"

say "a kill at any instant: the next run goes on at the last whole block"
for turn in 1 2 3 4; do
  start_cordond
  questions 300
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 >"$work/dnsperf" 2>&1 &
  load=$!
  sleep "0.$((turn * 3 % 10))"
  kill -KILL "$cordond_pid"
  wait "$cordond_pid" 2>/dev/null || true
  kill -KILL "$load" 2>/dev/null || true # itself: what it has still to ask would come to a later run
  wait "$load" 2>/dev/null || true
  cordond_pid=
done
start_cordond
# Its own checkpoint: so its start is on the disk, not only those of the runs before.
wait_until 30 status_is 's["audit"]["checkpoint"] is not None' || fail "$(status 's["audit"]')"
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
start_cordond
stop_cordond
holds "after kills"
[ "$(verdict 'v["stopped"]')" = True ] || fail "$(cat "$work/verdict")"
unended=$(verdict 'v["unended"]') # those that lived long enough to write that they had begun
[ "$unended" -ge 1 ] || fail "the last kill is not told: $(cat "$work/verdict")"
"$cordon" audit verify -c "$work/cordond.yaml" | says "$unended runs* did not end in order" || fail "the kills are not told"

say "a successor takes the log over without a loss, and there are never two writers"
start_cordond
wait_until 30 verify || fail "$(cat "$work/verdict")"
before=$(verdict 'v["decisions"]')
(for ((i = 0; i < 2000; i++)); do echo "s$i.blocked.test A"; done) >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -Q 1000 -c 4 -t 30 >"$work/dnsperf" 2>&1 &
load=$!
old=$cordond_pid
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait "$load" || fail "$(cat "$work/dnsperf")"
grep -qE "Queries completed: +2000 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
wait "$old" || fail "the predecessor: $?"
wait_until 30 status_is 's["audit"]["state"] == "recording"' || fail "$(status 's["audit"]')"
[ "$(status 'sum(s["audit"][x]["lost"] for x in ("decisions", "queries", "changes"))')" = 0 ] || fail "lost: $(status 's["audit"]')"
stop_cordond
holds "after a successor"
[ "$(verdict 'v["unended"]')" -eq "$unended" ] || fail "a successor is no kill: $(cat "$work/verdict")"
[ "$(verdict 'v["decisions"]')" -eq $((before + 2000)) ] || fail "$before, then $(cat "$work/verdict")"
python3 "$here/audit_read.py" "$log" changes >"$work/changes"
says 'another process has taken over' <"$work/changes" || fail "the predecessor's end is not there"

say "a log that is damaged is left as it is, and another is begun beside it"
printf XXXXXXXX | dd of="$log/0000000001.cordon" bs=1 seek=400 conv=notrunc status=none
printf '' >"$log/head" # and what was signed last is gone, too
cp "$log/0000000001.cordon" "$work/as-it-was"
start_cordond
blocked 10
wait_until 30 safe 10 || fail "$(status 's["audit"]')"
[ "$(status 's["audit"]["directory"]')" = "$log/log-2" ] || fail "$(status 's["audit"]')"
status_is 's["audit"]["another_left"]' || fail "no alarm"
status_is 's["audit"]["octets"] > '"$(stat -c %s "$work/as-it-was")" || fail "the bound is not for all: $(status 's["audit"]')"
{ "$cordon" status -c "$work/cordond.yaml" || true; } | says 'another was begun' || fail "nothing to look at"
stop_cordond
cmp "$log/0000000001.cordon" "$work/as-it-was" || fail "the damaged log was changed"
! verify || fail "$(cat "$work/verdict")"
[ "$(verdict 'v["integrity"]["holds"], v["completeness"]["holds"], v["origin"]')" = "(True, True, 'resolver.test/audit-2')" ] ||
  fail "the other log: $(cat "$work/verdict")"
python3 "$here/audit_read.py" "$log/log-2" changes | says '"what": "log-begun"' || fail "it does not say why it was begun"

say "an event of the later log by its id: searched for, explained, proven; and a later log that is lost is missed"
ids() { { "$cordon" audit search --log "$log" --json --quiet "$@" 2>/dev/null || true; } | python3 -c 'import json, sys; print(*[json.loads(line)["id"] for line in sys.stdin])'; }
says ' 2-d0 .* 2-d9$' <<<" $(ids)" || fail "not found: $(ids)"
[ "$(ids --after 2-d7)" = "2-d8 2-d9" ] || fail "behind 2-d7: $(ids --after 2-d7)"
"$cordon" audit why -c "$work/cordond.yaml" 2-d3 >"$work/why" || fail "why: $(cat "$work/why")"
says 2-d3 <"$work/why" || fail "$(cat "$work/why")"
"$cordon" audit prove -c "$work/cordond.yaml" --output "$work/2-d3.proof" 2-d3
"$cordon" audit check --key "$("$cordon" audit key -c "$work/cordond.yaml")" "$work/2-d3.proof" >"$work/out" || fail "$(cat "$work/out")"
says '^PROVEN: event 2-d3 is in the log resolver.test/audit-2$' <"$work/out" || fail "$(cat "$work/out")"
cp "$log/log-2/head" "$work/head-2"
"$cordon" audit verify --key "$work/state/audit.key.pub" --checkpoint "$work/head-2" "$log" >"$work/out" 2>&1 || true
says 'integrity     holds' <"$work/out" || fail "the log that has it: $(cat "$work/out")"
cp -r "$log" "$work/lost"
rm -r "$work/lost/log-2"
! "$cordon" audit verify --key "$work/state/audit.key.pub" --checkpoint "$work/head-2" "$work/lost" >"$work/out" 2>&1 || fail "nothing is missed"
says 'there is no log 2, which the checkpoint of --checkpoint' <"$work/out" || fail "$(cat "$work/out")"
rm -r "$work/lost"
start_cordond
[ "$(status 's["audit"]["directory"]')" = "$log/log-2" ] || fail "$(status 's["audit"]')"
stop_cordond

say "a log of version 2 of the format is left as it is, another is begun beside it, and every command says why"
mv "$work/state/audit" "$work/state/audit-before"
start_cordond
blocked 10
wait_until 30 safe 10 || fail "$(status 's["audit"]')"
stop_cordond
printf '\002' | dd of="$log/0000000001.cordon" bs=1 seek=4 conv=notrunc status=none
cp "$log/0000000001.cordon" "$work/version-2"
start_cordond
blocked 10
wait_until 30 safe 10 || fail "$(status 's["audit"]')"
[ "$(status 's["audit"]["directory"]')" = "$log/log-2" ] || fail "$(status 's["audit"]')"
stop_cordond
cmp "$log/0000000001.cordon" "$work/version-2" || fail "the log of version 2 was changed"
[ "$(python3 "$here/audit_read.py" "$log/log-2" decisions | wc -l)" -eq 10 ] || fail "the log beside it"
! verify || fail "$(cat "$work/verdict")"
[ "$(head -n 1 "$work/verdict" | python3 -c 'import json, sys; print(json.load(sys.stdin)["integrity"]["fault"])')" = another-version ] ||
  fail "$(cat "$work/verdict")"
for words in "search --log $log" "prove -c $work/cordond.yaml d0"; do
  # shellcheck disable=SC2086 # words
  { "$cordon" audit $words 2>&1 || true; } | says 'version' || fail "cordon audit $words says nothing of it"
done
! "$cordon" audit forget --log "$log" --before 1s --reason test >"$work/out" 2>&1 || fail "forgotten: $(cat "$work/out")"
says 'not done, or not all' <"$work/out" || fail "$(cat "$work/out")"
says 'version' <"$work/out" || fail "cordon audit forget does not say why: $(cat "$work/out")"
cmp "$log/0000000001.cordon" "$work/version-2" || fail "the log of version 2 was changed"
! python3 "$here/audit_read.py" "$log" >/dev/null 2>"$work/out" || fail "the other reader takes it"
says 'not version 4' <"$work/out" || fail "$(cat "$work/out")"
rm -r "$work/state/audit"
mv "$work/state/audit-before" "$work/state/audit"

say "what was removed leaves room below the bound: recording goes on in the same run"
mv "$work/state/audit" "$work/state/audit-before"
option[audit.octets]=8MiB
option[audit.decisions-octets]=1MiB
option[audit.file]=1MiB
write_config
start_cordond
ask_much() {
  python3 - >"$work/questions" <<'PYTHON'
import random
label = lambda: "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=60))
for i in range(60000):
    print(".".join((label(), label(), label(), "blocked.test A")))
PYTHON
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -t 30 >"$work/dnsperf" 2>&1
}
# Each has more than 100 octets that cannot be packed. On a slow machine removal keeps pace, and nothing is lost.
bound_is_met() { status_is 's["audit"]["decisions"]["lost"] > 0 or s["audit"]["decisions"]["recorded"] > 100000'; }
for _ in 1 2 3; do
  ask_much
  ! wait_until 30 bound_is_met || break
done
bound_is_met || fail "the bound was not met: $(status 's["audit"]')"
wait_until 90 status_is 's["audit"]["decisions"]["removed"] > 0 and s["audit"]["state"] == "recording"' || fail "$(status 's["audit"]')"
recorded=$(status 's["audit"]["decisions"]["recorded"]')
goes_on() { blocked 1; status_is 's["audit"]["decisions"]["recorded"] > '"$recorded"; }
wait_until 30 goes_on || fail "nothing is recorded any more: $(status 's["audit"]')"
stop_cordond
verify --key "$work/state/audit.key.pub" "$work/state/audit" || fail "$(cat "$work/verdict")"
rm -r "$work/state/audit"
mv "$work/state/audit-before" "$work/state/audit"
unset 'option[audit.octets]' 'option[audit.decisions-octets]' 'option[audit.file]'

say "the bound is one for all logs of the folder; what waited for the log is counted there, and changes are recorded behind it"
truncate -s 9M "$log/0000000001.cordon"
option[audit.octets]=8MiB
write_config
python3 "$here/audit_read.py" "$log/log-2" changes >"$work/before"
exec 9>>"$log/log-2/lock"
flock -n 9 || fail "the log is in use"
start_cordond 9>&-
blocked 10
wait_until 30 status_is 's["audit"]["waiting_octets"] > 0' || fail "$(status 's["audit"]')"
exec 9>&-
wait_until 30 status_is 's["audit"]["state"] == "bound" and s["audit"]["waiting_octets"] == 0' || fail "$(status 's["audit"]')"
wait_until 30 status_is 's["audit"]["decisions"]["lost"] == 10' || fail "$(status 's["audit"]')"
stop_cordond
python3 "$here/audit_read.py" "$log/log-2" changes | tail -n "+$(($(wc -l <"$work/before") + 1))" >"$work/changes"
python3 -c 'import json, sys
sys.exit(sum(e["count"] for e in map(json.loads, sys.stdin) if e.get("cause") == "bound") != 10)' <"$work/changes" || # in one block, or two
  fail "no gap: $(cat "$work/changes")"
for what in start list-in-force stop; do
  says "\"what\": \"$what\"" <"$work/changes" || fail "no $what in $(cat "$work/changes")"
done
