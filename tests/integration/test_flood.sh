#!/bin/bash
# A flood of UDP above what a worker can take: TCP, upstreams, timers and the control socket are served all the same, and
# what the kernel drops is counted and told.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
silent=$(free_port)
start_fake "$upstream_port"
start silent python3 -c 'import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
time.sleep(3600)' "$silent"
wait_until 60 grep -qs ready "$work/silent.out" || fail "no silent upstream"
option[lists.use]='{one: enforce}'
option[server.workers]=1
option[upstreams.deadline]=1s
option[upstreams.zones]="{silent.test: [127.0.0.1@$silent]}"
write_config
start_cordond
ask warm.free.test
expect 'rcode NOERROR'

say "a flood"
floods=()
for _ in 1 2 3; do
  python3 - "$port" <<'PYTHON' &
import socket, sys
sys.path.insert(0, __import__("os").environ["CORDON_ROOT"] + "/tests/integration")
import dnswire

socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
for sock in socks:
    sock.connect(("127.0.0.1", int(sys.argv[1])))
    sock.setblocking(False)
question = dnswire.question("warm.free.test", 1, 4711)
while True:
    for sock in socks:
        try:
            sock.send(question)
        except OSError:
            pass # it does not read, and may not be able to send
PYTHON
  floods+=("$!")
  pids+=("$!")
done
drops() { status_is 's["net"]["udp_kernel_drops"] > 1000'; }
wait_until 120 drops || fail "the kernel drops nothing: $(status 's["net"]')"

say "meanwhile TCP, upstreams, policy, timers"
received=$(status 's["net"]["udp_received"]')
for i in {1..20}; do
  ask "new$i.free.test" A --tcp --timeout 30
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.1'
done
ask a.blocked.test A --tcp --timeout 30
expect 'answer .* A 0\.0\.0\.0'
ask a.silent.test A --tcp --timeout 30
expect 'rcode SERVFAIL' 'ede 22 .*'
[ "$(milliseconds)" -ge 900 ] || fail "it did not wait for its time: $(milliseconds) ms"
status_is "s['net']['udp_received'] > $received + 1000" || fail "the flood was not taken beside it: $(status 's["net"]')"

say "and the control socket, also for a reload"
new_list one 2 <<<'block suffix other.test'
reload || fail "reload: $(cat "$work/reload")"
ask b.other.test A --tcp --timeout 30
expect 'answer .* A 0\.0\.0\.0'
"$cordon" status --socket "$work/control.sock" >"$work/words" || true
says 'the kernel dropped [0-9]+ datagrams' -E <"$work/words" || fail "drops are not told: $(cat "$work/words")"
for flood in "${floods[@]}"; do stop "$flood"; done
answered_again() { ask warm.free.test A --timeout 1 && [[ $answer == *'rcode NOERROR'* ]]; }
wait_until 60 answered_again || fail "no answer after the flood: $answer"
stop_cordond
