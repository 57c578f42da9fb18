#!/bin/bash
# A running cordond is replaced by another one under load, over and over: no question is lost, over
# UDP, over TCP, waiting for an upstream or queued in the kernel. Whatever dies on the way, one of
# the two goes on.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
write_config

# replace: starts a successor and waits until the one before has ended, with status 0.
replace() {
  local before=$cordond_pid at code=0
  at=$(wc -l <"$work/cordond.log")
  "$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
  cordond_pid=$!
  pids+=("$cordond_pid")
  has_ended() { ! is_running "$before"; }
  wait_until 60 has_ended || fail "process $before did not end"
  wait "$before" || code=$?
  [ "$code" -eq 0 ] || fail "the replaced one ended with status $code"
  taken_over() { tail -n "+$((at + 1))" "$work/cordond.log" | says "process $before has ended; it gave"; }
  wait_until 60 taken_over || fail "the successor does not say that it has taken over"
  no_sanitizer_reports || fail "a sanitizer's report"
}

say "nobody to replace: it starts as ever"
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 60 cordond_is_up || fail "it does not start"
grep -q 'there is nothing to take over' "$work/cordond.log" || fail "it does not say so"

say "a second one without --replace is refused as ever, and changes nothing"
if "$cordond" -c "$work/cordond.yaml" >"$work/second" 2>&1; then fail "it started"; fi
grep -q 'Another cordond is running' "$work/second" || fail "$(cat "$work/second")"

say "nor does one on other ports, with the same state directory: it is told who has it"
sed -E "s/@$port/@$(free_port)/g; s|control.sock|second.sock|" "$work/cordond.yaml" >"$work/second.yaml"
if timeout 120 "$cordond" -c "$work/second.yaml" >"$work/second" 2>&1; then fail "it started"; fi
grep -q "error: the state directory $work/state is in use by another cordond (process $cordond_pid)" "$work/second" ||
  fail "$(cat "$work/second")"
grep -q 'cordond --replace' "$work/second" || fail "no advice: $(cat "$work/second")"
timeout 120 "$cordond" -c "$work/second.yaml" --check >"$work/second" 2>&1 || fail "a check: $(cat "$work/second")"
"$cordon" check "$work/second.yaml" >"$work/second" 2>&1 || fail "a check: $(cat "$work/second")"
is_running "$cordond_pid" || fail "it ended"

# The process that has the lock of the state directory.
has_state() { [ "$(tr -d ' \n' <"$work/state/cordond.lock")" = "$1" ] && ! flock -n "$work/state/cordond.lock" true; }
has_state "$cordond_pid" || fail "$(cat "$work/state/cordond.lock")"

serves() { wait_until 60 answers "$@"; } # ADDRESS PORT

# Answered at once, from the cache, after 30 ms, after a second.
for i in $(seq 1 200); do
  echo "warm$((i % 50)).free.test A"
  echo "www.blocked.test A"
  echo "x-ttl1.x-delay30.n$i.free.test A"
done >"$work/questions"
for i in $(seq 1 5); do echo "x-ttl1.x-delay1000.late$i.free.test A" >>"$work/questions"; done

rounds=${CORDON_RESTARTS:-5}
say "$rounds replacements under a steady load over UDP and TCP"
# Long enough for a machine that is busy: they are stopped by the end of the last one.
load() { # NAME OPTION...
  local name=$1
  shift
  dnsperf -p "$port" -d "$work/questions" -l 600 -t 30 "$@" >"$work/$name" 2>&1 &
  pids+=("$!")
  loads+=("$!")
}
loads=()
load udp -s "$host" -Q "${CORDON_RATE:-400}" -q 2000 -c 16
load udp6 -s ::1 -Q 100 -q 2000 -c 4
load tcp -s "$host" -Q 150 -q 500 -c 8 -m tcp
sleep 1
for ((round = 1; round <= rounds; round++)); do
  # The number of workers may change: no socket is lost for that.
  option[server.workers]=$((round % 3 + 1))
  write_config
  replace
  "$cordon" status --json --socket "$work/control.sock" >"$work/status.json" 2>"$work/status.err" || true
  status_is "s['pid'] == $cordond_pid and s['workers'] == $((round % 3 + 1))" || fail "another one answers: $(cat "$work/status.err")"
  wait_until 60 has_state "$cordond_pid" || fail "the state directory is not its own"
  sleep 0.5
done
for pid in "${loads[@]}"; do kill -INT "$pid"; done
for pid in "${loads[@]}"; do wait "$pid" || fail "dnsperf: $(cat "$work/udp" "$work/udp6" "$work/tcp")"; done
for name in udp udp6 tcp; do
  grep -E 'Queries (sent|completed|lost)|Average Latency' "$work/$name" | sed "s/^/$name /"
  grep -qE 'Queries lost: +0 ' "$work/$name" || fail "questions were lost: $(cat "$work/$name")"
  if grep -qE 'SERVFAIL|REFUSED|rror' "$work/$name"; then fail "$(cat "$work/$name")"; fi
done
grep -E 'took over from|it gave' "$work/cordond.log" | tail -n 4
grep -qE 'it gave [1-9][0-9]* connections' "$work/cordond.log" || fail "no connection was handed over"
wait_until 60 python3 "$here/check_events.py" "$schema" "$work/events.jsonl" </dev/null >"$work/events.out" 2>&1 ||
  fail "events: $(cat "$work/events.out")"

say "one TCP connection lives through a replacement, with a question that waits, and one that is cut"
python3 - "$port" "$here" >"$work/connection" 2>"$work/client.log" <<'PYTHON' &
import socket, struct, sys, time
sys.path.insert(0, sys.argv[2])
import dnswire
def frame(name, number):
    message = dnswire.question(name, dnswire.TYPES["A"], number)
    return struct.pack("!H", len(message)) + message
unread = b""
def answer(sock):
    # Two answers may come in one piece.
    global unread
    while len(unread) < 2 or len(unread) < 2 + struct.unpack("!H", unread[:2])[0]:
        more = sock.recv(4096)
        if not more:
            sys.exit("the connection was closed")
        unread += more
    length, number = struct.unpack("!HH", unread[:4])
    unread = unread[2 + length:]
    return number
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
sock.sendall(frame("www.blocked.test", 1))
assert answer(sock) == 1
cut = frame("www.blocked.test", 3)
sock.sendall(frame("x-delay1000.once.free.test", 2) + cut[:7])
print("asked", flush=True)
time.sleep(1.5)
sock.sendall(cut[7:])
assert {answer(sock), answer(sock)} == {2, 3}
for number in range(4, 40):
    sock.sendall(frame("www.blocked.test", number))
    assert answer(sock) == number
    time.sleep(0.1)
print("done", flush=True)
PYTHON
client=$!
pids+=("$client")
wait_until 60 grep -qs asked "$work/connection" || fail "$(cat "$work/client.log")"
replace
wait "$client" || fail "the client: $(cat "$work/client.log")"
grep -q 'done' "$work/connection" || fail "the client did not end"

say "an address less, an address more"
other=$(free_port)
before=${option[server.listen]}
option[server.listen]="[127.0.0.1@$port, 127.0.0.1@$other]"
write_config
replace
serves "$host" "$other" || fail "the new address does not answer"
if answers ::1 "$port"; then fail "the old address still answers"; fi
option[server.listen]=$before
write_config
replace
serves ::1 "$port" || fail "the address is not back"

say "what cannot start takes nothing over"
cp "$work/cordond.yaml" "$work/good.yaml"
for fault in "nonsense: 1" "views: [" ; do
  echo "$fault" >>"$work/cordond.yaml"
  if "$cordond" -c "$work/cordond.yaml" --replace >"$work/second" 2>&1; then fail "it started"; fi
  cp "$work/good.yaml" "$work/cordond.yaml"
done
sed -i 's/threshold: 2/threshold: 3/' "$work/cordond.yaml"
if "$cordond" -c "$work/cordond.yaml" --replace >"$work/second" 2>&1; then fail "it started without its lists"; fi
grep -q 'hands over to this one' "$work/second" || fail "it never asked: $(cat "$work/second")"
cp "$work/good.yaml" "$work/cordond.yaml"
wait_until 60 grep -q 'ended before it took over: this one goes on as before' "$work/cordond.log" || fail "not said"
status_is "s['pid'] == $cordond_pid" || fail "another one answers"
serves "$host" "$port" || fail "no answer"

say "another protocol, and words that are none, are refused"
# ask_control LINE: what the control socket says.
ask_control() {
  python3 - "$work/control.sock" "$1" <<'PYTHON'
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(10)
sock.connect(sys.argv[1])
sock.sendall(("cordon/1 " + sys.argv[2] + "\n").encode())
data = b""
while more := sock.recv(65536):
    data += more
print(data.decode())
PYTHON
}
for line in 'takeover' 'takeover {"protocol":0}' 'takeover {"protocol":"1"}' 'takeover {"protocol":1,"more":1}' 'takeover {"protocol":2}'; do
  reply=$(ask_control "$line")
  [[ $reply == '{"ok":false,"error":'* ]] || fail "$line: $reply"
done
[[ $reply == *"by protocol 1 alone: stop it first"* ]] || fail "no advice: $reply"
# One that asks properly and then says something else, or nothing, or goes away.
python3 - "$work/control.sock" <<'PYTHON' || fail "see above"
import socket, sys, time
for word in (b"steady\n", b"", b"ready", b"ready\nready\n"):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    for _ in range(100): # the one before may not be forgotten yet
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(sys.argv[1])
        sock.sendall(b"cordon/1 takeover {\"protocol\":1}\n")
        data, fds, _, _ = socket.recv_fds(sock, 1024, 64)
        if data.startswith(b"cordon-takeover 1 "):
            break
        time.sleep(0.05)
    else:
        sys.exit("refused: %r" % data)
    second = socket.socket(socket.AF_UNIX)
    second.connect(sys.argv[1])
    second.sendall(b"cordon/1 takeover {\"protocol\":1}\n")
    reply = second.recv(65536)
    if b"another process is about to take over" not in reply:
        sys.exit("two at once: %r" % reply)
    if word:
        sock.sendall(word)
    sock.close()
PYTHON
serves "$host" "$port" || fail "no answer"
is_running "$cordond_pid" || fail "it ended"

say "kill -9 of the successor at any moment: the other one goes on"
for after in 0.01 0.03 0.06 0.1 0.15 0.2 0.3 0.4; do
  : >"$work/cordond-next.log"
  "$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>"$work/cordond-next.log" </dev/null &
  next=$!
  sleep "$after"
  kill -STOP "$next" # it says "took over" before it does
  if grep -q 'took over from' "$work/cordond-next.log"; then
    # It was faster: it is the one that serves.
    kill -CONT "$next"
    pids+=("$next")
    before=$cordond_pid
    gone() { ! is_running "$before"; }
    wait_until 60 gone || fail "both run"
    cordond_pid=$next
  else
    kill -9 "$next"
    wait "$next" 2>/dev/null || true
  fi
  serves "$host" "$port" || fail "no answer after $after s"
  serves ::1 "$port" || fail "no answer over IPv6 after $after s"
  wait_until 60 status_is "s['pid'] == $cordond_pid" || fail "the control socket is not its own after $after s"
done

say "kill -9 of the predecessor once it has given its sockets: the successor goes on"
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>"$work/cordond-next.log" </dev/null &
next=$!
pids+=("$next")
wait_until 60 grep -q 'hands over to this one' "$work/cordond-next.log" || fail "$(cat "$work/cordond-next.log")"
kill -9 "$cordond_pid" 2>/dev/null || true # it may have ended by itself
wait "$cordond_pid" 2>/dev/null || true
cordond_pid=$next
wait_until 60 cordond_is_up || fail "nobody answers"
wait_until 60 status_is "s['pid'] == $cordond_pid" || fail "the control socket is not its own"
mv "$work/cordond-next.log" "$work/cordond-last.log"

stop_cordond
python3 "$here/check_events.py" "$schema" "$work/events.jsonl" </dev/null || fail "events are broken"

say "under a manager that stores descriptors: restarts and crashes under load, no question is lost"
mkfifo "$work/manager.in"
: >"$work/cordond.log"
python3 "$here/manager.py" "$work/notify" "$cordond" -c "$work/cordond.yaml" \
  <"$work/manager.in" >"$work/manager.out" 2>>"$work/cordond.log" &
manager=$!
pids+=("$manager")
exec 8>"$work/manager.in"
is_ready() { [ "$(grep -cx ready "$work/manager.out")" -ge "$1" ]; }
wait_until 60 is_ready 1 || fail "the manager: $(cat "$work/manager.out" "$work/cordond.log")"
if "$cordond" -c "$work/cordond.yaml" --replace >"$work/second" 2>&1; then fail "it was replaced behind the manager's back"; fi
grep -q 'systemctl restart cordond' "$work/second" || fail "no advice: $(cat "$work/second")"
loads=()
# Without names that take a second: what is not answered within the second that a stop has is lost.
grep -v delay1000 "$work/questions" >"$work/quick"
mv "$work/quick" "$work/questions"
load udp -s "$host" -Q "${CORDON_RATE:-400}" -q 3000 -c 16
load udp6 -s ::1 -Q 100 -q 2000 -c 4
load tcp -s "$host" -Q 150 -q 500 -c 8 -m tcp
sleep 1
ready=1
for word in restart restart restart; do
  echo "$word" >&8
  ready=$((ready + 1))
  wait_until 60 is_ready "$ready" || fail "it does not come back: $(cat "$work/manager.out")"
done
for pid in "${loads[@]}"; do kill -INT "$pid"; done
for pid in "${loads[@]}"; do wait "$pid" || fail "dnsperf: $(cat "$work/udp" "$work/udp6" "$work/tcp")"; done
for name in udp udp6 tcp; do
  grep -E 'Queries (sent|lost)|Average Latency' "$work/$name" | sed "s/^/$name /"
  grep -qE 'Queries lost: +0 ' "$work/$name" || fail "questions were lost: $(cat "$work/$name")"
done
grep -q '^stored cordon.client' "$work/manager.out" || fail "no connection was stored: $(cat "$work/manager.out")"
grep -qx 'kept 0' "$work/manager.out" || fail "$(cat "$work/manager.out")"
if grep -q '^ended [^0]' "$work/manager.out"; then fail "it ended badly: $(cat "$work/manager.out")"; fi

say "a crash loses what was being answered, and nothing that the kernel has queued"
# One socket, a question every few milliseconds: those before and after the crash are answered.
python3 - "$port" "$here" >"$work/crash" 2>&1 <<'PYTHON' &
import socket, sys, time
sys.path.insert(0, sys.argv[2])
import dnswire
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.1", int(sys.argv[1])))
refused = 0
answers = set()
def read(seconds):
    sock.settimeout(seconds)
    answers.add(int.from_bytes(sock.recv(4096)[:2], "big"))
for number in range(1000):
    try:
        sock.send(dnswire.question("www.blocked.test", dnswire.TYPES["A"], number))
        read(0.004)
    except ConnectionRefusedError:
        refused += 1
    except socket.timeout:
        pass
try:
    while len(answers) < 1000:
        read(5)
except socket.timeout:
    pass
print("refused", refused, "answered", len(answers), flush=True)
PYTHON
client=$!
pids+=("$client")
sleep 1
echo kill >&8
ready=$((ready + 1))
wait_until 60 is_ready "$ready" || fail "it does not come back: $(cat "$work/manager.out")"
wait "$client"
cat "$work/crash"
# At most the batch that the killed process had read.
python3 -c 'import re, sys; r, a = map(int, re.search(r"refused (\d+) answered (\d+)", sys.argv[1]).groups()); sys.exit(r > 0 or a < 1000 - 32)' \
  "$(cat "$work/crash")" || fail "lost in a crash: $(cat "$work/crash")"
echo stop >&8
exec 8>&-
wait "$manager" || fail "the manager failed"
no_sanitizer_reports || fail "a sanitizer's report"
