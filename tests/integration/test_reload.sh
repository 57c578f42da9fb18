#!/bin/bash
# New configuration and lists while it runs: each way to ask for them, under load, and everything
# that is wrong with new ones. What ran goes on.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c stranger
start_fake "$upstream_port" --log "$work/asked"
option[lists.use]='{flip: enforce}'
write_config

blocking='block suffix flip.test'
empty='block suffix nothing.example'
serial=1
list="$work/lists/flip.list"

# put RULES: a new version, signatures first, then the list by rename. It is made elsewhere: a slow machine gives the
# watcher time to see whatever is in the folder.
list_aside() { local work="$work/staging"; new_list flip "$serial"; }
put() {
  serial=$((serial + 1))
  mkdir -p "$work/staging/lists"
  ln -sfn "$work/keys" "$work/staging/keys"
  list_aside <<<"$1"
  mv "$work"/staging/lists/flip.list.*.minisig "$work/lists/"
  mv "$work/staging/lists/flip.list" "$list"
}

# The same, for when no watcher may see it on the way: everything is made before the daemon runs.
write_list flip 1 <<<"$blocking"
sign_list "$list"
# Says when memory is given back to the system: with a sanitizer none is. That one wants to come first.
cc -shared -fPIC -o "$work/trim.so" -x c - <<'C'
#include <stddef.h>
#include <unistd.h>
int malloc_trim(size_t pad);
int malloc_trim(size_t pad)
{
    static const char words[] = "malloc_trim\n";

    (void)pad;
    return write(STDERR_FILENO, words, sizeof(words) - 1) > 0;
}
C
cat >"$work/cordond" <<EOF
#!/bin/sh
LD_PRELOAD="$(ldd "$cordond" | sed -n 's/.*=> \(.*lib[at]san[^ ]*\) .*/\1 /p' | head -n 1)$work/trim.so" exec "$cordond" "\$@"
EOF
chmod +x "$work/cordond"
cordond="$work/cordond" start_cordond

is_blocked() { ask flip.test A && grep -q '0\.0\.0\.0' <<<"$answer"; }
is_free() { ask flip.test A && grep -q '192\.0\.2\.1' <<<"$answer"; }
generation() { status 's["generation"]'; }

# A folder that is new is read once more by itself, in case it changed before it was watched, and one that could not be
# read two seconds later; refused reloads count, too.
settle() {
  local before now='(s["generation"], s["reload"] and (s["reload"]["time"], s["reload"]["ok"]))'
  for _ in $(seq 20); do
    before=$(status "$now")
    if [[ $before == *False* ]]; then sleep 2.5; else sleep 1; fi
    [ "$(status "$now")" = "$before" ] && return
  done
  fail "it reloads without an end"
}

say "a renamed list file takes effect by itself"
is_blocked || fail "not blocked at the start"
first=$(generation)
put "$empty"
wait_until 60 is_free || fail "the new list did not take effect: $(tail -n 5 "$work/cordond.log")"
[ "$(generation)" -gt "$first" ] || fail "the generation did not rise"
wait_until 60 grep -q '^malloc_trim$' "$work/cordond.log" || fail "the memory of the lists before does not go back"
put "$blocking"
wait_until 60 is_blocked || fail "the new list did not take effect: $(tail -n 5 "$work/cordond.log")"
settle

say "cordon reload, and SIGHUP, take effect"
option[lists.use]='{flip: log}'
write_config
is_blocked || fail "the configuration took effect before it was asked to"
reload || fail "reload: $(cat "$work/reload")"
is_free || fail "cordon reload did not take effect at once"
option[lists.use]='{flip: enforce}'
write_config
kill -HUP "$cordond_pid"
wait_until 30 is_blocked || fail "SIGHUP did not take effect"
"$cordon" reload --json --socket "$work/control.sock" >"$work/reload.json"
python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["ok"] is True and d["cause"] == "asked" and d["errors"] == [] and d["rules"] == 1, d
assert d["lists"][0]["id"] == "flip" and len(d["lists"][0]["keys"]) == 2, d' "$work/reload.json"
"$cordon" reload -c "$work/cordond.yaml" >"$work/reload" || fail "with -c: $(cat "$work/reload")"

say "two reloads at once are both told the truth"
pair=()
for i in 1 2 3; do
  "$cordon" reload --json --socket "$work/control.sock" >"$work/both.$i" &
  pair+=("$!")
done
kill -HUP "$cordond_pid"
for pid in "${pair[@]}"; do wait "$pid" || fail "one of two reloads at once was refused: $(cat "$work"/both.*)"; done
grep -c '"ok": *true' "$work"/both.* >/dev/null || fail "$(cat "$work"/both.*)"
is_blocked || fail "blocked no longer"

# --- what is wrong with new ones

# Files are spoilt aside and take their place at once: the watcher too must never see them on the way.
good="$work/good"
bad=$good
spoilt=0
cp -r "$work/lists" "$good"
spoil() { spoilt=$((spoilt + 1)); bad="$work/bad-$spoilt"; cp -r "$good" "$bad"; }
place() { ln -sfn "$1" "$work/current.new"; mv -T "$work/current.new" "$work/current"; }
# refused WORDS: with what is in $bad, a reload says no with WORDS; the old stays.
refused() {
  local code=0 kept
  kept=$(generation)
  [ "$(readlink "$work/current")" = "$bad" ] || place "$bad"
  reload || code=$?
  [ "$code" -eq 1 ] || fail "status $code instead of 1, for: $1; $(cat "$work/reload")"
  grep -qiE -- "$1" "$work/reload" || fail "no word of '$1' in: $(cat "$work/reload")"
  is_blocked || fail "what ran did not go on, after: $1"
  [ "$(generation)" = "$kept" ] || fail "the generation changed, after: $1"
}
option[lists.directory]="$work/current"
place "$good"
write_config
reload || fail "reload: $(cat "$work/reload")"
settle

say "bad lists are refused with their reason, and the old stay"
spoil; rm "$bad"/flip.list.*.minisig
refused 'flip\.list.*(sign|minisig)'
spoil; rm "$(find "$bad" -name '*.minisig' | head -n 1)"
refused 'flip\.list.*(1 of 2|one|1 .*2)'
spoil; write_list flip 99 <<<"$empty"; cp "$list" "$bad/flip.list"; cp "$good/flip.list" "$list"
refused 'flip\.list.*(sign|key)'
spoil; sign_list "$bad/flip.list" stranger list-a
refused 'flip\.list'
spoil; sign_list "$bad/flip.list" stranger
refused 'flip\.list'
# The same key twice is one key.
spoil
sign_list "$bad/flip.list" list-a
id=$(sed -n 's/.*public key \([0-9A-F]*\).*/\1/p' "$work/keys/list-b.pub" | head -n 1)
cp "$(find "$bad" -name '*.minisig')" "$bad/flip.list.${id:-0123456789ABCDEF}.minisig"
refused 'flip\.list'
spoil; head -c -5 "$good/flip.list" >"$bad/flip.list"
refused 'flip\.list'
spoil; : >"$bad/flip.list"
refused 'flip\.list'
spoil; rm "$bad/flip.list"
refused 'flip\.list'
# Well signed, but another list.
new_list other 50 <<<"$empty"
spoil; cp "$work/lists/other.list" "$bad/flip.list"
for key in "$work"/lists/other.list.*.minisig; do cp "$key" "$bad/flip.list${key#"$work/lists/other.list"}"; done
refused 'flip\.list.*other'
# Well signed, but not to be understood.
spoil; sed -i 's/^cordon-list 1$/cordon-list 2/' "$bad/flip.list"
for key in list-a list-b; do
  minisign -S -W -s "$work/keys/$key.key" -m "$bad/flip.list" \
    -x "$(find "$good" -name "flip.list.*.minisig" -exec basename {} \; | sort | sed -n "$([ $key = list-a ] && echo 1 || echo 2)p" | sed "s|^|$bad/|")" \
    >/dev/null 2>"$work/minisign" </dev/null || fail "minisign: $(cat "$work/minisign")"
done
refused 'flip\.list.*version'
spoil; sed -i 's/^block suffix.*/block suffix flip.test category=x scope=cloud confidence=high/' "$bad/flip.list"
for key in list-a list-b; do
  minisign -S -W -s "$work/keys/$key.key" -m "$bad/flip.list" -x "$bad/flip.list.$key.minisig" \
    >/dev/null 2>"$work/minisign" </dev/null || fail "minisign: $(cat "$work/minisign")"
done
find "$bad" -name '*.minisig' ! -name '*list-?.minisig' -delete
refused 'flip\.list'

say "one bit flipped anywhere in a list or in the signed parts of a signature"
python3 - "$good" "$work/flips" <<'PYTHON'
# Folders 0, 1, 2 ... with one bit flipped each. The untrusted comment of a signature, its first
# line, is covered by nothing and left alone.
import os, random, shutil, sys
good, out = sys.argv[1:]
rng = random.Random()
seed = rng.randrange(1 << 32)
rng.seed(seed)
print("   seed %d" % seed)
for number in range(12):
    folder = os.path.join(out, str(number))
    shutil.copytree(good, folder)
    files = sorted(os.listdir(folder))
    name = "flip.list" if number < 6 else files[1 + number % 2]
    path = os.path.join(folder, name)
    octets = bytearray(open(path, "rb").read())
    start = 0 if name == "flip.list" else octets.index(b"\n") + 1
    # The newline at the end of a signature file says nothing.
    at = rng.randrange(start, len(octets) - (0 if name == "flip.list" else 1))
    octets[at] ^= 1 << rng.randrange(8)
    open(path, "wb").write(octets)
    print("   %d: octet %d of %s" % (number, at, name))
PYTHON
for i in $(seq 0 11); do
  bad="$work/flips/$i"
  refused 'flip\.list'
done

say "a bad configuration is refused by line and column, and the old stays"
bad=$good
place "$good"
reload || fail "what is good again is still refused: $(cat "$work/reload")"
settle
bad_config() { # SED WORDS
  sed -E "$1" "$work/cordond.yaml" >"$work/cordond.yaml.new"
  cmp -s "$work/cordond.yaml" "$work/cordond.yaml.new" && fail "nothing was spoilt by $1"
  cp "$work/cordond.yaml" "$work/cordond.yaml.good"
  mv "$work/cordond.yaml.new" "$work/cordond.yaml"
  refused "$2"
  mv "$work/cordond.yaml.good" "$work/cordond.yaml"
}
bad_config 's/^  threshold:/  treshold:/' 'cordond\.yaml:[0-9]+:[0-9]+:.*threshold'
bad_config 's/^(  threshold: 2)$/\1\n\1/' 'cordond\.yaml:[0-9]+:[0-9]+'
bad_config 's/enforce/enforced/' 'cordond\.yaml:[0-9]+:[0-9]+:.*enforce'
bad_config 's/^  servers: .*/  servers: [inet7:1]/' 'cordond\.yaml:[0-9]+:[0-9]+'
bad_config 's/flip:/flop:/' 'flop'
bad_config 's/^(  threshold:) 2/\1 9/' 'threshold|key'
bad_config 's/^lists:/lists: [/' 'cordond\.yaml:[0-9]+:[0-9]+'
mv "$work/cordond.yaml" "$work/cordond.yaml.good"
refused 'cordond\.yaml'
mv "$work/cordond.yaml.good" "$work/cordond.yaml"
status_is 's["reload"]["ok"] is False and s["reload"]["errors"]' || fail "the status does not tell of the refused reload"
grep -q 'stays in force' "$work/cordond.log" || fail "the log does not say that the old stays"
reload || fail "what is good again is still refused: $(cat "$work/reload")"

say "a damaged kept image is rebuilt"
stop_cordond
python3 - "$work/state" <<'PYTHON'
import os, sys
for name in os.listdir(sys.argv[1]):
    if name.endswith(".image"):
        path = os.path.join(sys.argv[1], name)
        octets = bytearray(open(path, "rb").read())
        octets[len(octets) // 2] ^= 0x10
        open(path, "wb").write(octets)
        break
else:
    sys.exit("no image was kept")
PYTHON
start_cordond
is_blocked || fail "not blocked after a damaged image"
status_is 'not s["from_cache"]' || fail "a damaged image was used"
stop_cordond
start_cordond
status_is 's["from_cache"]' || fail "the rebuilt image was not kept"
is_blocked || fail "not blocked from the kept image"
stop_cordond
for file in "$work"/state/*.image; do head -c 100 /dev/urandom >"$file"; done
start_cordond
is_blocked || fail "not blocked after a foreign image"

say "killed in the middle of a reload, it starts again"
for i in 1 2 3; do
  "$cordon" reload --socket "$work/control.sock" >/dev/null 2>&1 &
  asker=$!
  sleep "0.0$((i * 2))"
  kill -KILL "$cordond_pid"
  wait "$cordond_pid" 2>/dev/null || true
  wait "$asker" || true
  start_cordond
  is_blocked || fail "not blocked after kill and start"
done

say "100 reloads under load, each of which changes a verdict"
# Step 1 of four brings a list without the rule, 2 one with it; 3 puts the list into log mode by
# the configuration, 4 into force again. Every step has a list of its own.
mkdir -p "$work/versions"
for i in $(seq 1 100); do
  mkdir "$work/versions/$i"
  if [ $((i % 4)) = 1 ]; then rules=$empty; else rules=$blocking; fi
  write_list flip $((1000 + i)) <<<"$rules"
  mv "$list" "$work/versions/$i/flip.list"
done
for key in list-a list-b; do
  "$cordon" list sign --key "$work/keys/$key.key" "$work"/versions/*/flip.list >/dev/null
done
for i in $(seq 1 500); do echo "warm$i.test A"; done >"$work/questions"
for i in $(seq 1 50); do echo "flip.test A"; echo "www$i.flip.test AAAA"; done >>"$work/questions"
place "$work/versions/100"
reload || fail "reload: $(cat "$work/reload")"
is_blocked || fail "not blocked before the load"
dnsperf -s "$host" -p "$port" -d "$work/questions" -c 8 -q 200 -Q 3000 -l 600 -t 30 >"$work/dnsperf" 2>&1 &
loader=$!
pids+=("$loader")
sleep 1
for i in $(seq 1 100); do
  mode=enforce
  if [ $((i % 4)) = 3 ]; then mode=log; fi
  if [ $((i % 2)) = 1 ]; then want=free; else want=blocked; fi
  place "$work/versions/$i"
  sed -i "s/^  use: .*/  use: {flip: $mode}/" "$work/cordond.yaml"
  reload || fail "reload $i: $(cat "$work/reload")"
  if [ "$want" = free ]; then
    is_free || fail "reload $i did not free the name: $answer"
  else
    is_blocked || fail "reload $i did not block the name: $answer"
  fi
done
kill -INT "$loader"
wait "$loader" || true
grep -E 'Queries (sent|completed|lost|interrupted)|per second' "$work/dnsperf"
grep -qE 'Queries lost: +0 ' "$work/dnsperf" || fail "questions were lost: $(cat "$work/dnsperf")"
codes=$(grep 'Response codes' "$work/dnsperf")
grep -qE 'NOERROR [0-9]+ \(100\.00%\)' <<<"$codes" || fail "other answers than NOERROR: $codes"
completed=$(sed -n 's/.*Queries completed: *\([0-9]*\).*/\1/p' "$work/dnsperf")
[ "$completed" -gt 10000 ] || fail "only $completed questions during the reloads"
status_is 's["net"]["udp_kernel_drops"] == 0' || fail "the kernel dropped questions"

stop_cordond
