//! Which models are of one family.

/// How names of models begin, and the house that makes them.
const FAMILIES: [(&str, &str); 40] = [
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("codex", "openai"),
    ("davinci", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("claude", "anthropic"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("palm", "google"),
    ("llama", "meta"),
    ("mistral", "mistral"),
    ("mixtral", "mistral"),
    ("ministral", "mistral"),
    ("magistral", "mistral"),
    ("codestral", "mistral"),
    ("devstral", "mistral"),
    ("pixtral", "mistral"),
    ("qwen", "alibaba"),
    ("qwq", "alibaba"),
    ("deepseek", "deepseek"),
    ("grok", "xai"),
    ("nova", "amazon"),
    ("titan", "amazon"),
    ("command", "cohere"),
    ("aya", "cohere"),
    ("phi", "microsoft"),
    ("mai", "microsoft"),
    ("glm", "zhipu"),
    ("kimi", "moonshot"),
    ("granite", "ibm"),
    ("jamba", "ai21"),
    ("nemotron", "nvidia"),
    ("falcon", "tii"),
    ("yi", "01ai"),
    ("ernie", "baidu"),
    ("minimax", "minimax"),
    ("doubao", "bytedance"),
    ("hunyuan", "tencent"),
];

/// The house whose models a deployment's model belongs to: `anthropic` for
/// `claude-sonnet-5@bedrock-ohio`. Models of one house tend to prefer each other's answers, so that
/// a judge should be of another than the candidate. None where the name tells nothing.
#[must_use]
pub fn family(deployment: &str) -> Option<&'static str> {
    let model = deployment.split('@').next()?.to_lowercase();
    let words = model.split(|c: char| !c.is_alphanumeric());
    words.filter_map(known).next()
}

fn known(word: &str) -> Option<&'static str> {
    let begins = |(prefix, _): &&(&str, &str)| {
        // What follows is a version: `gpt4`, `o3`, but not `novation`.
        word.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()))
    };
    FAMILIES.iter().find(begins).map(|(_, house)| *house)
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn a_models_name_tells_its_house() {
        for (name, wanted) in [
            ("gpt-5.5@azure-sweden", Some("openai")),
            ("o3-mini@openai", Some("openai")),
            ("us.anthropic.claude-sonnet-5@bedrock", Some("anthropic")),
            ("meta-llama/Llama-3.1-70B@local", Some("meta")),
            ("qwen2.5-72b@local", Some("alibaba")),
            ("openai.gpt-oss-120b@bedrock", Some("openai")),
            ("deepseek-r1-distill-llama-70b@x", Some("deepseek")),
            ("support-reply@claude-house", None),
            ("novation@x", None),
            ("", None),
        ] {
            assert_eq!(family(name), wanted, "{name}");
        }
    }
}
