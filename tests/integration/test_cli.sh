#!/bin/bash
# cordon(1) as its users meet it: help and exit codes of every command, JSON where a program
# reads it, lists and keys from nothing to a verified answer, faults that say what to do.
# shellcheck source=tests/integration/lib.sh
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# code WANTED COMMAND...: its output is in $work/out and $work/err.
code() {
  local wanted=$1 got=0
  shift
  "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  if [ "$got" -ne "$wanted" ]; then
    cat "$work/out" "$work/err" >&2
    fail "exit status $got instead of $wanted: $*"
  fi
}
out_has() { grep -qE -- "$1" "$work/out" || { cat "$work/out" >&2; fail "standard output lacks: $1"; }; }
err_has() { grep -qE -- "$1" "$work/err" || { cat "$work/err" >&2; fail "standard error lacks: $1"; }; }
# json EXPRESSION in d: true for every line of the output
json() {
  python3 - "$work/out" "$1" <<'PYTHON' || { cat "$work/out" >&2; fail "JSON lacks: $1"; }
import json, sys
text = open(sys.argv[1]).read()
decoder, at, documents = json.JSONDecoder(), 0, []
while text[at:].strip():
    at += len(text[at:]) - len(text[at:].lstrip())
    document, at = decoder.raw_decode(text, at)
    documents.append(document)
assert documents
for d in documents:
    assert eval(sys.argv[2]), d
PYTHON
}

say "help and usage"
code 0 "$cordon" --help; out_has '^usage: cordon'
code 0 "$cordon" --version; out_has '^cordon [0-9]'
code 2 "$cordon"
code 2 "$cordon" frobnicate; err_has "no command 'frobnicate'"
for command in check explain query reload status; do
  code 0 "$cordon" $command --help; out_has "^usage: cordon $command"
  code 2 "$cordon" $command --no-such-option; err_has 'wrong option'
done
for verb in "key generate" "key show" "list build" "list diff" "list gate" "list show" "list sign" "list stats" "list verify"; do
  # shellcheck disable=SC2086 # two words
  code 0 "$cordon" $verb --help; out_has "^usage: cordon $verb"
  # shellcheck disable=SC2086
  code 2 "$cordon" $verb --no-such-option
done
code 0 "$cordon" key --help; code 2 "$cordon" key; code 2 "$cordon" list frobnicate
code 2 "$cordon" check; code 2 "$cordon" check a b; code 2 "$cordon" explain; code 2 "$cordon" query
code 2 "$cordon" list verify; code 2 "$cordon" list sign x.list; code 2 "$cordon" list show
code 2 "$cordon" list diff x.list; code 2 "$cordon" list stats

say "what cannot be written is said"
# lost COMMAND...: 1, and words, when nobody can take what it says.
lost() {
  local got=0
  "$@" >/dev/full 2>"$work/err" || got=$?
  [ "$got" -eq 1 ] || fail "exit status $got, and nothing was written: $*"
  err_has 'standard output cannot be written: No space left on device'
}
lost "$cordon" --help
lost "$cordon" check --example
code 2 "$cordon" frobnicate

say "keys"
code 0 "$cordon" key generate --no-password "$work/keys/list-a"; out_has '^key id +[0-9A-F]{16}$'
code 1 "$cordon" key generate --no-password "$work/keys/list-a"; err_has 'never overwritten'
[ "$(stat -c %a "$work/keys/list-a.key")" = 600 ] || fail "the secret key can be read by others"
code 2 "$cordon" key generate "$work/keys/asked"; err_has 'no terminal'
code 1 "$cordon" key generate --password-fd 0 "$work/keys/empty"; err_has 'empty'
make_keys list-b list-c
code 0 "$cordon" key show "$work/keys/list-a.pub"; out_has '^[0-9A-F]{16}  RW'
code 0 "$cordon" key show --json "$work/keys/list-a.pub" "$work/keys/list-b.pub"; json 'len(d["id"]) == 16'
code 1 "$cordon" key show "$work/keys/list-a.key"; err_has 'give a .pub file'
code 1 "$cordon" key show "$work/nonexistent"

say "lists: text, signatures, refusals"
write_list alpha 7 <<'RULES'
block suffix cloud.test
block exact mirror.cloud.test action=log
pass suffix open.cloud.test
block prefix 192.0.2.0/24
RULES
list="$work/lists/alpha.list"
code 1 "$cordon" list verify --keys "$work/keys" "$list"; err_has '0 of the 2 distinct trusted keys'
code 0 "$cordon" list sign --key "$work/keys/list-a.key" "$list"
code 1 "$cordon" list verify --keys "$work/keys" "$list"; err_has '1 of the 2 distinct trusted keys'
code 0 "$cordon" list sign --key "$work/keys/list-b.key" "$list"
code 0 "$cordon" list verify --keys "$work/keys" "$list"; out_has 'serial 7, 4 rules'
code 0 "$cordon" list verify --json --keys "$work/keys" "$list"; json 'd["rules"] == 4 and len(d["keys"]) == 2'
for file in "$list"*; do cp "$file" "$work/lists/renamed.list${file#"$list"}"; done
code 1 "$cordon" list verify --keys "$work/keys" "$work/lists/renamed.list"; err_has 'its id line says "alpha"'
rm "$work/lists/renamed.list"*
code 1 "$cordon" list verify --threshold 3 --keys "$work/keys" "$list"
code 1 "$cordon" list verify --threshold 9 --keys "$work/keys" "$list"; err_has 'threshold'
code 0 "$cordon" list show --rules "$list"; out_has 'block prefix 192.0.2.0/24'; out_has 'designated: Entity of alpha'
code 0 "$cordon" list show --json "$list"; json 'd["serial"] == 7'
# A letter is counted by itself, never with designations; so is what is the parent's.
code 0 "$cordon" list show --json "$CORDON_ROOT/blocklists/alibaba-cloud.list"
json 'd["facts"] == {"designated": 0, "parent-designated": 1, "list-mention": 0, "named-urged": 2,
  "named-no-designation-found": 1, "changed": 0, "removed": 0, "none-found": 0} and d["status_class"] == "parent-designated"'
code 0 "$cordon" list show "$CORDON_ROOT/blocklists/alibaba-cloud.list"
out_has 'legal facts: parent-designated 1 \(of them 1 contested\); named-urged 2; named-no-designation-found 1'
out_has 'named-urged \(a request, no designation\): Alibaba Cloud'
code 0 "$cordon" list stats "$CORDON_ROOT"/blocklists/{alibaba,tencent}-cloud.list; out_has 'facts .*named-urged 3'
code 0 "$cordon" list show "$CORDON_ROOT/blocklists/ctyun.list"; out_has 'designated 1 \(of them 1 unverified\); parent-designated 5'
code 0 "$cordon" list show --json "$CORDON_ROOT/blocklists/ctyun.list"
json 'd["designated_unverified"] == 1 and d["parent_designated_unverified"] == 0 and d["status_class"] == "parent-designated"'
code 0 "$cordon" list show "$CORDON_ROOT/blocklists/bypass.list"; out_has 'no legal facts'
echo "block suffix com category=x scope=cloud confidence=high evidence=\"x\"" >"$work/lists/bad.list"
code 1 "$cordon" list sign --key "$work/keys/list-a.key" "$work/lists/bad.list"; err_has 'bad.list:1'
if compgen -G "$work/lists/bad.list.*.minisig" >/dev/null; then fail "a faulty list was signed"; fi
rm "$work/lists/bad.list"
{
  sed '/^rules/,$d' "$list"; echo rules
  echo 'block suffix com.cn category=x scope=cloud confidence=high evidence="x"'
  echo end
} | sed 's/^id .*/id whole/' >"$work/lists/whole.list"
code 1 "$cordon" list sign --key "$work/keys/list-a.key" "$work/lists/whole.list"; err_has 'com.cn is a public suffix'
if compgen -G "$work/lists/whole.list.*.minisig" >/dev/null; then fail "a list on a whole public suffix was signed"; fi
sed -i 's/evidence="x"$/evidence="x" public-suffix="all of it is meant"/' "$work/lists/whole.list"
code 0 "$cordon" list sign --key "$work/keys/list-a.key" "$work/lists/whole.list"
code 0 "$cordon" list sign --key "$work/keys/list-b.key" "$work/lists/whole.list"
code 0 "$cordon" list verify --keys "$work/keys" "$work/lists/whole.list"
code 0 "$cordon" list show --rules "$work/lists/whole.list"; out_has 'whole public suffix: all of it is meant'
code 0 "$cordon" list stats "$work/lists/whole.list"; out_has '1 whole public suffix'
sed -i 's/ com\.cn / alibaba.com /' "$work/lists/whole.list"
code 0 "$cordon" list sign --key "$work/keys/list-a.key" "$work/lists/whole.list"; err_has 'alibaba.com is no public suffix'
sed -i 's/ alibaba\.com / bücher.example /' "$work/lists/whole.list"
code 1 "$cordon" list sign --key "$work/keys/list-a.key" "$work/lists/whole.list"
err_has 'written as A-labels'; err_has 'as A-labels: xn--bcher-kva.example'
rm "$work"/lists/whole.list*
write_list old 1 created 2020-01-01T00:00:00Z expires 2021-01-01T00:00:00Z <<'RULES'
block suffix old.test
RULES
sign_list "$work/lists/old.list"
code 1 "$cordon" list verify --keys "$work/keys" "$work/lists/old.list"; err_has 'past its expiry'
code 0 "$cordon" list verify --ignore-time --keys "$work/keys" "$work/lists/old.list"

say "what is in lists, counted"
code 0 "$cordon" list stats "$list"; out_has '^1 list, 4 rules'; out_has 'kind +block 3, pass 1'
out_has 'match +suffix 2, exact 1, prefix 1|match +suffix 2, prefix 1, exact 1'; out_has "action +the operator's 2, log 1"
out_has 'labels +2: 1, 3: 2'; out_has 'tree +4 names, 2 of them above'; out_has 'chains +1 line 1, 2 lines 0'
for verb in "list show" "list stats" "list verify --keys $work/keys"; do
  # shellcheck disable=SC2086
  lost "$cordon" $verb "$list"
done
lost "$cordon" list export --format domains --keys "$work/keys" "$list"
[ "$(grep -c "standard output" "$work/err")" -eq 1 ] || fail "it is said twice: $(cat "$work/err")"
code 0 "$cordon" list stats --json "$list" "$work/lists/old.list"
json 'd["lists"] == 2 and d["rules"] == 5 and d["match"]["prefix"] == 1 and d["labels"]["3"] == 2'
json 'sum(d["image"]["parts"].values()) == d["image"]["octets"] and sum(d["image"]["chains"]) >= 1'
code 1 "$cordon" list stats "$list" "$list"; err_has 'have one id'
code 1 "$cordon" list stats "$work/lists/none.list"; err_has 'none.list'

say "what a newer list changes"
mkdir "$work/newer"
write_list beta 1 <<'RULES'
block suffix kept.test
block suffix freed.test
block suffix softer.test
block exact harder.test action=log
pass suffix was-passed.test
block suffix turned.test action=nxdomain
block suffix word.test
block prefix 192.0.2.0/24
RULES
mv "$work/lists/beta.list" "$work/newer/beta-1.list"
write_list beta 2 <<'RULES'
block prefix 192.0.2.0/24
block prefix 192.0.2.0/25
block suffix word.test
block exact kept.test
block suffix turned.test action=nodata
block exact harder.test
block suffix softer.test action=log
pass suffix now-passed.test
block suffix kept.test
block suffix added.test
RULES
sed "/word.test/s/evidence=/evidence=\"other\" note=/" "$work/lists/beta.list" >"$work/newer/beta-2.list"
rm "$work/lists/beta.list"
code 0 "$cordon" list diff "$work/newer/beta-1.list" "$work/newer/beta-2.list"
out_has '^beta: serial 1 -> 2, .* 8 -> 10 rules$'
out_has '^  4 blocked from now on$'; out_has 'suffix added.test  no rule -> block'
out_has 'exact kept.test  no rule -> block'; out_has 'exact harder.test  log -> block'
out_has 'prefix 192.0.2.0/25  no rule -> block'
out_has '^  2 not blocked any more$'; out_has 'suffix freed.test  block -> no rule'; out_has 'suffix softer.test  block -> log'
out_has '^  1 let through from now on$'; out_has '^  1 not let through any more'
out_has 'suffix turned.test  nxdomain -> nodata'; out_has '^  1 decided as before, .*--all'
if grep -q 'suffix kept.test\|suffix word.test\|192.0.2.0/24' "$work/out"; then fail "rules that stay are shown: $(cat "$work/out")"; fi
lost "$cordon" list diff "$work/newer/beta-1.list" "$work/newer/beta-2.list"
code 0 "$cordon" list diff --all "$work/newer/beta-1.list" "$work/newer/beta-2.list"; out_has 'suffix word.test'
code 0 "$cordon" list diff --json "$work/newer/beta-1.list" "$work/newer/beta-2.list"
json 'len(d["rules"]["blocked"]) == 4 and d["rules"]["passed"][0]["what"] == "now-passed.test" and d["new_serial"] == 2'
code 0 "$cordon" list diff "$work/newer/beta-2.list" "$work/newer/beta-2.list"; out_has 'no rule and no legal fact differs'
code 0 "$cordon" list diff "$work/newer/beta-2.list" "$work/newer/beta-1.list"; err_has 'swapped'
code 1 "$cordon" list diff "$list" "$work/newer/beta-1.list"; err_has 'different lists'
code 1 "$cordon" list diff "$work/newer/beta-1.list" "$work/newer/none.list"; err_has 'none.list'
sed 's/Entity of beta/Another/' "$work/newer/beta-2.list" >"$work/newer/beta-3.list"
code 0 "$cordon" list diff "$work/newer/beta-2.list" "$work/newer/beta-3.list"; out_has '^  - fact .*Entity of beta'; out_has '^  [+] fact .*Another'
out_has '^  legal facts: 1 fewer, 1 more$'
code 0 "$cordon" list diff --json "$work/newer/beta-2.list" "$work/newer/beta-3.list"
json '"Another" in d["facts_added"][0] and len(d["facts_removed"]) == 1 and d["letters_added"] == []'
# A letter that urges action is no designation, and is never counted with one.
letter='fact named-urged\nentity Beta\nauthority A letter; a request\nstate request\nchecked 2026-01-01\n'
sed "s/^rules\$/$letter\n&/" "$work/newer/beta-3.list" >"$work/newer/beta-4.list"
code 0 "$cordon" list diff "$work/newer/beta-3.list" "$work/newer/beta-4.list"
out_has '^  letters that urge action .*: 0 fewer, 1 more$'; out_has '^  [+] letter  named-urged: Beta'
if grep -q 'legal facts\|fact  ' "$work/out"; then fail "a letter is counted with legal facts: $(cat "$work/out")"; fi
code 0 "$cordon" list diff --json "$work/newer/beta-3.list" "$work/newer/beta-4.list"
json 'len(d["letters_added"]) == 1 and d["facts_added"] == [] and d["letters_removed"] == []'

say "check"
option[lists.use]="{alpha: enforce}"
write_config
config="$work/cordond.yaml"
code 0 "$cordon" check "$config"; out_has 'alpha +serial 7, 4 rules, 2 signatures'
code 0 "$cordon" check --json "$config"; json 'd["ok"] and d["lists"][0]["rules"] == 4'
lost "$cordon" check "$config"; lost "$cordon" explain x.test -c "$config"
code 0 "$cordon" check --print "$config"; cp "$work/out" "$work/printed.yaml"
code 0 "$cordon" check "$work/printed.yaml"
printf 'server:\n  lisen: [127.0.0.1]\ncache:\n  size: many\n' >"$work/bad.yaml"
code 1 "$cordon" check "$work/bad.yaml"
err_has 'bad.yaml:2:3: .*listen'; err_has 'bad.yaml:4:9'
code 1 "$cordon" check --json "$work/bad.yaml"; json 'not d["ok"] and d["errors"] >= 2'
code 1 "$cordon" check "$work/nonexistent.yaml"
[ ! -e "$work/state" ] || fail "check left something in the state directory"

say "build"
code 0 "$cordon" list build -c "$config" --output "$work/a.image"; out_has '4 rules'
[ ! -s "$work/err" ] || fail "progress is shown where nobody waits: $(cat "$work/err")"
script -qec "'$cordon' list build -c '$config'" /dev/null >"$work/tty" </dev/null || fail "no build at a terminal"
grep -q 'verifying  *0 %' "$work/tty" || fail "no progress at a terminal: $(cat -A "$work/tty")"
script -qec "'$cordon' list build --quiet -c '$config'" /dev/null >"$work/tty" </dev/null || fail "no quiet build"
if grep -q '%' "$work/tty"; then fail "progress although quiet: $(cat -A "$work/tty")"; fi
code 0 "$cordon" list build -c "$config" --output "$work/b.image" --json; json 'len(d["blake2b256"]) == 64'
cmp "$work/a.image" "$work/b.image" || fail "the same list gave two images"
ln -s b.image "$work/link.image"; rm "$work/b.image"; echo old >"$work/b.image"
code 0 "$cordon" list build -c "$config" --output "$work/link.image"
mkfifo "$work/fifo"
timeout 60 cat "$work/fifo" >"$work/through" &
reader=$!
code 0 "$cordon" list build -c "$config" --output "$work/fifo"
[ -p "$work/fifo" ] || fail "a FIFO is one no more"
wait "$reader"
[ -L "$work/link.image" ] || fail "a link is one no more"
cmp "$work/a.image" "$work/b.image" || fail "a link was not followed"
cmp "$work/a.image" "$work/through" || fail "a FIFO's reader got something else"
code 1 "$cordon" list export --format domains --keys "$work/keys" --output "$work/keys" "$list"; err_has 'neither a file nor'
code 1 "$cordon" list export --format domains --keys "$work/keys" --output "$work/none/x" "$list"; err_has 'none/x: No such file'
code 2 "$cordon" list verify --keys "$work/lists" "$list"; err_has 'has no key list\*.pub'

say "explain"
code 0 "$cordon" explain deep.cloud.test -c "$config"
out_has 'deep.cloud.test A: blocked, sinkhole: 0.0.0.0'; out_has 'wins: '; out_has 'designated: Entity of alpha'
out_has 'Evidence .line'
code 0 "$cordon" explain mirror.cloud.test -c "$config"; out_has 'let through, with an event'
code 0 "$cordon" explain a.open.cloud.test -c "$config"; out_has 'passed'; out_has 'loses: a longer match decides'
code 0 "$cordon" explain elsewhere.test -c "$config"; out_has 'not listed'; out_has 'No rule'
code 0 "$cordon" explain 192.0.2.9 -c "$config"; out_has 'block prefix 192.0.2.0/24'
code 0 "$cordon" explain deep.cloud.test AAAA --client 198.51.100.1 -c "$config"
out_has 'sinkhole: ::'; out_has 'is not answered at all'
code 0 "$cordon" explain --json deep.cloud.test -c "$config"
json 'd["blocked"] and d["triggers"][0]["rules"][0]["list"] == "alpha" and d["triggers"][0]["rules"][0]["status_class"] == "designated"'
code 2 "$cordon" explain 'bad..name' -c "$config"; code 2 "$cordon" explain x.test NOTYPE -c "$config"
CORDON_CONFIG=$config code 0 "$cordon" explain deep.cloud.test
if [ ! -e /etc/cordon/cordon.yaml ]; then
  code 1 "$cordon" explain deep.cloud.test
  err_has 'No configuration was named, and /etc/cordon/cordon.yaml,.* -c FILE or in CORDON_CONFIG'
  code 1 "$cordond" --check; err_has '-c FILE names one'
fi
CORDON_CONFIG=$work/none.yaml code 1 "$cordon" explain deep.cloud.test; err_has 'CORDON_CONFIG names this file'
code 1 "$cordon" explain deep.cloud.test -c "$work/none.yaml"; err_has 'none.yaml: cannot be read: No such file'
[ "$(wc -l <"$work/err")" -eq 1 ] || fail "advice for who has named a file: $(cat "$work/err")"

say "the daemon: status, reload, query"
code 3 "$cordon" status -c "$config"; err_has 'does not answer'
code 3 "$cordon" reload --socket "$work/control.sock"
code 3 "$cordon" query "@127.0.0.1@$port" deep.cloud.test --timeout 1
start_cordond
code 0 "$cordon" query "@127.0.0.1@$port" deep.cloud.test
out_has '0.0.0.0'; out_has 'extended error 4 \(Forged Answer\): alpha alpha 7'; out_has 'sinkhole'
code 0 "$cordon" query "@::1@$port" deep.cloud.test AAAA --tcp --json
json 'd["ede"][0]["code"] == 4 and d["records"][0]["rdata"] == "::"'
code 0 "$cordon" query "@127.0.0.1@$port" deep.cloud.test MX; out_has 'NOERROR'; out_has 'SOA'
code 0 "$cordon" query "@127.0.0.1@$port" free.test; out_has 'SERVFAIL'; out_has 'outage, not a policy'
code 0 "$cordon" query "@127.0.0.1@$port" deep.cloud.test --no-edns; ! grep -q 'extended error' "$work/out" || fail "EDE without EDNS"
code 0 "$cordon" status -c "$config" --json; json 'd["lists"][0]["id"] == "alpha" and d["questions"]["blocked"] >= 3'
wait_until 30 status_is 's["events"]["written"] >= 3'
got=0; "$cordon" status -c "$config" >"$work/out" || got=$?
[ "$got" -le 1 ] || fail "status ended with $got"
out_has 'alpha +enforce +serial 7'; out_has 'signed by [0-9A-F]{16} [0-9A-F]{16}'
new_list alpha 8 <<'RULES'
block suffix other.test
RULES
code 0 "$cordon" reload -c "$config"; out_has 'in force: generation'
# One that stands still: who only looks is told soon; a change waits, and says so.
stand_still "$cordond_pid"
"$cordon" pause all --for 1h --reason x -c "$config" >"$work/paused" 2>"$work/waiting" &
pause=$!
before=$SECONDS
code 3 "$cordon" status -c "$config"; err_has 'stands still'
[ $((SECONDS - before)) -le 20 ] || fail "status waited for $((SECONDS - before)) s"
wait_until 30 grep -q 'has not answered yet' "$work/waiting"
kill -CONT "$cordond_pid"
wait "$pause" || fail "a change was not done in the end: $(cat "$work/waiting")"
code 0 "$cordon" pause list -c "$config"; out_has 'another 60 min'
code 0 "$cordon" pause end all -c "$config"
code 0 "$cordon" query "@127.0.0.1@$port" other.test; out_has 'alpha alpha 8'
rm "$work"/lists/alpha.list.*.minisig
code 1 "$cordon" reload -c "$config"; err_has '0 of the 2'; err_has 'keeps what it had'
code 0 "$cordon" query "@127.0.0.1@$port" other.test; out_has 'alpha alpha 8'
code 1 "$cordon" status -c "$config"; out_has 'the last reload .* was refused'
stop_cordond

say "somebody else at the socket"
cat >"$work/fake.py" <<'PYTHON'
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1] + ".new")
server.listen(8)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(open(sys.argv[2], "rb").read())
    client.close()
PYTHON
python3 "$work/fake.py" "$work/fake.sock" "$work/said" &
fake=$!; pids+=("$fake")
wait_until 60 test -S "$work/fake.sock"
asking=("status" "lists" "upstreams" "clients" "reload" "cache flush --all" "cache show x.test" "trace x.test" "pause list"
  "pause all --for 1h --reason x" "pause end all" "exception list" "exception remove x.test"
  "exception add x.test --for 1h --ticket T --reason x" "top --once")
echo '{"ok":true}' >"$work/said"
for command in "${asking[@]}"; do
  # shellcheck disable=SC2086 # words
  code 3 "$cordon" $command --socket "$work/fake.sock"; err_has "reply is not a cordond's"
done
# Nothing that it says reaches the terminal as it is.
no_controls() {
  if LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$work/out" "$work/err"; then
    fail "a terminal can be driven: $(cat -A "$work/out" "$work/err")"
  fi
}
echo '{"ok":false,"error":"\u001b[31mred\u0007\u009b\u202e"}' >"$work/said"
for command in "${asking[@]}"; do
  wanted=1; [ "$command" != "top --once" ] || wanted=3
  # shellcheck disable=SC2086
  code "$wanted" "$cordon" $command --socket "$work/fake.sock"; err_has '\\u001b\[31mred\\u0007'; no_controls
done
echo '{"ok":true,"version":"\u001b]0;x\u0007","lists":[{"id":"\u001b"}],"questions":{"answered":{"\u001b":1}}}' >"$work/said"
code 1 "$cordon" status --socket "$work/fake.sock"; out_has '^cordond \\u001b\]0;x\\u0007'; no_controls
printf '{"\033[31m' >"$work/said"
code 3 "$cordon" status --socket "$work/fake.sock"; err_has 'is no JSON'; no_controls
kill "$fake"; wait "$fake" || true

say "bash completion"
bash -n "$CORDON_ROOT/deploy/completion/cordon.bash"
words=$(bash -c '. "$1"; COMP_WORDS=(cordon l); COMP_CWORD=1; _cordon; echo "${COMPREPLY[*]}"' - "$CORDON_ROOT/deploy/completion/cordon.bash")
[ "$words" = "list lists" ] || fail "completion of 'cordon l' gives '$words'"
# Each option that a command's help shows is offered.
while read -r -a command; do
  offered=$(bash -c '. "$1"; shift; COMP_WORDS=(cordon "$@" --); COMP_CWORD=$(($# + 1)); _cordon; echo " ${COMPREPLY[*]} "' - \
    "$CORDON_ROOT/deploy/completion/cordon.bash" "${command[@]}")
  for option in $("$cordon" "${command[@]}" --help | grep -oE -- '--[a-z-]+' | sort -u); do
    [[ $offered == *" $option "* ]] || fail "completion of 'cordon ${command[*]}' lacks $option"
  done
done <<'COMMANDS'
audit check
audit cosign
audit cosign add
audit cosign ask
audit cosign request
audit key
audit prove
audit search
audit top
audit why
audit verify
audit witness
audit witness add
audit witness key
audit witness show
audit witness sign
cache flush
cache show
catalogue make
catalogue sign
catalogue verify
check
clients
exception add
exception check
exception sign
explain
key generate
key rotate
key show
list build
list diff
list export
list gate
list show
list sign
list stats
list verify
lists
pause all
query
reload
root make
root rotate
root show
root sign
root verify
status
top
trace
update
upstreams
why
COMMANDS

say "manual pages"
for page in "$CORDON_ROOT"/docs/man/*.scd; do
  scdoc <"$page" >"$work/page" || fail "$page is no scdoc"
  mandoc -T utf8 "$work/page" >/dev/null || fail "$page does not print"
done
"$cordon" check --example | cmp - "$CORDON_ROOT/deploy/cordon.yaml" || fail "deploy/cordon.yaml is old: tools/make-manual"
"$cordon" check --manual >"$work/options"
python3 - "$work/options" "$CORDON_ROOT/docs/man/cordon.yaml.5.scd" <<'PYTHON' || fail "cordon.yaml(5) is old: tools/make-manual"
import sys
assert open(sys.argv[1]).read() in open(sys.argv[2]).read()
PYTHON
