#!/bin/bash
# A list that is held while the folder of its publisher is broken: it stays, if the keys that counted last have signed
# it; what they have not signed, and what is lost, gives way to what was accepted last. A start always works.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

state="$work/state"
make_keys list-a list-b list-c far-root far-old far-new
option[lists.use]='{shop: enforce, far: enforce}'
option[upstreams.servers]='[127.0.0.1@9]'
option[trust.publishers]="{far: {directory: $work/far, root: $work/far.root, lists: [far], providers: [far], names: [far.example]}}"

tool() { "$cordon" "$@" --socket "$work/control.sock"; }
accepted() { "$@" >"$work/last" 2>&1 || fail "$*: $(cat "$work/last")"; }
refused() { # WORDS COMMAND...
  local words=$1
  shift
  if "$@" >"$work/last" 2>&1; then fail "was not refused: $*: $(cat "$work/last")"; fi
  says -- "$words" <"$work/last" || fail "$*: not '$words' but $(cat "$work/last")"
}
sign() { # KIND FILE KEY
  accepted "$cordon" "$1" sign --key "$work/keys/$3.key" "$2"
}
publish_far() { # SERIAL KEY
  write_list far "$1" <<<"block suffix s$1.far.example"
  mv "$work/lists/far.list" "$work/far/"
  rm -f "$work"/far/*.list.* "$work"/far/catalogue*
  sign list "$work/far/far.list" "$2"
  accepted "$cordon" catalogue make --publisher far --serial "$1" --expires 2099-01-01 "$work/far"
  sign catalogue "$work/far/catalogue" "$2"
}
reload_partly() { reload || says 'partly in force' <"$work/reload" || fail "$(cat "$work/reload")"; }
decides() { # SERIAL NOT...
  local other
  status_is "[l['serial'] for l in s['lists'] if l['id'] == 'far'] == [$1]" || fail "far is not at $1: $(status 's["lists"]')"
  ask "s$1.far.example"
  expect "answer s$1.far.example. .* A 0.0.0.0" "ede .* far $1"
  for other in "${@:2}"; do
    ask "s$other.far.example"
    expect_not 'answer .*'
  done
}
break_far() { mv "$work/far" "$work/far.away"; }
mend_far() { mv "$work/far.away" "$work/far"; }
held_is() { status_is "[h['state'] for h in s['held']] == ['$1']" || fail "not $1: $(status 's["held"]')"; }

mkdir "$work/far"
accepted "$cordon" root make --publisher far --title Far --expires 2099-01-01 --root-threshold 1 --list-threshold 1 \
  --root-keys "$work/keys/far-root.pub" --list-keys "$work/keys/far-old.pub" "$work/far"
sign root "$work/far/1.root" far-root
cp "$work/far/1.root" "$work/far.root"
cp "$work"/far/1.root.*.minisig "$work/"
for file in "$work"/1.root.*.minisig; do mv "$file" "$work/far.root.${file#"$work/1.root."}"; done
new_list shop 1 <<<'block suffix shop.example'
publish_far 1 far-old
write_config
start_cordond
for serial in 2 3; do
  publish_far "$serial" far-old
  reload || fail "$(cat "$work/reload")"
done
decides 3 1 2

say "held, and its folder breaks: held all the same, over a restart, too"
accepted tool list rollback far --to 2 --reason test
decides 2 3
break_far
reload_partly
decides 2 3
stop_cordond
start_cordond
decides 2 3
held_is held

say "the held version is lost meanwhile: what was accepted last counts, and a start works"
stop_cordond
mv "$state"/lists/far/2-* "$work/"
start_cordond
held_is lost
decides 3 2
ask shop.example
expect 'answer .* A 0.0.0.0'
stop_cordond
mv "$work"/2-* "$state/lists/far/"
start_cordond
decides 2 3
mend_far
reload || fail "$(cat "$work/reload")"
decides 2 3
accepted tool list release far --reason test
decides 3 2

say "keys are replaced while it is held: lost, and a folder that breaks does not bring it back"
accepted tool list rollback far --to 2 --reason test
accepted "$cordon" key rotate --root "$work/far/1.root" --expires 2099-01-01 "$work/keys/far-old.pub" "$work/keys/far-new.pub"
sign root "$work/far/2.root" far-root
publish_far 4 far-new
reload || fail "$(cat "$work/reload")"
held_is lost
decides 4 2
break_far
reload_partly
held_is lost
decides 4 2
refused 'cannot be had' tool list rollback far --to 3 --reason test
decides 4 2 3
stop_cordond
start_cordond
held_is lost
decides 4 2 3
mend_far
reload || fail "$(cat "$work/reload")"
accepted tool list release far --reason test
decides 4

say "its folder breaks while a newer version is brought in: who has it keeps it, over a restart, too"
share() { # a letter for each of forty clients: whether it has serial 5; who does is drawn by chance
  for i in {1..40}; do
    if tool why s5.far.example --client "127.0.1.$i" | says 'BLOCKED by cordon'; then printf 5; else printf 4; fi
  done
}
option[lists.stages]='[{for: 1h, share: 60%}]'
write_config
reload || fail "$(cat "$work/reload")"
publish_far 5 far-new
reload || fail "$(cat "$work/reload")"
tool list stages >"$work/stages"
says 'far: serial 4 is in force; serial 5 is at stage 1 of 1, 60% of clients, since .* until' <"$work/stages" || fail "$(cat "$work/stages")"
share >"$work/share"
says 45 <"$work/share" || says 54 <"$work/share" || fail "not both: $(cat "$work/share")"
break_far
reload_partly
tool list stages | cut -d, -f1,2 | cmp - <(cut -d, -f1,2 "$work/stages") || fail "$(tool list stages)"
share | cmp - "$work/share" || fail "other clients have it"
stop_cordond
start_cordond
share | cmp - "$work/share" || fail "other clients have it after a restart"

say "and is lost: it waits, and the older one counts for all"
stop_cordond
mkdir "$work/away"
mv "$state"/lists/far/5-* "$work/away/"
start_cordond
decides 4 5
tool list stages | says 'far: serial 4 is in force for all; serial 5, at stage 1 of 1 since [-0-9TZ:]*, waits: the folder' || fail "$(tool list stages)"
{ tool status || true; } | says 'serial 5 is brought in, at stage 1 of 1: it waits' || fail "$(tool status)"
refused 'serial 5 of list far cannot be had for now' tool list advance far --reason test
mend_far
reload || fail "$(cat "$work/reload")"
share | cmp - "$work/share" || fail "other clients have it once the folder is mended"
stop_cordond
