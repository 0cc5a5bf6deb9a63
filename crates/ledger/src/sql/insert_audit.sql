INSERT INTO audit (
    id, at_ms, actor, claimed, action, subject, before, after, result, reason
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
