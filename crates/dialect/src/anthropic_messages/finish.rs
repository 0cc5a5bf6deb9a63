//! Stop reasons.

use crate::ir::Finish;

/// Each word of `stop_reason` and what it means.
const STOP_REASONS: [(&str, Finish); 7] = [
    ("end_turn", Finish::Stop),
    ("stop_sequence", Finish::StopSequence),
    ("max_tokens", Finish::Length),
    ("model_context_window_exceeded", Finish::ContextFull),
    ("tool_use", Finish::ToolCalls),
    ("refusal", Finish::Refusal),
    ("pause_turn", Finish::Pause),
];

/// Reads a stop reason; a word that is not known counts as a plain stop. A reply that `called`
/// tools ended for their sake, whatever the provider says, unless it was cut off.
pub(crate) fn read(reason: Option<&str>, called: bool) -> Finish {
    let finish = STOP_REASONS
        .iter()
        .find(|(word, _)| Some(*word) == reason)
        .map_or(Finish::Stop, |(_, finish)| *finish);
    match finish {
        Finish::Stop | Finish::StopSequence if called => Finish::ToolCalls,
        _ => finish,
    }
}

/// Writes a stop reason. A reply with a refusal in it was `refused` although its provider said
/// that it simply stopped.
pub(crate) fn write(finish: Finish, refused: bool) -> &'static str {
    let finish = match finish {
        Finish::ContentFilter => Finish::Refusal,
        Finish::Stop if refused => Finish::Refusal,
        other => other,
    };
    STOP_REASONS.iter().find(|(_, known)| *known == finish).map_or("end_turn", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_the_way_there_and_back() {
        for (word, finish) in STOP_REASONS {
            assert_eq!(read(Some(word), false), finish);
            assert_eq!(write(finish, false), word);
        }
    }

    #[test]
    fn calls_and_refusals_outweigh_a_plain_stop() {
        for (reason, called, finish) in [
            (Some("end_turn"), true, Finish::ToolCalls),
            (None, true, Finish::ToolCalls),
            (Some("max_tokens"), true, Finish::Length),
            (Some("refusal"), true, Finish::Refusal),
            (Some("a_word_of_2027"), false, Finish::Stop),
            (None, false, Finish::Stop),
        ] {
            assert_eq!(read(reason, called), finish, "{reason:?}");
        }
        assert_eq!(write(Finish::Stop, true), "refusal");
        assert_eq!(write(Finish::Length, true), "max_tokens");
        assert_eq!(write(Finish::ContentFilter, false), "refusal");
    }
}
