#!/bin/bash
# A pipe, a link, a folder in the place of every file that cordond has in its state directory and its audit log: nothing waits
# for it, questions are answered, the log says what is the matter and where, and what is in the way stays as it is.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[cache.keep]=on
option[audit.client]=pseudonym # its keys have files
option[audit.checkpoint-time]=1s
write_config
state="$work/state"

say "every kind of file that there is"
start_cordond
ask www.blocked.test
ask www.free.test
"$cordon" pause one --for 1h --reason "a test" --socket "$work/control.sock" >"$work/out" || fail "$(cat "$work/out")"
"$cordon" exception add other.blocked.test --for 1h --ticket T-1 --reason "a test" --socket "$work/control.sock" >"$work/out" || fail "$(cat "$work/out")"
signed() { status_is 's["audit"]["checkpoint"] is not None and s["audit"]["decisions"]["safe"] >= 1'; }
wait_until 60 signed || fail "$(status 's["audit"]')"
stop_cordond
# What is made by chance names is not met again; image.key ties an image to a machine and is made anew.
(cd "$state" && find . -maxdepth 2 -type f ! -name '*.cordon' ! -path './lists/*' | sort) >"$work/names"
printf "./%s\n" audit/head.next held.jsonl >>"$work/names"
for name in cordond.lock overrides.jsonl history.jsonl texts.known stages.key audit.key audit/head audit/lock cache; do
  grep -qx "./$name" "$work/names" || fail "there is no $name: $(cat "$work/names")"
done
cp -r "$state" "$work/whole"
echo "secret" >"$work/elsewhere"

# in_the_way KIND NAME
in_the_way() {
  rm -rf "${state:?}/$2"
  case $1 in
    pipe) mkfifo "$state/$2" ;;
    link) ln -s "$work/elsewhere" "$state/$2" ;;
    folder) mkdir "$state/$2" ;;
  esac
}

for kind in pipe link folder; do
  say "a $kind in the place of each of $(wc -l <"$work/names") files"
  rm -rf "$state"
  cp -r "$work/whole" "$state"
  while read -r name; do in_the_way "$kind" "$name"; done <"$work/names"
  : >"$work/cordond.log"
  start_cordond
  ask www.blocked.test
  expect 'rcode NOERROR'
  recording() { status_is 's["audit"]["state"] in ("recording", "waiting")'; }
  wait_until 60 recording || fail "$(status 's["audit"]')"
  stop_cordond
  ! grep -q 'Invalid argument' "$work/cordond.log" || fail "words that say nothing: $(grep 'Invalid argument' "$work/cordond.log")"
  told=(cordond.lock history.jsonl)
  [ "$kind" = link ] || told+=(overrides.jsonl) # a link is read, and never replaced
  for name in "${told[@]}"; do
    grep -F "$state/$name" "$work/cordond.log" | says 'no regular file' || fail "a $kind for $name is not told: $(cat "$work/cordond.log")"
  done
  [ "$(cat "$work/elsewhere")" = secret ] || fail "what a link leads to was written: $(cat "$work/elsewhere")"
done

for name in head lock 0000000001.cordon; do
  for kind in pipe link folder; do
    say "a $kind as $name of the audit log: another log is begun, and the reason is told"
    rm -rf "$state"
    cp -r "$work/whole" "$state"
    in_the_way "$kind" "audit/$name"
    : >"$work/cordond.log"
    start_cordond
    begun() { status_is 's["audit"]["state"] == "recording" and s["audit"]["directory"].endswith("/log-2")'; }
    wait_until 60 begun || fail "$(status 's["audit"]')"
    stop_cordond
    grep -F "$state/audit" "$work/cordond.log" | says 'no regular file, but a link, a pipe' || fail "$(cat "$work/cordond.log")"
    got=0
    timeout 60 "$cordon" audit verify --key "$state/audit.key.pub" "$state/audit" >"$work/verdict" 2>&1 || got=$?
    [ "$got" = 1 ] || [ "$name" = lock ] || fail "verify ends with $got: $(cat "$work/verdict")"
    ! grep -q 'Invalid argument' "$work/verdict" || fail "$(cat "$work/verdict")"
  done
done

for kind in pipe link; do
  say "a $kind where the next head is written: it goes, and the log goes on"
  rm -rf "$state"
  cp -r "$work/whole" "$state"
  in_the_way "$kind" audit/head.next
  start_cordond
  goes_on() { status_is 's["audit"]["state"] == "recording" and s["audit"]["checkpoint"] is not None and s["audit"]["directory"].endswith("/audit")'; }
  wait_until 60 goes_on || fail "$(status 's["audit"]')"
  stop_cordond
  timeout 60 "$cordon" audit verify -c "$work/cordond.yaml" >"$work/verdict" 2>&1 || fail "$(cat "$work/verdict")"
  [ "$(cat "$work/elsewhere")" = secret ] || fail "what a link leads to was written: $(cat "$work/elsewhere")"
done

say "a log that another process writes to: the status says so in these words, and it is gone on with once that one has ended"
rm -rf "$state"
cp -r "$work/whole" "$state"
exec 9<>"$state/audit/lock"
flock -n 9 || fail "the lock of the log is taken"
start_cordond 9>&-
busy() { status_is 's["audit"]["state"] == "waiting" and s["audit"]["error"] == "another process writes to this log"'; }
wait_until 60 busy || fail "$(status 's["audit"]')"
ask www.blocked.test
expect 'rcode NOERROR'
exec 9>&-
wait_until 60 status_is 's["audit"]["state"] == "recording"' || fail "$(status 's["audit"]')"
stop_cordond

for tool in 'status' 'pause list' 'exception list' 'list history' 'audit verify' 'audit search' 'audit key' 'audit report list' 'list gate'; do
  rm -rf "$state"
  cp -r "$work/whole" "$state"
  while read -r name; do in_the_way pipe "$name"; done <"$work/names"
  in_the_way pipe audit/0000000001.cordon
  got=0
  # shellcheck disable=SC2086 # words
  timeout 60 "$cordon" $tool -c "$work/cordond.yaml" >"$work/out" 2>&1 </dev/null || got=$?
  [ "$got" != 124 ] || fail "cordon $tool waits for a pipe"
  ! grep -q 'Invalid argument' "$work/out" || fail "cordon $tool: $(cat "$work/out")"
done
