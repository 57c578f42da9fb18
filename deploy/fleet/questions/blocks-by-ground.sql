-- What was blocked, by provider and by what the list says about it. A letter that urges a listing is no listing: classes are
-- never added up.
SELECT provider, status_class, status_authority, count() AS blocks, uniq(client) AS clients, uniq(name) AS names
FROM cordon.seen
WHERE event = 'decision' AND applied = 1
GROUP BY provider, status_class, status_authority
ORDER BY blocks DESC, provider;
