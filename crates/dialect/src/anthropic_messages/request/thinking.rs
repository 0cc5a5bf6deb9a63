//! Writing how hard to think, and the sampling that thinking leaves free.

use serde_json::{Value, json};

use crate::{
    Losses,
    ir::{Ask, Reasoning},
};

/// Words for effort and what this dialect calls them.
const EFFORTS: [(&str, &str); 6] = [
    ("minimal", "low"),
    ("low", "low"),
    ("medium", "medium"),
    ("high", "high"),
    ("xhigh", "xhigh"),
    ("max", "max"),
];

/// The least thinking budget that is accepted, in tokens.
const BUDGET_TOKENS_MIN: u64 = 1024;

/// The least nucleus that is accepted while thinking.
const THINKING_TOP_P_MIN: f64 = 0.95;

/// The highest effort with which thinking may be off.
const EFFORT_MAX_WHEN_OFF: &str = "high";

/// What the rest of the request allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The output limit, which the budget must stay below.
    pub(super) max_tokens: u64,
    /// The model must call a tool, which excludes thinking with a budget.
    pub(super) forced_call: bool,
    /// A tool loop began without thinking, which cannot set in before the loop ends.
    pub(super) loop_without_thinking: bool,
}

/// The fields that say how hard to think.
#[derive(Debug, Default)]
pub(super) struct Thinking {
    /// `thinking`.
    pub(super) config: Option<Value>,
    /// `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// The model will think.
    pub(super) on: bool,
}

/// Chooses the fields for `reasoning`.
pub(super) fn plan(reasoning: Option<&Reasoning>, bounds: Bounds, losses: &mut Losses) -> Thinking {
    let Some(reasoning) = reasoning else {
        return Thinking::default();
    };
    let effort = reasoning.effort.as_deref().and_then(|word| effort_of(word, losses));
    if reasoning.off {
        let config = Some(json!({ "type": "disabled" }));
        return Thinking { config, effort: calm(effort, losses), on: false };
    }
    let config = match reasoning.budget_tokens {
        None => Some(adaptive(reasoning.summary)),
        Some(wanted) => budget_of(wanted, bounds, losses).map(|budget| enabled(budget, reasoning)),
    };
    let on = config.is_some();
    Thinking { config, effort, on }
}

fn effort_of(word: &str, losses: &mut Losses) -> Option<&'static str> {
    let Some((_, effort)) = EFFORTS.iter().find(|(known, _)| *known == word) else {
        losses.drop("reasoning_effort");
        return None;
    };
    if *effort != word {
        losses.downgrade("reasoning_effort");
    }
    Some(effort)
}

/// The highest efforts are refused while thinking is off.
fn calm(effort: Option<&'static str>, losses: &mut Losses) -> Option<&'static str> {
    if !matches!(effort, Some("xhigh" | "max")) {
        return effort;
    }
    losses.downgrade("reasoning_effort");
    Some(EFFORT_MAX_WHEN_OFF)
}

fn adaptive(summary: Option<bool>) -> Value {
    match summary {
        None => json!({ "type": "adaptive" }),
        Some(true) => json!({ "type": "adaptive", "display": "summarized" }),
        Some(false) => json!({ "type": "adaptive", "display": "omitted" }),
    }
}

/// With a budget, thinking is shown unless told otherwise.
fn enabled(budget: u64, reasoning: &Reasoning) -> Value {
    if reasoning.summary == Some(false) {
        return json!({ "type": "enabled", "budget_tokens": budget, "display": "omitted" });
    }
    json!({ "type": "enabled", "budget_tokens": budget })
}

/// The budget within its bounds; none where thinking is not possible at all.
fn budget_of(wanted: u64, bounds: Bounds, losses: &mut Losses) -> Option<u64> {
    let most = bounds.max_tokens.saturating_sub(1);
    if bounds.forced_call || bounds.loop_without_thinking || most < BUDGET_TOKENS_MIN {
        losses.drop("reasoning");
        return None;
    }
    let budget = wanted.clamp(BUDGET_TOKENS_MIN, most);
    if budget != wanted {
        losses.downgrade("reasoning.budget_tokens");
    }
    Some(budget)
}

/// The sampling fields.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    /// At most 1.
    pub(super) temperature: Option<f64>,
    /// Nucleus mass.
    pub(super) top_p: Option<f64>,
    /// The k likeliest tokens.
    pub(super) top_k: Option<u64>,
}

/// The sampling that the deployment `accepts` while `thinking` or not.
pub(super) fn sampling(ask: &Ask, accepts: bool, thinking: bool, losses: &mut Losses) -> Sampling {
    let temperature = ask.temperature.map(|wanted| wanted.min(1.0));
    let allowed = |while_thinking: bool| accepts && (!thinking || while_thinking);
    let wanted_top_p = ask.top_p.unwrap_or(1.0);
    let sampling = Sampling {
        temperature: temperature.filter(|value| allowed(*value >= 1.0)),
        top_p: ask.top_p.filter(|_| allowed(wanted_top_p >= THINKING_TOP_P_MIN)),
        top_k: ask.top_k.filter(|_| allowed(false)),
    };
    for (field, dropped) in [
        ("temperature", ask.temperature.is_some() && sampling.temperature.is_none()),
        ("top_p", ask.top_p.is_some() && sampling.top_p.is_none()),
        ("top_k", ask.top_k.is_some() && sampling.top_k.is_none()),
    ] {
        if dropped {
            losses.drop(field);
        }
    }
    if sampling.temperature.is_some() && sampling.temperature != ask.temperature {
        losses.downgrade("temperature");
    }
    sampling
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Bounds =
        Bounds { max_tokens: 8192, forced_call: false, loop_without_thinking: false };

    fn reasoning(effort: Option<&str>, budget_tokens: Option<u64>, off: bool) -> Reasoning {
        Reasoning { off, effort: effort.map(str::to_owned), budget_tokens, summary: None }
    }

    #[test]
    fn effort_budget_and_off_have_their_fields() {
        let adaptive = json!({"type": "adaptive"});
        let disabled = json!({"type": "disabled"});
        let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
        let cases = [
            (reasoning(Some("high"), None, false), Some(&adaptive), Some("high"), ""),
            (
                reasoning(Some("minimal"), None, false),
                Some(&adaptive),
                Some("low"),
                "downgrade:reasoning_effort",
            ),
            (reasoning(Some("odd"), None, false), Some(&adaptive), None, "drop:reasoning_effort"),
            (reasoning(None, None, true), Some(&disabled), None, ""),
            (
                reasoning(Some("max"), None, true),
                Some(&disabled),
                Some("high"),
                "downgrade:reasoning_effort",
            ),
            (reasoning(None, Some(2000), false), Some(&budget(2000)), None, ""),
            (
                reasoning(None, Some(10), false),
                Some(&budget(1024)),
                None,
                "downgrade:reasoning.budget_tokens",
            ),
            (
                reasoning(None, Some(9000), false),
                Some(&budget(8191)),
                None,
                "downgrade:reasoning.budget_tokens",
            ),
        ];
        for (reasoning, config, effort, lost) in cases {
            let mut losses = Losses::default();
            let thinking = plan(Some(&reasoning), FREE, &mut losses);
            assert_eq!(thinking.config.as_ref(), config, "{reasoning:?}");
            assert_eq!(thinking.effort, effort, "{reasoning:?}");
            assert_eq!(losses.to_string(), lost, "{reasoning:?}");
        }
    }

    #[test]
    fn a_budget_gives_way_where_thinking_is_not_possible() {
        for bounds in [
            Bounds { forced_call: true, ..FREE },
            Bounds { loop_without_thinking: true, ..FREE },
            Bounds { max_tokens: 1024, ..FREE },
        ] {
            let mut losses = Losses::default();
            let thinking = plan(Some(&reasoning(None, Some(2048), false)), bounds, &mut losses);
            assert!(thinking.config.is_none() && !thinking.on);
            assert_eq!(losses.to_string(), "drop:reasoning");
            let adaptive = plan(Some(&reasoning(Some("low"), None, false)), bounds, &mut losses);
            assert!(adaptive.on, "adaptive thinking excludes nothing");
        }
    }

    #[test]
    fn sampling_is_clamped_dropped_or_kept() {
        let ask =
            Ask { temperature: Some(1.5), top_p: Some(0.5), top_k: Some(9), ..Ask::default() };
        for (accepts, thinking, lost) in [
            (true, false, "downgrade:temperature"),
            (true, true, "drop:top_p, drop:top_k, downgrade:temperature"),
            (false, false, "drop:temperature, drop:top_p, drop:top_k"),
        ] {
            let mut losses = Losses::default();
            let sampling = sampling(&ask, accepts, thinking, &mut losses);
            assert_eq!(sampling.temperature, accepts.then_some(1.0));
            assert_eq!(losses.to_string(), lost);
        }
    }
}
