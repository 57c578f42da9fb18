#!/bin/bash
# Load and reloads for CORDON_SOAK_SECONDS (default 600): no question is lost, and the memory at
# the end is within 5 % of that after the tenth reload. For tests/run --soak, not for ctest.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# AddressSanitizer keeps what is freed for a while, which would look like growth.
export ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
seconds=${CORDON_SOAK_SECONDS:-600}
make_keys list-a list-b list-c
start_fake "$upstream_port"
option[lists.use]='{flip: enforce, wide: log}'
option[cache.size]=16MiB
option[events.rotate]=4MiB
option[events.keep]=2
{ for i in $(seq 1 5000); do echo "block suffix w$i.wide.test"; done; } | new_list wide 1
# Two versions that differ, each in a folder of its own.
for version in 1 2; do
  mkdir "$work/version-$version"
  rule='block suffix flip.test'
  if [ "$version" = 2 ]; then rule='block suffix other.test'; fi
  write_list flip "$version" <<<"$rule"
  sign_list "$work/lists/flip.list"
  cp "$work/lists"/* "$work/version-$version/"
done
option[lists.directory]="$work/current"
ln -sfn "$work/version-1" "$work/current"
write_config
start_cordond

# New names all the time, so that the cache is full and evicts; warm ones; blocked ones; failures.
{
  for i in $(seq 1 20000); do echo "cold$i.x-ttl5.test A"; done
  for i in $(seq 1 20000); do echo "warm$((i % 500)).test AAAA"; done
  for i in $(seq 1 5000); do echo "www$i.flip.test A"; done
  for i in $(seq 1 5000); do echo "w$i.wide.test A"; done
  for i in $(seq 1 200); do echo "f$i.x-servfail.test A"; done
} >"$work/questions"
shuf --random-source="$work/questions" "$work/questions" -o "$work/questions.shuffled"
mv "$work/questions.shuffled" "$work/questions"
start "dnsperf" dnsperf -s "$host" -p "$port" -d "$work/questions" -c 16 -q 200 -l "$((seconds + 60))" -t 10
loader=$started
start "dnsperf-tcp" dnsperf -s "$host" -p "$port" -d "$work/questions" -m tcp -c 4 -q 20 -Q 200 -l "$((seconds + 60))" -t 10
tcp_loader=$started

memory() { awk '/^RssAnon:/ { print $2 }' "/proc/$cordond_pid/status"; }
reloads=0
at_tenth=
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ]; do
  reloads=$((reloads + 1))
  ln -sfn "$work/version-$((reloads % 2 + 1))" "$work/current.new"
  mv -T "$work/current.new" "$work/current"
  reload || fail "reload $reloads: $(cat "$work/reload")"
  ask "now$reloads.flip.test" A
  if [ $((reloads % 2 + 1)) = 1 ]; then expect 'answer .* A 0\.0\.0\.0'; else expect 'answer .* A 192\.0\.2\.1'; fi
  if [ "$reloads" = 10 ]; then
    # The cache and every buffer have been filled by now, or the comparison is not fair.
    sleep "$((seconds / 10))"
    at_tenth=$(memory)
    say "after $reloads reloads: $at_tenth KiB"
  elif [ $((reloads % 50)) = 0 ]; then
    say "after $reloads reloads: $(memory) KiB"
  fi
  is_running "$cordond_pid" || fail "cordond has ended"
  sleep 0.2
done
kill -INT "$loader" "$tcp_loader"
wait "$loader" || true
wait "$tcp_loader" || true
sleep 2
at_end=$(memory)
grep -hE 'Queries (sent|completed|lost)|per second' "$work"/dnsperf*.out
for out in "$work/dnsperf.out" "$work/dnsperf-tcp.out"; do
  grep -qE 'Queries lost: +0 ' "$out" || fail "questions were lost: $(cat "$out")"
done
[ -n "$at_tenth" ] || fail "fewer than ten reloads in $seconds s"
say "$reloads reloads; $at_tenth KiB after the tenth, $at_end KiB at the end"
[ $((at_end * 100)) -le $((at_tenth * 105)) ] || fail "memory grew by more than 5 %"
status_is 's["net"]["udp_kernel_drops"] == 0 and s["questions"]["steps_exceeded"] == 0 and s["in_flight"] == 0' || fail "$(status 's')"
stop_cordond
