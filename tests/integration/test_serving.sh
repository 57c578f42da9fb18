#!/bin/bash
# The side of clients: addresses, sizes, TCP, what is refused and how.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port" --log "$work/asked"
option[server.listen]="[0.0.0.0@$port, \"[::]@$port\"]"
option[server.workers]=2
option[lists.use]='{one: enforce}'
write_config
start_cordond

say "a wildcard address answers from the address that was asked"
ask_table <<'ROWS'
free.test A --at 127.0.0.77 | answer .* A 192\.0\.2\.1
blocked.test A --at 127.3.2.1 | answer .* A 0\.0\.0\.0
blocked.test A --at ::1     | answer .* A 0\.0\.0\.0
blocked.test A --at 127.0.0.77 --tcp | answer .* A 0\.0\.0\.0
blocked.test A --at ::1 --tcp | answer .* A 0\.0\.0\.0
free.test A --at 127.0.0.77 --source 127.0.0.78 | answer .* A 192\.0\.2\.1
ROWS
dig +short +tries=1 @127.0.0.77 -p "$port" blocked.test | says -x '0\.0\.0\.0' || fail "dig @127.0.0.77"
dig +short +tries=1 @::1 -p "$port" blocked.test AAAA | says -x '::' || fail "dig @::1"
dig +tcp +short +tries=1 +keepopen @127.0.0.77 -p "$port" blocked.test free.test A >"$work/dig"
[ "$(wc -l <"$work/dig")" = 2 ] || fail "dig +keepopen: $(cat "$work/dig")"

say "what is refused, and how"
ask_table <<'ROWS'
free.test A --edns-version 1   | rcode BADVERS | edns version 0 size 1232 | !answer .*
version.bind TXT --class CH    | rcode REFUSED | !answer .*
free.test AXFR                 | rcode REFUSED
free.test AXFR --tcp           | rcode REFUSED
free.test IXFR --tcp           | rcode REFUSED
free.test A --opcode 4         | rcode NOTIMP
free.test A --opcode 5 --tcp   | rcode NOTIMP
free.test ANY                  | rcode NOERROR | answer free\.test\. [0-9]+ TYPE13 .*
free.test ANY --tcp            | rcode NOERROR | answer free\.test\. [0-9]+ TYPE13 .*
blocked.test ANY               | !answer .* TYPE13 .*
free.test A --cookie 0102030405060708 | rcode NOERROR | answer .* A 192\.0\.2\.1
ROWS
dig +noall +comments @"$host" -p "$port" +edns=1 +noednsnegotiation free.test | says BADVERS || fail "dig +edns=1"

say "names that mean something by themselves never leave"
: >"$work/asked"
ask_table <<'ROWS'
localhost A                    | rcode NOERROR | answer localhost\. [0-9]+ A 127\.0\.0\.1
www.localhost AAAA             | rcode NOERROR | answer www\.localhost\. [0-9]+ AAAA ::1
localhost TXT                  | rcode NOERROR | !answer .* | authority .* SOA .*
www.nothing.invalid A          | rcode NXDOMAIN | authority .* SOA .*
printer.local A --do --cd      | rcode NXDOMAIN | flags qr rd ra cd
abcdefghij234567.onion A       | rcode NXDOMAIN
router.home.arpa A             | rcode NXDOMAIN
_dns.resolver.arpa SVCB        | rcode (NXDOMAIN|NOERROR) | !answer .*
1.0.0.127.in-addr.arpa PTR     | rcode NOERROR | answer .* PTR localhost\.
7.2.0.192.in-addr.arpa PTR     | rcode NXDOMAIN
9.1.168.192.in-addr.arpa PTR   | rcode NXDOMAIN
notlocal.test A                | rcode NOERROR | answer .* A 192\.0\.2\.1
ROWS
[ "$(of_clients "$work/asked" | awk '{ print $5 }' | tr '[:upper:]' '[:lower:]' | sort -u)" = notlocal.test ] ||
  fail "asked upstream: $(cat "$work/asked")"

say "sizes: 512 without EDNS, what the client says with it, 1232 at most; TC and an empty answer otherwise"
for size in none 100 512 700 1232 1400 4096 65535; do
  for large in 100 200 300 600 800 1000 1100 1500 3000; do
    # Header, question, one TXT record with its strings of 256 octets, OPT.
    name="x-big$large.test"
    whole=$((12 + ${#name} + 2 + 4 + 12 + (large / 256 + 1) * 256 + 11))
    limit=$size
    words="--size $size"
    if [ "$size" = none ]; then limit=512; words=--no-edns; whole=$((whole - 11)); fi
    if [ "$limit" -lt 512 ]; then limit=512; fi
    if [ "$limit" -gt 1232 ]; then limit=1232; fi
    if [ "$whole" -le "$limit" ]; then
      echo "$name TXT $words | flags qr rd ra | octets $whole | answer .* TXT .*"
    else
      echo "$name TXT $words | flags qr tc rd ra | !answer .*"
    fi
  done
done | ask_table
ask_table <<'ROWS'
x-big3000.test TXT --tcp       | flags qr rd ra | answer .* TXT .*
x-big3000.test TXT --size 512  | flags qr tc rd ra | edns version 0 size 1232
ROWS
option[server.udp-size]=512
write_config
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'ROWS'
x-big600.test TXT --size 4096  | flags qr tc rd ra | edns version 0 size 512
ROWS
unset 'option[server.udp-size]'
write_config
reload || fail "reload: $(cat "$work/reload")"

say "malformed and unusual questions"
python3 "$here/malformed.py" 127.0.0.1 "$port" || fail "see above"
python3 "$here/malformed.py" 127.0.0.1 "$port" || fail "the second time: see above"

say "TCP: pipelining, order, pieces, time limits"
python3 "$here/tcp_client.py" 127.0.0.1 "$port" out_of_order pipelined by_octets half_closed large \
  keepalive idle idle_after_answer slow_message slow_octets does_not_read nonsense || fail "see above"
python3 "$here/tcp_client.py" ::1 "$port" out_of_order pipelined half_closed keepalive || fail "IPv6: see above"
status_is 's["net"]["tcp_closed_idle"] >= 2 and s["net"]["tcp_closed_slow"] >= 2' ||
  fail "closed connections are not counted: $(status 's["net"]')"
none_is_open() { status_is 's["net"]["tcp_open"] == 0'; }
wait_until 60 none_is_open || fail "connections are left: $(status 's["net"]')"
wait_until 30 status_is 's["in_flight"] == 0' || fail "questions are left: $(status 's["in_flight"]')"
stop_cordond

say "TCP: one client cannot take all connections"
option[server.workers]=1
write_config
start_cordond
python3 "$here/tcp_client.py" 127.0.0.1 "$port" limit_per_client || fail "see above"
status_is 's["net"]["tcp_refused"] >= 20' || fail "refused connections are not counted: $(status 's["net"]')"

say "strangers are refused, or get nothing"
option[access.allow]='[127.0.0.0/29, "::1/128"]'
write_config
reload || fail "reload: $(cat "$work/reload")"
: >"$work/asked"
ask_table <<'ROWS'
free1.test A --source 127.0.0.7 | rcode NOERROR
free2.test A --source 127.0.0.8 | rcode REFUSED | ede 18 .+ | !answer .*
free2.test A --source 127.0.0.8 --tcp | rcode REFUSED | ede 18 .+
free2.test A --source 127.0.0.8 --no-edns | rcode REFUSED | !edns .*
blocked.test A --source 127.0.0.8 | rcode REFUSED | ede 18 .+ | !answer .*
free3.test A --at ::1          | rcode NOERROR
ROWS
grep -q free2 "$work/asked" && fail "a stranger's question left"
grep -q '"client":"127.0.0.8"' "$work/events.jsonl" && fail "a stranger's question is an event"
option[access.others]=drop
write_config
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'ROWS'
free1.test A --source 127.0.0.8 --timeout 0.7 | none
blocked.test A --source 127.0.0.8 --timeout 0.7 | none
free1.test A --source 127.0.0.8 --edns-version 1 --timeout 0.7 | none
free1.test A --source 127.0.0.8 --tcp --timeout 1 | (none|closed)
free1.test A --source 127.0.0.6 | rcode NOERROR
ROWS
status_is 's["questions"]["refused_clients"] >= 8' || fail "strangers are not counted: $(status 's["questions"]')"

stop_cordond
