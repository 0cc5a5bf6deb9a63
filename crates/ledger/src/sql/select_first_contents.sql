SELECT a.deployment AS deployment, a.first_content_us / 10000 AS step, count(*) AS streams
FROM requests r JOIN attempts a ON a.request = r.seq
WHERE r.started_ms >= ?1 AND r.started_ms < ?2 AND r.stream
    AND a.first_content_us IS NOT NULL AND a.fault IS NULL
GROUP BY 1, 2
ORDER BY 1, 2
