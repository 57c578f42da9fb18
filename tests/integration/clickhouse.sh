#!/bin/bash
# deploy/fleet against ClickHouse as Debian has it: lines of a sink and of the audit log are loaded, twice, and each question of
# deploy/fleet/questions is asked. Run by `tests/run --fleet`.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
for program in clickhouse-server clickhouse-client; do
  command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin
  command -v "$program" >/dev/null || fail "there is no $program: tools/packages fleet installs it"
done
fleet="$CORDON_ROOT/deploy/fleet"

make_keys list-a list-b list-c
new_list one 1 <<'RULES'
block suffix blocked.test
block suffix edge.test
RULES
start_fake "$upstream_port"
option[lists.use]='{one: enforce}'
option[audit.block-time]=1s
option[audit.origin]=resolver.test/audit
option[audit.queries]=on
option[audit.sinks]="{lines: {to: \"file:$work/lines.json\", streams: [decisions, queries, changes]}}"
{ read -r tcp; read -r http; } < <(free_ports 2)
mkdir -p "$work/clickhouse/tmp" "$work/clickhouse/data"
cat >"$work/clickhouse/config.xml" <<XML
<yandex>
  <logger><level>warning</level><log>$work/clickhouse.log</log><errorlog>$work/clickhouse-err.log</errorlog></logger>
  <http_port>$http</http_port>
  <tcp_port>$tcp</tcp_port>
  <listen_host>127.0.0.1</listen_host>
  <path>$work/clickhouse/data/</path>
  <tmp_path>$work/clickhouse/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mark_cache_size>67108864</mark_cache_size>
</yandex>
XML
cat >"$work/clickhouse/users.xml" <<'XML'
<yandex>
  <profiles><default><max_memory_usage>1000000000</max_memory_usage></default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <quotas><default></default></quotas>
</yandex>
XML
query() { clickhouse-client --host 127.0.0.1 --port "$tcp" --query "$1"; }
load() { "$fleet/load" "$@" --host 127.0.0.1 --port "$tcp"; }

say "ClickHouse starts, and takes the schema twice"
(cd "$work/clickhouse" && exec clickhouse-server --config-file="$work/clickhouse/config.xml") >"$work/server.out" 2>"$work/server.log" &
pids+=("$!")
can_ask() { [ "$(query 'SELECT 1' 2>/dev/null)" = 1 ]; }
wait_until 60 can_ask || fail "ClickHouse does not start: $(tail -n 5 "$work/clickhouse-err.log" "$work/server.log")"
for _ in 1 2; do
  clickhouse-client --host 127.0.0.1 --port "$tcp" --multiquery <"$fleet/schema.sql" || fail "the schema"
done
# As an earlier one has left it.
query 'ALTER TABLE cordon.events DROP COLUMN stale' || fail "a column less"
for file in add-stale schema; do
  clickhouse-client --host 127.0.0.1 --port "$tcp" --multiquery <"$fleet/$file.sql" || fail "$file.sql over an earlier schema"
done

say "what a sink has written is loaded"
write_config
start_cordond
for name in a b c; do ask "$name.blocked.test"; done
ask plain.test
wait_until 20 status_is 's["sinks"][0]["sent"] >= 8'
stop_cordond
load <"$work/lines.json" || fail "loading"
written=$(wc -l <"$work/lines.json")
[ "$(query 'SELECT count() FROM cordon.seen')" = "$written" ] || fail "$(query 'SELECT count() FROM cordon.seen') of $written"
python3 - "$work/lines.json" <<'PYTHON' >"$work/want"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
for e in sorted((e for e in rows if e["event"] == "decision"), key=lambda e: int(e["id"][1:])):
    print(e["log"], e["id"], e["time"][:19].replace("T", " "), int(e["time"][20:26]), e["client"], e["name"], e["type"], e["action"],
          int(e["applied"]), int(e["cached"]), int(e["stale"]), e["provider"], e["status_class"], e["list"], e["serial"], e["rule"],
          e["matched"], sep="\t")
PYTHON
query "SELECT log, id, at, us % 1000000, client, name, type, action, applied, cached, stale, provider, status_class, list, serial, rule, matched
  FROM cordon.seen WHERE event = 'decision' ORDER BY toUInt64(substring(id, 2))" >"$work/have"
diff "$work/want" "$work/have" || fail "the columns are not those of the lines"

say "the same again changes nothing, neither from the sink nor from the audit log"
load <"$work/lines.json"
[ "$(query 'SELECT count() FROM cordon.seen')" = "$written" ] || fail "twice the same is not once"
"$cordon" audit search --stream all --json --log "$work/state/audit" >"$work/searched.json"
in_log=$(wc -l <"$work/searched.json")
[ "$in_log" -ge "$written" ] || fail "the log has $in_log events, the sink $written"
load --log resolver.test/audit <"$work/searched.json" || fail "loading from the audit log"
[ "$(query 'SELECT count() FROM cordon.seen')" = "$in_log" ] || fail "$(query 'SELECT count() FROM cordon.seen') of $in_log"
query 'OPTIMIZE TABLE cordon.events FINAL'
[ "$(query 'SELECT count() FROM cordon.events')" = "$in_log" ] || fail "merged: $(query 'SELECT count() FROM cordon.events') of $in_log"

say "another resolver's events of the same numbers are others; half a line is left out, and told"
sed 's#"log":"resolver.test/audit"#"log":"other.test/audit"#' "$work/lines.json" >"$work/other.json"
printf '{"v":1,"event":"decision","id":"d9' >>"$work/other.json"
load <"$work/other.json" 2>"$work/told" || fail "half a line: $(cat "$work/told")"
says '1 lines are no events' <"$work/told" || fail "$(cat "$work/told")"
[ "$(query 'SELECT count() FROM cordon.seen')" = "$((in_log + written))" ] || fail "two resolvers"
! load --log "it's one" <"$work/other.json" 2>/dev/null || fail "an origin that is none"

say "an answer that was past its time is one in the store"
grep '"name":"plain.test"' "$work/lines.json" |
  sed -e 's#"log":"resolver.test/audit"#"log":"outage.test/audit"#' -e 's/"stale":false/"stale":true/' | load || fail "a stale one"
[ "$(query "SELECT log, name, sum(stale) FROM cordon.seen WHERE stale GROUP BY log, name")" = "outage.test/audit	plain.test	1" ] ||
  fail "$(query 'SELECT log, event, name, cached, stale FROM cordon.seen')"

say "each question has an answer"
for question in "$fleet"/questions/*.sql; do
  answer_file="$work/$(basename "$question").txt"
  clickhouse-client --host 127.0.0.1 --port "$tcp" --multiquery <"$question" >"$answer_file" || fail "$question"
done
says -P '^one\tdesignated\tAuthority of the tests\t6\t1\t3$' <"$work/blocks-by-ground.sql.txt" || fail "$(cat "$work/blocks-by-ground.sql.txt")"
says -P '^one\t127.0.0.1\t\t.*\t6\t6\t3$' <"$work/exposure.sql.txt" || fail "$(cat "$work/exposure.sql.txt")"
says -P '^resolver.test/audit\td\t3\t3$' <"$work/gaps.sql.txt" || fail "$(cat "$work/gaps.sql.txt")"
says -P '^one\t1\tother.test/audit\t' <"$work/lists-in-force.sql.txt" || fail "$(cat "$work/lists-in-force.sql.txt")"
says -P '\toutage.test/audit\t0\t0\t1\t1$' <"$work/by-hour.sql.txt" || fail "$(cat "$work/by-hour.sql.txt")"
