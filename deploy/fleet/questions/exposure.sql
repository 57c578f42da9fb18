-- Who depends on a provider, directly or by way of others' names, since when: also from mode log, before anything is blocked.
SELECT provider, client, if(hop > 0 OR trigger NOT IN ('qname', 'client'), matched, '') AS by_way_of,
       min(at) AS first, max(at) AS last, count() AS times, sum(applied) AS blocked, uniq(name) AS names
FROM cordon.seen
WHERE event = 'decision'
GROUP BY provider, client, by_way_of
ORDER BY times DESC, client
LIMIT 100;
