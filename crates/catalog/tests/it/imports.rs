//! The public catalogues of others, held against ours.

use tieline_catalog::{Catalog, Format, Moment, compare};

fn day(text: &str) -> Moment {
    text.parse().unwrap()
}

/// What is said of each price: model, channel, bucket, ours, theirs, reason.
fn said(format: Format, text: &str) -> (usize, Vec<String>, Vec<String>) {
    let catalog = Catalog::built_in().unwrap();
    let found = compare(&catalog, format, text, day("2026-11-22")).unwrap();
    let usd = |price: Option<tieline_catalog::Price>| {
        price.map_or_else(|| "-".to_owned(), |price| price.usd.to_string())
    };
    let lines = found.disagreements.iter().map(|one| {
        let (ours, theirs) = (usd(one.ours), usd(one.theirs));
        format!("{} {} {}: {ours} {theirs}: {}", one.model, one.channel, one.bucket, one.reason)
    });
    (found.compared, found.unknown.clone(), lines.collect())
}

#[test]
fn genai_prices_is_read_by_condition() {
    let text = r#"[
      {"id": "openai", "models": [
        {"id": "gpt-6.1-sol", "match": {"equals": "gpt-6.1-sol"},
         "prices": {"input_mtok": {"base": 2, "tiers": [{"start": 272000, "price": 4}]},
                    "cache_write_mtok": {"base": 2.5, "tiers": [{"start": 272000, "price": 5}]},
                    "cache_read_mtok": {"base": 0.2, "tiers": [{"start": 272000, "price": 0.2}]},
                    "output_mtok": {"base": 10, "tiers": [{"start": 272000, "price": 15}]},
                    "web_searches_kcount": 10},
         "price_variants": [
           {"when": {"service_tier": "flex"}, "constraint": {"start_date": "2026-10-12"},
            "prices": {"input_mtok": 1, "cache_write_mtok": 1.25, "cache_read_mtok": 0.05,
                       "output_mtok": 5}},
           {"when": {"service_tier": "flex"}, "constraint": {"start_date": "2027-01-01"},
            "prices": {"input_mtok": 7}}]},
        {"id": "whisper-1", "prices": {"input_text_messages_kcount": 0.2}},
        {"id": "gpt-image-2", "prices": {"input_mtok": 5, "cache_read_mtok": 1.25,
         "output_mtok": 30, "input_image_mtok": 8}},
        {"id": "gpt-99", "prices": {"input_mtok": 1}}]},
      {"id": "aws", "models": [
        {"id": "regional.anthropic.claude-haiku-4-5-20251001-v1:0",
         "prices": {"input_mtok": 1.1, "cache_write_mtok": 1.375, "cache_read_mtok": 0.11,
                    "output_mtok": 5.5}}]},
      {"id": "mistral", "models": [
        {"id": "mistral-large-4", "prices": [
          {"prices": {"input_mtok": 0.68, "cache_read_mtok": 0.07, "output_mtok": 2.09}},
          {"constraint": {"start_date": "2026-10-20"},
           "prices": {"input_mtok": 1.36, "cache_read_mtok": 0.14, "output_mtok": 4.18}}]}]},
      {"id": "nobody", "models": [{"id": "x", "prices": {"input_mtok": 1}}]}
    ]"#;
    let (compared, unknown, lines) = said(Format::GenaiPrices, text);
    assert_eq!(unknown, ["gpt-99 at openai/global/standard"]);
    assert_eq!(compared, 24);
    assert_eq!(
        lines,
        [
            "claude-haiku-4-5 bedrock/region/standard cache_write_1h: 2.2 -: theirs lacks it",
            "gpt-6.1-sol openai/global/flex long cache_read: 0.1 -: theirs lacks it",
            "gpt-6.1-sol openai/global/flex long cache_write: 2.5 -: theirs lacks it",
            "gpt-6.1-sol openai/global/flex long input: 2 -: theirs lacks it",
            "gpt-6.1-sol openai/global/flex long output: 7.5 -: theirs lacks it",
            "gpt-6.1-sol openai/global/standard cache_read: 0.1 0.2: a batch or an \
             introductory price",
            "gpt-image-2 openai/global/standard output: - 30: ours has it as output_image_tokens",
            "gpt-image-2 openai/global/standard output_image_tokens: 30 -: theirs has it as output",
            "mistral-large-4 mistral/global/standard cache_read: 0.07 0.14: theirs is ours from \
             2026-10-20 until 2026-10-29",
            "mistral-large-4 mistral/global/standard input: 0.7 1.36: theirs is ours from \
             2026-10-20 until 2026-10-29",
            "mistral-large-4 mistral/global/standard output: 2.1 4.18: theirs is ours from \
             2026-10-20 until 2026-10-29",
            "whisper-1 openai/global/standard audio_seconds: 0.36 -: theirs lacks it",
            "whisper-1 openai/global/standard messages: - 0.2: ours lacks it",
        ]
    );
}

#[test]
fn litellm_is_read_by_its_keys() {
    let text = r#"{
      "sample_spec": {"litellm_provider": "one of the providers", "input_cost_per_token": 0.0},
      "gpt-6.1-sol": {"litellm_provider": "openai", "max_tokens": 128000,
        "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1e-07, "cache_creation_input_token_cost": 2.5e-06,
        "input_cost_per_token_above_272k_tokens": 4e-06,
        "output_cost_per_token_above_272k_tokens": 1.5000000000000001e-05,
        "cache_read_input_token_cost_above_272k_tokens": 2e-07,
        "cache_creation_input_token_cost_above_272k_tokens": 5e-06,
        "input_cost_per_token_ultrafast": 1.2e-05, "output_cost_per_token_ultrafast": 6e-05,
        "cache_read_input_token_cost_above_200k_tokens_ultrafast": 1.2e-06},
      "azure/eu/gpt-5.4-mini": {"litellm_provider": "azure",
        "input_cost_per_token": 7.5e-07, "cache_read_input_token_cost": 8.25e-08,
        "output_cost_per_token": 4.95e-06},
      "us.anthropic.claude-sonnet-5": {"litellm_provider": "bedrock_converse",
        "input_cost_per_token": 2.2e-06, "output_cost_per_token": 1.1e-05,
        "cache_read_input_token_cost": 2.2e-07, "cache_creation_input_token_cost": 2.75e-06,
        "cache_creation_input_token_cost_above_1hr": 4.4e-06},
      "bedrock/us-east-1/1-month-commitment/x": {"litellm_provider": "bedrock",
        "input_cost_per_second": 0.011},
      "mistral/mistral-ocr-4-1": {"litellm_provider": "mistral", "ocr_cost_per_page": 0.004}
    }"#;
    let (compared, unknown, lines) = said(Format::Litellm, text);
    assert_eq!(unknown, Vec::<String>::new());
    assert_eq!(compared, 20);
    assert_eq!(
        lines,
        [
            "gpt-5.4-mini azure/geo:eu/standard input: 0.825 0.75: ours has the 10 % of a \
             regional channel",
            "gpt-6.1-sol openai/global/ultrafast cache_read: 0.6 -: theirs lacks it",
            "gpt-6.1-sol openai/global/ultrafast cache_write: 15 -: theirs lacks it",
            "gpt-6.1-sol openai/global/ultrafast long: - -: ours is for more than 272000 tokens, \
             theirs than 200000",
            "gpt-6.1-sol openai/global/ultrafast long cache_write: 30 -: theirs lacks it",
            "gpt-6.1-sol openai/global/ultrafast long input: 24 -: theirs lacks it",
            "gpt-6.1-sol openai/global/ultrafast long output: 90 -: theirs lacks it",
        ]
    );
}

#[test]
fn what_is_neither_is_refused() {
    let catalog = Catalog::empty();
    for (format, text) in [
        (Format::GenaiPrices, "{}"),
        (Format::GenaiPrices, "[{\"id\": 1}]"),
        (Format::Litellm, "[]"),
        (Format::Litellm, "surface: openai"),
    ] {
        let error = compare(&catalog, format, text, Moment::default()).unwrap_err();
        assert_eq!(error.to_string(), "this is not a catalogue of that format", "{text}");
    }
}
