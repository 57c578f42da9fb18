-- Events of many resolvers in one ClickHouse (docs/audit.md, "Many resolvers"). From 18.16 on.
--
--   clickhouse-client --multiquery <schema.sql
--
-- Lines of docs/events.md go into cordon.arriving, which keeps nothing and hands them to cordon.events. An event is what its log, id
-- and time say: one that comes again takes the place of itself. That happens when parts are merged, so questions ask cordon.seen.

CREATE DATABASE IF NOT EXISTS cordon;

CREATE TABLE IF NOT EXISTS cordon.events
(
    log String,                -- origin of the audit log; '': none has it
    id String,                 -- 'd17'
    at DateTime,               -- UTC
    us UInt64,                 -- the same in microseconds since 1970
    event String,              -- 'decision', 'query', 'change', ...
    client String,             -- address, prefix or pseudonym, as the log has it; '': not recorded
    transport String,
    view String,
    name String,
    type String,
    rcode String,
    latency_us UInt64,
    cached UInt8,
    stale UInt8,               -- 1: past its time there, as upstreams failed or were slow
    upstream String,
    action String,
    mode String,
    applied UInt8,             -- 1: the answer was replaced
    paused UInt8,
    exception String,
    exception_id String,
    ticket String,
    licence String,
    approver String,
    provider String,
    provider_name String,
    parent_name String,
    status_class String,       -- never two of them added up: 'designated' is not 'named-urged'
    status_entity String,
    status_authority String,
    status_citation String,
    status_state String,
    list String,
    serial UInt64,
    stage String,
    rule String,
    category String,
    scope String,
    confidence String,
    trigger String,
    matched String,
    hop UInt8,
    chain Array(String),
    what String,               -- of a change
    by String,
    user String,
    reason String,
    subject String,
    stream String,             -- of a gap
    count UInt64,
    cause String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, log, id, us);

-- What keeps nothing is made anew. (A store without the column `stale` gets it by add-stale.sql, before.)
DROP TABLE IF EXISTS cordon.seen;
DROP TABLE IF EXISTS cordon.arrive;
DROP TABLE IF EXISTS cordon.arriving;

CREATE TABLE cordon.arriving
(
    log Nullable(String), id String, time String, event String, client Nullable(String), transport Nullable(String),
    view Nullable(String), name Nullable(String), type Nullable(String), rcode Nullable(String), latency_us Nullable(UInt64),
    cached Nullable(UInt8), stale Nullable(UInt8), upstream Nullable(String), action Nullable(String), mode Nullable(String), applied Nullable(UInt8),
    paused Nullable(UInt8), exception Nullable(String), exception_id Nullable(String), ticket Nullable(String),
    licence Nullable(String), approver Nullable(String), provider Nullable(String), provider_name Nullable(String),
    parent_name Nullable(String), status_class Nullable(String), status_entity Nullable(String),
    status_authority Nullable(String), status_citation Nullable(String), status_state Nullable(String), list Nullable(String),
    serial Nullable(UInt64), stage Nullable(String), rule Nullable(String), category Nullable(String), scope Nullable(String),
    confidence Nullable(String), trigger Nullable(String), matched Nullable(String), hop Nullable(UInt8), chain Array(String),
    what Nullable(String), by Nullable(String), user Nullable(String), reason Nullable(String), subject Nullable(String),
    stream Nullable(String), count Nullable(UInt64), cause Nullable(String)
)
ENGINE = Null;

CREATE MATERIALIZED VIEW cordon.arrive TO cordon.events AS
SELECT
    ifNull(log, '') AS log,
    id,
    parseDateTimeBestEffort(concat(substring(time, 1, 19), 'Z')) AS at,
    toUInt64(parseDateTimeBestEffort(concat(substring(time, 1, 19), 'Z'))) * 1000000
        + toUInt64OrZero(substring(time, 21, 6)) AS us,
    event,
    ifNull(client, '') AS client,
    ifNull(transport, '') AS transport,
    ifNull(view, '') AS view,
    ifNull(name, '') AS name,
    ifNull(type, '') AS type,
    ifNull(rcode, '') AS rcode,
    ifNull(latency_us, 0) AS latency_us,
    ifNull(cached, 0) AS cached,
    ifNull(stale, 0) AS stale,
    ifNull(upstream, '') AS upstream,
    ifNull(action, '') AS action,
    ifNull(mode, '') AS mode,
    ifNull(applied, 0) AS applied,
    ifNull(paused, 0) AS paused,
    ifNull(exception, '') AS exception,
    ifNull(exception_id, '') AS exception_id,
    ifNull(ticket, '') AS ticket,
    ifNull(licence, '') AS licence,
    ifNull(approver, '') AS approver,
    ifNull(provider, '') AS provider,
    ifNull(provider_name, '') AS provider_name,
    ifNull(parent_name, '') AS parent_name,
    ifNull(status_class, '') AS status_class,
    ifNull(status_entity, '') AS status_entity,
    ifNull(status_authority, '') AS status_authority,
    ifNull(status_citation, '') AS status_citation,
    ifNull(status_state, '') AS status_state,
    ifNull(list, '') AS list,
    ifNull(serial, 0) AS serial,
    ifNull(stage, '') AS stage,
    ifNull(rule, '') AS rule,
    ifNull(category, '') AS category,
    ifNull(scope, '') AS scope,
    ifNull(confidence, '') AS confidence,
    ifNull(trigger, '') AS trigger,
    ifNull(matched, '') AS matched,
    ifNull(hop, 0) AS hop,
    chain,
    ifNull(what, '') AS what,
    ifNull(by, '') AS by,
    ifNull(user, '') AS user,
    ifNull(reason, '') AS reason,
    ifNull(subject, '') AS subject,
    ifNull(stream, '') AS stream,
    ifNull(count, 0) AS count,
    ifNull(cause, '') AS cause
FROM cordon.arriving;

-- Each event once.
CREATE VIEW cordon.seen AS SELECT * FROM cordon.events FINAL;
