//! How hard Claude is to think: `thinking` and `output_config.effort`, in both of its dialects.
//!
//! What each release takes is from Anthropic's and AWS's guides to extended and adaptive thinking.

use serde_json::{Value, json};

use crate::{
    Losses,
    claude::model::Version,
    effort,
    ir::{Ask, Reasoning},
};

/// The first release that thinks.
const THINKS: Version = (3, 7);
/// The first release that takes an effort.
const TAKES_EFFORT: Version = (4, 5);
/// The first release that can be left to find its own budget.
const ADAPTS: Version = (4, 6);
/// The first release that takes nothing else, and the effort `xhigh`.
const ONLY_ADAPTS: Version = (4, 7);

/// The smallest budget, in tokens.
const BUDGET_TOKENS_MIN: u64 = 1024;

/// Words for effort, Claude's word, and the budget in tokens that stands for it where a release
/// takes no effort. No vendor publishes such a table.
const EFFORTS: [(&str, &str, u64); 6] = [
    ("minimal", "low", 1024),
    ("low", "low", 1024),
    ("medium", "medium", 8192),
    ("high", "high", 24_576),
    ("xhigh", "xhigh", 32_768),
    ("max", "max", u64::MAX),
];

/// The highest effort with which thinking may be off.
const EFFORT_MAX_WHEN_OFF: &str = "high";

/// The circumstances that decide between the ways to think.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The release; none where the model is not Claude.
    pub(crate) version: Option<Version>,
    /// The most tokens of the whole answer, thinking included.
    pub(crate) limit: u64,
    /// The model goes on from tool calls that came without thinking, which cannot set in before
    /// the loop ends.
    pub(crate) unthought: bool,
}

/// The fields that say how hard to think.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Thinking {
    /// `thinking`.
    pub(crate) config: Option<Value>,
    /// `output_config.effort`.
    pub(crate) effort: Option<&'static str>,
    /// The model will think.
    pub(crate) on: bool,
}

/// Chooses the fields for the reasoning that is asked for.
pub(crate) fn plan(ask: &Ask, setting: Setting, losses: &mut Losses) -> Thinking {
    let Some(wish) = &ask.reasoning else {
        return Thinking::default();
    };
    let Some(version) = setting.version.filter(|version| *version >= THINKS) else {
        if !wish.off {
            losses.drop("reasoning");
        }
        return Thinking::default();
    };
    if wish.off {
        return off(wish, version, losses);
    }
    // A budget excludes both: a forced call, and going on from a turn without thinking.
    let barred = setting.unthought || ask.forces_call();
    if version >= ONLY_ADAPTS || (version >= ADAPTS && (barred || wish.budget_tokens.is_none())) {
        return adaptive(wish, version, losses);
    }
    if barred || setting.limit <= BUDGET_TOKENS_MIN {
        losses.drop("reasoning");
        return Thinking::default();
    }
    manual(wish, version, setting.limit, losses)
}

/// Releases that only adapt refuse to be told off, but do not think unless asked.
fn off(wish: &Reasoning, version: Version, losses: &mut Losses) -> Thinking {
    let wanted = wish.effort.as_deref().filter(|_| version >= TAKES_EFFORT);
    let effort = wanted.and_then(|word| effort_of(word, version, losses)).map(|effort| {
        if !matches!(effort, "xhigh" | "max") {
            return effort;
        }
        losses.downgrade("reasoning.effort");
        EFFORT_MAX_WHEN_OFF
    });
    if version < ONLY_ADAPTS {
        return Thinking { config: Some(json!({ "type": "disabled" })), effort, on: false };
    }
    losses.downgrade("reasoning");
    Thinking { config: None, effort: effort.or(Some("low")), on: false }
}

fn adaptive(wish: &Reasoning, version: Version, losses: &mut Losses) -> Thinking {
    let config = match wish.summary {
        None => json!({ "type": "adaptive" }),
        Some(true) => json!({ "type": "adaptive", "display": "summarized" }),
        Some(false) => json!({ "type": "adaptive", "display": "omitted" }),
    };
    if wish.budget_tokens.is_some() {
        losses.downgrade("reasoning.budget_tokens");
    }
    let word = wish.effort.as_deref().or_else(|| wish.budget_tokens.map(effort::of_budget));
    let effort = word.and_then(|word| effort_of(word, version, losses));
    Thinking { config: Some(config), effort, on: true }
}

fn manual(wish: &Reasoning, version: Version, limit: u64, losses: &mut Losses) -> Thinking {
    let wanted = wish.budget_tokens.unwrap_or_else(|| {
        losses.downgrade("reasoning.effort");
        budget_of(wish.effort.as_deref().unwrap_or("medium"))
    });
    let budget = wanted.clamp(BUDGET_TOKENS_MIN, limit.saturating_sub(1));
    if budget != wanted {
        losses.downgrade("reasoning.budget_tokens");
    }
    // Thinking with a budget is shown unless told otherwise.
    let config = if wish.summary == Some(false) {
        json!({ "type": "enabled", "budget_tokens": budget, "display": "omitted" })
    } else {
        json!({ "type": "enabled", "budget_tokens": budget })
    };
    let beside = wish.effort.as_deref().filter(|_| wish.budget_tokens.is_some());
    let effort = beside
        .filter(|_| version >= TAKES_EFFORT)
        .and_then(|word| effort_of(word, version, losses));
    Thinking { config: Some(config), effort, on: true }
}

/// Claude's word for an effort, or none for words it lacks.
fn effort_of(word: &str, version: Version, losses: &mut Losses) -> Option<&'static str> {
    let Some((_, effort, _)) = EFFORTS.iter().find(|(known, ..)| *known == word) else {
        losses.drop("reasoning.effort");
        return None;
    };
    let effort = if *effort == "xhigh" && version < ONLY_ADAPTS { "high" } else { *effort };
    if effort != word {
        losses.downgrade("reasoning.effort");
    }
    Some(effort)
}

fn budget_of(effort: &str) -> u64 {
    let known = EFFORTS.iter().find(|(word, ..)| *word == effort);
    known.map_or(BUDGET_TOKENS_MIN, |(.., budget)| *budget)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Tool, ToolChoice};

    fn planned(wish: Reasoning, version: Option<Version>, limit: u64) -> (Thinking, String) {
        let ask = Ask { reasoning: Some(wish), ..Ask::default() };
        let mut losses = Losses::default();
        let thinking = plan(&ask, Setting { version, limit, unthought: false }, &mut losses);
        (thinking, losses.to_string())
    }

    fn effort(word: &str) -> Reasoning {
        Reasoning { effort: Some(word.into()), ..Reasoning::default() }
    }

    fn budget(tokens: u64) -> Reasoning {
        Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() }
    }

    fn off(effort: Option<&str>) -> Reasoning {
        Reasoning { off: true, effort: effort.map(str::to_owned), ..Reasoning::default() }
    }

    #[test]
    fn every_release_gets_what_it_takes() {
        let enabled = |tokens: u64| Some(json!({ "type": "enabled", "budget_tokens": tokens }));
        let adaptive = || Some(json!({ "type": "adaptive" }));
        let disabled = || Some(json!({ "type": "disabled" }));
        let (by_effort, by_budget) =
            ("downgrade:reasoning.effort", "downgrade:reasoning.budget_tokens");
        for (wish, version, limit, config, word, losses) in [
            (effort("high"), Some((5, 0)), 9000, adaptive(), Some("high"), ""),
            (effort("minimal"), Some((5, 0)), 9000, adaptive(), Some("low"), by_effort),
            (effort("odd"), Some((5, 0)), 9000, adaptive(), None, "drop:reasoning.effort"),
            (effort("xhigh"), Some((4, 6)), 9000, adaptive(), Some("high"), by_effort),
            (budget(5000), Some((4, 7)), 9000, adaptive(), Some("medium"), by_budget),
            (budget(5000), Some((4, 6)), 9000, enabled(5000), None, ""),
            (effort("medium"), Some((4, 1)), 64_000, enabled(8192), None, by_effort),
            (budget(9000), Some((4, 1)), 9000, enabled(8999), None, by_budget),
            (budget(10), Some((3, 7)), 9000, enabled(1024), None, by_budget),
            (budget(5000), Some((3, 7)), 1024, None, None, "drop:reasoning"),
            (effort("high"), Some((3, 5)), 9000, None, None, "drop:reasoning"),
            (effort("high"), None, 9000, None, None, "drop:reasoning"),
            (off(None), None, 9000, None, None, ""),
            (off(None), Some((4, 6)), 9000, disabled(), None, ""),
            (off(Some("max")), Some((4, 6)), 9000, disabled(), Some("high"), by_effort),
            (off(None), Some((5, 0)), 9000, None, Some("low"), "downgrade:reasoning"),
        ] {
            let name = format!("{wish:?} {version:?}");
            let (thinking, lost) = planned(wish, version, limit);
            assert_eq!((&thinking.config, thinking.effort), (&config, word), "{name}");
            assert_eq!(lost, losses, "{name}");
            assert_eq!(thinking.on, config.is_some() && config != disabled(), "{name}");
        }
    }

    #[test]
    fn a_summary_is_shown_or_left_out() {
        for (summary, version, display) in [
            (Some(true), (5, 0), Some("summarized")),
            (Some(false), (5, 0), Some("omitted")),
            (Some(false), (4, 1), Some("omitted")),
            (Some(true), (4, 1), None),
        ] {
            let wish = Reasoning { summary, ..budget(2000) };
            let (thinking, _) = planned(wish, Some(version), 9000);
            let told = thinking.config.unwrap();
            assert_eq!(told.get("display").and_then(Value::as_str), display, "{version:?}");
        }
    }

    #[test]
    fn a_budget_yields_to_forced_calls_and_unthought_turns() {
        let tool = Tool {
            name: "f".into(),
            description: None,
            parameters: None,
            strict: None,
            cache: None,
        };
        let ask = Ask {
            reasoning: Some(budget(2000)),
            tools: vec![tool],
            tool_choice: Some(ToolChoice::Required),
            ..Ask::default()
        };
        let kind = |version, unthought, ask: &Ask| {
            let setting = Setting { version: Some(version), limit: 9000, unthought };
            let config = plan(ask, setting, &mut Losses::default()).config;
            config.map(|config| config["type"].clone())
        };
        assert_eq!(kind((4, 1), false, &ask), None);
        assert_eq!(kind((4, 6), false, &ask), Some(json!("adaptive")));
        let free = Ask { tool_choice: None, ..ask };
        assert_eq!(kind((4, 1), false, &free), Some(json!("enabled")));
        assert_eq!(kind((4, 1), true, &free), None);
    }
}
