INSERT INTO requests (
    id, started_ms, duration_us, first_content_us, dialect, feature, model_asked, stream, caller,
    tier, deployment, outcome, status, fault, fault_message, trace_id,
    usage_input, usage_cache_read, usage_cache_write_5m, usage_cache_write_1h,
    usage_cache_write_other, usage_input_audio, usage_output, usage_reasoning, usage_output_audio,
    usage_estimated, decision, longest_gap_us
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
