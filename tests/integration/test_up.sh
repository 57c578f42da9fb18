#!/bin/bash
# deploy/up as far as it goes without a build, cordond in a network namespace with nothing but
# loopback, and configurations that are refused with their place. (test_start.sh has the ports.)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# run CODE COMMAND...: what it says is in $said.
run() {
  local expected=$1 code=0
  shift
  timeout 120 "$@" >"$work/said" 2>&1 </dev/null || code=$?
  said=$(cat "$work/said")
  [ "$code" -eq "$expected" ] || fail "$* ended with $code, not $expected: $said"
}
says() { [[ $said =~ $1 ]] || fail "no '$1' in: $said"; }

say "deploy/up --check says what it would do and does nothing"
before=$(find "$CORDON_ROOT" -maxdepth 1 | sort)
run 0 "$CORDON_ROOT/deploy/up" --check
says 'install'
says 'build'
says 'quickstart\.yaml'
says 'Nothing was done'
# The line for a second terminal is one that a shell takes: the README's commands stand on it.
exported=$(grep -o 'export PATH=.*' "$work/said") || fail "no line for a second terminal: $said"
(eval "$exported"; [ "$CORDON_CONFIG" = "$CORDON_ROOT/deploy/quickstart.yaml" ] && [ "${PATH%%:*}" = "$CORDON_ROOT/build-release" ]) ||
  fail "a second terminal would have something else: $exported"
run 0 "$CORDON_ROOT/deploy/up" --check --port 5333
says '5333'
says "CORDON_CONFIG='$CORDON_ROOT/run/quickstart.yaml'"
[ "$(find "$CORDON_ROOT" -maxdepth 1 | sort)" = "$before" ] || fail "something was made"
run 0 "$CORDON_ROOT/deploy/up" --help
says 'Usage'
run 2 "$CORDON_ROOT/deploy/up" --prot 1
run 2 "$CORDON_ROOT/deploy/up" --port
run 2 "$CORDON_ROOT/deploy/up" --port dns
run 2 "$CORDON_ROOT/deploy/up" --port 70000
run 2 "$CORDON_ROOT/deploy/up" --config "$work/nonexistent"
mkdir "$work/it's mine"
touch "$work/mine.yaml" "$work/it's mine/a.yaml"
run 0 "$CORDON_ROOT/deploy/up" --check --config "$work/it's mine/a.yaml"
(eval "$(grep -o 'export PATH=.*' "$work/said")"; [ "$CORDON_CONFIG" = "$work/it's mine/a.yaml" ]) || fail "a path with a quote: $said"
(
  cd "$work"
  run 0 "$CORDON_ROOT/deploy/up" --check --config mine.yaml # of where the caller is
  says "$work/mine\.yaml"
) || fail "a configuration in the caller's folder"

say "configurations are refused by line and column, all faults at once"
make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
option[lists.use]='{one: enforce}'
write_config
run 0 "$cordon" check "$work/cordond.yaml"
run 0 "$cordond" --check -c "$work/cordond.yaml"
# refused LINE COLUMN WORDS <CONFIGURATION: both programs say FILE:LINE:COLUMN: ...WORDS...
refused() {
  local program
  cat >"$work/bad.yaml"
  for program in "$cordon check" "$cordond --check -c" "$cordond -c"; do
    # shellcheck disable=SC2086 # words
    run 1 $program "$work/bad.yaml"
    says "bad\\.yaml:$1:$2: .*$3"
  done
}
refused 2 3 'listn.*listen' <<'YAML'
server:
  listn: [127.0.0.1@5300]
YAML
refused 3 3 'listen' <<'YAML'
server:
  listen: [127.0.0.1@5300]
  listen: [127.0.0.1@5301]
YAML
refused 2 12 '127\.0\.0\.256' <<'YAML'
server:
  listen: [127.0.0.256@5300]
YAML
refused 2 13 'inet7' <<'YAML'
upstreams:
  servers: [inet7]
YAML
refused 2 9 'entforce|enforce' <<'YAML'
policy:
  mode: entforce
YAML
refused 2 9 '64' <<'YAML'
cache:
  size: 64
YAML
refused 2 14 '.' <<'YAML'
policy:
  block-ttl: -1s
YAML
refused 3 10 'enforce' <<'YAML'
lists:
  use:
    one: enforced
YAML
refused 2 11 '[Aa]nchor|&' <<'YAML'
server:
  listen: &here [127.0.0.1@5300]
YAML
refused 3 1 '[Tt]ab|.' <<'YAML'
policy:
  mode: log
	action: nxdomain
YAML
refused 2 1 'severs|unknown|known' <<'YAML'
# a section that does not exist
severs:
  listen: [127.0.0.1@5300]
YAML
refused '[0-9]+' '[0-9]+' '.*document' <<'YAML'
policy:
  mode: log
---
policy:
  mode: enforce
YAML
refused 2 13 'itself|listen' <<YAML
upstreams:
  servers: [127.0.0.1@5300]
server:
  listen: [127.0.0.1@5300]
YAML
# Two faults, both told.
cat >"$work/bad.yaml" <<'YAML'
policy:
  mod: log
cache:
  size: lots
YAML
run 1 "$cordon" check "$work/bad.yaml"
says 'bad\.yaml:2:3: '
says 'bad\.yaml:4:9: '
run 1 "$cordon" check "$work/none.yaml"
says 'none\.yaml'
printf 'policy:\n  mode: "\xff\xfe"\n' >"$work/bad.yaml"
run 1 "$cordon" check "$work/bad.yaml"
head -c 2000000 /dev/zero >"$work/bad.yaml"
run 1 "$cordon" check "$work/bad.yaml"

say "a machine with no network but loopback"
if unshare -rn true 2>/dev/null; then space=(unshare -rn); elif unshare -n true 2>/dev/null; then space=(unshare -n); else
  fail "no network namespace can be made here: run the tests as root or allow user namespaces"
fi
option[upstreams.servers]='[192.0.2.53, "2001:db8::53"]'
write_config
cat >"$work/inside" <<'SCRIPT'
set -eu
ip link set lo up
"$1" -c "$2/cordond.yaml" >"$2/cordond.out" 2>"$2/cordond.log" &
pid=$!
for _ in $(seq 1 600); do
  if grep -q '^try' "$2/cordond.log"; then break; fi
  sleep 0.1
done
# An address of its own beside the loopback's, for the answers of a wildcard.
python3 "$3/ask.py" 127.0.0.1 "$4" blocked.test A >"$2/inside.blocked"
python3 "$3/ask.py" ::1 "$4" blocked.test AAAA >"$2/inside.blocked6"
python3 "$3/ask.py" 127.0.0.1 "$4" free.test A >"$2/inside.free"
kill -TERM $pid
wait $pid
SCRIPT
timeout 180 "${space[@]}" bash "$work/inside" "$cordond" "$work" "$here" "$port" || fail "in the namespace: $(cat "$work/cordond.log")"
no_sanitizer_reports || fail "cordond's log holds a report of a sanitizer"
grep -q 'No upstream can be reached' "$work/cordond.log" || fail "the first screen does not say it: $(cat "$work/cordond.log")"
grep -q '192\.0\.2\.53.*unreachable' "$work/cordond.log" || fail "the first screen does not name the upstream: $(cat "$work/cordond.log")"
answer=$(cat "$work/inside.blocked") asked="blocked.test"
expect 'answer blocked\.test\. 10 A 0\.0\.0\.0'
answer=$(cat "$work/inside.blocked6")
expect 'answer blocked\.test\. 10 AAAA ::'
answer=$(cat "$work/inside.free") asked="free.test"
expect 'rcode SERVFAIL' 'ede (22|23) .*unreachable.*'
[ "$(milliseconds)" -lt 3500 ] || fail "SERVFAIL took $(milliseconds) ms though there is no network" # 4 s: it would have waited
