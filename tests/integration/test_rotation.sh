#!/bin/bash
# server.rotate, with real servers and clients: each address of an answer comes first, fresh, from the cache, behind an alias
# and of a zone of this place; signatures hold in any order; off, the order is the server's.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

for zone in plain.test signed.test here.test; do
  cat >"$work/zones/$zone.zone" <<ZONE
\$ORIGIN $zone.
\$TTL 300
@      SOA   ns root 1 3600 600 86400 60
       NS    ns
ns     A     192.0.2.53
four   A     192.0.2.1
       A     192.0.2.2
       A     192.0.2.3
       A     192.0.2.4
       AAAA  2001:db8::1
       AAAA  2001:db8::2
       AAAA  2001:db8::3
       AAAA  2001:db8::4
       MX    10 a
       MX    10 b
www    CNAME four
ZONE
  for i in $(seq 60); do printf 'fresh%s A 192.0.2.1\nfresh%s A 192.0.2.2\n' "$i" "$i"; done >>"$work/zones/$zone.zone"
done
signed_port=$(free_port)
start_nsd "$upstream_port" plain.test
start_knot "$signed_port" signed.test
make_keys list-a list-b list-c
new_list none 1 <<<'block suffix blocked.listed.test'
option[lists.use]='{none: enforce}'
option[upstreams.zones]="{signed.test: [127.0.0.1@$signed_port]}"
option[local.zones]="[$work/zones/here.test.zone]"
write_config
start_cordond

# orders COUNT RECORDS NAME TYPE [OPTION...]: of so many answers with so many records each, a line for each order: how often
# it came, and the records.
orders() {
  local count=$1 records=$2 i
  shift 2
  for ((i = 0; i < count; i++)); do echo "@$host -p $port +tries=3 +time=10 +noall +answer $*"; done >"$work/batch"
  dig -f "$work/batch" | python3 -c '
import collections, sys
lines = [line.split() for line in sys.stdin if line.strip() and not line.startswith(";")]
count, records = map(int, sys.argv[1:])
if len(lines) != count * records:
    sys.exit("%d records" % len(lines))
pieces = [words[3] + ":" + "".join(words[4:]) for words in lines]
answers = collections.Counter(tuple(pieces[i : i + records]) for i in range(0, len(pieces), records))
for order, often in sorted(answers.items()):
    print(often, *order)
' "$count" "$records"
}

# Each of four has 40 of 160 to be expected, and 5.5 is what they scatter by.
each_is_first() { # ORDERS WANTED
  [ "$(wc -l <<<"$1")" = "$2" ] || fail "not $2 orders: $1"
  while read -r often _; do [ "$often" -ge 5 ] || fail "one hardly comes: $1"; done <<<"$1"
}

say "off: as it came, each time"
for name in four.plain.test four.signed.test four.here.test; do
  found=$(orders 40 4 "$name" A)
  [ "$(wc -l <<<"$found")" = 1 ] || fail "$name: $found"
done

option[server.rotate]=on
write_config
reload || fail "$(cat "$work/reload")"

say "on: each of four comes first, the others behind it in their order"
for name in four.plain.test four.signed.test four.here.test; do
  for type in A AAAA; do
    found=$(orders 160 4 "$name" "$type")
    each_is_first "$found" 4
    python3 - "$found" <<'EOP' || fail "not turned: $found"
import sys
orders = [line.split()[1:] for line in sys.argv[1].splitlines()]
turned = [orders[0][i:] + orders[0][:i] for i in range(4)]
sys.exit(sorted(orders) != sorted(turned))
EOP
  done
done
each_is_first "$(orders 160 4 four.plain.test A +tcp)" 4
each_is_first "$(orders 160 4 four.plain.test A +noedns)" 4

say "behind an alias, with signatures: the alias and the signatures stay where they are"
found=$(orders 160 5 www.plain.test A)
each_is_first "$found" 4
[ "$(grep -c '^[0-9]* CNAME:four.plain.test. A:' <<<"$found")" = 4 ] || fail "$found"
found=$(orders 160 5 four.signed.test A +dnssec)
each_is_first "$found" 4
[ "$(grep -c '^[0-9]* A:[^ ]* A:[^ ]* A:[^ ]* A:[^ ]* RRSIG:' <<<"$found")" = 4 ] || fail "$found"

say "they hold in any order"
dig "@127.0.0.1" -p "$signed_port" signed.test DNSKEY +noall +answer | python3 -c '
import sys
print("trust-anchors {")
for line in sys.stdin:
    w = line.split()
    if w[3] == "DNSKEY" and w[4] == "257":
        print("  \"signed.test.\" static-key", w[4], w[5], w[6], "\"%s\";" % "".join(w[7:]))
print("};")' >"$work/anchor"
for _ in $(seq 8); do # that all have one order: once in 16,384 times
  delv "@$host" -p "$port" -a "$work/anchor" +root=signed.test. www.signed.test A >"$work/delv" 2>&1 || fail "$(cat "$work/delv")"
  says 'fully validated' "$work/delv" || fail "$(cat "$work/delv")"
done

say "what is fresh, too; and other records than addresses stay"
for i in $(seq 60); do echo "@$host -p $port +tries=3 +time=10 +short fresh$i.plain.test A"; done >"$work/batch"
dig -f "$work/batch" | sed -n '1~2p' | sort | uniq -c >"$work/fresh"
[ "$(wc -l <"$work/fresh")" = 2 ] || fail "of two fresh ones: $(cat "$work/fresh")"
[ "$(orders 40 2 four.plain.test MX | wc -l)" = 1 ] || fail "MX records were turned"

stop_cordond
