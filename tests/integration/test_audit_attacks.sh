#!/bin/bash
# Whatever is done to an audit log is found, named, and said by the exit status of `cordon audit verify`: each attack of
# docs/audit-log.md on a log that a daemon has written, from the command line.
# shellcheck source-path=SCRIPTDIR
if [ -z "${CORDON_ATTACKS_INSIDE:-}" ] && unshare -m true 2>/dev/null; then
  CORDON_ATTACKS_INSIDE=1 exec unshare -m "$0" "$@" # for a /dev/log of its own
fi
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.queries]=on
option[audit.file]=1MiB
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.origin]=resolver.test/audit
log="$work/state/audit"

long_names() { # COUNT: questions that do not pack well, so that there are several files
  python3 - "$1" >"$work/questions" <<'PYTHON'
import random, sys
letters = "abcdefghijklmnopqrstuvwxyz0123456789"
chance = random.SystemRandom()
for _ in range(int(sys.argv[1])):
    print(".".join("".join(chance.choices(letters, k=60)) for _ in range(3)) + ".blocked.test A")
PYTHON
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 4 -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$1 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
}
run() { # COUNT
  start_cordond
  long_names "$1"
  stop_cordond
}

say "checkpoints go to syslog and among the events, and serve to verify the log"
syslog=
if [ -n "${CORDON_ATTACKS_INSIDE:-}" ] && mkdir "$work/dev" && mount -t tmpfs none "$work/dev" 2>/dev/null &&
  cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$work/dev" && ln -s /proc/self/fd "$work/dev/fd" &&
  mkdir "$work/dev/shm" && mount --bind "$work/dev" /dev; then
  syslog=yes
  start syslog python3 -c '
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind("/dev/log")
print("ready", flush=True)
while True:
    print(sock.recv(65536).decode(), flush=True)'
  wait_until 60 grep -qs ready "$work/syslog.out" || fail "nobody listens on /dev/log"
fi
option[audit.publish]=both
option[events.to]=stdout
write_config
start_cordond
long_names 3000
has_told() { grep -q '"event":"checkpoint"' "$work/cordond.out"; }
wait_until 30 has_told || fail "no checkpoint on standard output"
stop_cordond
last_note() { # FILE: of the lines in it
  python3 - "$1" <<'PYTHON'
import json, sys
notes = [json.loads(line[line.index("{"):]) for line in open(sys.argv[1]) if '"event":"checkpoint"' in line]
print(notes[-1]["note"], end="")
PYTHON
}
last_note "$work/cordond.out" >"$work/from-stdout"
cmp "$work/from-stdout" "$log/head" || fail "standard output does not have the newest checkpoint"
"$cordon" audit verify --quick -c "$work/cordond.yaml" --checkpoint "$work/from-stdout" >"$work/verdict" || fail "$(cat "$work/verdict")"
# The lines as a collector has them do as well; a file without one is no fault of the log.
sed 's/^/<85>Nov 23 host cordond[7]: /' "$work/cordond.out" >"$work/collected"
"$cordon" audit verify --quick -c "$work/cordond.yaml" --checkpoint "$work/collected" >"$work/verdict" || fail "$(cat "$work/verdict")"
grep -v checkpoint "$work/cordond.out" >"$work/collected"
! "$cordon" audit verify --quick -c "$work/cordond.yaml" --checkpoint "$work/collected" >"$work/verdict" 2>"$work/err" || fail "a file without a checkpoint"
says 'nothing was verified' <"$work/err" || fail "$(cat "$work/err")"
[ ! -s "$work/verdict" ] || fail "a verdict of the log: $(cat "$work/verdict")"
if [ -n "$syslog" ]; then
  has_syslog() { last_note "$work/syslog.out" 2>/dev/null | cmp -s - "$log/head"; }
  wait_until 30 has_syslog || fail "syslog does not have the newest checkpoint: $(tail -n 3 "$work/syslog.out")"
  says -E '^<85>cordond\[[0-9]+\]: \{' <"$work/syslog.out" || fail "no message of authpriv.notice: $(tail -n 1 "$work/syslog.out")"
else
  echo "   no /dev/log can be had here"
fi
if [ -n "$syslog" ]; then
  stop "$started"
  umount /dev "$work/dev"
fi
option[audit.publish]=none
option[events.to]="$work/events.jsonl"
write_config
cp -r "$log" "$work/old" # what may be put back

run 5500
key=$("$cordon" audit key -c "$work/cordond.yaml")
[ "$(find "$log" -name '*.cordon' | wc -l)" -ge 3 ] || fail "too few files: $(ls -l "$log")"
cp -r "$log" "$work/whole"
run 10 # the same beginning, gone on with twice
mv "$log" "$work/one-writer"
cp -r "$work/whole" "$log"
run 10
mv "$log" "$work/other-writer"
cp "$work/cordond.yaml" "$work/mine.yaml"
option[state.directory]="$work/state-2"
write_config
run 10
mv "$work/state-2/audit" "$work/other-log"
other=$("$cordon" audit key -c "$work/cordond.yaml") # another key of the same name

# Exit status and faults of $work/now.
attacked() { # INTEGRITY COMPLETENESS OPTION...: "-": it holds; "*": whatever; "A|B": either
  local got=0 integrity=$1 completeness=$2
  shift 2
  "$cordon" audit verify --key "$key" --json "$@" "$work/now" >"$work/verdict" 2>"$work/err" || got=$?
  python3 - "$work/verdict" "$integrity" "$completeness" "$got" <<'PYTHON' || fail "$attack: status $got, $(cat "$work/verdict" "$work/err")"
import json, sys
v = json.load(open(sys.argv[1]))
wanted = dict(zip(("integrity", "completeness"), sys.argv[2:4]))
for part, fault in wanted.items():
    said = v[part].get("fault", "-")
    assert fault == "*" or said in fault.split("|"), (part, said)
    if said != "-":
        assert v[part]["text"] and not v[part]["holds"]
holds = v["integrity"]["holds"] and v["completeness"]["holds"]
assert int(sys.argv[4]) == (0 if holds else 1)
PYTHON
}

say "each attack is found and named"
attack=none
cp -r "$work/whole" "$work/now"
attacked - -
attacked - - --quick
while read -r attack word integrity completeness; do
  rm -rf "$work/now"
  cp -r "$work/whole" "$work/now"
  case $attack in
    two-writers) rm -rf "$work/now"; cp -r "$work/one-writer" "$work/now" ;;
  esac
  [ "$word" = . ] && word=
  python3 "$here/audit_tamper.py" "$work/now" "$attack" ${word:+"${word/#@/$work/}"}
  attacked "$integrity" "$completeness" --quick
done <<'ATTACKS'
flip file damaged *
flip frame damaged *
flip header does-not-follow|not-as-signed -
flip chain does-not-follow *
flip body events-changed -
flip checkpoint damaged *
flip newest bad-signature -
body-again . does-not-follow|not-as-signed -
delete . * missing-blocks
reorder . out-of-order missing-blocks
repeat . out-of-order -
insert . another-log -
cut . - cut
cut-checkpoint . - cut
unfinished . - unfinished
remove-file 0 - missing-file
remove-file 1 - missing-file
remove-file -1 - cut
old-file @old - missing-blocks
other-place . another-file *
two-writers @other-writer two-writers *
clock . time-backwards missing-file
unsigned . not-signed -
forge-removal . - removed-unrecorded
ATTACKS

say "a pipe in the place of the newest checkpoint holds up nobody; a log between others that is gone is named"
rm -rf "$work/now"
cp -r "$work/whole" "$work/now"
rm "$work/now/head"
if "$cordon" audit verify --key "$key" "$work/now" >"$work/verdict" 2>&1; then fail "without its head: $(cat "$work/verdict")"; fi
says "completeness  DOES NOT HOLD: missing-file.*the head is missing" <"$work/verdict" || fail "$(cat "$work/verdict")"
mkfifo "$work/now/head"
got=0
timeout 20 "$cordon" audit verify --key "$key" "$work/now" >"$work/verdict" 2>&1 || got=$?
[ "$got" = 1 ] || fail "a pipe as the head: status $got, $(cat "$work/verdict")"
cp "$work/whole/head" "$work/now/head.new"
mv "$work/now/head.new" "$work/now/head"
say "what has the name of a file of the log and is none is damage, and what lies behind it is looked at"
for kind in pipe link folder; do
  rm -rf "$work/odd"
  cp -r "$work/whole" "$work/odd"
  rm "$work/odd/0000000001.cordon"
  case $kind in
    pipe) mkfifo "$work/odd/0000000001.cordon" ;;
    link) ln -s "$work/whole/0000000001.cordon" "$work/odd/0000000001.cordon" ;;
    folder) mkdir "$work/odd/0000000001.cordon" ;;
  esac
  got=0
  timeout 60 "$cordon" audit verify --key "$key" "$work/odd" >"$work/verdict" 2>&1 || got=$?
  [ "$got" = 1 ] || fail "a $kind as a file: status $got, $(cat "$work/verdict")"
  says "integrity     DOES NOT HOLD: damaged, file 1.*no file at all" <"$work/verdict" || fail "a $kind: $(cat "$work/verdict")"
  got=0
  timeout 60 "$cordon" audit search --log "$work/odd" --stream all --json >"$work/found" 2>"$work/err" || got=$?
  [ "$got" = 1 ] || fail "searching with a $kind as a file: status $got, $(cat "$work/err")"
  says "damaged" <"$work/err" || fail "a $kind: $(cat "$work/err")"
  [ -s "$work/found" ] || fail "a $kind hides all other files"
done
mkdir "$work/now/log-3"
got=0
"$cordon" audit verify --key "$key" "$work/now" >"$work/verdict" 2>&1 || got=$?
[ "$got" = 1 ] || fail "a log is gone, and the status is $got"
says "DOES NOT HOLD: missing-file.*the folder of this log is gone" <"$work/verdict" || fail "$(cat "$work/verdict")"
[ "$(grep -c '^/' "$work/verdict")" = 3 ] || fail "not all three logs are spoken of: $(cat "$work/verdict")"
"$cordon" audit search --log "$work/now" --what start --stream changes >"$work/found" 2>&1 || true
says "log-2: this log is missing" <"$work/found" || fail "$(cat "$work/found")"
if "$cordon" audit report blocks --log "$work/now" >"$work/found" 2>&1; then fail "a report of a part: $(cat "$work/found")"; fi

say "another key: of the verifier, of a log that was made anew, in the middle of a log"
attack=another-key
rm -rf "$work/now"
cp -r "$work/whole" "$work/now"
mine=$key
key=$other
attacked another-key -
key=$mine
rm -rf "$work/now"
cp -r "$work/other-log" "$work/now"
attacked another-key -
# With what somebody else has kept, what a log lacks is found even where nothing in it tells.
attack="the end, and all that speaks of it"
rm -rf "$work/now"
cp -r "$work/old" "$work/now"
attacked - - --quick
attacked - cut --quick --checkpoint "$work/whole/head"
