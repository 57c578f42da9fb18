#!/bin/bash
# Whatever is asked, flushed and reloaded meanwhile, no answer is that of another question: two workers, a cache that is
# too small, an upstream whose answers are computed, and clients that compute them too (computed.py).
# CORDON_COMPUTED: seconds (default 8), CORDON_SEED.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

seconds=${CORDON_COMPUTED:-8}
seed=${CORDON_SEED:-$RANDOM}
serial=1
of_list() { # WORD: the names below it are listed until the next
  printf 'block suffix %s.blocked.test\n' b0 "$1" | new_list one "$serial" || fail "list $serial"
  serial=$((serial + 1))
}

make_keys list-a list-b list-c
new_list always 1 <<<'block suffix listed.test'
of_list b1
start upstream python3 "$here/computed_upstream.py" "$upstream_port"
wait_until 60 grep -qs ready "$work/upstream.out" || fail "the upstream does not start"
option[server.workers]=2
option[lists.use]='{one: enforce, always: enforce}'
option[cache.size]=1MiB
option[upstreams.deadline]=8s
write_config
start_cordond

say "random questions, flushes and reloads, seed $seed"
clients=()
for names in 200 3000; do
  python3 "$here/computed_client.py" "$port" --seconds "$seconds" --seed "$((seed + names))" --names "$names" \
    >"$work/client-$names.out" 2>&1 &
  clients+=("$!")
  pids+=("$!")
done
turn=0
while is_running "${clients[0]}" || is_running "${clients[1]}"; do
  turn=$((turn + 1))
  case $((turn % 4)) in
    0) of_list "b$((1 + turn / 4 % 2))"; reload || fail "reload: $(cat "$work/reload")" ;;
    1) "$cordon" cache flush model.test --under --socket "$work/control.sock" >"$work/flush" || fail "$(cat "$work/flush")" ;;
    2) "$cordon" cache flush --all --socket "$work/control.sock" >"$work/flush" || fail "$(cat "$work/flush")" ;;
    3) "$cordon" cache show plain.model.test --under --socket "$work/control.sock" >"$work/show" || true ;;
  esac
  sleep 0.5
done
for i in 0 1; do wait "${clients[i]}" || fail "seed $seed: $(cat "$work"/client-*.out)"; done
cat "$work"/client-*.out
for sort in plain 'plain over TCP' chain nx nodata bogus truncated 'b0 blocked' 'alias blocked' aged; do
  cat "$work"/client-*.out | says "[:,] $sort [1-9]" || fail "no answer of the sort '$sort': $(cat "$work"/client-*.out)"
done
status_is 's["cache"]["evictions"] > 0 and s["cache"]["octets"] <= s["cache"]["size"] == 1048576' ||
  fail "the cache: $(status 's["cache"]')"
stop_cordond
