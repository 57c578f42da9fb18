#!/bin/bash
# What a candidate must stand before it is put in force, with lists, keys and roots as people make
# them: `cordon list gate`, its words, its document, its exit codes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys root-a root-b list-a list-b
folder="$work/lists"
k() { printf '%s/keys/%s.%s' "$work" "$1" "${2:-pub}"; }

# SERIAL: the lists of $folder under a catalogue of that serial.
publish() {
  rm -f "$folder"/catalogue*
  "$cordon" catalogue make --publisher test --expires 2099-01-01 --serial "$1" "$folder" >/dev/null
  "$cordon" catalogue sign --key "$(k list-a key)" "$folder/catalogue" >/dev/null
  "$cordon" catalogue sign --key "$(k list-b key)" "$folder/catalogue" >/dev/null
}
# CODE PATTERN OPTION...: the gate's exit code, and what it says.
gate() {
  local want=$1 words=$2 code=0
  shift 2
  "$cordon" list gate -c "$work/cordon.yaml" "$@" "$folder" >"$work/out" 2>&1 || code=$?
  [ "$code" = "$want" ] || fail "list gate $*: status $code, not $want: $(cat "$work/out")"
  says -E -- "$words" <"$work/out" || fail "list gate $*: not '$words' but $(cat "$work/out")"
}

"$cordon" root make --publisher test --title "Lists of a test" --created 2026-01-01 --expires 2099-01-01 \
  --root-keys "$(k root-a),$(k root-b)" --list-keys "$(k list-a),$(k list-b)" "$folder" >/dev/null
for key in root-a root-b; do "$cordon" root sign --key "$(k "$key" key)" "$folder/1.root" >/dev/null; done
rules='block suffix cloud.example.test
block suffix other.example.test
pass exact login.cloud.example.test'
list() { # SERIAL <RULES; signed by minisign, which looks at no rule
  write_list one "$1"
  rm -f "$folder"/one.list.*
  for key in list-a list-b; do
    minisign -S -W -s "$(k "$key" key)" -m "$folder/one.list" -x "$folder/one.list.$key.minisig" >/dev/null 2>&1 </dev/null || fail "minisign -S"
  done
  publish "$1"
}
list 1 <<<"$rules"
cp -r "$folder" "$work/in-force"
cat >"$work/cordon.yaml" <<CONFIG
upstreams: {servers: [127.0.0.1@1]}
lists: {directory: in-force, use: {one: enforce}}
state: {directory: state}
update: {gate: {must-resolve: [login.cloud.example.test]}}
CONFIG

say "the same again, and a small change"
gate 0 '^verdict: pass'
list 2 <<<"$rules
block suffix third.example.test"
gate 0 'one: serial 1 -> 2, rules 3 -> 4 \(\+1 -0\)'
gate 0 '^  must-resolve +pass +0 of 1 names'
gate 0 '"gate":1.*"verdict":"pass".*"check":"trust","verdict":"pass"' --json
python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert len(d["checks"]) == 8, d' "$work/out"

say "a pass rule that is gone, a registry's suffix, an own address"
list 3 <<<"$(sed 2,3d <<<"$rules")
block suffix co.uk
block prefix 192.168.0.0/16"
gate 1 '^    login.cloud.example.test: was let through by pass exact login.cloud.example.test of one 1; block suffix cloud.example.test of one'
gate 1 '^    co.uk: .*block suffix co.uk of one'
gate 1 '^    192.168.0.0: 192.168.0.0/16, a private range; block prefix 192.168.0.0/16 of one'
gate 1 '^verdict: refuse'

say "a machine that does not say which addresses it has"
if unshare -rn true 2>/dev/null; then
  code=0
  unshare -rn "$cordon" list gate -c "$work/cordon.yaml" "$work/in-force" >"$work/out" 2>&1 || code=$?
  [ "$code" = 0 ] || fail "list gate without addresses: status $code: $(cat "$work/out")"
  says '^  own-addresses  *warn' <"$work/out" || fail "no warning: $(cat "$work/out")"
  says 'addresses of this machine cannot be asked for' <"$work/out" || fail "it is not said: $(cat "$work/out")"
fi

say "overrides: each with a reason; not of what is no matter of opinion"
gate 2 'an override needs a reason' --override must-resolve
gate 2 'an override needs a reason' --override must-resolve --reason ' '
gate 2 "there is no check 'names'" --override names --reason x
gate 2 'cannot be overridden' --override trust --reason x
gate 2 'cannot be overridden' --override loads --reason x
gate 2 'take the list out of lists.use' --override withdrawn --reason x
gate 2 '--reason is for --override' --reason x
gate 1 'overridden: ticket 4711' --override must-resolve,own-addresses --reason 'ticket 4711'
gate 0 '^verdict: warn' --override must-resolve,own-addresses,public-suffix --reason 'ticket 4711'
gate 0 '"override":\{"reason":"ticket 4711","counts":true\}' --override must-resolve,own-addresses,public-suffix --reason 'ticket 4711' --json

say "what is not signed, and what is older than was accepted"
"$cordon" list gate -c "$work/cordon.yaml" "$work/in-force" >/dev/null || fail "what is in force is refused"
cp -r "$folder" "$work/good"
sed -i 's/third/fourth/; s/co.uk/co.jp/' "$folder/one.list"
gate 1 '^  trust +refuse'
gate 1 '^  replay +skipped +the candidate is not trusted'
rm -rf "$folder"; cp -r "$work/in-force" "$folder"
option[lists.directory]="$work/newer"
option[lists.use]="{one: enforce}"
unset 'option[trust.keys]' 'option[trust.threshold]'
list 9 <<<"$rules"
cp -r "$folder" "$work/newer"
write_config
start_cordond
stop_cordond
list 8 <<<"$rules" # signed and whole, and cordond has accepted 9
gate 1 'has 8, but 9 was accepted before'
say "the command line"
for arguments in "" "a b"; do
  code=0
  # shellcheck disable=SC2086 # words
  "$cordon" list gate $arguments >/dev/null 2>&1 || code=$?
  [ "$code" = 2 ] || fail "list gate $arguments: $code"
done
gate 1 'absent' -c "$work/absent.yaml"
