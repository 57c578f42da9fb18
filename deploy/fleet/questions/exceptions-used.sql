-- Which exceptions let what through, on whose word.
SELECT exception_id, exception, ticket, licence, approver, provider, status_class, count() AS times, uniq(client) AS clients, max(at) AS last
FROM cordon.seen
WHERE exception_id != ''
GROUP BY exception_id, exception, ticket, licence, approver, provider, status_class
ORDER BY times DESC;
