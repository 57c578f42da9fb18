#!/bin/bash
# New lists under load: what takes long is done at low priority.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
start_fake "$upstream_port"
option[lists.use]='{wide: enforce}'
{ for i in $(seq 1 30000); do echo "block suffix w$i.wide.test"; done; } | new_list wide 1
write_config
start_cordond

say "a reload compiles at nice 19, as a batch, and nothing else of the daemon does"
{ for i in $(seq 1 30000); do echo "block suffix x$i.wide.test"; done; } | write_list wide 2
sign_list "$work/lists/wide.list"
python3 "$here/builder_priority.py" "$cordond_pid" 20 >"$work/priority" &
watcher=$!
reload || fail "reload: $(cat "$work/reload")"
wait "$watcher" || fail "no thread of the name was seen"
says '^builder nice=19 policy=3$' <"$work/priority" || fail "$(cat "$work/priority")"
says '^others nice=0 policy=0$' <"$work/priority" || fail "$(cat "$work/priority")"
ask www.x7.wide.test A
expect 'answer .* A 0\.0\.0\.0'

stop_cordond
