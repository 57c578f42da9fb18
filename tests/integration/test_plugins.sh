#!/usr/bin/env bash
# cordon's policy inside resolvers that people already run: the real programs of Debian, before a real NSD.
# Each must answer a table of questions as cordond would, tell its matches, and let nothing blocked by its
# own name reach the server behind it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

plugins="$CORDON_ROOT/deploy/plugins"
make_keys list-a list-b root-a

# These programs have no sanitizer, so neither may what they load.
say "libcordon as it is shipped"
cmake -S "$CORDON_ROOT" -B "$work/plain" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >"$work/log"
ninja -C "$work/plain" libcordon >"$work/log" 2>&1 || fail "$(tail -20 "$work/log")"
library=$work/plain/libcordon.so.0.1

write_list alpha 7 <<'RULES'
block suffix blocked.test
pass suffix free.blocked.test
block suffix gone.test action=nxdomain
block suffix empty.test action=nodata
block suffix refused.test action=refused
block suffix led.test action=redirect:stop.open.test
block prefix 192.0.2.0/24
block prefix 127.0.0.64/26 action=nodata trigger=client
pass prefix 127.0.0.66/32 trigger=client ends=chain
RULES
sign_list "$work/lists/alpha.list"
write_list beta 8 <<'RULES'
block suffix watched.open.test
RULES
sign_list "$work/lists/beta.list"

# The same lists under a root, in a folder of their own; the root is pinned elsewhere.
accepted() { "$@" >"$work/log" 2>&1 || fail "$*: $(cat "$work/log")"; }
catalogue() { # SERIAL EXPIRES KEY...
  rm -f "$work"/signed/catalogue*
  accepted "$cordon" catalogue make --publisher shop --serial "$1" --created 2026-01-01 --expires "$2" "$work/signed"
  local key
  for key in "${@:3}"; do accepted "$cordon" catalogue sign --key "$work/keys/$key.key" "$work/signed/catalogue"; done
}
mkdir "$work/pinned"
cp -r "$work/lists" "$work/signed"
accepted "$cordon" root make --publisher shop --title Shop --expires 2099-01-01 --root-threshold 1 --list-threshold 2 \
  --root-keys "$work/keys/root-a.pub" --list-keys "$work/keys/list-a.pub,$work/keys/list-b.pub" "$work/pinned"
accepted "$cordon" root sign --key "$work/keys/root-a.key" "$work/pinned/1.root"
catalogue 7 2099-01-01 list-a list-b

mkdir -p "$work/zones"
cat >"$work/zones/test.zone" <<'ZONE'
$ORIGIN test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
www.open A 198.51.100.1
www.open AAAA 2001:db8::1
stop.open A 198.51.100.9
watched.open A 198.51.100.2
alias.open CNAME edge.blocked
inside.open A 192.0.2.9
many.open CNAME other.open
other.open CNAME gone
service.open HTTPS 1 edge.blocked.test. alpn=h2
*.blocked A 198.51.100.3
free.blocked A 198.51.100.4
ns.blocked A 127.0.0.1
gone A 198.51.100.5
empty A 198.51.100.6
refused A 198.51.100.7
led A 198.51.100.8
ZONE
cat >"$work/zones/elsewhere.example.zone" <<'ZONE'
$ORIGIN elsewhere.example.
$TTL 300
@ SOA ns.blocked.test. hostmaster 1 3600 600 86400 300
@ NS ns.blocked.test.
www A 198.51.100.77
ZONE
nsd_port=$(free_port)
start_nsd "$nsd_port" test elsewhere.example
# Between each program and NSD: writes down every name that is asked. Over TCP, too: a program that was kept waiting may ask so
# from then on, and Knot Resolver never comes back from it.
back=$(free_port)
cat >"$work/relay.py" <<'PYTHON'
import asyncio, sys
back, to, log = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3], "a", buffering=1)
async def ask(data):
    """The answer of NSD, or None."""
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
        at += data[at] + 1
    log.write(".".join(labels) + "\n")
    answered = asyncio.get_running_loop().create_future()
    class Once(asyncio.DatagramProtocol):
        def datagram_received(self, data, server):
            if not answered.done():
                answered.set_result(data)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Once, remote_addr=("127.0.0.1", to))
    transport.sendto(data)
    try:
        return await asyncio.wait_for(answered, 5)
    except asyncio.TimeoutError:
        return None
    finally:
        transport.close()
class Relay(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, client):
        asyncio.ensure_future(self.answer(data, client))
    async def answer(self, data, client):
        answer = await ask(data)
        if answer is not None:
            self.transport.sendto(answer, client)
async def connected(reader, writer):
    try:
        while True:
            answer = await ask(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
            if answer is None:
                break
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()
async def main():
    await asyncio.get_running_loop().create_datagram_endpoint(Relay, local_addr=("127.0.0.1", back))
    await asyncio.start_server(connected, "127.0.0.1", back)
    await asyncio.Event().wait()
asyncio.run(main())
PYTHON
start relay python3 "$work/relay.py" "$back" "$nsd_port" "$work/asked"

# answers PORT NAME TYPE [OPTION...]: rcode and data, on one line. A program that had no answer in time says so, some of them
# for a while, and is asked again: nothing here is to fail.
answers() {
  local until=$((SECONDS + 30))
  until kdig @127.0.0.1 -p "$1" "${@:4}" +retry=0 +timeout=5 "$2" "$3" >"$work/kdig" 2>/dev/null &&
    ! grep -q 'status: SERVFAIL' "$work/kdig"; do
    [ "$SECONDS" -lt "$until" ] || break
    sleep 1
  done
  printf '%s %s\n' "$(sed -n 's/.*status: \([A-Z]*\);.*/\1/p' "$work/kdig")" \
    "$(sed -n '/ANSWER SECTION/,/^$/p' "$work/kdig" | awk 'NR > 1 && NF {print $5, $6, $7}' | xargs)"
}
is() { # NAME TYPE EXPECTED
  local got
  got=$(answers "$front" "$1" "$2" | sed 's/ *$//')
  [ "$got" = "$3" ] || fail "$program: $1 $2: '$got' instead of '$3': $(cat "$work/kdig")"
}

# Rules about clients, where the program tells them apart: one is blocked, the other let through with all that it
# asks, whatever was answered to others before.
from() { # CLIENT NAME TYPE EXPECTED
  local got
  got=$(answers "$front" "$2" "$3" -b "$1" | sed 's/ *$//')
  [ "$got" = "$4" ] || fail "$program: $2 $3 from $1: '$got' instead of '$4': $(cat "$work/kdig")"
}
clients() {
  from 127.0.0.65 www.open.test A "NOERROR"
  from 127.0.0.66 alias.open.test A "NOERROR edge.blocked.test. 198.51.100.3"
  from 127.0.0.66 b.blocked.test A "NOERROR 198.51.100.3"
  from 127.0.0.66 inside.open.test A "NOERROR 192.0.2.9"
  is b.blocked.test A "NOERROR 0.0.0.0"
  is alias.open.test A "NOERROR 0.0.0.0"
  is inside.open.test A "NOERROR 0.0.0.0"
  from 127.0.0.66 inside.open.test A "NOERROR 192.0.2.9"
  from 127.0.0.66 www.open.test A "NOERROR 198.51.100.1"
  : >"$work/asked"
}

is_up() { answers "$front" www.open.test A | says NOERROR; }

# What every one of them must do. Twice, so that the second answers come from caches.
table() {
  for _ in 1 2; do
    is www.open.test A "NOERROR 198.51.100.1"
    is www.open.test AAAA "NOERROR 2001:db8::1"
    is a.blocked.test A "NOERROR 0.0.0.0"
    is a.blocked.test AAAA "NOERROR ::"
    is a.blocked.test TXT "NOERROR"
    is free.blocked.test A "NOERROR 198.51.100.4"
    is notblocked.test A "NXDOMAIN"
    is gone.test A "NXDOMAIN"
    is empty.test A "NOERROR"
    is refused.test A "REFUSED"
    is watched.open.test A "NOERROR 198.51.100.2" # log mode
    is alias.open.test A "NOERROR 0.0.0.0"        # by where it leads
    is inside.open.test A "NOERROR 0.0.0.0"       # by its address
    is service.open.test TYPE65 "NOERROR"         # by the target of a service
    is many.open.test A "NXDOMAIN"                # at the second hop
  done
  is a.led.test A "NOERROR stop.open.test."
  # Names that are blocked by themselves were never asked for; NSD was asked for others.
  if grep -E '(^|\.)(a\.blocked|gone|empty|refused|led)\.test$' "$work/asked" >"$work/leaked"; then
    # A resolver follows an alias of its own accord: many.open leads to gone, by way of its answer.
    grep -vx 'gone.test' "$work/leaked" >"$work/leaks" && fail "$program asked for $(sort -u "$work/leaks" | xargs)"
  fi
  grep -qx www.open.test "$work/asked" || fail "$program asked for nothing"
  : >"$work/asked"
}
# Each match is told, with list and legal basis: what is blocked, and what would be.
tells() { # FILE
  wait_until 30 grep -q 'cordon: a.blocked.test: sinkhole by "block suffix blocked.test" (qname) of alpha serial 7, designated: Entity of alpha' "$1" ||
    fail "$program does not tell a block: $(tail -5 "$1")"
  wait_until 30 grep -q 'cordon: edge.blocked.test: .* (hop) of alpha' "$1" || fail "$program does not tell a hop"
  wait_until 30 grep -q 'cordon: told only: watched.open.test: .* of beta serial 8' "$1" || fail "$program does not tell what would be blocked"
}

say "the declarations for Lua and Python are those of the headers"
cat >"$work/sizes.c" <<'C'
#include <cordon/policy.h>
#include <stdio.h>
int main(void)
{
    printf("%zu %zu %zu %zu %zu %zu %zu %zu %zu %zu\n", sizeof(struct cordon_policy_options), sizeof(struct cordon_list_use),
           sizeof(struct cordon_name), sizeof(struct cordon_match), sizeof(struct cordon_decision),
           sizeof(struct cordon_list_info), offsetof(struct cordon_match, name), offsetof(struct cordon_list_info, due_s),
           offsetof(struct cordon_policy_options, root), offsetof(struct cordon_policy_options, dead_after_s));
    return 0;
}
C
cc -I"$CORDON_ROOT/include" "$work/sizes.c" -o "$work/sizes"
"$work/sizes" >"$work/sizes.c.out"
cat >"$work/sizes.py" <<'PYTHON'
import ctypes, sys
sys.path.insert(0, sys.argv[1])
import cordon_unbound as c
print(*[ctypes.sizeof(kind) for kind in (c.Options, c.Use, c.Name, c.Match, c.Decision, c.Info)], c.Match.name.offset,
      c.Info.due_s.offset, c.Options.root.offset, c.Options.dead_after_s.offset)
PYTHON
python3 "$work/sizes.py" "$plugins/unbound" >"$work/sizes.py.out"
cmp "$work/sizes.c.out" "$work/sizes.py.out" || fail "Python: $(cat "$work/sizes.py.out"), C: $(cat "$work/sizes.c.out")"
cat >"$work/sizes.lua" <<LUA
local ffi = require('ffi')
dofile('$plugins/cordon.lua')
local function size(name) return tonumber(ffi.sizeof('struct cordon_' .. name)) end
local out = io.open('$work/sizes.lua.out', 'w')
out:write(string.format('%d %d %d %d %d %d %d %d %d %d\n', size('policy_options'),
  size('list_use'), size('name'), size('match'), size('decision'), size('list_info'),
  tonumber(ffi.offsetof('struct cordon_match', 'name')), tonumber(ffi.offsetof('struct cordon_list_info', 'due_s')),
  tonumber(ffi.offsetof('struct cordon_policy_options', 'root')),
  tonumber(ffi.offsetof('struct cordon_policy_options', 'dead_after_s'))))
out:close()
os.exit(0)
LUA
mkdir "$work/lua"
kresd -n -c "$work/sizes.lua" "$work/lua" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
cmp "$work/sizes.c.out" "$work/sizes.lua.out" || fail "Lua: $(cat "$work/sizes.lua.out"), C: $(cat "$work/sizes.c.out")"

say "dnsdist"
program=dnsdist; front=$(free_port)
cat >"$work/dnsdist.conf" <<LUA
setLocal('127.0.0.1:$front')
newServer{address = '127.0.0.1:$back', healthCheckMode = 'up'}
cache = newPacketCache(1000)
getPool(''):setCache(cache)
dofile('$plugins/dnsdist/cordon-dnsdist.lua')
cordonPolicy{
  library = '$library', lists = '$work/lists', keys = {'$work/keys/list-a.pub', '$work/keys/list-b.pub'},
  threshold = 2, use = {alpha = 'enforce', beta = 'log'},
}
LUA
start dnsdist dnsdist --supervised --disable-syslog -C "$work/dnsdist.conf"
wait_until 60 is_up
table
tells "$work/dnsdist.out"
clients

say "by a root: what is older, or signed by the wrong role, is refused at the start; what is stale is told"
by_root() { # STATE LUA...
  cat >"$work/root.conf" <<LUA
local policy = dofile('$plugins/cordon.lua').open{library = '$library', lists = '$work/signed',
  root = '$work/pinned/1.root', state = '$1', dead_after = 86400, use = {alpha = 'enforce', beta = 'log'}}
print('lists are ' .. policy:freshness() .. '. ' .. policy.warnings)
LUA
  dnsdist --check-config -C "$work/root.conf"
}
refused() { # WORDS
  if by_root "$work/root-state" >"$work/log" 2>&1; then fail "was not refused: $(cat "$work/log")"; fi
  says -- "$1" <"$work/log" || fail "not '$1' but $(cat "$work/log")"
}
by_root "$work/root-state" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
says 'lists are fresh' <"$work/log" || fail "$(cat "$work/log")"
catalogue 6 2099-01-01 list-a list-b
refused 'rollback'
catalogue 8 2099-01-01 root-a
refused '0 of the 2 distinct trusted keys'
catalogue 8 2026-01-02 list-a list-b
by_root "$work/root-state" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
says 'lists are dead.*expired on' <"$work/log" || fail "$(cat "$work/log")"
catalogue 9 2099-01-01 list-a list-b

say "Unbound"
program=unbound; front=$(free_port)
cat >"$work/unbound.json" <<JSON
{"library": "$library", "lists": "$work/signed", "use": {"alpha": "enforce", "beta": "log"},
 "root": "$work/pinned/1.root", "publisher": "shop", "state": "$work/unbound-state"}
JSON
cat >"$work/unbound.conf" <<CONF
server:
  interface: 127.0.0.1@$front
  username: ""
  chroot: ""
  directory: "$work"
  pidfile: "$work/unbound.pid"
  use-syslog: no
  verbosity: 1
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "python iterator"
python:
  python-script: "$plugins/unbound/cordon_unbound.py"
remote-control:
  control-enable: no
stub-zone:
  name: "elsewhere.example"
  stub-host: "ns.blocked.test@$nsd_port"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$back
CONF
# Where Debian has the module of Unbound, whichever Python stands first in the path.
PYTHONPATH=/usr/lib/python3/dist-packages CORDON_UNBOUND="$work/unbound.json" start unbound unbound -d -p -c "$work/unbound.conf"
wait_until 60 is_up
table
tells "$work/unbound.log"
grep -q '^list alpha 7 ' "$work/unbound-state/trust.ratchet" || fail "what was accepted is not remembered"
# What Unbound needs for itself is not blocked: a zone whose name server has a listed name works, and a client
# that asks for that name gets the block, not what Unbound knows.
is www.elsewhere.example A "NOERROR 198.51.100.77"
is ns.blocked.test A "NOERROR 0.0.0.0"
# Its cache does not tell clients apart: rules about them do not count.
from 127.0.0.65 www.open.test A "NOERROR 198.51.100.1"

say "Knot Resolver"
program=kresd; front=$(free_port)
mkdir "$work/kresd"
cat >"$work/kresd/config" <<LUA
net.listen('127.0.0.1', $front, {kind = 'dns'})
log_groups({'policy'})
cache.size = 8 * MB
trust_anchors.remove('.')
dofile('$plugins/knot-resolver/cordon-kresd.lua')
cordon_policy{
  library = '$library', lists = '$work/signed', root = '$work/pinned/1.root', state = '$work/kresd-state', use = {alpha = 'enforce', beta = 'log'},
}
policy.add(policy.all(policy.FORWARD('127.0.0.1@$back')))
LUA
start kresd kresd -n -c "$work/kresd/config" "$work/kresd"
wait_until 60 is_up
table
tells "$work/kresd.log"
clients
