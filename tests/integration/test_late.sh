#!/bin/bash
# A large list whose image is signed for is in force before its text is read; what the text is found to be then
# is told, and decides.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

k() { printf '%s/keys/%s.%s' "$work" "$1" "${2:-pub}"; }
folder="$work/lists"
make_keys root-a root-b list-a list-b
"$cordon" root make --publisher test --title "Lists of a test" --created 2026-01-01 --expires 2099-01-01 \
  --root-keys "$(k root-a),$(k root-b)" --list-keys "$(k list-a),$(k list-b)" "$folder" >/dev/null
for key in root-a root-b; do "$cordon" root sign --key "$(k "$key" key)" "$folder/1.root" >/dev/null; done

# Texts above the bound from which on they may wait (DAEMON_LATE_OCTETS): a rule has a hundred octets.
rules=42000
publish() { # SERIAL NAME: list big, with its image, and a catalogue
  rm -f "$folder"/big.* "$folder"/catalogue*
  { for ((i = 0; i < rules; i++)); do printf 'block suffix n%06d.example.test\n' "$i"; done; printf 'block suffix %s\n' "$2"; } |
    new_list big "$1"
  "$cordon" list build --quiet --output "$folder/big.image" "$folder/big.list" >/dev/null
  "$cordon" catalogue make --publisher test --serial "$1" --expires 2099-01-01 "$folder" >/dev/null
  for key in list-a list-b; do "$cordon" catalogue sign --key "$(k "$key" key)" "$folder/catalogue" >/dev/null; done
  [ "$(stat -c %s "$folder/big.list")" -gt 4194304 ] || fail "the list is too small for this test"
}
is_kept() { compgen -G "$work/state/lists/big/$1-*.list" >/dev/null; }
unset 'option[trust.keys]' 'option[trust.threshold]'
option[trust.root]="$folder/1.root"
option[lists.use]='{big: enforce}'
write_config

say "a start: the image counts, then the text is read and kept"
publish 5 five.example.org
start_cordond
ask www.five.example.org; expect 'answer .* A 0\.0\.0\.0'
wait_until 180 is_kept 5 || fail "the text is not kept"
status_is 's["shipped"] and s["lists"][0]["text"] == "verified" and s["trust"]["broken"] == []' || fail "$(status 's')"

say "a newer one: the same"
publish 6 six.example.org
reload || fail "$(cat "$work/reload")"
ask www.six.example.org; expect 'answer .* A 0\.0\.0\.0'
ask www.five.example.org; expect_not 'A 0\.0\.0\.0'
wait_until 180 is_kept 6 || fail "the text is not kept"
"$cordon" list rollback --reason test --to 5 --socket "$work/control.sock" big >/dev/null || fail "rollback"
ask www.five.example.org; expect 'answer .* A 0\.0\.0\.0'
"$cordon" list release --reason test --socket "$work/control.sock" big >/dev/null || fail "release"
ask www.six.example.org; expect 'answer .* A 0\.0\.0\.0'

say "killed before the text is read: the next start does it"
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
rm -rf "$work/state/lists"
start_cordond
wait_until 180 is_kept 6 || fail "the text is not kept after a kill"
ask www.six.example.org; expect 'answer .* A 0\.0\.0\.0'
stop_cordond

say "a text that was changed: what was signed stays in force, and there is an alarm"
cp "$folder/big.list" "$work/good.list"
sed -i 's/n000001\.example/x000001.example/' "$folder/big.list"
start_cordond
ask n000001.example.test; expect 'answer .* A 0\.0\.0\.0'
ask x000001.example.test; expect_not 'A 0\.0\.0\.0'
is_broken() { status_is 'len(s["trust"]["broken"]) == 1 and "big.list" in s["trust"]["broken"][0]["fault"] and s["lists"][0]["text"] == "unread"'; }
wait_until 180 is_broken || fail "no alarm: $(status 's["trust"]')"
refused() { status_is 's["reload"] is not None and not s["reload"]["ok"]'; }
wait_until 180 refused || fail "the text was not read anew"
ask n000001.example.test; expect 'answer .* A 0\.0\.0\.0'
grep -q '"what":"publisher-as-before"' "$work/events.jsonl" || grep -q 'publisher-as-before' "$work/events.jsonl" || fail "no event"

say "mended: the alarm ends"
cp "$work/good.list" "$folder/big.list"
mended() { status_is 's["trust"]["broken"] == [] and s["lists"][0]["text"] == "verified"'; }
wait_until 180 mended || fail "$(status 's["trust"]')"
stop_cordond

say "an image of another text, signed for by mistake: told, and compiled instead"
publish 7 seven.example.org
"$cordon" list build --quiet --output "$work/old.image" "$folder/big.list" >/dev/null
sed -i 's/n000002\.example/y000002.example/' "$folder/big.list"
rm -f "$folder"/big.list.*
sign_list "$folder/big.list"
"$cordon" catalogue make --publisher test --serial 8 --expires 2099-01-01 "$folder" >/dev/null
for key in list-a list-b; do # cordon catalogue sign would refuse it
  minisign -S -W -s "$(k "$key" key)" -m "$folder/catalogue" -x "$folder/catalogue.$key.minisig" >/dev/null 2>&1 </dev/null || fail minisign
done
start_cordond
blocks_new() { ask y000002.example.test && grep -q 'A 0\.0\.0\.0' <<<"$answer"; }
wait_until 180 blocks_new || fail "the text is not compiled"
status_is 'not s["shipped"]' || fail "the image is in force"
grep -q 'was made of another text' "$work/cordond.log" || fail "nobody was told"
stop_cordond
start_cordond # it is known now
status_is 'not s["shipped"]' || fail "the image is taken again"
ask y000002.example.test; expect 'answer .* A 0\.0\.0\.0'
stop_cordond

say "two lists by keys alone: what was read before is in force before it is read again"
rm -rf "$work/state" "$folder"/*.root* "$folder"/catalogue* "$folder"/big.image
new_list small 1 <<<'block suffix small.example.org'
unset 'option[trust.root]'
option[trust.keys]="[$(k list-a), $(k list-b)]"
option[trust.threshold]=2
option[lists.use]='{big: enforce, small: enforce}'
write_config
start_cordond
wait_until 180 test -e "$work/state/texts.known" || fail "nothing is remembered"
stop_cordond
cp "$folder/big.list" "$work/good.list"
sed -i 's/n000001\.example/x000001.example/' "$folder/big.list"
start_cordond
ask n000001.example.test; expect 'answer .* A 0\.0\.0\.0'
ask x000001.example.test; expect_not 'A 0\.0\.0\.0'
ask small.example.org; expect 'answer .* A 0\.0\.0\.0'
wait_until 180 is_broken || fail "no alarm: $(status 's["trust"]')"
wait_until 180 refused || fail "the text was not read anew"
ask n000001.example.test; expect 'answer .* A 0\.0\.0\.0'
cp "$work/good.list" "$folder/big.list"
wait_until 180 mended || fail "$(status 's["trust"]')"
stop_cordond
