#!/bin/bash
# What only shows once it runs: all questions come from the gateway; the clock is wrong; a port
# that this user may not open. Needs root, for network namespaces and another user.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { say "skipped: not root"; exit 0; }

make_keys list-a list-b list-c
new_list first 1 <<<'block suffix blocked.test'
option[lists.use]="{first: enforce}"

say "a port that only root may open: what helps is said"
option[server.listen]="[127.0.0.1@53]"
write_config
chmod 711 "$work"
chmod -R a+rX "$work/lists" "$work/keys"
chmod a+r "$work/cordond.yaml"
mkdir "$work/users"
chown nobody "$work/users"
sed -i "s,$work/state,$work/users/state,;s,$work/control,$work/users/control,;s,$work/events,$work/users/events," "$work/cordond.yaml"
if [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 53 ]; then
  if setpriv --reuid nobody --regid nogroup --clear-groups "$cordond" -c "$work/cordond.yaml" \
    >"$work/low.out" 2>"$work/low.err"; then fail "it started"; fi
  for word in 'port 53 of 127.0.0.1 is a port that only root may open' server.user setcap \
    AmbientCapabilities=CAP_NET_BIND_SERVICE ip_unprivileged_port_start=53 'server.listen to'; do
    grep -q "$word" "$work/low.err" || fail "no word of $word: $(cat "$work/low.err")"
  done
fi

say "a clock before the making of a list: said at the start, on the screen, in status"
option[server.listen]="[127.0.0.1@$port]"
new_list first 2 created 2040-01-01T00:00:00Z expires 2050-01-01T00:00:00Z <<<'block suffix blocked.test'
write_config
start_cordond
ask blocked.test A
expect 'answer blocked\.test\. .* A 0\.0\.0\.0'
wait_until 60 grep -q "clock says .*, but list first was made at 2040-01-01T00:00:00Z: set the clock" "$work/cordond.log" ||
  fail "the log says nothing of the clock"
wait_until 60 grep -q "made in the future: is this machine's clock right?" "$work/cordond.log" || fail "the screen"
wait_until 60 status_is 's["lists"][0]["freshness"] == "clock-untrusted"' || fail "status"
stop_cordond

say "a dead list: status says what comes of it, by the operator's word"
new_list first 3 created 2020-01-01T00:00:00Z expires 2020-02-01T00:00:00Z <<<'block suffix blocked.test'
option[trust.dead-after]=1d
for word in 'enforce NOERROR it stays in force' 'pass SERVFAIL it blocks nothing, it only records' \
  'refuse REFUSED where it is enforced every question is refused'; do
  read -r dead rcode words <<<"$word"
  option[trust.dead]=$dead
  write_config
  start_cordond
  wait_until 60 status_is "(s['lists'][0]['freshness'], s['lists'][0]['dead']) == ('dead', '$dead')" || fail "$dead: $(cat "$work/status.json")"
  "$cordon" status -c "$work/cordond.yaml" >"$work/said" || true # 1: something needs attention
  says "list first is dead: $words" <"$work/said" || fail "$dead: $(cat "$work/said")"
  ask blocked.test A
  expect "rcode $rcode" # let through, it finds no upstream
  stop_cordond
done
unset 'option[trust.dead-after]' 'option[trust.dead]'
new_list first 4 <<<'block suffix blocked.test'

# Two networks: that of the container, and that of the machine, which is its gateway.
inside="cordon-in-$$"
outside="cordon-out-$$"
forget() { ip netns del "$inside" 2>/dev/null || true; ip netns del "$outside" 2>/dev/null || true; }
trap 'forget; stop_all' EXIT
if ! ip netns add "$inside" 2>"$work/netns.err"; then
  say "skipped: no network namespaces here: $(cat "$work/netns.err")"
  exit 0
fi
ip netns add "$outside"
ip -n "$inside" link add eth0 type veth peer name veth0 netns "$outside"
ip -n "$inside" address add 10.88.0.2/24 dev eth0
ip -n "$outside" address add 10.88.0.1/24 dev veth0
ip -n "$outside" address add 10.88.0.7/24 dev veth0
for at in "$inside:lo" "$inside:eth0" "$outside:lo" "$outside:veth0"; do ip -n "${at%:*}" link set "${at#*:}" up; done
ip -n "$inside" route add default via 10.88.0.1

ask_many() { # SOURCE NUMBER
  ip netns exec "$outside" python3 - "$1" "$2" <<'PYTHON'
import socket, struct, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 0))
sock.settimeout(10)
for n in range(int(sys.argv[2])):
    sock.sendto(struct.pack("!6H", n, 0x100, 1, 0, 0, 0) + b"\7blocked\4test\0\0\1\0\1", ("10.88.0.2", 5300))
    sock.recv(512)
PYTHON
}
start_inside() {
  ip netns exec "$inside" "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
  cordond_pid=$!
  pids+=("$cordond_pid")
  wait_until 60 test -S "$work/control.sock" || fail "it does not start"
  wait_until 60 ask_many "$1" 1
}

say "all questions come from the gateway: said once, and in status"
option[server.listen]="[0.0.0.0@5300]"
write_config
start_inside 10.88.0.1
ask_many 10.88.0.1 50
sleep 11 # a look at too few questions
[ "$(status 's["gateway"]')" = None ] || fail "too early"
ask_many 10.88.0.1 80
wait_until 60 grep -q 'questions so far come from 10.88.0.1, the gateway of this network' "$work/cordond.log" ||
  fail "the log says nothing"
wait_until 60 status_is 's["gateway"] and s["gateway"]["client"] == "10.88.0.1"' || fail "status: $(status 's["gateway"]')"
"$cordon" status --socket "$work/control.sock" >"$work/words" || true
grep -q 'all questions come from 10.88.0.1, the gateway' "$work/words" || fail "cordon status: $(cat "$work/words")"

say "a client of its own, and it is no longer so"
ask_many 10.88.0.7 1
wait_until 60 status_is 's["gateway"] is None' || fail "it stays"
[ "$(grep -c 'the gateway of this network' "$work/cordond.log")" = 1 ] || fail "it is said more than once"
stop_cordond
