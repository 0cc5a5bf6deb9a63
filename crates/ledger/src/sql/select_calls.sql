SELECT a.*, r.id AS request_id, r.started_ms, r.feature, r.caller
FROM (
    SELECT seq, id, started_ms, feature, caller
    FROM requests
    WHERE (started_ms, id) > (?1, ?2) AND started_ms < ?3
    ORDER BY started_ms, id
    LIMIT ?4
) r LEFT JOIN attempts a ON a.request = r.seq
ORDER BY r.started_ms, r.id, a.number
