#!/bin/bash
# Seeing it: lists, upstreams, clients, cache show and flush, trace and top, with Knot DNS as the
# upstream and dnsperf as the clients. Figures must agree with the counters, and nobody may lose
# an answer because somebody looks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

make_keys list-a list-b list-c
new_list alpha 1 <<'RULES'
block suffix blocked.test
block suffix seen.test action=log
RULES
{
  # shellcheck disable=SC2016 # zone text
  printf '$ORIGIN test.\n$TTL 300\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n'
  for i in $(seq 1 200); do echo "w$i.free A 192.0.2.$((i % 250 + 1))"; done
  echo 'www.free A 192.0.2.1'
  echo 'alias.free CNAME deep.blocked'
  echo 'deep.blocked A 192.0.2.2'
  echo 'x.seen A 192.0.2.3'
} >"$work/zones/test.zone"
start_knot "$upstream_port" test
option[lists.use]='{alpha: enforce}'
write_config
socket=$work/control.sock

# tool WANTED WORDS...: cordon; its output is in $work/out and $work/err.
tool() {
  local wanted=$1 got=0
  shift
  "$cordon" "$@" --socket "$socket" >"$work/out" 2>"$work/err" </dev/null || got=$?
  if [ "$got" -ne "$wanted" ]; then
    cat "$work/out" "$work/err" >&2
    fail "exit status $got instead of $wanted: cordon $*"
  fi
}
has() { grep -qE -- "$1" "$work/out" || { cat "$work/out" >&2; fail "it lacks: $1"; }; }
has_not() { if grep -qE -- "$1" "$work/out"; then cat "$work/out" >&2; fail "it has: $1"; fi; }
errs() { grep -qE -- "$1" "$work/err" || { cat "$work/err" >&2; fail "the fault lacks: $1"; }; }
is() { # EXPRESSION in d, the document in $work/out
  document_is "$work/out" "$1" || { head -c 3000 "$work/out" >&2; fail "not so: $1"; }
}

say "without a daemon"
for command in lists upstreams clients 'top --once' 'trace www.free.test' 'cache show www.free.test' 'cache flush --all'; do
  # shellcheck disable=SC2086 # words
  tool 3 $command
  errs 'does not answer'
done

start_cordond
say "help and usage"
for command in lists upstreams clients top trace 'cache show' 'cache flush'; do
  # shellcheck disable=SC2086 # words
  "$cordon" $command --help >"$work/out" || fail "no help for $command"
  has "^usage: cordon ${command%% *}"
  # shellcheck disable=SC2086 # words
  tool 2 $command --frobnicate
done
tool 2 trace; tool 2 trace a b c; tool 2 cache; tool 2 cache show; tool 2 cache flush
tool 2 cache flush --all www.free.test; tool 2 clients --count 0; tool 2 top --interval 0; tool 2 top --interval x

say "tables"
tool 0 lists; has 'alpha +alpha +enforce +1 +2 '
tool 0 lists --json; is 'd["lists"][0]["id"] == "alpha" and d["rules"] == 2'
tool 0 upstreams; has "127.0.0.1@$upstream_port"
tool 0 clients; has 'questions'

say "refusals of the protocol"
python3 - "$socket" <<'PYTHON' || fail "see above"
import json, socket, sys

def ask(line):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(sys.argv[1])
        sock.sendall(line)
        data = b""
        while True:
            piece = sock.recv(65536)
            if not piece:
                return json.loads(data)
            data += piece

bad = [b"trace", b"trace {}", b'trace {"name":5}', b'trace {"name":"a..b"}', b'trace {"name":"a","type":"NO"}',
       b'trace {"name":"a","client":"1.2.3"}', b'trace {"name":"a","client":"127.0.0.1@53"}',
       b'trace {"name":"a","view":"none"}', b'trace {"name":"a","tcp":"yes"}', b'trace {"name":"a","more":1}',
       b'trace {"name":"a","name":"b"}', b'trace {"name":"a"', b'trace ["a"]', b'trace {"name":"\\u0000"}',
       b'trace {"name":"a\\u001b[2J"}', b'trace {"name":"' + b"a" * 1025 + b'"}', b'trace {"name":null}',
       b"cache-show", b'cache-show {"under":true}', b'cache-show {"name":"a","under":1}', b'cache-show {"name":""}',
       b'cache-show {"name":"a","all":true}', b"cache-flush", b'cache-flush {"all":false}',
       b'cache-flush {"all":true,"name":"a"}', b'cache-flush {"all":true,"under":true}', b'cache-flush {"all":"x"}',
       b'clients {"count":3}', b'top {"x":1}', b'lists {"a":"b"}', b"lists []", b"TOP", b"frobnicate", b"", b" top"]
for line in bad:
    reply = ask(b"cordon/1 " + line + b"\n")
    assert reply["ok"] is False and reply["error"], (line, reply)
assert "known: " in ask(b"cordon/1 nonsense\n")["error"]
assert ask(b"cordon/2 top\n")["ok"] is False
try:
    assert ask(b"cordon/1 trace {\"name\":\"" + b"a" * 5000 + b"\"}\n")["ok"] is False
except ConnectionResetError:
    pass # what was not read any more can push the reply aside
for line in (b"top", b"clients", b"lists", b"top {}", b'cache-show {"name":"."}', b'cache-flush {"name":"a.b.c."}'):
    assert ask(b"cordon/1 " + line + b"\n")["ok"] is True, line
PYTHON

say "trace: forwarded, cached, blocked, aliased, let through with an event, refused"
states() { python3 -c 'import json, sys
print(*[l["state"] for l in json.load(open(sys.argv[1]))["lines"] if "took_us" in l])' "$work/out"; }
before=$(status '[s["questions"][k] for k in ("taken", "blocked", "logged", "answered")]')
forwards() { # as nothing is in the cache; an upstream that is slow is asked once more
  tool 0 cache flush www.free.test
  tool 0 trace www.free.test --json
  [ "$(states)" = "parse client local decide lookup join ask accept store recheck send record free" ]
}
once_in 3 forwards || fail "forwarded: $(states)"
is 'd["rcode"] == "NOERROR" and not d["cached"] and d["upstream"] and d["message"] and d["microseconds"] > 0'
is 'all(a["at_us"] <= b["at_us"] for a, b in zip(d["lines"], d["lines"][1:]))'
is 'any("answers after" in l["words"] for l in d["lines"])'
tool 0 trace www.free.test --json
[ "$(states)" = "parse client local decide lookup recheck send record free" ] || fail "cached: $(states)"
is 'd["cached"] and d["upstream"] is None'
asked=$(status 's["upstreams"][0]["questions"]')
for type in A AAAA TXT HTTPS; do
  tool 0 trace deep.blocked.test "$type" --json
  [ "$(states)" = "parse client local decide send record free" ] || fail "blocked: $(states)"
  is 'd["blocked"] and any("block suffix blocked.test" in l["words"] for l in d["lines"])'
done
[ "$(status 's["upstreams"][0]["questions"]')" = "$asked" ] || fail "a traced name that is blocked was asked upstream"
tool 0 trace alias.free.test --json
is 'd["blocked"] and any("behind an alias" in l["words"] for l in d["lines"])'
tool 0 trace x.seen.test --json; is 'not d["blocked"] and any("records" in l["words"] for l in d["lines"])'
tool 0 trace www.free.test --client 192.0.2.200 --json; is 'd["rcode"] == "REFUSED"'
tool 0 trace localhost --json; is 'd["rcode"] == "NOERROR" and len([l for l in d["lines"] if l["state"] == "decide"]) == 0'
tool 0 trace nowhere.free.test TXT --tcp --dnssec --json; is 'd["rcode"] == "NXDOMAIN" and d["transport"] == "tcp"'
tool 0 trace deep.blocked.test; has '^NOERROR in .*as if asked by 127.0.0.1'; has 'deep.blocked.test. 10 A 0.0.0.0'
tool 1 trace a..b; errs 'empty label'
tool 1 trace www.free.test --view none; errs "no view 'none'"
[ "$(status '[s["questions"][k] for k in ("taken", "blocked", "logged", "answered")]')" = "$before" ] || fail "traces were counted as questions"
[ ! -s "$work/events.jsonl" ] || fail "a trace left an event: $(cat "$work/events.jsonl")"

say "cache: show and flush"
tool 0 cache show www.free.test; has 'www.free.test. A answer, [0-9]+ s left, [0-9]+ s old'; has 'www.free.test. [0-9]+ A 192.0.2.1'
tool 0 cache show nowhere.free.test --json
is 'd["entries"][0]["kind"] == "nxdomain" and d["entries"][0]["dnssec_ok"] and d["entries"][0]["ttl_s"] <= 60'
tool 1 cache show www.free.test AAAA; has 'nothing is kept'
tool 0 cache show free.test --under --json; is 'len(d["entries"]) == 3 and not d["more"]'
tool 0 cache flush www.free.test; has '^1 entry forgotten'
tool 1 cache show www.free.test; tool 0 cache flush www.free.test; has '^0 entries'
tool 0 trace www.free.test --json; is 'not d["cached"]'
tool 0 cache flush free.test --under --json; is 'd["removed"] == 3'
tool 0 cache flush --all; has '^[0-9]+ entr'
[ "$(status 's["cache"]["entries"]')" = 0 ] || fail "the cache is not empty"
grep -q 'cache: user [0-9]* had 3 entries forgotten: free.test and below' "$work/cordond.log" || fail "flushing is not in the log"

say "load: figures agree with the counters, flushing loses nothing"
for i in $(seq 1 200); do echo "w$i.free.test A"; done >"$work/questions"
for i in $(seq 1 20); do yes "t$i.blocked.test A" | head -n "$i" || true; done >>"$work/questions"
kept=$(status 's["questions"]["taken"]')
start load dnsperf -s "$host" -p "$port" -d "$work/questions" -l 400 -c 4 -q 50
load=$started
under_load() { status_is "s['questions']['taken'] > $kept + 2000"; }
wait_until 30 under_load || fail "dnsperf does not ask"
# Clients of the control socket that stand still: they say nothing, half a line, or read nothing.
cat >"$work/still.py" <<'PYTHON'
import socket, sys, time

socks = []
for i in range(24):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    sock.sendall((b"", b"cordon/1 sta", b"cordon/1 top\n")[i % 3])
    socks.append(sock)
print("still", flush=True)
time.sleep(120)
PYTHON
start still python3 "$work/still.py" "$socket"
still=$started
are_still() { grep -q still "$work/still.out"; }
wait_until 30 are_still || fail "they do not connect"
tool 0 lists
tool 0 top --json --interval 1
is 'd["questions"] > 0 and abs(d["questions_per_s"] * d["seconds"] - d["questions"]) < 1 and not d["since_start"]'
is 'd["blocked"] > 0 and d["now"]["workers_reported"] == 2 and d["latency"]["all"]["count"] > 0'
is 'd["latency"]["all"]["p50_us"] <= d["latency"]["all"]["p95_us"] <= d["latency"]["all"]["p99_us"] < 4000000'
fetches=$(status 's["questions"]["fetches"]')
removed=0
for round in 1 2 3 4 5 6 7 8; do
  if [ $((round % 2)) = 0 ]; then tool 0 cache flush --all --json; else tool 0 cache flush free.test --under --json; fi
  removed=$((removed + $(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["removed"])' "$work/out")))
  tool 0 trace "w$round.free.test" --json
  tool 0 clients
done
stop "$still"
kill -INT "$load"
is_over() { ! is_running "$load"; }
wait_until 60 is_over || fail "dnsperf does not end"
grep -qE 'Queries lost: +0 ' "$work/load.out" || fail "questions were lost: $(cat "$work/load.out")"
grep -qE 'NOERROR [0-9]+ \(100\.00%\)' "$work/load.out" || fail "other answers than NOERROR: $(cat "$work/load.out")"
[ "$removed" -gt 200 ] || fail "only $removed entries were forgotten"
[ "$(status 's["questions"]["fetches"]')" -gt $((fetches + 200)) ] || fail "what was forgotten was not asked for anew"
grep -E 'per second|Queries (completed|lost)|Average Lat' "$work/load.out"
sent=$(sed -n 's/.*Queries sent: *\([0-9]*\).*/\1/p' "$work/load.out")
is_settled() { status_is "s['questions']['taken'] - $kept == $sent and s['in_flight'] == 0"; }
wait_until 30 is_settled || fail "$sent were sent, $(status 's["questions"]["taken"]') were taken since there were $kept"
tool 0 top --json --interval 0.2
is "d['questions'] == 0 and d['now']['questions']['taken'] == $(status 's["questions"]["taken"]')"
is 'sum(d["now"]["questions"]["answered"].values()) == d["now"]["latency"]["all"]["count"]'
is 'sum(d["now"]["latency"][k]["count"] for k in ("hit", "miss", "blocked", "other")) == d["now"]["latency"]["all"]["count"]'
is 'd["now"]["latency"]["blocked"]["count"] == d["now"]["questions"]["blocked"]'
is 'sum(c for _, c in d["now"]["latency"]["all"]["buckets"]) == d["now"]["latency"]["all"]["count"]'
is 'sum(n["count"] for n in d["now"]["all"]["names"]) == d["now"]["questions"]["blocked"]'
is '[n["name"] for n in d["now"]["all"]["names"]][:2] == ["t20.blocked.test", "t19.blocked.test"]'
is 'd["now"]["all"]["providers"] == [{"provider": "alpha", "blocked": True, "count": d["now"]["questions"]["blocked"], "error": 0}]'
is '[c["address"] for c in d["now"]["all"]["clients_blocked"]] == ["127.0.0.1"]'
is 'd["now"]["all"]["clients_blocked"][0]["count"] == d["now"]["questions"]["blocked"]'
is 'sum(c["count"] for c in d["now"]["all"]["clients"]) == d["now"]["questions"]["taken"] - d["now"]["questions"]["refused_clients"]'
is 'd["now"]["recent"]["seconds"] <= 120'

say "top on a terminal, and names of strangers"
dig @"$host" -p "$port" +tries=3 'evil\027[2J\007.blocked.test' >"$work/evil" || fail "$(cat "$work/evil")"
for i in 1 2 3 4 5 6 7 8; do dig @"$host" -p "$port" +short "\\027]0;x\\007$i.blocked.test" >/dev/null; done
for keys in q interrupt terminate hangup stop; do
  python3 "$here/terminal.py" "$keys" "$cordon" top --interval 0.2 --socket "$socket" >"$work/screen" || fail "top, ended by $keys"
  grep -q 'questions .*/s' "$work/screen" || fail "no rates on the screen: $(cat "$work/screen")"
done
tool 0 top --once --interval 0.2; has 'questions +[0-9.]+/s'; has 'BLOCKED NAMES'; has 't20.blocked.test'
tool 0 top --json --interval 0.2; is 'any(n["name"].startswith("evil\\027[2j") for n in d["now"]["all"]["names"])'
has_not $'\x1b'
tool 0 clients --count 1; has '127.0.0.1'
stop_cordond
