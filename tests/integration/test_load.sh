#!/bin/bash
# 100,000 warm questions with 2,000 outstanding from 32 sockets: none is lost, and the kernel
# drops none. When it does drop some, cordond says how many.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
{
  for i in $(seq 1 100); do echo "block suffix blocked$i.test"; done
} | new_list one 1
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
write_config
start_cordond

for i in $(seq 1 900); do echo "warm$i.free.test A"; done >"$work/questions"
for i in $(seq 1 100); do echo "www.blocked$i.test A"; done >>"$work/questions"

# Ask until every name is in the cache, slowly, so that this is no load of its own.
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 2 -q 20 -t 30 >"$work/warm" 2>&1
grep -qE 'Queries lost: +0 ' "$work/warm" || fail "lost while warming: $(cat "$work/warm")"

kernel_drops() { # sum of the last column for our port, IPv4 and IPv6
  awk -v port=":$(printf '%04X' "$port")" '$2 ~ port "$" { sum += $NF } END { print sum + 0 }' /proc/net/udp /proc/net/udp6
}

check_load() { # WORDS of dnsperf
  dnsperf -p "$port" -d "$work/questions" -n 100 -t 30 "$@" >"$work/dnsperf" 2>&1
  grep -E 'Queries (sent|completed|lost)|Response codes|per second|Average Latency' "$work/dnsperf"
  grep -qE 'Queries completed: +100000 ' "$work/dnsperf" || fail "$(cat "$work/dnsperf")"
  grep -qE 'Queries lost: +0 ' "$work/dnsperf" || fail "$(cat "$work/dnsperf")"
  grep -qE 'NOERROR 100000 \(100\.00%\)' "$work/dnsperf" || fail "other answers than NOERROR: $(cat "$work/dnsperf")"
  [ "$(kernel_drops)" = 0 ] || fail "the kernel dropped $(kernel_drops) questions"
}

fetches=$(status 's["questions"]["fetches"]')
say "UDP, IPv4"
check_load -s "$host" -q 2000 -c 32
say "UDP, IPv6, with EDNS and DO unset"
check_load -s ::1 -q 2000 -c 32 -e
say "TCP"
check_load -s "$host" -m tcp -q 500 -c 16

status_is 's["net"]["udp_kernel_drops"] == 0 and s["questions"]["no_slot"] == 0 and s["net"]["udp_send_failed"] == 0' ||
  fail "the daemon counted losses: $(status 's')"
status_is 's["questions"]["blocked"] >= 30000' || fail "blocked: $(status 's["questions"]')"
status_is "s['questions']['fetches'] - $fetches < 1000" || fail "warm questions were asked upstream: $(status 's["questions"]')"
say "every block is an event, or counted as lost"
all_events() {
  status_is 's["events"]["written"] + s["events"]["lost_ring"] + s["events"]["lost_output"] >= s["questions"]["blocked"]'
}
wait_until 60 all_events || fail "events: $(status 's["events"], s["questions"]["blocked"]')"
status 's["events"]'

say "what the kernel drops while nobody reads is counted, as it counts itself"
stand_still "$cordond_pid"
for _ in $(seq 1 20); do
  python3 - "$host" "$port" <<'END'
import socket
import sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    for _ in range(20000):
        sock.sendto(bytes(12), (sys.argv[1], int(sys.argv[2])))  # no question: nobody answers
END
  [ "$(kernel_drops)" = 0 ] || break
done
kill -CONT "$cordond_pid"
dropped=$(kernel_drops)
[ "$dropped" -gt 0 ] || fail "the kernel dropped none"
wait_until 60 status_is "s['net']['udp_kernel_drops'] == $dropped" || fail "of $dropped: $(status 's["net"]')"
"$cordon" status --socket "$work/control.sock" >"$work/shown" || true
grep -q "$dropped" "$work/shown" || fail "nobody is told: $(cat "$work/shown")"

stop_cordond
