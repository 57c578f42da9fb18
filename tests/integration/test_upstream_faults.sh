#!/bin/bash
# One upstream of three goes wrong in every way that there is, while clients ask for names that
# nobody has asked for before: from the fourth second on, the 99th percentile of what they wait
# is at most 1.5 times what it is while all is well. For each policy of choice, and for servers
# that are asked in clear as for those over TLS.
#
# All is well at a twin: a second cordond, with the same configuration, clients and rate at
# the same time, whose upstreams all work. So what the machine does besides is in both figures.
#
# Three network namespaces: this one with the cordonds and the clients, one with the servers
# (NSD, Knot, Unbound; in the place of one of them the liars), and between them a wire (wire.py)
# that delays, loses and swallows packets of the servers' addresses.
#
#   CORDON_FAULT_ALL=1       every fault (default: a few)
#   CORDON_FAULTS="WAY:FAULT..."  these, as do53:wrongid dot:flapping-2
#   CORDON_FAULT_SECONDS=N   measures so long each time (default 3, with all of them 6)
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
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/certificates.sh"
for program in unbound ip nsenter; do
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages test installs it"
done

faults=(do53:black-holed dot:black-holed) # scenarios/test_upstream_faults has the others
seconds=${CORDON_FAULT_SECONDS:-3}
if [ "${CORDON_FAULT_ALL:-0}" = 1 ]; then
  seconds=${CORDON_FAULT_SECONDS:-6}
  faults=()
  for kind in black-holed slow-5s dead wrongid wrongname flood garbage noise truncate truncate-close flapping-1 \
    flapping-2 flapping-5 lossy-5; do
    faults+=("do53:$kind")
  done
  for kind in black-holed slow-5s dead stopped half-open foreign expired plain wrongid garbage truncate silent \
    flapping-2 flapping-5; do
    faults+=("dot:$kind")
  done
fi
read -ra faults <<<"${CORDON_FAULTS:-${faults[*]}}"
policies=(fastest ordered hashed)
grace=3
rate=100        # questions a second, for each policy
way=20          # milliseconds, each way: noise of a busy machine is little beside it
hedge_percent=5 # as the default is
nsd=10.53.0.1 victim=10.53.0.2 unbound=10.53.0.3 twin_victim=10.53.0.4
servers=("$nsd" "$victim" "$unbound" "$twin_victim")

# --- the other namespace, and the wire

start holder unshare --net sleep infinity
holder=$started
wait_until 60 test -e "/proc/$holder/ns/net"
other_namespace() { [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$holder/ns/net")" ]; }
wait_until 10 other_namespace || fail "no second network namespace"
there() { nsenter --net="/proc/$holder/ns/net" -- "$@"; }
start_there() { # NAME COMMAND...
  local name=$1
  shift
  start "$name" nsenter --net="/proc/$holder/ns/net" -- "$@"
}
mkfifo "$work/wire.control"
start wire python3 "$here/wire.py" --left /proc/self/ns/net --right "/proc/$holder/ns/net" \
  --control "$work/wire.control"
wait_until 60 grep -qs ready "$work/wire.out" || fail "the wire does not start: $(cat "$work/wire.log")"
ip link set lo up
ip address add 10.53.1.1/32 dev wire0
ip link set wire0 up
ip route add 10.53.0.0/24 dev wire0
there ip link set lo up
for address in "${servers[@]}"; do there ip address add "$address/32" dev lo; done
there ip link set wire0 up
there ip route add 10.53.1.0/24 dev wire0

wire() { printf '%s\n' "$*" >"$work/wire.control"; }
loss=0.1 # percent, each way
usual() { wire "$1 delay $2 loss $loss"; } # ADDRESS MS: one way

# --- the servers

make_ca ca
make_ca other-ca
make_certificate right dns.test ca 30
make_certificate foreign dns.test other-ca 30
make_certificate expired dns.test ca 0

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
  ip-address: $nsd@853
  tls-port: 853
  tls-service-key: "$work/right.key"
  tls-service-pem: "$work/right.pem"
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
write_unbound() { # NAME ADDRESS CERTIFICATE PORT...
  local name=$1 address=$2 certificate=$3 one
  shift 3
  {
    echo "server:"
    for one in "$@"; do echo "  interface: $address@$one"; done
    cat <<CONF
  tls-port: 853
  tls-service-key: "$work/$certificate.key"
  tls-service-pem: "$work/$certificate.pem"
  incoming-num-tcp: 100
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  local-zone: "." static
  local-data: ". 60 NS ns.test."
  local-zone: "faults.test." redirect
  local-data: "faults.test. 300 IN A 192.0.2.1"
remote-control:
  control-enable: no
CONF
  } >"$work/$name.conf"
}
write_knot knot "$victim"
write_knot twin-knot "$twin_victim"
write_unbound unbound "$unbound" right 53 853
write_unbound twin-secure "$twin_victim" right 853
for certificate in right foreign expired; do write_unbound "secure-$certificate" "$victim" "$certificate" 853; done

serves() { [[ $(python3 "$here/ask.py" "$1" 53 up.faults.test A --timeout 2) == *"answer "*" A "* ]]; }
serves_tls() { [[ $(kdig +short +tls +timeout=2 +retry=0 "@$1" -p 853 up.faults.test A 2>/dev/null) == 192.* ]]; }
declare -A in_place=() # the process that is the victim, in clear and over TLS
stop_victim() { # WAY
  if [ -n "${in_place[$1]:-}" ]; then stop "${in_place[$1]}"; fi
  in_place[$1]=
}
start_victim() { # WAY WHAT: right, another certificate's name, or a mode of fake_upstream.py
  local what=$2
  stop_victim "$1"
  case $1:$2 in
    do53:right) start_there knot knotd -c "$work/knot.conf" ;;
    dot:right | dot:foreign | dot:expired) start_there "secure-$what" unbound -d -c "$work/secure-$what.conf" ;;
    do53:*) start_there liar python3 "$here/fake_upstream.py" --address "$victim" --port 53 --mode "$what" ;;
    dot:plain) start_there liar python3 "$here/fake_upstream.py" --address "$victim" --port 853 ;;
    dot:*) start_there liar python3 "$here/fake_upstream.py" --address "$victim" --port 853 --mode "$what" \
      --tls "$work/right.pem" "$work/right.key" ;;
  esac
  in_place[$1]=$started
  case $1:$2 in
    do53:right) wait_until 20 serves "$victim" || fail "Knot does not answer: $(cat "$work/knot.log")" ;;
    dot:right) wait_until 20 serves_tls "$victim" || fail "Unbound does not answer: $(cat "$work/secure-right.log")" ;;
    dot:foreign | dot:expired) wait_until 60 grep -qs 'start of service' "$work/secure-$what.log" || fail "no Unbound" ;;
    *) wait_until 60 grep -qs ready "$work/liar.out" || fail "the liar does not start: $(cat "$work/liar.log")" ;;
  esac
}
for address in "${servers[@]}"; do usual "$address" 1; done
start_there nsd nsd -d -c "$work/nsd.conf"
start_there unbound unbound -d -c "$work/unbound.conf"
start_there twin-knot knotd -c "$work/twin-knot.conf"
start_there twin-secure unbound -d -c "$work/twin-secure.conf"
start_victim do53 right
start_victim dot right
for address in "${servers[@]}"; do
  wait_until 20 serves "$address" || fail "no answer from $address: $(cat "$work/nsd.log" "$work/unbound.log")"
  wait_until 20 serves_tls "$address" || fail "no answer over TLS from $address: $(cat "$work/nsd.log" "$work/unbound.log")"
done

# --- cordonds: of each policy one, and its twin

make_keys list-a list-b
new_list none 1 <<<'block exact nobody-asks.test'
option[lists.use]='{none: enforce}'
option[trust.keys]="[$work/keys/list-a.pub, $work/keys/list-b.pub]"
option[cache.size]=4MiB
option[upstreams.tls-ca]="$work/ca.pem"
option[upstreams.hedge]="$hedge_percent%"
declare -A at=() running=()

servers_of() { # WAY ADDRESS...: as the configuration has them
  local way=$1 words="" one
  shift
  for one in "$@"; do
    if [ "$way" = dot ]; then one="\"tls://$one#dns.test\""; fi
    words="$words${words:+, }$one"
  done
  printf '[%s]' "$words"
}

configure() { # NAME POLICY SERVERS
  : "${at[$1]:=$((5300 + ${#at[@]}))}"
  option[server.listen]="[127.0.0.1@${at[$1]}]"
  option[control.socket]="$work/$1.sock"
  option[state.directory]="$work/state-$1"
  option[events.to]="$work/events-$1.jsonl"
  option[upstreams.choose]=$2
  option[upstreams.servers]=$3
  write_config
  mv "$work/cordond.yaml" "$work/$1.yaml"
}

start_one() { # NAME
  "$cordond" -c "$work/$1.yaml" >>"$work/cordond-$1.out" 2>>"$work/cordond-$1.log" </dev/null &
  running[$1]=$!
  pids+=("$!")
}

is_up() { # NAME
  is_running "${running[$1]}" || fail "cordond $1 ended at its start: $(tail -5 "$work/cordond-$1.log")"
  answers "$host" "${at[$1]}"
}

start_both() { # WAY POLICY...: the server that will fail comes first: in order, it has all questions
  local way=$1 policy name
  shift
  for policy in "$@"; do
    configure "$policy" "$policy" "$(servers_of "$way" "$victim" "$nsd" "$unbound")"
    configure "$policy-twin" "$policy" "$(servers_of "$way" "$twin_victim" "$nsd" "$unbound")"
    start_one "$policy"
    start_one "$policy-twin"
  done
  for name in "${!running[@]}"; do wait_until 60 is_up "$name" || fail "cordond $name does not answer"; done
}

stop_both() {
  local name
  for name in "${!running[@]}"; do
    stop "${running[$name]}"
    [ "$stopped" -eq 0 ] || fail "cordond $name ended with status $stopped: $(tail -5 "$work/cordond-$name.log")"
    unset "running[$name]"
  done
  no_sanitizer_reports || fail "a cordond's log holds a report of a sanitizer"
}

status_of() { # NAME EXPRESSION in s
  { "$cordon" status --json --socket "$work/$1.sock" || true; } >"$work/status-$1.json" 2>"$work/status.err"
  python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/status-$1.json" "$2"
}

# --- measuring

# All at once; figures in $work/NAME.figures, each answer in $work/NAME.times.
measure() { # OPTION...
  local name pid
  local -a measuring=()
  for name in "${!running[@]}"; do
    python3 "$here/latency.py" "$host" "${at[$name]}" faults.test --rate "$rate" --log "$work/$name.times" "$@" \
      >"$work/$name.figures" &
    measuring+=($!)
  done
  for pid in "${measuring[@]}"; do wait "$pid"; done
}

figure() { # NAME KEY
  sed -n "s/.*\b$2=\([0-9.]*\).*/\1/p" "$work/$1.figures"
}

begin_fault() { # WAY FAULT
  case $2 in
    black-holed) wire "$victim cut" ;;
    slow-5s) wire "$victim delay 2500" ;;
    half-open) wire "$victim delay $way stale" ;;
    flapping-*) wire "$victim delay $way flap ${2#flapping-}" ;;
    lossy-*) wire "$victim delay $way loss ${2#lossy-}" ;;
    dead) stop_victim "$1" ;;
    stopped) stand_still "${in_place[$1]}" ;;
    *) start_victim "$1" "$2" ;;
  esac
}

end_fault() { # WAY FAULT
  usual "$victim" "$way"
  case $2 in
    black-holed | slow-5s | half-open | flapping-* | lossy-*) ;;
    stopped) kill -CONT "${in_place[$1]}" ;;
    *) start_victim "$1" right ;;
  esac
}

is_at_most() { python3 -c 'import sys; sys.exit(not float(sys.argv[1]) <= float(sys.argv[2]))' "$1" "$2"; }
ratio() { python3 -c 'import sys; print("%.2f" % (float(sys.argv[1]) / float(sys.argv[2])))' "$1" "$2"; }

# Second questions because the first was late, in percent of all.
hedged() { # NAME
  status_of "$1" "'%.2f' % (100 * s['second_questions']['hedges'] / s['questions']['fetches'])"
}

judge() { # WAY FAULT POLICY: $verdict
  local p99 well
  p99=$(figure "$3" p99)
  well=$(figure "$3-twin" p99)
  verdict=ok
  [ "$(figure "$3" failed)" -eq 0 ] || verdict="$(figure "$3" failed) questions failed"
  is_at_most "$(ratio "$p99" "$well")" 1.5 || verdict="over 1.5 times"
  is_at_most "$(hedged "$3")" "$hedge_percent" || verdict="$(hedged "$3") % of questions were asked twice"
  case $2 in
    lossy-* | flapping-* | half-open) ;;
    *)
      [ "$(status_of "$3" "[u for u in s['upstreams'] if '$victim' in u['address']][0]['health']")" = down ] ||
        verdict="not down"
      ;;
  esac
  printf '%-4s %-14s %-7s  well: p50 %5s p99 %5s   with it: p50 %5s p99 %5s max %6s  ratio %4s  second %4s %%  %s\n' \
    "$1" "$2" "$3" "$(figure "$3-twin" p50)" "$well" "$(figure "$3" p50)" "$p99" "$(figure "$3" max)" \
    "$(ratio "$p99" "$well")" "$(hedged "$3")" "$verdict"
  if [ "$verdict" != ok ]; then
    status_of "$3" '"\n".join(str(u) for u in s["upstreams"]) + "\n" + str(s["second_questions"])'
    echo "slowest (second, milliseconds):"
    sort -k2 -n -r "$work/$3.times" | sed -n '1,30s/ 0$//p' | paste -sd ';'
  fi
}

failed=0
turn() { # WAY FAULT POLICY...: those that miss the bar in $missed
  local how=$1 kind=$2 policy address measured=$seconds
  shift 2
  # A packet that is lost holds up all that is behind it on its connection for 200 ms.
  if [ "$how" = dot ]; then loss=0.02; else loss=0.1; fi
  if [ "$kind" = flapping-5 ]; then measured=30; fi # up and down a few times
  for address in "${servers[@]}"; do usual "$address" "$way"; done
  start_both "$how" "$@"
  measure --seconds 1
  begin_fault "$how" "$kind"
  measure --seconds $((measured + grace)) --grace $grace
  missed=()
  for policy in "$@"; do
    judge "$how" "$kind" "$policy"
    if [ "$verdict" != ok ]; then missed+=("$policy"); fi
  done
  end_fault "$how" "$kind"
  stop_both
}

fault() { # WAY FAULT: a busy machine may spoil a turn, but not three
  missed=("${policies[@]}")
  for _ in 1 2 3; do
    turn "$1" "$2" "${missed[@]}"
    if [ ${#missed[@]} -eq 0 ]; then return; fi
  done
  failed=$((failed + ${#missed[@]}))
}

say "one upstream of three fails, at $rate questions a second for each policy, a round trip of $((2 * way)) ms"
for one in "${faults[@]}"; do fault "${one%%:*}" "${one#*:}"; done
[ "$failed" -eq 0 ] || fail "$failed times a fault cost clients too much"

say "one answer in eight is late, of whichever server: no more second questions than their share, now 1 %"
hedge_percent=1
option[upstreams.hedge]="$hedge_percent%"
for address in "${servers[@]}"; do wire "$address delay $way late 12"; done
start_both do53 fastest
measure --seconds 4
status_of fastest '"   %(hedges)d of 400 asked twice, %(hedges_won)d of these won, %(hedges_denied)d denied" % s["second_questions"]'
is_at_most "$(hedged fastest)" "$hedge_percent" || fail "$(hedged fastest) % of questions were asked twice"
[ "$(status_of fastest 's["second_questions"]["hedges_denied"] > 0 and s["second_questions"]["hedges"] > 0')" = True ] ||
  fail "no more second questions were wanted than their share: $(status_of fastest 's["second_questions"]')"
[ "$(figure fastest failed)" -eq 0 ] || fail "$(figure fastest failed) questions failed"
stop_both
for address in "${servers[@]}"; do usual "$address" "$way"; done

say "the only server: a connection that the path has forgotten, then one that the server has forgotten"
option[server.workers]=1 # so that it is one connection
configure alone ordered "$(servers_of dot "$victim")"
start_one alone
wait_until 60 is_up alone || fail "cordond does not answer"
port=${at[alone]}
ask first.faults.test A
expect 'rcode NOERROR'
wire "$victim delay $way stale"
ask second.faults.test A --timeout 6
expect 'rcode NOERROR'
echo "   answered after $(milliseconds) ms"
usual "$victim" "$way"
wire "$victim cut"
kill -KILL "${in_place[dot]}" # nothing of its farewell arrives
wait "${in_place[dot]}" 2>/dev/null || true
start_there secure-right unbound -d -c "$work/secure-right.conf"
in_place[dot]=$started
serves_tls_there() { [[ $(there kdig +short +tls +timeout=2 +retry=0 "@$victim" -p 853 up.faults.test A 2>/dev/null) == 192.* ]]; }
wait_until 20 serves_tls_there || fail "Unbound does not start again: $(cat "$work/secure-right.log")"
usual "$victim" "$way"
ask third.faults.test A --timeout 6
expect 'rcode NOERROR'
echo "   answered after $(milliseconds) ms"
[ "$(status_of alone "s['upstreams'][0]['tls_handshakes'] + s['upstreams'][0]['tls_resumed']")" -ge 3 ] ||
  fail "no new connections: $(status_of alone 's["upstreams"]')"
stop_both
