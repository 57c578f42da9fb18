#!/bin/bash
# cordon update against real web servers, a hostile one, folders; two runs at once, a full disk, kill -9; and
# cordond takes up what it puts in force.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$here/certificates.sh"

[ -x "$CORDON_BUILD/cordon-update" ] || fail "there is no cordon-update: build first"
make_keys root-a root-b list-a list-b
store="$work/store"
www="$work/www"
k() { printf '%s/keys/%s.%s' "$work" "$1" "${2:-pub}"; }
sign() { # KIND FILE KEY...
  local kind=$1 file=$2 key
  shift 2
  for key in "$@"; do "$cordon" "$kind" sign --key "$(k "$key" key)" "$file" >/dev/null || fail "$kind sign by $key"; done
}

say "sets to be fetched"
"$cordon" root make --publisher test --title "Lists of a test" --created 2026-01-01 --expires 2099-01-01 \
  --root-keys "$(k root-a),$(k root-b)" --list-keys "$(k list-a),$(k list-b)" "$work/lists" >/dev/null
sign root "$work/lists/1.root" root-a root-b
mkdir "$work/pin"
cp "$work"/lists/1.root* "$work/pin/"
new_list other 1 <<<'block suffix other.example.test'
# set SERIAL NAME [ROWS]: the folder $work/sets/SERIAL, with a list `one` of that serial.
set_of() {
  { echo "block suffix $2"; for ((i = 0; i < ${3:-0}; i++)); do echo "block suffix n$i.rows.example.test"; done; } | write_list one "$1"
  sign_list "$work/lists/one.list"
  "$cordon" catalogue make --publisher test --serial "$1" --expires 2099-01-01 "$work/lists" >/dev/null
  sign catalogue "$work/lists/catalogue" list-a list-b
  mkdir -p "$work/sets"
  cp -r "$work/lists" "$work/sets/$1"
}
set_of 1 one.example.test 20
set_of 2 two.example.test 20
set_of 3 three.example.test 20
serve() { # SERIAL; a web server tells files apart by their times, to a second
  rm -rf "$www"
  cp -r "$work/sets/$1" "$www"
  touch -d "2026-01-0$1" "$www"/*
}

unset 'option[trust.keys]' 'option[trust.threshold]'
option[trust.root]="$work/pin/1.root"
option[lists.use]='{one: enforce}'
option[lists.directory]="$store/test/current"
option[update.directory]="$store"
option[update.stalled]=10s # a busy server takes its time
option[update.connect]=20s
update() { # ARGUMENT...: its exit status is $code
  code=0
  "$cordon" update -c "$work/cordond.yaml" --rounds 1 "$@" >"$work/out" 2>"$work/err" || code=$?
}
wants() { # CODE WORDS ARGUMENT...
  local want=$1 words=$2
  shift 2
  update "$@"
  [ "$code" = "$want" ] || fail "update $*: status $code, not $want: $(cat "$work/out" "$work/err")"
  cat "$work/out" "$work/err" | says -- "$words" || fail "update $*: not '$words' but: $(cat "$work/out" "$work/err")"
}
in_force() { sed -n 's/^serial //p' "$store/test/current/catalogue"; }
is_in_force() { # SERIAL: whole, and the one
  [ "$(in_force)" = "$1" ] || fail "catalogue $(in_force) is in force, not $1"
  "$cordon" catalogue verify "$store/test/current" >/dev/null || fail "what is in force does not verify"
}
forget() { rm -rf "$store"; } # as at a first run
fresh_parts() { rm -rf "$store/test/incoming" "$store/test/candidate"; }

say "a folder: the first set, nothing new, the next"
serve 1
option[update.sources]="[$www]"
write_config
wants 0 'catalogue 1 is in force, the first'
is_in_force 1
[ -e "$store/trust.ratchet" ] || fail "there is no ratchet"
wants 0 'nothing new'
update --quiet
if [ "$code" != 0 ] || [ -s "$work/out" ] || [ -s "$work/err" ]; then fail "--quiet: $(cat "$work/out" "$work/err")"; fi
serve 2
wants 0 'would come into force' --dry-run
is_in_force 1
wants 0 'catalogue 2 is in force, was 1'
says 'one: 1 -> 2' <"$work/out" || fail "the change is not said: $(cat "$work/out")"
is_in_force 2
[ "$(stat -c %i "$store"/test/versions/1-*/other.list)" = "$(stat -c %i "$store/test/current/other.list")" ] || fail "an unchanged file is there twice"
"$cordon" update status --json -c "$work/cordond.yaml" >"$work/status.json" || fail "status says something is wrong"
python3 - "$work/status.json" <<'PYTHON' || fail "$(cat "$work/status.json")"
import json, sys
p = json.load(open(sys.argv[1]))["publishers"][0]
assert p["catalogue"] == 2 and p["state"] == "fresh" and len(p["versions"]) == 2 and p["sources"][0]["failures"] == 0
PYTHON

say "what is older, changed, cut or not there is refused, and what is in force stays"
serve 1
wants 1 'rollback'
serve 3; echo >>"$www/one.list"
wants 1 'can have'
serve 3; sed -i 's/three/threx/' "$www/one.list"
wants 1 'different days'
serve 3; rm "$www"/one.list.*.minisig
wants 1 'too few'
serve 3; rm "$www"/catalogue.*.minisig
wants 1 'distinct'
serve 3; rm "$www/one.list"; fresh_parts # or what came before would be taken
wants 1 'is not there'
serve 3; truncate -s 100M "$www/catalogue"
wants 1 'more than the'
serve 3; rm "$www/catalogue"
wants 3 'no source'
serve 3; rm "$www/one.list"; mkfifo "$www/one.list"; fresh_parts
wants 3 'no regular file'
mv "$www" "$work/away"
wants 3 'No such file'
rm -rf "$work/away"
is_in_force 2
"$cordon" update history -c "$work/cordond.yaml" | says 'refused.*catalogue 2' || fail "history says nothing"
wants 2 'neither' nothing
wants 2 'two ways' --source https://a.example --from "$work"
wants 2 'need a --reason' --override size
wants 2 'an override needs a reason' --override size --reason ' '
wants 2 'an override needs a reason' --force --reason ' '
wants 2 'an override needs a reason' --force --reason $'one\ntwo'
wants 2 'is no source' --source ftp://a.example
wants 2 'no such publisher' --publisher nobody
serve 3
wants 0 '"outcome":"activated"' --from "$www" --json
[ "$(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["exit"], d["results"][0]["outcome"], d["results"][0]["to"]["catalogue"])' "$work/out")" = '0 activated 3' ] || fail "$(cat "$work/out")"

say "a web server that misbehaves: what is in force stays, and the next run is none the worse"
{ read -r web; read -r tls; read -r nginx; read -r dead; } < <(free_ports 4)
mode() { echo "$1" >"$work/mode"; }
mode ok
: >"$work/requests"
start web python3 "$here/update_server.py" "$web" "$www" "$work/mode" "$work/requests"
wait_until 60 grep -qs ready "$work/web.out" || fail "the web server does not start"
option[update.sources]="[http://127.0.0.1:$web/lists]"
write_config
forget
serve 1
wants 0 'catalogue 1 is in force'
serve 2
bad_mode() { # MODE CODE WORDS
  mode "$1"
  fresh_parts
  wants "$2" "$3"
  is_in_force 1
}
octets=$(stat -c %s "$www/one.list")
bad_mode "endless" 1 'more than the'
bad_mode "longer:1" 1 'more than the'
bad_mode "promise:$((octets + 1))" 1 'more than the'
bad_mode "promise:$((octets / 2))" 1 'different days'
bad_mode "shorter" 1 'different days'
bad_mode "cut:1000" 3 'no source'
option[update.stalled]=1s
write_config
bad_mode "hang" 3 'one.root: Operation too slow\|root: Operation too slow'
option[update.stalled]=3s # the files before it must come
write_config
bad_mode "drip:50" 3 'too slow'
option[update.stalled]=10s
write_config
bad_mode "headers" 3 'header'
bad_mode "page" 3 'without end'
bad_mode "status:500" 3 'answers 500'
bad_mode "status:429" 3 'answers 429'
bad_mode "loop" 3 'no https:// address'
bad_mode "redirect:http://127.0.0.1:$web/lists" 3 'no https:// address'
bad_mode "redirect:file://$www" 3 'no https:// address'
"$cordon" update status -c "$work/cordond.yaml" | says 'failed [0-9]* times' || fail "status does not say that the source fails"
mode gzip # a body is taken as it is, whatever it is said to be
fresh_parts
wants 0 'catalogue 2 is in force'

say "conditional requests: what has not changed does not come again"
mode ok
wants 0 'nothing new'
: >"$work/requests"
wants 0 'nothing new'
grep -q '^GET /lists/catalogue 304 .*if-none-match="' "$work/requests" || fail "$(cat "$work/requests")"
[ "$(wc -l <"$work/requests")" = 2 ] || fail "$(wc -l <"$work/requests") requests for nothing: $(cat "$work/requests")"
grep -q 'authorization= cookie= accept-encoding=$' "$work/requests" || fail "$(cat "$work/requests")"

say "what was cut is gone on with, also at another mirror; what does not fit is begun anew"
serve 1; forget
wants 0 'catalogue 1 is in force'
serve 2
resumed() { # MODE AFTER PATTERN-OF-REQUEST
  fresh_parts
  rm -rf "$store"; cp -r "$work/store-1" "$store"
  mode "$1"
  wants 3 'no source'
  mode "$2"
  : >"$work/requests"
  wants 0 'catalogue 2 is in force'
  is_in_force 2
  grep -q "$3" "$work/requests" || fail "no '$3' in $(cat "$work/requests")"
}
cp -r "$store" "$work/store-1"
resumed cut:1000 ok '^GET /lists/one.list 206 range=bytes=1000- if-range="'
resumed cut:1000 norange '^GET /lists/one.list 200 range=bytes=1000- if-range="'
resumed cut:1000 otherfile '^GET /lists/one.list 200 range= if-range= '
resumed cut:1000 plain '^GET /lists/one.list 200 range=bytes=1000-'
# The wrong part ends this run; the next one goes on from there.
rm -rf "$store"; cp -r "$work/store-1" "$store"
mode cut:1000; wants 3 'no source'
mode otherpart; wants 3 'another part'
mode ok; wants 0 'catalogue 2 is in force'
# At another mirror the part is the same: its hash says so. It has no tag of there.
rm -rf "$store"; cp -r "$work/store-1" "$store"
mode cut:1000; wants 3 'no source'
mode ok; : >"$work/requests"
wants 0 'catalogue 2 is in force' --source "http://127.0.0.1:$web/mirror"
grep -q '^GET /mirror/one.list 206 range=bytes=1000- if-range= ' "$work/requests" || fail "$(cat "$work/requests")"

say "mirrors: the first that answers counts, and one that fails comes last for a while"
rm -rf "$store"; cp -r "$work/store-1" "$store"
option[update.sources]="[http://127.0.0.1:$dead/x, http://127.0.0.1:$web/lists]"
write_config
wants 0 'catalogue 2 is in force, was 1 (http://127.0.0.1:'"$web"'/lists)'
says "127.0.0.1:$dead/x: .*Connection refused\|Failed to connect" <"$work/err" || fail "the dead mirror is not told of: $(cat "$work/err")"
wants 0 'nothing new'
if says "$dead" <"$work/err"; then fail "the dead mirror was asked first again"; fi
option[update.sources]="[http://127.0.0.1:$dead/x, $work/nowhere]"
write_config
wants 3 'no source'
option[update.sources]="[http://127.0.0.1:$web/lists]"
option[update.http]=off
write_config
wants 3 'http:// is off'
option[update.http]=local
serve 3; mode status:503
write_config
wants 3 'answers 503'
mode ok

say "TLS: a CA that is pinned, and none other; redirects to https alone"
make_ca ca; make_ca other
make_certificate server localhost ca 3
make_certificate stranger localhost other 3
start tls python3 "$here/update_server.py" "$tls" "$www" "$work/mode" "$work/requests" "$work/server.pem" "$work/server.key"
wait_until 60 grep -qs ready "$work/tls.out" || fail "the server over TLS does not start"
option[update.sources]="[https://localhost:$tls/lists]"
write_config
wants 3 'certificate' # the system's CAs do not know it
option[update.ca]="$work/other.pem"
write_config
wants 3 'certificate'
option[update.ca]="$work/ca.pem"
option[update.sources]="[https://127.0.0.1:$tls/lists]" # not its name
write_config
wants 3 'certificate\|no alternative'
mode "redirect:http://127.0.0.1:$web/lists"
option[update.sources]="[https://localhost:$tls/lists]"
write_config
wants 3 'no https:// address'
mode loop
wants 3 'more than 5 times'
is_in_force 2
mode "redirect:https://localhost:$tls/elsewhere" # a loop too, of another kind
wants 3 'more than 5 times'
mode ok
wants 0 'catalogue 3 is in force'
if grep -q 'cookie=[^ ]' "$work/requests"; then fail "a cookie was sent"; fi

say "nginx"
mkdir -p "$work/ngx"
cat >"$work/nginx.conf" <<CONF
daemon off; master_process off; pid $work/ngx/pid; error_log $work/nginx.err;
events {}
http { access_log $work/nginx.access; client_body_temp_path $work/ngx; proxy_temp_path $work/ngx; fastcgi_temp_path $work/ngx; uwsgi_temp_path $work/ngx; scgi_temp_path $work/ngx;
  server { listen 127.0.0.1:$nginx; location / { root $work; } } }
CONF
start nginx nginx -e "$work/nginx.err" -c "$work/nginx.conf"
wait_until 60 curl -sfo /dev/null "http://127.0.0.1:$nginx/www/catalogue" || fail "nginx does not start: $(cat "$work/nginx.err")"
unset 'option[update.ca]'
option[update.sources]="[http://127.0.0.1:$nginx/www]"
write_config
forget; serve 1
wants 0 'catalogue 1 is in force'
serve 2
wants 0 'catalogue 2 is in force'
wants 0 'nothing new'
grep -q '"GET /www/catalogue HTTP/1.1" 304' "$work/nginx.access" || fail "nginx was not asked whether it has changed"

say "two runs at once: one of them leaves it alone"
serve 3
exec 8>>"$store/lock"
flock -n 8 || fail "the lock is held by nobody, and cannot be had"
wants 1 'another run'
exec 8>&-
update & one=$!
"$cordon" update -c "$work/cordond.yaml" --rounds 1 >"$work/out2" 2>&1 || says 'another run' <"$work/out2" || fail "$(cat "$work/out2")"
wait "$one" || true
is_in_force 3

say "nobody else can hold the lock"
if [ "$(id -u)" = 0 ]; then
  chmod 711 "$work" # so that the lock's own mode decides
  if setpriv --reuid 65534 --regid 65534 --clear-groups flock -n "$store/lock" true 2>/dev/null; then fail "a stranger can stop updates"; fi
  chmod 700 "$work"
fi

say "a version that comes in force and a newer one that is refused are told both, with a line each"
rm -rf "$store"; cp -r "$work/store-1" "$store"
cp -r "$work/sets/2" "$work/stale"
"$cordon" catalogue make --publisher test --serial 5 --created 2026-01-01 --expires 2026-02-01 "$work/stale" >/dev/null
sign catalogue "$work/stale/catalogue" list-a list-b
cp -r "$work/sets/3" "$work/newer"
for ((i = 0; i < 1500; i++)); do echo "block suffix m$i.rows.example.test"; done | write_list one 9
sign_list "$work/lists/one.list"
cp "$work"/lists/one.list* "$work/newer/"
"$cordon" catalogue make --publisher test --serial 9 --expires 2099-01-01 "$work/newer" >/dev/null
sign catalogue "$work/newer/catalogue" list-a list-b
option[update.sources]="[$work/stale, $work/newer]"
write_config
wants 4 'catalogue 5 is in force, was 1'
says 'refused: what is in force stays' <"$work/err" || fail "the refusal is not told: $(cat "$work/err")"
[ "$(in_force)" = 5 ] || fail "catalogue $(in_force) is in force, not 5"
tail -n 2 "$store/journal" | python3 -c '
import json, sys
a, b = [json.loads(line) for line in sys.stdin]
assert a["outcome"] == "activated" and a["from"]["catalogue"] == 1 and a["to"]["catalogue"] == 5 and a["gate"]["verdict"] != "refuse", a
assert b["outcome"] == "refused" and b["from"]["catalogue"] == 5 and b["to"]["catalogue"] == 9 and b["gate"]["verdict"] == "refuse", b
assert a["source"].endswith("stale") and b["source"].endswith("newer")' || fail "$(tail -n 2 "$store/journal")"
wants 1 '"exit":1' --json # nothing but the refusal is left
python3 -c 'import json, sys; r = json.load(open(sys.argv[1]))["results"]; assert len(r) == 1 and r[0]["outcome"] == "refused"' "$work/out" || fail "$(cat "$work/out")"

say "both files of the ratchet are damaged: refused until somebody has seen to it, and then on from what is in force"
rm -rf "$store"; cp -r "$work/store-1" "$store"
serve 2
option[update.sources]="[$www]"
write_config
wants 0 'catalogue 2 is in force'
wants 1 'there is nothing to acknowledge' acknowledge --reason "by mistake"
wants 2 'say why' acknowledge
wants 2 'say why' acknowledge --reason ' '
serve 3
echo noise >"$store/trust.ratchet"
wants 0 'would come' --dry-run # one file is no loss
: >"$store/trust.ratchet.copy"
wants 1 'cordon update acknowledge'
wants 1 'cordon update acknowledge'
is_in_force 2
"$cordon" update status --json -c "$work/cordond.yaml" >"$work/status.json" 2>/dev/null && fail "status sees nothing"
grep -q '"ratchet":"lost"' "$work/status.json" || fail "$(cat "$work/status.json")"
serve 1
wants 0 'catalogue 2 is in force, and nothing older is taken' acknowledge --reason "ticket 8: compared by telephone"
[[ -e $store/trust.ratchet.damaged && -e $store/trust.ratchet.copy.damaged ]] || fail "what was damaged is gone"
wants 1 'rollback'
serve 3
wants 0 'catalogue 3 is in force'
"$cordon" update history -c "$work/cordond.yaml" | says 'reason: ticket 8: compared' || fail "the word is not written down"
"$cordon" update status -c "$work/cordond.yaml" >/dev/null || fail "status is not content"
# Nothing whole is in force either: as on the first day, and said.
rm -rf "$store"; cp -r "$work/store-1" "$store"
rm "$store/test/current"
echo noise | tee "$store/trust.ratchet" >"$store/trust.ratchet.copy"
wants 0 'as on the first day' acknowledge --reason "ticket 9"
wants 0 'catalogue 3 is in force, the first'

say "a signal ends it at once: in a download, in a wait; what is in force is whole"
ended() { # PID SIGNAL STATUS: soon; the download would take minutes, and the wait hours
  local status=0 began_ns
  began_ns=$(date +%s%N)
  kill "-$2" "$1"
  wait "$1" || status=$?
  [ "$status" = "$3" ] || fail "$2: status $status, not $3"
  [ $((($(date +%s%N) - began_ns) / 1000000)) -lt 20000 ] || fail "$2: it took its time"
}
rm -rf "$store"; cp -r "$work/store-1" "$store"
serve 2
option[update.sources]="[http://127.0.0.1:$web/lists]"
option[update.stalled]=60s
write_config
mode drip:100
for signal in TERM INT; do
  for how in --every --once; do
    rm -rf "$store"; cp -r "$work/store-1" "$store"
    "$CORDON_BUILD/cordon-update" "$how" -c "$work/cordond.yaml" >"$work/out" 2>&1 & one=$!
    halfway() { find "$store/test/incoming" -name 'one.*.part' -size +0 | says .; }
    wait_until 30 halfway || fail "no download begins: $(cat "$work/out")"
    case $how in --every) ended "$one" "$signal" 0 ;; *) ended "$one" "$signal" $((128 + $(kill -l "$signal"))) ;; esac
    is_in_force 1
  done
done
mode ok
"$CORDON_BUILD/cordon-update" --every -c "$work/cordond.yaml" >"$work/every.out" 2>&1 & one=$!
wait_until 30 grep -qs 'catalogue 2 is in force' "$work/every.out" || fail "--every does nothing: $(cat "$work/every.out")"
waits() { ! "$CORDON_BUILD/cordon-update" status -c "$work/cordond.yaml" >/dev/null || [ "$(cut -d ' ' -f 3 "/proc/$one/stat")" = S ]; }
wait_until 60 waits
ended "$one" TERM 0
is_in_force 2
option[update.stalled]=10s
write_config

say "killed at any moment, what is in force is whole, and the next run goes on"
option[update.sources]="[$www]"
write_config
for turn in 1 2 3 4 5 6 7 8; do
  rm -rf "$store"; cp -r "$work/store-1" "$store"
  serve $((2 + turn % 2))
  "$CORDON_BUILD/cordon-update" -c "$work/cordond.yaml" >/dev/null 2>&1 & one=$!
  sleep "0.0$((turn * 11 + 5))"
  kill -KILL "$one" 2>/dev/null || true
  wait "$one" 2>/dev/null || true
  "$cordon" catalogue verify "$store/test/current" >/dev/null || fail "killed, and what is in force is not whole"
  update
  [ "$code" = 0 ] || fail "after a kill: $(cat "$work/out" "$work/err")"
  is_in_force $((2 + turn % 2))
done

say "the running cordond takes up what comes into force"
rm -rf "$store"; cp -r "$work/store-1" "$store"
write_config
mkdir -p "$work/state"
touch "$work/state/trust.ratchet.a1B2c3.new" "$work/state/trust.ratchet.backup"
ln -s trust.ratchet.backup "$work/state/held.jsonl.a1B2c3.new"
start_cordond
[ ! -e "$work/state/trust.ratchet.a1B2c3.new" ] || fail "what a killed process has left is still there"
[[ -e $work/state/trust.ratchet.backup && -L $work/state/held.jsonl.a1B2c3.new ]] || fail "what is somebody's was removed"
ask a.one.example.test; expect 'answer .* A 0\.0\.0\.0'
serve 2
wants 0 'catalogue 2 is in force'
is_at() { status_is "s[\"lists\"][0][\"serial\"] == $1"; }
wait_until 60 is_at 2 || fail "cordond did not take up the new version: $(status 's["lists"]')"
ask a.two.example.test; expect 'answer .* A 0\.0\.0\.0'
serve 3
wants 0 'catalogue 3 is in force'
wait_until 60 is_at 3 || fail "cordond did not take up the next version"
stop_cordond

say "the gate refuses what would block far more; who takes it upon himself is written down"
rm -rf "$store"; cp -r "$work/store-1" "$store"
set_of 4 four.example.test 1500
serve 4
option[update.sources]="[$www]"
write_config
wants 1 'size .*refuse'
is_in_force 1
wants 1 'refused' --dry-run
wants 2 'cannot be overridden' --override trust --reason "no"
wants 0 'catalogue 4 is in force' --override size --reason "ticket 7: the list was split before"
is_in_force 4
"$cordon" update history -c "$work/cordond.yaml" | says 'overridden: size: ticket 7' || fail "the override is not written down"
tail -n 1 "$store/journal" | python3 -c 'import json, sys; r = json.load(sys.stdin); assert r["gate"] and r["overrides"] == ["size"] and r["outcome"] == "activated" and r["uid"] >= 0' ||
  fail "$(tail -n 1 "$store/journal")"

say "another publisher has sources of its own, and what is wrong with one stops no other"
make_keys far-root far-list
mkdir "$work/far"
"$cordon" root make --publisher far --title Far --created 2026-01-01 --expires 2099-01-01 --root-threshold 1 --list-threshold 1 \
  --root-keys "$(k far-root)" --list-keys "$(k far-list)" "$work/far" >/dev/null
sign root "$work/far/1.root" far-root
cp "$work"/far/1.root "$work/pin/far.root"
for file in "$work"/far/1.root.*; do cp "$file" "$work/pin/far.root.${file##*/1.root.}"; done
write_list far 1 <<<'block suffix far.example.test'
mv "$work/lists/far.list" "$work/far/"
sign list "$work/far/far.list" far-list
"$cordon" catalogue make --publisher far --serial 1 --expires 2099-01-01 "$work/far" >/dev/null
sign catalogue "$work/far/catalogue" far-list
option[lists.use]='{one: enforce, far: enforce}'
option[trust.publishers]="{far: {directory: $store/far/current, root: $work/pin/far.root, lists: [far], providers: [far], names: [far.example.test], sources: [$work/far]}}"
write_config
wants 0 'far: catalogue 1 is in force'
"$cordon" catalogue verify "$store/far/current" >/dev/null || fail "the other publisher's set is not whole"
mv "$www" "$work/away"
wants 4 'far: nothing new'
mv "$work/away" "$www"
wants 0 'nothing new' --publisher far
unset 'option[trust.publishers]'
option[lists.use]='{one: enforce}'

say "the updater is another user: it reads the audit log by its group, and nothing else of the daemon's"
if [ "$(id -u)" = 0 ] && mkdir "$work/two" && cp "$cordond" "$CORDON_BUILD/cordon-update" "$work/two/"; then
  two="$work/two" daemon=61001 updater=61002 readers=61003
  chmod 711 "$work"
  chmod -R go+rX "$work/pin" "$work/sets" "$two"
  install -d -m 751 -o "$daemon" -g "$daemon" "$two/state"
  install -d -m 2750 -o "$daemon" -g "$readers" "$two/state/audit"
  install -d -m 755 -o "$updater" -g "$updater" "$two/store"
  as() { setpriv --reuid "$1" --regid "$1" --groups "$2" "${@:3}"; }
  fetch() { # GROUP SERIAL WORDS ARGUMENT...: as the updater, from that set
    code=0
    as "$updater" "$1" "$two/cordon-update" -c "$two/cordond.yaml" --rounds 1 --from "$work/sets/$2" "${@:4}" >"$work/out" 2>"$work/err" || code=$?
    says -- "$3" <"$work/out" || fail "no '$3', status $code: $(cat "$work/out" "$work/err")"
  }
  option[lists.directory]="$two/store/test/current"
  option[update.directory]="$two/store"
  option[state.directory]="$two/state"
  option[control.socket]="$two/state/control.sock"
  option[events.to]="$two/state/events.jsonl"
  option[audit.queries]=on
  option[audit.block-time]=1s
  write_config
  cp "$work/cordond.yaml" "$two/"
  chmod 644 "$two/cordond.yaml"
  fetch "$updater" 1 'catalogue 1 is in force'
  setpriv --reuid "$daemon" --regid "$daemon" --clear-groups "$two/cordond" -c "$two/cordond.yaml" >>"$work/cordond.out" 2>>"$work/cordond.log" </dev/null &
  cordond_pid=$!
  pids+=("$cordond_pid")
  wait_until 30 cordond_is_up || fail "cordond does not answer"
  ask a.one.example.test; expect 'answer .* A 0\.0\.0\.0'
  ask a.two.example.test A --timeout 10
  stop_cordond
  fetch "$readers" 2 'replay .*1 of .* recorded questions' --dry-run
  fetch "$updater" 2 'replay .*skipped.*Permission denied.*cordon-audit' --dry-run
  log="$two/state/audit/0000000001.cordon"
  [ "$(stat -c %a:%u:%g "$log" "$two/state/audit/lock" "$two/state/audit.key" | xargs)" = "640:$daemon:$readers 600:$daemon:$readers 600:$daemon:$daemon" ] ||
    fail "$(stat -c '%a:%u:%g %n' "$log" "$two/state/audit/lock" "$two/state/audit.key")"
  [ -z "$(find "$two/state" -mindepth 1 -perm /007 ! -name audit.key.pub)" ] || fail "strangers: $(find "$two/state" -mindepth 1 -perm /007)"
  as "$updater" "$readers" test -r "$log" || fail "the updater cannot read the log"
  for path in "$log" "$two/state" "$two/state/audit" "$two/state/audit.key"; do
    if as 61004 61004 test -r "$path"; then fail "a stranger can read $path"; fi
  done
  for path in "$two/state" "$two/state/audit/lock" "$two/state/audit.key" "$two/state/trust.ratchet" "$two/state/events.jsonl"; do
    if as "$updater" "$readers" test -r "$path"; then fail "the updater can read $path"; fi
  done
  option[state.directory]="$work/state"
  option[control.socket]="$work/control.sock"
  option[events.to]="$work/events.jsonl"
  unset 'option[audit.queries]' 'option[audit.block-time]'
  chmod 700 "$work"
fi

say "a full disk: what is in force stays, and there is room again"
write_config
if [ "$(id -u)" = 0 ] && mkdir "$work/small" && unshare -m true 2>/dev/null; then
  cat >"$work/full" <<'SCRIPT'
mount -t tmpfs -o size=1m none "$1" || exit 77
cp -r "$2/." "$1/"
dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null
rm -f "$1/test/candidate/"* "$1/test/incoming/"*
"$3" update -c "$4" --rounds 1 --force --reason test >"$5" 2>&1
echo "$?" >>"$5"
"$3" catalogue verify "$1/test/current" >>"$5" 2>&1 || echo BROKEN >>"$5"
rm "$1/ballast"
"$3" update -c "$4" --rounds 1 --force --reason test >>"$5" 2>&1
echo "$?" >>"$5"
SCRIPT
  option[lists.directory]="$work/small/test/current"
  option[update.directory]="$work/small"
  write_config
  unshare -m --propagation private sh "$work/full" "$work/small" "$work/store-1" "$cordon" "$work/cordond.yaml" "$work/full.out" || fail "$(cat "$work/full.out")"
  grep -q 'No space left' "$work/full.out" || fail "$(cat "$work/full.out")"
  if grep -q BROKEN "$work/full.out"; then fail "a full disk broke what is in force: $(cat "$work/full.out")"; fi
  [ "$(grep -xE '[0-9]' "$work/full.out" | xargs)" = "1 0" ] || fail "$(cat "$work/full.out")"
fi
