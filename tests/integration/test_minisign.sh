#!/bin/bash
# minisign(1) and cordon agree about keys and signatures, both ways, and both refuse what was
# tampered with.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

say "every shipped list has signatures that minisign accepts, of two of the shipped keys at least"
keys=$(find "$CORDON_ROOT/blocklists/keys" -name 'list-*.pub' | sort)
[ -n "$keys" ] || fail "there are no public keys in blocklists/keys"
declare -A id_of_key=()
for key in $keys; do id_of_key[$key]=$("$cordon" key show "$key" | awk '{ print $1 }'); done
ids=$(printf '%s\n' "${id_of_key[@]}")
lists=0
for list in "$CORDON_ROOT"/blocklists/*.list; do
  good=0
  for key in $keys; do
    signature="$list.${id_of_key[$key]}.minisig"
    [ -e "$signature" ] || continue
    minisign -V -q -p "$key" -m "$list" -x "$signature" || fail "minisign refuses $signature"
    good=$((good + 1))
  done
  [ "$good" -ge 2 ] || fail "$(basename "$list") is signed by $good of the shipped keys, two are needed (tools/sign-lists)"
  for signature in "$list".*.minisig; do
    id=${signature#"$list."}
    grep -qx "${id%.minisig}" <<<"$ids" || fail "$(basename "$signature") is of no shipped key"
  done
  lists=$((lists + 1))
done
[ "$lists" -ge 4 ] || fail "only $lists lists"
echo "   $lists lists"
"$cordon" list verify --ignore-time --keys "$CORDON_ROOT/blocklists/keys" "$CORDON_ROOT"/blocklists/*.list >"$work/verify" ||
  fail "cordon list verify refuses a shipped list"
[ "$(grep -c 'signed by' "$work/verify")" = "$lists" ] || fail "$(cat "$work/verify")"

[ "$("$cordon" catalogue verify --ignore-time --json "$CORDON_ROOT/blocklists" | grep -c "\"lists\":$lists,.*\"ok\":true")" = 1 ] ||
  fail "the shipped catalogue does not name the shipped lists as they are (tools/sign-catalogue): $("$cordon" catalogue verify --ignore-time "$CORDON_ROOT/blocklists" 2>&1)"

say "cordon signs, minisign verifies"
make_keys list-a list-b list-c
rules='block suffix example.test'
new_list one 1 <<<"$rules"
list="$work/lists/one.list"
id_of() { "$cordon" key show "$work/keys/$1.pub" | awk '{ print $1 }'; }
for key in list-a list-b; do
  minisign -V -q -p "$work/keys/$key.pub" -m "$list" -x "$list.$(id_of $key).minisig" || fail "minisign refuses the signature of $key"
  grep -q "$(id_of $key)" "$work/keys/$key.pub" || fail "the comment in $key.pub does not name its id"
done
if minisign -V -q -p "$work/keys/list-c.pub" -m "$list" -x "$list.$(id_of list-a).minisig" 2>/dev/null; then
  fail "minisign accepts another key"
fi

say "minisign signs, cordon verifies: a key of minisign's own, prehashed and in the old form"
minisign -G -W -f -p "$work/keys/list-m.pub" -s "$work/keys/list-m.key" >/dev/null 2>&1 </dev/null
"$cordon" list sign --key "$work/keys/list-m.key" "$list" >/dev/null || fail "cordon cannot sign with minisign's key"
minisign -V -q -p "$work/keys/list-m.pub" -m "$list" -x "$list.$(id_of list-m).minisig" || fail "minisign refuses cordon's signature by its own key"
verify() { "$cordon" list verify "$@" >"$work/verify" 2>&1; }
rm "$list".*.minisig
minisign -S -W -s "$work/keys/list-a.key" -m "$list" -x "$list.$(id_of list-a).minisig" -t "any words" >/dev/null 2>&1 </dev/null
minisign -S -W -s "$work/keys/list-m.key" -m "$list" -x "$list.$(id_of list-m).minisig" >/dev/null 2>&1 </dev/null
verify --keys "$work/keys/list-a.pub" --keys "$work/keys/list-m.pub" "$list" || fail "cordon refuses minisign's signatures: $(cat "$work/verify")"

say "a key with a password"
printf 'correct horse\n' >"$work/password"
"$cordon" key generate --password-fd 3 "$work/keys/locked" 3<"$work/password" >/dev/null || fail "cordon key generate"
"$cordon" list sign --key "$work/keys/locked.key" --password-fd 3 "$list" 3<"$work/password" >/dev/null || fail "cordon cannot use its own key with a password"
minisign -V -q -p "$work/keys/locked.pub" -m "$list" -x "$list.$(id_of locked).minisig" || fail "minisign refuses it"
printf 'wrong horse\n' >"$work/wrong"
if "$cordon" list sign --key "$work/keys/locked.key" --password-fd 3 "$list" 3<"$work/wrong" >/dev/null 2>&1; then
  fail "a wrong password was taken"
fi
if "$cordon" key generate --no-password "$work/keys/locked" >/dev/null 2>&1; then fail "a key was overwritten"; fi
[ "$(stat -c %a "$work/keys/locked.key")" = 600 ] || fail "a secret key that others may read"

say "cordon list verify refuses what was tampered with"
sign_list "$list"
keys=(--keys "$work/keys/list-a.pub" --keys "$work/keys/list-b.pub" --keys "$work/keys/list-c.pub")
verify "${keys[@]}" "$list" || fail "a good list is refused: $(cat "$work/verify")"
cp -r "$work/lists" "$work/good"
other='{s/^\(.\{19\}\)A/\1B/;t;s/./A/20}' # the 20th letter is another one, whatever it was
refuses() { # WHAT
  local code=0
  verify "${keys[@]}" "$list" || code=$?
  [ "$code" = 1 ] || fail "$1: status $code instead of 1"
  grep -q 'one\.list' "$work/verify" || fail "$1: the file is not named: $(cat "$work/verify")"
  rm -rf "$work/lists"; cp -r "$work/good" "$work/lists"
}
a="$list.$(id_of list-a).minisig"
b="$list.$(id_of list-b).minisig"
sed -i 's/example\.test/exbmple.test/' "$list"; refuses "a changed name"
echo >>"$list"; refuses "one more line"
truncate -s -1 "$list"; refuses "one octet less"
rm "$b"; refuses "one signature"
cp "$a" "$b"; refuses "the same signature twice"
sed -i "2$other" "$b"; refuses "a changed signature"
sed -i '3s/serial/Serial/' "$b"; refuses "a changed trusted comment"
sed -i "4$other" "$b"; refuses "a changed signature of the trusted comment"
: >"$b"; refuses "an empty signature"
head -c 100 "$b" >"$b.new"; mv "$b.new" "$b"; refuses "half a signature"
# The untrusted comment is what it is called.
sed -i '1s/.*/untrusted comment: anything/' "$b"
verify "${keys[@]}" "$list" || fail "the untrusted comment matters: $(cat "$work/verify")"
rm -rf "$work/lists"; cp -r "$work/good" "$work/lists"
verify "${keys[@]}" --threshold 3 "$list" && fail "two signatures where three are needed"
verify --keys "$work/keys/list-c.pub" --keys "$work/keys/list-b.pub" "$list" && fail "one trusted key is enough"
write_list one 2 created 2020-01-01T00:00:00Z expires 2021-01-01T00:00:00Z <<<"$rules"
sign_list "$list"
verify "${keys[@]}" "$list" && fail "an expired list is accepted"
verify "${keys[@]}" --ignore-time "$list" || fail "--ignore-time does not: $(cat "$work/verify")"

say "a faulty list gets no signature"
sed -i 's/^block suffix .*/block suffix com category=x scope=cloud confidence=high evidence="e"/' "$list"
rm "$list".*.minisig
"$cordon" list sign --key "$work/keys/list-a.key" "$list" >"$work/sign" 2>&1 && fail "it was signed"
grep -qE 'one\.list:[0-9]+:[0-9]+:' "$work/sign" || fail "no line and column: $(cat "$work/sign")"
[ -z "$(find "$work/lists" -name '*.minisig')" ] || fail "a signature was written"
