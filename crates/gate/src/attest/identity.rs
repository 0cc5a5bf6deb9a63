//! What exactly was measured.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::digest::Digest;

/// A deployment with all that changes its answers. What was shown of one says nothing of another
/// that differs in any of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentIdentity {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's vendor-neutral name.
    pub model: String,
    /// What the provider calls the model, or the deployment of it.
    pub name: String,
    /// The model that answers said they came from, where they did: `gpt-5.5-2026-08-01`.
    pub resolved_model: Option<String>,
    /// The digest of everything else that requests say: temperature, tools, output format.
    pub parameters: Digest,
    /// What is spoken to it, and the version of Tieline's translation to that: `chat/1`.
    pub adapter: String,
    /// Where answers are made, where that is known.
    pub region: Option<String>,
}

impl DeploymentIdentity {
    /// The digest of the canonical JSON object of all fields; what is not known is null.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let Self { provider, model, name, resolved_model, parameters, adapter, region } = self;
        Digest::of_json(&json!({
            "provider": provider,
            "model": model,
            "name": name,
            "resolved_model": resolved_model,
            "parameters": parameters,
            "adapter": adapter,
            "region": region,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn identity() -> DeploymentIdentity {
        DeploymentIdentity {
            provider: "azure-sweden".to_owned(),
            model: "gpt-5.5".to_owned(),
            name: "gpt55-eu".to_owned(),
            resolved_model: Some("gpt-5.5-2026-08-01".to_owned()),
            parameters: Digest::of_json(&json!({ "temperature": 0.2 })),
            adapter: "chat/1".to_owned(),
            region: None,
        }
    }

    #[test]
    fn the_digest_is_that_of_the_object_with_sorted_names() {
        let parameters = Digest::of(br#"{"temperature":0.2}"#);
        let text = format!(
            "{{\"adapter\":\"chat/1\",\"model\":\"gpt-5.5\",\"name\":\"gpt55-eu\",\
             \"parameters\":\"{parameters}\",\"provider\":\"azure-sweden\",\"region\":null,\
             \"resolved_model\":\"gpt-5.5-2026-08-01\"}}"
        );
        assert_eq!(identity().digest(), Digest::of(text.as_bytes()));
    }

    #[test]
    fn every_field_makes_another_deployment() {
        let value = serde_json::to_value(identity()).unwrap();
        for field in value.as_object().unwrap().keys() {
            let mut other = value.clone();
            other[field] = match field.as_str() {
                "parameters" => Value::from(Digest::of(b"other").to_string()),
                _ => Value::from("other"),
            };
            let other: DeploymentIdentity = serde_json::from_value(other).unwrap();
            assert_ne!(other.digest(), identity().digest(), "{field}");
        }
    }
}
