//! How hard to think, in OpenAI's words.

use crate::{Losses, effort, ir::Reasoning, openai::model};

/// The word for no thinking at all.
const OFF: &str = "none";

/// Reads an effort.
pub(crate) fn read(effort: Option<String>) -> Reasoning {
    match effort.as_deref() {
        Some(OFF) => Reasoning { off: true, ..Reasoning::default() },
        _ => Reasoning { effort, ..Reasoning::default() },
    }
}

/// The wish for `model`: none where it surely does not reason.
pub(crate) fn wish_for<'a>(
    wish: Option<&'a Reasoning>,
    model: &str,
    losses: &mut Losses,
) -> Option<&'a Reasoning> {
    let wish = wish?;
    if model::reasons(model) != Some(false) {
        return Some(wish);
    }
    if !wish.off {
        losses.drop("reasoning");
    }
    None
}

/// The effort to write.
pub(crate) fn effort<'a>(wish: &'a Reasoning, losses: &mut Losses) -> Option<&'a str> {
    if wish.off {
        return Some(OFF);
    }
    if wish.budget_tokens.is_some() {
        losses.downgrade("reasoning.budget_tokens");
    }
    wish.effort.as_deref().or_else(|| wish.budget_tokens.map(effort::of_budget))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effort_goes_before_a_budget() {
        for (effort_asked, budget_tokens, told, lost) in [
            (Some("low"), None, Some("low"), ""),
            (Some("low"), Some(9000), Some("low"), "downgrade:reasoning.budget_tokens"),
            (None, Some(9000), Some("high"), "downgrade:reasoning.budget_tokens"),
            (None, None, None, ""),
        ] {
            let effort_asked = effort_asked.map(str::to_owned);
            let wish = Reasoning { budget_tokens, ..read(effort_asked) };
            let mut losses = Losses::default();
            assert_eq!(effort(&wish, &mut losses), told);
            assert_eq!(losses.to_string(), lost);
        }
    }

    #[test]
    fn models_that_do_not_reason_are_not_asked_to() {
        let high = read(Some("high".to_owned()));
        let off = read(Some("none".to_owned()));
        for (wish, model, kept, lost) in [
            (&high, "gpt-5.5", true, ""),
            (&high, "azure-name", true, ""),
            (&high, "gpt-4.1", false, "drop:reasoning"),
            (&off, "gpt-4o", false, ""),
            (&off, "gpt-6", true, ""),
        ] {
            let mut losses = Losses::default();
            assert_eq!(wish_for(Some(wish), model, &mut losses).is_some(), kept, "{model}");
            assert_eq!(losses.to_string(), lost, "{model}");
        }
    }
}
