UPDATE jobs SET
    state = 'expired', request = NULL, bytes = 0, finished_ms = ?1, purge_ms = ?1 + ttl_ms,
    notice_due_ms = ?1
WHERE state = 'queued' AND expires_ms <= ?1
RETURNING feature
