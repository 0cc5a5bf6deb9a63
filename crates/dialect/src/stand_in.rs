//! Words that stand in for what a dialect cannot say otherwise. They are the same in all dialects,
//! so that a conversation reads alike wherever it goes.

/// The result of a call that never got one: providers refuse a history with such a call.
pub(crate) const NO_RESULT: &str = "[no result: interrupted]";

/// What a failed tool said that said nothing.
pub(crate) const TOOL_FAILED: &str = "the tool failed";

/// How a failure begins where results cannot be marked as such.
pub(crate) const ERROR_PREFIX: &str = "Error: ";

/// What a conversation begins with when its first words are not the user's.
pub(crate) const OPENING: &str = ".";

/// What asks for JSON where nothing enforces it.
pub(crate) const JSON_ONLY: &str =
    "Answer with a single JSON object and nothing else: no prose, no code fences.";

/// The operator's words in mid-conversation where only the user can speak there.
pub(crate) fn reminder(text: &str) -> String {
    format!("<system-reminder>\n{text}\n</system-reminder>")
}

/// The heading of a result whose call is unknown.
pub(crate) fn stray_result(call_id: &str) -> String {
    format!("[result of the unknown tool call {call_id}]")
}

/// What a tool result says in place of media that follow in a turn of their own.
pub(crate) fn attached(kind: &str) -> String {
    format!("[{kind} attached below]")
}
