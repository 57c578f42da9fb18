#!/bin/bash
# Names of the place, with the real programs: every special zone is answered here and no private
# reverse name reaches a public upstream; answers from outside do not lead inside, but for the
# zones that the operator names.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

start_fake "$upstream_port" --log "$work/public.log"
make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
option[lists.use]="{one: enforce}"
write_config
start_cordond

say "every zone of RFC 6303, RFC 7793 and RFC 8375, at its apex and below"
python3 >"$work/special" <<'PYTHON'
import ipaddress, random

def reverse(network): # the zones of a network: its prefix ends at a label, or there are several
    network = ipaddress.ip_network(network)
    step = 8 if network.version == 4 else 4
    for part in network.subnets(new_prefix=-(-network.prefixlen // step) * step):
        labels = part.network_address.reverse_pointer.split(".")
        yield ".".join(labels[len(labels) - 2 - part.prefixlen // step:])

networks = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.2.0/24
192.168.0.0/16 198.51.100.0/24 203.0.113.0/24 255.255.255.255/32 ::/128 ::1/128 fd00::/8 fe80::/10
2001:db8::/32""".split()
zones = ["home.arpa"] + [zone for network in networks for zone in reverse(network)]
print(f"# {len(zones)} zones")
for zone in zones:
    escaped = zone.replace(".", r"\.")
    print(rf"{zone} SOA | rcode NOERROR | answer {escaped}\. 10800 .*SOA {escaped}\. nobody\.invalid\. .*")
    print(rf"{zone} NS | rcode NOERROR | answer {escaped}\. 10800 .*NS {escaped}\.")
    print(rf"x.{zone} A --tcp | rcode NXDOMAIN | authority {escaped}\. 10800 .*SOA .*")
for network in map(ipaddress.ip_network, networks): # addresses of each, and the names below them
    for _ in range(12):
        address = network[random.randrange(network.num_addresses)]
        if not address.is_loopback or address not in map(ipaddress.ip_address, ("127.0.0.1", "::1")):
            print(f"{address.reverse_pointer} PTR | rcode (NXDOMAIN|NOERROR) | !answer .*")
            print(f"b._dns-sd._udp.{address.reverse_pointer} PTR | rcode NXDOMAIN")
for name in "localhost a.b.localhost".split():
    print(rf"{name} A | rcode NOERROR | answer .* 127\.0\.0\.1")
    print(rf"{name} AAAA | rcode NOERROR | answer .* ::1")
    print(f"{name} MX | rcode NOERROR | !answer .*")
for name in "invalid x.invalid onion duckduckgo.onion local printer.local".split():
    for kind in "A AAAA TXT HTTPS".split():
        print(f"{name} {kind} | rcode NXDOMAIN")
for name in "resolver.arpa _dns.resolver.arpa x.resolver.arpa".split():
    for kind in "A SVCB TXT".split():
        print(f"{name} {kind} | rcode NOERROR | !answer .*")
PYTHON
ask_table <"$work/special"
if awk '{print $5}' "$work/public.log" | grep -iE '(arpa|localhost|invalid|onion|local)$'; then
  fail "a name of the place was asked of the public upstream"
fi

say "dig -x for the networks that people have"
for address in 10.1.2.3 172.31.255.254 192.168.178.1 100.127.0.1 169.254.7.7 fd12:3456::1 fe80::1 2001:db8::53; do
  dig @127.0.0.1 -p "$port" -x "$address" >"$work/dig" 2>&1 || fail "dig: $(cat "$work/dig")"
  grep -q 'status: NXDOMAIN' "$work/dig" || fail "$address: $(cat "$work/dig")"
done
if grep -i 'arpa' "$work/public.log"; then fail "a private reverse name was asked of the public upstream"; fi

say "what is beside them is asked for"
ask 8.8.8.8.in-addr.arpa PTR
ask x.test A
for name in 8.8.8.8.in-addr.arpa x.test; do grep -qi " $name " "$work/public.log" || fail "$name was not asked for"; done

say "a reverse zone with a server of its own is asked of it, and of nobody else"
inner_port=$(free_port)
printf '3.2.1.10.in-addr.arpa 60 PTR dc.corp.test\n' >"$work/inner.records"
start_fake "$inner_port" --log "$work/inner.log" --records "$work/inner.records"
option[upstreams.zones]="{10.in-addr.arpa: {servers: [127.0.0.1@$inner_port], policy: exempt}}"
write_config
reload || fail "$(cat "$work/reload")"
ask 3.2.1.10.in-addr.arpa PTR
wait_until 60 grep -qi '3.2.1.10.in-addr.arpa' "$work/inner.log" || fail "its server was not asked"
stop "$fake_pid"
ask 4.2.1.10.in-addr.arpa PTR --timeout 10
expect 'rcode SERVFAIL'
if grep -i '10.in-addr' "$work/public.log"; then fail "a name of the zone was asked of the public upstream"; fi
ask 1.0.168.192.in-addr.arpa PTR
expect 'rcode NXDOMAIN'

say "answers of NSD that lead inside, by A, AAAA and hints of HTTPS and SVCB"
cat >"$work/zones/evil.test.zone" <<'ZONE'
$ORIGIN evil.test.
$TTL 60
@ SOA ns h 1 2 3 4 60
  NS ns
ns A 192.0.2.1
a4 A 192.168.0.1
mixed A 192.0.2.2
mixed A 10.0.0.1
loop A 127.0.0.1
zero A 0.0.0.0
a6 AAAA fd00::1
mapped AAAA ::ffff:172.16.0.1
link AAAA fe80::1
alias CNAME a4
h4 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1,10.0.0.1
h6 HTTPS 1 . ipv6hint=fd00::1
s4 SVCB 1 . ipv4hint=127.0.0.1
good A 192.0.2.3
good AAAA 2001:db8::1
good HTTPS 1 . ipv4hint=192.0.2.3 ipv6hint=2001:db8::1
inside.corp A 10.0.0.2
inside.corp HTTPS 1 . ipv4hint=10.0.0.2
ZONE
nsd_port=$(free_port)
start_nsd "$nsd_port" evil.test
option[upstreams.servers]="[127.0.0.1@$nsd_port]"
option[local.rebinding-protection]=on
option[local.rebinding-allow]="[corp.evil.test]"
write_config
reload || fail "$(cat "$work/reload")"
wait_until 60 status_is "s['upstreams'][0]['address'].endswith('@$nsd_port')" || fail "$(status 's["upstreams"]')"
ask_table <<'TABLE'
# 11 that lead inside
a4.evil.test A | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
mixed.evil.test A | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
loop.evil.test A | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
zero.evil.test A | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
a6.evil.test AAAA | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
mapped.evil.test AAAA | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
link.evil.test AAAA --tcp | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
alias.evil.test A | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
h4.evil.test HTTPS | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
h6.evil.test HTTPS | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
s4.evil.test SVCB | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
# and again, from the cache
a4.evil.test A | rcode NOERROR | !answer .* | ede 15 .*rebinding.*
# those that do not, and those of the zone that may
good.evil.test A | rcode NOERROR | answer .* 192\.0\.2\.3
good.evil.test AAAA | rcode NOERROR | answer .* 2001:db8::1
good.evil.test HTTPS | rcode NOERROR | answer .*
inside.corp.evil.test A | rcode NOERROR | answer .* 10\.0\.0\.2
inside.corp.evil.test HTTPS | rcode NOERROR | answer .*
TABLE
[ "$(status 's["questions"]["rebinding"]')" = 12 ] || fail "counted: $(status 's["questions"]["rebinding"]')"

say "a zone with servers of its own may lead inside; without protection all may"
option[upstreams.zones]="{evil.test: [127.0.0.1@$nsd_port]}"
write_config
reload || fail "$(cat "$work/reload")"
leads_inside() { ask a4.evil.test A; grep -Eq 'answer .* 192\.168\.0\.1' <<<"$answer"; }
wait_until 60 leads_inside || fail "$answer"
unset 'option[upstreams.zones]'
write_config
reload || fail "$(cat "$work/reload")"
is_replaced() { ask a4.evil.test A; grep -q 'rebinding' <<<"$answer"; }
wait_until 60 is_replaced || fail "$answer"
option[local.rebinding-protection]=off
write_config
reload || fail "$(cat "$work/reload")"
wait_until 60 leads_inside || fail "$answer"
stop_cordond
