INSERT INTO slo_counts (slo, minute, good, bad)
SELECT slo, ?4, ?5, ?6 FROM slos WHERE (feature, name, digest) = (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET good = good + excluded.good, bad = bad + excluded.bad
