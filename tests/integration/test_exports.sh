#!/usr/bin/env bash
# Exports of verified lists in the real programs of Debian, before a real NSD: each is asked for listed names, and
# for parents, siblings and what only looks alike. An export may say less than the lists, and tells so; it may
# never block what they let through. And an RPZ zone that comes back is the list it was made of.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
write_list alpha 2026112207 <<'RULES'
block suffix blocked.test
pass suffix free.blocked.test
block suffix bad.free.blocked.test
pass exact lone.blocked.test
block suffix watched.blocked.test action=log
block suffix gone.test action=nxdomain
pass suffix a.b.gone.test
block suffix empty.test action=nodata
block suffix refused.test action=refused
block exact only.test
block below under.test
block suffix led.test action=redirect:stop.open.test
block suffix watched.test action=log
block prefix 192.0.2.0/24
pass prefix 192.0.2.9/32
block prefix 127.0.0.64/26 action=nodata trigger=client
pass prefix 127.0.0.66/32 trigger=client ends=chain
RULES
write_list beta 2026112208 <<'RULES'
pass suffix beta.blocked.test
block suffix dropped.test action=drop
RULES
sign_list "$work/lists/alpha.list"
sign_list "$work/lists/beta.list"

mkdir -p "$work/zones"
cat >"$work/zones/test.zone" <<'ZONE'
$ORIGIN test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
* A 198.51.100.1
* TXT "upstream"
stop.open A 198.51.100.9
*.open A 198.51.100.1
alias.open CNAME edge.blocked
inside.open A 192.0.2.7
nearby.open A 192.0.2.9
ZONE
nsd_port=$(free_port)
start_nsd "$nsd_port" test

# A client that is let through with all that it asks is for response policy zones alone: the others are made of the
# same lists without that.
plain_list() {
  mkdir -p "$work/plain"
  sed 's/ trigger=client ends=chain / trigger=client /' "$work/lists/alpha.list" >"$work/plain/alpha.list"
  sign_list "$work/plain/alpha.list"
}

export_as() { # FORMAT PATH [OPTION...]
  local format=$1 path=$2 lists="$work/plain"
  shift 2
  if [ "$format" = rpz ]; then lists="$work/lists"; else plain_list; fi
  "$cordon" list export --format "$format" --keys "$work/keys/list-a.pub" --keys "$work/keys/list-b.pub" \
    --all --output "$path" "$@" "$lists/alpha.list" "$work/lists/beta.list" >"$work/export.out" 2>"$work/export.err" ||
    fail "export $format: $(cat "$work/export.err")"
}

# What cordon would do. A program that cannot, or does otherwise, has its own word in `but`.
rows='
www.open.test open
stop.open.test led
blocked.test sink
a.blocked.test sink
a.b.c.blocked.test sink
notblocked.test open
blocked.test.open.test open
other.test open
free.blocked.test open
x.free.blocked.test open
notfree.blocked.test sink
bad.free.blocked.test sink
y.bad.free.blocked.test sink
lone.blocked.test open
x.lone.blocked.test sink
watched.blocked.test open
x.watched.blocked.test open
beta.blocked.test open
x.beta.blocked.test open
notbeta.blocked.test sink
gone.test nodata
x.gone.test nxdomain
b.gone.test nodata
c.b.gone.test nxdomain
a.b.gone.test open
z.a.b.gone.test open
empty.test nodata
x.empty.test nodata
refused.test refused
x.refused.test refused
only.test sink
x.only.test open
notonly.test open
under.test open
x.under.test sink
y.x.under.test sink
notunder.test open
led.test led
x.led.test led
watched.test open
x.watched.test open
dropped.test drop
nearby.open.test open
alias.open.test sink
inside.open.test sink
'
cat >"$work/verdicts.py" <<'PYTHON'
"""PORT, then rows NAME TYPE WORD on standard input: asks all at once and prints NAME TYPE VERDICT. Waits for answers
as long as it takes, and a second more for those that are to be dropped. What failed is asked again."""
import os, selectors, socket, struct, sys, time

TYPES = {"A": 1, "CNAME": 5, "TXT": 16}
RCODES = {2: "servfail", 3: "nxdomain", 5: "refused"}


def name_at(data, at):
    labels, end = [], None
    while data[at]:
        if data[at] >= 0xC0:
            end = end or at + 2
            at = (data[at] & 0x3F) << 8 | data[at + 1]
        else:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
    return ".".join(labels), end or at + 1


def verdict(data):
    flags, _, answers = struct.unpack(">HHH", data[2:8])
    if flags & 15:
        return RCODES.get(flags & 15, "rcode%d" % (flags & 15))
    at, last = name_at(data, 12)[1] + 4, None
    for _ in range(answers):
        at = name_at(data, at)[1]
        kind, _, _, size = struct.unpack(">HHIH", data[at:at + 10])
        rdata, start, at = data[at + 10:at + 10 + size], at + 10, at + 10 + size
        if kind == TYPES["A"]:
            last = socket.inet_ntoa(rdata)
        elif kind == TYPES["CNAME"]:
            last = name_at(data, start)[0]
        elif kind == TYPES["TXT"]:
            last = "text"
    if last is None:
        return "nodata"
    known = {"0.0.0.0": "sink", "198.51.100.9": "led", "stop.open.test": "led", "text": "open",
             "edge.blocked.test": "cut"}  # the alias, and no address
    if last.startswith(("198.51.100.", "192.0.2.")):
        known.setdefault(last, "open")
    return known.get(last, "odd:" + last)


rows = [line.split() for line in sys.stdin if line.strip()]
selector, found, questions, again = selectors.DefaultSelector(), {}, {}, {}
for number, (name, kind, _) in enumerate(rows):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", int(sys.argv[1])))
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    questions[number] = os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + question + struct.pack(">BHH", 0, TYPES[kind], 1)
    sock.send(questions[number])
    selector.register(sock, selectors.EVENT_READ, number)
end = time.monotonic() + 15
while len(found) < len(rows) and time.monotonic() < end:
    if all(number in found or row[2] == "drop" for number, row in enumerate(rows)):
        end = min(end, time.monotonic() + 1)
    for key, _ in selector.select(0.1):
        try:
            got = verdict(key.fileobj.recv(4096))
            if got == "servfail" and rows[key.data][2] != got and again.setdefault(key.data, 0) < 5:
                again[key.data] += 1 # it had no answer in time
                key.fileobj.send(questions[key.data])
            else:
                found.setdefault(key.data, got)
        except ConnectionRefusedError:
            pass
for number, (name, kind, _) in enumerate(rows):
    print(name, kind, found.get(number, "drop"))
PYTHON
# shellcheck disable=SC2154 # front is set for each program
verdict() { # NAME [TYPE [WORD]]
  echo "$1 ${2:-A} ${3:-open}" | python3 "$work/verdicts.py" "$front" | cut -d' ' -f3
}
is_up() { [ "$(verdict www.open.test A drop)" = open ]; }
# table PROGRAM: all rows, with what this program says otherwise.
declare -A but
table() {
  local name word
  wait_until 60 is_up || fail "$1 does not answer"
  while read -r name word; do
    if [ -n "$name" ]; then echo "$name A ${but[$name]:-$word}"; fi
  done <<<"$rows" >"$work/meant"
  but=()
  python3 "$work/verdicts.py" "$front" <"$work/meant" >"$work/said"
  diff "$work/meant" "$work/said" >"$work/differ" || fail "$1: meant (<), said (>): $(cat "$work/differ")"
}
also() { # NAME TYPE WORD
  local got
  got=$(verdict "$1" "$2" "$3")
  [ "$got" = "$3" ] || fail "$1 $2: '$got' instead of '$3'"
}
# from PORT CLIENT NAME WORD: what a client of this address gets.
from() {
  local word
  kdig @127.0.0.1 -p "$1" -b "$2" +timeout=5 +retry=1 "$3" A >"$work/from"
  word=$(sed -n 's/.*[[:space:]]A[[:space:]]\([0-9.]*\)$/\1/p' "$work/from" | head -1)
  [ -n "$word" ] || word=$(sed -n 's/.*status: \([A-Z]*\).*/\1/p' "$work/from")
  [ "$word" = "$4" ] || fail "$3 for $2: '$word' instead of '$4': $(cat "$work/from")"
}
clients() { # [WORD for one that is let through, and asks for a blocked name]
  from "$front" 127.0.0.65 one.open.test NOERROR # one that is blocked
  from "$front" 127.0.0.66 two.open.test 198.51.100.1 # one that is let through
  from "$front" 127.0.0.66 c.blocked.test "${1:-198.51.100.1}"
  from "$front" 127.0.0.9 blocked.test 0.0.0.0
}
# Programs that look at the name asked and at nothing else.
names_only() { but[alias.open.test]=open; but[inside.open.test]=open; }
skipped=
has() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null && return
  say "$1 is not here: skipped (Debian's $2; tools/packages test installs it)"
  skipped="$skipped $1"
  return 1
}
told() { grep -Fq -- "$1" "$work/export.err" || fail "not told: $1: $(cat "$work/export.err")"; }

say "the zones, and what they cannot say"
export_as rpz "$work/rpz"
told 'alpha.list:'
told 'block suffix refused.test action=refused: blocks with another answer'
told 'block suffix watched.test action=log: lets through, but the format records nothing'
grep -q '^; alpha serial 2026112207: ' "$work/rpz/alpha.rpz" || fail "no serial"
grep -q '^;   source alpha.list, BLAKE2b-256 (b2sum -l 256) '"$(b2sum -l 256 "$work/lists/alpha.list" | cut -d' ' -f1)" \
  "$work/rpz/alpha.rpz" || fail "the digest is not that of the list"
grep -q 'SOA localhost. hostmaster.localhost. 2026112208 ' "$work/rpz/beta.rpz" || fail "the serial of beta"
cp -r "$work/rpz" "$work/rpz.first"
export_as rpz "$work/rpz"
diff -r "$work/rpz" "$work/rpz.first" || fail "two exports differ"

if has named bind9; then
  say "BIND, response policy zones"
  front=$(free_port); mkdir "$work/bind"
  cat >"$work/bind/named.conf" <<CONF
options {
  directory "$work/bind"; pid-file none; session-keyfile none; managed-keys-directory "$work/bind";
  listen-on port $front { 127.0.0.1; }; listen-on-v6 { none; };
  recursion yes; allow-query { 127.0.0.0/8; }; dnssec-validation no; empty-zones-enable no;
  forwarders { 127.0.0.1 port $nsd_port; }; forward only;
  include "$work/rpz/bind-options.conf";
};
controls { };
include "$work/rpz/bind-zones.conf";
CONF
  start named named -g -c "$work/bind/named.conf"
  but[refused.test]=nodata; but[x.refused.test]=nodata
  table BIND
  also blocked.test TXT nodata
  clients
  # The basis is in the answer: the zone by its SOA, with name and serial.
  kdig @127.0.0.1 -p "$front" x.gone.test A >"$work/kdig"
  grep -Eq '^alpha\.authority-of-the-tests\.rpz\.cordon\.internal\..*SOA.* 2026112208 ' "$work/kdig" ||
    fail "no SOA of the zone: $(cat "$work/kdig")"
fi

if has unbound unbound; then
  say "Unbound, response policy zones"
  front=$(free_port)
  unbound_conf() { # FILE INCLUDE MODULES
    cat >"$1" <<CONF
server:
  interface: 127.0.0.1@$front
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: ""
  use-syslog: no
  verbosity: 1
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "$3"
remote-control:
  control-enable: no
include: "$2"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$nsd_port
CONF
  }
  unbound_conf "$work/unbound-rpz.conf" "$work/rpz/unbound.conf" "respip iterator"
  start unbound-rpz unbound -d -c "$work/unbound-rpz.conf"
  but[refused.test]=nodata; but[x.refused.test]=nodata
  but[alias.open.test]='cut'
  table "Unbound with RPZ"
  # A client that is let through is that alone here: its questions are decided by their names.
  clients 0.0.0.0

  say "Unbound, local zones"
  front=$(free_port)
  export_as unbound "$work/unbound-zones.conf"
  told 'block below under.test: left out'
  told 'pass exact lone.blocked.test: lets more through than it says'
  unbound_conf "$work/unbound.conf" "$work/unbound-zones.conf" iterator
  start unbound unbound -d -c "$work/unbound.conf"
  names_only
  but[x.lone.blocked.test]=open; but[x.under.test]=open; but[y.x.under.test]=open
  but[x.gone.test]=nodata; but[c.b.gone.test]=nodata # told: what is let through below
  table "Unbound with local zones"
  also only.test TXT nodata
  also x.only.test TXT open
  wait_until 30 grep -q 'watched.test. inform' "$work/unbound.log" || fail "Unbound records nothing"
fi

if has pdns_recursor pdns-recursor; then
  say "PowerDNS Recursor, response policy zones"
  front=$(free_port); mkdir "$work/recursor"
  cat >"$work/recursor/recursor.conf" <<CONF
local-address=127.0.0.1
local-port=$front
socket-dir=$work/recursor
daemon=no
disable-syslog=yes
threads=1
disable-packetcache=yes
dnssec=off
security-poll-suffix=
forward-zones-recurse=.=127.0.0.1:$nsd_port
lua-config-file=$work/rpz/recursor.lua
CONF
  start recursor pdns_recursor --config-dir="$work/recursor"
  but[refused.test]=nodata; but[x.refused.test]=nodata
  table "PowerDNS Recursor"
  clients
  from "$front" 127.0.0.65 again.open.test NOERROR # the same name: without the packet cache, which
  from "$front" 127.0.0.66 again.open.test 198.51.100.1 # does not tell clients apart
  kdig @127.0.0.1 -p "$front" +edns a.blocked.test A >"$work/kdig"
  grep -q 'alpha serial 2026112207, designated' "$work/kdig" || fail "no Extended DNS Error: $(cat "$work/kdig")"
fi

if has kresd knot-resolver; then
  say "Knot Resolver, response policy zones (names asked)"
  front=$(free_port); mkdir "$work/kresd"
  cat >"$work/kresd/config" <<LUA
net.listen('127.0.0.1', $front, {kind = 'dns'})
cache.size = 8 * MB
trust_anchors.remove('.')
modules = {'policy'}
dofile('$work/rpz/kresd.lua')
policy.add(policy.all(policy.FORWARD('127.0.0.1@$nsd_port')))
LUA
  start kresd kresd -n -c "$work/kresd/config" "$work/kresd"
  names_only
  but[refused.test]=nodata; but[x.refused.test]=nodata
  but[dropped.test]=servfail               # its way to drop
  but[led.test]=open; but[x.led.test]=open # it knows no redirects, and says so
  table "Knot Resolver"
  wait_until 30 grep -q 'CNAME with custom target in RPZ is not supported' "$work/kresd.log" || fail "Knot Resolver says nothing of redirects"
fi

if has dnsdist dnsdist; then
  say "dnsdist, the constant database"
  front=$(free_port)
  export_as cdb "$work/cordon.cdb"
  cat >"$work/dnsdist.conf" <<LUA
setLocal('127.0.0.1:$front')
newServer{address = '127.0.0.1:$nsd_port', healthCheckMode = 'up'}
dofile('$CORDON_ROOT/deploy/exports/dnsdist-cdb.lua')
cordonDatabase{file = '$work/cordon.cdb', refresh = 1}
LUA
  start dnsdist dnsdist --supervised --disable-syslog -C "$work/dnsdist.conf"
  names_only
  table dnsdist
  also blocked.test TXT nodata
  wait_until 30 grep -q 'cordon: a.blocked.test.: sinkhole by alpha serial 2026112207, designated: Entity of alpha' "$work/dnsdist.out" ||
    fail "dnsdist does not tell a block: $(tail -3 "$work/dnsdist.out")"
  wait_until 30 grep -q 'cordon: watched.test.: log by alpha' "$work/dnsdist.out" || fail "dnsdist does not tell what is only recorded"

  say "dnsdist, plain domains as suffixes"
  front=$(free_port)
  export_as domains "$work/domains"
  told 'block suffix blocked.test: left out: another rule lets something below through'
  cat >"$work/domains.conf" <<LUA
setLocal('127.0.0.1:$front')
newServer{address = '127.0.0.1:$nsd_port', healthCheckMode = 'up'}
local names = newSuffixMatchNode()
for line in io.lines('$work/domains') do
  if not line:match('^#') then names:add(newDNSName(line)) end
end
addAction(SuffixMatchNodeRule(names), SpoofAction({'0.0.0.0', '::'}))
LUA
  start domains dnsdist --supervised --disable-syslog -C "$work/domains.conf"
  names_only
  for name in blocked a.blocked a.b.c.blocked notfree.blocked notbeta.blocked gone b.gone x.gone c.b.gone only x.under y.x.under; do
    but[$name.test]=open # left out, and told
  done
  for name in empty x.empty refused x.refused led x.led dropped bad.free.blocked y.bad.free.blocked; do
    but[$name.test]=sink # the reader's own answer
  done
  but[x.lone.blocked.test]=open
  table "dnsdist with domains"
fi

if has dnsmasq dnsmasq-base; then
  say "dnsmasq"
  dnsmasq_conf() { # LINE
    printf '%s\n' "port=$front" listen-address=127.0.0.1 bind-interfaces no-resolv no-hosts "pid-file=" "user=$(id -un)" \
      "server=127.0.0.1#$nsd_port" "$1"
  }
  front=$(free_port)
  export_as dnsmasq "$work/dnsmasq-export.conf"
  told 'block suffix refused.test action=refused: blocks with another answer'
  dnsmasq_conf "conf-file=$work/dnsmasq-export.conf" >"$work/dnsmasq.conf"
  start dnsmasq dnsmasq --keep-in-foreground --log-facility=- -C "$work/dnsmasq.conf"
  names_only
  for name in gone b.gone empty x.empty refused x.refused led x.led dropped; do but[$name.test]=sink; done
  table dnsmasq
  also blocked.test TXT nodata
  also only.test TXT nodata
  also x.only.test TXT open

  say "dnsmasq, a hosts file"
  front=$(free_port)
  export_as hosts "$work/hosts"
  told 'blocks the name alone: the format cannot block what is below'
  dnsmasq_conf "addn-hosts=$work/hosts" >"$work/hosts.conf"
  start hosts dnsmasq --keep-in-foreground --log-facility=- -C "$work/hosts.conf"
  names_only
  for name in a.blocked a.b.c.blocked notfree.blocked y.bad.free.blocked x.lone.blocked notbeta.blocked x.gone b.gone \
    c.b.gone x.empty x.refused x.under y.x.under x.led; do
    but[$name.test]=open
  done
  for name in gone empty refused led dropped; do but[$name.test]=sink; done
  table "dnsmasq with a hosts file"
fi

say "Knot DNS gives the zones to whoever has the key"
knot_port=$(free_port); mkdir "$work/knot"
keymgr -t cordon-rpz hmac-sha256 >"$work/knot/key.conf"
sed -e "s,127.0.0.1@5305,127.0.0.1@$knot_port," -e "s,/run/knot,$work/knot,;s,/var/lib/knot,$work/knot," \
  -e "s,/etc/knot/cordon-rpz-key.conf,$work/knot/key.conf,;s,/var/lib/cordon/rpz,$work/rpz," -e 's,target: syslog,target: stderr,' \
  "$CORDON_ROOT/deploy/exports/knot.conf" >"$work/knot/knot.conf"
zone=alpha.authority-of-the-tests.rpz.cordon.internal
transfer() { kdig @127.0.0.1 -p "$knot_port" +timeout=10 +retry=0 "$zone" "$@" >"$work/transfer" 2>&1; }
key() { sed -n '1s/^# //p' "$work/knot/key.conf"; }
start knotd knotd -c "$work/knot/knot.conf"
is_there() { transfer AXFR -y "$(key)" && grep -q '^bad.free.blocked.test' "$work/transfer"; }
wait_until 60 is_there || fail "no transfer with the key: $(cat "$work/transfer")"
grep -q "^x.*SOA\|^$zone.*SOA.* 2026112208 " "$work/transfer" || fail "$(cat "$work/transfer")"
transfer AXFR && fail "a transfer without the key: $(cat "$work/transfer")"
grep -Eq 'NOTAUTH|REFUSED' "$work/transfer" || fail "without the key: $(cat "$work/transfer")"
transfer AXFR -y "hmac-sha256:cordon-rpz:$(printf 'another key of thirty-two octets' | base64)" && fail "a transfer with another key"
# A newer list: only the difference goes over the wire.
sed -i 's/^serial .*/serial 2026112211/;s/^block exact only.test /block exact more.test /' "$work/lists/alpha.list"
sign_list "$work/lists/alpha.list"
export_as rpz "$work/rpz"
grep -q 'is not higher' "$work/export.err" && fail "a higher serial is taken for an old one"
kill -HUP "$started"
has_newer() { transfer "IXFR=2026112208" -y "$(key)" && grep -q '^more.test' "$work/transfer"; }
wait_until 60 has_newer || fail "no difference: $(cat "$work/transfer")"
grep -q '^only.test' "$work/transfer" || fail "what went is not told: $(cat "$work/transfer")"
grep -q '^blocked.test' "$work/transfer" && fail "the whole zone was sent: $(cat "$work/transfer")"
transfer "IXFR=2026112208" && fail "a difference without the key"
# The same serial with another content would stay unnoticed: that is told.
sed -i 's/^block exact more.test /block exact less.test /' "$work/lists/alpha.list"
sign_list "$work/lists/alpha.list"
export_as rpz "$work/rpz"
told 'its serial 2026112211 is not higher: secondaries do not notice'

say "AdGuard has no package in Debian: its rules are held against a model in tests/export"
export_as adguard "$work/adguard"
grep -qx '@@||free.blocked.test^' "$work/adguard" || fail "$(cat "$work/adguard")"

say "a response policy zone as a list: cordond decides as BIND does with the zone"
cat >"$work/foreign.rpz" <<'ZONE'
$TTL 60
@ SOA localhost. hostmaster.localhost. 2026112201 3600 600 604800 60
@ NS localhost.
nx.f.test CNAME .
*.nx.f.test CNAME .
nd.f.test CNAME *.
*.wild.f.test CNAME .
x.wild.f.test A 0.0.0.0
a.ent.wild.f.test CNAME *.
free.wild.f.test CNAME rpz-passthru.
led.f.test CNAME stop.open.test.
drop.f.test CNAME rpz-drop.
24.0.2.0.192.rpz-ip CNAME *.
32.9.2.0.192.rpz-ip CNAME rpz-passthru.
32.71.0.0.127.rpz-client-ip CNAME .
32.72.0.0.127.rpz-client-ip CNAME rpz-passthru.
told.wild.f.test TXT "local data"
ZONE
code=0
"$cordon" list import rpz --id foreign --provider "foreign The Foreigner" --output "$work/lists/foreign.list" "$work/foreign.rpz" \
  2>"$work/import.err" || code=$?
[ "$code" = 4 ] || fail "import ended with $code: $(cat "$work/import.err")"
for words in 'foreign.rpz:17: left out: told.wild.f.test: local data' \
  'foreign.rpz:9: added: pass suffix ent.wild.f.test' \
  '14 records of policy'; do
  grep -Fq "$words" "$work/import.err" || fail "import does not say $words: $(cat "$work/import.err")"
done
sign_list "$work/lists/foreign.list"
option[lists.use]='{foreign: enforce}'
option[upstreams.servers]="[127.0.0.1@$nsd_port]"
write_config
start_cordond
both=()
if has named bind9; then
  foreign_port=$(free_port); mkdir "$work/bind-foreign"
  cat >"$work/bind-foreign/named.conf" <<CONF
options {
  directory "$work/bind-foreign"; pid-file none; session-keyfile none; managed-keys-directory "$work/bind-foreign";
  listen-on port $foreign_port { 127.0.0.1; }; listen-on-v6 { none; };
  recursion yes; allow-query { 127.0.0.0/8; }; dnssec-validation no; empty-zones-enable no;
  forwarders { 127.0.0.1 port $nsd_port; }; forward only;
  response-policy { zone "foreign"; } qname-wait-recurse no;
};
controls { };
zone "foreign" { type primary; file "$work/foreign.rpz"; };
CONF
  start named-foreign named -g -c "$work/bind-foreign/named.conf"
  both=("$foreign_port")
fi
but=()
rows='
f.test open
other.f.test open
nx.f.test nxdomain
y.nx.f.test nxdomain
notnx.f.test open
nd.f.test nodata
z.nd.f.test open
wild.f.test open
q.wild.f.test nxdomain
r.q.wild.f.test nxdomain
x.wild.f.test sink
y.x.wild.f.test open
ent.wild.f.test open
k.ent.wild.f.test open
a.ent.wild.f.test nodata
b.a.ent.wild.f.test open
free.wild.f.test open
z.free.wild.f.test open
led.f.test led
drop.f.test drop
inside.open.test nodata
nearby.open.test open
'
for front in "$port" "${both[@]}"; do
  table "port $front (cordond: $port)"
  from "$front" 127.0.0.71 www.open.test NXDOMAIN # clients: all that one asks is blocked,
  from "$front" 127.0.0.72 nx.f.test 198.51.100.1 # and nothing that the other does
  from "$front" 127.0.0.73 nx.f.test NXDOMAIN
done
stop_cordond

say "refusals"
refused() { # WORDS ARGUMENT...
  local words=$1 code=0
  shift
  "$cordon" list export "$@" >"$work/out" 2>"$work/err" || code=$?
  [ "$code" -ne 0 ] || fail "not refused: $*"
  grep -q -- "$words" "$work/err" || fail "$* says $(cat "$work/err")"
}
keys=(--keys "$work/keys/list-a.pub" --keys "$work/keys/list-b.pub")
refused 'is adguard, cdb' --format nonsense "${keys[@]}" "$work/lists/alpha.list"
refused 'with --output' --format rpz "${keys[@]}" "$work/lists/alpha.list"
refused 'trusted keys with --keys' --format hosts "$work/lists/alpha.list"
refused 'named twice' --format hosts "${keys[@]}" "$work/lists/alpha.list" "$work/lists/alpha.list"
refused 'nothing is written' --format hosts "${keys[@]}" --strict --output "$work/none" "$work/plain/alpha.list"
refused 'lets these clients ask for everything' --format hosts "${keys[@]}" --output "$work/none" "$work/lists/alpha.list"
[ ! -e "$work/none" ] || fail "--strict wrote"
refused '--action is' --format hosts "${keys[@]}" --action log "$work/lists/alpha.list"
refused '--origin is' --format rpz --output "$work/none" "${keys[@]}" --origin 'A b.' "$work/lists/alpha.list"
cp "$work"/lists/alpha.list* "$work/"
sed -i 's/blocked.test/blocket.test/' "$work/alpha.list"
refused 'alpha.list' --format hosts "${keys[@]}" --output "$work/none" "$work/alpha.list"
[ ! -e "$work/none" ] || fail "an unverified list was exported"
[ -z "$skipped" ] || say "not asked:$skipped"
