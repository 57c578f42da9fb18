-- Which resolver decided by which version of which list, last: all should say the same.
SELECT list, argMax(serial, us) AS newest, log, max(at) AS last
FROM cordon.seen
WHERE event = 'decision' AND stage = ''
GROUP BY list, log
ORDER BY list, log;
