#!/bin/bash
# What the cache holds outlives a restart, where cache.keep says so: older, for whom the same upstreams
# are asked, once; a file that is not whole costs the cache and nothing else.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port" --log "$work/asked.log"
option[lists.use]='{one: enforce}'
option[cache.keep]=on
write_config
kept="$work/state/cache"

asked() { grep -ci "$1" "$work/asked.log" || true; }
logs() { tail -n "+$((at + 1))" "$work/cordond.log" | says "$1"; }
restart() {
  stop_cordond
  at=$(wc -l <"$work/cordond.log")
  start_cordond
}
back() { logs 'cache: .* answers are back'; }
refused() { logs "cache: $kept $1"; }

say "an orderly stop writes, a start takes it"
start_cordond
ask www.free.test
ask www.free.test A --do
ask other.free.test AAAA
stop_cordond
[ "$(stat -c '%a' "$kept")" = 600 ] || fail "the mode of the file: $(stat -c '%a' "$kept")"
before=$(asked free.test)
[ "$before" -ge 3 ] || fail "the upstream was not asked: $(cat "$work/asked.log")"
at=$(wc -l <"$work/cordond.log")
start_cordond
wait_until 30 back || fail "nothing is back"
[ ! -e "$kept" ] || fail "the file is still there"
ask www.free.test
expect 'rcode NOERROR' 'answer www\.free\.test\. 2[0-9][0-9] .*A .*' # of 300
ask www.free.test A --do
ask other.free.test AAAA
[ "$(asked free.test)" = "$before" ] || fail "it asked again: $(cat "$work/asked.log")"

say "a successor takes it when its predecessor has ended"
predecessor=$cordond_pid
at=$(wc -l <"$work/cordond.log")
"$cordond" -c "$work/cordond.yaml" --replace >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
cordond_pid=$!
pids+=("$cordond_pid")
wait_until 30 back || fail "the successor has nothing"
wait "$predecessor" || fail "the predecessor ended with status $?"
ask www.free.test
[ "$(asked free.test)" = "$before" ] || fail "the successor asked again"

say "damaged, foreign, newer: said, removed, and it serves"
for harm in damaged 'no saved cache' 'of another format'; do
  stop_cordond
  case $harm in
    damaged) truncate -s -5 "$kept" ;;
    no*) echo "hello" >"$kept" ;;
    *) sed -i '1s/cordon-cache 1/cordon-cache 2/' "$kept" ;;
  esac
  at=$(wc -l <"$work/cordond.log")
  start_cordond
  wait_until 30 refused ".*$harm" || fail "$harm: $(tail -n 3 "$work/cordond.log")"
  [ ! -e "$kept" ] || fail "$harm: the file is still there"
  ask www.free.test
  expect 'rcode NOERROR'
done

say "other upstreams: their answers are not ours"
other=$(free_port)
start_fake "$other"
option[upstreams.servers]="[127.0.0.1@$other]"
write_config
restart
wait_until 30 refused '.*other upstreams' || fail "answers of others were taken"

say "other upstreams since a reload: the answers of those before are not kept"
ask before.free.test
other=$(free_port)
start_fake "$other" --log "$work/asked.after"
option[upstreams.servers]="[127.0.0.1@$other]"
write_config
reload || fail "$(cat "$work/reload")"
ask before.free.test # it is in the cache
grep -qi before.free.test "$work/asked.after" && fail "it asked again before the restart"
restart
wait_until 10 back || fail "nothing was read: $(tail -n 3 "$work/cordond.log")"
ask before.free.test
grep -qi before.free.test "$work/asked.after" || fail "the answer of another upstream came back"

say "off: nothing is written, and what is there is removed"
stop_cordond
[ -s "$kept" ] || fail "nothing was kept"
option[cache.keep]=off
write_config
start_cordond
gone() { [ ! -e "$kept" ]; }
wait_until 30 gone || fail "it is still there"
stop_cordond
gone || fail "it was written"

say "on again, by a reload; a killed one leaves nothing"
start_cordond
option[cache.keep]=on
write_config
reload || fail "$(cat "$work/reload")"
ask www.free.test
stop_cordond
[ -s "$kept" ] || fail "nothing was kept"
at=$(wc -l <"$work/cordond.log")
start_cordond
wait_until 30 back || fail "nothing is back"
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
gone || fail "a file that was read is there"
