#!/bin/bash
# The service under a real systemd, in a machine of its own (systemd-nspawn, Debian, no network but
# loopback): start, reload, crash, watchdog, restart and upgrade under load, socket activation, port 53
# freed from systemd-resolved, stop; the updater by its timer, and its lists in the running cordond. Run by `tests/run --service`, as root.
# CORDON_NSPAWN_ROOT names a folder with the machine's files, from an earlier run or elsewhere: it is
# copied; without it mmdebstrap makes one, and keeps it there if the folder does not exist yet.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || fail "this test needs root"
for program in mmdebstrap systemd-nspawn nsenter; do
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages image installs it"
done
cd "$CORDON_ROOT"
root=$work/root
packages=systemd,systemd-sysv,dbus,systemd-resolved,bind9-dnsutils,dnsperf,nsd,procps,iproute2
say "a machine"
if [ -n "${CORDON_NSPAWN_ROOT:-}" ] && [ -d "$CORDON_NSPAWN_ROOT" ]; then
  cp -a "$CORDON_NSPAWN_ROOT" "$root"
else
  mmdebstrap --variant=minbase --include="$packages" bookworm "$root" >"$work/mmdebstrap.log" 2>&1 ||
    fail "mmdebstrap: $(tail "$work/mmdebstrap.log")"
  if [ -n "${CORDON_NSPAWN_ROOT:-}" ]; then cp -a "$root" "$CORDON_NSPAWN_ROOT"; fi
fi
: >"$root/etc/machine-id"
# As a package NSD would take port 53.
ln -sf /dev/null "$root/etc/systemd/system/nsd.service"
DESTDIR=$root cmake --install "$CORDON_BUILD" >"$work/install.log" 2>&1 || fail "$(tail "$work/install.log")"
# Libraries that the machine does not have already are those of this one.
ldd "$cordond" "$cordon" "$CORDON_BUILD/cordon-update" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u | while read -r library; do
  [ -e "$root$library" ] || cp -L "$library" "$root/usr/lib/"
done
grep -q '^ExecStart=/usr/sbin/cordond ' "$root/usr/lib/systemd/system/cordond.service" ||
  fail "$CORDON_BUILD is not made for /usr: tests/run --service does it (CMAKE_INSTALL_PREFIX)"
sed -i 's/^server:/http:\n  listen: 127.0.0.1@9153\nupstreams:\n  servers: [127.0.0.9@5353]\nserver:/' "$root/etc/cordon/cordon.yaml"
mkdir -p "$root/srv/nsd" "$root/etc/systemd/system/cordond.service.d"
cat >"$root/srv/nsd/nsd.conf" <<'NSD'
server:
  ip-address: 127.0.0.9@5353
  username: ""
  chroot: ""
  database: ""
  pidfile: ""
  zonelistfile: "/run/nsd-zones"
  xfrdfile: "/run/nsd-xfrd"
  xfrdir: "/run"
  zonesdir: "/srv/nsd"
  server-count: 1
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "test"
  zonefile: "test.zone"
NSD
# shellcheck disable=SC2016 # words of zone files
printf '$ORIGIN test.\n$TTL 1\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.9\n* A 192.0.2.1\n' >"$root/srv/nsd/test.zone"
for i in $(seq 1 300); do echo "www.myhuaweicloud.com A"; echo "n$i.test A"; done >"$root/srv/questions"
# Waiting for half a minute shows no more than waiting for three seconds.
printf '[Service]\nWatchdogSec=3\n' >"$root/etc/systemd/system/cordond.service.d/test.conf"

say "it boots"
start nspawn systemd-nspawn --quiet -D "$root" --machine="cordon-test-$$" --private-network --boot --register=no --keep-unit \
  --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
  --link-journal=no --console=pipe --kill-signal=SIGRTMIN+4
nspawn=$started
leader=
find_leader() { leader=$(pgrep -P "$nspawn" -x systemd); } # another child comes before it, and goes
wait_until 20 find_leader || fail "no machine: $(cat "$work/nspawn.log")"
inside() { nsenter -t "$leader" -m -u -i -n -p -C -- "$@"; }
is_booted() { [[ $(inside systemctl is-system-running 2>&1 | tee "$work/boot.log") =~ ^(running|degraded)$ ]]; }
wait_until 90 is_booted || fail "it does not boot: $(tail "$work/nspawn.out" "$work/nspawn.log")"
inside systemd-sysusers
inside systemd-tmpfiles --create
inside systemctl daemon-reload
inside systemd-run --quiet --unit upstream nsd -d -c /srv/nsd/nsd.conf
journal() { inside journalctl -u cordond -o cat --no-pager; }
# Not by a pipe: grep -q ends before journalctl does, which then fails.
journal_says() { journal >"$work/journal.txt"; grep -qiE -- "$1" "$work/journal.txt"; }
is_active() { [ "$(inside systemctl is-active "$1")" = active ]; }
show() { inside systemctl show cordond -p "$1" --value; }
answered() { [ "$(inside dig @127.0.0.1 +short +time=3 +tries=1 "$@")" = 0.0.0.0 ]; }
forwards() { [ "$(inside dig @127.0.0.1 +short +time=3 +tries=1 "$1.test")" = 192.0.2.1 ]; }
failed() { fail "$1: $(inside systemctl status cordond --no-pager -n 0 || true; journal | tail -n 20)"; }

say "start: ready means ready"
inside systemctl enable --now cordond || failed "it does not start"
is_active cordond || failed "not active"
answered myhuaweicloud.com || failed "a listed name is not blocked"
answered +tcp @::1 myhuaweicloud.com || failed "not over TCP and IPv6"
forwards first || failed "nothing is forwarded"
[[ $(show StatusText) == generation* ]] || failed "no status: $(show StatusText)"
inside cordon status >"$work/status.txt" || true
grep -qE '^  user cordon; .*capabilities on .*no_new_privs on; landlock (on|missing) .*seccomp on' "$work/status.txt" ||
  fail "rights: $(cat "$work/status.txt")"
sed -n 's/^  user /   rights: /p' "$work/status.txt"

# What the unit and cordond itself allow is enough for HTTP too.
# shellcheck disable=SC2016 # expanded inside
http() { inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/9153 && printf "GET $0 HTTP/1.0\r\n\r\n" >&3 && cat <&3' "$1"; }
is_ready() { [[ $(http /readyz) == "HTTP/1."?" 200 "* ]]; }
wait_until 20 is_ready || failed "not ready: $(http /readyz)"
[[ $(http /metrics) == *cordon_* ]] || failed "no metrics"

say "reload: systemctl fails with the reason if the new files are refused"
inside systemctl reload cordond || failed "no reload"
echo "nonsense: 1" >>"$root/etc/cordon/cordon.yaml"
if inside systemctl reload cordond; then failed "nonsense was taken"; fi
sed -i '/^nonsense/d' "$root/etc/cordon/cordon.yaml"
inside systemctl reload cordond || failed "no reload"
answered myhuaweicloud.com || failed "no answer"

say "crash: systemd starts it again"
first=$(show MainPID)
inside kill -9 "$first"
is_another() { [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ] && is_active cordond; }
wait_until 20 is_another "$first" || failed "not started again"
answered myhuaweicloud.com || failed "no answer after a crash"
journal_says 'kept [0-9]+ sockets since the last start' || failed "its sockets were not kept"
for _ in $(seq 12); do
  first=$(show MainPID)
  inside kill -9 "$first"
  wait_until 20 is_another "$first" || failed "given up"
done
answered myhuaweicloud.com || failed "no answer after 12 crashes in a row"

say "watchdog: one that stands still is replaced"
second=$(show MainPID)
inside kill -STOP "$second"
wait_until 40 is_another "$second" || failed "not replaced"
journal_says 'watchdog' || failed "nothing about the watchdog"
answered myhuaweicloud.com || failed "no answer after the watchdog"

# load NAME OPTION...: dnsperf in the machine until end_loads; its output is $work/NAME.
loads=()
load() {
  local name=$1
  shift
  rm -f "$root/srv/$name.pid"
  # shellcheck disable=SC2016 # expanded inside
  inside sh -c 'echo $$ >"/srv/$0.pid"; exec dnsperf "$@"' "$name" -d /srv/questions -l 600 -t 15 "$@" >"$work/$name" 2>&1 &
  pids+=("$!")
  loads+=("$name:$!")
  wait_until 10 test -s "$root/srv/$name.pid" || fail "no load"
}
end_loads() {
  local entry name
  for entry in "${loads[@]}"; do inside kill -INT "$(cat "$root/srv/${entry%%:*}.pid")"; done
  for entry in "${loads[@]}"; do
    name=${entry%%:*}
    wait "${entry#*:}" || failed "dnsperf: $(cat "$work/$name")"
    grep -E 'Queries (sent|lost)' "$work/$name" | sed "s/^ */   $name /"
    grep -E 'Average Latency' "$work/$name" | head -n 1 | sed "s/^ */   $name /"
    grep -qE 'Queries lost: +0 ' "$work/$name" || failed "questions were lost: $(cat "$work/$name")"
    if grep -qE 'SERVFAIL|REFUSED|rror' "$work/$name"; then failed "$(cat "$work/$name")"; fi
  done
  loads=()
}

# restarts N RATE: so many `systemctl restart` with a new program each under load; none may be lost.
restarts() {
  local i began_ns at
  load udp -s 127.0.0.1 -Q "$2" -q 20000 -c 16
  load udp6 -s ::1 -Q 100 -q 2000 -c 4
  load tcp -s 127.0.0.1 -Q 300 -q 1000 -c 8 -m tcp
  sleep 1
  for ((i = 1; i <= $1; i++)); do
    # An upgrade: another file under the name, as a package does it.
    cp "$root/usr/sbin/cordond" "$root/usr/sbin/cordond.new"
    mv "$root/usr/sbin/cordond.new" "$root/usr/sbin/cordond"
    at=$(show MainPID)
    began_ns=$(date +%s%N)
    inside systemctl restart cordond || failed "no restart"
    echo "   restart $i took $((($(date +%s%N) - began_ns) / 1000000)) ms"
    is_another "$at" || failed "the same process"
    [ "$(inside stat -L -c %i "/proc/$(show MainPID)/exe")" = "$(stat -c %i "$root/usr/sbin/cordond")" ] ||
      failed "the old program runs"
    sleep 1
  done
  end_loads
}

say "restart and upgrade under load: the store keeps the sockets, no question is lost"
# As many as fit into a socket of the usual size, 208 KiB, in half a second.
restarts "${CORDON_RESTARTS:-3}" 400
say "the same with 2,000 questions a second, if this machine grants larger sockets"
if [ "$(cat /proc/sys/net/core/rmem_max)" -ge 4194304 ]; then restarts "${CORDON_RESTARTS:-3}" 2000; else echo "   left out: net.core.rmem_max is less than 4194304"; fi
[ "$(show NRestarts)" -le 14 ] || failed "it was started again more often than the test had asked for"

say "stop: nothing is kept, the ports are free"
inside systemctl stop cordond
[ "$(inside systemctl is-active cordond)" = inactive ] || failed "not inactive"
[ "$(show NFileDescriptorStore)" = 0 ] || failed "descriptors are kept"
if inside ss -Hlun 'sport = :53' | says -E '127\.0\.0\.1:53 |\[::1\]:53 '; then failed "a port is held"; fi

say "socket activation: the first question starts it, and a restart under load loses none"
inside systemctl disable cordond 2>/dev/null
inside systemctl enable --now cordond.socket
! is_active cordond || failed "it runs already"
wait_until 20 answered myhuaweicloud.com || failed "no answer"
is_active cordond || failed "the question did not start it"
journal_says 'service manager has passed sockets' || failed "it opened its own"
restarts "${CORDON_RESTARTS:-3}" 2000
inside systemctl stop cordond.socket cordond
inside systemctl disable cordond.socket 2>/dev/null

say "port 53 is held by systemd-resolved: said by name, and the drop-in frees it"
is_active systemd-resolved || fail "there is no systemd-resolved in the machine"
sed -i 's/^  listen: \[.*/  listen: [0.0.0.0]/' "$root/etc/cordon/cordon.yaml"
if inside systemctl start cordond; then failed "it started beside systemd-resolved"; fi
journal_says 'in use: .*systemd-resolve' || failed "it does not name who holds the port"
journal_says 'DNSStubListener=no' || failed "it does not say how to get it back"
inside systemctl stop cordond
mkdir -p "$root/etc/systemd/resolved.conf.d"
cp "$root/usr/share/doc/cordon/examples/resolved-port-53.conf" "$root/etc/systemd/resolved.conf.d/cordon.conf"
inside ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf
inside systemctl restart systemd-resolved
inside systemctl reset-failed cordond || true # if it is between two attempts
inside systemctl start cordond || failed "the port is not free"
is_active systemd-resolved || fail "systemd-resolved does not run any more"
answered myhuaweicloud.com || failed "no answer"
inside systemctl stop cordond

say "the updater: no source at first, then by its timer, and cordond takes up what it puts in force"
inside systemctl reset-failed cordond || true
make_keys root-a root-b list-a list-b
pub() { printf '%s/keys/%s.pub' "$work" "$1"; }
"$cordon" root make --publisher test --title "Lists of a test" --created 2026-01-01 --expires 2099-01-01 \
  --root-keys "$(pub root-a),$(pub root-b)" --list-keys "$(pub list-a),$(pub list-b)" "$work/lists" >/dev/null
for key in root-a root-b; do "$cordon" root sign --key "$work/keys/$key.key" "$work/lists/1.root" >/dev/null; done
cp "$work"/lists/1.root* "$root/etc/cordon/"
publish() { # SERIAL NAME: in the folder from which the machine fetches
  new_list one "$1" <<<"block suffix $2"
  "$cordon" catalogue make --publisher test --serial "$1" --expires 2099-01-01 "$work/lists" >/dev/null
  rm -f "$work/lists"/catalogue.*.minisig
  for key in list-a list-b; do "$cordon" catalogue sign --key "$work/keys/$key.key" "$work/lists/catalogue" >/dev/null; done
  rm -rf "$root/srv/mirror"
  cp -r "$work/lists" "$root/srv/mirror"
}
configure() { # SOURCE
  cat >"$root/etc/cordon/cordon.yaml" <<YAML
server: {listen: [127.0.0.1, "::1"]}
upstreams: {servers: [127.0.0.9@5353]}
lists: {directory: /var/lib/cordon-update/test/current, use: {one: enforce}}
trust: {root: /etc/cordon/1.root}
audit: {queries: on, block-time: 1s}
update: {sources: [$1], connect: 2s, gate: {small: 10}}
YAML
}
updater() { inside systemctl show cordon-update -p "$1" --value; }
updated() { fail "$1: $(inside systemctl status cordon-update --no-pager -n 0 || true; inside journalctl -u cordon-update -o cat --no-pager | tail -n 20)"; }
publish 1 one.test
configure https://192.0.2.1/lists
if inside systemctl start cordon-update; then updated "a source that is not there was reached"; fi
[ "$(updater ExecMainStatus)" = 3 ] || updated "status $(updater ExecMainStatus), not 3"
[ "$(updater SubState)" = auto-restart ] || updated "it does not try again soon, but is $(updater SubState)"
inside systemctl stop cordon-update
configure /srv/mirror
inside systemctl start cordon-update || updated "no first run"
[ "$(updater ExecMainStatus) $(updater SubState)" = "0 dead" ] || updated "not done"
inside systemctl start cordond || failed "it does not start on what was fetched"
answered a.one.test || failed "what was fetched is not in force"
forwards a.two || failed "nothing is forwarded"
is_recorded() { [ -n "$(find "$root/var/lib/cordon/audit" -name '*.cordon' -size +1k)" ]; }
wait_until 20 is_recorded || failed "no question is recorded"
mkdir -p "$root/etc/systemd/system/cordon-update.timer.d"
printf '[Timer]\nOnActiveSec=1s\nAccuracySec=100ms\nRandomizedDelaySec=0\n' >"$root/etc/systemd/system/cordon-update.timer.d/test.conf"
publish 2 two.test
inside systemctl daemon-reload
inside systemctl enable --now cordon-update.timer 2>/dev/null || fail "no timer"
wait_until 60 answered a.two.test || updated "the timer has brought nothing into force"
forwards a.one || failed "the list before is still in force"
inside cordon update history --json -c /etc/cordon/cordon.yaml >"$work/history.json" || fail "no history: $(cat "$work/history.json")"
python3 - "$work/history.json" <<'PYTHON' || fail "$(tail -n 1 "$work/history.json")"
import json, sys
run = [json.loads(line) for line in open(sys.argv[1])][-1]
assert run["outcome"] == "activated" and run["to"]["catalogue"] == 2 and run["user"] == "cordon-update", run
replay = [check for check in run["gate"]["checks"] if check["check"] == "replay"][0]
print("   replay:", replay["verdict"], replay["words"])
assert replay["verdict"] != "skipped", replay # it may read the audit log
PYTHON
inside cordon update status -c /etc/cordon/cordon.yaml >"$work/status.txt" || fail "$(cat "$work/status.txt")"
# It reads the log, and nothing else of cordond's; strangers read none of it.
as() { inside setpriv --reuid "$1" --regid "$2" "${@:3}"; }
as_updater() { as cordon-update cordon-update --init-groups -- "$@"; }
as_nobody() { as nobody nogroup --clear-groups -- "$@"; }
as_nobody true || fail "nobody can do nothing"
as_updater test -r /var/lib/cordon/audit/0000000001.cordon || fail "the updater cannot read the log"
for path in /var/lib/cordon /var/lib/cordon/audit.key /var/lib/cordon/audit/lock /var/lib/cordon/trust.ratchet /run/cordon /var/log/cordon; do
  if as_updater test -r "$path"; then fail "the updater can read $path"; fi
done
for path in /var/lib/cordon /var/lib/cordon/audit /var/lib/cordon/audit/0000000001.cordon /var/lib/cordon/audit.key /var/lib/cordon-update/journal; do
  if as_nobody test -r "$path"; then fail "anybody can read $path"; fi
done
# By hand, as root: what it makes is the updater's.
publish 3 three.test
inside cordon update -c /etc/cordon/cordon.yaml >"$work/update.txt" 2>&1 || fail "by hand: $(cat "$work/update.txt")"
wait_until 20 answered a.three.test || failed "not in force"
roots=$(inside find /var/lib/cordon-update ! -user cordon-update ! -type l) # but for the link of tmpfiles.d
[ -z "$roots" ] || fail "root's: $roots"
inside systemctl stop cordon-update.timer cordond

journal >"$work/journal.txt"
if grep -qE 'invariant|Sanitizer|core dumped' "$work/journal.txt"; then fail "$(grep -E 'invariant|core dumped' "$work/journal.txt")"; fi
