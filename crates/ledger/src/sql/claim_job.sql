UPDATE jobs SET state = 'running', attempts = attempts + 1
WHERE seq = (
    SELECT seq FROM jobs
    WHERE feature = ?1 AND state = 'queued' AND due_ms <= ?2 AND expires_ms > ?2
    ORDER BY due_ms, seq LIMIT 1
)
RETURNING *
