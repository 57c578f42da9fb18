#!/bin/bash
# Rules about the name servers of the zone that answered, with real servers: NSD has the zones,
# Unbound asks it and is cordond's upstream. Blocked by name and by address, recorded, let through;
# what Unbound is asked for it, and that nothing is without such a rule.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

command -v unbound >/dev/null || fail "there is no unbound: tools/packages test installs it"
nsd_port=$(free_port)

write_zone() { # ZONE SERVER [RECORD...]
  local zone=$1 server=$2
  shift 2
  {
    # shellcheck disable=SC2016 # a word of zone files
    printf '$ORIGIN %s.\n@ 3600 IN SOA %s. hostmaster.%s. 1 3600 600 86400 60\n' "$zone" "$server" "$zone"
    printf '@ 3600 IN NS %s.\n' "$server"
    printf '%s\n' "$@"
  } >"$work/zones/$zone.zone"
}

write_zone shop.test ns7.dns.evil.test 'www 300 IN A 192.0.2.10' '*.wild 300 IN A 192.0.2.11'
write_zone fine.test ns1.good.test 'www 300 IN A 192.0.2.20' 'alias 300 IN CNAME www.shop.test.'
write_zone far.test ns.host.test 'www 300 IN A 192.0.2.30'
write_zone host.test ns1.good.test 'ns 300 IN A 198.51.100.7' 'ns 300 IN AAAA 2001:db8::7'
write_zone good.test ns1.good.test 'ns1 300 IN A 192.0.2.53'
zones=(shop.test fine.test far.test host.test good.test)
start_nsd "$nsd_port" "${zones[@]}"

{
  printf 'server:\n  interface: 127.0.0.1@%s\n  do-ip6: no\n  chroot: ""\n  username: ""\n' "$upstream_port"
  printf '  pidfile: "%s/unbound.pid"\n  use-syslog: no\n  log-queries: yes\n  verbosity: 1\n' "$work"
  printf '  module-config: "iterator"\n  do-not-query-localhost: no\n  local-zone: "test." nodefault\n'
  for zone in "${zones[@]}"; do
    printf 'stub-zone:\n  name: "%s"\n  stub-addr: 127.0.0.1@%s\n' "$zone" "$nsd_port"
  done
} >"$work/unbound.conf"
start unbound unbound -d -c "$work/unbound.conf"
upstream_answers() { [[ $(python3 "$here/ask.py" 127.0.0.1 "$upstream_port" www.good.test A --timeout 1) == *NXDOMAIN* ]]; }
wait_until 20 upstream_answers || fail "Unbound does not answer"

# Unbound writes down what it is asked, 0x20 and all: "info: 127.0.0.1 SHop.teST. NS IN".
asked_for() { # NAME TYPE: questions so far
  grep -ciE "info: 127\.0\.0\.1 $1\. $2 IN" "$work/unbound.log" || true
}
# Of the names of these zones: cordond asks others to see whether its upstream lives and whether it asks itself.
asked_in_all() { grep -ciE 'info: 127\.0\.0\.1 [^ ]*\.test\. ' "$work/unbound.log" || true; }
events_are() { [ "$(grep -cE "$1" "$work/events.jsonl")" -ge "$2" ]; }

make_keys list-a list-b list-c
new_list names 11 <<'RULES'
block suffix shut.test
block prefix 203.0.113.0/24
RULES
new_list servers 12 <<'RULES'
block suffix evil.test trigger=nameserver
block prefix 198.51.100.0/24 trigger=nameserver
RULES

say "without such a rule not one question more leaves"
option[server.workers]=1 # each worker has a cache of what is in flight: counts are of one
option[lists.use]='{names: enforce}'
write_config
start_cordond
before=$(asked_in_all)
for name in www.shop.test www.fine.test www.far.test a.wild.shop.test; do
  ask "$name"
  expect 'rcode NOERROR' "answer .* A 192\.0\.2\..*"
done
[ "$(asked_in_all)" = $((before + 4)) ] || fail "$(tail -n 12 "$work/unbound.log")"
[ "$(status 's["questions"]["name_server_questions"]')" = 0 ] || fail "something was asked about name servers"

say "enforced: by the name and by the address of a server, also behind an alias; others pass"
option[lists.use]='{names: enforce, servers: enforce}'
option[policy.name-server-wait]=5s # a busy machine may take longer than the 400 ms that are usual
write_config
reload || fail "$(cat "$work/reload")"
ask www.shop.test
expect 'rcode NOERROR' 'answer www.shop.test. 10 A 0.0.0.0' 'ede 4 .*servers servers 12.*'
ask www.far.test
expect 'answer www.far.test. 10 A 0.0.0.0' 'ede 4 .*servers servers 12.*'
ask alias.fine.test
expect 'answer alias.fine.test. 10 A 0.0.0.0'
ask www.fine.test
expect 'answer www.fine.test. .* A 192.0.2.20'
wait_until 10 events_are '"trigger":"nameserver-address"' 1 || fail "$(cat "$work/events.jsonl")"
grep -q '"name":"www.shop.test".*"trigger":"nameserver"' "$work/events.jsonl" || fail "$(cat "$work/events.jsonl")"
[ "$(status 's["questions"]["blocked"]')" = 3 ] || fail "not three are blocked"

say "one question for a zone, however many names it has"
before=$(asked_for shop.test NS)
[ "$before" = 1 ] || fail "asked for the servers of shop.test $before times"
for i in $(seq 300); do printf 'n%s.wild.shop.test A\n' "$i"; done >"$work/names"
dnsperf -s 127.0.0.1 -p "$port" -d "$work/names" -c 4 -q 20 >"$work/dnsperf" 2>&1 || fail "$(cat "$work/dnsperf")"
grep -Eq 'Queries completed: +300 ' "$work/dnsperf" || fail "$(cat "$work/dnsperf")"
[ "$(status 's["questions"]["blocked"]')" = 303 ] || fail "not all of them are blocked: $(status 's["questions"]')"
[ "$(asked_for shop.test NS)" = 1 ] || fail "asked anew for the servers of shop.test"
[ "$(status 's["questions"]["name_servers_unknown"]')" = 0 ] || fail "some were let through unjudged"

say "a trace shows what was asked and who won; the cache can be read"
"$cordon" cache flush fine.test --under --socket "$work/control.sock" >/dev/null
"$cordon" trace www.fine.test --socket "$work/control.sock" >"$work/trace" || true
grep -q 'asks the upstreams for fine.test NS' "$work/trace" || fail "$(cat "$work/trace")"
grep -q "nothing is said against the zone's name servers" "$work/trace" || fail "$(cat "$work/trace")"
"$cordon" trace www.shop.test --socket "$work/control.sock" >"$work/trace" || true
grep -q 'blocks: block suffix evil.test' "$work/trace" || fail "$(cat "$work/trace")"
"$cordon" cache show shop.test --socket "$work/control.sock" >"$work/shown" || fail "$(cat "$work/shown")"

say "in log mode answers are given, and the events come"
option[policy.name-servers]=log
write_config
reload || fail "$(cat "$work/reload")"
: >"$work/events.jsonl.before"
cp "$work/events.jsonl" "$work/events.jsonl.before"
"$cordon" cache flush --all --socket "$work/control.sock" >/dev/null
ask www.shop.test
expect 'answer www.shop.test. .* A 192.0.2.10'
ask www.far.test
expect 'answer www.far.test. .* A 192.0.2.30'
recorded() { [ "$(tail -n +"$(($(wc -l <"$work/events.jsonl.before") + 1))" "$work/events.jsonl" | grep -cE "\"trigger\":\"$1\"")" -ge 1 ]; }
wait_until 10 recorded nameserver || fail "$(tail -n 3 "$work/events.jsonl")"
wait_until 10 recorded nameserver-address || fail "$(tail -n 3 "$work/events.jsonl")"
[ "$(status 's["questions"]["blocked"]')" = 303 ] || fail "something was blocked"

say "off: nothing is asked for it again"
option[policy.name-servers]=off
write_config
reload || fail "$(cat "$work/reload")"
"$cordon" cache flush --all --socket "$work/control.sock" >/dev/null
before=$(asked_in_all)
ask www.shop.test
expect 'answer www.shop.test. .* A 192.0.2.10'
[ "$(asked_in_all)" = $((before + 1)) ] || fail "$(tail -n 3 "$work/unbound.log")"

say "upstreams that do not answer: the wait is bounded, and the answer is given"
option[policy.name-servers]=enforce
option[policy.name-server-wait]=300ms
write_config
reload || fail "$(cat "$work/reload")"
unknown=$(status 's["questions"]["name_servers_unknown"]')
unbound_pid=$(cat "$work/unbound.pid")
stand_still "$unbound_pid"
ask www.shop.test # its address is in the cache, its zone's servers are not
kill -CONT "$unbound_pid"
expect 'answer www.shop.test. .* A 192.0.2.10'
[ "$(milliseconds)" -ge 290 ] || fail "it has not waited: $(milliseconds) ms"
[ "$(milliseconds)" -lt 2000 ] || fail "it has waited for $(milliseconds) ms"
[ "$(status 's["questions"]["name_servers_unknown"]')" = $((unknown + 1)) ] || fail "it is not counted"
is_blocked() { ask www.shop.test; grep -q 'answer www.shop.test. 10 A 0.0.0.0' <<<"$answer"; }
wait_until 20 is_blocked || fail "the servers never become known"
stop_cordond
