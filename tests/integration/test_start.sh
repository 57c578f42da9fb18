#!/bin/bash
# Start and stop: the command line, the first screen, ports that are taken, no network, rights,
# signals, and a folder of lists that is swapped as a whole.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list first 7 <<<'block suffix blocked.test'
new_list second 8 <<<'block suffix other.test'
start_fake "$upstream_port" --log "$work/asked"
option[lists.use]='{first: enforce, second: log}'
write_config

# run CODE COMMAND...: ends with that code within two minutes; all that it says is in $said.
run() {
  local expected=$1 code=0
  shift
  timeout 120 "$@" >"$work/said" 2>&1 </dev/null || code=$?
  said=$(cat "$work/said")
  [ "$code" -eq "$expected" ] || fail "$* ended with $code, not $expected: $said"
}
says() { [[ $said == *"$1"* ]] || fail "no '$1' in: $said"; }
screen_says() { grep -Fq -- "$1" "$work/cordond.log" || fail "no '$1' on the first screen: $(cat "$work/cordond.log")"; }

say "the command line"
run 0 "$cordond" --version
says "cordond "
run 0 "$cordond" --help
says "Exit status"
run 2 "$cordond" --nonsense
run 2 "$cordond" -c
run 2 "$cordond" -c "$work/cordond.yaml" surplus
run 1 "$cordond" -c "$work/none.yaml"
says "none.yaml"

say "--check says what would run, and writes nothing"
run 0 "$cordond" --check -c "$work/cordond.yaml"
says "would run 2 workers"
says "first   enforce  serial 7"
says "second  log      serial 8"
[ ! -e "$work/state" ] || fail "a check wrote into the state directory"
[ ! -e "$work/events.jsonl" ] || fail "a check opened the events"
[ ! -e "$work/control.sock" ] || fail "a check opened the control socket"
cp "$work/lists/first.list" "$work/first.list"
echo "# changed after signing" >>"$work/lists/first.list"
run 1 "$cordond" --check -c "$work/cordond.yaml"
says "first.list"
run 1 "$cordond" -c "$work/cordond.yaml"
says "first.list"
cp "$work/first.list" "$work/lists/first.list"

say "the first screen"
start_cordond
wait_until 60 grep -q '# not blocked' "$work/cordond.log" || fail "there is no first screen"
screen_says "listens on  127.0.0.1 port $port, UDP and TCP"
screen_says "127.0.0.1 port $upstream_port  answers ("
screen_says "first   enforce  serial 7"
screen_says "$("$cordon" key show "$work/keys/list-a.pub" | grep -oE '[0-9A-F]{16}' | head -n 1)"
screen_says "$work/events.jsonl"
screen_says "$work/control.sock"
# The command that it names works as it is printed.
named=$(sed -n 's/.*(.cordon \(status .*\).)$/\1/p' "$work/cordond.log")
[ -n "$named" ] || fail "no command to see the status with"
sh -c "'$cordon' $named" >"$work/named" || fail "cordon $named: $(cat "$work/named")"
# The two lines to try do what they say, as they are printed.
tried=$(grep -oE 'dig @[^ ]+ -p [0-9]+ [^ ]+' "$work/cordond.log")
[ "$(wc -l <<<"$tried")" -eq 2 ] || fail "not two lines to try: $tried"
[ "$(sh -c "$(sed -n 1p <<<"$tried") +short")" = 0.0.0.0 ] || fail "the blocked one is not blocked"
[ "$(sh -c "$(sed -n 2p <<<"$tried") +short")" != 0.0.0.0 ] || fail "the other one is blocked"

say "a second one does not start, and names the first"
run 1 "$cordond" -c "$work/cordond.yaml"
says "port $port of 127.0.0.1 is in use: cordond (process $cordond_pid)"
says "cordon status"
ask blocked.test A
expect "rcode NOERROR"
stop_cordond

say "a port that another program holds is named with it, for UDP and TCP alone"
for kind in DGRAM STREAM; do
  python3 - "$port" "$kind" >"$work/holder-$kind.out" <<'PYTHON' &
import socket, sys, time
sock = socket.socket(socket.AF_INET, getattr(socket, "SOCK_" + sys.argv[2]))
if sys.argv[2] == "STREAM": # a connection of the test before may be in TIME_WAIT
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("0.0.0.0", int(sys.argv[1])))
if sys.argv[2] == "STREAM":
    sock.listen()
print("ready", flush=True)
time.sleep(60)
PYTHON
  holder=$!
  pids+=("$holder")
  wait_until 30 grep -q ready "$work/holder-$kind.out" || fail "the holder does not start"
  run 1 "$cordond" -c "$work/cordond.yaml"
  says "(process $holder) holds 0.0.0.0@$port"
  says "server.listen"
  stop "$holder"
done
option[server.listen]="[192.0.2.77@$port]"
write_config
run 1 "$cordond" -c "$work/cordond.yaml"
says "this machine has no such address"
option[server.listen]="[127.0.0.1@$port, \"[::1]@$port\"]"
write_config

say "a kept socket file of one that was killed is no hindrance"
start_cordond
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
[ -S "$work/control.sock" ] || fail "there is no socket file left"
start_cordond
stop_cordond
[ ! -e "$work/control.sock" ] || fail "the socket file outlived the daemon"

say "no network: it starts soon, says so, and answers what is blocked"
starts() { # $took: seconds until the first screen
  : >"$work/cordond.log"
  local began=$SECONDS
  start_cordond
  wait_until 60 grep -q '^try' "$work/cordond.log" || fail "there is no first screen"
  took=$((SECONDS - began))
}
starts
usual=$took # what this machine needs for it now
stop_cordond
silent_port=$(free_port)
start_fake "$silent_port" --mode silent
for servers in "[127.0.0.1@$(free_port)]" "[127.0.0.1@$silent_port]"; do
  option[upstreams.servers]=$servers
  write_config
  starts
  [ "$took" -le $((3 * usual + 4)) ] || fail "the start took $took s, and $usual s with an upstream"
  screen_says "No upstream can be reached"
  ask blocked.test A
  expect "rcode NOERROR" ".*0\.0\.0\.0.*"
  stop_cordond
done
option[upstreams.servers]="[127.0.0.1@$upstream_port]"
write_config

say "a question in flight is answered before the end"
start_cordond
"$cordon" status --socket "$work/control.sock" >/dev/null || true
python3 "$here/ask.py" "$host" "$port" x-delay800.flight.test A >"$work/flight" &
asking=$!
wait_until 30 grep -qi 'x-delay800\.flight' "$work/asked" || fail "no question is in flight"
stop_cordond
wait "$asking"
grep -q '^rcode NOERROR' "$work/flight" || fail "the question in flight was lost: $(cat "$work/flight")"

say "a question that nobody answers does not hold up the end for more than a second or so"
option[upstreams.deadline]=30s # so long it could wait
write_config
ends_soon() {
  local began_stop
  turn=$((turn + 1))
  start_cordond
  python3 "$here/ask.py" "$host" "$port" "x-silent.flight$turn.test" A --timeout 2 >/dev/null &
  asking=$!
  wait_until 30 grep -qi "x-silent\.flight$turn" "$work/asked" || fail "no question is in flight"
  began_stop=$(date +%s%N)
  stop_cordond
  took_ms=$((($(date +%s%N) - began_stop) / 1000000))
  wait "$asking"
  [ "$took_ms" -lt 4000 ]
}
turn=0
once_in 3 ends_soon || fail "the end took $took_ms ms"
unset 'option[upstreams.deadline]'
write_config

say "a second signal ends it at once"
start_cordond
python3 "$here/ask.py" "$host" "$port" x-silent.second.test A --timeout 1 >/dev/null &
asking=$!
wait_until 30 grep -qi 'x-silent\.second' "$work/asked" || fail "no question is in flight"
kill -TERM "$cordond_pid"
wait_until 30 grep -q 'SIGTERM: stopping' "$work/cordond.log"
# Right after the first one, a second may still be taken for the same.
while is_running "$cordond_pid"; do
  kill -TERM "$cordond_pid" 2>/dev/null || true
  sleep 0.02
done
code=0
wait "$cordond_pid" || code=$?
[ "$code" -eq 143 ] || fail "ended with $code, not by the second signal"
wait "$asking"

say "the service manager is told"
python3 - "$work/notify" >"$work/notified" <<'PYTHON' &
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
sock.settimeout(60)
text = ""
while "STOPPING" not in text:
    text = sock.recv(100).decode()
    print(text, flush=True)
PYTHON
manager=$!
pids+=("$manager")
wait_until 30 test -S "$work/notify" || fail "the manager does not start"
NOTIFY_SOCKET="$work/notify" start_cordond
wait_until 30 grep -qx READY=1 "$work/notified" || fail "no READY=1"
stop_cordond
wait "$manager"
grep -qx STOPPING=1 "$work/notified" || fail "no STOPPING=1"

if [ "$(id -u)" -eq 0 ]; then
  say "rights are dropped once the ports are open; reload, events and state work without them"
  # The folder above is root's alone: one that another user may enter.
  chmod 711 "$work"
  chmod -R a+rX "$work/lists" "$work/keys"
  chmod a+r "$work/cordond.yaml"
  option[server.user]=nobody
  option[state.directory]="$work/users/state"
  option[events.to]="$work/users/events.jsonl"
  option[control.socket]="$work/users/run/control.sock"
  mkdir "$work/users"
  chown nobody "$work/users"
  write_config
  chmod a+r "$work/cordond.yaml"
  start_cordond
  # shellcheck disable=SC2013 # words are meant
  for id in $(sed -n 's/^[UG]id://p' "/proc/$cordond_pid/status"); do
    [ "$id" -ne 0 ] || fail "it still has an id of root"
  done
  grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$cordond_pid/status" || fail "it may gain rights"
  ask blocked.test A
  expect "rcode NOERROR"
  "$cordon" reload --socket "$work/users/run/control.sock" >"$work/reload" 2>&1 ||
    fail "reload: $(cat "$work/reload")"
  [ "$(stat -c '%U %a' "$work/users/run/control.sock")" = "nobody 660" ] || fail "mode of the socket"
  stop_cordond
  [ -s "$work/users/events.jsonl" ] || fail "no events were written"
  ls "$work"/users/state/*.image >/dev/null || fail "no image was kept"
  unset 'option[server.user]'
  option[state.directory]="$work/state"
  option[events.to]="$work/events.jsonl"
  option[control.socket]="$work/control.sock"
  write_config
fi

say "a reload that is asked for while it starts ends nothing, and is done"
option[state.directory]="$work/state-of-early" # made before lists are read
write_config
: >"$work/cordond.log"
starts_left=1
launch_cordond
until [ -e "$work/state-of-early" ]; do is_running "$cordond_pid" || fail "it is gone"; done
kill -HUP "$cordond_pid"
wait_until 60 cordond_is_up || fail "SIGHUP has ended the start"
wait_until 30 grep -q 'reloaded: generation' "$work/cordond.log" || fail "nothing was reloaded"
stop_cordond
option[state.directory]="$work/state"
write_config

say "the folder of lists swapped as a whole is noticed"
mv "$work/lists" "$work/lists-1"
ln -s lists-1 "$work/lists"
start_cordond
ask swapped.test A
expect_not ".*0\.0\.0\.0.*"
# Into the folder that is watched, as one rename: nothing half-written is ever seen.
cp -r "$work/lists-1" "$work/lists-2"
write_list first 9 <<<'block suffix swapped.test'
mkdir "$work/aside"
mv "$work/lists/first.list" "$work/aside/first.list"
sign_list "$work/aside/first.list"
mv "$work"/aside/first.list.*.minisig "$work/lists/"
mv "$work/aside/first.list" "$work/lists/first.list"
is_swapped() { ask swapped.test A && grep -q '0\.0\.0\.0' <<<"$answer"; }
wait_until 60 is_swapped || fail "new files were not noticed: $(tail -n 5 "$work/cordond.log")"
# The folder goes away and comes back with other lists.
mv "$work/lists-1" "$work/lists-gone"
mv "$work/lists-2" "$work/lists-1"
is_back() { ask blocked.test A && grep -q '0\.0\.0\.0' <<<"$answer"; }
wait_until 60 is_back || fail "the folder's return was not noticed: $(tail -n 5 "$work/cordond.log")"
stop_cordond

say "what changes in it while upstreams are tried, and nobody watches yet, is noticed, too"
option[upstreams.servers]="[127.0.0.1@$silent_port]"
write_config
mkdir "$work/next"
cp -r "$work/lists-1" "$work/before"
write_list first 10 <<<'block suffix early.test'
mv "$work/lists/first.list" "$work/next/first.list"
sign_list "$work/next/first.list"
rm -rf "$work/lists-1"
mv "$work/before" "$work/lists-1"
start_cordond
mv "$work"/next/first.list.*.minisig "$work/lists/"
mv "$work/next/first.list" "$work/lists/first.list"
is_early() { ask early.test A && grep -q '0\.0\.0\.0' <<<"$answer"; }
wait_until 15 is_early || fail "new files were not noticed: $(tail -n 5 "$work/cordond.log")"
stop_cordond
