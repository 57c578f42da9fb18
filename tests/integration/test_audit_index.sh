#!/bin/bash
# `cordon audit index`: the audit log as an SQLite data base, read with the sqlite3 tool.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test
block suffix other.example'
new_list two 7 <<<'block suffix two.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce, two: log}'
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.queries]=on
option[audit.origin]=resolver.test/audit
log="$work/state/audit"
db="$work/index.sqlite"

index() { "$cordon" audit index --to "$db" "$@"; }
sql() { sqlite3 -batch -noheader -cmd '.timeout 20000' "$db" "$1"; }
safe() { status_is "s['audit']['$1']['safe'] >= $2"; }
is() { [ "$1" = "$2" ] || fail "$3: '$1', not '$2'"; }
code() { # EXPECTED COMMAND...
  local wanted=$1 got=0
  shift
  "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$wanted" ] || fail "'$*' gave $got, not $wanted: $(cat "$work/out" "$work/err")"
}
refuses() { # WORDS COMMAND...
  local words=$1 before after
  shift
  before=$(cksum <"$db")
  code 1 "$@"
  says "$words" <"$work/err" || fail "not '$words': $(cat "$work/err")"
  after=$(cksum <"$db")
  is "$after" "$before" "what was refused is as it was"
}
# All that `search --json` says of a log and all that the index has are the same.
same() { # LOG
  "$cordon" audit search --stream all --json --quiet --log "$1" >"$work/events" || true
  python3 "$here/index_check.py" "$db" "$work/events" || fail "the index of $1 has something else: see above"
}

say "all that a search finds is there, column by column"
write_config
start_cordond
for name in a.blocked.test b.blocked.test x.two.test free.test; do ask "$name" A; done
ask a.blocked.test AAAA
wait_until 20 safe decisions 4 || fail "$(status 's["audit"]')"
wait_until 20 safe queries 5 || fail "$(status 's["audit"]')"
code 0 index "$log"
says 'what was written since is not in it' <"$work/out" || fail "$(cat "$work/out")"
is "$(stat -c %a "$db")" 600 "the mode"
is "$(sql 'PRAGMA application_id')" 1129464920 "whose it is"
is "$(sql 'SELECT group_concat(id) FROM (SELECT id FROM decisions ORDER BY number LIMIT 2)')" d0,d1 "ids"
is "$(sql "SELECT count(*) FROM queries WHERE name_key GLOB 'test.blocked.*'")" 3 "a suffix"
is "$(sql "SELECT count(*) FROM decisions WHERE provider = 'one' AND status_class = 'designated' AND name_key GLOB 'test.blocked.*'")" 3 "provider and class"
plan() { sql "EXPLAIN QUERY PLAN $1"; }
plan "SELECT count(*) FROM queries WHERE name_key GLOB 'test.blocked.*'" | says 'names_by_key (name_key>? AND name_key<?)' || fail "$(plan "SELECT count(*) FROM queries WHERE name_key GLOB 'test.blocked.*'")"
plan "SELECT id FROM queries WHERE time_us > 5" | says queries_by_time || fail "a time without its index"
plan "SELECT id FROM queries WHERE client = '192.0.2.1'" | says queries_by_client || fail "a client without its index"
plan "SELECT id FROM decisions WHERE provider = 'one' AND time_us > 5" | says 'decisions_by_basis\|decisions_by_time' || fail "a provider without its index"
id=$(sql "SELECT id FROM decisions WHERE name = 'b.blocked.test'")
code 0 "$cordon" audit why --log "$log" -c "$work/cordond.yaml" "$id"
says b.blocked.test <"$work/out" || fail "why $id: $(cat "$work/out")"

say "while the daemon writes, each run goes on behind the one before"
for round in 1 2 3; do
  for i in 1 2 3 4 5 6; do ask "r$round.$i.blocked.test" A; ask "r$round.$i.free.test" A; done
  "$cordon" pause one --for 10m --reason "round $round \"quoted\"" -c "$work/cordond.yaml" >/dev/null
  "$cordon" resume one -c "$work/cordond.yaml" >/dev/null 2>&1 || true
  wait_until 20 safe queries $((5 + 12 * round)) || fail "$(status 's["audit"]')"
  code 0 index "$log" --json
done
document_is "$work/out" "d['added']['queries'] > 0 and d['added']['queries'] < d['events']['queries'] and d['removed'] == 0" || fail "$(cat "$work/out")"
code 0 index -c "$work/cordond.yaml" --json
(got=0; index "$log" >"$work/one" 2>&1 || got=$?; echo "$got" >"$work/one.code") & one=$!
(got=0; index "$log" >"$work/two" 2>&1 || got=$?; echo "$got" >"$work/two.code") & two=$!
wait "$one" "$two"
for run in one two; do
  [ "$(cat "$work/$run.code")" = 0 ] || says 'is at work on it' <"$work/$run" || fail "$(cat "$work/$run")"
done
stop_cordond
code 0 index "$log"
same "$log"
code 0 index "$log" --json
document_is "$work/out" "d['added'] == {'decisions': 0, 'queries': 0, 'changes': 0}" || fail "nothing is new: $(cat "$work/out")"
is "$(sql 'PRAGMA integrity_check')" ok "the data base"

say "what is no index of this log is refused, and stays as it is"
kept=$db
db="$work/text"; echo 'a text that somebody wants to keep, of more octets than the header of a data base has: one hundred of them' >"$db"
refuses 'no SQLite data base' index "$log"
refuses 'no SQLite data base' index "$log" --rebuild
db="$work/foreign"; sql 'CREATE TABLE mine(x); INSERT INTO mine VALUES(1)'
refuses 'no index of an audit log' index "$log"
refuses 'no index of an audit log' index "$log" --rebuild
db="$work/version"; cp "$kept" "$db"; sql 'PRAGMA user_version = 99'
refuses 'another schema' index "$log"
db="$work/link"; ln -s "$kept" "$db"
refuses 'no SQLite data base' index "$log"
db="$work/another"; cp "$kept" "$db"; sql "UPDATE logs SET id = x'00112233445566778899aabbccddeeff'"
refuses 'index of another log' index "$log"
db="$work/changed"; cp "$kept" "$db"; sql 'UPDATE blocks SET leaf = zeroblob(32) WHERE block = 1'
refuses 'is not the one that was indexed' index "$log"
db="$work/missing"; cp "$kept" "$db"; sql 'INSERT INTO blocks SELECT log, block + 100000, file, stream, first_event + 100000, events, first_us, last_us, leaf, removed FROM blocks WHERE block = 0'
code 1 index "$log"; says 'not in the log any more' <"$work/err" || fail "$(cat "$work/err")"
code 0 index "$log" --rebuild
same "$log"
db="$work/damaged"; cp "$kept" "$db"
python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(0, 2); size = f.tell()
    for at in range(4096, size, 4096): f.seek(at); f.write(b"\xff" * 64)' "$db"
code 1 index "$log"; says 'damaged' <"$work/err" || fail "$(cat "$work/err")"
code 0 index "$log" --rebuild
same "$log"
[ ! -e "$db.rebuild" ] || fail "something is left beside"
is "$(stat -c %a "$db")" 600 "the mode of what was made anew"
db="$work/none"
code 1 index "$work/lists"; [ ! -e "$db" ] || fail "an index of no log"
code 1 index "$work/nowhere"; [ ! -e "$db" ] || fail "an index of nothing"
code 2 "$cordon" audit index "$log"
db="$work/held"
cp "$kept" "$db"
exec 9<>"$db"; flock -n 9 || fail "flock"
refuses 'is at work on it' index "$log"
exec 9>&-
code 0 index "$log"

say "killed at any moment, it is gone on with"
db="$work/killed"
calls=pwrite64,fdatasync,fsync,unlink
killed_at() { # CALLS COUNT
  ASAN_OPTIONS=detect_leaks=0 strace -o /dev/null -e trace="$1" -e inject="$1":signal=KILL:when="$2" "$cordon" audit index --to "$db" "$log" >/dev/null
}
for after in 0.01 0.03 0.05 0.08 0.12 0.2; do
  { timeout -s KILL "$after" "$cordon" audit index --to "$db" "$log" >/dev/null || true; } 2>/dev/null
done
code 0 index "$log"
same "$log"
count=0
# At its writes, syncs and removals of journals, one after the other; then the next run goes on.
for n in $(seq 1 3 60); do
  rm -f "$db" "$db-journal"
  { killed_at "$calls" "$n" && break; } 2>/dev/null
  count=$((count + 1))
  code 0 index "$log"
  same "$log"
done
# What it left beside belongs to the old file, not to the one that takes its place.
rm -f "$db"
{ killed_at unlink 2 || true; } 2>/dev/null
[ -s "$db-journal" ] || fail "there is no journal"
code 0 index "$log" --rebuild
same "$log"
[ "$count" -ge 5 ] || fail "it was killed $count times only"

say "a full disk: said, and what was there is whole"
db="$work/small"
cp "$kept" "$db"
sql 'DELETE FROM query_rows; DELETE FROM decision_rows; DELETE FROM change_rows; DELETE FROM blocks' # nothing was indexed yet
for n in 1 6 12 24; do
  ASAN_OPTIONS=detect_leaks=0 code 1 strace -o /dev/null -e trace=pwrite64 -e inject=pwrite64:error=ENOSPC:when="$n"+ \
    "$cordon" audit index --to "$db" "$log"
  says 'the disk is full' <"$work/err" || fail "write $n: $(cat "$work/err")"
done
is "$(sql 'PRAGMA integrity_check')" ok "after a full disk"
code 0 index "$log"
same "$log"

say "what was removed or forgotten is gone from the file, too"
db=$kept
cp -r "$work/state" "$work/old"
start_cordond
ask late.free.test A
wait_until 20 safe queries 42 || fail "$(status 's["audit"]')"
"$cordon" audit forget --before 1s --stream queries --reason 'a wish' -c "$work/cordond.yaml" >"$work/done" || fail "$(cat "$work/done")"
code 0 index "$log"
says 'removed now, since the log has' <"$work/out" || fail "$(cat "$work/out")"
stop_cordond
code 0 index "$log"
same "$log"
is "$(sql "SELECT count(*) FROM names WHERE name LIKE 'r1.1.free%'")" 0 "a name that nobody has any more"
if grep -q 'r1.1.free' "$db"; then fail "octets of what was removed are in the file"; fi
grep -q 'r1.1.blocked' "$db" || fail "octets of what is there are not"
is "$(sql 'PRAGMA integrity_check')" ok "after the removal"

say "a log that lies or is damaged"
cp -r "$log" "$work/bad"
python3 - "$work/bad" <<'E2'
import glob, sys
path = sorted(glob.glob(sys.argv[1] + "/*.cordon"))[-1]
data = bytearray(open(path, "rb").read())
at = data.index(b"CRDK\x01", len(data) // 3)
data[at + 12 + 256 + 40] ^= 1
open(path, "wb").write(data)
E2
db="$work/of_bad"
code 1 index "$work/bad"
says 'damaged or missing, and passed over' <"$work/err" || fail "$(cat "$work/err")"
same "$work/bad"
db=$kept
code 1 index "$work/old/audit"
says 'not in the log any more' <"$work/err" || fail "an old log put back: $(cat "$work/err")"
no_sanitizer_reports
