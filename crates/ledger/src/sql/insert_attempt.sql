INSERT INTO attempts (
    request, number, tier, deployment, provider, dialect, reason, start_us, duration_us,
    first_content_us, status, fault, phase, fault_message, upstream_request_id, model_served,
    usage_input, usage_cache_read, usage_cache_write_5m, usage_cache_write_1h,
    usage_cache_write_other, usage_input_audio, usage_output, usage_reasoning, usage_output_audio,
    usage_estimated, cost_pico, cost_state, service_tier
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
