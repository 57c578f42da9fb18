#!/bin/bash
# Reports, evidence packs and impact, from the log of a real cordond: what it counts is what was asked, a pack is checked
# by minisign and sha256sum alone, and a page is one that a browser takes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c auditor
new_list one 1 <<<'block suffix blocked.test'
new_list two 7 <<<'block suffix cloud.example'
printf '%s\n' 'www.shop.test 60 CNAME shop.cdn.test' 'shop.cdn.test 60 CNAME edge.cloud.example' \
  'edge.cloud.example 60 A 192.0.2.7' 'free.test 60 A 192.0.2.8' >"$work/records"
start_fake "$upstream_port" --records "$work/records"
option[lists.use]='{one: enforce, two: log}'
option[audit.queries]=on
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.origin]=resolver.test/audit
log="$work/state/audit"

report() { "$cordon" audit report "$@" --log "$log"; }
value() { # FILE PYTHON: value of an expression in t, the tables of a report
  python3 -c 'import json, sys; t = {k: v["rows"] for k, v in json.load(open(sys.argv[1]))["tables"].items()}; print(eval(sys.argv[2]))' "$@"
}
is() { # FILE PYTHON EXPECTED
  [ "$(value "$1" "$2")" = "$3" ] || fail "$2 is $(value "$1" "$2"), not $3"
}
refused() { # STATUS COMMAND...
  local wanted=$1 got=0
  shift
  "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$wanted" ] || fail "'$*' gave $got, not $wanted: $(cat "$work/err")"
}

say "who depends on whom, before anything is blocked"
write_config
start_cordond
for name in a.blocked.test b.blocked.test www.shop.test www.shop.test free.test; do ask "$name" A; done
"$cordon" exception add b.blocked.test --for 1h --ticket HD-1 --approver 'B. Lind' --reason 'a page' -c "$work/cordond.yaml" >/dev/null
ask b.blocked.test A
wait_until 30 status_is 's["audit"]["decisions"]["safe"] >= 5 and s["audit"]["queries"]["safe"] >= 6' || fail "$(status 's["audit"]')"
report exposure --format json >"$work/exposure.json" || fail "a report while the log is written"
stop_cordond
report exposure --format json >"$work/exposure.json"
is "$work/exposure.json" '[(r["provider"], r["decisions"], r["would_block"], r["through"], r["listed"]) for r in sorted(t["providers"], key=lambda r: r["provider"])]' \
  "[('one', 3, 0, 0, 3), ('two', 2, 2, 2, 2)]"
is "$work/exposure.json" '[(r["name"], r["chain"], r["decisions"]) for r in t["through"]]' \
  "[('www.shop.test', 'www.shop.test > shop.cdn.test > edge.cloud.example', 2)]"
is "$work/exposure.json" '{r["client"] for r in t["clients"]}' "{'127.0.0.1'}"
report exposure --provider two --format csv --table direct >"$work/direct.csv"
[ "$(wc -l <"$work/direct.csv")" = 1 ] || fail "nobody asked for a name of two: $(cat "$work/direct.csv")"
report exposure --since 1h --format json >"$work/since.json"
is "$work/since.json" '[(r["provider"], r["decisions"]) for r in sorted(t["providers"], key=lambda r: r["provider"])]' "[('one', 3), ('two', 2)]"
report exposure --since 2026-01-01 --until 1h --format json >"$work/since.json"
is "$work/since.json" 't["providers"]' '[]'
report blocks | says '^By rule' || fail "no table in the terminal"

say "who let what through"
report exceptions --format json >"$work/exceptions.json"
is "$work/exceptions.json" '[(r["name"], r["ticket"], r["approver"], r["uses"]) for r in t["exceptions"]]' \
  "[('b.blocked.test', 'HD-1', 'B. Lind', 1)]"

say "the page is whole, and needs nothing else"
for name in exposure blocks exceptions; do
  report "$name" --format html --output "$work/$name.html"
  says -F "default-src 'none'" <"$work/$name.html" || fail "no policy"
  if command -v xmllint >/dev/null; then
    xmllint --html --noout "$work/$name.html" 2>&1 | grep -E 'error' | grep -vE 'Tag (header|main|nav|section|figure|figcaption|footer|svg|rect|line|time) invalid' >"$work/faults" || true
    [ ! -s "$work/faults" ] || fail "$name.html: $(cat "$work/faults")"
  fi
done

say "an evidence pack is checked without cordon, and is the same twice"
key=$("$cordon" audit key -c "$work/cordond.yaml")
pack() { # PATH OPTION...
  "$cordon" audit report evidence --log "$log" --verify-key "$key" --key "$work/keys/auditor.key" --output "$@"
}
pack "$work/pack" || fail "no pack"
(cd "$work/pack" && minisign -Vqp "$work/keys/auditor.pub" -m manifest.sha256 && sha256sum --quiet -c manifest.sha256) || fail "it does not verify"
pack "$work/again"
diff -r "$work/pack" "$work/again" || fail "another one"
pack "$work/pack.tar"
mkdir "$work/unpacked"
tar -xf "$work/pack.tar" -C "$work/unpacked"
diff -r "$work/pack" "$work/unpacked/evidence" || fail "the tar has something else"
is "$work/pack/report.json" '[(v["integrity"], v["completeness"], v["unended"]) for v in t["verdicts"]]' "[('holds', 'holds', 0)]"
is "$work/pack/report.json" 'sorted((r["list"], r["serial"]) for r in t["lists"])' "[('one', 1), ('two', 7)]"
is "$work/pack/report.json" 'sum(r["minutes"] for r in t["outage_totals"] if r["kind"] != "not-running")' 0

say "it is made again from a log that has grown, by the times that it names"
from=$(sed -n 's/^from   *//p' "$work/pack/README.txt")
to=$(sed -n 's/^to   *//p' "$work/pack/README.txt")
start_cordond
ask c.blocked.test A
wait_until 30 status_is 's["audit"]["decisions"]["safe"] >= 1' || fail "$(status 's["audit"]')"
stop_cordond
pack "$work/later" --from "$from" --to "$to"
diff -r "$work/pack" "$work/later" || fail "the log has grown, and the pack is another"
"$cordon" audit report evidence -c "$work/cordond.yaml" --output "$work/own"
"$cordon" audit verify -c "$work/cordond.yaml" >/dev/null || fail "the log does not hold"
(cd "$work/own" && minisign -Vqp signer.pub -m manifest.sha256) || fail "the log's own key does not sign"

say "what a candidate would have done to the recorded questions"
write_list two 8 <<<'block suffix cloud.example
block suffix free.test'
mv "$work/lists/two.list" "$work/two.list"
new_list two 7 <<<'block suffix cloud.example'
"$cordon" audit impact -c "$work/cordond.yaml" --format json "$work/two.list" >"$work/impact.json" 2>"$work/err" || fail "$(cat "$work/err")"
[ "$("$cordon" audit impact -c "$work/cordond.yaml" --format csv --table names "$work/two.list" 2>/dev/null | wc -l)" = 3 ] || fail "the table that is named"
is "$work/impact.json" '[(r["name"], r["questions"], r["trigger"], r["via"] or None) for r in t["names"]]' \
  "[('www.shop.test', 2, 'hop', 'edge.cloud.example'), ('free.test', 1, 'qname', None)]"
says 'is taken as enforced' <"$work/impact.json" || fail "it does not say that the list is enforced nowhere"

say "what cannot be is refused"
refused 2 report nothing
refused 2 report exposure --format xml
refused 2 report exposure --table clients
refused 2 report exposure --since yesterday
says "is no time: YYYY-MM-DD" <"$work/err" || fail "another error than of search: $(cat "$work/err")"
refused 2 report exposure --until tomorrow
refused 2 report exposure --from 1h --since 1h
refused 2 report exposure --since 1h --until 2h
refused 2 report exposure --from 2026-11-02 --to 2026-11-01
refused 2 report exposure --key "$work/keys/auditor.key"
refused 2 report exposure --format csv --table none
refused 1 "$cordon" audit report exposure --log "$work/none"
refused 1 pack "$work/pack" # it is there already
refused 2 pack "$work/since" --since 1h
refused 2 pack "$work/since" --to 1h
refused 1 "$cordon" audit impact -c "$work/cordond.yaml" "$work/none.list"
python3 - "$log/0000000001.cordon" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    octets = bytearray(file.read())
    octets[500] ^= 4
    file.seek(0)
    file.write(octets)
PYTHON
refused 1 pack "$work/broken"
says 'DOES NOT HOLD' <"$work/broken/verify.txt" || fail "the verdict: $(cat "$work/broken/verify.txt")"
