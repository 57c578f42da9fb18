#!/bin/bash
# A way out when a block hurts: pauses and exceptions in a running daemon. In force within a second,
# recorded with who did it, kept over restart and kill, over by themselves; and files that are damaged
# or cannot be written.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
start_fake "$upstream_port" --log "$work/asked"
option[lists.use]='{shop: enforce, other: enforce, quiet: log}'
write_config
new_list shop 1 <<<"block suffix shop.example"
new_list other 1 <<<"block suffix other.example"
new_list quiet 1 <<<"block suffix quiet.example"
start_cordond
kept="$work/state/overrides.jsonl"

tool() { "$cordon" "$@" --socket "$work/control.sock"; }
is_blocked() { ask "$1" A && grep -q '0\.0\.0\.0' <<<"$answer"; }
is_free() { ask "$1" A && grep -q '192\.0\.2\.1' <<<"$answer"; }
blocked() { is_blocked "$1" || fail "$1 is not blocked: $answer"; }
free() { is_free "$1" || fail "$1 is not let through: $answer"; }
# refused STATUS WORDS COMMAND...
refused() {
  local wanted=$1 words=$2 code=0
  shift 2
  tool "$@" >"$work/said" 2>&1 || code=$?
  [ "$code" -eq "$wanted" ] || fail "status $code instead of $wanted for $*: $(cat "$work/said")"
  grep -qE -- "$words" "$work/said" || fail "no word of '$words' for $*: $(cat "$work/said")"
}
# event COUNT EXPRESSION in e: so many events for which it holds. Waits for the writer.
event() { wait_until 20 events_are "$1" "$2" || fail "$the_reply events instead of $1 with: $2"; }

say "an exception is in force when the command returns, within a second"
blocked www.shop.example
for i in $(seq 1 8); do
  before=$(date +%s%3N)
  tool exception add shop.example --for 1h --ticket "HD-$i" --reason "checkout fails" --json >"$work/added"
  free www.shop.example
  python3 - "$work/added" <<'PYTHON' || fail "$(cat "$work/added")"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["ok"] is True and d["in_force"] is True and d["milliseconds"] < 1000, d
e = d["exceptions"][0]
assert e["name"] == "shop.example" and e["scope"] == "own" and e["match"] == "suffix" and e["kept"] is True, e
print("   in force after %d ms" % d["milliseconds"]) if e["ticket"] in ("HD-1", "HD-8") else None
PYTHON
  tool exception remove shop.example >/dev/null
  blocked www.shop.example
  took=$(($(date +%s%3N) - before))
  [ "$took" -lt 30000 ] || fail "add, ask, remove, ask took $took ms"
done
event 8 'e["event"] == "change" and e["what"] == "exception-added" and e["name"] == "shop.example" and e["uid"] == '"$(id -u)"' and e["pid"] > 0 and e["reason"] == "checkout fails"'
event 8 'e["event"] == "decision" and e["action"] == "pass" and e["exception"] == "shop.example" and e["ticket"].startswith("HD-")'
who=$(id -un)
event 8 'e["event"] == "change" and e["what"] == "exception-added" and e["user"] == "'"$who"'" and e["ticket"].startswith("HD-")'

say "also while others ask as fast as they can"
{
  echo "n.shop.example A" # one of a thousand: each is an event
  for i in $(seq 1 999); do echo "n$i.free.example A"; done
} >"$work/questions"
start load dnsperf -s "$host" -p "$port" -d "$work/questions" -l 300 -c 4 -q 100 -t 5
loading=$started
is_asked() { status_is "s['questions']['taken'] > $1"; }
wait_until 60 is_asked $(($(status 's["questions"]["taken"]') + 2000)) || fail "dnsperf does not ask"
for i in $(seq 1 5); do
  tool exception add shop.example --for 1h --ticket "LOAD-$i" --reason R --json >"$work/added"
  python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["in_force"] is True, d
print(d["milliseconds"])' "$work/added" >>"$work/took" || fail "$(cat "$work/added")"
  free "w$i.shop.example"
  tool exception remove shop.example >/dev/null
  blocked "w$i.shop.example"
done
stop "$loading"
echo "   in force after $(sort -n "$work/took" | tr '\n' ' ')ms"
# The machine may be busy with others too: then one of five may come later.
[ "$(sort -n "$work/took" | sed -n 4p)" -lt 1000 ] || fail "not in force within a second"

say "a pause records what would have been, and ends by itself"
tool pause shop --for 1h --reason "a test" >"$work/said"
free www.shop.example
blocked www.other.example
event 1 'e["event"] == "change" and e["what"] == "pause-begun" and e["list"] == "shop"'
event 1 'e["event"] == "decision" and e["list"] == "shop" and e["paused"] is True and e["mode"] == "log" and not e["applied"]'
status_is '[l for l in s["lists"] if l["id"] == "shop"][0]["paused"] and s["changes"]["pauses"] == 1' || fail "status does not know the pause"
code=0; tool status >"$work/said" || code=$?
[ "$code" -eq 1 ] || fail "status $code although a list is paused"
grep -q 'cordon pause list' "$work/said" || fail "status does not tell of the pause"
tool pause shop --for 2s --reason "a shorter one" >"$work/said"
grep -q 'instead of an earlier one' "$work/said" || fail "$(cat "$work/said")"
wait_until 30 is_blocked www.shop.example || fail "the pause does not end"
event 1 'e["event"] == "change" and e["what"] == "pause-expired" and e["by"] == "cordond" and e["uid"] is None'
grep -q '"pause"' "$kept" && fail "what is over is still in the file"
tool pause all --for 1h --reason "a test" >/dev/null
free www.shop.example
free www.other.example
tool pause list | says '^all$' || fail "the pause is not listed"
tool pause end all --reason "enough" >/dev/null
blocked www.other.example
event 1 'e["event"] == "change" and e["what"] == "pause-ended" and e["list"] == "all" and e["reason"] == "enough"'

say "an exception ends by itself"
tool exception add other.example --for 1h --ticket T --reason R >/dev/null
free www.other.example
tool exception add other.example --for 2s --ticket T --reason R >/dev/null
wait_until 30 is_blocked www.other.example || fail "the exception does not end"
event 1 'e["event"] == "change" and e["what"] == "exception-expired" and e["name"] == "other.example" and e["ticket"] == "T"'

say "kill -9 right after the command loses nothing"
for i in 1 2 3; do
  tool exception add "k$i.shop.example" --for 1h --ticket "K-$i" --reason R >/dev/null
  kill -KILL "$cordond_pid"
  wait "$cordond_pid" 2>/dev/null || true
  start_cordond
  for j in $(seq 1 "$i"); do free "k$j.shop.example"; done
  blocked www.shop.example
done

say "a restart keeps it, and the exception's scope, view and ticket"
tool exception add e.other.example --exact --scope chain --view default --for 1h --ticket "HD-7" --reason "words \"in quotes\"" >/dev/null
tool pause shop --for 1h --reason R >/dev/null
stop_cordond
start_cordond
free www.shop.example
free e.other.example
blocked x.e.other.example
tool exception list --json >"$work/said"
python3 - "$work/said" <<'PYTHON' || fail "$(cat "$work/said")"
import json, sys
d = {e["name"]: e for e in json.load(open(sys.argv[1]))}
e = d["e.other.example"]
assert (e["match"], e["scope"], e["view"], e["ticket"], e["reason"]) == ("exact", "chain", "default", "HD-7", 'words "in quotes"'), e
assert len([n for n in d if n.endswith(".shop.example")]) == 3, d
assert 3500 < e["left_s"] <= 3600, e
PYTHON

say "a reload keeps it too"
reload || fail "reload: $(cat "$work/reload")"
free www.shop.example
option[lists.use]='{other: enforce}'
write_config
reload || fail "reload: $(cat "$work/reload")"
free e.other.example
blocked x.e.other.example
tool pause list | says 'without effect' || fail "a pause of a list that is gone is not told: $(tool pause list)"
option[lists.use]='{shop: enforce, other: enforce, quiet: log}'
write_config
reload || fail "reload: $(cat "$work/reload")"
free www.shop.example
tool pause end shop >/dev/null
blocked www.shop.example

say "what is told while one daemon takes another's place is in force in the successor"
before=$cordond_pid
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
told=0
while kill -0 "$before" 2>/dev/null; do
  told=$((told + 1))
  tool exception add "r$told.other.example" --for 1h --ticket R --reason R >"$work/adding" 2>&1 || fail "r$told: $(cat "$work/adding")"
done
wait "$before" || fail "the replaced one ended with status $?"
echo "   $told exceptions meanwhile"
for i in $(seq 1 "$told"); do
  free "r$i.other.example"
  tool exception remove "r$i.other.example" >/dev/null
done

say "what is wrong is refused, and nothing changes"
cp "$kept" "$work/kept"
refused 2 'how long|one of the two' pause shop --reason R
refused 2 'why' pause shop --for 1m
refused 2 'duration' pause shop --for 10 --reason R
refused 2 'duration' pause shop --for 10x --reason R
refused 2 'duration' pause shop --for -1m --reason R
refused 2 'duration' pause shop --for 0m --reason R
refused 1 'limit of 24 hours' pause shop --for 2d --reason R
refused 1 'no list "shopp"' pause shopp --for 1m --reason R
refused 1 'blocks nothing' pause quiet --for 1m --reason R
refused 1 'control characters' pause shop --for 1m --reason $'a\nb'
refused 1 'expected 1 to 512' pause shop --for 1m --reason "$(printf 'x%.0s' $(seq 513))"
refused 2 'UTF-8' pause shop --for 1m --reason $'\xff'
refused 1 'that is not paused' pause end all
refused 2 'ticket' exception add a.example --for 1h --reason R
refused 2 'one of the two' exception add a.example --ticket T --reason R
refused 2 'one of the two' exception add a.example --for 1h --until 2026-12-01 --ticket T --reason R
refused 2 'no time' exception add a.example --until tomorrow --ticket T --reason R
refused 1 'over already' exception add a.example --until 2020-01-01 --ticket T --reason R
refused 1 'limit of 366 days' exception add a.example --until 2999-01-01 --ticket T --reason R
refused 1 'two labels' exception add example --for 1h --ticket T --reason R
refused 1 'no domain name' exception add a..example --for 1h --ticket T --reason R
refused 1 'an address is no name' exception add 203.0.113.5 --for 1h --ticket T --reason R
refused 1 'leave the' exception add '*.bad.example' --for 1h --ticket T --reason R
refused 2 'public suffix' exception add CO.uk. --for 1h --ticket T --reason R
refused 1 'invisible' exception add a.example --for 1h --ticket T --reason $'a\xe2\x80\xaeb'
refused 1 'own or chain' exception add a.example --for 1h --ticket T --reason R --scope all
refused 1 'no view "nowhere"' exception add a.example --for 1h --ticket T --reason R --view nowhere
refused 1 'no such exception' exception remove a.example
refused 1 'no such exception' exception remove e.other.example --view nowhere
refused 2 'expected add' exception
refused 2 'expected add' exception a.example
cmp "$kept" "$work/kept" || fail "a refusal changed the file"
code=0
"$cordon" pause list --socket "$work/none.sock" 2>/dev/null || code=$?
[ "$code" -eq 3 ] || fail "status $code without a daemon"

say "a whole public suffix, on purpose"
tool exception add co.uk --public-suffix --for 1h --ticket T --reason R >/dev/null
tool exception remove co.uk >/dev/null
tool exception add co.uk --exact --for 1h --ticket T --reason R >/dev/null
tool exception remove co.uk >/dev/null

say "times with an offset"
tool exception add tz.example --until "$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%S)+01:00" --ticket T --reason R --json >"$work/said"
python3 -c 'import json, sys; e = json.load(open(sys.argv[1]))["exceptions"][0]; assert 3500 < e["left_s"] <= 3600, e' "$work/said" || fail "$(cat "$work/said")"
tool exception remove tz.example >/dev/null

say "a damaged file: what can be read is in force, the rest is named and set aside"
stop_cordond
sed -i '3i nonsense' "$kept"
echo '{"kind":"exception","name":"cut.example","tick' >>"$kept"
cp "$kept" "$work/damaged"
start_cordond
free e.other.example
grep -q 'overrides\.jsonl:3: ' "$work/cordond.log" || fail "the log does not name the line"
cmp "$work/damaged" "$kept.damaged" || fail "what could not be read is lost"
status_is 'len(s["changes"]["damage"]) == 2 and "overrides.jsonl:3:" in s["changes"]["damage"][0]' || fail "status does not tell of the damage"
tool exception add other.example --for 1h --ticket T --reason R >/dev/null
free www.other.example
status_is 's["changes"]["damage"] == []' || fail "status tells of lines that the file has no more"
stop_cordond
start_cordond
free www.other.example
status_is 's["changes"]["damage"] == []' || fail "the file was not written anew"
head -c 2000 /dev/urandom >"$work/noise"
stop_cordond
cp "$work/noise" "$kept"
start_cordond
blocked www.other.example
tool exception add other.example --for 1h --ticket T --reason R >/dev/null
free www.other.example

say "a file that cannot be read: moved aside, not overwritten"
cmp "$work/damaged" "$kept.damaged" || fail "what was damaged first is lost"
cmp "$work/noise" "$kept.damaged.1" || fail "what was damaged next is not kept"
stop_cordond
truncate -s 20M "$kept" # more than is read
start_cordond
blocked www.other.example
status_is '"cannot be read" in s["changes"]["damage"][0]' || fail "status does not tell that the file cannot be read"
tool exception add other.example --for 1h --ticket T --reason R >/dev/null
free www.other.example
[ "$(stat -c %s "$kept.damaged.2")" = 20971520 ] || fail "what could not be read is lost"
status_is 's["changes"]["damage"] == []' || fail "status tells of a file that is no more"
stop_cordond
rm "$kept"
mkfifo "$kept"
start_cordond
refused 1 'no regular file' exception add other.example --for 1h --ticket T --reason R
[ -p "$kept" ] || fail "the pipe was replaced"
rm "$kept"
tool exception add other.example --for 1h --ticket T --reason R >/dev/null
free www.other.example

say "a state directory that cannot be written"
# A folder in the place of the file is refused whoever we are.
rm "$kept"
mkdir -p "$kept/x"
refused 1 'nothing was changed.*overrides\.jsonl' pause shop --for 1h --reason R
refused 1 'until-restart' exception remove other.example
blocked www.shop.example
free www.other.example
tool pause shop --for 1h --reason R --until-restart >"$work/said" || fail "$(cat "$work/said")"
grep -q 'next restart' "$work/said" || fail "it is not said that the pause is not kept: $(cat "$work/said")"
free www.shop.example
event 1 'e["event"] == "change" and e["what"] == "pause-begun" and e["list"] == "shop" and e["kept"] is False'
rm -r "$kept"
stop_cordond
start_cordond
blocked www.shop.example

say "an unprivileged stranger may not"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  chmod 755 "$work"
  chmod 666 "$work/control.sock" # somebody has loosened it: the peer's rights count all the same
  code=0
  setpriv --reuid 65534 --regid 65534 --clear-groups "$cordon" pause all --for 1m --reason R \
    --socket "$work/control.sock" >"$work/said" 2>&1 || code=$?
  [ "$code" -eq 1 ] || fail "status $code for a stranger: $(cat "$work/said")"
  grep -q 'only root' "$work/said" || fail "$(cat "$work/said")"
  blocked www.shop.example
fi

say "cordon why: on one screen, where the name leads included"
stop_cordond
cat >"$work/zones/why.zone" <<'ZONE'
$ORIGIN why.
$TTL 300
@ SOA ns root 1 3600 600 86400 10
@ NS ns
ns A 192.0.2.53
www.front CNAME edge.cloud
edge.cloud A 192.0.2.7
free A 192.0.2.1
by CNAME edge.cloud
zero 0 CNAME edge.cloud
ZONE
why_port=$(free_port)
start_nsd "$why_port" why
option[upstreams.servers]="[127.0.0.1@$why_port]"
option[policy.contact]='"IT desk, help@example.com"'
option[lists.use]='{shop: enforce, other: enforce, quiet: log, urged: enforce}'
write_config
new_list shop 2 parent "group Shop Group" <<<"block suffix shop.example"
new_list urged 1 legal-requirement "1 LAW 2 requires it." <<<"block suffix cloud.why"
start_cordond
asked_so_far=$(status 's["questions"]["taken"]')
# why NAME... -- REGEX...: each is on the screen, which has at most 24 lines of at most 120 octets.
why() {
  local words=()
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  tool why "${words[@]}" >"$work/said" 2>&1 || fail "cordon why ${words[*]}: $(cat "$work/said")"
  for words in "$@"; do
    grep -qE -- "$words" "$work/said" || fail "no '$words' on the screen: $(cat "$work/said")"
  done
  [ "$(wc -l <"$work/said")" -le 25 ] || fail "that is more than a screen: $(cat "$work/said")"
}
why www.shop.example -- '^www\.shop\.example A: BLOCKED' 'rule: block suffix shop\.example' 'owned by Shop Group' \
  "^  designated \\(the provider's own legal person is on a list or under a rule\\): Entity of shop" \
  'No law that the list names requires' 'Contact: IT desk, help@example\.com' 'exception add www\.shop\.example --for'
# An alias, which nobody has asked for yet.
why www.front.why -- 'BLOCKED' 'leads to edge\.cloud\.why \(alias 1' 'exception add www\.front\.why --scope chain' \
  '1 LAW 2 requires it'
why free.why -- 'not blocked$' 'does not stand in the way' 'cordon trace free\.why$'
why free.why TXT -- 'cordon trace free\.why TXT$'
# An answer that may not be kept is none to look at, but it was blocked.
why zero.why -- 'BLOCKED by cordon, for where its answer leads' 'may not be kept' \
  'See which rule of which list does it: cordon trace zero\.why$'
tool trace zero.why | says 'by hop behind an alias' || fail "the trace does not show it"
why www.quiet.example -- 'log mode'
why localhost -- 'known here'
why free.why --client 192.0.2.99 -- 'access\.allow'
why free.why --client 127.0.0.1 -- '127\.0\.0\.1 belongs to it'
# An IPv4-mapped client is the IPv4 client that its packets come from.
why free.why --client ::ffff:127.0.0.1 -- '127\.0\.0\.1 belongs to it$'
grep -q 'access\.allow' "$work/said" && fail "a mapped client is turned away: $(cat "$work/said")"
tool trace free.why --client ::ffff:127.0.0.1 --json >"$work/said" || fail "$(cat "$work/said")"
grep -q '"client": "127\.0\.0\.1"' "$work/said" || fail "a mapped client is traced as: $(cat "$work/said")"
"$cordon" explain free.why --client ::ffff:127.0.0.1 -c "$work/cordond.yaml" >"$work/said" || true
grep -q '^Client ::ffff:127\.0\.0\.1: may ask' "$work/said" || fail "a mapped client is explained as: $(cat "$work/said")"
why free.why --view default -- 'not blocked'
[ "$(status 's["questions"]["taken"]')" = "$asked_so_far" ] || fail "looking is counted as asking"
tool exception add www.front.why --scope chain --for 1h --ticket HD-9 --reason "it hurts" >/dev/null
why www.front.why -- 'by an exception' 'ticket HD-9: it hurts'
# The command that the screen gave does what it says; another way to the same alias stays blocked.
ask www.front.why A
expect 'answer edge\.cloud\.why\. .*192\.0\.2\.7'
ask by.why A
expect 'answer by\.why\. .*0\.0\.0\.0'
tool pause all --for 1h --reason R >/dev/null
why by.why -- 'is paused' 'all lists are paused until'
tool pause end all >/dev/null
tool exception remove www.front.why >/dev/null
tool why by.why --json >"$work/said"
python3 - "$work/said" <<'PYTHON' || fail "$(cat "$work/said")"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["verdict"] == "blocked" and d["chain"] == ["by.why", "edge.cloud.why"] and d["answer_known"] is True, d
h = d["hits"][0]
assert (h["trigger"], h["hop"], h["list"], h["status_class"], h["applied"]) == ("hop", 1, "urged", "designated", True), h
assert d["contact"] == "IT desk, help@example.com", d
PYTHON
refused 2 'no name' why a..b
refused 2 'no record type' why a.example NOTYPE
refused 2 'no IP address' why a.example --client here
refused 2 'no IP address' why a.example --client 127.0.0.1@53
refused 2 'name one of them' why a.example --client 127.0.0.1 --view default
refused 1 'no such view' why a.example --view nowhere
refused 2 'name what is asked' why
stop_cordond
"$cordon" why www.shop.example -c "$work/cordond.yaml" >"$work/said" 2>/dev/null || fail "without a daemon: $(cat "$work/said")"
grep -q BLOCKED "$work/said" || fail "without a daemon: $(cat "$work/said")"
grep -q 'by the configuration alone' "$work/said" || fail "without a daemon: $(cat "$work/said")"
option[upstreams.servers]="[127.0.0.1@$upstream_port]"
write_config
start_cordond

say "many exceptions: all are listed, over several pages"
python3 - "$kept" <<'PYTHON'
import json, sys, time
now = int(time.time())
def at(s): return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))
with open(sys.argv[1], "w") as out:
    out.write('{"kind":"overrides","version":1}\n')
    for n in range(4096):
        out.write(json.dumps({"kind": "exception", "name": "n%d.shop.example" % n, "ticket": "T" * 128,
                              "reason": "r" * 512, "since": at(now - 60), "until": at(now + 3600)}) + "\n")
PYTHON
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
start_cordond
[ "$(tool exception list --json | python3 -c 'import json, sys; print(len({e["name"] for e in json.load(sys.stdin)}))')" = 4096 ] || fail "not all are listed"
free n4095.shop.example
blocked n4096.shop.example
refused 1 '4096 exceptions already' exception add one.more.example --for 1h --ticket T --reason R
tool exception remove n7.shop.example >"$work/said"
sed -n 's/^In force after/   with 4,095 exceptions: in force after/p' "$work/said"
blocked n7.shop.example

say "every event is as the schema says"
stop_cordond
python3 "$here/check_events.py" "$schema" "$work/events.jsonl"
