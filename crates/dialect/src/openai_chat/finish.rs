//! Finish words.

use crate::ir::Finish;

/// Finish words of OpenAI and of the servers that imitate it.
const FINISH_WORDS: [(&str, Finish); 9] = [
    ("stop", Finish::Stop),
    ("length", Finish::Length),
    ("max_tokens", Finish::Length),
    ("model_length", Finish::ContextFull),
    ("tool_calls", Finish::ToolCalls),
    ("function_call", Finish::ToolCalls),
    ("content_filter", Finish::ContentFilter),
    ("refusal", Finish::Refusal),
    ("stop_sequence", Finish::StopSequence),
];

/// What a finish word means; unknown words mean that the model was done.
///
/// A reply that holds tool calls ended with them whatever the server says, unless it was cut; a
/// reply that holds a refusal is one although OpenAI says `stop`.
pub(super) fn read(word: &str, called_tools: bool, refused: bool) -> Finish {
    let said = FINISH_WORDS.iter().find(|(known, _)| *known == word).map(|(_, finish)| *finish);
    match said.unwrap_or_default() {
        cut @ (Finish::Length | Finish::ContextFull | Finish::ContentFilter) => cut,
        _ if called_tools => Finish::ToolCalls,
        Finish::Stop if refused => Finish::Refusal,
        said => said,
    }
}

/// The word for a finish, and whether it says as much as was known.
///
/// A refusal without words of refusal would look like a good answer under `stop`.
pub(super) const fn write(finish: Finish, refusal_in_words: bool) -> (&'static str, bool) {
    match finish {
        Finish::Refusal if refusal_in_words => ("stop", true),
        Finish::StopSequence | Finish::Pause | Finish::ContextFull | Finish::Refusal => {
            (finish.as_openai(), false)
        }
        Finish::Stop | Finish::Length | Finish::ToolCalls | Finish::ContentFilter => {
            (finish.as_openai(), true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finish_word_means_one_thing() {
        for (word, called, refused, want) in [
            ("stop", false, false, Finish::Stop),
            ("stop", true, false, Finish::ToolCalls),
            ("", true, false, Finish::ToolCalls),
            ("length", true, false, Finish::Length),
            ("content_filter", true, false, Finish::ContentFilter),
            ("model_length", false, false, Finish::ContextFull),
            ("stop", false, true, Finish::Refusal),
            ("something_new", false, false, Finish::Stop),
        ] {
            assert_eq!(read(word, called, refused), want, "{word}");
        }
    }
}
