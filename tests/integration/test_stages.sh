#!/bin/bash
# Stages: a newer version of a list is recorded first, then counts for a share of the clients, then for a view, then for
# all; by time and by command, over reloads, restarts and kill -9; a still newer one begins again, a rollback ends it, and
# what cannot be had of the version before costs the stages and nothing else.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

state="$work/state"
make_keys list-a list-b list-c
option[lists.use]='{shop: enforce, other: {mode: enforce, stages: off}}'
option[lists.stages]='[{for: 1h, mode: log}, {for: 1h, share: 50%}, {for: 1h, views: [pilot]}]'
option[views.pilot]='{clients: [127.0.9.0/24]}'
option[upstreams.servers]='[127.0.0.1@9]'
option[access.allow]='[127.0.0.0/8]'

tool() { "$cordon" "$@" --socket "$work/control.sock"; }
refused() { # WORDS COMMAND...
  local words=$1
  shift
  if "$@" >"$work/last" 2>&1; then fail "was not refused: $*: $(cat "$work/last")"; fi
  says -- "$words" <"$work/last" || fail "$*: not '$words' but $(cat "$work/last")"
}
accepted() { "$@" >"$work/last" 2>&1 || fail "$*: $(cat "$work/last")"; }
publish() { # SERIAL: shop blocks sSERIAL.example and all.example
  new_list shop "$1" <<<"block suffix s$1.example
block suffix all.example"
  new_list other "$1" <<<"block suffix other$1.example"
}
take() { # SERIAL
  publish "$1"
  reload || fail "$(cat "$work/reload")"
}
from() { # NAME ADDRESS...: the serial of shop that blocks it for each client, or "-"
  python3 - "$host" "$port" "$@" <<'PYTHON'
import re, socket, struct, sys
host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
question = struct.pack("!6H", 7, 0x100, 1, 0, 0, 1) + labels + b"\0\0\1\0\1" + b"\0\0\x29\x04\xd0" + bytes(6)
for client in sys.argv[4:]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.bind((client, 0))
        sock.sendto(question, (host, port))
        found = re.search(rb"shop ([0-9]+)$", sock.recv(4096))
        print(found[1].decode() if found else "-", end=" " if client != sys.argv[-1] else "\n")
PYTHON
}
clients() { # NAME: how many of 40 clients are blocked by which serial
  from "$1" 127.0.1.{1..40} | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' '
}
stage_is() { # EXPRESSION in t, the stages of shop
  tool list stages --json >"$work/stages.json" || fail "$(cat "$work/stages.json")"
  python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["stages"]; sys.exit(not eval(sys.argv[2]))' \
    "$work/stages.json" "$1" || fail "not $1: $(cat "$work/stages.json")"
}
# The time of the stage is over: it was in force for an hour, as cordond has written down.
let_time_pass() { sed -i 's/^\(list shop .* [0-9]* [0-9]* [0-9]*\) [0-9]*$/\1 3600/' "$state/stages"; }

publish 3
write_config
start_cordond

say "a first start has no stages"
stage_is 't == []'
tool list stages | says 'No newer version is being brought in' || fail "$(tool list stages)"
[ "$(from s3.example 127.0.1.1)" = 3 ] || fail "serial 3 is not in force"
refused 'no newer version of list shop is brought in' tool list advance shop --reason test

say "a newer version is recorded first, and changes no answer"
take 5
stage_is 'len(t) == 1 and t[0]["list"] == "shop" and t[0]["serial"] == 3 and t[0]["newer"] == 5 and t[0]["stage"] == 1 and t[0]["stages"] == 3 and t[0]["what"] == "log" and t[0]["until"] is not None'
[ "$(clients all.example)" = " 40 3 " ] || fail "$(clients all.example)"
[ "$(from s3.example 127.0.1.1)/$(from s5.example 127.0.1.1)" = 3/- ] || fail "the newer version has a say"
wait_until 30 events_are 1 'e["event"] == "decision" and e["stage"] == "trial-held" and e["serial"] == 3 and e["name"] == "s3.example" and e["mode"] == "log" and not e["applied"]'
wait_until 30 events_are 1 'e["event"] == "decision" and e["stage"] == "trial-newer" and e["serial"] == 5 and e["name"] == "s5.example" and e["mode"] == "log" and not e["applied"]'
wait_until 30 events_are 40 'e["event"] == "decision" and e["stage"] == "trial-both" and e["serial"] == 5 and e["name"] == "all.example"'
wait_until 30 events_are 41 'e["event"] == "decision" and e["stage"] == "held" and e["serial"] == 3 and e["applied"]'
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "stage-begun" and e["list"] == "shop" and e["serial"] == 5 and e["serial_before"] == 3 and e["stage"] == "log" and e["by"] == "cordond"'
ask other5.example
expect 'ede .* other 5' # stages: off
status_is 's["stages"][0]["newer"] == 5 and [l["staged"] for l in s["lists"] if l["id"] == "shop"] == [5]' || fail "$(status 's["stages"]')"
for look in "check $work/cordond.yaml" "explain s5.example -c $work/cordond.yaml"; do
  # shellcheck disable=SC2086 # words
  { "$cordon" $look 2>&1 || true; } | says 'shop: cordond brings in serial 5 .*until then serial 3 counts' ||
    fail "cordon $look does not say so: $("$cordon" $look 2>&1)"
done
tool explain --live s5.example | says 'another version of its list counts here' || fail "$(tool explain --live s5.example)"

say "by command to the next stage: half of the clients, and always the same"
refused 'say why' tool list advance shop
accepted tool list advance shop --reason "nothing was seen"
says 'shop: serial 5 is at stage 2 of 3, 50% of clients, generation' <"$work/last" || fail "$(cat "$work/last")"
{ tool status || true; } | says 'serial 5 is brought in, at stage 2 of 3: 50% of clients, until' || fail "$(tool status)"
stage_is 't[0]["stage"] == 2 and t[0]["share"] == 500 and t[0]["what"] == "50% of clients"'
half=$(clients all.example)
says '^ [0-9]* 3 [0-9]* 5 $' <<<"$half" || fail "not both: $half"
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "stage-advanced" and e["stage"] == "50% of clients" and e["reason"] == "nothing was seen" and e["by"] == "control" and e["uid"] is not None'
newer=${half% 5 } newer=${newer##* }
wait_until 30 events_are "$newer" 'e["event"] == "decision" and e["stage"] == "newer" and e["serial"] == 5 and e["applied"] and e["view"] == "default"'
for i in 1 2 3; do
  old=$(from s3.example "127.0.1.$i")
  new=$(from s5.example "127.0.1.$i")
  [ "$old/$new" = 3/- ] || [ "$old/$new" = -/5 ] || fail "127.0.1.$i is between the versions: $old/$new"
  tool why all.example --client "127.0.1.$i" | says "list shop, version $(from all.example "127.0.1.$i")" ||
    fail "why knows otherwise: $(tool why all.example --client "127.0.1.$i")"
done

say "reload, restart and kill -9: the same clients"
reload || fail "$(cat "$work/reload")"
[ "$(clients all.example)" = "$half" ] || fail "$(clients all.example), not $half"
stop_cordond
python3 "$here/audit_read.py" "$state/audit" decisions >"$work/audit" || fail "the audit log cannot be read"
for word in held newer trial-newer trial-held trial-both; do
  says "\"state\": \"$word\"" <"$work/audit" || fail "no $word in the audit log: $(head -3 "$work/audit")"
done
python3 "$here/audit_read.py" "$state/audit" changes | says '"state": "50% of clients"' || fail "no share in the audit log"
id=$("$cordon" audit search --log "$state/audit" --list shop --newest --json --quiet | python3 -c 'import json, sys
print([e["id"] for e in map(json.loads, sys.stdin) if e["stage"] == "newer"][0])')
"$cordon" audit why --log "$state/audit" "$id" | says 'serial 5 by stages: 50% of clients, since' || fail "why says nothing of the share: $("$cordon" audit why --log "$state/audit" "$id")"
start_cordond
[ "$(clients all.example)" = "$half" ] || fail "after a restart $(clients all.example), not $half"
kill -KILL "$cordond_pid"
wait "$cordond_pid" 2>/dev/null || true
start_cordond
[ "$(clients all.example)" = "$half" ] || fail "after kill -9 $(clients all.example), not $half"
stage_is 't[0]["stage"] == 2'

say "the wall clock ends no stage: neither one that jumped, nor time without cordond"
stop_cordond
sed -i 's/^\(list shop .* [0-9]* [0-9]*\) [0-9]* \([0-9]*\)$/\1 1000000000 \2/' "$state/stages"
start_cordond
stage_is 't[0]["stage"] == 2 and t[0]["since"] == "2001-09-09T01:46:40Z" and t[0]["spent_s"] < 3000'
[ "$(clients all.example)" = "$half" ] || fail "$(clients all.example), not $half"

say "its time is over: the next stage, and who has the newer version keeps it"
pilots() { from s5.example 127.0.9.{1..40} | tr ' ' '\n' | sort -u | paste -sd ' '; } # which of them there are
[ "$(pilots)" = "- 5" ] || fail "the pilots have it already: $(pilots)"
stop_cordond
let_time_pass
start_cordond
stage_is 't[0]["stage"] == 3 and t[0]["views"] == ["pilot"] and t[0]["share"] == 500 and t[0]["what"] == "50% of clients and views pilot"'
[ "$(pilots)" = 5 ] || fail "not all are pilots: $(from s5.example 127.0.9.{1..40})"
[ "$(clients all.example)" = "$half" ] || fail "$(clients all.example), not $half"

say "a still newer one begins again, beside the one that counts for all"
take 6
stage_is 't[0]["serial"] == 3 and t[0]["newer"] == 6 and t[0]["stage"] == 1 and t[0]["what"] == "log"'
[ "$(clients all.example)" = " 40 3 " ] || fail "$(clients all.example)"

say "after the last stage it counts for all"
accepted tool list advance shop --all --reason "urgent: a phishing wave"
says 'shop: serial 6 counts for all' <"$work/last" || fail "$(cat "$work/last")"
stage_is 't == []'
[ "$(clients all.example)" = " 40 6 " ] || fail "$(clients all.example)"
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "stage-done" and e["serial"] == 6 and e["serial_before"] == 3 and e["stage"] is None and e["reason"] == "urgent: a phishing wave"'

say "a rollback ends the stages, and so does a version that is gone"
take 7
stage_is 't[0]["newer"] == 7'
accepted tool list rollback shop --to 6 --reason test
stage_is 't == []'
wait_until 30 events_are 1 'e["event"] == "change" and e["what"] == "stage-ended" and e["serial"] == 7'
[ "$(clients all.example)" = " 40 6 " ] || fail "$(clients all.example)"
refused 'list shop is rolled back to serial 6, which ended its stages.*cordon list release shop' tool list advance shop --reason test
accepted tool list release shop --reason test
stage_is 't[0]["serial"] == 6 and t[0]["newer"] == 7 and t[0]["stage"] == 1'

say "a list that is taken out of use for a while begins again, and never counts for all at once"
accepted tool list advance shop --reason test
stage_is 't[0]["stage"] == 2'
uses=${option[lists.use]}
option[lists.use]='{other: {mode: enforce, stages: off}}'
write_config
reload || fail "$(cat "$work/reload")"
stage_is 't == []'
refused 'no newer version of list shop is brought in' tool list advance shop --reason test
stop_cordond
start_cordond
option[lists.use]=$uses
write_config
reload || fail "$(cat "$work/reload")"
stage_is 't[0]["serial"] == 6 and t[0]["newer"] == 7 and t[0]["stage"] == 1'
[ "$(clients all.example)" = " 40 6 " ] || fail "$(clients all.example)"

say "the version before is gone, or damaged: the newer one counts for all, with a warning"
kept=$(echo "$state"/lists/shop/6-*.list)
cp "$kept" "$work/kept"
echo "# more" >>"$kept"
reload || fail "$(cat "$work/reload")"
says 'counts for all at once, without stages' <"$work/reload" || fail "no warning: $(cat "$work/reload")"
stage_is 't == []'
[ "$(clients all.example)" = " 40 7 " ] || fail "$(clients all.example)"

say "what was written down of stages is gone, or nonsense: a start all the same, and without stages"
stop_cordond
printf 'cordon-stages 1\nlist shop what\n' >"$state/stages"
printf 'short' >"$state/stages.key"
publish 8
start_cordond
stage_is 't == []'
[ "$(clients all.example)" = " 40 8 " ] || fail "$(clients all.example)"
[ "$(wc -c <"$state/stages.key")" = 16 ] || fail "there is no new key"

say "without lists.stages newer versions count for all at once, and so do those on their way"
take 9
stage_is 't[0]["newer"] == 9'
option[lists.stages]=none
write_config
reload || fail "$(cat "$work/reload")"
stage_is 't == []'
[ "$(clients all.example)" = " 40 9 " ] || fail "without stages $(clients all.example)"
