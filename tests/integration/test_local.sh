#!/bin/bash
# Names of the place, with the real programs: what the configuration and hosts files say is
# answered, explained and reloaded, and none of it reaches the upstream.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

start_fake "$upstream_port" --log "$work/fake.log"
make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
printf '192.0.2.10 nas.lan nas # the box\n2001:db8::10 nas.lan\nnonsense\n' >"$work/hosts"
option[upstreams.servers]="[127.0.0.1@$upstream_port]"
option[lists.use]="{one: enforce}"
option[local.records]="{printer.lan: [192.0.2.20, \"2001:db8::20\"]}"
option[local.hosts]="[$work/hosts]"
write_config

say "the check names the line of the hosts file that cannot be used"
"$cordon" check "$work/cordond.yaml" >"$work/check" 2>&1 || true
grep -q "hosts:3: left out: \"nonsense\"" "$work/check" || fail "$(cat "$work/check")"

start_cordond
say "records and hosts are answered, and lead back"
ask printer.lan; expect 'answer .* 192\.0\.2\.20\.?'
ask printer.lan AAAA; expect 'answer .* 2001:db8::20\.?'
ask nas; expect 'answer .* 192\.0\.2\.10\.?'
ask nas.lan MX; expect 'rcode NOERROR'; expect_not 'answer .* 192\.0\.2\..*\.?'
ask 20.2.0.192.in-addr.arpa PTR; expect 'answer .* printer\.lan\.'
ask 10.2.0.192.in-addr.arpa PTR; expect 'answer .* nas\.lan\.'
ask localhost; expect 'answer .* 127\.0\.0\.1\.?'
ask 1.1.168.192.in-addr.arpa PTR; expect 'rcode NXDOMAIN'
ask x.home.arpa; expect 'rcode NXDOMAIN'
[ "$(status 's["questions"]["local"]')" -ge 9 ] || fail "not counted: $(status 's["questions"]')"

say "the tool explains them"
"$cordon" explain printer.lan -c "$work/cordond.yaml" >"$work/explain" 2>/dev/null
grep -q 'known here.*192.0.2.20' "$work/explain" || fail "$(cat "$work/explain")"

say "a reload takes over a changed hosts file"
printf '192.0.2.11 nas.lan\n' >"$work/hosts"
reload || fail "$(cat "$work/reload")"
ask nas.lan; expect 'answer .* 192\.0\.2\.11\.?'; expect_not 'answer .* 192\.0\.2\.10\.?'

say "a hosts file that is gone is refused, and the old names stay"
rm "$work/hosts"
if reload; then fail "the reload was accepted"; fi
grep -q 'local.hosts: cannot be read' "$work/reload" || fail "$(cat "$work/reload")"
ask nas.lan; expect 'answer .* 192\.0\.2\.11\.?'

say "a zone's names are asked of its own server alone, and a reload is enough for that"
zone_port=$(free_port)
printf 'www.corp.test 60 A 192.0.2.99\nx.blocked.test 60 A 192.0.2.98\n' >"$work/zone.records"
start_fake "$zone_port" --log "$work/zone.log" --records "$work/zone.records"
touch "$work/hosts"
option[upstreams.zones]="{corp.test: [127.0.0.1@$zone_port], x.blocked.test: {servers: [127.0.0.1@$zone_port], policy: exempt}}"
write_config
reload || fail "$(cat "$work/reload")"
ask www.corp.test; expect 'answer .* 192\.0\.2\.99'
ask blocked.test; expect 'answer .* 0\.0\.0\.0'
ask x.blocked.test; expect 'answer .* 192\.0\.2\.98'
"$cordon" explain x.blocked.test -c "$work/cordond.yaml" >"$work/explain" 2>/dev/null
grep -q 'exempt from policy' "$work/explain" || fail "$(cat "$work/explain")"
if grep -i 'corp' "$work/fake.log"; then fail "a name of the zone went elsewhere"; fi
stop "$fake_pid"
ask www2.corp.test A --timeout 8; expect 'rcode SERVFAIL'
if grep -i 'corp' "$work/fake.log"; then fail "a name of the zone went elsewhere when its server was gone"; fi

say "nothing of all this has reached the upstream"
ask plain.test; expect 'rcode NOERROR'
stop_cordond
if grep -iE 'lan|arpa|localhost|nas' "$work/fake.log"; then fail "a local name was forwarded"; fi
grep -qi 'plain.test' "$work/fake.log" || fail "the upstream has no log of its questions"
