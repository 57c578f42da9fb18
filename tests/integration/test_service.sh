#!/bin/bash
# As a service: what the manager hears, the watchdog, sockets that the manager passes, rights
# given up with a reload inside of them, and the unit files themselves. No systemd is booted.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list first 7 <<<'block suffix blocked.test'
start_fake "$upstream_port" --log "$work/asked"
option[lists.use]='{first: enforce}'
write_config

# A manager: prints each message as one line, newlines as spaces.
: >"$work/notified"
python3 - "$work/notify" >>"$work/notified" 2>"$work/manager.log" <<'PYTHON' &
import socket, sys, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
sock.settimeout(600)
while True:
    print("%.3f" % time.monotonic(), sock.recv(4096).decode().replace("\n", " "), flush=True)
PYTHON
pids+=("$!")
wait_until 30 test -S "$work/notify" || fail "the manager does not start"
heard() { grep -cE -- "^[0-9.]+ $1" "$work/notified" || true; }
has_heard() { [ "$(heard "$1")" -ge "${2:-1}" ]; }

# stop_thread PID NUMBER: stops one worker of the daemon by tracing it, until the id that it
# prints ends. The first thread is the main one, the next the writer, then the workers.
stop_last_thread() {
  python3 - "$1" >"$work/stopped" 2>"$work/tracer.log" <<'PYTHON' &
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
tasks = [int(t) for t in os.listdir(f"/proc/{sys.argv[1]}/task")]
# A worker waits in epoll, as the main thread does, which has the process's own id.
waiting = [t for t in tasks if t != int(sys.argv[1]) and
           open(f"/proc/{sys.argv[1]}/task/{t}/wchan").read().startswith(("ep_", "do_epoll"))]
thread = max(waiting if waiting else tasks)
if libc.ptrace(0x4206, thread, 0, 0) != 0 or libc.ptrace(0x4207, thread, 0, 0) != 0:
    sys.exit("ptrace: %d" % ctypes.get_errno())
os.waitpid(thread, 0x40000000)
print("stopped", thread, flush=True)
time.sleep(60)
PYTHON
  tracer=$!
  pids+=("$tracer")
  wait_until 30 grep -q stopped "$work/stopped" || fail "no thread could be stopped: $(cat "$work/tracer.log")"
}

say "ready, reloading, stopping, and a watchdog that is fed while all workers turn"
export NOTIFY_SOCKET="$work/notify" WATCHDOG_USEC=800000
start_cordond
unset NOTIFY_SOCKET WATCHDOG_USEC
wait_until 30 has_heard 'READY=1 STATUS=generation 1, 1 lists' || fail "no READY: $(cat "$work/notified")"
wait_until 60 has_heard 'WATCHDOG=1' 4 || fail "the watchdog is not fed"
[ "$(heard 'RELOADING=1')" -eq 0 ] || fail "RELOADING without a reload"
monotonic() { python3 -c 'import time; print(time.monotonic())'; }
from=$(monotonic)
reload || fail "reload: $(cat "$work/reload")"
until=$(monotonic)
wait_until 60 has_heard 'RELOADING=1 MONOTONIC_USEC=[0-9]+' || fail "no RELOADING"
wait_until 30 has_heard 'READY=1 STATUS=generation 2' || fail "no READY after the reload"
python3 - "$work/notified" "$from" "$until" <<'PYTHON' || fail "MONOTONIC_USEC is not the time of the reload"
import re, sys
for line in open(sys.argv[1]):
    found = re.match(r"[0-9.]+ RELOADING=1 MONOTONIC_USEC=(\d+)", line)
    if found and not float(sys.argv[2]) <= int(found[1]) / 1e6 <= float(sys.argv[3]):
        sys.exit(1)
PYTHON
echo "nonsense: 1" >>"$work/cordond.yaml"
if reload; then fail "a bad configuration was taken"; fi
wait_until 30 has_heard 'READY=1 STATUS=the reload was refused: .*; still generation 2' ||
  fail "the manager does not know of the refused reload: $(cat "$work/notified")"
write_config

if [ "$(id -u)" -eq 0 ]; then
  say "a worker that is stuck starves the watchdog; one that goes on feeds it again"
  stop_last_thread "$cordond_pid"
  wait_until 60 grep -q 'does not turn its loop' "$work/cordond.log" || fail "nobody noticed"
  said=$(grep -c 'does not turn its loop' "$work/cordond.log")
  is_starved() { # it would be fed every 400 ms; what was sent before may be heard late
    before=$(heard 'WATCHDOG=1')
    sleep 1.2
    [ "$(heard 'WATCHDOG=1')" -eq "$before" ]
  }
  once_in 3 is_starved || fail "the watchdog was fed though a worker is stuck"
  [ "$(grep -c 'does not turn its loop' "$work/cordond.log")" -eq "$said" ] || fail "it is said over and over"
  stop "$tracer"
  wait_until 60 has_heard 'WATCHDOG=1' "$((before + 2))" || fail "the watchdog is not fed again"
fi
stop_cordond
wait_until 60 has_heard 'STOPPING=1' || fail "no STOPPING"

say "a watchdog of another process is none of ours"
: >"$work/notified"
NOTIFY_SOCKET="$work/notify" WATCHDOG_USEC=400000 WATCHDOG_PID=1 start_cordond
wait_until 30 has_heard 'READY=1' || fail "no READY"
sleep 0.6
[ "$(heard 'WATCHDOG=1')" -eq 0 ] || fail "a foreign watchdog was fed"
stop_cordond

# with_sockets KIND@ADDRESS@PORT...: starts cordond with these sockets as a manager would. The
# sockets outlive it in a process of their own, as with systemd, until $holder is stopped.
cat >"$work/activate.py" <<'PYTHON'
import os, socket, sys
socks = []
for what in sys.argv[2:]:
    kind, address, port = what.split("@")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, int(port)))
    if kind == "tcp":
        sock.listen(64)
    socks.append(os.dup2(sock.fileno(), 100 + len(socks), inheritable=False))
while True: # one daemon after the other, for as long as somebody writes a line
    line = sys.stdin.readline()
    if not line:
        break
    child = os.fork()
    if child == 0:
        for number, fd in enumerate(socks):
            os.dup2(fd, 3 + number, inheritable=True)
        os.environ["LISTEN_FDS"] = str(len(socks))
        os.environ["LISTEN_PID"] = str(os.getpid())
        log = os.open(sys.argv[1] + ".log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.execv(os.environ["CORDOND"], [os.environ["CORDOND"], "-c", sys.argv[1]])
    print(child, flush=True)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
PYTHON
with_sockets() {
  rm -f "$work/more" "$work/activated"
  mkfifo "$work/more"
  CORDOND="$cordond" python3 "$work/activate.py" "$work/cordond.yaml" "$@" <"$work/more" >"$work/activated" 2>"$work/holder.log" &
  holder=$!
  pids+=("$holder")
  exec 8>"$work/more"
  echo start >&8
  wait_until 30 test -s "$work/activated" || fail "no child: $(cat "$work/holder.log")"
}

say "sockets that the manager passes are used by every worker, over UDP and TCP, IPv4 and IPv6"
with_sockets "udp@127.0.0.1@$port" "tcp@127.0.0.1@$port" "udp@::1@$port" "tcp@::1@$port"
first=$(head -n 1 "$work/activated")
wait_until 60 answers "$host" "$port" || fail "no answer: $(cat "$work/cordond.yaml.log")"
for at in "$host" ::1; do
  for way in "" +tcp; do
    for _ in 1 2 3 4; do
      [ "$(dig "@$at" -p "$port" +short $way +time=20 +tries=1 blocked.test)" = 0.0.0.0 ] ||
        fail "no answer at $at $way"
    done
  done
done
echo "blocked.test A" >"$work/questions"
dnsperf -s "$host" -p "$port" -d "$work/questions" -n 2000 -c 8 -q 100 -t 30 >"$work/dnsperf" 2>&1
grep -q 'Queries completed: *2000 (100.00%)' "$work/dnsperf" || fail "questions were lost: $(cat "$work/dnsperf")"
grep -q 'service manager has passed sockets' "$work/cordond.yaml.log" || fail "it opened its own"

say "a question that comes while no daemon runs waits for the next one"
kill -TERM "$first"
wait_until 60 grep -qx 'ended 0' "$work/activated" || fail "it did not end well: $(cat "$work/activated")"
dig "@$host" -p "$port" +short +time=60 +tries=1 blocked.test >"$work/waited" &
waiting=$!
dig "@$host" -p "$port" +short +tcp +time=60 +tries=1 blocked.test >"$work/waited-tcp" &
waiting_tcp=$!
sleep 0.5
echo again >&8
for way in "$waiting" "$waiting_tcp"; do wait "$way" || fail "no answer after the restart"; done
for file in waited waited-tcp; do
  [ "$(cat "$work/$file")" = 0.0.0.0 ] || fail "$file: $(cat "$work/$file")"
done
kill -TERM "$(grep -E '^[0-9]+$' "$work/activated" | tail -n 1)"
both_have_ended() { [ "$(grep -cx 'ended 0' "$work/activated")" -eq 2 ]; }
wait_until 60 both_have_ended || fail "it did not end well: $(cat "$work/activated")"
exec 8>&-
wait "$holder" || fail "the holder failed: $(cat "$work/holder.log")"
! grep -hE 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$work/cordond.yaml.log" || fail "a sanitizer's report"

say "a socket that no address of the configuration names is refused, with the way out"
: >"$work/cordond.yaml.log"
other=$(free_port)
with_sockets "udp@127.0.0.1@$other" "tcp@127.0.0.1@$other"
wait_until 60 grep -qx 'ended 1' "$work/activated" || fail "it ran: $(cat "$work/activated")"
grep -q "127.0.0.1@$other, which server.listen does not name" "$work/cordond.yaml.log" ||
  fail "no reason: $(cat "$work/cordond.yaml.log")"
exec 8>&-
wait "$holder" || true

say "rights: what is in force is in the status, and a reload works inside"
start_cordond
status_is 's["rights"]["no_new_privs"]["state"] == "on"' || fail "rights: $(status 's["rights"]')"
for step in landlock seccomp capabilities; do
  status_is "s['rights']['$step']['state'] in ('on', 'partly', 'missing')" || fail "$step: $(status 's["rights"]')"
  if status_is "s['rights']['$step']['state'] == 'missing'"; then
    grep -q "rights: $step is not in force" "$work/cordond.log" || fail "$step is missing without a word"
  fi
done
"$cordon" status --socket "$work/control.sock" >"$work/shown" || true
grep -qE '^  user .*; capabilities .*; landlock .*; seccomp ' "$work/shown" || fail "cordon status: $(cat "$work/shown")"
new_list first 8 <<<'block suffix other.test'
reload || fail "reload: $(cat "$work/reload")"
ask other.test A
expect ".*0\.0\.0\.0.*"
if status_is 's["rights"]["landlock"]["state"] == "on"'; then
  mkdir "$work-elsewhere"
  cp "$work"/lists/* "$work-elsewhere/"
  option[lists.directory]="$work-elsewhere"
  write_config
  if reload; then rm -rf "$work-elsewhere"; fail "a folder that is hidden was read"; fi
  rm -rf "$work-elsewhere"
  grep -q 'was not in view when rights were dropped: restart' "$work/reload" "$work/cordond.log" ||
    fail "it is not said why: $(cat "$work/reload")"
  option[lists.directory]="$work/lists"
  write_config
fi
reload || fail "the old folder is not read again: $(cat "$work/reload")"
stop_cordond

# starts_without STEP OPTION...: cordond under deny.py; the step is missing, with one line in the log
# that says why, in the status for programs and for people, and all else goes on.
starts_without() {
  local step=$1 other
  shift
  : >"$work/cordond.log"
  python3 "$here/deny.py" "$@" -- "$cordond" -c "$work/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
  cordond_pid=$!
  pids+=("$cordond_pid")
  wait_until 30 cordond_is_up || fail "without $step: no answer"
  [ "$(grep -cE "warning: rights: $step is not in force \(.+\): .+" "$work/cordond.log")" = 1 ] ||
    fail "without $step: not one line in the log"
  status_is "s['rights']['$step']['state'] == 'missing' and s['rights']['$step']['detail']" ||
    fail "without $step: $(status 's["rights"]')"
  "$cordon" status --socket "$work/control.sock" >"$work/shown" || true
  grep -qE "^  user .*; $step missing \(" "$work/shown" || fail "cordon status: $(cat "$work/shown")"
  for other in server_user capabilities no_new_privs landlock seccomp; do
    [ "$other" != "$step" ] || continue
    if status_is "s['rights']['$other']['state'] == 'missing'"; then
      [[ $other == landlock || "${also_missing:-}" == *$other* ]] || fail "without $step: $other is missing too"
    fi
  done
  ask other.test A
  expect ".*0\.0\.0\.0.*"
  reload || fail "without $step: no reload: $(cat "$work/reload")"
  stop_cordond
}
if [ "$(id -u)" -eq 0 ]; then
  say "each step that is impossible is left out, said once, and shown"
  starts_without capabilities capset=EPERM
  starts_without landlock landlock_create_ruleset=EPERM
  grep -q 'landlock is not in force (Operation not permitted)' "$work/cordond.log" || fail "not why"
  starts_without landlock landlock_create_ruleset=ENOSYS
  grep -q 'landlock is not in force (the kernel has none)' "$work/cordond.log" || fail "not why"
  starts_without seccomp seccomp=EPERM prctl:22=EPERM # PR_SET_SECCOMP
  # The next two need it, but for root.
  also_missing="seccomp landlock" starts_without no_new_privs prctl:38=EPERM # PR_SET_NO_NEW_PRIVS
  say "who is not root stays who he is; root that cannot become another user does not start"
  chmod 711 "$work"
  mkdir "$work/theirs"
  chown 65534 "$work/theirs"
  option[server.user]=root
  option[state.directory]=$work/theirs/state
  option[control.socket]=$work/theirs/control.sock
  option[events.to]=stdout
  write_config
  ln -s "$work/theirs/control.sock" "$work/control.sock"
  starts_without server_user --user 65534
  rm "$work/control.sock"
  option[server.user]=nobody
  write_config
  if python3 "$here/deny.py" setgroups=EPERM -- "$cordond" -c "$work/cordond.yaml" >"$work/second" 2>&1; then fail "it started"; fi
  grep -q "root cannot become user 'nobody' (Operation not permitted): give it" "$work/second" || fail "$(cat "$work/second")"
  unset 'option[server.user]'
  option[state.directory]=$work/state
  option[control.socket]=$work/control.sock
  option[events.to]=$work/events.jsonl
fi

say "server.sandbox: off changes nothing but the user"
option[server.sandbox]=off
write_config
start_cordond
for step in landlock seccomp capabilities; do
  status_is "s['rights']['$step']['state'] == 'off'" || fail "$step: $(status 's["rights"]')"
done
grep -q '^Seccomp:[[:space:]]*0$' "/proc/$cordond_pid/status" || fail "calls are filtered all the same"
stop_cordond

say "the shipped unit files"
for file in cordond.service cordond.socket cordon-update.service cordon-update.timer resolved-port-53.conf cordon.sysusers cordon.tmpfiles cordon.yaml; do
  [ -s "$CORDON_ROOT/deploy/systemd/$file" ] || fail "there is no $file"
done
if command -v systemd-analyze >/dev/null; then
  mkdir "$work/units"
  for unit in cordond.service cordond.socket; do
    sed "s,/usr/sbin/cordond,$cordond,;s,/usr/bin/cordon,$cordon," "$CORDON_ROOT/deploy/systemd/$unit" >"$work/units/$unit"
  done
  sed "s,/usr/bin/cordon-update,$CORDON_BUILD/cordon-update," "$CORDON_ROOT/deploy/systemd/cordon-update.service" >"$work/units/cordon-update.service"
  cp "$CORDON_ROOT/deploy/systemd/cordon-update.timer" "$work/units/"
  systemd-analyze verify --man=no "$work"/units/* >"$work/verified" 2>&1 ||
    fail "systemd-analyze verify: $(cat "$work/verified")"
  [ ! -s "$work/verified" ] || fail "systemd-analyze verify: $(cat "$work/verified")"
  # getifaddrs(3): without it the gate does not know which addresses are this machine's.
  grep -q '^RestrictAddressFamilies=.*\<AF_NETLINK\>' "$CORDON_ROOT/deploy/systemd/cordon-update.service" ||
    fail "cordon-update.service lacks AF_NETLINK"
  # Each call that cordond's own filter allows is one that the unit allows.
  python3 - "$CORDON_ROOT/deploy/systemd/cordond.service" "$CORDON_ROOT/resolver/daemon/filter.c" <<'PYTHON' || fail "see above"
import re, subprocess, sys
unit, source = open(sys.argv[1]).read(), open(sys.argv[2]).read()
def expand(word):
    if not word.startswith("@"):
        return {word.split(":")[0]}
    command = ["systemd-analyze", "--no-pager", "syscall-filter", word]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = set()
    for line in text.splitlines()[1:]:
        line = line.strip()
        if line and not line.startswith("#"):
            found |= expand(line)
    return found
allowed = set()
for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
    names = set().union(*map(expand, line.lstrip("~").split()))
    allowed = allowed - names if line.startswith("~") else allowed | names
used = set(re.findall(r'"(\w+)"', re.search(r"allowed\[\] = \{(.*?)\};", source, re.S)[1]))
used |= set(re.findall(r'\{"(\w+)",', re.search(r"conditions\[\] = \{(.*?)\};", source, re.S)[1]))
if len(used) < 100 or len(allowed) < 100:
    sys.exit("the unit or the filter was not understood")
if used - allowed:
    sys.exit("SystemCallFilter= of the unit lacks " + " ".join(sorted(used - allowed)))
PYTHON
  systemd-analyze security --offline=true --no-pager "$CORDON_ROOT/deploy/systemd/cordond.service" >"$work/exposure" 2>&1 ||
    fail "systemd-analyze security: $(tail -n 3 "$work/exposure")"
  exposure=$(sed -n 's/.*Overall exposure level for cordond.service: \([0-9.]*\).*/\1/p' "$work/exposure")
  # 0.1 of it is for a lower priority of what takes long, which the daemon's own filter bounds to that.
  python3 -c 'import sys; sys.exit(not float(sys.argv[1]) <= 1.6)' "$exposure" || fail "exposure $exposure is over 1.6"
  say "exposure level $exposure"
fi
