#!/bin/bash
# Every name of acceptance/endpoints.tsv and neighbours.tsv, and every address of addresses.tsv, asked
# of the daemon with the shipped lists and the shipped configuration; those of bypass.tsv and nameservers.tsv
# with their lists on. The names come from vendors' own pages, never from the lists.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# Address N of addresses.tsv is what aN.addresses.test has.
awk -F '\t' '!/^#/ { n++; print "a" n ".addresses.test 300 " ($1 ~ /:/ ? "AAAA " : "A ") $1 }' \
  "$here/acceptance/addresses.tsv" >"$work/records"
# Name server N of nameservers.tsv serves the zone nN.test.
awk -F '\t' '!/^#/ { n++; print "n" n ".test 300 NS " $1 }' "$here/acceptance/nameservers.tsv" >>"$work/records"
start_fake "$upstream_port" --records "$work/records"
# The shipped configuration; only ports and paths that would get in the way are others, and events
# are lines, too.
sed -E -e "s/@5300/@$port/g" \
  -e "s|\.\./blocklists|$CORDON_ROOT/blocklists|g" \
  -e "s|\.\./run/|$work/|g" -e "s|^  to: none$|  to: $work/events.jsonl|" \
  "$CORDON_ROOT/deploy/quickstart.yaml" >"$work/cordond.yaml"
if grep -q '^upstreams:' "$work/cordond.yaml"; then fail "quickstart.yaml names upstreams: mend this test"; fi
printf 'upstreams:\n  servers: [127.0.0.1@%s]\n' "$upstream_port" >>"$work/cordond.yaml"
start_cordond

say "the shipped configuration has four lists in force and no other, and four of prefixes that log"
status_is 'sorted(l["id"] for l in s["lists"] if l["mode"] == "enforce") == ["alibaba-cloud", "baidu-cloud", "huawei-cloud", "tencent-cloud"]' ||
  fail "lists: $(status '[(l["id"], l["mode"]) for l in s["lists"]]')"
status_is 'sorted(l["id"] for l in s["lists"] if l["mode"] == "log") == [p + "-cloud-prefixes" for p in ("alibaba", "baidu", "huawei", "tencent")]' ||
  fail "lists: $(status '[(l["id"], l["mode"]) for l in s["lists"]]')"
status_is 'all(l["mode"] in ("enforce", "log", "off") and len(l["keys"]) >= 2 for l in s["lists"])' ||
  fail "lists: $(status '[(l["id"], l["mode"], l["keys"]) for l in s["lists"]]')"

say "each name"
python3 "$here/acceptance.py" "$host" "$port" "$here/acceptance" >"$work/expected" || fail "see above"

say "each event"
python3 - "$work/expected" "$work/events.jsonl" <<'PYTHON' || fail "see above"
import json, sys, time
expected = [line.split() for line in open(sys.argv[1])]
want = sum(row[1] != "free" for row in expected)
for _ in range(100):
    events = [json.loads(line) for line in open(sys.argv[2])]
    if len(events) >= want:
        break
    time.sleep(0.1)
by_name = {}
for event in events:
    by_name.setdefault(event["name"], []).append(event)
faults = 0
for name, kind, listed in expected:
    found = by_name.get(name.lower(), [])
    if kind == "free":
        right = not found
    else:
        right = any(event["list"] == listed and event["applied"] == (kind == "block") and
                    (event["action"] == "log") == (kind == "log") and event["status_class"] and
                    event["category"] and event["rule"] for event in found)
    if not right:
        faults += 1
        print("%s (%s, %s): events %s" % (name, kind, listed, json.dumps(found)[:600]))
print("   %d names, %d events, %d faults" % (len(expected), len(events), faults))
sys.exit(1 if faults else 0)
PYTHON

say "each address: answered as it is, and an event where its prefix is listed"
: >"$work/address-names"
while read -r name _ type address; do
  echo "$name $type | answer .* $type ${address//./\\.} | !ede .*" >>"$work/address-names"
done < <(grep addresses.test "$work/records")
# Private addresses from outside are not passed on.
grep -vE '\| answer .* A (10\\.0|127\\.0|100\\.100)\\.' "$work/address-names" | ask_table
python3 - "$here/acceptance/addresses.tsv" "$work/events.jsonl" <<'PYTHON' || fail "see above"
import json, sys, time
rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[1]) if not line.startswith("#")]
wanted = {"a%d.addresses.test" % (n + 1): row for n, row in enumerate(rows) if row[1] != "-"}
for _ in range(100):
    events = [e for e in map(json.loads, open(sys.argv[2])) if e["name"].endswith(".addresses.test")]
    if len(events) >= len(wanted):
        break
    time.sleep(0.1)
got = {e["name"]: e for e in events if e["trigger"] == "address"}
faults = set(wanted) ^ set(got)
for name, row in wanted.items():
    e = got.get(name)
    if e and (e["list"], e["matched"], e["applied"], e["action"]) != (row[1], row[0], False, "log"):
        faults.add(json.dumps(e))
print("   %d addresses, %d events, %d faults" % (len(rows), len(got), len(faults)), *faults)
sys.exit(1 if faults else 0)
PYTHON

say "the opt-in list of ways round: canaries get the answer that their vendors document"
sed -i 's/^    baidu-cloud: enforce$/&\n    bypass: enforce/' "$work/cordond.yaml"
reload || fail "reload: $(cat "$work/reload")"
awk -F '\t' '!/^#/ {
  say = "| answer .* A 192\\.0\\.2\\.1 | !ede .*"
  if ($2 == "nxdomain") say = "| rcode NXDOMAIN"
  if ($2 == "block") say = "| answer .* A 0\\.0\\.0\\.0 | ede 4.*"
  print $1 " A " say
}' "$here/acceptance/bypass.tsv" | ask_table

say "the opt-in lists of name servers: zones of the clouds' own are blocked, those of registrars recorded"
cp "$work/cordond.yaml" "$work/whole.yaml"
for list in "$CORDON_ROOT"/blocklists/*-nameservers.list; do
  sed -i "s/^    baidu-cloud: enforce$/&\n    $(basename "$list" .list): enforce/" "$work/cordond.yaml"
done
printf 'policy:\n  name-server-wait: 5s\n' >>"$work/cordond.yaml"
reload || fail "reload: $(cat "$work/reload")"
awk -F '\t' '!/^#/ {
  n++
  print "www.n" n ".test A " ($3 == "block" ? "| answer .* A 0\\.0\\.0\\.0 | ede 4.*" : "| answer .* A 192\\.0\\.2\\.1 | !ede .*")
}' "$here/acceptance/nameservers.tsv" | ask_table
python3 - "$here/acceptance/nameservers.tsv" "$work/events.jsonl" <<'PYTHON' || fail "see above"
import json, sys, time
rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[1]) if not line.startswith("#")]
wanted = {"www.n%d.test" % (n + 1): row for n, row in enumerate(rows) if row[1] != "-"}
for _ in range(100):
    got = {e["name"]: e for e in map(json.loads, open(sys.argv[2])) if e["trigger"] == "nameserver"}
    if len(got) >= len(wanted):
        break
    time.sleep(0.1)
faults = set(wanted) ^ set(got)
for name, row in wanted.items():
    e = got.get(name)
    if e and (e["list"], e["matched"], e["applied"]) != (row[1], row[0], row[2] == "block"):
        faults.add(json.dumps(e))
print("   %d name servers, %d events, %d faults" % (len(rows), len(got), len(faults)), *faults)
sys.exit(1 if faults else 0)
PYTHON
cp "$work/whole.yaml" "$work/cordond.yaml"

say "a category of a hazard is recorded instead of blocked, and the rest is blocked as before"
cp "$work/cordond.yaml" "$work/whole.yaml"
printf 'policy:\n  categories: {telemetry: log}\n' >>"$work/cordond.yaml"
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'TABLE'
tamaegis.com A     | answer .* A 192\.0\.2\.1 | !ede .*
a.rumt-zh.com A    | answer .* A 192\.0\.2\.1 | !ede .*
log.aliyuncs.com A | answer .* A 192\.0\.2\.1 | !ede .*
ecs.aliyuncs.com A | answer .* A 0\.0\.0\.0 | ede 4.*
TABLE
cp "$work/whole.yaml" "$work/cordond.yaml"

say "one word puts everything into log mode: nothing is blocked any more"
printf 'policy:\n  mode: log\n' >>"$work/cordond.yaml"
reload || fail "reload: $(cat "$work/reload")"
awk '{ print $1 " A | answer .* A 192\\.0\\.2\\.1 | !ede .*" }' "$work/expected" | ask_table

stop_cordond
