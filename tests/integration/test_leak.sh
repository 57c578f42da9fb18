#!/bin/bash
# No packet about a name that is blocked by its own name leaves the process. The upstream writes
# down every question; nothing about these names may be there.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
base_rules() {
  cat <<'RULES'
block suffix blocked.test
block suffix nx.test action=nxdomain
block suffix refused.test action=refused
block suffix dropped.test action=drop
block suffix truncated.test action=truncate
block suffix circle.test action=redirect:inner.blocked.test
block suffix away.test action=redirect:landing.free.test
RULES
}
base_rules | new_list base 1

cat >"$work/records" <<'RECORDS'
alias.free.test 300 CNAME target.blocked.test
far.free.test 300 CNAME mid.free.test
mid.free.test 300 CNAME target.blocked.test
RECORDS
start_fake "$upstream_port" --log "$work/asked" --records "$work/records"
option[lists.use]='{base: enforce}'
option[upstreams.deadline]=30s # a question in flight waits for the reload, as long as that takes on a busy machine
write_config
start_cordond

asked_about() { # REGEX: packets so far
  grep -ciE " ([^ ]*\.)?$1 " "$work/asked" || true
}
none_about() { # REGEX...
  local name
  for name in "$@"; do
    [ "$(asked_about "$name")" = 0 ] || fail "the upstream was asked: $(grep -iE " ([^ ]*\.)?$name " "$work/asked" | head -n 3)"
  done
}
# The counter can count.
ask free.test A
expect 'answer .* A 192\.0\.2\.1'
[ "$(asked_about 'free\.test')" -ge 1 ] || fail "the upstream does not count"

say "every type, flag, transport and action"
{
  for qtype in A AAAA NS SOA TXT MX DS DNSKEY CNAME DNAME HTTPS SVCB PTR SRV RRSIG NSEC ANY TYPE65280; do
    echo "blocked.test $qtype | !none"
    echo "a.b.blocked.test $qtype --tcp | !none"
  done
  echo "BLOCKED.tEsT A --do | !none"
  echo "c.blocked.test A --cd --do --ad | !none"
  echo "d.blocked.test A --no-rd | !none"
  echo "e.blocked.test A --no-edns | !none"
  for name in nx refused circle; do
    echo "$name.test A | !none"
    echo "www.$name.test AAAA --tcp | !none"
  done
  echo "away.test A | answer away\.test\. .* CNAME landing\.free\.test\."
  echo "truncated.test A | flags qr tc rd ra"
  echo "dropped.test A --timeout 0.5 | none"
} | ask_table
none_about 'blocked\.test' 'nx\.test' 'refused\.test' 'dropped\.test' 'truncated\.test' 'circle\.test' 'away\.test'

say "a CNAME of a free name that leads there is not followed there"
ask_table <<'ROWS'
alias.free.test A        | answer alias\.free\.test\. 10 A 0\.0\.0\.0
far.free.test A          | answer far\.free\.test\. 10 A 0\.0\.0\.0
alias.free.test AAAA     | answer alias\.free\.test\. 10 AAAA ::
far.free.test HTTPS      | !answer .*
ROWS
none_about 'blocked\.test'

say "many questions from many sockets, at once"
for i in $(seq 1 2000); do
  echo "h$i.blocked.test A"
  echo "h$((i % 7)).blocked.test AAAA"
  echo "f$i.free.test A"
done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 16 -q 200 -t 30 >"$work/dnsperf" 2>&1
grep -qE 'Queries lost: +0 ' "$work/dnsperf" || fail "$(cat "$work/dnsperf")"
none_about 'blocked\.test'
[ "$(asked_about 'free\.test')" -ge 2000 ] || fail "the free names did not get there"

say "the block arrives while the entry is hot"
ask_table <<'ROWS'
hot.test A               | answer hot\.test\. [0-9]+ A 192\.0\.2\.1
www.hot.test A           | answer www\.hot\.test\. [0-9]+ A 192\.0\.2\.1
x-ttl1.hot.test A        | answer x-ttl1\.hot\.test\. 1 A 192\.0\.2\.1
alias-hot.test A         | answer .*
ROWS
{ base_rules; echo "block suffix hot.test"; echo "block suffix alias-hot.test"; } | new_list base 2
reload || fail "reload: $(cat "$work/reload")"
all_is_noted "$upstream_port"
before=$(asked_about '(alias-)?hot\.test')
# A question may be asked twice of an upstream that is slow to answer.
[ "$(grep -oiE ' ([^ ]*\.)?(alias-)?hot\.test ' "$work/asked" | tr '[:upper:]' '[:lower:]' | sort -u | wc -l)" = 4 ] ||
  fail "not the four: $(grep -iE 'hot\.test ' "$work/asked")"
ask_table <<'ROWS'
hot.test A               | answer hot\.test\. 10 A 0\.0\.0\.0 | ede 4 base base 2
hot.test AAAA            | answer hot\.test\. 10 AAAA ::
www.hot.test A           | answer www\.hot\.test\. 10 A 0\.0\.0\.0
alias-hot.test A         | answer alias-hot\.test\. 10 A 0\.0\.0\.0
ROWS
sleep 1.5 # one of the entries runs out
ask_table <<'ROWS'
x-ttl1.hot.test A        | answer x-ttl1\.hot\.test\. 10 A 0\.0\.0\.0
hot.test TXT             | rcode NOERROR | !answer .*
hot.test A --do --cd     | answer hot\.test\. 10 A 0\.0\.0\.0
ROWS
all_is_noted "$upstream_port"
[ "$(asked_about '(alias-)?hot\.test')" = "$before" ] || fail "packets about a name after its block"

say "the block arrives while the question is in flight and its retry is due"
for transport in "" --tcp; do
  # shellcheck disable=SC2086 # nothing, or one option
  python3 "$here/ask.py" "$host" "$port" "flight${transport:+-tcp}.x-silent.test" A $transport --timeout 60 >"$work/flight$transport" &
  waiting=$!
  pids+=("$waiting")
  wait_until 30 grep -qi "flight${transport:+-tcp}\.x-silent" "$work/asked" || fail "the question did not leave"
  { base_rules; echo "block suffix x-silent.test"; } | new_list base 3
  reload || fail "reload: $(cat "$work/reload")"
  from=$(date +%s%N)
  all_is_noted "$upstream_port"
  before=$(asked_about 'x-silent\.test')
  wait "$waiting" || fail "no answer to the question in flight"
  took=$((($(date +%s%N) - from) / 1000000))
  grep -q '^answer .* 10 A 0\.0\.0\.0$' "$work/flight$transport" || fail "in flight: $(cat "$work/flight$transport")"
  [ "$took" -lt 3000 ] || fail "the question in flight was answered $took ms after the reload"
  sleep 3 # every retry would have left by now
  all_is_noted "$upstream_port"
  [ "$(asked_about 'x-silent\.test')" = "$before" ] || fail "a retry left after the block"
  base_rules | new_list base 4
  reload || fail "reload: $(cat "$work/reload")"
done
status_is 's["questions"]["reruns"] >= 2' || fail "reruns: $(status 's["questions"]')"

say "a hundred questions in flight, blocked by one reload"
for i in $(seq 1 100); do echo "many$i.x-silent.test A"; done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 8 -q 100 -t 60 >"$work/dnsperf" 2>&1 &
loader=$!
pids+=("$loader")
all_have_left() { [ "$(grep -oiE ' many[0-9]+\.x-silent' "$work/asked" | tr '[:upper:]' '[:lower:]' | sort -u | wc -l)" = 100 ]; }
wait_until 30 all_have_left || fail "the questions did not leave"
{ base_rules; echo "block suffix x-silent.test"; } | new_list base 5
reload || fail "reload: $(cat "$work/reload")"
all_is_noted "$upstream_port"
before=$(asked_about 'x-silent\.test')
wait "$loader" || fail "dnsperf: $(cat "$work/dnsperf")"
grep -qE 'Queries completed: +100 ' "$work/dnsperf" || fail "$(cat "$work/dnsperf")"
sleep 2
all_is_noted "$upstream_port"
[ "$(asked_about 'x-silent\.test')" = "$before" ] || fail "packets left after the block"

none_about 'blocked\.test' 'nx\.test' 'refused\.test' 'dropped\.test' 'circle\.test' 'away\.test'
stop_cordond
