#!/bin/bash
# Kept versions: a list is put back to one that was in force here, stays there over reloads, restarts and kill -9 while
# newer ones come, and is released; what was accepted once stays remembered; whatever is wrong with what is kept is an
# alarm and never an outage; history and `explain --at` know what was in force when.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

state="$work/state"
make_keys root-a root-b list-a list-b
option[lists.directory]="$work/current"
option[lists.use]='{shop: enforce, other: enforce}'
option[lists.keep]=4
option[trust.root]="$work/lists/1.root"
option[upstreams.servers]='[127.0.0.1@9]'
unset 'option[trust.keys]' 'option[trust.threshold]'

tool() { "$cordon" "$@" --socket "$work/control.sock"; }
refused() { # WORDS COMMAND...
  local words=$1
  shift
  if "$@" >"$work/last" 2>&1; then fail "was not refused: $*: $(cat "$work/last")"; fi
  says -- "$words" <"$work/last" || fail "$*: not '$words' but $(cat "$work/last")"
}
accepted() { "$@" >"$work/last" 2>&1 || fail "$*: $(cat "$work/last")"; }
sign() { # KIND FILE KEY...
  local kind=$1 file=$2 key
  shift 2
  for key in "$@"; do accepted "$cordon" "$kind" sign --key "$work/keys/$key.key" "$file"; done
}

# publish CATALOGUE SERIAL: the list shop has this serial and blocks sSERIAL.example; a whole folder, swapped at once.
publish() {
  new_list shop "$2" <<<"block suffix s$2.example"
  new_list other 1 <<<"block suffix other.example"
  rm -f "$work"/lists/catalogue*
  accepted "$cordon" catalogue make --publisher test --expires 2099-01-01 --serial "$1" "$work/lists"
  sign catalogue "$work/lists/catalogue" list-a list-b
  rm -rf "$work/published-$1"
  cp -r "$work/lists" "$work/published-$1"
  use "$1"
}
use() { # CATALOGUE
  ln -sfn "published-$1" "$work/current.new"
  mv -T "$work/current.new" "$work/current"
}
blocked() { # SERIAL: this version of shop decides
  ask "s$1.example"
  expect "answer s$1.example. .* A 0.0.0.0" "ede .* shop $1"
}
not_blocked() { ask "s$1.example"; expect_not 'answer .*' 'ede .* shop .*'; }
serial_is() { status_is "[l['serial'] for l in s['lists'] if l['id'] == 'shop'] == [$1]"; }
decides() { # SERIAL NOT...
  local other
  serial_is "$1" || fail "shop is not at $1: $(status 's["lists"]')"
  blocked "$1"
  for other in "${@:2}"; do not_blocked "$other"; done
}
ratchet_has() { grep -q "^list shop $1 " "$state/trust.ratchet" || fail "not $1 in $(cat "$state/trust.ratchet")"; }

"$cordon" root make --publisher test --title "A test" --created 2026-01-01 --expires 2099-01-01 \
  --root-keys "$work/keys/root-a.pub,$work/keys/root-b.pub" --list-keys "$work/keys/list-a.pub,$work/keys/list-b.pub" \
  "$work/lists" >/dev/null
sign root "$work/lists/1.root" root-a root-b
# History is asked about by seconds below.
over() { # SERIAL: the newest set has it, and its second is over
  tool list history --json | python3 -c '
import datetime, json, sys
last = json.load(sys.stdin)["sets"][-1]
serial = next(l["serial"] for l in last["lists"] if l["id"] == "shop")
sys.exit(serial != int(sys.argv[1]) or last["time"][:19] >= datetime.datetime.utcnow().isoformat()[:19])' "$1"
}
publish 1 1
write_config
start_cordond
wait_until 10 over 1 || fail "the first set is not in the history: $(tool list history)"

say "what was in force is kept, the last four"
for serial in 2 3 4 5; do
  publish "$serial" "$serial"
  reload || fail "$(cat "$work/reload")"
done
decides 5 4 1
[ "$(find "$state/lists/shop" -name '*.list' | wc -l)" = 4 ] || fail "$(ls "$state/lists/shop")"
[ "$(find "$state/lists/shop" -name '*.minisig' | wc -l)" = 8 ] || fail "$(ls "$state/lists/shop")"
cmp "$work/published-3/shop.list" "$state"/lists/shop/3-*.list || fail "another text is kept"

say "rollback: refused for what was never in force here, or is kept no more, and without a reason"
refused 'serial 1 of shop is not kept.*Kept are: 5, 4, 3, 2' tool list rollback shop --to 1 --reason test
refused 'serial 9 of shop is not kept' tool list rollback shop --to 9 --reason test
refused 'no list nobody is in use' tool list rollback nobody --to 1 --reason test
refused 'say why' tool list rollback shop --to 3
refused 'say to which version' tool list rollback shop --to x --reason test
refused 'is not held' tool list release shop --reason test
decides 5
[ ! -e "$state/held.jsonl" ] || fail "something was written down"

say "rollback: in force at once, told, recorded, remembered; the ratchet stays"
accepted tool list rollback shop --to 3 --reason "it blocks the bank"
says 'shop: serial 3 is in force' <"$work/last" || fail "$(cat "$work/last")"
says 'serial 5 waits' <"$work/last" || fail "$(cat "$work/last")"
decides 3 4 5
ratchet_has 5
for look in "check $work/cordond.yaml" "explain s5.example -c $work/cordond.yaml"; do
  # shellcheck disable=SC2086 # words
  { "$cordon" $look 2>&1 || true; } | says 'shop: cordond holds this list at serial 3 .*here serial 5 of its folder is looked at' ||
    fail "cordon $look does not say so: $("$cordon" $look 2>&1)"
done
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "list-rolled-back" and e["list"] == "shop" and e["serial"] == 3 and e["serial_before"] == 5 and e["reason"] == "it blocks the bank" and e["by"] == "control" and e["until"] is None'
wait_until 30 events_are 1 'e["event"] == "decision" and e.get("serial") == 3'
status_is 's["held"][0]["list"] == "shop" and s["held"][0]["state"] == "held" and s["held"][0]["newer"] == 5 and s["held"][0]["reason"] == "it blocks the bank"' || fail "$(status 's["held"]')"
tool lists | says 'shop .*held' || fail "$(tool lists)"
{ tool status || true; } >"$work/told"
if sed -n '/needs attention/,$p' "$work/told" | says shop; then fail "a decision that is kept to is no alarm: $(cat "$work/told")"; fi
says 'held at serial 3 since .*it blocks the bank.*; serial 5 waits' <"$work/told" || fail "$(cat "$work/told")"
tool list history shop | says ' 3 .*enforce *yes *yes *rollback of shop, by .*: it blocks the bank' || fail "$(tool list history shop)"

say "a newer one comes while it is held: accepted, remembered, and it waits"
publish 6 6
reload || fail "$(cat "$work/reload")"
decides 3 5 6
ratchet_has 6
status_is 's["held"][0]["newer"] == 6' || fail "$(status 's["held"]')"
refused 'shop is held at serial 3 since .* serial 6 has come since then' tool status

say "the publisher's files cannot go back because of it"
use 3
if reload; then fail "an older catalogue was taken"; fi
says rollback <"$work/reload" || fail "$(cat "$work/reload")"
decides 3 6
use 6

say "restart, and kill -9: it is held all the same"
stop_cordond
start_cordond
decides 3 6
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
start_cordond
decides 3 6

say "another version, then release: the newest"
wait_until 10 over 3 || fail "$(tool list history)"
accepted tool list rollback shop --to 4 --reason "not that far"
decides 4 3 6
if { tool status || true; } | sed -n '/needs attention/,$p' | says shop; then fail "whoever decided that knew of 6: $(tool status)"; fi
accepted tool list release shop --reason "the publisher has mended it"
says 'serial 6 is in force' <"$work/last" || fail "$(cat "$work/last")"
decides 6 3 4
refused 'is not held' tool list release shop --reason test
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "list-released" and e["serial"] == 6 and e["serial_before"] == 4'
ratchet_has 6

say "a kept version that is damaged, or whose signatures are gone, is refused by name, and nothing changes"
cp -r "$state/lists" "$work/kept"
printf x >>"$(echo "$state"/lists/shop/4-*.list)"
refused "4-.*damaged" tool list rollback shop --to 4 --reason test
rm "$state"/lists/shop/5-*.minisig
refused 'cannot be had' tool list rollback shop --to 5 --reason test
decides 6
status_is 's["held"] == []' || fail "$(status 's["held"]')"
rm -r "$state/lists"
cp -r "$work/kept" "$state/lists"

say "what is held and lost is an alarm, and the newest counts: no outage, and no unverified text"
accepted tool list rollback shop --to 5 --reason "held for a while"
decides 5 6
sed -i s/s5.example/s7.example/ "$state"/lists/shop/5-*.list
reload || fail "$(cat "$work/reload")"
decides 6 5 7
status_is 's["held"][0]["state"] == "lost"' || fail "$(status 's["held"]')"
{ tool status || true; } | says 'list shop is to be held at serial 5' || fail "$(tool status)"
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "list-hold-lost" and e["by"] == "cordond" and e["serial"] == 6'
stop_cordond
start_cordond
decides 6 5 7
cp "$work"/kept/shop/5-*.list "$state/lists/shop/"
reload || fail "$(cat "$work/reload")"
decides 5 6
accepted tool list release shop --reason "done"

say "kill -9 in the midst of rollbacks and releases: what was told holds, and every start works"
for turn in 1 2 3; do
  { tool list rollback shop --to 4 --reason "turn $turn" || true; } >"$work/told" 2>&1 &
  sleep "0.0$((turn * 3))"
  kill -KILL "$cordond_pid"
  wait "$cordond_pid" 2>/dev/null || true
  wait $! || true
  start_cordond
  if says 'serial 4 is in force' <"$work/told"; then decides 4 6; fi
  if [ "$(status 'len(s["held"])')" = 1 ]; then decides 4 6; else decides 6 4; fi
  status_is 's["held_damage"] == []' || fail "$(status 's["held_damage"]')"
  if [ "$(status 'len(s["held"])')" = 1 ]; then accepted tool list release shop --reason "turn $turn"; fi
done

say "a damaged line of the decisions costs itself alone, and is kept aside"
accepted tool list rollback shop --to 4 --reason "stays"
stop_cordond
printf '{"kind":"rollback","list":"oth' >>"$state/held.jsonl"
start_cordond
decides 4 6
status_is 'len(s["held_damage"]) > 0' || fail "$(status 's["held_damage"]')"
[ -e "$state/held.jsonl.damaged" ] || fail "the damaged file is not kept"
accepted tool list release shop --reason "ends"
status_is 's["held_damage"] == []' || fail "$(status 's["held_damage"]')"

say "explain --at: by what was in force then, as far as it is kept, and what is not known is said"
explain_at() { "$cordon" explain "$1" -c "$work/cordond.yaml" --at "$2" "${@:3}"; }
since() { # SERIAL: a moment at which shop had just come into force with it, its set was the last of that second
  tool list history --json | python3 -c '
import json, sys
sets = json.load(sys.stdin)["sets"]
serial = {s["time"][:19]: next(l["serial"] for l in s["lists"] if l["id"] == "shop") for s in sets}
print([t for t, s in serial.items() if s == int(sys.argv[1])][-1] + "Z")' "$1"
}
held_at=$(since 3)
explain_at s3.example "$held_at" >"$work/explained" || fail "$(cat "$work/explained")"
says 'shop serial 3 (enforce)' <"$work/explained" || fail "$(cat "$work/explained")"
says 'In force then: the set of' <"$work/explained" || fail "$(cat "$work/explained")"
explain_at s3.example "$held_at" --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
t = d["then"]
assert d["verdict"] == "blocked" and t["known"] and t["missing"] == [] and t["configuration"] == "same" and t["differs"] == [], t'
explain_at s6.example "$held_at" --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["verdict"] == "free"'
explain_at s6.example 2026-01-01 | says 'NOT KNOWN which versions.*the history begins on' || fail "$(explain_at s6.example 2026-01-01)"
explain_at s6.example 2025-06-01 >"$work/explained" 2>&1 || fail "$(cat "$work/explained")"
says 'serial 6 of the list was made on 2026-.* after the time that is asked about' <"$work/explained" || fail "$(cat "$work/explained")"
if says 'set the clock\|clock-untrusted' <"$work/explained"; then fail "no clock is wrong: $(cat "$work/explained")"; fi
explain_at s1.example "$(since 1)" | says 'NOT KNOWN what list shop said (serial 1, mode enforce then)' || fail "$(explain_at s1.example "$(since 1)")"
mv "$state/lists/shop" "$work/shop"
explain_at s3.example "$held_at" | says 'NOT KNOWN what list shop said (serial 3' || fail "$(explain_at s3.example "$held_at")"
mv "$work/shop" "$state/lists/shop"
option[policy.action]=nxdomain
write_config
explain_at s3.example "$held_at" | says 'the configuration was another then' || fail "$(explain_at s3.example "$held_at")"
unset 'option[policy.action]'
write_config

say "history: from the daemon and from the files, a cut line is told of"
tool list history >"$work/history" || fail "no history"
says 'start' <"$work/history" || fail "$(cat "$work/history")"
says 'shop  *serial 4 instead of 6, enforce, held' <"$work/history" || fail "$(cat "$work/history")"
refused 'was never in force' tool list history nobody
tool list history --json | python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["ok"] and d["damaged"] == 0 and len(d["sets"]) > 10 and {"list", "serial", "hash", "octets"} <= set(d["kept"][0]), d'
stop_cordond
truncate -s -20 "$state/history.jsonl"
accepted "$cordon" list history shop -c "$work/cordond.yaml"
says '1 lines cannot be read' <"$work/last" || fail "$(cat "$work/last")"
refused 'not running' tool list rollback shop --to 4 --reason test
start_cordond
accepted tool list history shop
says '1 lines cannot be read' <"$work/last" || fail "$(cat "$work/last")"
decides 6
stop_cordond
