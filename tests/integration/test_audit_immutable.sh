#!/bin/bash
# Files of the audit log that nobody may change (chattr +i), or only append to (+a), while cordond has them open, and at its
# start: answers go on, the status says what is the matter, and once it may write again all that waited is in the log.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

log="$work/state/audit"
free() { chattr -R -f -ia "$log" 2>/dev/null || true; }
trap 'code=$?; trap - ERR; set +e; free; (exit "$code"); stop_all' EXIT
touch "$work/try"
{ chattr +i "$work/try" && chattr -i "$work/try" && chattr +a "$work/try" && chattr -a "$work/try"; } 2>/dev/null ||
  skip "chattr +i and +a are not possible here"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
write_config
sent=0
blocked() { # COUNT
  local i
  for ((i = 0; i < $1; i++)); do ask "n$((sent + i)).blocked.test"; expect 'rcode NOERROR'; done
  sent=$((sent + $1))
}
state_is() { status_is "s['audit']['state'] == '$1'"; }
safe() { status_is "s['audit']['state'] == 'recording' and s['audit']['decisions']['safe'] == $1"; }
told() { status_is "s['audit']['error'] == 'Operation not permitted'"; }

start_cordond
blocked 5
wait_until 60 safe 5 || fail "$(status 's["audit"]')"

say "+i on the open file: answers go on, and it says so"
file="$log/0000000001.cordon"
chattr +i "$file"
blocked 5
wait_until 60 state_is failing || fail "$(status 's["audit"]')"
wait_until 60 told || fail "$(status 's["audit"]')"
blocked 20 # some tries later it is the same
sleep 2
told || fail "other words: $(status 's["audit"]')"
says "audit: records cannot be written to $log: Operation not permitted" <"$work/cordond.log" || fail "$(cat "$work/cordond.log")"
{ "$cordon" status -c "$work/cordond.yaml" || true; } | says 'Operation not permitted' || fail "nothing to look at"
chattr -i "$file"
wait_until 60 safe 30 || fail "it does not go on: $(status 's["audit"]')"

say "+a on the open file: what was open is gone on with; or else, as above"
chattr +a "$file"
blocked 10
on_its_way() { safe 40 || told; }
wait_until 60 on_its_way || fail "$(status 's["audit"]')"
chattr -a "$file"
wait_until 60 safe 40 || fail "$(status 's["audit"]')"

say "+i on the head: records go on, checkpoints wait"
chattr +i "$log/head"
blocked 5
wait_until 60 told || fail "$(status 's["audit"]')"
chattr -i "$log/head"
wait_until 60 safe 45 || fail "$(status 's["audit"]')"
stop_cordond

for attribute in i a; do
  say "+$attribute at the start"
  chattr "+$attribute" "$file"
  start_cordond
  blocked 5
  wait_until 60 told || fail "$(status 's["audit"]')"
  chattr "-$attribute" "$file"
  wait_until 60 status_is 's["audit"]["state"] == "recording" and s["audit"]["decisions"]["safe"] == '"$sent" || fail "$(status 's["audit"]')"
  stop_cordond
done
"$cordon" audit verify -c "$work/cordond.yaml" --json >"$work/verdict" || fail "$(cat "$work/verdict")"
document_is "$work/verdict" "d['decisions'] == $sent and d['gaps'] == 0 and d['stopped']" || fail "$(cat "$work/verdict")"
