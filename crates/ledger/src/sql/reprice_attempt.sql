UPDATE attempts SET
    first_cost_pico = iif(repriced_ms IS NULL, cost_pico, first_cost_pico),
    first_cost_state = iif(repriced_ms IS NULL, cost_state, first_cost_state),
    repriced_ms = ?1,
    cost_pico = ?2,
    cost_state = ?3
WHERE request = ?4 AND number = ?5
