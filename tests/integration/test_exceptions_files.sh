#!/bin/bash
# Exceptions in files: signed by the real minisign with keys of those who approve, refused as a whole where
# anything is wrong with them, without taking anything away; begun and ended by the second; and rules.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c stranger
minisign -G -W -f -p "$work/keys/board.pub" -s "$work/keys/board.key" </dev/null >/dev/null
start_fake "$upstream_port" --log "$work/asked"
board="$work/board.exceptions"
option[lists.use]='{shop: enforce, other: enforce}'
option[exceptions.files]="[$board]"
option[exceptions.keys]="[$work/keys/board.pub]"
write_config
new_list shop 1 <<'RULES'
block suffix shop.example
block suffix pay.shop.example
block exact only.example
block prefix 192.0.2.0/24
RULES
new_list other 1 <<<"block suffix other.example"

tool() { "$cordon" "$@" --socket "$work/control.sock"; }
is_blocked() { ask "$1" A && grep -q '0\.0\.0\.0' <<<"$answer"; }
is_free() { ask "$1" A && grep -q '192\.0\.2\.1' <<<"$answer"; }
blocked() { is_blocked "$1" || fail "$1 is not blocked: $answer"; }
free() { is_free "$1" || fail "$1 is not let through: $answer"; }
event() { wait_until 20 events_are "$1" "$2" || fail "$the_reply events instead of $1 with: $2"; }
# refused STATUS WORDS COMMAND...
refused() {
  local wanted=$1 words=$2 code=0
  shift 2
  "$@" >"$work/said" 2>&1 || code=$?
  [ "$code" -eq "$wanted" ] || fail "status $code instead of $wanted for $*: $(cat "$work/said")"
  grep -qE -- "$words" "$work/said" || fail "no word of '$words' for $*: $(cat "$work/said")"
}
at() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }
# write_board SERIAL [EXPIRES] <EXCEPTIONS
write_board() {
  {
    printf 'cordon-exceptions 1\nid board\nserial %s\ncreated %s\nexpires %s\n\n' "$1" "$(at '1 hour ago')" "${2:-$(at '30 days')}"
    cat
    echo end
  } >"$board.new"
  mv "$board.new" "$board"
}
sign_board() { # as the approvers do, with the real minisign
  rm -f "$board".*.minisig
  minisign -S -W -s "$work/keys/board.key" -m "$board" -x "$board.board.minisig" </dev/null >/dev/null
}
# an_exception ID SUBJECT [MORE LINES...]
an_exception() {
  local id=$1 subject=$2
  shift 2
  printf 'exception %s\n%s\n' "$id" "$subject"
  [ $# -eq 0 ] || printf '%s\n' "$@"
  printf 'licence GL 5B\napprover B. Lind\nreason a test\n'
  case "$*" in *until*) ;; *) printf 'until %s\n' "$(at '20 days')" ;; esac
}
state_of() { # ID
  tool exception list --json | python3 -c 'import json, sys
print(*[e["state"] for e in json.load(sys.stdin) if e["id"] == sys.argv[1]])' "$1"
}
is_state() { [ "$(state_of "$1")" = "$2" ]; }

say "a signed file counts from the start, and each use says who approved it by which licence"
{
  an_exception mail "name mail.shop.example" "scope chain"
  an_exception rule "rule shop: block suffix pay.shop.example" "scope chain"
  an_exception net "name other.example" "scope chain"
} | write_board 1
refused 1 'no terminal|needed' "$cordon" exception check --keys "$work/keys/board.pub" "$board" # nobody has signed
sign_board
"$cordon" exception check --keys "$work/keys/board.pub" "$board" >"$work/said" || fail "$(cat "$work/said")"
says 'rule .*shop: block suffix pay.shop.example' <"$work/said" || fail "$(cat "$work/said")"
"$cordon" check "$work/cordond.yaml" >/dev/null || fail "cordon check refuses it"
start_cordond
free mail.shop.example
free x.other.example
blocked www.shop.example
blocked pay.shop.example # by the shorter rule, which still counts
event 1 'e["event"] == "exceptions" and e["what"] == "taken" and e["id"] == "board" and e["serial"] == 1 and e["exceptions"] == 3 and len(e["keys"]) == 1'
event 2 'e["event"] == "decision" and e["exception_id"] == "mail" and e["licence"] == "GL 5B" and e["approver"] == "B. Lind" and e["action"] == "pass"'
status_is 's["changes"]["exceptions"] == 3 and s["changes"]["exception_files"][0]["refused"] is None' || fail "status: $(cat "$work/status.json")"

say "one rule does not count, while all others do"
{
  an_exception rule "rule shop: block suffix shop.example" "scope chain"
} | write_board 2
sign_board
reload || fail "reload: $(cat "$work/reload")"
free www.shop.example
free mail.shop.example
blocked pay.shop.example # by its own rule
blocked x.other.example
event 2 'e["event"] == "decision" and e["exception"] == "shop: block suffix shop.example" and e["rule"] == "block suffix shop.example" and e["exception_id"] == "rule"'

say "whatever is wrong with a file takes nothing away, and is told"
good() { cp "$board" "$work/good"; cp "$board.board.minisig" "$work/good.minisig"; }
again() { rm -f "$board"*; cp "$work/good" "$board"; cp "$work/good.minisig" "$board.board.minisig"; }
good
count=0
stays() { # WORDS of the refusal
  count=$((count + 1))
  reload || fail "reload: $(cat "$work/reload")"
  free www.shop.example
  blocked pay.shop.example
  status_is 's["changes"]["exceptions"] == 1' || fail "status: $(cat "$work/status.json")"
  status 's["changes"]["exception_files"][0]["refused"]' | says -E "$1" || fail "status has no '$1': $(status 's["changes"]["exception_files"]')"
  event $count 'e["event"] == "exceptions" and e["what"] == "refused" and e["id"] == "board" and e["serial"] == 2'
  code=0
  tool status >"$work/said" || code=$?
  [ "$code" -eq 1 ] || fail "status $code although a file was refused"
  says 'file of exceptions was refused' <"$work/said" || fail "$(cat "$work/said")"
  # What is in force, the daemon alone knows.
  [ "${2:-}" = running ] || refused 1 "$1" "$cordon" check "$work/cordond.yaml"
  again
}
rm "$board"; stays 'cannot be read'
echo "# more" >>"$board"; stays 'have signed'
an_exception more "name more.example" | write_board 3; stays 'have signed'
an_exception more "name more.example" | write_board 3
rm -f "$board".*.minisig
"$cordon" exception sign --key "$work/keys/stranger.key" "$board" >/dev/null
stays 'have signed' # a foreign key
an_exception more "name more.example" | write_board 3
rm -f "$board".*.minisig
"$cordon" exception sign --key "$work/keys/list-a.key" "$board" >/dev/null
stays 'have signed' # who signs lists does not sign exceptions from them
an_exception more "name more.example" | write_board 3 "$(at '1 minute ago')"; sign_board; stays 'this file is over since'
an_exception more "name MORE.example" | write_board 3; sign_board; stays 'board.exceptions:8:6: names are written in lower case'
an_exception more "name more.example" "until 2099-01-01T00:00:00Z" | write_board 3; sign_board; stays '366 days'
an_exception more "name more.example" | write_board 1; sign_board; stays 'lower than that in force' running
an_exception more "name more.example" | write_board 2; sign_board; stays 'serial 2 still' running
rm "$board"; mkfifo "$board"; stays 'cannot be read'
reload || fail "reload: $(cat "$work/reload")"
status_is 's["changes"]["exception_files"][0]["refused"] is None' || fail "the fault stays: $(cat "$work/status.json")"

say "without any signature: as the configuration says"
an_exception rule "rule shop: block suffix shop.example" "scope chain" | write_board 4
rm -f "$board".*.minisig
reload || fail "reload: $(cat "$work/reload")"
status_is 's["changes"]["exception_files"][0]["serial"] == 4 and s["changes"]["exception_files"][0]["keys"] == []' || fail "$(cat "$work/status.json")"
tool exception add x.other.example --for 1h --ticket T --reason R --scope chain >/dev/null
free x.other.example
option[exceptions.signed]=required
write_config
reload || fail "reload: $(cat "$work/reload")"
blocked x.other.example
free www.shop.example # goes on
status 's["changes"]["exception_files"][0]["refused"]' | says 'have signed' || fail "unsigned and taken: $(status 's["changes"]')"
tool exception list | says 'only signed files' || fail "$(tool exception list)"
refused 1 'only exceptions in signed files count' tool exception add y.other.example --for 1h --ticket T --reason R
sign_board
reload || fail "reload: $(cat "$work/reload")"
status_is 's["changes"]["exception_files"][0]["refused"] is None' || fail "$(cat "$work/status.json")"
option[exceptions.signed]=optional
write_config
reload || fail "reload: $(cat "$work/reload")"
free x.other.example
tool exception remove x.other.example >/dev/null

say "keys that sign lists are refused as keys of exceptions"
option[exceptions.keys]="[$work/keys/list-a.pub]"
write_config
refused 1 'signs lists' "$cordon" check "$work/cordond.yaml"
cp "$work/keys/list-a.pub" "$work/keys/other-name.pub"
option[exceptions.keys]="[$work/keys/other-name.pub]"
write_config
refused 1 'signs lists' "$cordon" check "$work/cordond.yaml"
option[exceptions.keys]="[$work/keys/board.pub]"
write_config

say "they begin and end by the second, and it is told"
serial=5
for seconds in 5 15 60; do # longer if the machine was too slow to look before the first time
  {
    an_exception "soon-$serial" "name soon.other.example" "scope chain" "from $(at "$seconds seconds")"
    an_exception "brief-$serial" "name brief.other.example" "scope chain" "until $(at "$((seconds + 2)) seconds")"
    an_exception long "name long.other.example" "scope chain" "until $(at '5 days')"
    an_exception gone "rule shop: block suffix gone.example"
  } | write_board "$serial"
  from=$(sed -n 's/^from //p' "$board")
  sign_board
  reload || fail "reload: $(cat "$work/reload")"
  ask brief.other.example A
  was_free=$answer
  state=$(state_of "soon-$serial")
  ask soon.other.example A
  was_blocked=$answer
  if [[ $(at now) < $from ]]; then break; fi
  serial=$((serial + 1))
done
[[ $was_free == *192.0.2.1* ]] || fail "brief.other.example is not let through: $was_free"
[ "$state" = waiting ] || fail "$state: $(tool exception list)"
[[ $was_blocked == *0.0.0.0* ]] || fail "soon.other.example is not blocked: $was_blocked"
is_state gone rule-gone || fail "$(tool exception list)"
event 1 'e["event"] == "change" and e["what"] == "exception-rule-gone" and e["id"] == "gone" and e["rule"] == "shop: block suffix gone.example"'
wait_until 90 is_free soon.other.example || fail "it does not begin"
wait_until 90 is_blocked brief.other.example || fail "it does not end"
event 1 'e["event"] == "change" and e["what"] == "exception-begun" and e["id"] == "soon-'"$serial"'" and e["by"] == "cordond" and e["file"].endswith("board.exceptions")'
event 1 'e["event"] == "change" and e["what"] == "exception-expired" and e["id"] == "brief-'"$serial"'" and e["licence"] == "GL 5B"'
is_state "brief-$serial" over || fail "$(tool exception list)"
is_state "soon-$serial" in-force || fail "$(tool exception list)"
reload || fail "reload: $(cat "$work/reload")"
blocked brief.other.example
event 1 'e["event"] == "change" and e["what"] == "exception-expired" and e["id"] == "brief-'"$serial"'"' # once
option[exceptions.warn]=4d
write_config
reload || fail "reload: $(cat "$work/reload")"
event 0 'e["event"] == "change" and e["what"] == "exception-ending"'
{
  an_exception long "name long.other.example" "scope chain" "until $(at '3 days')" "from $(at '2 days ago')"
  an_exception gone "rule shop: block exact only.example"
} | write_board $((serial + 1))
sign_board
reload || fail "reload: $(cat "$work/reload")"
event 1 'e["event"] == "change" and e["what"] == "exception-ending" and e["id"] == "long"'
status_is 's["changes"]["exceptions_ending"] == 1 and s["changes"]["exceptions_rule_gone"] == 0' || fail "$(status 's["changes"]')"

say "one for a view that is not there has no effect, and that is told"
an_exception long "name long.other.example" "view nosuch" | write_board $((serial + 2))
sign_board
reload || fail "reload: $(cat "$work/reload")"
blocked long.other.example
is_state long no-view || fail "$(tool exception list)"
tool exception list | says 'without effect: there is no such view' || fail "$(tool exception list)"
code=0
tool status >"$work/said" || code=$?
[ "$code" -eq 1 ] || fail "status $code"
says '1 exceptions are without effect' "$work/said" || fail "$(cat "$work/said")"
{
  an_exception long "name long.other.example" "scope chain" "until $(at '3 days')" "from $(at '2 days ago')"
  an_exception gone "rule shop: block exact only.example"
} | write_board $((serial + 3))
sign_board
reload || fail "reload: $(cat "$work/reload")"

say "a rule that a list loses is told, and counts again when it is back"
new_list shop 2 <<<"block suffix shop.example"
reload || fail "reload: $(cat "$work/reload")"
is_state gone rule-gone || fail "$(tool exception list)"
event 2 'e["event"] == "change" and e["what"] == "exception-rule-gone" and e["id"] == "gone"'
new_list shop 3 <<<"block exact only.example"
reload || fail "reload: $(cat "$work/reload")"
is_state gone in-force || fail "$(tool exception list)"
free only.example

say "commands: rules, ids, beginnings"
refused 1 'has no such rule' tool exception add --rule "shop: block suffix only.example" --for 1h --licence L --reason R
refused 1 'a pass rule' tool exception add --rule "shop: pass exact only.example" --for 1h --licence L --reason R
refused 2 'name one domain name' tool exception add only.example --rule "shop: block exact only.example" --for 1h --licence L --reason R
tool exception add --rule "other: block suffix other.example" --for 1h --licence "GL 7" --approver "C. Ek" --reason R --id cmd-1 --scope chain >/dev/null
free w.other.example
event 1 'e["event"] == "decision" and e["exception_id"] == "cmd-1" and e["licence"] == "GL 7" and e["approver"] == "C. Ek" and e["ticket"] is None'
refused 1 'the id cmd-1 is that of' tool exception add z.example --for 1h --ticket T --reason R --id cmd-1
tool exception add begins.example --from "$(at '1 hour')" --for 1h --ticket T --reason R --id later >/dev/null
is_state later waiting || fail "$(tool exception list)"

say "kill -9 right after the command: all of it is there again, and the file is read anew"
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
echo broken >"$board"
start_cordond
free w.other.example
is_state cmd-1 in-force || fail "$(tool exception list)"
is_state later waiting || fail "$(tool exception list)"
status 's["changes"]["exception_files"][0]["refused"]' | says -E 'have signed' || fail "$(status 's["changes"]')"
tool exception remove --id cmd-1 >/dev/null
blocked w.other.example
blocked long.other.example # nothing of a file that cannot be read: it is told, and the daemon runs

say "an old file, signed as it was, is known to be old after a restart"
stop_cordond
again # serial 2
start_cordond
status_is '"lower than that in force before, '$((serial + 3))'" in s["changes"]["exception_files"][0]["refused"]' || fail "$(status 's["changes"]')"
status_is 's["changes"]["exception_files"][0]["id"] is None' || fail "$(status 's["changes"]')"
an_exception long "name long.other.example" "scope chain" | write_board $((serial + 3))
sign_board
reload || fail "reload: $(cat "$work/reload")"
status_is '"serial '$((serial + 3))' still" in s["changes"]["exception_files"][0]["refused"]' || fail "$(status 's["changes"]')"
an_exception long "name long.other.example" "scope chain" | write_board $((serial + 4))
sign_board
reload || fail "reload: $(cat "$work/reload")"
free long.other.example
python3 "$here/check_events.py" "$schema" "$work/events.jsonl"
stop_cordond
