INSERT INTO releases (id, feature, tier, candidate, stage, started_ms, changed_ms, progress)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET stage = excluded.stage, changed_ms = excluded.changed_ms, progress = excluded.progress
