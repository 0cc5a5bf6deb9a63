INSERT INTO jobs (
    id, state, feature, tier, caller, dialect, request, bytes, created_ms, ttl_ms, due_ms,
    expires_ms
) VALUES (?1, 'queued', ?2, ?3, ?4, ?5, ?6, length(?6), ?7, ?8, ?7, ?9)
