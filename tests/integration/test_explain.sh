#!/usr/bin/env bash
# cordon explain: everything about one decision, by a configuration, by lists alone, and by the running
# daemon with the answer that NSD gives; and the same words in the client's Extended DNS Error, the
# event, why and explain.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
# Owners that are designated, two of them in the same words, a request, and a search that found nothing.
with_facts() { # FILE: puts facts behind its own
  python3 - "$1" <<'PYTHON'
import sys
path = sys.argv[1]
text = open(path).read()
def of_an_owner(entity, note):
    return f"""fact parent-designated
entity {entity}
authority Authority of owners
instrument Instrument of owners
citation 3 TEST 4
effective 2021-02-03
published 2021-02-04
state contested
checked 2026-02-01
effect Says something of the owner
note {note}
"""
facts = of_an_owner("Owner of it Ltd.", "An owner is not the provider")
facts += of_an_owner("Second owner Ltd.", "An owner is not the provider")
facts += of_an_owner("Third owner Ltd.", "Another note")
facts += """fact named-urged
entity Letter of it
authority Some senators
instrument Letter of 2023
state request
checked 2026-02-01
fact named-no-designation-found
entity Nothing of it
authority Searched: all lists
state unverified
checked 2026-02-02
"""
open(path, "w").write(text.replace("\nrules\n", "\n" + facts + "rules\n", 1))
PYTHON
}
write_list cloud 41 parent "owner Owner of it" <<'RULES'
block suffix cloud.test
block exact www.cloud.test action=nxdomain
pass suffix open.cloud.test
block prefix 192.0.2.0/24
RULES
with_facts "$work/lists/cloud.list"
sign_list "$work/lists/cloud.list"
new_list second 7 <<'RULES'
block suffix cloud.test
RULES
new_list quiet 5 <<'RULES'
block suffix shop.test
RULES
cat >"$work/zones/shop.test.zone" <<'ZONE'
$ORIGIN shop.test.
$TTL 300
@ SOA ns.shop.test. a.shop.test. 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
www CNAME eu.shop.test.
eu CNAME edge.cloud.test.
brief 0 CNAME edge.cloud.test.
plain A 203.0.113.1
ZONE
cat >"$work/zones/cloud.test.zone" <<'ZONE'
$ORIGIN cloud.test.
$TTL 300
@ SOA ns.cloud.test. a.cloud.test. 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
edge A 192.0.2.7
ZONE
# Rules about name servers, clients and targets.
new_list others 3 <<'RULES'
block suffix dns.host.test trigger=nameserver
block prefix 192.0.2.53/32 trigger=nameserver
block prefix 10.66.0.0/16 trigger=client
block suffix mail.target.test
pass suffix way.test ends=chain
RULES
cat >"$work/zones/hosted.test.zone" <<'ZONE'
$ORIGIN hosted.test.
$TTL 300
@ SOA a.dns.host.test. a.hosted.test. 1 3600 600 86400 60
@ NS a.dns.host.test.
@ MX 10 mx.mail.target.test.
www A 203.0.113.2
ZONE
cat >"$work/zones/host.test.zone" <<'ZONE'
$ORIGIN host.test.
$TTL 300
@ SOA ns.host.test. a.host.test. 1 3600 600 86400 60
@ NS ns
ns A 203.0.113.3
a.dns A 198.51.100.9
ZONE
{
  printf '%s\n' "\$ORIGIN many.test." "\$TTL 300" "@ SOA ns a 1 3600 600 86400 60" "@ NS ns" "www A 203.0.113.4"
  for i in $(seq 17); do echo "ns A 203.0.113.$((i + 100))"; done
} >"$work/zones/many.test.zone"
start_nsd "$upstream_port" shop.test cloud.test hosted.test host.test many.test
option[lists.use]="{cloud: enforce, second: enforce, quiet: log}"
option[policy.client]=decide
write_config
start_cordond
config="$work/cordond.yaml"

explain() { # ARGUMENTS...: words in $work/said, and the document in $work/document
  "$cordon" explain "$@" >"$work/said" 2>"$work/err" || fail "explain $*: $(cat "$work/err")"
  "$cordon" explain --json "$@" >"$work/document" 2>"$work/err" || fail "explain --json $*: $(cat "$work/err")"
}
is() { # EXPRESSION in d: true
  document_is "$work/document" "$1" || fail "not so: $1 in: $(cat "$work/document")"
}
said() { grep -Eq -- "$1" "$work/said" || fail "'$1' is not said: $(cat "$work/said")"; }
refused() { # CODE PATTERN ARGUMENTS...
  local code=$1 pattern=$2 got=0
  shift 2
  "$cordon" explain "$@" >"$work/said" 2>"$work/err" || got=$?
  [ "$got" = "$code" ] || fail "explain $*: exit status $got, not $code: $(cat "$work/err")"
  grep -Eq -- "$pattern" "$work/err" || fail "explain $*: '$pattern' is not said: $(cat "$work/err")"
}
fates='[(r["list"], r["rule"], r["fate"]) for t in d["triggers"] for r in t["rules"]]'

say "by the configuration: every rule, who wins and why"
explain www.cloud.test -c "$config"
said "^Asked: the configuration $config, as it is at 20"
said '^Lists: cloud serial 41 \(enforce\), quiet serial 5 \(log\), second serial 7 \(enforce\)'
said '^www.cloud.test A: blocked, nxdomain'
said '^Clients are told: cloud cloud 41'
is 'd["v"] == 1 and d["verdict"] == "blocked" and d["asked"]["verified"]'
is "sorted($fates) == [('cloud', 'block exact www.cloud.test', 'wins'), ('cloud', 'block suffix cloud.test', 'longer-match'), ('second', 'block suffix cloud.test', 'longer-match')]"
explain cloud.test -c "$config"
is "sorted($fates) == [('cloud', 'block suffix cloud.test', 'wins'), ('second', 'block suffix cloud.test', 'list-order')]"
explain a.open.cloud.test -c "$config"
said '^a.open.cloud.test A: passed'
explain www.shop.test -c "$config"
said 'is recorded: there is an event, and the answer stands, for its list is in log mode'
said 'Where it leads is not known here'
explain 192.0.2.77 -c "$config"
said '^192.0.2.77 in an answer: blocked'
is "$fates == [('cloud', 'block prefix 192.0.2.0/24', 'wins')]"

say "the legal basis in full, and no more than it says"
explain x.cloud.test -c "$config"
said '^  designated: Entity of cloud is designated by Authority of the tests, Instrument of the tests \(1 TEST 2\)$'
said '^  parent-designated: Owner of it Ltd., which owns Provider of cloud, is designated, which is contested, by Authority of owners, Instrument of owners \(3 TEST 4\); the status is the owner.s, not that of Provider of cloud$'
said '^    state contested, effective 2021-02-03, published 2021-02-04, checked on 2026-02-01$'
said '^    Effect: Says something of the owner$'
said '^    Note: An owner is not the provider$'
said '^    The same holds of: Second owner Ltd\.$'
said '^  parent-designated: Third owner Ltd., which owns'
[ "$(grep -c '^    Note: An owner is not the provider$' "$work/said")" = 1 ] || fail "the same is said twice: $(cat "$work/said")"
said '^  named-urged: action on Letter of it is asked for, a request and no designation: Some senators, Letter of 2023$'
said '^  named-no-designation-found: No listing of Nothing of it found as of 2026-02-02. Searched: all lists$'
said '^      Evidence \(line [0-9]+ of the list\): the tests say so$'
line=$(sed -n 's/.*Evidence (line \([0-9]*\) .*/\1/p' "$work/said")
sed -n "${line}p" "$work/lists/cloud.list" | says '^block suffix cloud.test ' || fail "line $line is another"
is '[f["class"] for f in d["lists"][0]["facts"]] == ["designated", "parent-designated", "parent-designated", "parent-designated", "named-urged", "named-no-designation-found"]'
is 'all(set(f) == {"class", "words", "entity", "authority", "instrument", "citation", "effective", "published", "state", "checked", "effect", "note"} for f in d["lists"][0]["facts"])'
# At a terminal no line is wider than 80 columns.
script -qec "$cordon explain x.cloud.test -c $config" /dev/null </dev/null | tr -d '\r' >"$work/terminal"
grep -q 'designated by Authority' "$work/terminal" || fail "$(cat "$work/terminal")"
awk 'length($0) > 80' "$work/terminal" >"$work/wide"
[ ! -s "$work/wide" ] || fail "wider than 80 columns: $(cat "$work/wide")"

say "at another time"
explain x.cloud.test -c "$config" --at 2037-05-06
said '^Lists: cloud serial 41 \(enforce, stale\)'
is 'd["asked"]["time"] == "2037-05-06T00:00:00Z" and d["lists"][0]["freshness"] == "stale"'
explain x.cloud.test -c "$config" --at 2020-01-01T12:00:00+01:00
is 'd["asked"]["time"] == "2020-01-01T11:00:00Z" and d["lists"][0]["freshness"] == "not-made"'

say "lists alone: texts, verified or not, and an image"
explain x.cloud.test --lists "$work/lists/second.list,$work/lists/cloud.list"
grep -q UNVERIFIED "$work/err" || fail "nobody says that nothing was verified"
said '^UNVERIFIED'
is 'not d["asked"]["verified"] and d["hits"][0]["list"] == "second"'
explain x.cloud.test --lists "$work/lists/cloud.list" --lists "$work/lists/second.list" --keys "$work/keys"
if grep -q UNVERIFIED "$work/said" "$work/err"; then fail "verified lists are called unverified"; fi
is 'd["asked"]["verified"] and d["hits"][0]["list"] == "cloud" and len(d["lists"][0]["keys"]) == 2'
said 'Evidence \(line'
explain www.shop.test --lists "$work/lists/quiet.list" --keys "$work/keys/list-a.pub" --threshold 1
said '^www.shop.test A: blocked'
"$cordon" list build -c "$config" --output "$work/all.image" >/dev/null
explain www.cloud.test --lists "$work/all.image"
said '^Clients are told: cloud cloud 41'
said 'An image has the strongest fact alone'
head -c 300 "$work/all.image" >"$work/cut.image"
refused 1 'damaged' x.test --lists "$work/cut.image"
refused 1 'name it alone' x.test --lists "$work/all.image,$work/lists/cloud.list"
refused 1 'no signatures' x.test --lists "$work/all.image" --keys "$work/keys"
refused 1 'named before' x.test --lists "$work/lists/cloud.list,$work/lists/cloud.list"
refused 1 'No such file' x.test --lists "$work/none.list"
refused 1 'first line' x.test --lists "$config"
sed 's/cloud.test/clone.test/' "$work/lists/cloud.list" >"$work/changed.list"
refused 1 'signature|sign' x.test --lists "$work/changed.list" --keys "$work/keys"
refused 1 '3 ' x.test --lists "$work/lists/cloud.list" --keys "$work/keys" --threshold 3

say "wrong usage"
refused 2 'one of them' x.test --client 127.0.0.1 --view default -c "$config"
refused 2 'needs --client' x.test --listener 127.0.0.1 -c "$config"
refused 2 'no IP address' x.test --client nobody -c "$config"
refused 2 'no ADDRESS' x.test --client 127.0.0.1 --listener here -c "$config"
refused 2 'no time' x.test --at yesterday -c "$config"
refused 2 'there is no view' x.test --view other -c "$config"
refused 2 'without --lists' x.test --live --at 2026-01-01 -c "$config"
refused 2 'without --lists' x.test --live --lists "$work/lists/cloud.list"
refused 2 'needs --live' x.test --socket "$work/control.sock"
refused 2 'no views' x.test --lists "$work/lists/cloud.list" --view default
refused 2 'no configuration' x.test --lists "$work/lists/cloud.list" -c "$config"
refused 2 'names no file' x.test --lists ''
refused 2 'takes 1 to' x.test --lists ',a'
refused 2 'needs --lists' x.test --keys "$work/keys" -c "$config"
refused 2 'is from 1' x.test --lists a --threshold 0
refused 2 'no name' 'a..b' -c "$config"
refused 2 'no record type' x.test NOTYPE -c "$config"
refused 2 'name what' -c "$config"
refused 3 'does not answer' x.test --live --socket "$work/none.sock"

say "the daemon, by the answer that it gets"
explain www.shop.test --live -c "$config"
said '^Asked: the daemon \(cordond [0-9.]+\), by .*cordond.yaml, generation [0-9]+ of its policy, at 20'
said '^www.shop.test A: blocked, sinkhole: 0.0.0.0'
is 'd["answer_known"] and d["asked"]["of"] == "daemon" and d["chain"] == ["www.shop.test", "eu.shop.test", "edge.cloud.test"]'
is '[(t["trigger"], t["matched"], t["hop"], t["result"]) for t in d["triggers"]] == [("qname", "www.shop.test", 0, "recorded"), ("hop", "eu.shop.test", 1, "recorded"), ("hop", "edge.cloud.test", 2, "blocks"), ("address", "192.0.2.7", 2, "not-asked")]'
is '[(r["rule"], r["fate"]) for r in d["triggers"][3]["rules"]] == [("block prefix 192.0.2.0/24", "not-asked")]'
said 'Evidence \(line [0-9]+ of the list\): the tests say so'
said 'named-no-designation-found: No listing'
explain plain.shop.test --live --socket "$work/control.sock" --client 127.0.0.1
said '^Client 127.0.0.1: may ask'
is 'd["verdict"] == "recorded" and [t["trigger"] for t in d["triggers"]] == ["client", "qname", "address"]'
explain 192.0.2.5 --live -c "$config"
is 'd["verdict"] == "blocked" and d["is_address"]'
refused 1 'no such view' x.test --live --view other -c "$config"

say "an answer that may not be kept: that it blocks is said, and where to see it"
for client in "" "--client 127.0.0.1"; do
  # shellcheck disable=SC2086 # words
  explain brief.shop.test --live -c "$config" $client
  said '^BLOCKED all the same, for where its answer leads'
  is 'not d["answer_known"] and d["looked_up_blocked"]'
  # shellcheck disable=SC2086 # words
  "$cordon" why brief.shop.test -c "$config" $client >"$work/why"
  grep -q '^brief.shop.test A: BLOCKED by cordon, for where its answer leads' "$work/why" || fail "why: $(cat "$work/why")"
  if grep -q 'does not stand in the way' "$work/why"; then fail "why: $(cat "$work/why")"; fi
done
"$cordon" trace brief.shop.test -c "$config" | says 'blocks: block suffix cloud.test' || fail "trace does not show it"

say "the same by an answer in a file"
kdig +tcp @127.0.0.1 -p "$upstream_port" www.shop.test A >/dev/null
python3 - "$upstream_port" "$work/answer" www.shop.test <<'PYTHON'
import socket, struct, sys
name = b"".join(bytes([len(l)]) + l.encode() for l in sys.argv[3].split(".")) + b"\0"
query = struct.pack(">HHHHHH", 7, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(10)
    s.sendto(query, ("127.0.0.1", int(sys.argv[1])))
    open(sys.argv[2], "wb").write(s.recv(4096))
PYTHON
explain www.shop.test -c "$config" --answer "$work/answer"
is '[(t["trigger"], t["matched"], t["result"]) for t in d["triggers"]][:3] == [("qname", "www.shop.test", "recorded"), ("hop", "eu.shop.test", "recorded"), ("hop", "edge.cloud.test", "blocks")]'
refused 1 'another question' other.test -c "$config" --answer "$work/answer"
refused 1 'another question' www.shop.test AAAA -c "$config" --answer "$work/answer"
refused 1 'no DNS message' www.shop.test -c "$config" --answer "$config"
refused 1 'No such file' www.shop.test -c "$config" --answer "$work/none"

say "an exception, and a pause"
"$cordon" exception add www.shop.test --scope chain --for 1h --ticket HD-77 --reason test -c "$config" >/dev/null
explain www.shop.test --live -c "$config"
is 'd["verdict"] == "exception" and [t["result"] for t in d["triggers"]][2:] == ["excepted", "excepted"]'
is '[r["ticket"] for t in d["triggers"] for r in t["rules"] if r["fate"] == "exception"] == ["HD-77", "HD-77"]'
said 'exception .* for www.shop.test, ticket HD-77'
"$cordon" exception remove www.shop.test -c "$config" >/dev/null
"$cordon" pause cloud --for 1h --reason test -c "$config" >/dev/null
explain x.cloud.test --live -c "$config"
said 'is recorded: there is an event, and the answer stands, for its list is paused'
is "sorted($fates) == [('cloud', 'block suffix cloud.test', 'recorded'), ('second', 'block suffix cloud.test', 'wins')]"
"$cordon" pause end cloud -c "$config" >/dev/null

say "one question, the same words everywhere"
: >"$work/events.seen"
kdig +edns +timeout=5 @127.0.0.1 -p "$port" www.shop.test A >"$work/kdig"
ede=$(sed -n "s/.*Forged Answer): '\{0,1\}\(.*[0-9]\)'\{0,1\}$/\1/p; s/.*(Forged Answer): \"\(.*\)\".*/\1/p" "$work/kdig" | head -n 1)
[ "$ede" = "cloud cloud 41" ] || fail "Extended DNS Error '$ede' in: $(cat "$work/kdig")"
has_event() { grep -q '"name":"www.shop.test".*"applied":true' "$work/events.jsonl"; }
wait_until 60 has_event || fail "no event"
grep '"name":"www.shop.test".*"applied":true' "$work/events.jsonl" | tail -n 1 >"$work/event"
"$cordon" why www.shop.test --json -c "$config" >"$work/why"
"$cordon" explain www.shop.test --live --json -c "$config" >"$work/document"
python3 - "$ede" "$work/event" "$work/why" "$work/document" <<'PYTHON' || fail "the words differ"
import json, sys
ede = sys.argv[1]
event, why, explain = (json.load(open(path)) for path in sys.argv[2:])
why_hit = next(h for h in why["hits"] if h["applied"])
explain_hit = next(h for h in explain["hits"] if h["applied"])
rule = next(r for t in explain["triggers"] if t["result"] == "blocks" for r in t["rules"] if r["fate"] == "wins")
trigger = next(t for t in explain["triggers"] if t["result"] == "blocks")
assert ede == event["ede"] == why_hit["ede"] == explain_hit["ede"], (ede, event["ede"], why_hit["ede"])
assert ede == "{provider} {list} {serial}".format(**event)
keys = ["rule", "category", "scope", "confidence", "list", "serial", "provider", "provider_name", "parent_name",
        "status_class", "status_entity", "status_authority", "status_citation", "status_effective",
        "status_state", "status_checked", "action"]
for key in keys:
    assert event[key] == why_hit[key] == explain_hit[key] == rule[key], key
for key in ("trigger", "matched", "hop"):
    assert event[key] == why_hit[key] == explain_hit[key] == trigger[key], key
assert event["chain"] == explain["chain"] == why["chain"]
PYTHON

say "clients, targets and name servers"
option[lists.use]="{cloud: enforce, second: enforce, quiet: log, others: enforce}"
option[policy.name-server-wait]=5s # a busy machine takes its time
write_config
reload || fail "$(cat "$work/reload")"
explain www.hosted.test --live -c "$config"
is 'd["verdict"] == "blocked" and d["servers_known"]'
is '[(t["trigger"], t["matched"], t["result"]) for t in d["triggers"]] == [("qname", "www.hosted.test", "nothing"), ("address", "203.0.113.2", "nothing"), ("nameserver", "a.dns.host.test", "blocks")]'
is "$fates == [('others', 'block suffix dns.host.test trigger=nameserver', 'wins')]"
said 'Evidence \(line [0-9]+ of the list\): the tests say so'
"$cordon" why www.hosted.test -c "$config" >"$work/why"
grep -q 'BLOCKED' "$work/why" || fail "why: $(cat "$work/why")"
ask www.hosted.test; expect 'answer www\.hosted\.test\. [0-9]+ A 0\.0\.0\.0'
explain plain.shop.test --live -c "$config"
is '[(t["trigger"], t["matched"], t["result"]) for t in d["triggers"]][2:] == [("nameserver", "ns.shop.test", "nothing"), ("nameserver-address", "192.0.2.53", "blocks")]'
# What lets the whole chain through: name servers are not looked at, and no event names them.
"$cordon" exception add www.hosted.test --scope chain --for 1h --ticket HD-78 --reason test -c "$config" >/dev/null
ask www.hosted.test; expect 'answer www\.hosted\.test\. [0-9]+ A 203\.0\.113\.2'
explain www.hosted.test --live -c "$config"
is 'd["verdict"] == "free" and d["servers_known"] and d["hits"] == []'
is 'not [t for t in d["triggers"] if t["trigger"].startswith("nameserver")]'
"$cordon" why www.hosted.test --json -c "$config" >"$work/document"
is 'd["verdict"] == "free" and d["hits"] == []'
"$cordon" exception remove www.hosted.test -c "$config" >/dev/null
# A server with more addresses than are told: not all is known, and that is said.
explain www.many.test --live -c "$config"
said '^Not all name servers behind the answer are known'
is 'len([t for t in d["triggers"] if t["trigger"] == "nameserver-address"]) == 16'
explain hosted.test MX --live -c "$config"
is '[(t["trigger"], t["matched"], t["result"]) for t in d["triggers"]][1] == ("target", "mx.mail.target.test", "recorded")'
said 'for the view only records targets'
explain x.test --client 10.66.1.2 -c "$config"
is 'd["verdict"] == "blocked" and [(t["trigger"], t["result"]) for t in d["triggers"]] == [("client", "blocks"), ("qname", "not-asked")]'
is "$fates == [('others', 'block prefix 10.66.0.0/16 trigger=client', 'wins')]"
# A rule about the address from which traces come by themselves says nothing of another client.
write_list here 1 <<<"block prefix 127.0.0.0/8 trigger=client"
sign_list "$work/lists/here.list"
option[lists.use]="{cloud: enforce, second: enforce, quiet: log, others: enforce, here: enforce}"
write_config
reload || fail "$(cat "$work/reload")"
explain eu.shop.test --live -c "$config" --client 10.1.2.3
is 'd["answer_known"] and d["hits"][-1]["trigger"] == "hop"'
option[lists.use]="{cloud: enforce, second: enforce, quiet: log, others: enforce}"
write_config
reload || fail "$(cat "$work/reload")"
explain plain.way.test -c "$config"
is 'd["triggers"][0]["result"] == "passes-chain"'

say "categories, confidence and schedules"
cp "$config" "$work/caps.yaml"
cat >>"$work/caps.yaml" <<'YAML'
views:
  weak:
    clients: [10.1.0.0/16]
    categories: {object-storage: log}
  none:
    clients: [10.2.0.0/16]
    scopes: {cloud: off}
  hours:
    clients: [10.3.0.0/16]
    use: {cloud: log}
    when:
      - {schedule: mornings, lists: {cloud: enforce}}
schedules:
  mornings:
    zone: Europe/Berlin
    days: [mon-fri]
    hours: ["06:00-12:00"]
YAML
explain x.cloud.test --view weak -c "$work/caps.yaml"
said 'for the view only records its category'
is '[(r["fate"], r["counts"], r["reason"]) for t in d["triggers"] for r in t["rules"] if r["list"] == "cloud"] == [("recorded", "log", "category")]'
explain x.cloud.test --view none -c "$work/caps.yaml"
said 'does not count: the view has its scope off'
is '[(r["fate"], r["counts"], r["reason"]) for t in d["triggers"] for r in t["rules"] if r["list"] == "cloud"] == [("off", "off", "scope")]'
explain x.cloud.test --view hours -c "$work/caps.yaml" --at 2026-11-23T07:00:00Z
is 'd["verdict"] == "blocked" and d["schedule"] == "mornings"'
said '^The schedule mornings of the view hours holds'
explain x.cloud.test --view hours -c "$work/caps.yaml" --at 2026-11-23T12:00:00Z
is 'd["verdict"] == "recorded" and d["schedule"] is None'
explain x.cloud.test --view hours -c "$work/caps.yaml" --at 2026-11-22T07:00:00Z
is 'd["verdict"] == "recorded"'

say "exceptions of files, at their time"
cat >"$work/board.exceptions" <<'TEXT'
cordon-exceptions 1
id board
serial 1
created 2026-01-01T00:00:00Z
expires 2036-01-01T00:00:00Z

exception gl-5b
name mail.cloud.test
licence GL 5B
approver B. Lind
from 2026-12-01T00:00:00Z
until 2027-03-01T00:00:00Z
reason while its contract ends

exception wrong-1
rule others: block suffix mail.target.test
ticket CHG-4712
approver B. Lind
until 2027-01-01T00:00:00Z
reason not theirs
end
TEXT
make_keys approver
"$cordon" exception sign --key "$work/keys/approver.key" "$work/board.exceptions" >/dev/null
cp "$config" "$work/excepted.yaml"
cat >>"$work/excepted.yaml" <<YAML
exceptions:
  files: [$work/board.exceptions]
  keys: [$work/keys/approver.pub]
  threshold: 1
YAML
explain mail.cloud.test -c "$work/excepted.yaml" --at 2026-12-24
said '^Exceptions: 2 of files hold then'
said 'exception gl-5b for mail.cloud.test, licence GL 5B, approved by B. Lind'
is 'd["verdict"] == "exception" and d["asked"]["file_exceptions"] == 2'
explain mail.cloud.test -c "$work/excepted.yaml" --at 2026-11-30
is 'd["verdict"] == "blocked" and d["asked"]["file_exceptions"] == 1'
explain mail.cloud.test -c "$work/excepted.yaml" --at 2027-03-01
is 'd["verdict"] == "blocked" and d["asked"]["file_exceptions"] == 0'
explain mx.mail.target.test -c "$work/excepted.yaml" --at 2026-12-24
is 'd["verdict"] == "exception" and d["triggers"][0]["rules"][0]["exception"] == "others: block suffix mail.target.test"'
said 'exception wrong-1 for others: block suffix mail.target.test, ticket CHG-4712'
stop_cordond
