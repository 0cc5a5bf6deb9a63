//! The smallest request that shows whether a model answers.

use tieline_types::DialectId;

use crate::ir::{Ask, Content, Message, Role};

/// What is said to the model.
const TEXT: &str = "Hi";

/// A request of one short message, to be written in a provider's dialect.
#[must_use]
pub fn probe(to: DialectId) -> Ask {
    Ask {
        messages: vec![Message {
            role: Role::User,
            blocks: vec![Content::Text(TEXT.to_owned()).into()],
        }],
        max_output_tokens: Some(output_tokens_min(to)),
        ..Ask::default()
    }
}

/// The smallest output limit. Responses takes no less than 16, and OpenAI's reasoning models refuse
/// a Chat request whose limit is used up before they have said anything.
const fn output_tokens_min(to: DialectId) -> u64 {
    match to {
        DialectId::OpenaiChat | DialectId::OpenaiResponses => 16,
        DialectId::AnthropicMessages | DialectId::BedrockConverse => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepts, Losses, Target, dialect};

    #[test]
    fn every_dialect_writes_it_without_loss() {
        let target =
            Target { model: "m".to_owned(), accepts: Accepts::default(), max_output_tokens: 99 };
        let [user, text] = [r#""role":"user""#, r#""Hi""#];
        for (to, limit) in [
            (DialectId::OpenaiChat, r#""max_completion_tokens":16"#),
            (DialectId::OpenaiResponses, r#""max_output_tokens":16"#),
            (DialectId::AnthropicMessages, r#""max_tokens":1"#),
            (DialectId::BedrockConverse, r#""maxTokens":1"#),
        ] {
            let mut losses = Losses::default();
            let body = dialect(to).write_request(&probe(to), &target, &mut losses).unwrap();
            let body = String::from_utf8(body).unwrap();
            for part in [user, text, limit] {
                assert!(body.contains(part), "{to}: {part} is not in {body}");
            }
            assert!(losses.is_empty(), "{to}: {losses}");
        }
    }
}
