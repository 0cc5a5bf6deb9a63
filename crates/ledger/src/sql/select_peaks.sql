SELECT
    r.feature AS feature,
    count(*) AS requests,
    sum(r.usage_input + r.usage_cache_read + r.usage_cache_write_5m + r.usage_cache_write_1h
        + r.usage_cache_write_other + r.usage_input_audio) AS input_tokens,
    sum(r.usage_cache_read) AS cached_tokens,
    sum(r.usage_output + r.usage_reasoning + r.usage_output_audio) AS output_tokens,
    sum(r.duration_us) AS duration_us
FROM requests r
WHERE r.started_ms >= ?1 AND r.started_ms < ?2 AND r.caller NOT IN (?3, ?4, ?5)
GROUP BY r.feature, r.started_ms / 300000
