SELECT
    {by} AS name,
    count(DISTINCT a.request) AS requests,
    count(*) AS attempts,
    coalesce(sum(a.usage_input + a.usage_cache_read + a.usage_cache_write_5m
        + a.usage_cache_write_1h + a.usage_cache_write_other + a.usage_input_audio), 0)
        AS input_tokens,
    coalesce(sum(a.usage_output + a.usage_reasoning + a.usage_output_audio), 0) AS output_tokens,
    coalesce(sum(a.cost_pico / 1000000), 0) AS millionths,
    coalesce(sum(a.cost_pico % 1000000), 0) AS rest,
    coalesce(sum(a.cost_state = 'partial'), 0) AS partial,
    coalesce(sum(a.cost_state = 'unpriced'), 0) AS unpriced,
    coalesce(sum(a.cost_state = 'estimated'), 0) AS estimated
FROM requests r JOIN attempts a ON a.request = r.seq
WHERE r.started_ms >= ? AND r.started_ms < ?
GROUP BY 1
