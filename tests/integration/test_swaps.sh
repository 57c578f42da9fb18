#!/bin/bash
# New lists under load: what takes long is done at low priority, nothing asked is lost, nothing grows.
# And killed at any step of taking them, it starts again. Twenty seconds by default; `tests/run --swaps`
# (CORDON_SWAPS=long) takes lists of 1 million rules, 10,000 questions a second, 1,000 activations of prebuilt
# images and 20 that compile, with 1 and with 2 workers, and holds them to 5 % of anonymous memory; half an hour.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# What AddressSanitizer keeps of what is freed would look like growth.
export ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
load_tool="$CORDON_BUILD/tests/steady_load"
rules=20000 rate=1000 prebuilt=12 rebuilds=2 quiet_s=1 counts=2 cache=1MiB fill_s=1 stall_s=0 growth="" kill_all="" grown=""
if [ "${CORDON_SWAPS:-short}" = long ]; then
  rules=${CORDON_SWAPS_RULES:-1000000} rate=10000 prebuilt=${CORDON_SWAPS_COUNT:-1000} rebuilds=20 quiet_s=30
  counts=${CORDON_SWAPS_WORKERS:-1 2} cache=16MiB fill_s=40 stall_s=2 growth=5 kill_all=yes
fi

# Lists, images, root and catalogue in $work/lists; zones and questions beside (swap_lists.py).
k() { printf '%s/keys/%s.pub' "$work" "$1"; }
publish() { # RULES
  say "two lists of $1 rules, their images, and a catalogue"
  rm -rf "$work/lists" "$work/versions" "$work/state"
  mkdir "$work/lists"
  python3 "$here/swap_lists.py" "$1" "$work"
  "$cordon" root make --publisher made-up --title "Made-up names" --created 2026-01-01 --expires 2099-01-01 \
    --root-keys "$(k root-a),$(k root-b)" --list-keys "$(k list-a),$(k list-b),$(k list-c)" "$work/lists" >/dev/null
  for key in root-a root-b; do "$cordon" root sign --key "$work/keys/$key.key" "$work/lists/1.root" >/dev/null; done
  for id in a b; do
    "$cordon" list build --quiet --output "$work/lists/$id.image" "$work/lists/$id.list" >"$work/built" || fail "list build"
    for key in list-a list-b; do
      minisign -S -W -s "$work/keys/$key.key" -m "$work/lists/$id.list" -x "$work/lists/$id.list.$key.minisig" \
        >/dev/null 2>&1 </dev/null || fail "minisign"
    done
  done
  "$cordon" catalogue make --publisher made-up --serial 1 --expires 2099-01-01 "$work/lists" >/dev/null
  for key in list-a list-b; do
    "$cordon" catalogue sign --key "$work/keys/$key.key" "$work/lists/catalogue" >/dev/null || fail "catalogue sign"
  done
}
make_keys root-a root-b list-a list-b list-c
publish "$rules"
read -r -a tlds <"$work/tlds"
start_nsd "$upstream_port" "${tlds[@]}"

unset 'option[trust.keys]' 'option[trust.threshold]'
option[lists.use]='{a: enforce}'
option[lists.directory]="$work/current"
option[trust.root]="$work/lists/1.root"
option[cache.size]=$cache
option[events.rotate]=16MiB
option[events.keep]=2

commands() { printf '%s\n' "$1" >&"$load_in"; wait_until 20 grep -qxF "$1" "$work/load-$workers.out" || fail "steady_load does not obey: $1"; }
swaps() { # COUNT MODE: $swapped is what it says
  swapped=$(python3 "$here/swaps.py" --work "$work" --cordon "$cordon" --pid "$cordond_pid" --port "$port" --serial "$serial" \
    --count "$1" ${growth:+--settle 20} "$2") || fail "see above"
  serial=$((serial + $1))
  say "$2: $swapped"
  [ -z "$growth" ] || awk -v most="$growth" '{ for (i = 1; i < NF; i++) v[$i] = $(i + 1); exit v["last"] * 100 > v["tenth"] * (100 + most) }' <<<"$swapped" ||
    grown+=" $2, $workers workers;"
}

for workers in $counts; do
  say "$workers workers, $rate questions a second"
  rm -rf "$work/state" "$work/versions"
  ln -sfn "$work/lists" "$work/current"
  option[server.workers]=$workers
  write_config
  begins=$(date +%s%N)
  start_cordond
  echo "   from start to first answer: $((($(date +%s%N) - begins) / 1000000)) ms"
  status_is 's["shipped"]' || fail "the image is not used at the start"
  serial=2
  # The cache is filled to the brim first, and the rings of events go round, so that what grows later is neither.
  { sleep "$fill_s"; echo end; } | "$load_tool" "$host" "$port" "$((rate * 6 / 10))" "$work/fill" >/dev/null
  coproc LOAD { exec "$load_tool" "$host" "$port" "$rate" "$work/questions" >"$work/load-$workers.out" 2>"$work/load-$workers.log"; }
  # shellcheck disable=SC2153 # by coproc
  load_pid=$LOAD_PID
  pids+=("$load_pid")
  exec {load_in}>&"${LOAD[1]}"
  sleep "$((40000 / rate < 8 ? 40000 / rate : 2))" # the names are in the cache
  if [ "$stall_s" -gt 0 ]; then
    # What a machine that does something else for a moment asks for is touched before, too: places of
    # questions that wait for an upstream, and all that gathers while cordond itself is not scheduled.
    mapfile -t answering < <(pgrep -P "$nsd_pid")
    for paused in "${answering[*]}" "$cordond_pid" "$cordond_pid ${answering[*]}"; do
      read -r -a paused <<<"$paused"
      kill -STOP "${paused[@]}"
      sleep "$stall_s"
      kill -CONT "${paused[@]}"
      sleep 4
    done
    sleep 8
  fi
  drops=$(status 's["net"]["udp_kernel_drops"]')
  commands "phase quiet"
  sleep "$quiet_s"
  commands "phase prebuilt"
  swaps "$prebuilt" prebuilt
  commands "phase between"
  sleep 1
  commands "phase rebuild"
  python3 "$here/builder_priority.py" "$cordond_pid" 60 >"$work/priority" &
  watcher=$!
  swaps "$rebuilds" rebuild
  wait "$watcher" || fail "no thread of the name was seen"
  commands "phase quiet-again"
  sleep "$quiet_s"
  echo end >&"$load_in"
  exec {load_in}>&-
  wait "$load_pid" || fail "steady_load: $(cat "$work/load-$workers.log")"
  say "what takes long was done at nice 10, as a batch, and nothing else"
  says '^builder nice=10 policy=3$' <"$work/priority" || fail "$(cat "$work/priority")"
  says "^others nice=$(nice) policy=0\$" <"$work/priority" || fail "$(cat "$work/priority")"
  # "start" is not judged: names are not in the cache.
  awk '$1 ~ /^(quiet|prebuilt|rebuild|quiet-again)$/ {
    if (!head++) printf "   %-12s %-8s %9s %5s %5s %7s %7s %7s %7s %8s us\n", "phase", "kind", "sent", "lost", "wrong", "p50", "p90", "p99", "p99.9", "most"
    printf "   %-12s %-8s %9d %5d %5d %7d %7d %7d %7d %8d\n", $1, $2, $3, $5, $6, $7, $8, $9, $10, $11
    bad += $5 + $6 } $1 == "late" { print "   sent more than 2 ms late: " $2 } END { exit bad > 0 }' "$work/load-$workers.out" || fail "answers were lost or wrong"
  status_is "s['net']['udp_kernel_drops'] == $drops and s['questions']['no_slot'] == 0" || fail "the kernel dropped some: $(status 's["net"]')"
  stop_cordond
done

if command -v strace >/dev/null; then
  publish 2000
  ln -sfn "$work/lists" "$work/current"
  write_config
  say "kill -9 at the steps of a reload: each time it starts again, by the new lists"
  "$here/kill_steps.py" --work "$work" --cordond "$cordond" --cordon "$cordon" --port "$port" ${kill_all:+--all} || killed=$?
  if [ "${killed:-0}" = 3 ]; then say "left out: no process can be traced here"
  elif [ -n "${killed:-}" ]; then
    kill -9 "$(cat "$work/kills.pid")" 2>/dev/null || true
    fail "see above"
  fi
fi
[ -z "$grown" ] || fail "anonymous memory grew by more than $growth %:$grown"
