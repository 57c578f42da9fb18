#!/bin/bash
# Few open files: clients that hold connections for nothing take none from the upstreams, and
# what is missing is said, once, with what to do.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[server.workers]=2
write_config

count() { grep -c "$1" "$work/cordond.log" || true; }

# start_limited FILES: cordond with so many, hard limit included. It raises the soft one itself.
start_limited() {
  (
    ulimit -Sn "$(($1 < 256 ? $1 : 256))"
    ulimit -Hn "$1"
    exec "$cordond" -c "$work/cordond.yaml"
  ) >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
  cordond_pid=$!
  pids+=("$cordond_pid")
}

say "too few: it does not start, and says how many it needs"
start_limited 200
has_ended() { ! is_running "$cordond_pid"; }
wait_until 60 has_ended || fail "it started with 200 files"
code=0
wait "$cordond_pid" || code=$?
[ "$code" = 1 ] || fail "it ended with $code"
grep -q 'may open 200 files, and 2 workers on 2 addresses need 376 at least: set LimitNOFILE=' "$work/cordond.log" ||
  fail "it does not say what to do"

say "1,100 idle connections of clients: upstreams are asked as before"
start_limited 1024
wait_until 60 cordond_is_up || fail "cordond does not answer"
[ "$(count 'warning: this process may open 1024 files only: each worker takes 97 TCP clients instead of 512 and 371 sockets')" = 1 ] ||
  fail "no warning, or more than one"
status_is 's["descriptors"]["limit"] == 1024 and s["descriptors"]["reduced"] and s["descriptors"]["tcp_clients"] == 97 and s["descriptors"]["upstream_sockets"] == 371' ||
  fail "status: $(status 's["descriptors"]')"
# Each from one of 100 addresses, as an address may have 32 only.
python3 - "$port" <<'PYTHON' &
import resource, socket, sys, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
held = []
for i in range(1100):
    sock = socket.socket()
    sock.bind(("127.0.1.%d" % (i % 100 + 1), 0))
    sock.connect(("127.0.0.1", int(sys.argv[1])))
    held.append(sock)
time.sleep(60)
PYTHON
holder=$!
pids+=("$holder")
all_came() { status_is 's["net"]["tcp_accepted"] + s["net"]["tcp_refused"] >= 1100'; }
wait_until 60 all_came || fail "clients: $(status 's["net"]')"
for i in $(seq 20); do
  ask "free$i.test" A
  expect 'rcode NOERROR' 'answer .* A 192\.0\.2\.1'
done
ask x-tc.free.test A --tcp
expect 'rcode NOERROR'
status_is 's["net"]["tcp_open"] <= 2 * 97 and s["descriptors"]["lacked"] == 0' || fail "status: $(status 's')"
stop "$holder"
stop_cordond

# Questions to one server share sockets, so it takes several servers to run out of them.
say "more questions at once than there are sockets: told to clients, in the log and by status"
servers=127.0.0.1@$upstream_port
for i in 1 2 3; do
  more=$(free_port)
  start_fake "$more"
  servers+=", 127.0.0.1@$more"
done
option[upstreams.servers]="[$servers]"
write_config
start_limited 400
wait_until 60 cordond_is_up || fail "cordond does not answer"
python3 - "$port" "$here" >"$work/flood" <<'PYTHON' || fail "the flood: $(cat "$work/flood")"
import socket, sys, time
sys.path.insert(0, sys.argv[2])
import dnswire
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
sock.connect(("127.0.0.1", int(sys.argv[1])))
for i in range(600):
    sock.send(dnswire.question("x-silent.n%d.test" % i, dnswire.TYPES["A"], i, opt=dnswire.opt_record()))
    if i % 50 == 0:
        time.sleep(0.01)
sock.settimeout(6)
found = 0
try:
    for _ in range(600):
        if b"out of file descriptors" in sock.recv(4096):
            found += 1
except socket.timeout:
    pass
print(found)
sys.exit(0 if found > 0 else 1)
PYTHON
status_is 's["descriptors"]["lacked"] > 0' || fail "not counted: $(status 's["descriptors"]')"
told=$(count 'warning: out of file descriptors (this process)')
if [ "$told" -lt 1 ] || [ "$told" -gt 2 ]; then fail "logged $told times by two workers within a minute"; fi
code=0
"$cordon" status --socket "$work/control.sock" >"$work/status" 2>&1 || code=$?
[ "$code" = 1 ] || fail "cordon status ends with $code"
grep -q 'no file descriptor .*LimitNOFILE=' "$work/status" || fail "cordon status does not name it: $(cat "$work/status")"
ask afterwards.test A
expect 'rcode NOERROR'
stop_cordond
