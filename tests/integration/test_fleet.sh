#!/bin/bash
# Two resolvers and one question: do they decide alike? The fingerprint as every machine asks for it
# (kdig, dig), who is told, and cordon compare with every difference that a fleet has.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list shop 41 <<<'block suffix shop.test'
new_list news 7 <<<'block suffix news.test'
cp -r "$work/lists" "$work/lists2"
other=$(free_port)

option[server.operators]='[127.0.0.1/32, 127.0.0.7/32]'
option[lists.use]='{shop: enforce, news: log}'
option[policy.default]=deny
option[policy.allow]='[corp.test, intern.test]'
option[upstreams.zones]='{corp.test: {servers: [127.0.0.1@'$upstream_port'], policy: exempt}}'
write_config
# The twin: other folders, addresses and sizes; keys of YAML in another order.
sed -e "s,@$port,@$other,g" -e "s,$work/lists\$,$work/lists2," -e "s,$work/control.sock,$work/control2.sock," \
  -e "s,$work/state,$work/state2," -e "s,events.jsonl,events2.jsonl," -e 's,workers: 2,workers: 1,' \
  -e 's,\[corp.test\, intern.test\],[intern.test\, corp.test],' "$work/cordond.yaml" >"$work/twin.yaml"
cmp -s "$work/cordond.yaml" "$work/twin.yaml" && fail "the twin is the same file"

start_cordond
"$cordond" -c "$work/twin.yaml" >"$work/cordond2.out" 2>"$work/cordond2.log" </dev/null &
twin_pid=$!
pids+=("$twin_pid")
wait_until 60 answers 127.0.0.1 "$other" || fail "the twin does not answer"

total() { dig +short +tries=1 -b "${2:-127.0.0.1}" @127.0.0.1 -p "$1" CH TXT fingerprint.cordon | grep -o 'cordon-fingerprint 1 [0-9a-f]\{64\}' | cut -d' ' -f3; }

say "one hash, however it is asked for"
a=$(total "$port")
[ ${#a} -eq 64 ] || fail "no fingerprint by dig: $a"
[ "$(total "$other")" = "$a" ] || fail "twins differ"
kdig +short @127.0.0.1 -p "$port" CH TXT FingerPrint.CORDON | says -F "$a" || fail "kdig over UDP"
kdig +tcp +short @127.0.0.1 -p "$port" CH TXT fingerprint.cordon | says -F "$a" || fail "kdig over TCP"
"$cordon" status --fingerprint --socket "$work/control.sock" | head -n 1 | says -xF "$a" || fail "cordon status --fingerprint"
"$cordon" status --socket "$work/control.sock" | says -F "fingerprint $a" || fail "cordon status"
status_is "s['fingerprint']['total'] == '$a' and s['fingerprint']['format'] == 1 and s['questions']['told'] >= 3" ||
  fail "status document: $(cat "$work/status.json")"

say "anybody can make it anew: b2sum over what was told"
tell() { dig +short +tries=1 @127.0.0.1 -p "$port" CH TXT "$1" | sed -e 's/^"//' -e 's/"$//' -e 's/" "/\n/g'; }
parts=(lists views schedules answers exempt exceptions pauses held)
for part in "${parts[@]}"; do
  tell "$part.fingerprint.cordon" >"$work/part"
  read -r _ _ name hash _ <"$work/part"
  [ "$name" = "$part" ] || fail "$part: $(cat "$work/part")"
  { echo "cordon-fingerprint 1 $part"; tail -n +2 "$work/part"; } >"$work/whole"
  if ! head -n 1 "$work/part" | says ' 1/1 '; then continue; fi # of several pages
  b2sum -l 256 <"$work/whole" | says "^$hash " || fail "$part: its hash is not that of its lines: $(cat "$work/whole")"
done
tell fingerprint.cordon >"$work/first"
{ echo 'cordon-fingerprint 1'; tail -n +2 "$work/first"; } | b2sum -l 256 | says "^$a " || fail "the total"
tell lists.fingerprint.cordon | says -E '^list shop 41 [0-9a-f]{64} enforce -$' || fail "$(tell lists.fingerprint.cordon)"
tell exempt.fingerprint.cordon | says -xF 'exempt corp.test' || fail "$(tell exempt.fingerprint.cordon)"

say "operators alone are told"
dig +tries=1 -b 127.0.0.7 @127.0.0.1 -p "$port" CH TXT fingerprint.cordon | says 'status: NOERROR' || fail "an operator is refused"
for client in 127.0.0.8 127.0.0.2; do
  dig +tries=1 -b "$client" @127.0.0.1 -p "$port" CH TXT fingerprint.cordon | says 'status: REFUSED' || fail "$client is told over UDP"
  dig +tcp +tries=1 -b "$client" @127.0.0.1 -p "$port" CH TXT lists.fingerprint.cordon | says 'status: REFUSED' || fail "$client is told over TCP"
done
dig +tries=1 @::1 -p "$port" CH TXT fingerprint.cordon | says 'status: REFUSED' || fail "::1 is told"
dig +tries=1 @127.0.0.1 -p "$port" CH TXT version.bind | says 'status: REFUSED' || fail "version.bind"
dig +tries=1 @127.0.0.1 -p "$port" CH TXT nothing.fingerprint.cordon | says 'status: NXDOMAIN' || fail "a part that there is not"
dig +tries=1 @127.0.0.1 -p "$port" CH A fingerprint.cordon | says 'status: NOERROR.*' || fail "another type"

compare() { # STATUS ARGUMENT...
  local wanted=$1 got=0
  shift
  "$cordon" compare "$@" >"$work/compared" 2>"$work/compare.err" || got=$?
  [ "$got" -eq "$wanted" ] || fail "cordon compare $*: status $got instead of $wanted: $(cat "$work/compared" "$work/compare.err")"
}
told() { says -F -- "$1" <"$work/compared" || fail "not told: $1: $(cat "$work/compared")"; }
A=127.0.0.1@$port B=127.0.0.1@$other

say "twins are the same: by DNS, by document, by configuration"
compare 0 "$A" "$B" && told "$a"
"$cordon" status --json --socket "$work/control.sock" >"$work/saved.json" || true
compare 0 "$work/saved.json" "$B"
compare 0 "$work/cordond.yaml" "$B"
compare 0 "$work/twin.yaml" "$work/saved.json" --json
python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["same"] and d["differences"] == [], d' "$work/compared"

twin() { # SED...: the twin gets another configuration
  sed "$@" "$work/twin.yaml" >"$work/twin.new"
  cmp -s "$work/twin.new" "$work/twin.yaml" && fail "nothing changes by $*"
  cp "$work/twin.yaml" "$work/twin.before"
  mv "$work/twin.new" "$work/twin.yaml"
  "$cordon" reload --socket "$work/control2.sock" >/dev/null 2>&1 || fail "the twin refuses $*"
}
back() {
  mv "$work/twin.before" "$work/twin.yaml"
  "$cordon" reload --socket "$work/control2.sock" >/dev/null 2>&1 || fail "the twin does not go back"
  compare 0 "$A" "$B"
}

say "each difference is named"
twin 's/news: log/news: enforce/'
compare 1 "$A" "$B" && told "list news in view default: log on $A, enforce on $B"
compare 1 "$work/saved.json" "$work/twin.yaml" && told "list news in view default: log on $work/saved.json, enforce on $work/twin.yaml"
back
twin 's/{shop: enforce, news: log}/{news: log, shop: enforce}/'
compare 1 "$A" "$B" && told "view default: its lists are in another order on $A than on $B"
back
twin -e 's/default: deny/default: deny\n  action: nxdomain/' -e "\$a views: {desk: {clients: [10.0.0.0/8]}}"
compare 1 "$A" "$B" && told "view default action: sinkhole on $A, nxdomain on $B" && told "view desk: on $B alone"
back
twin 's/policy: exempt/policy: apply/'
compare 1 "$A" "$B" && told "exempt corp.test: on $A, not on $B"
back

mkdir "$work/newer" && cp -r "$work/lists" "$work/newer/keep"
new_list shop 42 <<<'block suffix shop.test'
cp "$work"/lists/shop.list* "$work/lists2/"
rm -r "$work/lists" && mv "$work/newer/keep" "$work/lists"
"$cordon" reload --socket "$work/control2.sock" >/dev/null 2>&1 || fail "the twin refuses a newer list"
compare 1 "$A" "$B" && told "list shop: serial 41 on $A, 42 on $B: $A has the older one"
[ "$(grep -c . "$work/compared")" -eq 2 ] || fail "more is told than differs: $(cat "$work/compared")"
"$cordon" pause shop --for 1h --reason test --socket "$work/control2.sock" >/dev/null
"$cordon" exception add free.news.test --ticket T-1 --for 1h --reason test --socket "$work/control.sock" >/dev/null
compare 1 "$A" "$B" --json
python3 - "$work/compared" <<'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
found = {(x["part"], x["subject"]): (x.get("a"), x.get("b")) for x in d["differences"]}
assert not d["same"] and d["a"]["total"] != d["b"]["total"], d
assert found.pop(("pauses", "pause shop")) == (None, "yes"), d
assert found.pop(("exceptions", "exception * suffix own free.news.test")) == ("yes", None), d
assert found.pop(("lists", "list shop"))[0].startswith("41 "), d
assert not found, found
PYTHON
wait_until 30 grep -qE 'what decides has changed: its fingerprint is [0-9a-f]{64}$' "$work/cordond2.log" || fail "the log says nothing"

say "who does not answer, refuses, or lies"
compare 3 "$A" "127.0.0.1@$(free_port)" --timeout 1
compare 3 "$A" "$work/nothing"
says -F "neither an address nor a file" <"$work/compare.err" || fail "$(cat "$work/compare.err")"
sed 's/"total": "./"total": "z/' "$work/saved.json" >"$work/bad.json"
compare 3 "$A" "$work/bad.json"
sed '0,/"hash": "./s//"hash": "0/' "$work/saved.json" >"$work/bad.json"
compare 3 "$A" "$work/bad.json"
compare 2 "$A"
printf 'cordon: [\n' >"$work/bad.yaml"
compare 3 "$A" "$work/bad.yaml"
sed -i 's,127.0.0.1/32\, ,,' "$work/twin.yaml"
"$cordon" reload --socket "$work/control2.sock" >/dev/null 2>&1
compare 3 "$A" "$B"
says -F "server.operators" <"$work/compare.err" || fail "$(cat "$work/compare.err")"

stop_cordond
stop "$twin_pid"
