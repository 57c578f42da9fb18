#!/bin/bash
# Forwarding loops: between two cordons, and through an Unbound, which forwards to the cordon that
# asks it. Found, said, left out; questions do not multiply; over when it is over.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
command -v unbound >/dev/null || PATH=$PATH:/usr/sbin
command -v unbound >/dev/null || fail "there is no unbound: tools/packages test installs it"

make_keys list-a list-b list-c
new_list first 1 <<<'block suffix blocked.test'
cat >"$work/zones/example.test.zone" <<'ZONE'
$ORIGIN example.test.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 192.0.2.1
* 60 IN A 192.0.2.2
ZONE
{ read -r other_port; read -r nsd_port; read -r unbound_port; } < <(free_ports 3)
option[lists.use]="{first: enforce}"
option[server.listen]="[127.0.0.1@$port]"

# The other cordon is a copy of the configuration with other places.
write_other() { # UPSTREAMS
  write_config
  sed -e "s,@$port\],@$other_port]," -e "s,servers: .*,servers: $1," -e "s,$work/events,$work/other-events," \
    -e "s,$work/control,$work/other," -e "s,$work/state,$work/other-state," "$work/cordond.yaml" >"$work/other.yaml.new"
  mv "$work/other.yaml.new" "$work/other.yaml"
}
start_other() {
  start other "$cordond" -c "$work/other.yaml"
  other_pid=$started
  wait_until 30 answers 127.0.0.1 "$other_port" || fail "the other cordon does not answer"
}
received() { # what that cordon was asked so far
  { "$cordon" status --json --socket "$1" || true; } | python3 -c 'import json, sys; print(json.load(sys.stdin)["net"]["udp_received"])'
}
found_by() { # SOCKET ADDRESS
  { "$cordon" status --json --socket "$1" || true; } 2>/dev/null |
    python3 -c 'import json, sys; sys.exit(sys.argv[1] not in json.load(sys.stdin)["loops"])' "$2" 2>/dev/null
}

say "two cordons that ask each other and nobody else: one finds it, and so the loop is open"
option[upstreams.servers]="[127.0.0.1@$other_port]"
write_other "[127.0.0.1@$port]"
start_other
start_cordond
wait_until 60 found_by "$work/control.sock" "127.0.0.1@$other_port" || fail "not found"
grep -q "a forwarding loop: what is asked of upstream 127.0.0.1@$other_port comes back" "$work/cordond.log" || fail "the log"
grep -q "127.0.0.1 port $other_port .*asks this resolver itself: a loop; left out" "$work/cordond.log" || fail "the screen"
"$cordon" status --socket "$work/control.sock" >"$work/words" || true
grep -q "upstream 127.0.0.1@$other_port asks this resolver itself" "$work/words" || fail "cordon status: $(cat "$work/words")"

say "questions do not multiply, and get an answer at once"
before=$(($(received "$work/control.sock") + $(received "$work/other.sock")))
slow=0
for ((i = 0; i < 50; i++)); do
  ask "n$i.example.test" A
  expect 'rcode SERVFAIL'
  [ "$(milliseconds | cut -d. -f1)" -lt 2500 ] || slow=$((slow + 1))
done
[ "$slow" -le 3 ] || fail "$slow of 50 took long" # a few may, where the machine stands still
ask blocked.test A
expect 'answer blocked\.test\. .* A 0\.0\.0\.0'
after=$(($(received "$work/control.sock") + $(received "$work/other.sock")))
[ $((after - before)) -le 160 ] || fail "51 questions became $((after - before))"
say "51 questions: $((after - before)) datagrams at both together"

say "the loop ends, and the upstream is asked again"
start_nsd "$nsd_port" example.test
write_other "[127.0.0.1@$nsd_port]"
kill -HUP "$other_pid"
is_over() { ! found_by "$work/control.sock" "127.0.0.1@$other_port"; }
wait_until 60 is_over || fail "it is still left out"
ask over.example.test A
expect 'rcode NOERROR' 'answer over\.example\.test\. .* A 192\.0\.2\.2'
grep -q "upstream 127.0.0.1@$other_port does not ask this resolver any more" "$work/cordond.log" || fail "the log"
stop_cordond
kill "$other_pid"

say "through an Unbound, beside an upstream that is none: the good one answers"
cat >"$work/unbound.conf" <<UNBOUND
server:
  interface: 127.0.0.1@$unbound_port
  port: $unbound_port
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  do-daemonize: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$port
UNBOUND
start unbound unbound -d -c "$work/unbound.conf"
option[upstreams.servers]="[127.0.0.1@$unbound_port, 127.0.0.1@$nsd_port]"
write_config
start_cordond
wait_until 60 found_by "$work/control.sock" "127.0.0.1@$unbound_port" || fail "not found"
slow=0
for ((i = 0; i < 20; i++)); do
  ask "u$i.example.test" A
  expect 'rcode NOERROR'
  [ "$(milliseconds | cut -d. -f1)" -lt 1000 ] || slow=$((slow + 1))
done
[ "$slow" -le 3 ] || fail "$slow of 20 took long"

say "a reload that names it anew finds it anew; one that does not is rid of it"
reload || fail "reload: $(cat "$work/reload")"
sleep 4
wait_until 60 found_by "$work/control.sock" "127.0.0.1@$unbound_port" || fail "forgotten by a reload"
option[upstreams.servers]="[127.0.0.1@$nsd_port]"
write_config
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 status_is 'not s["loops"]' || fail "it stays: $(status 's["loops"]')"
option[upstreams.servers]="[127.0.0.1@$nsd_port, 127.0.0.1@$unbound_port]"
write_config
reload || fail "reload: $(cat "$work/reload")"
wait_until 60 found_by "$work/control.sock" "127.0.0.1@$unbound_port" || fail "not found after a reload"
stop_cordond
