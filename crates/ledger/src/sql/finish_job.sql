UPDATE jobs SET
    state = ?1, status = ?2, response = ?3, request = NULL, bytes = length(?3),
    finished_ms = ?4, purge_ms = ?4 + ttl_ms, notice_due_ms = ?4
WHERE id = ?5 AND state = 'running'
