//! What a request asks, as far as earlier answers are concerned.

use serde_json::{Map, Value};
use tieline_dialect::take_wording;

use super::key::{Key, Kind, Scope};
use crate::admit::Call;

/// The longest text that is compared by meaning. Models of embeddings take some 8,000 tokens, and
/// the longer a text, the less its vector tells it from others.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Request fields that change how an answer is delivered, not what it says.
const DELIVERY: [&str; 3] = ["model", "stream", "stream_options"];

/// A request's question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    /// Stands for this very question.
    pub(crate) exact: Key,
    /// Its last text, where similar ones will do.
    pub(crate) wording: Option<Wording>,
}

/// The last text of a question, and what stands for all the rest of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wording {
    /// The same for all questions that differ in nothing but their wording: caller, feature,
    /// dialect, instructions, earlier turns, tools, format, sampling and every other field are the
    /// same, and so are the numbers in the text.
    pub(crate) alike: Key,
    /// The text.
    pub(crate) text: String,
}

impl Question {
    /// The question of a call; none where its body is not a JSON object.
    pub(crate) fn of(call: &Call) -> Option<Self> {
        let scope = Scope {
            caller: &call.caller.id,
            feature: &call.feature.name,
            dialect: call.dialect,
            passed_on: Some(&call.passed_on),
        };
        Self::read(&scope, &call.body, call.embedder())
    }

    /// Reads a body; `embedder` is the model whose vectors tell what is similar, if any does.
    pub(crate) fn read(scope: &Scope<'_>, body: &[u8], embedder: Option<&str>) -> Option<Self> {
        let mut asked: Map<String, Value> = serde_json::from_slice(body).ok()?;
        for field in DELIVERY {
            asked.remove(field);
        }
        asked.sort_keys();
        let exact = scope.key(Kind::Exact, &[&serde_json::to_vec(&asked).ok()?]);
        let wording = embedder.and_then(|embedder| wording(scope, &mut asked, embedder));
        Some(Self { exact, wording })
    }
}

fn wording(scope: &Scope<'_>, asked: &mut Map<String, Value>, embedder: &str) -> Option<Wording> {
    let text = take_wording(scope.dialect, asked)?;
    if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let rest = serde_json::to_vec(asked).ok()?;
    let parts = [embedder.as_bytes(), rest.as_slice()];
    let numbers = numbers(&text).map(str::as_bytes);
    let parts: Vec<&[u8]> = parts.into_iter().chain(numbers).collect();
    Some(Wording { alike: scope.key(Kind::Wording, &parts), text })
}

/// The numbers of a text in order. "Order 1234" and "order 1235" mean nearly the same to a model of
/// embeddings, and are not.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_numeric()).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tieline_types::DialectId;

    use super::*;

    const SCOPE: Scope<'_> = Scope {
        caller: "key_1",
        feature: "support",
        dialect: DialectId::OpenaiChat,
        passed_on: None,
    };

    fn question(scope: &Scope<'_>, ask: &Value) -> Question {
        Question::read(scope, ask.to_string().as_bytes(), Some("embed")).unwrap()
    }

    fn ask(text: &str) -> Value {
        json!({"model": "support", "temperature": 0, "tools": [], "messages": [
            {"role": "system", "content": "You are a clerk."},
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": "Good day."},
            {"role": "user", "content": text},
        ]})
    }

    #[test]
    fn only_the_wording_of_the_last_text_may_differ() {
        let first = question(&SCOPE, &ask("How do I reset my password?"));
        let other = question(&SCOPE, &ask("Reset my password, how?"));
        assert_ne!(first.exact, other.exact);
        assert_eq!(first.wording.as_ref().unwrap().alike, other.wording.unwrap().alike);
        assert_eq!(first.wording.as_ref().unwrap().text, "How do I reset my password?");

        let delivered: [fn(&mut Value); 2] =
            [|ask| ask["stream"] = json!(true), |ask| ask["model"] = json!("other")];
        for change in delivered {
            let mut ask = ask("How do I reset my password?");
            change(&mut ask);
            assert_eq!(question(&SCOPE, &ask), first, "{ask}");
        }

        let meant: [fn(&mut Value); 9] = [
            |ask| ask["temperature"] = json!(1),
            |ask| ask["tools"] = json!([{"type": "function"}]),
            |ask| ask["response_format"] = json!({"type": "json_object"}),
            |ask| ask["max_tokens"] = json!(5),
            |ask| ask["unheard_of"] = json!(null),
            |ask| ask["messages"][0]["content"] = json!("You are a pirate."),
            |ask| ask["messages"][1]["content"] = json!("Hello!"),
            |ask| ask["messages"][2]["content"] = json!("Bad day."),
            |ask| ask["messages"][3]["name"] = json!("ann"),
        ];
        for change in meant {
            let mut ask = ask("How do I reset my password?");
            change(&mut ask);
            let other = question(&SCOPE, &ask);
            assert_ne!(first.exact, other.exact, "{ask}");
            assert_ne!(
                first.wording.as_ref().unwrap().alike,
                other.wording.unwrap().alike,
                "{ask}"
            );
        }
    }

    #[test]
    fn another_scope_or_embedder_is_another_question() {
        let ask = ask("How?");
        let first = question(&SCOPE, &ask);
        for scope in [
            Scope { caller: "key_2", ..SCOPE },
            Scope { feature: "sales", ..SCOPE },
            Scope { dialect: DialectId::AnthropicMessages, ..SCOPE },
        ] {
            let other = question(&scope, &ask);
            assert_ne!(first.exact, other.exact, "{scope:?}");
            assert_ne!(first.wording.as_ref().unwrap().alike, other.wording.unwrap().alike);
        }
        let read = |embedder| Question::read(&SCOPE, ask.to_string().as_bytes(), embedder).unwrap();
        let other = read(Some("embed-2"));
        assert_eq!(first.exact, other.exact);
        assert_ne!(first.wording.as_ref().unwrap().alike, other.wording.unwrap().alike);
        assert_eq!(read(None).wording, None);
    }

    #[test]
    fn numbers_are_no_matter_of_wording() {
        let alike = |text: &str| question(&SCOPE, &ask(text)).wording.unwrap().alike;
        let first = alike("Where is order 1234 of 5 May?");
        assert_eq!(first, alike("Order 1234 of 5 May: where?"));
        for other in [
            "Where is order 1235 of 5 May?",
            "Where is order 12345 May?",
            "Where is order 5 of 1234 May?",
            "Where is order 1234?",
        ] {
            assert_ne!(first, alike(other), "{other}");
        }
    }

    #[test]
    fn some_questions_are_only_known_again_word_for_word() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        let content = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
        for ask in [
            content(json!(long)),
            content(json!("  ")),
            content(json!([{"type": "text", "text": "see"}, {"type": "image_url"}])),
            json!({"messages": [{"role": "tool", "content": "42"}]}),
        ] {
            assert_eq!(question(&SCOPE, &ask).wording, None);
        }
        assert_eq!(Question::read(&SCOPE, b"[]", Some("embed")), None);
    }
}
