-- Blocked, recorded only, asked, and decided by answers past their time (upstreams failed), by hour and resolver, of the last week.
SELECT toStartOfHour(at) AS hour, log, countIf(event = 'decision' AND applied = 1) AS blocked,
       countIf(event = 'decision' AND applied = 0) AS recorded, countIf(event = 'query') AS asked,
       countIf(stale = 1) AS past_their_time
FROM cordon.seen
WHERE at > now() - 7 * 86400
GROUP BY hour, log
ORDER BY hour, log;
