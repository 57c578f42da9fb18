#!/bin/bash
# Proofs that stand alone and witnesses, as an auditor, an operator and a witness use them. What cordon says is said by an
# independent checker, too (proof_check.py: the specifications and OpenSSL), and the other way round.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list one 1 <<<'block suffix blocked.test'
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.queries]=on
option[audit.block-time]=1s
option[audit.checkpoint-time]=1s
option[audit.origin]=resolver.test/audit
log="$work/state/audit"
check="$here/proof_check.py"

blocked() { # COUNT PREFIX: questions that are blocked, each by its own name; of one socket, so one worker has them in order
  local i
  for ((i = 0; i < $1; i++)); do echo "$2$i.blocked.test A"; done >"$work/questions"
  dnsperf -s "$host" -p "$port" -d "$work/questions" -n 1 -c 1 -t 30 >"$work/dnsperf" 2>&1
  grep -qE "Queries completed: +$1 " "$work/dnsperf" || fail "answers stopped: $(cat "$work/dnsperf")"
}
run() { # a start, some questions, a stop: some blocks, and a checkpoint over all of them
  start_cordond
  blocked 20 "$1"
  stop_cordond
}
audit() { "$cordon" audit "$@"; }
refused() { # PATTERN COMMAND...: exit status 1, and why
  local got=0
  "${@:2}" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq 1 ] || fail "exit status $got: ${*:2}: $(cat "$work/out" "$work/err")"
  says -E "$1" <"$work/err" || fail "no '$1' from ${*:2}: $(cat "$work/out" "$work/err")"
}

say "a proof stands alone: of a decision, a question, a change; cordon and another checker agree"
write_config
run a
run b
key=$(audit key -c "$work/cordond.yaml")
cp "$work/state/audit.key.pub" "$work/log.pub"
for id in d27 q31 c0; do
  audit prove -c "$work/cordond.yaml" --output "$work/$id.proof" "$id"
  mkdir -p "$work/alone"
  (cd "$work/alone" && audit check --key "$key" "$work/$id.proof" >"$work/shown") || fail "$id: $(cat "$work/shown")"
  says "^PROVEN: event $id is in the log resolver.test/audit$" <"$work/shown" || fail "$(cat "$work/shown")"
  audit check --key "$work/log.pub" --json <"$work/$id.proof" >"$work/shown.json"
  python3 "$check" proof "$work/$id.proof" "$key" >"$work/checked.json" || fail "$id: the other checker"
  python3 - "$work/shown.json" "$work/checked.json" "$id" <<'PYTHON' || fail "$id: $(cat "$work/shown.json" "$work/checked.json")"
import json, sys
ours, theirs = (json.load(open(path)) for path in sys.argv[1:3])
assert ours["proven"] and ours["id"] == ours["shown"]["id"] == theirs["id"] == sys.argv[3]
assert (ours["block"], ours["blocks"]) == (theirs["block"], theirs["blocks"])
for field in ("name", "view", "what", "rule"):
    assert ours["shown"].get(field) == theirs["event"].get(field), field
PYTHON
  python3 - "$work/$id.proof" "$id" <<'PYTHON' || fail "$id: its proof shows others"
import base64, sys
extra = base64.b64decode(open(sys.argv[1], "rb").read().split(b"\n")[1][6:])
wanted = {"d": 2, "q": 1, "c": 0}[sys.argv[2][0]]  # name and matched, name, none
assert extra.count(b"\7blocked\4test\0") == wanted, extra.count(b"\7blocked\4test\0")
PYTHON
done
audit check --key "$key" "$work/d27.proof" >"$work/shown"
says -E '^  name +b7\.blocked\.test$' <"$work/shown" || fail "$(cat "$work/shown")"
says -E '^  status_citation +1 TEST 2$' <"$work/shown" || fail "no legal basis: $(cat "$work/shown")"

say "anything else is refused, by both"
python3 - "$work/d27.proof" "$work" <<'PYTHON' # one bit in each kind of octets; lines that were moved, left out, put in
import base64, struct, sys
proof = open(sys.argv[1], "rb").read()
lines = proof.split(b"\n")
extra = base64.b64decode(lines[1][6:])
salt = 263 + 32 * struct.unpack_from("<H", extra, 261)[0]
places = {"first-line": 3, "extra-header": len(lines[0]) + 30, "extra-path": len(lines[0]) + 7 + 380, "extra-salt": len(lines[0]) + 7 + 4 * (salt // 3 + 1), "extra-event": proof.index(b"\nindex") - 40,
          "index": proof.index(b"\nindex") + 7, "path": proof.index(b"\n", proof.index(b"\nindex") + 1) + 9,
          "origin": proof.index(b"\n\n") + 4, "size": proof.index(b"\n\n") + 2 + len(b"resolver.test/audit") + 1,
          "root": proof.index(b"\n\n") + 2 + len(b"resolver.test/audit") + 8, "time": proof.index(b"\ntime") + 9,
          "config": proof.index(b"\nconfig") + 12, "list": proof.index(b"\nlist") + 7, "key-id": proof.rindex(b" ") + 3, "signature": proof.rindex(b" ") + 40}

def with_extra(octets):
    return b"\n".join([lines[0], b"extra " + base64.b64encode(octets)] + lines[2:])

for name, at in places.items():
    bad = bytearray(proof)
    bad[at] ^= 1
    open("%s/bad-%s" % (sys.argv[2], name), "wb").write(bad)
others = {"cut": proof[:-40], "half": proof[:len(proof) // 2], "empty": b"", "longer": proof + b"x\n", "no-newline": proof[:-1],
          "path-short": b"\n".join(lines[:3] + lines[4:]), "path-long": b"\n".join(lines[:3] + [lines[3]] + lines[3:]),
          "large": proof + b"\n" * 600000, "no-salt": with_extra(extra[:salt] + extra[salt + 16:]),
          "another-place": with_extra(extra[:257] + bytes([extra[257] ^ 1]) + extra[258:]), "version-1": with_extra(b"\1" + extra[1:]),
          "version-2": with_extra(b"\2" + extra[1:]), "version-3": with_extra(b"\3" + extra[1:])}
for name, octets in others.items():
    open("%s/bad-%s" % (sys.argv[2], name), "wb").write(octets)
PYTHON
for bad in "$work"/bad-*; do
  refused 'NOT PROVEN|too large|larger' "$cordon" audit check --key "$key" "$bad"
  ! python3 "$check" proof "$bad" "$key" >/dev/null 2>&1 || fail "the other checker takes $bad"
done
option[audit.origin]=another.test/audit
option[state.directory]="$work/state-2"
write_config
run x
other=$(audit key -c "$work/cordond.yaml")
refused 'not signed by this key' "$cordon" audit check --key "$other" "$work/d27.proof"
# Its checkpoint, under this proof; its key under this name.
audit prove -c "$work/cordond.yaml" d3 >"$work/other.proof"
{ sed '/^$/,$d' "$work/d27.proof"; sed -n '/^$/,$p' "$work/other.proof"; } >"$work/mixed"
refused 'not what the checkpoint has signed' "$cordon" audit check --key "$other" "$work/mixed"
refused 'not signed by this key' "$cordon" audit check --key "$key" "$work/mixed"
refused 'no such event' "$cordon" audit prove -c "$work/cordond.yaml" d999
option[audit.origin]=resolver.test/audit
option[state.directory]="$work/state"
write_config

say "witnesses: a second cordon, and one that is no cordon at all"
w1="$work/witness-1"
w1_key=$(audit witness key --dir "$w1" --name witness.test/one)
openssl genpkey -algorithm ed25519 -out "$work/w2.pem" 2>/dev/null
w2_key=$(python3 "$check" key witness.test/two "$work/w2.pem")
ask_witness() { audit cosign ask -c "$work/cordond.yaml" --witness "$w1_key" -- "$cordon" audit witness sign --dir "$w1"; }
sizes() { # of the checkpoints that are kept beside the log
  find "$log/cosigned" -name '*.checkpoint' -printf '%f\n' | sort
}
got=0
ask_witness >"$work/out" 2>"$work/err" || got=$?
if [ "$got" -ne 3 ] || ! says 'unknown-origin' <"$work/err"; then fail "a log that it does not know: $got $(cat "$work/err")"; fi
audit witness add --dir "$w1" "$key" | says 'is known from now on' || fail "not added"
refused 'by another key' "$cordon" audit witness add --dir "$w1" "$(sed 's/^[^+]*/resolver.test\/audit/' <<<"$other" | python3 -c '
import base64, hashlib, sys
name, _, rest = sys.stdin.read().strip().split("+", 2)
octets = base64.b64decode(rest)
print(name + "+" + hashlib.sha256(name.encode() + b"\n" + octets).hexdigest()[:8] + "+" + rest)')"
ask_witness | says 'witness.test/one has signed' || fail "not signed"
audit cosign request -c "$work/cordond.yaml" --output "$work/request"
python3 "$check" request "$work/request" "$key"
python3 "$check" sign "$work/request" witness.test/two "$work/w2.pem" 1790000000 >"$work/answer"
audit cosign add -c "$work/cordond.yaml" --witness "$w2_key" --request "$work/request" "$work/answer" | says '2026-09-21T' || fail "not kept"
refused 'no answer of that witness' "$cordon" audit cosign add -c "$work/cordond.yaml" --witness "$w1_key" --request "$work/request" "$work/answer"
[ "$(sizes | wc -l)" -eq 1 ] || fail "one checkpoint, signed by both: $(sizes)"
audit prove -c "$work/cordond.yaml" --output "$work/witnessed" d27
python3 "$check" proof "$work/witnessed" "$key" "$w1_key" "$w2_key" >"$work/out" || fail "the other checker counts no witness"
audit check --key "$key" --witness "$w1_key,$w2_key" "$work/witnessed" | says 'seen by a quorum of 2 witnesses' || fail "not counted"
refused 'too few' "$cordon" audit check --key "$key" --witness "$w1_key" "$work/d27.proof"
! { "$cordon" audit check --key "$key" --witness "$w1_key" "$work/d27.proof" 2>/dev/null || true; } | says '^PROVEN' || fail "proven, and refused"
cp -r "$log" "$work/early" # what an operator may put back later

say "the log goes on: what follows is signed, and verification counts who has seen how much"
run c
verify() { audit verify --quick -c "$work/cordond.yaml" "$@" >"$work/verdict" 2>&1; }
sizes | tail -n 1 | xargs -I{} cp "$log/cosigned/{}" "$work/old"
audit cosign request -c "$work/cordond.yaml" --witness "$w1_key" --output "$work/request"
python3 "$check" request "$work/request" "$key" "$work/old" || fail "the proof of consistency"
# Its answer is lost on the way; the next time it is asked what it has seen.
audit witness sign --dir "$w1" "$work/request" >"$work/answer"
run d
ask_witness | says 'has signed' || fail "after an answer that was lost"
verify --witness "$w1_key,$w2_key" || fail "$(cat "$work/verdict")"
says 'seen by a quorum of 2 witnesses' <"$work/verdict" || fail "$(cat "$work/verdict")"
verify --witness "$w1_key,$w2_key" --quorum 1 --json || fail "$(cat "$work/verdict")"
python3 - "$work/verdict" <<'PYTHON' || fail "$(cat "$work/verdict")"
import json, sys
v = json.load(open(sys.argv[1]))
one, two = v["witnesses"]
assert v["witnessed"] and v["witnessed_blocks"] == one["blocks"] == v["blocks"] and 0 < two["blocks"] < one["blocks"]
PYTHON
w3_key=$(audit witness key --dir "$work/witness-3" --name witness.test/three)
! verify --witness "$w1_key,$w3_key" || fail "one that has never signed: $(cat "$work/verdict")"
says 'witness.test/three: has signed nothing' <"$work/verdict" || fail "$(cat "$work/verdict")"
verify --witness "$w1_key,$w3_key" --quorum 1 || fail "$(cat "$work/verdict")"
got=0
verify --witness "$w1_key,$w1_key" || got=$?
[ "$got" -eq 2 ] || fail "a witness that is named twice counts twice"

say "a rollback, a fork, another key: the witness refuses, and says what it is"
cp -r "$log" "$work/late"
state="$work/cordond.yaml"
asks() { # FOLDER OLD
  audit cosign request -c "$state" --log "$1" --old "$2" | "$cordon" audit witness sign --dir "$w1"
}
seen=$(audit witness show --dir "$w1" resolver.test/audit | sed -n 2p)
refused 'rollback: ROLLBACK' asks "$work/early" 0
rm -rf "$log"
cp -r "$work/early" "$log"
run e
refused 'ROLLBACK|FORK|NOT CONSISTENT' asks "$log" 0
for ((i = 0; i < 8; i++)); do # another history from there on, until it has more blocks than were seen
  audit cosign request -c "$state" >"$work/request"
  size=$(sed -n '/^$/,$p' "$work/request" | sed -n 3p)
  [ "$size" -le "$seen" ] || break
  run "f$i"
done
[ "$size" -gt "$seen" ] || fail "$size blocks, $seen seen"
refused 'inconsistent: NOT CONSISTENT' asks "$log" "$seen"
[ "$(audit witness show --dir "$w1" resolver.test/audit | sed -n 2p)" = "$seen" ] || fail "it has forgotten what it has seen"
# What is kept beside the log is gone with it; what the witness has tells.
rm -rf "$log/cosigned"
audit witness show --dir "$w1" resolver.test/audit >"$work/kept"
verify || fail "nothing here says otherwise: $(cat "$work/verdict")"
! verify --checkpoint "$work/kept" --witness "$w1_key" || fail "$(cat "$work/verdict")"
says 'not-as-signed' <"$work/verdict" || fail "$(cat "$work/verdict")"
rm -rf "$log"
cp -r "$work/early" "$log"
rm -rf "$log/cosigned"
! verify --checkpoint "$work/kept" --witness "$w1_key" || fail "$(cat "$work/verdict")"
says 'DOES NOT HOLD: cut' <"$work/verdict" || fail "$(cat "$work/verdict")"
rm -rf "$log"
mv "$work/late" "$log"
"$cordon" audit witness sign --dir "$w1" --log "$log" --key "$key" | says -F "witness.test/one " || fail "by the folder itself"

say "kill -9 at any step of signing: no signature speaks of what the witness would not remember"
if strace -o /dev/null true 2>/dev/null; then
  export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0" # it cannot be traced otherwise
  run g
  audit cosign request -c "$state" --witness "$w1_key" --output "$work/request"
  size=$(sed -n '/^$/,$p' "$work/request" | sed -n 3p)
  before="$work/witness-before"
  killed=0
  cp -r "$w1" "$before"
  for step in flock:1 fchmod:1 write:1 fsync:1 rename:1 fsync:2 write:2; do
    rm -rf "$w1"
    cp -r "$before" "$w1"
    call=${step%:*} when=${step#*:}
    strace -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$when" \
      "$cordon" audit witness sign --dir "$w1" "$work/request" >"$work/answer" 2>/dev/null || killed=$((killed + 1))
    now=$(audit witness show --dir "$w1" resolver.test/audit | sed -n 2p)
    if [ -s "$work/answer" ]; then
      [ "$now" = "$size" ] || fail "killed at $step: it has signed $size blocks and remembers $now"
    fi
    ask_witness >/dev/null || fail "killed at $step: it signs no more"
  done
  [ "$killed" -ge 4 ] || fail "killed only $killed times"
else
  echo "   no process can be traced here"
fi
