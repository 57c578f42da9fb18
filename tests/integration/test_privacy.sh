#!/bin/bash
# What is recorded of clients, and what is removed: pseudonyms that end with their key, no address anywhere else, removal
# on the record through the daemon and without it, ended at each call that changes a file.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.origin]=resolver.test/audit
option[audit.queries]=on
option[audit.client]=pseudonym
option[audit.names]=hashed
log="$work/state/audit"
config=(-c "$work/cordond.yaml")

ask() { # COUNT WORD: questions, one half of them blocked
  for ((i = 0; i < $1; i++)); do echo "$2$i.blocked.test A" && echo "$2$i.private-life.test A"; done >"$work/questions"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$((2 * $1)) " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
}
safe() { status_is 's["audit"]["'"$1"'"]["safe"] >= '"$2"; }
verify() { "$cordon" audit verify "${config[@]}" >"$work/verdict" 2>&1; }
forget() { "$cordon" audit forget "${config[@]}" "$@"; }

say "with pseudonyms neither the log nor a line has the address, and questions have no name"
write_config
start_cordond
ask 50 a
wait_until 60 safe decisions 50 || fail "not recorded: $(status 's["audit"]')"
wait_until 60 safe queries 100 || fail "not recorded: $(status 's["audit"]')"
wait_until 60 grep -q '"client":"k:[0-9-]*:[0-9a-f]*","client_port":null' "$work/events.jsonl" || fail "the lines: $(head -n 1 "$work/events.jsonl")"
! grep -q '"client":"127' "$work/events.jsonl" || fail "an address in the lines"
python3 "$here/audit_read.py" "$log" >"$work/events"
! grep -qE 'private-life|"client": "047f' "$work/events" || fail "in clear: $(grep -m 1 -E 'private-life|"client": "047f' "$work/events")"
keys=("$work"/state/audit-keys/*.key)
[ "${#keys[@]}" -le 2 ] || fail "${keys[*]}" # one, or midnight has just passed
[ "$(stat -c %a "${keys[0]}")" = 600 ] || fail "the key can be read"

found() { "$cordon" audit search "${config[@]}" --client "$1" --stream decisions,queries --json | wc -l; }
[ "$(found 127.0.0.1)" -ge 100 ] || fail "the client is not found by its address: $(found 127.0.0.1)"
[ "$(found 127.9.9.9)" -eq 0 ] || fail "somebody else is found"

say "the daemon forgets what is older, says who and why, and the log verifies"
! forget --before 1s 2>/dev/null || fail "without a reason"
! forget --before 2200-01-01 --reason later 2>/dev/null || fail "of a time to come"
! forget --before 1s --stream changes --reason x 2>/dev/null || fail "changes"
sleep 1.1 # what is a second old
forget --before 1s --stream queries --reason 'the 30 days are over' >"$work/done" || fail "$(cat "$work/done")"
if "$cordon" audit why --log "$log" q0 >"$work/why" 2>&1; then fail "an event that is forgotten: $(cat "$work/why")"; fi
says 'the events of the block of q0 were removed' <"$work/why" || fail "$(cat "$work/why")"
# What has looked at no record does not say that there is one.
"$cordon" audit search --log "$log" --stream queries >"$work/why" 2>&1 || true
says 'removed; .cordon audit verify. says whether that is recorded' <"$work/why" || fail "$(cat "$work/why")"
"$cordon" audit report blocks --log "$log" >"$work/why" || fail "$(cat "$work/why")"
says 'removed from the log: .* cordon audit verify says whether that is recorded' <"$work/why" || fail "$(cat "$work/why")"
says '^0 decisions and [1-9][0-9]* queries were removed' <"$work/done" || fail "$(cat "$work/done")"
verify || fail "$(cat "$work/verdict")"
says 'the 30 days are over' <"$work/verdict" || fail "verify does not say why: $(cat "$work/verdict")"
python3 "$here/audit_read.py" "$log" queries >"$work/events"
[ ! -s "$work/events" ] || fail "still there: $(head -n 1 "$work/events")"
[ "$(python3 "$here/audit_read.py" "$log" decisions | wc -l)" -eq 50 ] || fail "decisions went, too"
ask 5 b
wait_until 60 safe decisions 55 || fail "it does not go on: $(status 's["audit"]')"

say "the keys of pseudonyms are destroyed at somebody's wish: records stay"
forget --pseudonyms-before "$(date -u -d tomorrow +%F 2>/dev/null)" --reason 'x' 2>/dev/null && fail "of a day to come"
touch "$work/state/audit-keys/2026-01-02.key"
forget --pseudonyms-before 2026-01-03 --reason 'a person left' >"$work/done" || fail "$(cat "$work/done")"
says '1 keys of pseudonyms destroyed' <"$work/done" || fail "$(cat "$work/done")"
[ ! -e "$work/state/audit-keys/2026-01-02.key" ] || fail "the key is there"
[ -e "${keys[0]}" ] || fail "today's key went, too"
! "$cordon" audit forget --log "$log" --before 1s --reason x 2>"$work/refused" || fail "two writers"
says 'a daemon writes to it' <"$work/refused" || fail "$(cat "$work/refused")"
stop_cordond

say "without a daemon, in the folder; ended at each call that changes a file, nothing is gone without a record"
cp -r "$work/state" "$work/copy"
forget_copy() { "$cordon" audit forget --log "$work/copy/audit" --before 1s --reason "$1"; }
verify_copy() { "$cordon" audit verify --key "$work/state/audit.key.pub" "$work/copy/audit" >"$work/verdict" 2>&1; }
kinds='pwrite64 fdatasync fsync renameat'
export LSAN_OPTIONS=detect_leaks=0 # it cannot look where a process is traced
if strace -o "$work/calls" -e trace="${kinds// /,}" "$cordon" audit forget --log "$work/copy/audit" --before 1s --reason x >/dev/null 2>&1; then
  for kind in $kinds; do
    many=$(grep -c "^$kind(" "$work/calls") || true
    for ((n = 1; n <= many; n++)); do
      rm -rf "$work/copy"
      cp -r "$work/state" "$work/copy"
      (
        strace -o /dev/null -e trace="$kind" -e inject="$kind:signal=KILL:when=$n" \
          "$cordon" audit forget --log "$work/copy/audit" --before 1s --reason 'killed' || true
      ) >/dev/null 2>&1
      verify_copy || says 'unfinished' <"$work/verdict" || fail "$kind $n: $(cat "$work/verdict")"
      forget_copy 'again' >/dev/null || fail "$kind $n: not again"
      verify_copy || fail "$kind $n: $(cat "$work/verdict")"
    done
  done
else
  echo "  (no process can be traced here: the unit tests do this alone)"
fi

say "damage keeps nobody from being forgotten whose record lies behind it, and what it keeps is said"
rm -rf "$work/copy"
cp -r "$work/state" "$work/copy"
python3 - "$work/copy/audit" "$here" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[2])
import audit_tamper
number = audit_tamper.files_of(sys.argv[1])[0]
octets = audit_tamper.read(audit_tamper.path_of(sys.argv[1], number))
octets[audit_tamper.blocks(octets)[0][0]] ^= 1
audit_tamper.write(audit_tamper.path_of(sys.argv[1], number), octets)
PYTHON
found() { "$cordon" audit search --stream all --log "$work/copy/audit" --json 2>/dev/null | grep -vc '"event":"change"' || true; }
[ "$(found)" -gt 0 ] || fail "nothing lies behind the damage"
if forget_copy damaged >"$work/done" 2>&1; then fail "it says that all is done: $(cat "$work/done")"; fi
says 'not all: the file is damaged' <"$work/done" || fail "$(cat "$work/done")"
[ "$(found)" = 0 ] || fail "$(found) events behind the damage are there still: $(cat "$work/done")"
mkdir "$work/copy/audit/log-2" # as if another had been begun: the first cannot be gone on with
rm "$work/copy/audit/"*.cordon
if forget_copy left >"$work/done" 2>&1; then fail "of a log that was left: $(cat "$work/done")"; fi
says 'before log-2' <"$work/done" || fail "$(cat "$work/done")"

say "all of it: the log stays one that was stopped in order"
"$cordon" audit forget --log "$log" --before 1s --reason 'all of it' >"$work/done" || fail "$(cat "$work/done")"
says '^55 decisions' <"$work/done" || fail "$(cat "$work/done")"
verify || fail "$(cat "$work/verdict")"
says 'it was stopped in order' <"$work/verdict" || fail "$(cat "$work/verdict")"
start_cordond
ask 5 c
wait_until 60 safe decisions 60 || fail "it does not go on: $(status 's["audit"]')"
stop_cordond
verify || fail "$(cat "$work/verdict")"
