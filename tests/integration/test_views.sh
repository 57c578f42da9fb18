#!/bin/bash
# Views by client network and listener: which lists, which action, which default; joins and cache
# across them; and that no packet about a denied name leaves. A scripted upstream writes down what
# it is asked. Clients are addresses of 127.0.0.0/8.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

{ read -r port2; read -r port3; } < <(free_ports 2)
kid=127.0.1.9 till=127.0.2.9

cat >"$work/records" <<'RECORDS'
plain.test 300 A 192.0.2.10
www.shop.test 300 CNAME edge.cloud.test
www.shop.test 300 A 192.0.2.66
edge.cloud.test 300 A 192.0.2.66
ok.cloud.test 300 A 192.0.2.12
pay.shop.test 300 CNAME cdn.far.test
cdn.far.test 300 A 192.0.2.13
ads.test 300 A 192.0.2.14
x-delay2000.shop.test 300 CNAME edge.cloud.test
a.corp.test 300 A 192.0.2.15
lone.test 300 A 192.0.2.16
RECORDS

make_keys list-a list-b list-c
new_list cloud 11 <<'RULES'
block suffix cloud.test
pass exact ok.cloud.test
RULES
new_list ads 12 <<'RULES'
block suffix ads.test
RULES

start_fake "$upstream_port" --log "$work/asked" --records "$work/records"
option[server.listen]="[127.0.0.1@$port, \"[::1]@$port\", 127.0.0.1@$port2, 0.0.0.0@$port3]"
option[server.workers]=1 # so that questions of two clients meet
option[lists.use]='{ads: enforce}'
option[upstreams.zones]="{corp.test: {servers: [127.0.0.1@$upstream_port], policy: exempt}}"
option[local.records]='{printer.lan: 10.0.0.9}'
option[views.kids]='{clients: [127.0.1.0/24], use: {cloud: enforce, ads: {mode: enforce, action: nxdomain}}, sinkhole: [192.0.2.250]}'
option[views.tills]='{clients: [127.0.2.0/24], use: {cloud: enforce}, default: deny, allow: [shop.test], action: nxdomain}'
option[views.watched]="{listen: [127.0.0.1@$port2], use: {cloud: log}}"
option[views.eight]="{listen: [127.0.0.8@$port3], mode: log}"
write_config

asked_about() { # REGEX: packets so far
  grep -ciE " ([^ ]*\.)?$1 " "$work/asked" || true
}

say "cordon check says who is in which view, and refuses what cannot be"
"$cordon" check "$work/cordond.yaml" >"$work/check" 2>&1 || fail "check: $(cat "$work/check")"
grep -q '^  view default: all others; mode enforce, default allow; lists ads$' "$work/check" || fail "$(cat "$work/check")"
grep -q '^  view kids: clients 127.0.1.0/24; mode enforce, default allow; lists cloud, ads$' "$work/check" || fail "$(cat "$work/check")"
grep -q '^  view tills: clients 127.0.2.0/24; mode enforce, default deny but for 1 name; lists cloud$' "$work/check" || fail "$(cat "$work/check")"
grep -q "^  view watched: all clients at 127.0.0.1@$port2; mode enforce, default allow; lists cloud (log)\$" "$work/check" || fail "$(cat "$work/check")"
"$cordon" check --print "$work/cordond.yaml" >"$work/printed.yaml"
"$cordon" check --print "$work/printed.yaml" | cmp - "$work/printed.yaml" || fail "what is printed does not read back the same"
sed 's/127.0.2.0\/24/127.0.1.0\/24/' "$work/cordond.yaml" >"$work/twice.yaml"
if "$cordon" check "$work/twice.yaml" >"$work/check" 2>&1; then fail "two views with the same clients are taken"; fi
grep -Eq 'twice.yaml:[0-9]+:3: views: tills: kids has the same clients \(127.0.1.0/24\)' "$work/check" || fail "$(cat "$work/check")"
sed "s/127.0.0.1@$port2\], use/127.0.0.1@1\], use/" "$work/cordond.yaml" >"$work/nowhere.yaml"
if "$cordon" check "$work/nowhere.yaml" >"$work/check" 2>&1; then fail "a listener that is not there is taken"; fi
grep -Eq 'nowhere.yaml:[0-9]+:[0-9]+: views: watched: server.listen has no 127.0.0.1@1: ' "$work/check" || fail "$(cat "$work/check")"

start_cordond

say "each client gets what its view says; one cache serves all"
ask_table <<TABLE
# nobody blocks it in the default view, which thereby fills the cache
edge.cloud.test | rcode NOERROR | answer edge.cloud.test\. 300 A 192\.0\.2\.66
edge.cloud.test A --source $kid | rcode NOERROR | answer edge.cloud.test\. 10 A 192\.0\.2\.250 | ede 4 .*cloud 11
edge.cloud.test A --source $till | rcode NXDOMAIN | !answer .* | ede 15 .*cloud 11
edge.cloud.test A --source $kid --tcp | answer edge.cloud.test\. 10 A 192\.0\.2\.250
# a hop of an answer that another view was given
www.shop.test | answer www.shop.test\. [0-9]+ CNAME edge.cloud.test\. | answer edge.cloud.test\. [0-9]+ A 192\.0\.2\.66
www.shop.test A --source $kid | answer www.shop.test\. 10 A 192\.0\.2\.250 | !.*edge.*
www.shop.test A --source $till | rcode NXDOMAIN | !answer .* | ede 15 .*cloud 11
# one list, two actions
ads.test | answer ads.test\. 10 A 0\.0\.0\.0
ads.test A --source $kid | rcode NXDOMAIN | ede 15 .*ads 12
# what a rule passes
ok.cloud.test A --source $kid | answer ok.cloud.test\. [0-9]+ A 192\.0\.2\.12
ok.cloud.test A --source $till | answer ok.cloud.test\. [0-9]+ A 192\.0\.2\.12
TABLE
[ "$(asked_about edge.cloud.test)" = 1 ] || fail "edge.cloud.test was asked $(asked_about edge.cloud.test) times"
[ "$(asked_about www.shop.test)" = 1 ] || fail "www.shop.test was asked $(asked_about www.shop.test) times"
[ "$(asked_about ads.test)" = 0 ] || fail "ads.test was asked"

say "by listener: port, address behind a wildcard, UDP and TCP"
at() { # PORT ARGUMENTS...
  answer=$(python3 "$here/ask.py" 127.0.0.1 "$@") || fail "asked at $*"
  asked="$*"
}
at "$port2" ads.test; expect 'answer ads.test\. [0-9]+ A 192\.0\.2\.14'
at "$port2" edge.cloud.test A --tcp; expect 'answer edge.cloud.test\. [0-9]+ A 192\.0\.2\.66'
at "$port2" edge.cloud.test A --source "$kid"; expect 'answer edge.cloud.test\. 10 A 192\.0\.2\.250'
at "$port3" ads.test; expect 'answer ads.test\. 10 A 0\.0\.0\.0'
at "$port3" ads.test A --at 127.0.0.8; expect 'answer ads.test\. [0-9]+ A 192\.0\.2\.14'
at "$port3" ads.test A --at 127.0.0.8 --tcp; expect 'answer ads.test\. [0-9]+ A 192\.0\.2\.14'
kdig +time=5 +retry=0 -b "$kid" -p "$port" @127.0.0.1 edge.cloud.test A +short | says -x 192.0.2.250 || fail "kdig from $kid"

say "default: deny lets through what is allowed, wherever that leads, and what is answered here"
ask_table <<TABLE
# an allowed name, whose answer leads to one that nothing speaks of
pay.shop.test A --source $till | answer pay.shop.test\. [0-9]+ CNAME cdn.far.test\. | answer cdn.far.test\. [0-9]+ A 192\.0\.2\.13
# which is denied when it is asked for itself
cdn.far.test A --source $till | rcode NXDOMAIN | !answer .* | ede 15 default deny: no allowed name, view tills
# and is nobody else's concern
cdn.far.test | answer cdn.far.test\. [0-9]+ A 192\.0\.2\.13
cdn.far.test A --source $till | rcode NXDOMAIN | ede 15 default deny: no allowed name, view tills
printer.lan A --source $till | answer printer.lan\. 60 A 10\.0\.0\.9
localhost A --source $till | answer localhost\. 10800 A 127\.0\.0\.1
a.corp.test A --source $till | answer a.corp.test\. [0-9]+ A 192\.0\.2\.15
TABLE

say "no packet about a denied name leaves, by any type or way"
before=$(of_clients "$work/asked" | wc -l)
for name in nobody.test deep.er.nobody.test xshop.test far.test; do
  for kind in A AAAA TXT MX NS DS HTTPS ANY; do
    for way in "" "--tcp --do" --no-rd; do
      echo "$name $kind $way --source $till | !answer .* | ede 15 default deny: no allowed name, view tills"
    done
  done
done | ask_table
all_is_noted "$upstream_port"
after=$(of_clients "$work/asked" | wc -l)
[ "$before" = "$after" ] || fail "$((after - before)) packets left: $(tail -n 3 "$work/asked")"
status_is 's["questions"]["denied"] == 98' || fail "denied: $(status 's["questions"]["denied"]')"

say "an exception of one view lets through what it denies, and a pause of all pauses the denying"
"$cordon" exception add lone.test --view kids --for 10m --ticket HD-1 --reason "a test" --socket "$work/control.sock" >/dev/null
ask lone.test A --source "$till"; expect 'rcode NXDOMAIN'
"$cordon" exception add lone.test --view tills --for 10m --ticket HD-2 --reason "a test" --socket "$work/control.sock" >/dev/null
ask lone.test A --source "$till"; expect 'answer lone.test\. [0-9]+ A 192\.0\.2\.16'
ask edge.cloud.test A --source "$till"; expect 'rcode NXDOMAIN' 'ede 15 .*cloud 11'
"$cordon" exception remove lone.test --view tills --socket "$work/control.sock" >/dev/null
ask lone.test A --source "$till"; expect 'rcode NXDOMAIN' 'ede 15 default deny: no allowed name, view tills'
"$cordon" pause cloud --for 10m --reason "a test" --socket "$work/control.sock" >/dev/null
ask edge.cloud.test A --source "$kid"; expect 'answer edge.cloud.test\. [0-9]+ A 192\.0\.2\.66'
ask edge.cloud.test A --source "$till"; expect 'rcode NXDOMAIN' 'ede 15 default deny: no allowed name, view tills'
ask ok.cloud.test A --source "$till"; expect 'answer ok.cloud.test\. [0-9]+ A 192\.0\.2\.12'
"$cordon" pause all --for 10m --reason "a test" --socket "$work/control.sock" >/dev/null
ask lone.test A --source "$till"; expect 'answer lone.test\. [0-9]+ A 192\.0\.2\.16'
status_is '[v["default_paused"] for v in s["views"] if v["name"] == "tills"] == [True]' || fail "$(status 's["views"]')"
"$cordon" pause end all --socket "$work/control.sock" >/dev/null
"$cordon" pause end cloud --socket "$work/control.sock" >/dev/null
ask lone.test A --source "$till"; expect 'rcode NXDOMAIN' 'ede 15 default deny: no allowed name, view tills'

say "two views join one question, and one of them blocks a hop"
fetches=$(status 's["questions"]["fetches"]') joined=$(status 's["questions"]["joined"]')
python3 "$here/ask.py" 127.0.0.1 "$port" x-delay2000.shop.test A >"$work/one" &
pids+=($!)
one=$!
python3 "$here/ask.py" 127.0.0.1 "$port" x-delay2000.shop.test A --source "$kid" >"$work/two" &
pids+=($!)
two=$!
wait "$one" "$two"
grep -Eq '^answer x-delay2000.shop.test\. 300 CNAME edge.cloud.test\.$' "$work/one" || fail "$(cat "$work/one")"
grep -Eq '^answer x-delay2000.shop.test\. 10 A 192\.0\.2\.250$' "$work/two" || fail "$(cat "$work/two")"
[ "$(status 's["questions"]["fetches"]')" = "$((fetches + 1))" ] || fail "not one fetch"
# On a busy machine the second may come too late, and finds the answer in the cache.
if [ "$(status 's["questions"]["joined"]')" = "$joined" ]; then echo "   the second came too late to join"; fi

say "cordon explain chooses the view as the daemon does"
explain() { "$cordon" explain -c "$work/cordond.yaml" --json "$@" | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["view"], d["words"])'; }
explained() { # EXPECTED ARGUMENTS...
  local want=$1 have
  shift
  have=$(explain "$@") || fail "explain $*"
  [ "$have" = "$want" ] || fail "explain $*: '$have', not '$want'"
}
explained "default not listed" edge.cloud.test
explained "kids blocked" edge.cloud.test --client "$kid"
explained "kids blocked" edge.cloud.test --view kids
explained "tills denied by default" nobody.test --client "$till"
explained "tills allowed by the operator" www.shop.test --client "$till"
explained "tills passed" ok.cloud.test --view tills
explained "watched let through, with an event" edge.cloud.test --client 127.0.0.1 --listener "127.0.0.1@$port2"
explained "eight let through, with an event" ads.test --client 127.0.0.1 --listener "127.0.0.8@$port3"
explained "default blocked" ads.test --client 127.0.0.1 --listener "127.0.0.9@$port3"
"$cordon" explain -c "$work/cordond.yaml" nobody.test --view tills >"$work/words"
grep -q 'No list says anything about it' "$work/words" || fail "$(cat "$work/words")"
if "$cordon" explain -c "$work/cordond.yaml" nobody.test --view tilsl 2>"$work/words"; then fail "a view that there is not"; fi
grep -q 'there is no view tilsl; there are default, eight, kids, tills, watched' "$work/words" || fail "$(cat "$work/words")"

say "cordon status shows views"
[ "$(status '[(v["name"], v["mode"], v["default"], [(l["id"], l["mode"]) for l in v["lists"]]) for v in s["views"]]')" = \
  "[('default', 'enforce', 'allow', [('ads', 'enforce')]), ('eight', 'log', 'allow', [('ads', 'log')]), ('kids', 'enforce', 'allow', [('cloud', 'enforce'), ('ads', 'enforce')]), ('tills', 'enforce', 'deny', [('cloud', 'enforce')]), ('watched', 'enforce', 'allow', [('cloud', 'log')])]" ] ||
  fail "$(status 's["views"]')"
{ "$cordon" status --socket "$work/control.sock" || true; } | says 'mode enforce, action nxdomain, default deny but for 1 names; lists: cloud enforce' || fail "status in words"

say "a reload moves clients between views; a faulty one changes nothing"
option[views.kids]='{clients: [127.0.3.0/24], use: {cloud: enforce}}'
write_config
reload || fail "reload: $(cat "$work/reload")"
ask edge.cloud.test A --source "$kid"; expect 'answer edge.cloud.test\. [0-9]+ A 192\.0\.2\.66'
ask edge.cloud.test A --source 127.0.3.3; expect 'answer edge.cloud.test\. 10 A 0\.0\.0\.0'
option[views.kids]='{clients: [127.0.2.0/24]}'
write_config
if reload; then fail "two views with the same clients were taken"; fi
grep -q 'has the same clients' "$work/reload" || fail "$(cat "$work/reload")"
ask edge.cloud.test A --source 127.0.3.3; expect 'answer edge.cloud.test\. 10 A 0\.0\.0\.0'

say "default: deny for all, in log mode first"
option[views.kids]='{clients: [127.0.3.0/24], mode: enforce}'
option[policy.default]=deny option[policy.mode]=log option[policy.allow]='[shop.test]'
write_config
reload || fail "reload: $(cat "$work/reload")"
ask plain.test; expect 'answer plain.test\. [0-9]+ A 192\.0\.2\.10'
ask plain.test A --source 127.0.3.3; expect 'answer plain.test\. 10 A 0\.0\.0\.0' 'ede 4 default deny: no allowed name, view kids'
option[policy.mode]=enforce
write_config
reload || fail "reload: $(cat "$work/reload")"
ask plain.test; expect 'answer plain.test\. 10 A 0\.0\.0\.0'
ask pay.shop.test; expect 'answer pay.shop.test\. [0-9]+ CNAME cdn.far.test\.'

stop_cordond

say "events: the view that decided, and denials that name no list"
python3 "$here/check_events.py" "$schema" "$work/events.jsonl" --rows <<ROWS || fail "see above"
edge.cloud.test A event=decision view=kids action=sinkhole applied=true list=cloud client=$kid
edge.cloud.test A event=decision view=tills action=nxdomain applied=true list=cloud client=$till
edge.cloud.test A event=decision view=watched mode=log applied=false list=cloud
! edge.cloud.test A view=default list=cloud
www.shop.test A event=decision view=kids trigger=hop matched=edge.cloud.test
ads.test A event=decision view=default action=sinkhole
ads.test A event=decision view=kids action=nxdomain
ads.test A event=decision view=eight mode=log applied=false
x-delay2000.shop.test A view=kids trigger=hop applied=true
! x-delay2000.shop.test A view=default
cdn.far.test A event=default-deny view=tills action=nxdomain mode=enforce applied=true rcode=NXDOMAIN client=$till upstream=null
! cdn.far.test A event=decision
! pay.shop.test A event=default-deny
! printer.lan A event=default-deny
! a.corp.test A event=default-deny
lone.test A event=default-deny view=tills action=pass exception=lone.test ticket=HD-2 applied=false
lone.test A event=default-deny view=tills mode=log paused=true applied=false
edge.cloud.test A event=decision view=tills list=cloud paused=true applied=false
edge.cloud.test A event=default-deny view=tills applied=true
nobody.test HTTPS event=default-deny transport=tcp
plain.test A event=default-deny view=default mode=log applied=false
plain.test A event=default-deny view=kids mode=enforce applied=true
plain.test A event=default-deny view=default mode=enforce applied=true
ROWS
python3 - "$work/events.jsonl" <<'PYTHON' || fail "a denial names a list"
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    event = json.loads(line)
    if event["event"] == "default-deny":
        assert not {"list", "provider", "rule", "serial", "status_class"} & set(event), line
PYTHON
