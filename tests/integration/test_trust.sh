#!/bin/bash
# A publisher's whole life with cordon and minisign, offline: roots, catalogues, several signers in
# turn, rotation, and what is refused.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys root-a root-b root-c list-a list-b list-c list-d
folder="$work/lists"
k() { printf '%s/keys/%s.%s' "$work" "$1" "${2:-pub}"; }
id_of() { "$cordon" key show "$(k "$1")" | awk '{ print $1 }'; }
refused() { # CODE WORDS COMMAND...
  local want=$1 words=$2 code=0
  shift 2
  "$cordon" "$@" >"$work/out" 2>&1 || code=$?
  [ "$code" = "$want" ] || fail "cordon $*: status $code, not $want: $(cat "$work/out")"
  says -- "$words" <"$work/out" || fail "cordon $*: not '$words' but $(cat "$work/out")"
}
sign() { # KIND FILE KEY...
  local kind=$1 file=$2 key
  shift 2
  for key in "$@"; do "$cordon" "$kind" sign --key "$(k "$key" key)" "$file" >/dev/null || fail "$kind sign by $key"; done
}

say "the first root: made, signed by two, followed"
make_root() {
  "$cordon" root make --publisher test --title "Lists of a test" --created 2026-01-01 --expires 2099-01-01 \
    --root-keys "$(k root-a),$(k root-b),$(k root-c)" --list-keys "$(k list-a),$(k list-b),$(k list-c)" "$@"
}
make_root "$folder" >/dev/null
refused 1 'it exists' root make --publisher test --title x --expires 2099-01-01 --root-keys "$(k root-a),$(k root-b)" --list-keys "$(k list-a),$(k list-b)" "$folder"
refused 1 'of the 2 distinct' root verify "$folder/1.root"
sign root "$folder/1.root" root-a list-a list-b
refused 1 'of the 2 distinct' root verify "$folder/1.root"
sign root "$folder/1.root" root-b
"$cordon" root verify --json "$folder/1.root" | says '"version":1.*"state":"fresh".*"scope_all":true' || fail "root verify"
"$cordon" root show "$folder/1.root" | says "root: 2 of $(id_of root-a)" || fail "root show"
minisign -V -q -p "$(k root-a)" -m "$folder/1.root" -x "$folder/1.root.$(id_of root-a).minisig" || fail "minisign refuses the root's signature"

say "minisign signs roots and catalogues, prehashed and in the old form"
rm "$folder"/1.root.*
minisign -S -W -s "$(k root-b key)" -m "$folder/1.root" -x "$folder/1.root.b.minisig" >/dev/null 2>&1 </dev/null || fail "minisign -S"
minisign -S -l -W -s "$(k root-c key)" -m "$folder/1.root" -x "$folder/1.root.c.minisig" >/dev/null 2>&1 </dev/null || fail "minisign -S -l"
[ "$(sed -n 2p "$folder/1.root.c.minisig" | base64 -d | head -c 2)" = Ed ] || fail "this minisign signs in no old form"
"$cordon" root verify "$folder/1.root" >/dev/null || fail "minisign's signatures are refused"

say "a catalogue names the lists, and b2sum agrees"
new_list one 1 <<<'block suffix one.example.test'
new_list two 5 <<<'block suffix two.example.test'
make_catalogue() { "$cordon" catalogue make --publisher test --expires 2099-01-01 "$@" "$folder"; }
make_catalogue --serial 7 >/dev/null
[ "$(awk '/^list one/ { print $5 }' "$folder/catalogue")" = "blake2b=$(b2sum "$folder/one.list" | cut -d' ' -f1)" ] || fail "another hash than b2sum"
refused 1 'of the 2 distinct' catalogue verify "$folder"
sign catalogue "$folder/catalogue" list-a
refused 1 '1 of the 2 distinct' catalogue verify "$folder"
minisign -S -W -s "$(k list-b key)" -m "$folder/catalogue" -x "$folder/catalogue.b.minisig" >/dev/null 2>&1 </dev/null
minisign -V -q -p "$(k list-a)" -m "$folder/catalogue" -x "$folder/catalogue.$(id_of list-a).minisig" || fail "minisign refuses the catalogue's signature"
"$cordon" catalogue verify "$folder" | says 'catalogue 7 of test under root 1, 2 lists, fresh$' || fail "$("$cordon" catalogue verify "$folder" 2>&1)"

say "what the catalogue does not name as it is, is refused"
cp -r "$folder" "$work/good"
again() { rm -rf "$folder"; cp -r "$work/good" "$folder"; }
new_list one 2 <<<'block suffix other.example.test'
refused 1 'different days' catalogue verify "$folder"; again
cp "$folder/two.list" "$folder/one.list"
refused 1 'REFUSED' catalogue verify "$folder"; again
rm "$folder/two.list"
refused 1 'the catalogue names it' catalogue verify "$folder"; again
rm "$folder"/two.list.*.minisig
refused 1 'of the 2 distinct' catalogue verify "$folder"; again
sed -i 's/^serial .*/serial 8/' "$folder/catalogue"
refused 1 'does not verify' catalogue verify "$folder"; again
echo >>"$folder/one.list"
refused 1 'octets, the catalogue says' catalogue sign --key "$(k list-a key)" "$folder/catalogue"; again
make_catalogue >/dev/null # its signatures go with the old one
[ -z "$(find "$folder" -name 'catalogue.*.minisig')" ] || fail "signatures of the old catalogue are left"
[ "$(sed -n 's/^serial //p' "$folder/catalogue")" -gt 7 ] || fail "the serial did not rise"; again
"$cordon" catalogue make --publisher test --created 2020-01-01 --expires 2020-02-01 "$folder" >/dev/null
sign catalogue "$folder/catalogue" list-a list-b
refused 1 'has expired' catalogue verify "$folder"
"$cordon" catalogue verify --ignore-time "$folder" >/dev/null || fail "--ignore-time does not"; again

say "a key is replaced: the old threshold and the new one sign"
"$cordon" key rotate --root "$folder/1.root" --expires 2099-01-01 "$(k list-a)" "$(k list-d)" >/dev/null
grep -q "$(sed -n 2p "$(k list-d)")" "$folder/2.root" || fail "the new key is not in the new root"
if grep -q "$(sed -n 2p "$(k list-a)")" "$folder/2.root"; then fail "the old key still is"; fi
refused 1 'of the 2 distinct' catalogue verify "$folder" # an unsigned root stands in the way, and says so
sign root "$folder/2.root" root-a root-c
"$cordon" root verify "$folder/1.root" | says 'root 2 of test' || fail "the chain is not followed"
refused 1 '1 of the 2 distinct' catalogue verify "$folder" # list-a no longer counts
for list in one two; do sign list "$folder/$list.list" list-d; done
sign catalogue "$folder/catalogue" list-d
"$cordon" catalogue verify "$folder" | says 'under root 2' || fail "the new key is not taken"
refused 1 'no role' key rotate --root "$folder/2.root" --expires 2099-01-01 "$(k list-a)" "$(k list-d)"

say "roots that change: thresholds and keys"
"$cordon" root rotate --expires 2099-01-01 --drop-root "$(k root-c)" --add-list "$(k list-a)" --list-threshold 3 "$folder/2.root" >/dev/null
sign root "$folder/3.root" root-a root-b
"$cordon" root verify "$folder/1.root" | says 'list: 3 of' || fail "the threshold did not rise"
refused 1 'the role has 2' root rotate --expires 2099-01-01 --root-threshold 3 "$folder/3.root"
refused 1 'both roles' root rotate --expires 2099-01-01 --add-root "$(k list-a)" "$folder/3.root"
refused 1 'has no key' root rotate --expires 2099-01-01 --drop-root "$(k list-a)" "$folder/3.root"
refused 1 'expires before' root rotate --expires 2020-01-01 "$folder/3.root"
refused 2 '--expires' root rotate "$folder/3.root"

say "a scope, in the order of its form whatever the order of its words"
mkdir "$work/scoped"
make_root --providers two,one --names z.example.test,a.example.test --prefixes 198.51.100.0/24,192.0.2.0/24 "$work/scoped" >/dev/null
"$cordon" root show "$work/scoped/1.root" | says 'speaks of: one, two; names: a.example.test, z.example.test; prefixes: 192.0.2.0/24, 198.51.100.0/24' || fail "$("$cordon" root show "$work/scoped/1.root")"
rm "$work/scoped/1.root"
refused 1 'lower case' root make --publisher test --title x --expires 2099-01-01 --root-keys "$(k root-a),$(k root-b)" \
  --list-keys "$(k list-a),$(k list-b)" --names Example.test "$work/scoped"

say "cordond: the root counts, and what was accepted is remembered"
rm -rf "$folder"
mkdir "$folder"
make_root "$folder" >/dev/null
sign root "$folder/1.root" root-a root-b
publish() { # CATALOGUE-SERIAL LIST-SERIAL NAME
  new_list one "$2" <<<"block suffix $3"
  make_catalogue --serial "$1" >/dev/null
  sign catalogue "$folder/catalogue" list-a list-b
}
publish 7 5 one.example.test
option[lists.use]='{one: enforce}'
unset 'option[trust.keys]' 'option[trust.threshold]'
option[trust.root]="$folder/1.root"
write_config
start_cordond
[ "$(status 's["lists"][0]["trust"]')" = root ] || fail "status names no root"
[ "$(status '(s["lists"][0]["publisher"], s["lists"][0]["root"], s["lists"][0]["catalogue"], s["lists"][0]["freshness"])')" = "('test', 1, 7, 'fresh')" ] ||
  fail "status: $(status 's["lists"][0]')"
ask a.one.example.test; expect 'answer .* A 0\.0\.0\.0'
publish 6 4 two.example.test
reload && fail "a rollback was accepted"
says rollback <"$work/reload" || fail "$(cat "$work/reload")"
ask a.one.example.test; expect 'answer .* A 0\.0\.0\.0'
publish 8 6 two.example.test
reload || fail "a newer catalogue is refused: $(cat "$work/reload")"
ask a.two.example.test; expect 'answer .* A 0\.0\.0\.0'

say "killed, it starts again, and has not forgotten"
mkdir -p "$work/state/lists/one" # as it keeps what was in force
cp "$folder/one.list" "$work/state/lists/one/6-of-then.list"
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
publish 7 5 one.example.test
start_cordond
status_is 's["trust"]["broken"][0]["publisher"] is None and not s["trust"]["broken"][0]["left_out"]' || fail "$(status 's["trust"]')"
status_is '"rollback" in s["trust"]["broken"][0]["fault"] and s["lists"][0]["serial"] == 6' || fail "$(status 's["trust"]')"
ask a.two.example.test; expect 'answer .* A 0\.0\.0\.0'
{ "$cordon" status --socket "${option[control.socket]}" || true; } | says 'folder of lists.directory is broken' || fail "cordon status says nothing"
stop_cordond
publish 8 6 four.example.test
rm -r "$work/state/lists/one"
if timeout 120 "$cordond" -c "$work/cordond.yaml" >"$work/old.log" 2>&1; then fail "the same serials with other texts"; fi
says 'another hash' <"$work/old.log" || fail "$(cat "$work/old.log")"
publish 9 7 three.example.test
start_cordond
ask a.three.example.test; expect 'answer .* A 0\.0\.0\.0'

say "its memory is damaged: one file is no loss, both are an alarm until somebody has seen to it"
ratchet="$work/state/trust.ratchet"
stop_cordond
echo noise >"$ratchet"
start_cordond
[ "$(status 's["trust"]["memory_lost"]')" = None ] || fail "an alarm: $(status 's["trust"]')"
refused 1 'there is no alarm' trust acknowledge --socket "${option[control.socket]}" --reason x
echo noise >"$ratchet"
echo noise >"$ratchet.copy"
reload && fail "a reload without its memory"
says 'restore one of them' <"$work/reload" || fail "$(cat "$work/reload")"
ask a.three.example.test; expect 'answer .* A 0\.0\.0\.0'
stop_cordond
start_cordond
ask a.three.example.test; expect 'answer .* A 0\.0\.0\.0'
lost=$(status 's["trust"]["memory_lost"]')
[[ $lost == 20* ]] || fail "no alarm: $(status 's["trust"]')"
[[ -e $ratchet.damaged && -e $ratchet.copy.damaged ]] || fail "what was damaged is not kept"
stop_cordond
start_cordond
[ "$(status 's["trust"]["memory_lost"]')" = "$lost" ] || fail "a restart has ended the alarm"
{ "$cordon" status --socket "${option[control.socket]}" || true; } | says 'what was accepted before was lost' || fail "cordon status says nothing"
"$cordon" trust acknowledge --socket "${option[control.socket]}" --reason "serials compared" | says acknowledged || fail "not acknowledged"
[ "$(status 's["trust"]["memory_lost"]')" = None ] || fail "the alarm goes on"
wait_until 60 grep -q '"what":"acknowledged".*"reason":"serials compared"' "$work/events.jsonl" || fail "no event"
says '"what":"memory-lost"' <"$work/events.jsonl" || fail "no event of the loss"
python3 "$here/check_events.py" "$schema" "$work/events.jsonl" >/dev/null || fail "events against the schema"
stop_cordond
start_cordond
[ "$(status 's["trust"]["memory_lost"]')" = None ] || fail "the alarm is back"

say "an image that is shipped: signed for only if it is what the text is compiled to, and then used"
write_list one 8 <<<"block suffix four.example.test"
sign_list "$folder/one.list"
"$cordon" list build --quiet --output "$folder/one.image" "$folder/one.list" | says '^1 lists, 1 rules' || fail "list build of a text"
make_catalogue --serial 10 >/dev/null
grep -q "^list one .* image=$(b2sum "$folder/one.image" | cut -d' ' -f1)$" "$folder/catalogue" || fail "the catalogue does not name it"
sign catalogue "$folder/catalogue" list-a list-b
"$cordon" catalogue verify "$folder" >/dev/null || fail "$("$cordon" catalogue verify "$folder" 2>&1)"
reload || fail "$(cat "$work/reload")"
status_is 's["shipped"] and not s["from_cache"]' || fail "the image is not used"
ask a.four.example.test; expect 'answer .* A 0\.0\.0\.0'
cp "$folder/one.image" "$work/old.image"
write_list one 9 <<<"block suffix five.example.test" # and the image is forgotten
sign_list "$folder/one.list"
make_catalogue --serial 11 >/dev/null
refused 1 'is not what this version of cordon compiles one.list to' catalogue sign --key "$(k list-a key)" "$folder/catalogue"
rm "$folder/one.image"
make_catalogue --serial 11 >/dev/null
sign catalogue "$folder/catalogue" list-a list-b
reload || fail "$(cat "$work/reload")"
status_is 'not s["shipped"]' || fail "what image is used?"
ask a.five.example.test; expect 'answer .* A 0\.0\.0\.0'
refused 2 'a configuration, or 1 to' list build -c "$work/cordond.yaml" "$folder/one.list"
refused 1 'this is not a cordon list' list build "$folder/catalogue"

say "another publisher, in its folder and its scope"
"$cordon" key generate --no-password "$work/keys/far-root" >/dev/null
"$cordon" key generate --no-password "$work/keys/far-list" >/dev/null
mkdir "$work/far"
"$cordon" root make --publisher far --title Far --expires 2099-01-01 --root-threshold 1 --list-threshold 1 \
  --root-keys "$(k far-root)" --list-keys "$(k far-list)" "$work/far" >/dev/null
sign root "$work/far/1.root" far-root
publish_far() { # SERIAL NAME
  write_list far "$1" <<<"block suffix $2"
  mv "$work/lists/far.list" "$work/far/"
  rm -f "$work"/far/*.list.*
  sign list "$work/far/far.list" far-list
  "$cordon" catalogue make --publisher far --serial "$1" --expires 2099-01-01 "$work/far" >/dev/null
  sign catalogue "$work/far/catalogue" far-list
}
publish_far 1 far.example.test
option[lists.use]='{one: enforce, far: enforce}'
option[trust.publishers]="{far: {directory: $work/far, root: $work/far/1.root, lists: [far], providers: [far], names: [far.example.test]}}"
write_config
stop_cordond
start_cordond
[ "$(status '[(l["id"], l["publisher"]) for l in s["lists"]]')" = "[('one', 'test'), ('far', 'far')]" ] || fail "$(status 's["lists"]')"
ask a.far.example.test; expect 'answer .* A 0\.0\.0\.0'
mkdir -p "$work/state/lists/far"
cp "$work/far/far.list" "$work/state/lists/far/1-of-then.list"
publish_far 2 three.example.test
reload && fail "a foreign list took a name of another"
says 'outside of what its publisher may speak of' <"$work/reload" || fail "$(cat "$work/reload")"
says 'partly in force' <"$work/reload" || fail "$(cat "$work/reload")"
ask a.far.example.test; expect 'answer .* A 0\.0\.0\.0'
publish_far 3 b.far.example.test
reload || fail "$(cat "$work/reload")"
"$cordon" check --print "$work/cordond.yaml" >"$work/again.yaml" || fail "cordon check --print"
"$cordon" check "$work/again.yaml" >"$work/out" 2>&1 || fail "what is printed does not read back: $(cat "$work/out")"
stop_cordond
