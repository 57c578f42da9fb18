#!/bin/bash
# One upstream of three goes wrong in every way that there is, while clients ask for names that
# nobody has asked for before: from the fourth second on, the 99th percentile of what they wait
# is at most 1.5 times what it is while all is well.
#
# All is well at a twin: a second cordond, with the same configuration, clients and rate at
# the same time, whose upstreams all work. So what the machine does besides is in both figures.
#
# Three network namespaces: this one with both cordonds and the clients, one with the servers
# (NSD, Knot, Unbound; in the place of Knot the liars), and between them a wire (wire.py) that
# delays, loses and swallows packets of the servers' addresses.
#
#   CORDON_FAULT_SECONDS=N   measures so long each time (default 5)
#   CORDON_FAULT_ALL=1       every fault with every policy of choice
set -Eeuo pipefail
if [ "${1:-}" != inside ]; then
  if ! unshare --net true 2>/dev/null || [ ! -c /dev/net/tun ]; then
    echo "skipped test_upstream_faults: needs root, network namespaces and /dev/net/tun"
    exit 77
  fi
  exec unshare --net "$0" inside
fi
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
for program in unbound ip nsenter; do
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages test installs it"
done

seconds=${CORDON_FAULT_SECONDS:-5}
grace=3
rate=200
nsd=10.53.0.1 knot=10.53.0.2 unbound=10.53.0.3 twin_knot=10.53.0.4
servers=("$nsd" "$knot" "$unbound" "$twin_knot")

# --- the other namespace, and the wire

start holder unshare --net sleep infinity
holder=$started
wait_until 10 test -e "/proc/$holder/ns/net"
other_namespace() { [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$holder/ns/net")" ]; }
wait_until 10 other_namespace || fail "no second network namespace"
there() { nsenter --net="/proc/$holder/ns/net" -- "$@"; }
mkfifo "$work/wire.control"
start wire python3 "$here/wire.py" --left /proc/self/ns/net --right "/proc/$holder/ns/net" \
  --control "$work/wire.control"
wait_until 10 grep -qs ready "$work/wire.out" || fail "the wire does not start: $(cat "$work/wire.log")"
ip link set lo up
ip address add 10.53.1.1/32 dev wire0
ip link set wire0 up
ip route add 10.53.0.0/24 dev wire0
there ip link set lo up
for address in "${servers[@]}"; do there ip address add "$address/32" dev lo; done
there ip link set wire0 up
there ip route add 10.53.1.0/24 dev wire0

wire() { printf '%s\n' "$*" >"$work/wire.control"; }
usual() { wire "$1 delay $2 loss 0.1"; } # ADDRESS MS: one way

# --- the servers

cat >"$work/zones/faults.test.zone" <<'ZONE'
$ORIGIN faults.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
* A 192.0.2.1
ZONE
cat >"$work/nsd.conf" <<CONF
server:
  ip-address: $nsd@53
  username: ""
  chroot: ""
  database: ""
  pidfile: "$work/nsd.pid"
  zonelistfile: "$work/nsd.list"
  xfrdfile: "$work/nsd.xfrd"
  xfrdir: "$work"
  zonesdir: "$work/zones"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "faults.test"
  zonefile: "faults.test.zone"
CONF
write_knot() { # NAME ADDRESS
  mkdir -p "$work/$1"
  cat >"$work/$1.conf" <<CONF
server:
    listen: [$2@53]
    rundir: $work/$1
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: $work/$1
zone:
  - domain: faults.test
    storage: $work/zones
    file: faults.test.zone
    zonefile-sync: -1
CONF
}
write_knot knot "$knot"
write_knot twin-knot "$twin_knot"
cat >"$work/unbound.conf" <<CONF
server:
  interface: $unbound
  port: 53
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: "$work/unbound.pid"
  use-syslog: no
  num-threads: 1
  local-zone: "faults.test." redirect
  local-data: "faults.test. 300 IN A 192.0.2.1"
remote-control:
  control-enable: no
CONF
serves() { [[ $(python3 "$here/ask.py" "$1" 53 up.faults.test A --timeout 2) == *"answer "*" A "* ]]; }
victim=
start_victim() { # knot, or a mode of fake_upstream.py
  if [ -n "$victim" ]; then stop "$victim"; fi
  if [ "$1" = knot ]; then
    start knot nsenter --net="/proc/$holder/ns/net" -- knotd -c "$work/knot.conf"
    wait_until 20 serves "$knot" || fail "Knot does not answer: $(cat "$work/knot.log")"
  else
    : >"$work/liar.out"
    start liar nsenter --net="/proc/$holder/ns/net" -- python3 "$here/fake_upstream.py" \
      --address "$knot" --port 53 --mode "$1"
  fi
  victim=$started
}
for address in "${servers[@]}"; do usual "$address" 1; done
start nsd nsenter --net="/proc/$holder/ns/net" -- nsd -d -c "$work/nsd.conf"
start unbound nsenter --net="/proc/$holder/ns/net" -- unbound -d -c "$work/unbound.conf"
start twin-knot nsenter --net="/proc/$holder/ns/net" -- knotd -c "$work/twin-knot.conf"
start_victim knot
for address in "${servers[@]}"; do
  wait_until 20 serves "$address" || fail "no answer from $address: $(cat "$work/nsd.log" "$work/unbound.log")"
done

# --- measuring

make_keys list-a list-b
new_list none 1 <<<'block exact nobody-asks.test'
option[lists.use]='{none: enforce}'
option[trust.keys]="[$work/keys/list-a.pub, $work/keys/list-b.pub]"
option[cache.size]=16MiB
twin_port=$(free_port)

# Two ports at once: the figures of the first are in m, those of the second in t.
measure() { # OPTION...
  python3 "$here/latency.py" "$host" "$twin_port" faults.test --rate "$rate" --log "$work/twin.times" "$@" \
    >"$work/twin.figures" &
  local other=$! word
  python3 "$here/latency.py" "$host" "$port" faults.test --rate "$rate" --log "$work/times" "$@" >"$work/figures"
  wait "$other"
  declare -gA m=() t=()
  for word in $(<"$work/figures"); do m[${word%%=*}]=${word#*=}; done
  for word in $(<"$work/twin.figures"); do t[${word%%=*}]=${word#*=}; done
}

twin_is_up() { answers "$host" "$twin_port"; }
start_both() { # CHOOSE; the one that will fail comes first: in order, it has all questions
  local -A one=([server.listen]="[127.0.0.1@$port]" [control.socket]="$work/control.sock"
    [state.directory]="$work/state" [events.to]="$work/events.jsonl"
    [upstreams.servers]="[$knot, $nsd, $unbound]")
  local -A two=([server.listen]="[127.0.0.1@$twin_port]" [control.socket]="$work/twin.sock"
    [state.directory]="$work/twin-state" [events.to]="$work/twin-events.jsonl"
    [upstreams.servers]="[$twin_knot, $nsd, $unbound]")
  local key
  option[upstreams.choose]=$1
  for key in "${!two[@]}"; do option["$key"]=${two["$key"]}; done
  write_config
  mv "$work/cordond.yaml" "$work/twin.yaml"
  for key in "${!one[@]}"; do option["$key"]=${one["$key"]}; done
  write_config
  start cordond-twin "$cordond" -c "$work/twin.yaml"
  twin=$started
  start_cordond
  wait_until 30 twin_is_up || fail "the twin does not answer"
}

begin_fault() {
  case $1 in
    black-holed) wire "$knot cut" ;;
    slow-5s) wire "$knot delay 2500" ;;
    flapping-*) wire "$knot delay $way flap ${1#flapping-}" ;;
    lossy-*) wire "$knot delay $way loss ${1#lossy-}" ;;
    dead) stop "$victim"; victim= ;;
    *) start_victim "$1" ;;
  esac
}

end_fault() {
  usual "$knot" "$way"
  case $1 in
    black-holed | slow-5s | flapping-* | lossy-*) ;;
    *) start_victim knot ;;
  esac
}

judge() { python3 -c 'import sys; sys.exit(not float(sys.argv[1]) <= 1.5 * float(sys.argv[2]))' "$1" "$2"; }

once() { # CHOOSE FAULT: $verdict
  local choose=$1 kind=$2
  for address in "${servers[@]}"; do usual "$address" "$way"; done
  start_both "$choose"
  measure --seconds 1
  begin_fault "$kind"
  measure --seconds $((seconds + grace)) --grace $grace
  verdict=ok
  judge "${m[p99]}" "${t[p99]}" || verdict="over 1.5 times"
  [ "${m[failed]}" -eq 0 ] || verdict="${m[failed]} questions failed"
  printf '%-8s %-15s all well: p50 %5s p95 %5s p99 %5s ms; with it: p50 %5s p95 %5s p99 %5s max %s ms: %s\n' "$choose" \
    "$kind" "${t[p50]}" "${t[p95]}" "${t[p99]}" "${m[p50]}" "${m[p95]}" "${m[p99]}" "${m[max]}" "$verdict"
  if [ "$verdict" != ok ]; then
    status '"\n".join(str(u) for u in s["upstreams"]) + "\n" + str(s["second_questions"])'
    echo "slowest (second, milliseconds):"
    sort -k2 -n -r "$work/times" | sed -n '1,40s/ 0$//p' | paste -sd ';'
  fi
  if [[ $kind != lossy-* && $kind != flapping-* ]]; then
    status_is "[u for u in s['upstreams'] if u['address'].startswith('$knot')][0]['health'] == 'down'" ||
      fail "$kind: the upstream is not down: $(status 's["upstreams"]')"
  fi
  end_fault "$kind"
  stop "$twin"
  [ "$stopped" -eq 0 ] || fail "the twin ended with status $stopped"
  stop_cordond
}

failed=0
fault() { # CHOOSE FAULT: a busy machine may spoil a turn, but not three
  for _ in 1 2 3; do
    once "$1" "$2"
    if [ "$verdict" = ok ]; then return; fi
  done
  failed=$((failed + 1))
}

way=20 # milliseconds, each way: noise of a busy machine is little beside it
rows=(
  "fastest black-holed" "ordered black-holed" "hashed slow-5s" "ordered wrongid" "fastest wrongname" "hashed flood"
  "ordered garbage" "fastest truncate" "ordered truncate-close" "ordered flapping-2"
)
if [ "${CORDON_FAULT_ALL:-0}" = 1 ]; then
  rows=()
  for kind in black-holed slow-5s wrongid wrongname flood garbage noise truncate truncate-close dead flapping-1 \
    flapping-2 flapping-5 lossy-20; do
    for choose in fastest ordered hashed; do rows+=("$choose $kind"); done
  done
fi
say "one upstream of three fails, at $rate questions a second and a round trip of $((2 * way)) ms"
for row in "${rows[@]}"; do
  # shellcheck disable=SC2086 # two words
  fault $row
done
[ "$failed" -eq 0 ] || fail "$failed of ${#rows[@]} faults cost clients too much"
