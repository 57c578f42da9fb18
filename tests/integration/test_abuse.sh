#!/bin/bash
# What one client can take from others, with real clients: cookies (kdig, dig), the rate of a
# client (dnsperf), its share of the places to wait while an upstream answers nothing, and of TCP
# connections. Inside a network namespace of its own, since loopback addresses are never limited.
# shellcheck source-path=SCRIPTDIR
if [ -z "${CORDON_TEST_INSIDE:-}" ]; then
  for space in "unshare -rn" "unshare -n"; do
    # shellcheck disable=SC2086 # words
    if $space true 2>/dev/null; then exec $space env CORDON_TEST_INSIDE=1 "$0" "$@"; fi
  done
  echo "no network namespace can be made here: run the tests as root or allow user namespaces" >&2
  exit 1
fi
. "$(dirname "$0")/lib.sh"

ip link set lo up
for address in 192.0.2.53 192.0.2.8 192.0.2.9; do ip address add "$address/32" dev lo; done
for i in 0 1 2 3 4 5 6 7; do ip address add "2001:db8::$i/128" dev lo nodad; done
ip address add 2001:db8:0:1::1/128 dev lo nodad
host=192.0.2.53

cat >"$work/zones/test.zone" <<'ZONE'
$ORIGIN test.
$TTL 300
@    SOA ns root 1 3600 600 86400 60
@    NS  ns
ns   A   127.0.0.1
free A   192.0.2.10
*.new A  192.0.2.11
ZONE
make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_nsd "$upstream_port" test
option[lists.use]='{one: enforce}'
option[server.listen]="[$host@$port, 127.0.0.1@$port]"
option[access.allow]='[loopback, 192.0.2.0/24]'
option[access.rate]=20
option[access.slip]=2
write_config
start_cordond

asks() { # PROGRAM ARGUMENT...
  local program=$1
  shift
  "$program" @"$host" -p "$port" "$@" >"$work/asked" 2>&1 || fail "$program $*: $(cat "$work/asked")"
}
says() { grep -Eq -- "$1" "$work/asked" || fail "no '$1' in: $(cat "$work/asked")"; }

say "cookies: kdig and dig get one, and ours is good"
asks kdig -b 192.0.2.8 +cookie=0102030405060708 free.test A
says 'status: NOERROR'
cookie=$(sed -nE 's/.*COOKIE: (0102030405060708[0-9a-fA-F]{32}).*/\1/p' "$work/asked")
[ ${#cookie} -eq 48 ] || fail "no full cookie: $(cat "$work/asked")"
asks kdig -b 192.0.2.8 "+cookie=$cookie" blocked.test A
says "COOKIE: $cookie"
status_is 's["questions"]["cookies_valid"] == 1 and s["questions"]["cookies_new"] == 1' || fail "counts: $(cat "$work/status.json")"
asks kdig -b 192.0.2.9 "+cookie=$cookie" free.test A # of another address
says 'status: NOERROR'
status_is 's["questions"]["cookies_invalid"] == 1' || fail "a cookie counts for another address"
asks dig -b 192.0.2.8 +cookie free.test A
says 'COOKIE: [0-9a-f]{48} \(good\)'
asks kdig -b 192.0.2.8 +tcp +cookie=0102030405060708 free.test A
says 'COOKIE: 0102030405060708[0-9a-fA-F]{32}'

say "a client above its rate"
echo "free.test A" >"$work/questions"
dnsperf -s "$host" -p "$port" -a 192.0.2.9 -d "$work/questions" -Q 500 -l 3 -t 1 -q 2000 >"$work/dnsperf.out" 2>&1
free=$(sed -nE 's/.*Queries completed: +([0-9]+).*/\1/p' "$work/dnsperf.out")
# 100 at once, 20 a second, and half of the rest as TC=1, which dnsperf counts as completed.
limited=$(status 's["questions"]["rate_limited"]')
[ "$limited" -gt 500 ] || fail "limited $limited: $(cat "$work/dnsperf.out")"
echo "completed $free, limited $limited"
status_is 's["limited"]["clients"] == 1' || fail "limited: $(status 's["limited"]')"

say "the others are answered, and so is loopback"
for _ in 1 2 3 4 5; do
  asks dig +tries=3 +timeout=5 +nocookie -b 192.0.2.8 free.test A
  says '192\.0\.2\.10'
done
dnsperf -s 127.0.0.1 -p "$port" -d "$work/questions" -Q 1000 -l 2 -t 5 >"$work/dnsperf.out" 2>&1
[ "$(status 's["questions"]["rate_limited"]')" -lt $((limited + 20)) ] || fail "loopback is limited"

say "the limited one goes on: by TC=1 to TCP, by BADCOOKIE to its own rate"
start flood dnsperf -s "$host" -p "$port" -a 192.0.2.9 -d "$work/questions" -Q 200 -l 120 -t 1 -q 2000
flooding=$started
wait_until 60 status_is "s['questions']['rate_slipped'] > $((limited / 2 + 20))" || fail "the flood is not limited"
# One question in ten is within the rate, and answered over UDP.
goes_by_tcp() {
  asks dig +tries=20 +timeout=1 +nocookie -b 192.0.2.9 free.test A
  says '192\.0\.2\.10'
  grep -qE 'retrying in TCP mode|\(TCP\)' "$work/asked"
}
wait_until 60 goes_by_tcp || fail "never over TCP: $(cat "$work/asked")"
asks dig +tries=20 +timeout=1 +cookie -b 192.0.2.9 free.test A
says '192\.0\.2\.10'
says '\(good\)'
stop "$flooding"

say "the log names the worst"
wait_until 80 grep -q 'clients ask too often and are limited: 1 in the last minute; the worst is 192\.0\.2\.9/32' \
  "$work/cordond.log" || fail "the log does not name it: $(tail -n 5 "$work/cordond.log")"

stop_cordond

say "a client that floods with names that nobody answers"
silent_port=$(free_port)
start_fake "$silent_port" --mode silent
option[access.rate]=off
option[access.allow]='[loopback, 192.0.2.0/24, "2001:db8::/32"]'
option[server.workers]=1
option[server.listen]="[$host@$port, \"2001:db8::@$port\"]"
option[upstreams.zones]="{dead.test: [127.0.0.1@$silent_port]}"
write_config
start_cordond
# No name twice: that it failed would be remembered, and it would not wait. A place is taken for four
# seconds, so 512 of them a second are free again: the flood wants three times as many.
seq 1 300000 | sed 's/.*/n&.dead.test A/' >"$work/dead"
start flood dnsperf -s "$host" -p "$port" -a 192.0.2.9 -d "$work/dead" -Q 1500 -l 200 -t 5 -q 20000
flooding=$started
wait_until 60 status_is 's["questions"]["share_refused"] > 500' || fail "no share is refused: $(status 's["questions"]')"
for i in $(seq 1 30); do
  asks dig +tries=3 +timeout=4 -b 192.0.2.8 "a$i.new.test" A # again if the machine is slow: a SERVFAIL is final
  says '192\.0\.2\.11'
done
# The flooding client itself has what needs no waiting.
asks dig +tries=3 +timeout=4 -b 192.0.2.9 blocked.test A
says '0\.0\.0\.0'
# Of ten at once some find no place. One that finds one waits in vain: another SERVFAIL.
turn=0
is_refused() {
  local i asking=()
  turn=$((turn + 1))
  for i in 1 2 3 4 5 6 7 8 9 10; do
    dig @"$host" -p "$port" +tries=1 +timeout=8 -b 192.0.2.9 "again$turn-$i.dead.test" A >"$work/again.$i" 2>&1 &
    asking+=($!)
  done
  for i in "${asking[@]}"; do wait "$i" || true; done
  grep -lE 'too many questions of this client wait' "$work"/again.* >"$work/refused"
}
wait_until 90 is_refused || fail "it may wait: $(cat "$work"/again.*)"
cp "$(head -n 1 "$work/refused")" "$work/asked"
says 'SERVFAIL'
echo "refused $(status 's["questions"]["share_refused"]'), waiting $(status 's["in_flight"]')"
status_is 's["questions"]["no_slot"] == 0 and s["questions"]["waits_refused"] == 0 and s["in_flight"] <= 2100' ||
  fail "places: $(status '[s["questions"], s["in_flight"]]')"
stop "$flooding"

say "TCP connections of one address, and of one IPv6 network"
cat >"$work/connect.py" <<'PYTHON'
"""connect.py SERVER PORT EXPECTED SOURCE...: so many of the connections stay open."""
import socket, sys, time

def is_open(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False

server, port, expected = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
socks = []
for source in sys.argv[4:]:
    sock = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((source, 0))
    sock.connect((server, port))
    socks.append(sock)
until = time.monotonic() + 20
while sum(map(is_open, socks)) > expected and time.monotonic() < until:
    time.sleep(0.05) # those that are refused are closed soon
time.sleep(0.5) # and no other one: none is idle for long
opened = sum(map(is_open, socks))
print(opened, "of", len(socks))
sys.exit(opened != expected)
PYTHON
stay_open() { # WHAT SERVER EXPECTED SOURCE...
  local what=$1 server=$2
  shift 2
  wait_until 20 status_is 's["net"]["tcp_open"] == 0' || fail "those of before stay open"
  echo -n "$what: "
  python3 "$work/connect.py" "$server" "$port" "$@" || fail "$what: not $1"
}
times() { # N WORD...
  local i word
  for word in "${@:2}"; do for ((i = 0; i < $1; i++)); do echo "$word"; done; done
}
# shellcheck disable=SC2046 # words
{
  stay_open "one address" "$host" 32 $(times 40 192.0.2.9)
  stay_open "one address of IPv6" 2001:db8:: 32 $(times 40 2001:db8::1)
  stay_open "one network" 2001:db8:: 128 $(times 20 2001:db8::{1..7})
  stay_open "another network" 2001:db8:: 10 $(times 10 2001:db8:0:1::1)
}
status_is 's["net"]["tcp_refused_client"] == 8 + 8 + 12' || fail "counts: $(status 's["net"]')"
stop_cordond
