INSERT INTO passed_over (request, number, tier, deployment, why, opens_in_ms)
VALUES (?, ?, ?, ?, ?, ?)
