//! The features under load, and the configuration that they stand in.

/// A simulated provider: its name, its kind, and the rest of its address.
pub(super) const PROVIDERS: [(&str, &str, &str); 4] = [
    ("openai", "openai", "/v1"),
    ("azure", "azure-openai", ""),
    ("anthropic", "anthropic", ""),
    ("bedrock", "bedrock", ""),
];

/// A feature and what stands behind it.
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) criticality: &'static str,
    /// Its tiers, in the configuration's words.
    tiers: &'static str,
    /// The providers of its deployments.
    pub(super) providers: &'static [&'static str],
    /// Of ten requests, so many are for it.
    pub(super) share: u64,
}

impl Feature {
    /// Whether none of its requests may fail.
    pub(super) fn is_critical(&self) -> bool {
        self.criticality.starts_with("critical")
    }
}

/// All of them; the shares are ten together.
pub(super) const FEATURES: [Feature; 4] = [
    Feature {
        name: "support",
        criticality: "critical",
        tiers: "{ models: [gpt], ttft: 3s }, { models: [claude], ttft: 3s }",
        providers: &["openai", "azure", "anthropic", "bedrock"],
        share: 4,
    },
    Feature {
        name: "assistant",
        criticality: "critical-plus",
        tiers: "{ models: [claude@anthropic, gpt@azure, claude@bedrock], ttft: 3s }",
        providers: &["anthropic", "azure", "bedrock"],
        share: 3,
    },
    Feature {
        name: "search",
        criticality: "critical",
        tiers: "{ models: [gpt@openai, claude@anthropic, claude@bedrock], \
                prefer: fastest, ttft: 3s }",
        providers: &["openai", "anthropic", "bedrock"],
        share: 2,
    },
    Feature {
        name: "batch",
        criticality: "sheddable",
        tiers: "{ models: [claude@bedrock, gpt@openai] }",
        providers: &["bedrock", "openai"],
        share: 1,
    },
];

/// The configuration, with the variable of every credential and where each provider listens.
pub(super) fn configuration(key: &str, urls: &[String]) -> String {
    let mut text = "version: 1\n\
         server: { listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\", workers: 1, drain: 1s }\n\
         providers:\n"
        .to_owned();
    for ((name, kind, path), url) in PROVIDERS.iter().zip(urls) {
        let address = match *kind {
            "azure-openai" => format!("endpoint: \"{url}\""),
            "bedrock" => {
                format!("region: us-east-2, endpoint: \"{url}\", mantle_endpoint: \"{url}\"")
            }
            _ => format!("base_url: \"{url}{path}\""),
        };
        text += &format!("  {name}: {{ kind: {kind}, {address}, api_key: {{ env: {key} }} }}\n");
    }
    text += "models:\n  gpt: [openai, { provider: azure, name: gpt-eu }]\n\
             \x20 claude: [anthropic, { provider: bedrock, name: \"amazon.nova-pro-v1:0\" }]\n\
             features:\n";
    for Feature { name, criticality, tiers, .. } in &FEATURES {
        text += &format!(
            "  {name}: {{ criticality: {criticality}, deadline: 30s, tiers: [{tiers}] }}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_ten_and_names_are_known() {
        assert_eq!(FEATURES.iter().map(|feature| feature.share).sum::<u64>(), 10);
        for feature in &FEATURES {
            for provider in feature.providers {
                assert!(PROVIDERS.iter().any(|(name, ..)| name == provider), "{provider}");
            }
        }
    }

    #[test]
    fn every_provider_is_where_it_listens() {
        let urls = ["http://a", "http://b", "http://c", "http://d"].map(str::to_owned);
        let text = configuration("KEY", &urls);
        for line in
            ["base_url: \"http://a/v1\"", "endpoint: \"http://b\"", "criticality: sheddable"]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
