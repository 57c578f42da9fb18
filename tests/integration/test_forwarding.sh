#!/bin/bash
# Forwarding: what is asked from upstreams, what is believed, what happens when they fail.
# Knot DNS is the honest upstream (with a signed zone), fake_upstream.py all the others.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

{
  cat <<'ZONE'
$ORIGIN test.
$TTL 300
@          SOA   ns root 1 3600 600 86400 60
@          NS    ns
ns         A     127.0.0.1
plain      A     192.0.2.10
plain      AAAA  2001:db8::10
chain      CNAME chain-b
chain-b    CNAME plain
tree       DNAME branch
x.branch   A     192.0.2.11
short1 5   A     192.0.2.12
short2 5   A     192.0.2.12
short3 5   A     192.0.2.12
short4 5   A     192.0.2.12
service    HTTPS 1 . alpn=h2 ipv4hint=192.0.2.10
odd        TYPE65280 \# 4 c0000201
*.wild     A     192.0.2.13
ZONE
  for i in $(seq 0 19); do
    printf 'large TXT "%s %0180d"\n' "$i" 0
    printf 'middle AAAA 2001:db8:1::%x\n' "$i"
  done
} >"$work/zones/test.zone"

make_keys list-a list-b list-c
new_list none 1 <<<'block suffix blocked.listed.test'
option[lists.use]='{none: enforce}'
option[cache.size]=1MiB

{
  read -r fake_port
  read -r lower_port
  read -r silent_port
  read -r servfail_port
  read -r refused_port
  read -r old_port
  read -r mutating_port
  read -r dead_port # nothing listens there
} < <(free_ports 8)
start_knot "$upstream_port" test
{
  echo "loop.test 300 CNAME loop-b.test"
  echo "loop-b.test 300 CNAME loop.test"
  for i in $(seq 0 18); do echo "long$i.test 300 CNAME long$((i + 1)).test"; done
  echo "long19.test 300 A 192.0.2.1"
} >"$work/records"
start_fake "$fake_port" --log "$work/asked" --records "$work/records"
start_fake "$lower_port" --lower --log "$work/asked-lower"
start_fake "$silent_port" --mode silent --log "$work/asked-silent"
start_fake "$servfail_port" --mode servfail --log "$work/asked-servfail"
start_fake "$refused_port" --mode refused
start_fake "$old_port" --mode formerr-edns --log "$work/asked-old"

upstreams() { # PORT...
  local words="" one
  for one in "$@"; do words="$words${words:+, }127.0.0.1@$one"; done
  option[upstreams.servers]="[$words]"
  write_config
  reload || fail "reload: $(cat "$work/reload")"
}

write_config
start_cordond

say "an honest upstream: positive, negative, chains, any type"
for turn in first cached; do
  ask_table <<ROWS
# $turn
plain.test A             | rcode NOERROR | flags qr rd ra | answer plain\.test\. [0-9]+ A 192\.0\.2\.10 | !ede .* | edns version 0 size 1232
plain.test AAAA          | answer plain\.test\. [0-9]+ AAAA 2001:db8::10
PlAiN.TesT A             | question PlAiN\.TesT\. A 1 | answer .* A 192\.0\.2\.10
chain.test A             | answer chain\.test\. [0-9]+ CNAME chain-b\.test\. | answer chain-b\.test\. [0-9]+ CNAME plain\.test\. | answer plain\.test\. [0-9]+ A 192\.0\.2\.10
chain.test CNAME         | answer chain\.test\. [0-9]+ CNAME chain-b\.test\. | !answer .* A .*
x.tree.test A            | answer tree\.test\. [0-9]+ DNAME branch\.test\. | answer x\.branch\.test\. [0-9]+ A 192\.0\.2\.11
a.wild.test A            | answer a\.wild\.test\. [0-9]+ A 192\.0\.2\.13
service.test HTTPS       | answer service\.test\. [0-9]+ HTTPS 1 .*
odd.test TYPE65280       | answer odd\.test\. [0-9]+ TYPE65280 c0000201
test SOA                 | answer test\. [0-9]+ SOA .*
missing.test A           | rcode NXDOMAIN | !answer .* | authority test\. [0-9]+ SOA .* 60
plain.test MX            | rcode NOERROR | !answer .* | authority test\. [0-9]+ SOA .* 60
chain.test MX            | rcode NOERROR | answer chain\.test\. [0-9]+ CNAME .* | authority test\. [0-9]+ SOA .*
plain.test A --no-edns   | answer plain\.test\. [0-9]+ A 192\.0\.2\.10 | !edns .*
plain.test A --no-rd     | answer plain\.test\. [0-9]+ A 192\.0\.2\.10
# DO and CD are passed on and cached apart
plain.test A --do        | answer plain\.test\. [0-9]+ A 192\.0\.2\.10 | answer plain\.test\. [0-9]+ RRSIG .* | edns version 0 size 1232 do | flags qr rd ra
plain.test A             | !answer .* RRSIG .*
plain.test A --cd        | flags qr rd ra cd | !answer .* RRSIG .*
missing.test A --do      | rcode NXDOMAIN | authority .* NSEC.* | authority .* RRSIG .*
missing.test A           | rcode NXDOMAIN | !authority .* (NSEC|RRSIG).*
test DNSKEY --do         | answer test\. [0-9]+ DNSKEY .*
# larger than UDP allows: TC, and all of it over TCP
large.test TXT           | rcode NOERROR | flags qr tc rd ra | !answer .* | edns .*
large.test TXT --tcp     | rcode NOERROR | flags qr rd ra | answer .* TXT "19 0.*
large.test TXT --size 4096 | flags qr tc rd ra
middle.test AAAA         | flags qr rd ra | answer .* AAAA 2001:db8:1::13
middle.test AAAA --no-edns | flags qr tc rd ra | !edns .*
middle.test AAAA --size 512 | flags qr tc rd ra | !answer .*
ROWS
done
status_is 's["upstreams"][0]["tcp"] >= 1' || fail "the large answer did not come over TCP: $(status 's["upstreams"]')"

say "time to live: counts down, and an answer that has run out is asked for again"
counts_down() { # another name each time; exit status 1: the machine was too slow to see it
  local began fetches
  turn=$((turn + 1))
  began=$(date +%s%3N)
  ask "short$turn.test" A
  expect "answer short$turn\.test\. [45] A .*"
  fetches=$(status 's["questions"]["fetches"]')
  sleep 2.1
  ask "short$turn.test" A
  value_in_status 's["questions"]["fetches"]'
  [ $(($(date +%s%3N) - began)) -lt 4500 ] || return 1
  expect "answer short$turn\.test\. [0-3] A .*"
  [ "$the_reply" = "$fetches" ] || fail "a cached answer was asked for again"
}
turn=0
once_in 4 counts_down || fail "this machine is too slow"
sleep 3.5
ask "short$turn.test" A
expect "answer short$turn\.test\. [45] A .*"

say "an upstream over IPv6"
option[upstreams.servers]="[\"[::1]@$upstream_port\"]"
write_config
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'ROWS'
over6.wild.test A        | answer over6\.wild\.test\. [0-9]+ A 192\.0\.2\.13
large.test TXT --tcp     | answer .* TXT "19 0.*
ROWS

say "what is believed"
upstreams "$fake_port"
ask_table <<'ROWS'
# wrong ids, names, case and ports are waited past
x-wrongid.test A         | answer .* A 192\.0\.2\.1 | !answer .*203.*
x-wrongname.test A       | answer .* A 192\.0\.2\.1 | !answer .*203.*
abcdefgh.x-wrongcase.test A | answer .* A 192\.0\.2\.1 | !answer .*203.*
x-wrongport.test A       | answer .* A 192\.0\.2\.1 | !answer .*203.*
# records that do not belong to the question are dropped, AD is cleared
x-extra.test A           | answer x-extra\.test\. [0-9]+ A 192\.0\.2\.1 | !.*203.* | !.*forged.*
x-extra.test A --do      | !.*203.* | !.*forged.*
x-ad.test A --ad --do    | flags qr rd ra
x-ad.test A --ad         | flags qr rd ra
victim.test A            | answer victim\.test\. [0-9]+ A 192\.0\.2\.1
# TC from an upstream leads to TCP
x-tc.test A              | flags qr rd ra | answer .* A 192\.0\.2\.1
x-big3000.test TXT --tcp | flags qr rd ra | answer x-big3000\.test\. .* TXT .*
x-nx.test A              | rcode NXDOMAIN
x-nodata.test A          | rcode NOERROR | authority .* SOA .*
x-delay300.test A        | answer .* A 192\.0\.2\.1
x-ttl0.test A            | answer x-ttl0\.test\. 0 A 192\.0\.2\.1
# times beyond reason: RFC 2181, 8, and cache.ttl-max
x-ttl4294967295.test A   | answer x-ttl4294967295\.test\. 0 A 192\.0\.2\.1
x-ttl700000.test A       | answer x-ttl700000\.test\. 86400 A 192\.0\.2\.1
# circles and chains without end
loop.test A              | rcode SERVFAIL | !answer .*
long0.test A             | rcode SERVFAIL | !answer .*
long8.test A             | rcode NOERROR | answer long19\.test\. [0-9]+ A 192\.0\.2\.1
# cut answers are no answers
x-garbage.test A         | rcode SERVFAIL | ede [0-9]+ .+
ROWS
# The forgery from another port never reaches the program: the socket is connected.
status_is 's["upstreams"][0]["wrong"] >= 4' || fail "wrong answers are not counted: $(status 's["upstreams"]')"

say "octets of an upstream that are changed at random: an answer all the same, and no fault of memory"
seed=$RANDOM
echo "   seed $seed"
start_fake "$mutating_port" --mode mutate --seed "$seed"
upstreams "$mutating_port" "$fake_port"
{
  for i in $(seq 1 300); do
    echo "m$i.mutate.test A"
    echo "m$i.mutate.test TXT"
    echo "m$i.x-nx.mutate.test AAAA"
    echo "m$i.x-extra.mutate.test A"
    echo "m$i.x-tc.mutate.test AAAA"
    echo "m$i.x-big900.mutate.test TXT"
  done
} >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 8 -q 50 -t 30 -e -D >"$work/dnsperf" 2>&1
grep -E 'Queries (completed|lost)|Response codes' "$work/dnsperf"
grep -qE 'Queries lost: +0 ' "$work/dnsperf" || fail "questions were not answered: $(cat "$work/dnsperf")"
is_running "$cordond_pid" || fail "cordond has ended"

say "identical questions in flight are joined"
joins() { # another name each time; exit status 1: they were not all sent before the answer can have come
  local code=0
  turn=$((turn + 1))
  before=$(status '[s["questions"][k] for k in ("fetches", "joined")]')
  python3 - "$here" "$port" "joined$turn" <<'PYTHON' || code=$?
import socket, sys, time
sys.path.insert(0, sys.argv[1])
import dnswire
socks = []
began = time.monotonic()
for i in range(20):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(6)
    sock.connect(("127.0.0.1", int(sys.argv[2])))
    # Letter case and EDNS are the client's own matter.
    name = (sys.argv[3].upper() if i % 2 else sys.argv[3]) + ".x-delay500.test"
    sock.send(dnswire.question(name, 1, i, opt=dnswire.opt_record() if i % 3 else b""))
    socks.append((i, name, sock))
if time.monotonic() - began > 0.4:
    sys.exit(3)
for i, name, sock in socks:
    message = dnswire.Message(sock.recv(4096))
    if message.id != i or message.questions[0][0] != name + "." or len(message.records) != 1:
        sys.exit("question %d: %s" % (i, list(message.lines())))
PYTHON
  [ "$code" != 3 ] || return 1
  [ "$code" = 0 ] || fail "see above"
  # Each worker joins its own; source ports decide which is whose.
  status_is "s['questions']['fetches'] - ${before}[0] <= 2 and s['questions']['joined'] - ${before}[1] >= 18" ||
    fail "not joined: $before, $(status 's["questions"]')"
}
once_in 5 joins || fail "this machine is too slow"

say "upstreams that fail: the next one is asked within the deadline, failures are cached and named"
upstreams "$dead_port" "$fake_port"
ask_table <<<'dead1.test A | answer .* A 192\.0\.2\.1'
upstreams "$silent_port" "$fake_port"
ask_table <<'ROWS'
silent1.test A | answer .* A 192\.0\.2\.1
silent2.test A | answer .* A 192\.0\.2\.1
ROWS
# Of those that are not measured, chance decides which question they get too.
found_silent() {
  more=$((more + 1))
  ask "silent-more$more.test" A
  expect 'rcode NOERROR'
  status_is 'any(u["health"] == "down" for u in s["upstreams"])'
}
more=0
wait_until 60 found_silent || fail "a silent upstream is not down: $(status 's["upstreams"]')"
costs_nothing() {
  more=$((more + 1))
  ask "silent-late$more.test" A
  expect 'rcode NOERROR'
  [ "$(milliseconds)" -lt 1000 ]
}
once_in 3 costs_nothing || fail "an upstream that is down still costs $(milliseconds) ms"
upstreams "$servfail_port" "$refused_port" "$fake_port"
ask_table <<'ROWS'
servfail1.test A         | rcode NOERROR | answer .* A 192\.0\.2\.1
servfail2.test A         | rcode NOERROR | answer .* A 192\.0\.2\.1
ROWS
upstreams "$servfail_port"
ask_table <<'ROWS'
broken.test A            | rcode SERVFAIL | !answer .* | ede [0-9]+ .+
broken.test A --no-edns  | rcode SERVFAIL | !edns .*
ROWS
asked_for() { grep -ci " $1 " "$work/asked-servfail" || true; }
is_kept() { # another name each time; exit status 1: the machine was too slow to see it
  local began count
  turn=$((turn + 1))
  began=$(date +%s%3N)
  ask "fails$turn.test" A
  expect 'rcode SERVFAIL'
  count=$(asked_for "fails$turn\.test")
  ask "fails$turn.test" A
  [ $(($(date +%s%3N) - began)) -lt 4500 ] || return 1
  expect 'rcode SERVFAIL' 'ede 13 .*'
  [ "$(asked_for "fails$turn\.test")" = "$count" ] || fail "a failure was not kept (RFC 9520)"
}
once_in 4 is_kept || fail "this machine is too slow"
count=$(asked_for "fails$turn\.test")
sleep 5.2
ask "fails$turn.test" A
expect 'rcode SERVFAIL'
[ "$(asked_for "fails$turn\.test")" -gt "$count" ] || fail "a failure was kept for ever"

say "no upstream answers: SERVFAIL in time, with an error that says so"
upstreams "$dead_port"
ask unreachable.test A --timeout 5
expect 'rcode SERVFAIL' 'ede (22|23) .*unreachable.*'
upstreams "$silent_port"
fails_within() { # MILLISECONDS: another name each time
  turn=$((turn + 1))
  ask "nobody$turn.test" A --timeout 20
  took=$(milliseconds)
  expect 'rcode SERVFAIL' 'ede (22|23) .+'
  [ "$took" -lt "$1" ]
}
once_in 3 fails_within 5000 || fail "SERVFAIL came after $took ms; the deadline is 4 s"
[ "$took" -gt 2500 ] || fail "SERVFAIL came after $took ms already"
nobody="nobody$turn.test"
option[upstreams.deadline]=1s
upstreams "$silent_port" "$dead_port"
once_in 3 fails_within 1800 || fail "SERVFAIL came after $took ms; the deadline is 1 s"
unset 'option[upstreams.deadline]'
count=$(grep -ci " $nobody " "$work/asked-silent")
[ "$count" -le 6 ] || fail "$count packets for one question"

say "an upstream without EDNS is asked without"
upstreams "$old_port"
ask_table <<'ROWS'
old1.test A              | rcode NOERROR | answer .* A 192\.0\.2\.1 | edns .*
old2.test A              | rcode NOERROR | answer .* A 192\.0\.2\.1
ROWS

say "letters in random case, and the visible fall-back for an upstream that loses it"
upstreams "$lower_port"
for i in $(seq 1 6); do
  ask "abcdefghijklmnopqrstuvwxyz$i.lower.test" A
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.1'
done
of_clients "$work/asked-lower" | awk '{ print $5 }' | grep '[A-Z]' >"$work/random-case" || fail "no random case was tried"
status_is 's["upstreams"][0]["case_lost"]' || fail "the fall-back is not in the status"
grep -qiE 'case' "$work/cordond.log" || fail "the fall-back is not in the log"
of_clients "$work/asked-lower" | tail -n 1 | awk '{ print $5 }' | grep '[A-Z]' && fail "random case after it was lost"
option[upstreams.letter-case]=plain
upstreams "$fake_port"
ask abcdefghijklmnopqrstuvwxyz.plain.test A
expect 'rcode NOERROR'
of_clients "$work/asked" | tail -n 1 | says ' abcdefghijklmnopqrstuvwxyz\.plain\.test ' || fail "letter-case: plain is not obeyed"
unset 'option[upstreams.letter-case]'

say "no upstream at all: starts, answers SERVFAIL with words"
: >"$work/resolv.conf"
option[upstreams.servers]='[system]'
option[upstreams.resolv-conf]="$work/resolv.conf"
write_config
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'ROWS'
nowhere.test A           | rcode SERVFAIL | ede (22|23) .+
blocked.listed.test A        | answer .* A 0\.0\.0\.0
ROWS
stop_cordond
start_cordond
ask_table <<'ROWS'
nowhere.test A           | rcode SERVFAIL | ede (22|23) .+
blocked.listed.test A        | answer .* A 0\.0\.0\.0
ROWS

say "ids, source ports and letter case of the questions are drawn by chance"
python3 "$here/randomness.py" --self-test >"$work/self-test" || fail "$(cat "$work/self-test")"
number=100000
upstreams "$fake_port"
for ((i = 0; i < number; i++)); do echo "q$i.abcdefghijkl.random.test A"; done >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 32 -q 200 -t 30 >"$work/dnsperf" 2>&1
grep -E 'Queries (sent|completed|lost)|per second' "$work/dnsperf"
grep -qE "Queries completed: +$number " "$work/dnsperf" || fail "questions were lost: $(cat "$work/dnsperf")"
python3 "$here/randomness.py" "$work/asked" .random.test --least "$number" || fail "see above"

say "the cache keeps to its size"
status_is 's["cache"]["octets"] <= s["cache"]["size"] == 1 << 20 and s["cache"]["evictions"] > 0' ||
  fail "cache: $(status 's["cache"]')"
ask fresh.random.test A
expect 'answer .* A 192\.0\.2\.1'

stop_cordond
