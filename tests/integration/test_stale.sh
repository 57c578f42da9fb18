#!/bin/bash
# Stale answers (RFC 8767) and prefetch with a real name server, Knot DNS, that falls silent, is killed, and
# comes back: names go on to work, policy has its say, and what is new counts once it can be had.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

cat >"$work/zones/free.test.zone" <<'ZONE'
$ORIGIN free.test.
$TTL 1
@      SOA   ns root 1 3600 600 86400 1
@      NS    ns
ns     A     127.0.0.1
www    A     192.0.2.10
alias  CNAME edge.cdn
edge.cdn A   192.0.2.20
often 10 A   192.0.2.11
ZONE

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
option[lists.use]='{one: enforce}'
option[cache.serve-stale]=1h
option[cache.stale-wait]=400ms
option[upstreams.deadline]=3s
option[cache.stale-ttl]=7s
option[cache.stale-retry]=2s
option[upstreams.letter-case]=plain
write_config
start_knot "$upstream_port" free.test
start_cordond
for name in www alias often; do
  ask "$name.free.test" A
  expect 'rcode NOERROR'
done
ask gone.free.test A
expect 'rcode NXDOMAIN'
ask alias.free.test AAAA
ask often.free.test A
ask www.free.test A --do
expect 'answer www\.free\.test\. 1 RRSIG .*'
sleep 1.2

say "the upstream is silent: the client waits for a moment, and no longer"
stand_still "$knot_pid"
ask www.free.test A
expect 'rcode NOERROR' 'answer www\.free\.test\. 7 A 192\.0\.2\.10' 'ede 3.*'
[ "$(milliseconds)" -ge 350 ] || fail "the upstream was not waited for: $(milliseconds) ms"
ask gone.free.test A
expect 'rcode NXDOMAIN' 'ede 19.*'
ask alias.free.test A
expect 'rcode NOERROR' 'answer alias\.free\.test\. 7 CNAME edge\.cdn\.free\.test\.' 'answer edge\.cdn\.free\.test\. 7 A 192\.0\.2\.20' 'ede 3.*'
ask www.free.test A --do
expect 'rcode NOERROR' 'answer www\.free\.test\. 7 A 192\.0\.2\.10' 'answer www\.free\.test\. 7 RRSIG .*' 'ede 3.*'
ask www.free.test A --no-edns
expect 'rcode NOERROR' 'answer www\.free\.test\. 7 A 192\.0\.2\.10'
expect_not 'ede .*'
ask www.free.test A --no-rd
expect 'rcode REFUSED'
ask never.free.test A
expect 'rcode SERVFAIL'
ask www.free.test A
expect 'rcode NOERROR' 'answer www\.free\.test\. 7 A 192\.0\.2\.10' 'ede 3.*'
[ "$(status 's["questions"]["stale"]')" -ge 5 ] || fail "not counted: $(status 's["questions"]')"
{ "$cordon" status --socket "$work/control.sock" || true; } | says 'past their time told' || fail "the status does not say it"
"$cordon" cache show --socket "$work/control.sock" www.free.test | says 'past its time' || fail "the cache does not show it"

say "an alias is listed while the upstream is silent: what is kept is blocked"
new_list one 2 <<'RULES'
block suffix blocked.test
block suffix cdn.free.test
RULES
reload || fail "reload: $(cat "$work/reload")"
ask alias.free.test A
expect 'rcode NOERROR' 'answer alias\.free\.test\. 10 A 0\.0\.0\.0' 'ede 4 .*'
ask www.free.test A
expect 'rcode NOERROR' 'answer www\.free\.test\. 7 A 192\.0\.2\.10' 'ede 3.*'

say "events and explanations say by what answer: one past its time"
is_told() { events_are 1 'e["event"] == "decision" and e["name"] == "alias.free.test" and e["cached"] and e["stale"] and e["applied"]'; }
wait_until 20 is_told || fail "the event does not say it: $(cat "$work/events.jsonl")"
"$cordon" why alias.free.test -c "$work/cordond.yaml" >"$work/why" || fail "why: $(cat "$work/why")"
says '^alias.free.test A: BLOCKED by cordon' <"$work/why" || fail "why: $(cat "$work/why")"
says 'by an answer past its time' <"$work/why" || fail "why: $(cat "$work/why")"
"$cordon" explain alias.free.test --live -c "$work/cordond.yaml" >"$work/why" || fail "explain: $(cat "$work/why")"
says 'by an answer past its time' <"$work/why" || fail "explain: $(cat "$work/why")"

say "it goes on: a popular name is fetched before its time is over"
kill -CONT "$knot_pid"
fetched() {
  ask often.free.test A
  expect 'rcode NOERROR'
  status_is 's["questions"]["prefetches"] > 0'
}
wait_until 60 fetched || fail "it is not: $(status 's["questions"]')"

say "the upstream is killed: the network says so at once"
stop "$knot_pid"
sleep 2.2
ask www.free.test A
expect 'rcode NOERROR' 'answer www\.free\.test\. 7 A 192\.0\.2\.10' 'ede 3.*'
ask blocked.test A
expect 'answer blocked\.test\. 10 A 0\.0\.0\.0'

say "it is back, with another address: that counts"
sed -i -e 's/192\.0\.2\.10/192.0.2.99/' -e 's/root 1 /root 2 /' "$work/zones/free.test.zone"
start_knot "$upstream_port" free.test
is_fresh() {
  ask www.free.test A
  says 'answer www\.free\.test\. 1 A 192\.0\.2\.99' <<<"$answer"
}
wait_until 60 is_fresh || fail "the new address is not told: $answer"
expect_not 'ede .*'

say "switched off: a failure is told as one"
option[cache.serve-stale]=0s
write_config
reload || fail "reload: $(cat "$work/reload")"
ask www.free.test A
stop "$knot_pid"
sleep 1.2
ask www.free.test A
expect 'rcode SERVFAIL'
stop_cordond

say "so does the log"
"$cordon" audit search --suffix alias.free.test --json -c "$work/cordond.yaml" | says '"cached":true,"stale":true' || fail "the log does not say it"
