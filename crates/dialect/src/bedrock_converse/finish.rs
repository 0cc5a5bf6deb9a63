//! Stop reasons.

use tieline_types::{Class, Fault};

use crate::ir::Finish;

/// Finish reasons; the first word of a reason is the one written.
const FINISHES: [(&str, Finish); 9] = [
    ("end_turn", Finish::Stop),
    ("end_turn", Finish::Pause),
    ("stop_sequence", Finish::StopSequence),
    ("max_tokens", Finish::Length),
    ("model_context_window_exceeded", Finish::ContextFull),
    ("tool_use", Finish::ToolCalls),
    ("content_filtered", Finish::ContentFilter),
    ("content_filtered", Finish::Refusal),
    ("guardrail_intervened", Finish::ContentFilter),
];

/// Why a reply ended.
///
/// A reply with tool calls ends for them unless it was cut short. Words not known mean a plain end.
///
/// # Errors
/// `bad_payload` where the model produced something that Bedrock itself could not parse.
pub(super) fn read(word: &str, called: bool) -> Result<Finish, Fault> {
    if word.starts_with("malformed_") {
        let message = format!("the model's output could not be parsed ({word})");
        return Err(Fault::new(Class::BadPayload, message).with_code(word));
    }
    let found = FINISHES.iter().find(|(known, _)| *known == word);
    Ok(match found.map_or(Finish::Stop, |(_, finish)| *finish) {
        Finish::Stop | Finish::StopSequence if called => Finish::ToolCalls,
        finish => finish,
    })
}

/// Converse's word for why a reply ended.
pub(super) fn write(finish: Finish) -> &'static str {
    FINISHES.iter().find(|(_, known)| *known == finish).map_or("end_turn", |(word, _)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_calls_win_unless_the_reply_was_cut() {
        for (word, called, finish) in [
            ("end_turn", false, Finish::Stop),
            ("end_turn", true, Finish::ToolCalls),
            ("tool_use", true, Finish::ToolCalls),
            ("max_tokens", true, Finish::Length),
            ("guardrail_intervened", true, Finish::ContentFilter),
            ("content_filtered", false, Finish::ContentFilter),
            ("model_context_window_exceeded", false, Finish::ContextFull),
            ("stop_sequence", false, Finish::StopSequence),
            ("brand_new_reason", false, Finish::Stop),
        ] {
            assert_eq!(read(word, called).unwrap(), finish, "{word}");
        }
        assert_eq!(read("malformed_tool_use", true).unwrap_err().class, Class::BadPayload);
    }
}
