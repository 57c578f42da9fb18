#!/bin/bash
# What a load took goes back: after seconds of as many blocked names as a machine answers, and once it is over, cordond has at
# most 8 MB besides its cache and its image.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

most_kib=7812 # 8 MB
if ldd "$cordond" | says 'lib[atm]san'; then skip "a sanitizer keeps what is freed"; fi

make_keys list-a list-b list-c
seq -f 'block suffix blocked%.0f.test' 1 300000 | new_list one 1 # what is read at a start is large, too
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[server.workers]=1
option[audit.block-time]=2s
write_config
start_cordond
stop_cordond
start_cordond # by what was compiled: as it is but for the first time

own_memory() { # its own, the cache's and the image's, in KiB
  value_in_status 's["cache"]["size"]' && python3 "$here/memory.py" "$cordond_pid" "$the_reply"
}
is_small() {
  read -r own _ < <(own_memory)
  [ "$own" -le "$most_kib" ]
}

seq -f 'www.blocked%.0f.test A' 1 20000 >"$work/questions"
say "idle: $(own_memory) KiB of its own, of the cache, of the image"
dnsperf -s "$host" -p "$port" -d "$work/questions" -l 4 -q 1000 -c 8 >"$work/dnsperf" 2>&1
status_is 's["questions"]["blocked"] > 20000' || fail "no load: $(cat "$work/dnsperf")"
say "right after $(status 's["questions"]["blocked"]') blocked names: $(own_memory)"
wait_until 90 is_small || fail "$(own_memory) KiB: more than $most_kib of its own"
say "idle again: $(own_memory)"

say "the same of misses, which take places in the cache and at the upstream"
seq -f 'n%.0f.free.test A' 1 60000 >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -q 1000 -c 8 >"$work/dnsperf" 2>&1
wait_until 90 is_small || fail "$(own_memory) KiB: more than $most_kib of its own"
say "idle again: $(own_memory)"
stop_cordond
