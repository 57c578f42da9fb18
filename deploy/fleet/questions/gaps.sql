-- Is anything missing? By log and stream: numbers that the store has, and how many there should be; and what resolvers say themselves.
SELECT log, substring(id, 1, 1) AS stream, uniqExact(id) AS have, max(toUInt64OrZero(substring(id, 2))) - min(toUInt64OrZero(substring(id, 2))) + 1 AS want
FROM cordon.seen
WHERE log != '' AND match(id, '^[dqc][0-9]+$')
GROUP BY log, stream
ORDER BY log, stream;

SELECT at, log, what, subject, stream, cause, count
FROM cordon.seen
WHERE what IN ('gap', 'sink-lost')
ORDER BY at DESC
LIMIT 100;
