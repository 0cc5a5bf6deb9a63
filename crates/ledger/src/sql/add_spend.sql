INSERT INTO spend (kind, name, per, window_ms, usd, pico) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    usd = usd + excluded.usd + (pico + excluded.pico) / 1000000000000,
    pico = (pico + excluded.pico) % 1000000000000
