#!/bin/bash
# What is blocked, by which trigger, with which answer, and what the events say of it.
# NSD is the upstream; its zone has the CNAME chains, DNAME, SVCB records and addresses.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

cat >"$work/zones/test.zone" <<'ZONE'
$ORIGIN test.
$TTL 300
@              SOA   ns root 1 3600 600 86400 60
@              NS    ns
ns             A     127.0.0.1
plain          A     192.0.2.10
plain          AAAA  2001:db8::10
plain          TXT   "plain"
unlisted       A     192.0.2.11
edge.listed    A     192.0.2.66
edge.listed    AAAA  2001:db8::66
ok.listed      A     192.0.2.12
exact          A     192.0.2.13
www.exact      A     192.0.2.14
below          A     192.0.2.15
www.below      A     192.0.2.16
child.nxpass   A     192.0.2.17
even           A     192.0.2.18
quiet          A     192.0.2.19
www.watched    A     192.0.2.20
glued-sink     A     192.0.2.21
sink.test.plain A    192.0.2.22
*.walled       A     192.0.2.23
; chains
one            CNAME edge.listed
two            CNAME two-b
two-b          CNAME edge.listed
three          CNAME three-b
three-b        CNAME mid.listed
mid.listed     CNAME behind
behind         A     192.0.2.67
allowed        CNAME ok.listed
quietly        CNAME quiet
watching       CNAME www.watched
tree           DNAME listed
forest         DNAME tree
; service bindings
alias          HTTPS 0 edge.listed
service        HTTPS 1 edge.listed alpn=h2
service        HTTPS 2 plain alpn=h2
hint4          HTTPS 1 . alpn=h2 ipv4hint=192.0.2.10,198.51.100.7
hint6          HTTPS 1 . alpn=h2 ipv6hint=2001:db8:bad::7
free           HTTPS 1 . alpn=h2 ipv4hint=192.0.2.10 ipv6hint=2001:db8::10
self           HTTPS 1 edge.ok.listed alpn=h2
_dns.svcb      SVCB  1 edge.listed alpn=dot
; addresses
addr           A     192.0.2.10
addr           A     198.51.100.9
addr6          AAAA  2001:db8:bad::9
addr-pass      A     198.51.100.200
to-addr        CNAME addr
ZONE

make_keys list-a list-b list-c
new_list sinks 7 <<'RULES'
block suffix sink.test
block exact exact.test
block below below.test
block suffix listed.test
pass suffix ok.listed.test
block prefix 198.51.100.0/24
pass prefix 198.51.100.200/32
block prefix 2001:db8:bad::/48
block suffix nx.test action=nxdomain
block suffix nxpass.test action=nxdomain
pass suffix child.nxpass.test
block suffix nodata.test action=nodata
block suffix refused.test action=refused
block suffix drop.test action=drop
block suffix truncate.test action=truncate
block suffix redirect.test action=redirect:plain.test
block suffix prefixed.test action=redirect:*.walled.test
block suffix circle.test action=redirect:inner.sink.test
block suffix nowhere.test action=redirect:missing.test
block suffix quiet.test action=log
block suffix even.test
RULES
new_list second 8 <<'RULES'
block suffix sink.test action=nxdomain
pass suffix even.test
block suffix operators.test
RULES
new_list law 9 legal-requirement "The Act of the tests, section 1" <<'RULES'
block suffix law.test action=nxdomain
block suffix law-sink.test
RULES
new_list watch 10 <<'RULES'
block suffix watched.test
block suffix plain.test action=nxdomain
pass suffix deep.sink.test
RULES
new_list idle 11 <<'RULES'
block suffix unlisted.test
RULES

start_nsd "$upstream_port" test
option[lists.use]='{sinks: enforce, second: {mode: enforce, action: nodata}, law: enforce, watch: log, idle: "off"}'
write_config
start_cordond

soa='[0-9]+ SOA cordon\.invalid\. nobody\.invalid\. 7 [0-9]+ [0-9]+ [0-9]+ 10'
say "names that are blocked by themselves, each type"
ask_table <<ROWS
# sinkhole: addresses for A and AAAA, NODATA with an SOA of MINIMUM 10 for all else
sink.test A              | rcode NOERROR | flags qr rd ra | answer sink\.test\. 10 A 0\.0\.0\.0 | ede 4 sinks sinks 7 | !authority .*
sink.test AAAA           | rcode NOERROR | answer sink\.test\. 10 AAAA :: | ede 4 sinks sinks 7
deep.sink.test A         | answer deep\.sink\.test\. 10 A 0\.0\.0\.0 | ede 4 sinks sinks 7
a.b.c.sink.test A        | answer a\.b\.c\.sink\.test\. 10 A 0\.0\.0\.0
sink.test TXT            | rcode NOERROR | !answer .* | authority sink\.test\. 10 SOA .* | authority sink\.test\. $soa | ede 15 sinks sinks 7
sink.test MX             | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test NS             | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test SOA            | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test DS             | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test DNSKEY         | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test CNAME          | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test HTTPS          | rcode NOERROR | !answer .* | authority sink\.test\. $soa | ede 15 sinks sinks 7
sink.test SVCB           | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test TYPE65280      | rcode NOERROR | !answer .* | authority sink\.test\. $soa
sink.test ANY            | !answer .* HINFO .* | !answer .* 192\.0\.2\..*
# any letter case; the question comes back as it was asked
SiNk.TeSt A              | question SiNk\.TeSt\. A 1 | answer SiNk\.TeSt\. 10 A 0\.0\.0\.0
# a block holds whatever DO, CD and AD are: never authentic, no signatures
sink.test A --do         | flags qr rd ra | answer .* A 0\.0\.0\.0 | !.* RRSIG .* | edns version 0 size 1232 do
sink.test A --cd         | flags qr rd ra cd | answer .* A 0\.0\.0\.0
sink.test A --do --cd --ad | flags qr rd ra cd | answer .* A 0\.0\.0\.0
nx.test A --do --cd      | rcode NXDOMAIN | flags qr rd ra cd | !.* (RRSIG|NSEC3?) .*
# over TCP and without EDNS
sink.test A --tcp        | answer .* A 0\.0\.0\.0 | ede 4 sinks sinks 7
sink.test A --no-edns    | answer .* A 0\.0\.0\.0 | !edns .* | !ede .*
nx.test A --no-edns      | rcode NXDOMAIN | !edns .*
sink.test A --no-rd      | answer .* A 0\.0\.0\.0
# label borders
glued-sink.test A        | answer .* 300 A 192\.0\.2\.21 | !ede .*
sink.test.plain.test A   | answer .* A 192\.0\.2\.22 | !ede .*
# exact, below
exact.test A             | answer .* A 0\.0\.0\.0
www.exact.test A         | answer .* A 192\.0\.2\.14 | !ede .*
below.test A             | answer .* A 192\.0\.2\.15 | !ede .*
www.below.test A         | answer .* A 0\.0\.0\.0
# the longest match wins; pass over block at equal length, also of another list; then list order
edge.listed.test A       | answer .* A 0\.0\.0\.0
ok.listed.test A         | answer .* A 192\.0\.2\.12 | !ede .*
even.test A              | answer .* A 192\.0\.2\.18 | !ede .*
# lists that are off, or in log mode, change nothing
unlisted.test A          | answer .* A 192\.0\.2\.11 | !ede .*
www.watched.test A       | answer .* A 192\.0\.2\.20 | !ede .*
plain.test A             | answer .* A 192\.0\.2\.10 | !ede .*
ROWS

say "each action"
ask_table <<ROWS
# nxdomain: the SOA is of a parent, MINIMUM the block TTL
nx.test A                | rcode NXDOMAIN | !answer .* | authority test\. 10 SOA .* | authority test\. $soa | ede 15 sinks sinks 7
www.nx.test AAAA         | rcode NXDOMAIN | authority nx\.test\. $soa | ede 15 sinks sinks 7
nx.test TXT              | rcode NXDOMAIN
# nxdomain becomes NODATA where something below is let through
nxpass.test A            | rcode NOERROR | !answer .* | authority nxpass\.test\. $soa | ede 15 sinks sinks 7
other.nxpass.test A      | rcode NXDOMAIN
child.nxpass.test A      | answer .* A 192\.0\.2\.17
nodata.test A            | rcode NOERROR | !answer .* | authority nodata\.test\. $soa | ede 15 sinks sinks 7
nodata.test AAAA         | rcode NOERROR | !answer .* | authority nodata\.test\. $soa
refused.test A           | rcode REFUSED | !answer .* | ede 15 sinks sinks 7
refused.test A --no-edns | rcode REFUSED | !edns .*
drop.test A --timeout 1  | none
# truncate: TC over UDP; whoever comes over TCP gets through
truncate.test A          | rcode NOERROR | flags qr tc rd ra | !answer .* | ede 15 sinks sinks 7
truncate.test A --tcp    | rcode NXDOMAIN | flags qr rd ra | !ede .*
# redirect: a CNAME, resolved
redirect.test A          | rcode NOERROR | answer redirect\.test\. 10 CNAME plain\.test\. | answer plain\.test\. [0-9]+ A 192\.0\.2\.10 | ede (4|15) sinks sinks 7 | flags qr rd ra
redirect.test AAAA       | answer redirect\.test\. 10 CNAME plain\.test\. | answer plain\.test\. [0-9]+ AAAA 2001:db8::10
www.redirect.test A      | answer www\.redirect\.test\. 10 CNAME plain\.test\. | answer plain\.test\. [0-9]+ A 192\.0\.2\.10
redirect.test CNAME      | answer redirect\.test\. 10 CNAME plain\.test\.
a.prefixed.test A        | answer a\.prefixed\.test\. 10 CNAME a\.prefixed\.test\.walled\.test\. | answer a\.prefixed\.test\.walled\.test\. [0-9]+ A 192\.0\.2\.23
# a redirect never leads to a blocked name's real address
circle.test A            | !answer .* A 192\..* | !answer .* CNAME edge.*
nowhere.test A           | answer nowhere\.test\. 10 CNAME missing\.test\. | rcode NXDOMAIN | flags qr rd ra
# log lets through
quiet.test A             | answer .* A 192\.0\.2\.19 | !ede .*
# a list with an action of the operator; a list that states a legal requirement
operators.test A         | rcode NOERROR | !answer .* | ede 15 second second 8
law.test A               | rcode NXDOMAIN | ede 16 law law 9
law-sink.test A          | answer .* A 0\.0\.0\.0 | ede 4 law law 9
law-sink.test TXT        | rcode NOERROR | ede 16 law law 9
ROWS

say "triggers in answers: hops, DNAME, service bindings, addresses; each also from the cache"
for turn in first cached; do
  ask_table <<ROWS
# $turn: the whole answer is replaced at the name asked, no later hop or address is shown
one.test A               | rcode NOERROR | answer one\.test\. 10 A 0\.0\.0\.0 | !answer .* CNAME .* | !answer .*192.* | ede 4 sinks sinks 7
one.test AAAA            | answer one\.test\. 10 AAAA :: | !answer .* CNAME .*
one.test TXT             | rcode NOERROR | !answer .* | authority one\.test\. $soa
one.test A --do --cd     | answer one\.test\. 10 A 0\.0\.0\.0 | !.* RRSIG .*
two.test A               | answer two\.test\. 10 A 0\.0\.0\.0 | !answer .* CNAME .*
three.test A             | answer three\.test\. 10 A 0\.0\.0\.0 | !answer .* CNAME .* | !answer .*192.*
three.test A --tcp       | answer three\.test\. 10 A 0\.0\.0\.0 | !answer .* CNAME .*
x.tree.test A            | answer x\.tree\.test\. 10 A 0\.0\.0\.0 | !answer .* (CNAME|DNAME) .*
x.forest.test A          | answer x\.forest\.test\. 10 A 0\.0\.0\.0 | !answer .* (CNAME|DNAME) .*
allowed.test A           | answer allowed\.test\. [0-9]+ CNAME ok\.listed\.test\. | answer .* A 192\.0\.2\.12 | !ede .*
quietly.test A           | answer quietly\.test\. [0-9]+ CNAME quiet\.test\. | answer .* A 192\.0\.2\.19 | !ede .*
watching.test A          | answer .* A 192\.0\.2\.20 | !ede .*
alias.test HTTPS         | rcode NOERROR | !answer .* | authority alias\.test\. $soa | ede 15 sinks sinks 7
service.test HTTPS       | rcode NOERROR | !answer .* | authority service\.test\. $soa
hint4.test HTTPS         | rcode NOERROR | !answer .* | authority hint4\.test\. $soa
hint6.test HTTPS         | rcode NOERROR | !answer .* | authority hint6\.test\. $soa
_dns.svcb.test SVCB      | rcode NOERROR | !answer .* | ede 15 sinks sinks 7
free.test HTTPS          | answer free\.test\. [0-9]+ HTTPS 1 .* | !ede .*
self.test HTTPS          | answer self\.test\. [0-9]+ HTTPS 1 edge\.ok\.listed\.test\. .* | !ede .*
addr.test A              | answer addr\.test\. 10 A 0\.0\.0\.0 | !answer .*198.* | !answer .*192.* | ede 4 sinks sinks 7
addr6.test AAAA          | answer addr6\.test\. 10 AAAA :: | !answer .*bad.*
to-addr.test A           | answer to-addr\.test\. 10 A 0\.0\.0\.0 | !answer .* CNAME .*
addr-pass.test A         | answer addr-pass\.test\. [0-9]+ A 198\.51\.100\.200 | !ede .*
ROWS
done

say "dig, kdig and cordon query show the same"
dig +noall +answer +comments @"$host" -p "$port" sink.test >"$work/dig"
grep -q '^sink\.test\..*10.*A.*0\.0\.0\.0' "$work/dig" || fail "dig: $(cat "$work/dig")"
grep -q 'EDE: 4 (Forged Answer): (sinks sinks 7)' "$work/dig" || fail "dig: $(cat "$work/dig")"
dig +noall +comments @"$host" -p "$port" law.test >"$work/dig"
grep -q 'status: NXDOMAIN' "$work/dig" || fail "dig: $(cat "$work/dig")"
grep -q 'EDE: 16 (Censored): (law law 9)' "$work/dig" || fail "dig: $(cat "$work/dig")"
kdig @::1 -p "$port" nx.test +edns >"$work/kdig"
grep -q 'NXDOMAIN' "$work/kdig" || fail "kdig: $(cat "$work/kdig")"
grep -q "15 (Blocked).*sinks sinks 7" "$work/kdig" || fail "kdig: $(cat "$work/kdig")"
"$cordon" query "@$host@$port" sink.test >"$work/query"
grep -q 'extended error 4' "$work/query" || fail "cordon query: $(cat "$work/query")"
grep -qi 'policy' "$work/query" || fail "cordon query: $(cat "$work/query")"
"$cordon" query "@$host@$port" one.test --json >"$work/query"
python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["rcode"] == "NOERROR" and d["ede"][0]["code"] == 4 and len(d["records"]) == 1, d' "$work/query"

say "the events"
events_have <<'ROWS'
# by its own name
sink.test A action=sinkhole mode=enforce applied=true trigger=qname matched=sink.test hop=0 chain=[] rule="block suffix sink.test" list=sinks serial=7 provider=sinks status_class=designated category=object-storage rcode=NOERROR client=127.0.0.1 transport=udp upstream=null view=default
sink.test A transport=tcp
deep.sink.test A matched=deep.sink.test rule="block suffix sink.test"
exact.test A rule="block exact exact.test"
www.below.test A rule="block below below.test"
nx.test A action=nxdomain rcode=NXDOMAIN applied=true
nxpass.test A action=nxdomain rcode=NOERROR
nodata.test A action=nodata applied=true
refused.test A action=refused rcode=REFUSED
drop.test A action=drop applied=true
truncate.test A action=truncate applied=true transport=udp
redirect.test A action=redirect redirect=plain.test applied=true
a.prefixed.test A action=redirect redirect=a.prefixed.test.walled.test
operators.test A action=nodata list=second serial=8
law.test A list=law serial=9 status_entity="Entity of law" status_authority="Authority of the tests" status_citation="1 TEST 2" status_effective=2020-01-02
nx.test A client=::1
# by what the answer says
one.test A trigger=hop matched=edge.listed.test hop=1 chain='["one.test","edge.listed.test"]' rule="block suffix listed.test" applied=true cached=false
one.test A trigger=hop hop=1 cached=true applied=true
two.test A trigger=hop hop=2 chain='["two.test","two-b.test","edge.listed.test"]'
three.test A trigger=hop matched=mid.listed.test hop=2 chain='["three.test","three-b.test","mid.listed.test"]'
x.tree.test A trigger=hop matched=x.listed.test hop=1
x.forest.test A trigger=hop matched=x.listed.test hop=2
alias.test HTTPS trigger=svcb matched=edge.listed.test action=sinkhole applied=true
service.test HTTPS trigger=svcb matched=edge.listed.test
_dns.svcb.test SVCB trigger=svcb matched=edge.listed.test
hint4.test HTTPS trigger=address matched=198.51.100.7 rule="block prefix 198.51.100.0/24"
hint6.test HTTPS trigger=address matched=2001:db8:bad::7 rule="block prefix 2001:db8:bad::/48"
addr.test A trigger=address matched=198.51.100.9 hop=0 applied=true
to-addr.test A trigger=address matched=198.51.100.9 hop=1
# would have been blocked
quiet.test A action=log mode=enforce applied=false rcode=NOERROR
quietly.test A trigger=hop action=log applied=false
www.watched.test A list=watch mode=log applied=false action=sinkhole
watching.test A list=watch mode=log trigger=hop hop=1 applied=false
plain.test A list=watch mode=log applied=false action=nxdomain
# nothing happened
! unlisted.test A
! ok.listed.test A
! even.test A
! below.test A
! glued-sink.test A
! addr-pass.test A
! truncate.test A transport=tcp applied=true
ROWS

say "policy: other addresses, codes and times, and the one word that puts everything into log"
option[policy.sinkhole]='[127.0.0.99, "::1"]'
option[policy.ede]=filtered
option[policy.block-ttl]=60s
write_config
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'ROWS'
sink.test A              | answer sink\.test\. 60 A 127\.0\.0\.99 | ede 4 .*
sink.test AAAA           | answer sink\.test\. 60 AAAA ::1
sink.test TXT            | authority sink\.test\. 60 SOA .* 60 | ede 17 sinks sinks 7
law.test A               | ede 17 law law 9
ROWS
option[policy.ede]='"off"'
option[policy.action]=nxdomain
write_config
reload || fail "reload: $(cat "$work/reload")"
ask_table <<'ROWS'
sink.test A              | rcode NXDOMAIN | edns .* | !ede .*
one.test A               | rcode NXDOMAIN | !answer .*
operators.test A         | rcode NOERROR | !answer .*
ROWS
unset 'option[policy.ede]' 'option[policy.action]' 'option[policy.sinkhole]' 'option[policy.block-ttl]'
option[policy.mode]=log
write_config
reload || fail "reload: $(cat "$work/reload")"
: >"$work/marker"
ask_table <<'ROWS'
edge.listed.test A       | answer .* A 192\.0\.2\.66 | !ede .*
one.test A               | answer one\.test\. [0-9]+ CNAME edge\.listed\.test\. | answer .* A 192\.0\.2\.66
sink.test A              | rcode NXDOMAIN | !ede .*
drop.test A              | rcode NXDOMAIN
addr.test A              | answer .* A 198\.51\.100\.9
hint4.test HTTPS         | answer .* HTTPS .*
ROWS
events_have <<'ROWS'
edge.listed.test A mode=log applied=false action=sinkhole rule="block suffix listed.test"
one.test A mode=log applied=false trigger=hop rcode=NOERROR
addr.test A mode=log applied=false trigger=address
hint4.test HTTPS mode=log applied=false trigger=address
drop.test A mode=log applied=false action=drop rcode=NXDOMAIN
ROWS
status_is 's["log_only"] and s["questions"]["logged"] > 0 and s["questions"]["blocked"] > 0' || fail "status"

stop_cordond
