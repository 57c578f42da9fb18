#!/bin/bash
# Zones as text, with the real programs: cordond answers what NSD answers that serves the same
# files, to kdig and dig, and no upstream hears of their names.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

start_fake "$upstream_port" --log "$work/fake.log"
make_keys list-a list-b list-c
new_list one 1 <<'LIST'
block suffix home.test
block suffix 2.0.192.in-addr.arpa
LIST
cat >"$work/zones/home.test.zone" <<'ZONE'
$ORIGIN home.test.
$TTL 1h
@            SOA ns hostmaster ( 2026010101 1h 15m 1w
                   5m ) ; negative answers are kept for so long
             NS  ns
             MX  10 mail
             MX  20 Mail2
             TXT "v=spf1 -all" "two; strings"
             CAA 0 issue "ca.example"
ns           A   192.0.2.1
             AAAA 2001:db8::1
mail         A   192.0.2.2
mail2   600  A   192.0.2.3
www     60 IN CNAME web
web          A   192.0.2.4
             A   192.0.2.5
             HTTPS 1 . alpn=h2 ipv4hint=192.0.2.4
lost         CNAME gone.inner
a.b.c        A   192.0.2.6
*.apps       A   192.0.2.7
             TXT any
x.y.apps     A   192.0.2.8
*.alias      CNAME www
_ldap._tcp   SRV 0 5 389 ns
             SRV 0 5 636 mail
sip          NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:a@home.test!" .
host         SSHFP 1 1 123456789abcdef67890123456789abcdef67890
             TYPE65280 \# 3 010203
many         TXT "1" "2" "3"
ZONE
for n in $(seq 100); do echo "lot A 192.0.2.$n"; done >>"$work/zones/home.test.zone"
cat >"$work/zones/2.0.192.in-addr.arpa.zone" <<'ZONE'
$TTL 2h
$ORIGIN 2.0.192.in-addr.arpa.
@ SOA ns.home.test. hostmaster.home.test. 1 1h 15m 1w 5m
  NS ns.home.test.
1 PTR ns.home.test.
2 PTR mail.home.test.
ZONE
nsd_port=$(free_port)
start_nsd "$nsd_port" home.test 2.0.192.in-addr.arpa
option[lists.use]="{one: enforce}"
option[local.zones]="[$work/zones/home.test.zone, $work/zones/2.0.192.in-addr.arpa.zone]"
option[local.rebinding-protection]=on
write_config
"$cordon" check "$work/cordond.yaml" >"$work/check" 2>&1 || fail "$(cat "$work/check")"
start_cordond

# The facts of an answer, a line each: status, records of the answer, and the SOA record of the
# authority section. NSD writes names in lower case.
facts() { # the output of kdig or dig, many answers
  sed -E 's/^;; ->>HEADER<<- .*status: ([A-Z]+).*/= \1/' |
    awk '/^= /{print; next} /^;; ANSWER/{s = "answer"} /^;; AUTHORITY/{s = "authority"} /^;; ADDITIONAL/{s = ""}
      /^;/ || /^$/ {next}
      {gsub(/[ \t]+/, " "); owner = tolower($1); sub(/^[^ ]+/, owner); if ($4 != "TXT") $0 = tolower($0)}
      s == "answer" {print "  " $0} s == "authority" && / soa / {print "  ~" $0}' |
    awk '/^=/{n++} {print n " " $0}' | sort -k1,1n -k2
}

questions() {
  local name type
  for name in home.test ns.home.test Mail.HOME.test mail2.home.test www.home.test web.home.test \
    inner.home.test lost.home.test c.home.test b.c.home.test a.b.c.home.test z.b.c.home.test \
    apps.home.test any.apps.home.test any.thing.apps.home.test x.y.apps.home.test y.apps.home.test \
    z.y.apps.home.test "*.apps.home.test" some.alias.home.test alias.home.test _tcp.home.test \
    _ldap._tcp.home.test sip.home.test host.home.test many.home.test none.home.test none.none.home.test \
    2.0.192.in-addr.arpa 1.2.0.192.in-addr.arpa 3.2.0.192.in-addr.arpa x.1.2.0.192.in-addr.arpa; do
    for type in A AAAA CNAME MX TXT SRV NS SOA PTR NAPTR CAA HTTPS SSHFP TYPE65280; do
      printf '%s %s\n' "$name" "$type"
    done
  done
}
questions >"$work/questions"

say "kdig: the same answers as NSD's to $(wc -l <"$work/questions") questions"
kdig_all() { # PORT OPTION...
  local at=$1
  shift
  # shellcheck disable=SC2046 # words
  kdig @127.0.0.1 -p "$at" +retry=2 +time=5 "$@" $(cat "$work/questions") >"$work/kdig.$at" 2>&1 ||
    fail "kdig: $(tail -n 3 "$work/kdig.$at")"
  facts <"$work/kdig.$at"
}
kdig_all "$port" >"$work/ours"
kdig_all "$nsd_port" >"$work/theirs"
[ "$(grep -c ' = ' "$work/ours")" = "$(wc -l <"$work/questions")" ] || fail "not all were answered"
diff "$work/theirs" "$work/ours" >"$work/diff" ||
  fail "NSD (<) and cordond (>) differ: $(head -n 40 "$work/diff")"
for status in NOERROR NXDOMAIN; do
  [ "$(grep -c " = $status" "$work/ours")" -ge 20 ] || fail "few answers are $status: the test compares nothing"
done

say "dig, over TCP: the same again"
dig_all() { # PORT
  dig @127.0.0.1 -p "$1" +tcp +nocookie +tries=2 -f "$work/questions" >"$work/dig.$1" 2>&1 || fail "dig: $(tail -n 3 "$work/dig.$1")"
  facts <"$work/dig.$1"
}
diff <(dig_all "$nsd_port") <(dig_all "$port") >"$work/diff" ||
  fail "NSD (<) and cordond (>) differ: $(head -n 40 "$work/diff")"

say "more than a datagram holds: again over TCP, whole"
for at in "$port" "$nsd_port"; do
  dig @127.0.0.1 -p "$at" +bufsize=512 +nocookie lot.home.test A +short | sort >"$work/lot.$at"
  [ "$(wc -l <"$work/lot.$at")" = 100 ] || fail "$(wc -l <"$work/lot.$at") of 100 addresses at port $at"
done
cmp "$work/lot.$port" "$work/lot.$nsd_port"

say "without a reverse zone the addresses lead back by themselves"
option[local.zones]="[$work/zones/home.test.zone]"
write_config
reload || fail "$(cat "$work/reload")"
[ "$(dig @127.0.0.1 -p "$port" -x 192.0.2.2 +short)" = mail.home.test. ] || fail "no way back to mail"
[ "$(dig @127.0.0.1 -p "$port" -x 2001:db8::1 +short)" = ns.home.test. ] || fail "no way back to ns"
[ "$(dig @127.0.0.1 -p "$port" -x 192.0.2.7 +short)" = lot.home.test. ] || fail "a wildcard leads back"

say "the tool explains them"
"$cordon" explain web.home.test -c "$work/cordond.yaml" >"$work/explain" 2>/dev/null
grep -q 'known here' "$work/explain" || fail "$(cat "$work/explain")"
grep -q '192.0.2.4 192.0.2.5, TTL 3600 s, by the zone home.test of local.zones' "$work/explain" || fail "$(cat "$work/explain")"
"$cordon" explain www.home.test AAAA -c "$work/cordond.yaml" >"$work/explain" 2>/dev/null
grep -q 'alias of web.home.test, TTL 60 s' "$work/explain" || fail "$(cat "$work/explain")"
"$cordon" explain none.home.test -c "$work/cordond.yaml" >"$work/explain" 2>/dev/null
grep -q 'no such name, TTL 300 s, by the zone home.test' "$work/explain" || fail "$(cat "$work/explain")"
"$cordon" explain home.test MX -c "$work/cordond.yaml" >"$work/explain" 2>/dev/null
grep -q '2 MX records, TTL 3600 s' "$work/explain" || fail "$(cat "$work/explain")"
"$cordon" why web.home.test --socket "$work/control.sock" >"$work/why" 2>&1 || true
grep -qi 'this network\|here' "$work/why" || fail "$(cat "$work/why")"

say "a reload takes over a changed zone"
sed -i 's/^web .*192.0.2.4/web A 192.0.2.44/' "$work/zones/home.test.zone"
reload || fail "$(cat "$work/reload")"
ask www.home.test; expect 'answer .* 192\.0\.2\.44\.?' ; expect_not 'answer .* 192\.0\.2\.4\.?'

say "a fault in it is refused with its line, by check and by a reload, and the zone of before stays"
cp "$work/zones/home.test.zone" "$work/good.zone"
printf 'web A 192.0.2.999\nsub NS ns.sub\n' >>"$work/zones/home.test.zone"
lines=$(wc -l <"$work/zones/home.test.zone")
if reload; then fail "the reload was accepted"; fi
for text in "home.test.zone:$((lines - 1)): local.zones: " "home.test.zone:$lines: local.zones: sub.home.test: a delegation"; do
  grep -q "$text" "$work/reload" || fail "no '$text': $(cat "$work/reload")"
  if "$cordon" check "$work/cordond.yaml" >"$work/check" 2>&1; then fail "check took it"; fi
  grep -q "$text" "$work/check" || fail "no '$text': $(cat "$work/check")"
done
ask www.home.test; expect 'answer .* 192\.0\.2\.44\.?'
rm "$work/zones/home.test.zone"
if reload; then fail "the reload was accepted"; fi
grep -q 'local.zones: cannot be read' "$work/reload" || fail "$(cat "$work/reload")"
ask www.home.test; expect 'answer .* 192\.0\.2\.44\.?'
cp "$work/good.zone" "$work/zones/home.test.zone"
reload || fail "$(cat "$work/reload")"

say "the example of the manual"
block() { awk -v kind="$1" '$0 == "```" {on = 0} on {print} $0 == "```" kind {on = 1}' "$CORDON_ROOT/docs/deploy.md"; }
mkdir "$work/example"
{ sed '/^local:/,$d' "$work/cordond.yaml"; block yaml; } >"$work/example/cordon.yaml"
sed -n '/^trust:/,/^[a-su-z]/p' "$work/cordond.yaml" | grep -v '^[a-su-z]' >>"$work/example/cordon.yaml"
block zone >"$work/example/home.zone"
[ -s "$work/example/home.zone" ] || fail "there is no example"
"$cordon" check "$work/example/cordon.yaml" >"$work/check" 2>&1 || fail "$(cat "$work/check")"
"$cordon" explain 30.2.0.192.in-addr.arpa PTR -c "$work/example/cordon.yaml" >"$work/explain" 2>/dev/null
grep -q 'tv.home.arpa' "$work/explain" || fail "$(cat "$work/explain")"

say "nothing of all this has reached the upstream"
ask plain.test; expect 'rcode NOERROR'
stop_cordond
if grep -iE 'home|arpa' "$work/fake.log"; then fail "a name of a zone was forwarded"; fi
grep -qi 'plain.test' "$work/fake.log" || fail "the upstream has no log of its questions"
